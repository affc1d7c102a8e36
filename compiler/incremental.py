"""Results kept from one compilation of a project to the next.

A result is kept under a name with the *source* that it was made from and what it has read of the project
(:mod:`bamlvm.compiler.reads`).  It is used again if the source is the very same objects and every read still gives an
equal answer.  A result with diagnostics is never kept: what they suggest may depend on anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Generic, NamedTuple, TypeVar

from bamlvm.compiler.reads import Read, Reads
from bamlvm.grammar.diagnostics import Diagnostic

T = TypeVar("T")


class Lookup(NamedTuple):
    """How one kind of read is asked again, and the names (a read's first argument) whose answer may have changed; None
    where any may have."""

    ask: Callable[..., Any]
    names: Set[str] | None = None


Lookups = Mapping[str, Lookup]
"""The lookup of each kind of read; a kind that is missing is known not to have changed."""


class Answers(NamedTuple):
    """What was read of one kind: names, and answers by arguments."""

    names: frozenset[str]
    by_arguments: Mapping[tuple[Any, ...], Any]


class Kept(NamedTuple, Generic[T]):
    """A result, the source that it was made from, and what was read for it, by kind."""

    source: tuple[object, ...]
    reads: Mapping[str, Answers]
    result: T


class Memo(Generic[T]):
    """Kept results of one kind of work, by name."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept[T]] = {}
        self._used: dict[str, Kept[T]] = {}

    def find(self, name: str, source: tuple[object, ...], lookups: Lookups) -> Kept[T] | None:
        """What is kept for ``name``, if it still holds."""
        kept = self._kept.get(name)
        if kept is None or not _same(kept.source, source) or not (not lookups or _holds(kept.reads, lookups)):
            return None
        self._used[name] = kept
        return kept

    def make(
        self,
        name: str,
        source: tuple[object, ...],
        reads: Reads,
        diagnostics: list[Diagnostic],
        make: Callable[[], T],
        own: frozenset[Read] = frozenset(),
    ) -> Kept[T]:
        """What ``make`` gives, kept if it reports nothing.

        ``own`` are reads that the work answers itself (throws sets inside a group of functions that call each other).
        """
        before = len(diagnostics)
        outer = reads.begin()
        made = make()
        noted = reads.end(outer)
        by_kind: dict[str, dict[tuple[Any, ...], Any]] = {}
        for read, value in noted.items():
            if read not in own:
                by_kind.setdefault(read[0], {})[read[1]] = value
        answers = {
            kind: Answers(frozenset(arguments[0] for arguments in found), found) for kind, found in by_kind.items()
        }
        kept = Kept(source, answers, made)
        if len(diagnostics) == before:
            self._used[name] = kept
        return kept

    def turn(self) -> None:
        """End a compilation: what it did not use is forgotten."""
        self._kept, self._used = self._used, {}


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):  # noqa: SIM110 - twice as fast as `all` over a generator, and called for all
        if a is not b:
            return False
    return True


def _holds(reads: Mapping[str, Answers], lookups: Lookups) -> bool:
    for kind, (ask, names) in lookups.items():
        answers = reads.get(kind)
        if answers is None or (names is not None and answers.names.isdisjoint(names)):
            continue
        for arguments, value in answers.by_arguments.items():
            now = ask(*arguments)
            if now is not value and now != value:
                return False
    return True
