"""The examples of the diagnostics: what each code means, and a program that shows it.

``tests/diagnostics/E0001.baml`` (or ``E0001_something.baml``, for a second one) begins with a comment that explains the
code, for people, in Markdown.  The program is what follows.  It marks each line that is reported with the code in a
comment at its end, or on a line of its own before it.  ``docs/diagnostics.md`` is made of these files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bamlvm
from bamlvm.grammar.diagnostics import CODES
from bamlvm.tools.reports import report

FOLDER = Path(__file__).parent
FILE = "main.baml"

_MARK = re.compile(r"(?://|\{#) (E\d{4})(?: #\})?$")


class Example(NamedTuple):
    """``marks`` are the expected diagnostics: line (from 1) and code."""

    name: str
    code: str
    explanation: str
    program: str
    marks: tuple[tuple[int, str], ...]


def examples() -> list[Example]:
    """All of them, in the order of their codes."""
    return [_read(path) for path in sorted(FOLDER.glob("*.baml"))]


def _read(path: Path) -> Example:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = next((number for number, line in enumerate(lines) if not line.startswith("//")), len(lines))
    explanation = "\n".join(line.removeprefix("//").strip() for line in lines[:head])
    program = lines[head + 1 :]
    marks = []
    for number, line in enumerate(program, 1):
        if found := _MARK.search(line):
            alone = line.strip() == found[0]
            marks.append((number + alone, found[1]))
    return Example(path.stem, path.stem[:5], explanation, "\n".join(program) + "\n", tuple(marks))


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
is none.""",
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

This page is made from `tests/diagnostics/` by `make docs`."""
