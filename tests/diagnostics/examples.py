"""``docs/diagnostics.md``: what each code means, with the programs of :mod:`bamlvm.tools.explain`."""

from __future__ import annotations

from collections.abc import Iterator

import bamlvm
from bamlvm.grammar.diagnostics import CODES
from bamlvm.tools.explain import FILE, Example, examples
from bamlvm.tools.reports import report


def page() -> str:
    """``docs/diagnostics.md``."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield from _HEAD.splitlines()
    by_code: dict[str, list[Example]] = {}
    for example in examples():
        by_code.setdefault(example.code, []).append(example)
    for code, title in CODES.items():
        shown = [(example, bamlvm.check({FILE: example.program})) for example in by_code.get(code, ())]
        severities = {each.severity for _, checked in shown for each in checked.diagnostics if each.code == code}
        yield from ("", f"## {code}", "", f"**{title}** ({' or '.join(sorted(severities))})")
        for example, checked in shown:
            yield from ("", example.explanation, "", "```baml", *example.program.splitlines(), "```")
            yield from ("", "```text", *checked.render().splitlines()[:-2], "```")
    yield from _for_programs(by_code["E0011"][0])
    yield ""


def _for_programs(example: Example) -> Iterator[str]:
    """What other programs are given, shown with an example that has a label."""
    checked = bamlvm.check({FILE: example.program})
    yield from ("", *_FOR_PROGRAMS.splitlines())
    for form, intro in _FORMS.items():
        if form != "sarif":
            language = "json" if form == "json" else "text"
            shown = report(checked.diagnostics, checked.sources, form).splitlines()
            yield from ("", *intro.splitlines(), "", f"```{language}", *shown, "```")
        else:
            yield from ("", *intro.splitlines())


_FOR_PROGRAMS = """\
## For other programs

`bamlvm check --format …` writes one document about all programs to stdout; a file that cannot be read is
reported on stderr. Lines and columns are from 1, columns count Unicode scalars, and an end is the place behind the last
character. The exit code is the same in every format: 0 without errors, 3 with some, 4 if a file could not be read. In
Python, `bamlvm.check(source)` returns the diagnostics as objects, and
`bamlvm.tools.reports.report(diagnostics, sources, form)` these texts."""

_FORMS = {
    "json": """\
`json`: one object. Keys may be added; what is there keeps its meaning, or `version` changes. `hint` is null where there
is none; where there is one obvious mend, `fix` has its edits, each with `text` for the range from `start` to `end`.""",
    "github": """\
`github`: workflow commands, which GitHub shows beside the lines of a pull request. A diagnostic over several lines has
no columns.""",
    "sarif": """\
`sarif`: SARIF 2.1.0 with a rule for each code, for code scanning. Labels are `relatedLocations`; paths are as they were
given on the command line.""",
}

_HEAD = """\
# Diagnostics

What `bamlvm check` (and every other command that compiles) may report, by code: what it means, what to do about it, and
a program that shows it. An error keeps the program from running; a warning does not. One run reports everything that it
can find: a mistake in one declaration does not hide those in others.

Each is shown with its place, an excerpt, labels at other places that have to do with it, and a hint where one is known.
`bamlvm check --format json|github|sarif` gives the same [to other programs](#for-other-programs).

`bamlvm explain E0062` shows the same. This page is made from `tools/explanations/` by `make docs`."""
