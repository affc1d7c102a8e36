"""Incremental compilation: results kept from one compilation of a project to the next, and when they still hold.

While a result is made, every lookup by name, found or not, passes through :meth:`Reads.note`.  The result is kept under
a name with the *source* that it was made from and with what it has read.  It is used again if the source is the very
same objects and every read still has an equal answer.  Only reads whose answer may have changed are asked again: what
those are is a :data:`Lookups` (:mod:`bamlvm.compiler.surface` makes it).  A result with diagnostics is never kept: what
they suggest may depend on anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from bamlvm.compiler.uses import Gap, Noted, Symbol, Use
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic

T = TypeVar("T")

Read: TypeAlias = tuple[str, tuple[Any, ...]]
"""A kind of lookup and its arguments; the first argument is a name."""


NO_NAMES: Mapping[str, Any] = {}


class Reads:
    """Records lookups while something is being made."""

    def __init__(self, *, record_uses: bool = False) -> None:
        self._noted: dict[Read, Any] | None = None
        self.uses: list[Noted] | None = [] if record_uses else None
        """What names were found to mean, if that is recorded; :class:`Memo` takes out what is noted while it makes."""

    def begin(self) -> dict[Read, Any] | None:
        """Begin a recording; return the enclosing one, which :meth:`end` takes."""
        outer, self._noted = self._noted, {}
        return outer

    def end(self, outer: dict[Read, Any] | None) -> dict[Read, Any]:
        """End a recording and return it; what it holds counts as read by the enclosing one too."""
        noted, self._noted = self._noted, outer
        assert noted is not None
        if outer is not None:
            outer.update(noted)
        return noted

    def refer(
        self, declaration: syntax.Declaration, start: int, end: int, symbol: Symbol | None, value: Any = None
    ) -> None:
        """Record that a name in an item means ``symbol``, if that is known."""
        if self.uses is not None and symbol is not None:
            self.uses.append(Use(declaration, start, end, symbol, value))

    def miss(
        self, declaration: syntax.Declaration, start: int, end: int, owner: Any, visible: Mapping[str, Any] = NO_NAMES
    ) -> None:
        """Record that a name in an item means nothing."""
        if self.uses is not None:
            self.uses.append(Gap(declaration, start, end, owner, visible))

    def note(self, kind: str, arguments: tuple[Any, ...], result: T) -> T:
        """Record a lookup; return its result."""
        if self._noted is not None:
            self._noted[kind, arguments] = result
        return result


class Lookup(NamedTuple):
    """The function that answers one kind of read, and the names whose answer may have changed (None for all)."""

    ask: Callable[..., Any]
    names: Set[str] | None = None


Lookups: TypeAlias = Mapping[str, Lookup]
"""Lookups by kind of read; a kind that is missing has not changed."""


class Answers(NamedTuple):
    """The reads of one kind: their names, and their answers by arguments."""

    names: frozenset[str]
    by_arguments: Mapping[tuple[Any, ...], Any]


class Kept(NamedTuple, Generic[T]):
    """A result, the source that it was made from, its reads by kind, and what names in the source mean."""

    source: tuple[object, ...]
    reads: Mapping[str, Answers]
    result: T
    uses: tuple[Noted, ...] = ()


class Memo(Generic[T]):
    """Kept results of one kind of work, by name."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept[T]] = {}
        self._used: dict[str, Kept[T]] = {}
        self._uses: list[tuple[Noted, ...]] = []
        self.uses: list[tuple[Noted, ...]] = []
        """What was noted while the results of the last turn were made."""

    def find(self, name: str, source: tuple[object, ...], lookups: Lookups) -> Kept[T] | None:
        """Return what is kept for ``name`` if it still holds, else None."""
        kept = self._kept.get(name)
        if kept is None or not _same(kept.source, source) or (lookups and not _holds(kept.reads, lookups)):
            return None
        self._used[name] = kept
        if kept.uses:
            self._uses.append(kept.uses)
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
        """Call ``make`` and return its result, kept if it reports nothing.

        ``own`` are reads that the work answers itself (throws sets inside a group of functions that call each other).
        """
        before = len(diagnostics)
        outer = reads.begin()
        uses, reads.uses = reads.uses, [] if reads.uses is not None else None
        made = make()
        own_uses, reads.uses = tuple(reads.uses or ()), uses
        noted = reads.end(outer)
        by_kind: dict[str, dict[tuple[Any, ...], Any]] = {}
        for read, value in noted.items():
            if read not in own:
                by_kind.setdefault(read[0], {})[read[1]] = value
        answers = {
            kind: Answers(frozenset(arguments[0] for arguments in found), found) for kind, found in by_kind.items()
        }
        kept = Kept(source, answers, made, own_uses)
        if own_uses:
            self._uses.append(own_uses)
        if len(diagnostics) == before:
            self._used[name] = kept
        return kept

    def turn(self) -> None:
        """End a compilation: forget what it did not use."""
        self._kept, self._used = self._used, {}
        self.uses, self._uses = self._uses, []


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
