"""``docs/faults.md``: the fault table as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.streaming.faults.outcomes import HALF, Fault, Outcome
from tests.streaming.faults.table import STREAMED, UNSTREAMED
from tests.streaming.faults.tools_table import TOOL_FAULTS
from tests.streaming.faults.wires import TEXT, WIRES

_INTRODUCTION = """\
# What a host sees when things go wrong

Every way in which a server can misbehave, and what your code sees of it. This page is generated (`make docs`) from
the table that `tests/streaming/faults` holds against a server which
misbehaves byte by byte, for the wire formats {wires}.
The answer asked for is "{text}"; *half* of it is "{half}".

Each row is one way to misbehave. *Attempt* is how the attempt that meets it ends, *received* what of the answer had
come by then: it is in the attempt's record and in the error, and what a host was shown of it is a beginning of it.
The other columns are what the call comes to:

- **single**: a client without a retry policy. "Fails: X" is `AllAttemptsFailed` with that one attempt in it.
- **retry**: with one retry, whose answer is good unless the fault is the address itself.
- **fallback**: with a second client after the first. The host is told that attempt 1 failed and attempt 2 started
  before the next partial value comes; every partial value says which attempt it is of.
- **round-robin** takes one client per call: a call whose turn it is ends as under *single*, the next call asks the next
  client.

After each call the handle table is empty, and the server sees every connection closed that is not kept whole for the
next request. A clock's error names the clock, its limit and the time that passed.
"""


_TOOLS = """\
A function that returns a union of two classes, or a list of it, of a client with `output_mode "tool"`. What fails is
retried as any failure is, and is the same for a streamed answer and a whole one.
"""


def text() -> str:
    """The page."""
    introduction = _INTRODUCTION.format(wires=", ".join(f"`{name}`" for name in WIRES), text=TEXT, half=HALF)
    parts = [introduction]
    for group, faults in STREAMED.items():
        parts.append(f"## Streamed: {group[0].lower()}{group[1:]}\n\n{_table(faults)}")
    parts.append(f"## Not streamed\n\n{_table(UNSTREAMED)}")
    parts.append(f"## Tool calls\n\n{_TOOLS}\n{_tools()}")
    return "\n".join(parts)


def _tools() -> str:
    lines = ["| The answer | the attempt |", "|---|---|"]
    for fault in TOOL_FAULTS:
        outcome = "succeeds" if fault.error is None else f"`{fault.error[0]}`"
        note = f" (not {', '.join(fault.not_for)})" if fault.not_for else ""
        lines.append(f"| {fault.title}{note} | {outcome} |")
    return "\n".join(lines) + "\n"


def _table(faults: Sequence[Fault]) -> str:
    lines = [
        "| The server (or the client) | attempt | received | single | retry | fallback |",
        "|---|---|---|---|---|---|",
    ]
    lines += [line for fault in faults for line in _rows(fault)]
    return "\n".join(lines) + "\n"


def _rows(fault: Fault) -> Iterator[str]:
    """A row for each way in which wire formats differ."""
    outcomes: list[tuple[Outcome, list[str]]] = []
    for name, wire in WIRES.items():
        if not fault.concerns(wire):
            continue
        outcome = fault.of(wire)
        for known, names in outcomes:
            if known == outcome:
                names.append(name)
                break
        else:
            outcomes.append((outcome, [name]))
    for outcome, names in outcomes:
        note = "" if len(outcomes) == 1 else f" ({', '.join(names)})"
        cells = [f"{fault.title}{note}", _attempt(outcome), _received(outcome), *_calls(fault, outcome)]
        yield f"| {' | '.join(cells)} |"


def _attempt(outcome: Outcome) -> str:
    if outcome.error is None:
        return "succeeds"
    facts = outcome.facts
    detail = facts.get("clock") or facts.get("status_code")
    return f"`{outcome.error}`" + (f" ({detail})" if detail else "")


def _received(outcome: Outcome) -> str:
    known = {TEXT: "all", HALF: "half", "": "nothing", TEXT * 2: "all, twice"}
    return known[outcome.text]


def _calls(fault: Fault, outcome: Outcome) -> tuple[str, str, str]:
    error = outcome.error
    if error is None:
        given = "what was received" if outcome.text != TEXT else "the answer"
        return given, given, given
    if not outcome.retried:
        retry = f"fails: {error}, no retry"
    elif not fault.is_answer:
        retry = f"fails: {error}, {error}"
    else:
        retry = "the second answer"
    return f"fails: {error}", retry, "the second client's answer"
