"""Results kept from one compilation of a project to the next.

A result is kept under a name with the *source* that it was made from and what it has read of the project
(:mod:`bamlvm.compiler.reads`).  It is used again if the source is the very same objects and every read still gives an
equal answer.  A result with diagnostics is never kept: what they suggest may depend on anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from bamlvm.compiler.reads import Read, Reads
from bamlvm.grammar.diagnostics import Diagnostic

T = TypeVar("T")

Lookups = Mapping[str, Callable[..., Any]]
"""How each kind of read is asked again; a kind that is missing is known not to have changed."""


class _Kept(NamedTuple):
    source: tuple[object, ...]
    reads: Mapping[str, list[tuple[tuple[Any, ...], Any]]]
    result: Any


class Memo(Generic[T]):
    """Kept results of one kind of work, by name."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._used: dict[str, _Kept] = {}

    def get(
        self,
        name: str,
        source: tuple[object, ...],
        reads: Reads,
        lookups: Lookups,
        diagnostics: list[Diagnostic],
        make: Callable[[], T],
        own: frozenset[Read] = frozenset(),
    ) -> T:
        """The kept result for ``name`` if it still holds, else what ``make`` gives, kept if it reports nothing.

        ``own`` are reads that the work answers itself (throws sets inside a group of functions that call each other).
        """
        kept = self._kept.get(name)
        if kept is not None and _same(kept.source, source) and _holds(kept.reads, lookups):
            self._used[name] = kept
            result: T = kept.result
            return result
        before = len(diagnostics)
        outer = reads.begin()
        made = make()
        noted = reads.end(outer)
        if len(diagnostics) == before:
            for read in own:
                noted.pop(read, None)
            by_kind: dict[str, list[tuple[tuple[Any, ...], Any]]] = {}
            for (kind, arguments), value in noted.items():
                by_kind.setdefault(kind, []).append((arguments, value))
            self._used[name] = _Kept(source, by_kind, made)
        return made

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


def _holds(reads: Mapping[str, list[tuple[tuple[Any, ...], Any]]], lookups: Lookups) -> bool:
    for kind, lookup in lookups.items():
        for arguments, value in reads.get(kind, ()):
            now = lookup(*arguments)
            if now is not value and now != value:
                return False
    return True
