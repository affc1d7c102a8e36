"""What each diagnostic's code means: for ``bamlvm explain``, and for ``docs/diagnostics.md``.

``explanations/E0001.baml`` (or ``E0001_something.baml``, for a second example) begins with a comment that explains the
code, for people, in Markdown.  The program is what follows.  It marks each line that is reported with the code in a
comment at its end, or on a line of its own before it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from bamlvm.checking import check
from bamlvm.errors import HostError
from bamlvm.grammar.diagnostics import CODES
from bamlvm.vm.program.spelling import did_you_mean

FILE: Final = "main.baml"

_FOLDER: Final = Path(__file__).parent / "explanations"
_MARK: Final = re.compile(r"(?://|\{#) (E\d{4})(?: #\})?$")


class Example(NamedTuple):
    """A program that shows a code.  ``marks`` are the expected diagnostics: line (from 1) and code."""

    name: str
    code: str
    explanation: str
    program: str
    marks: tuple[tuple[int, str], ...]


def examples(code: str = "") -> list[Example]:
    """Return the examples of a code, by default of all, in the order of their codes."""
    return [_read(path) for path in sorted(_FOLDER.glob(f"{code}*.baml"))]


def explain(code: str) -> str:
    """Return what a code means, with examples and what is reported of them.

    Raises :class:`bamlvm.HostError` for a code that does not exist.
    """
    name = code.upper()
    if name not in CODES:
        hint = did_you_mean(name, CODES)
        raise HostError(f"no diagnostic has the code {code!r}" + (f" ({hint})" if hint else ""))
    parts = [f"{name}: {CODES[name]}"]
    for example in examples(name):
        reported = check({FILE: example.program}).render().rstrip()
        program = "\n".join(f"    {line}".rstrip() for line in example.program.splitlines())
        parts += [example.explanation, program, reported.rpartition("\n\n")[0]]
    return "\n\n".join(parts) + "\n"


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
