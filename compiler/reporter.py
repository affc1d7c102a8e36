"""Collecting diagnostics: offsets within an item become spans of its file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bamlvm.grammar.diagnostics import Diagnostic, Label, Severity
from bamlvm.grammar.source import Span


class Placed(Protocol):
    """Anything with a place: nodes of the tree and of the hir."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Reporter:
    """Reports about one item, standing at ``offset`` in ``file``, into a shared list."""

    def __init__(self, file: str, offset: int, into: list[Diagnostic]) -> None:
        self.file = file
        self.offset = offset
        self._into = into

    def span(self, start: int, end: int) -> Span:
        return Span(self.file, self.offset + start, self.offset + end)

    def label(self, start: int, end: int, message: str) -> Label:
        return Label(self.span(start, end), message)

    def error(
        self,
        code: str,
        where: Placed | tuple[int, int],
        message: str,
        hint: str | None = None,
        labels: Iterable[Label] = (),
    ) -> None:
        self._report("error", code, where, message, hint, labels)

    def warning(
        self,
        code: str,
        where: Placed | tuple[int, int],
        message: str,
        hint: str | None = None,
        labels: Iterable[Label] = (),
    ) -> None:
        self._report("warning", code, where, message, hint, labels)

    def _report(
        self,
        severity: Severity,
        code: str,
        where: Placed | tuple[int, int],
        message: str,
        hint: str | None,
        labels: Iterable[Label],
    ) -> None:
        start, end = where if isinstance(where, tuple) else (where.start, where.end)
        self._into.append(Diagnostic(code, severity, message, self.span(start, end), tuple(labels), hint))
