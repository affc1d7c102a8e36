"""Reports: diagnostics about one item, whose offsets become spans of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from bamlvm.grammar.diagnostics import Diagnostic, Edit, Label, Severity
from bamlvm.grammar.source import Span
from bamlvm.vm.program.spelling import Suggestion


class Located(Protocol):
    """Anything with a range of its item's text: nodes of the tree and of the hir."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Named(Protocol):
    """Anything declared under a name."""

    @property
    def name(self) -> str: ...
    @property
    def name_start(self) -> int: ...


class Reporter:
    """Reports about one item, which begins at ``offset`` in ``file`` and has the text ``text``, into a shared list.

    A hint that is a :class:`bamlvm.vm.program.spelling.Suggestion` is also a fix, if what it replaces is once in the
    range that is reported.
    """

    def __init__(self, file: str, offset: int, text: str, into: list[Diagnostic]) -> None:
        self.file = file
        self._text = text
        self.offset = offset
        self.has_errors = False
        self._into = into

    @property
    def count(self) -> int:
        """How many diagnostics are in the shared list so far."""
        return len(self._into)

    def span(self, start: int, end: int) -> Span:
        return Span(self.file, self.offset + start, self.offset + end)

    def label(self, start: int, end: int, message: str) -> Label:
        return Label(self.span(start, end), message)

    def error(
        self,
        code: str,
        where: Located | tuple[int, int],
        message: str,
        hint: str | None = None,
        labels: Iterable[Label] = (),
        severity: Severity = "error",
    ) -> None:
        """Report what keeps the program from running; ``where`` is a node, or offsets within the item."""
        self.has_errors |= severity == "error"
        start, end = where if isinstance(where, tuple) else (where.start, where.end)
        fix: tuple[Edit, ...] = ()
        if isinstance(hint, Suggestion):
            fix, hint = self._fix(hint, start, end), str(hint)
        self._into.append(Diagnostic(code, severity, message, self.span(start, end), tuple(labels), hint, fix))

    def _fix(self, hint: Suggestion, start: int, end: int) -> tuple[Edit, ...]:
        written = self._text[start:end]
        places = [0] if written == hint.name else _places(hint.name, written)
        if len(places) != 1:
            return ()
        at = start + places[0]
        return (Edit(self.span(at, at + len(hint.name)), hint.replacement),)

    def warning(self, code: str, where: Located | tuple[int, int], message: str, hint: str | None = None) -> None:
        """Report what does not keep the program from running."""
        self.error(code, where, message, hint, severity="warning")


def _places(name: str, text: str) -> list[int]:
    """Return where a name is in a text as a word of its own."""
    return [each.start() for each in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)] if name else []


def name_range(node: Named) -> tuple[int, int]:
    """Return the offsets of a declaration's name."""
    return node.name_start, node.name_start + len(node.name)
