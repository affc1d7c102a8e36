"""Reports: diagnostics about one item, whose offsets become spans of its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bamlvm.grammar.diagnostics import Diagnostic, Label, Severity
from bamlvm.grammar.source import Span


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
    """Reports about one item, which begins at ``offset`` in ``file``, into a shared list."""

    def __init__(self, file: str, offset: int, into: list[Diagnostic]) -> None:
        self.file = file
        self.offset = offset
        self.has_errors = False
        self._into = into

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
        self._into.append(Diagnostic(code, severity, message, self.span(start, end), tuple(labels), hint))

    def warning(self, code: str, where: Located | tuple[int, int], message: str, hint: str | None = None) -> None:
        """Report what does not keep the program from running."""
        self.error(code, where, message, hint, severity="warning")


def name_range(node: Named) -> tuple[int, int]:
    """Return the offsets of a declaration's name."""
    return node.name_start, node.name_start + len(node.name)
