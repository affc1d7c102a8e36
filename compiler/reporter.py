"""Collecting diagnostics: offsets within an item become spans of its file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
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


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``name`` may be a misspelling of: the same but for upper and lower case, one slip of the
    keyboard away (in names of three letters or more), or with most of it in common."""
    return _nearest(name, tuple(sorted(candidates)))


@lru_cache(maxsize=64)  # one misspelt name tends to be reported wherever it stands
def _nearest(name: str, ordered: tuple[str, ...]) -> str | None:
    folded = name.casefold()
    for candidate in ordered:
        if candidate.casefold() == folded:
            return candidate
    if len(name) > 2:
        for candidate in ordered:
            if _one_slip_apart(name, candidate):
                return candidate
    close = difflib.get_close_matches(name, ordered, n=1, cutoff=0.7)
    return close[0] if close else None


def _one_slip_apart(one: str, other: str) -> bool:
    """Whether one letter was left out, added or replaced, or two neighbours were exchanged."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    left, right = one[same:], other[same:]
    exchanged = left[1::-1] == right[:2] and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or exchanged


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint that names the nearest candidate, if one is near."""
    found = nearest(name, candidates)
    return f"did you mean `{found}`?" if found else None
