"""Rebuilding a tree of values without recursion: a deep tree costs memory and not Python's stack.

:func:`rebuild` visits a value's parts before the value itself.  A part met twice is rebuilt once, so that what was
shared stays shared; a part that contains itself is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any, TypeAlias

from bamlvm.errors import HostError
from bamlvm.vm.builtins import SCALARS
from bamlvm.vm.work import PIECE, Work, emptied, finish

Unfolded: TypeAlias = tuple[Iterable[Any], Callable[[list[Any]], Any]]
"""A value's parts, and the function that makes the new value of the new parts, of many in pieces."""


class Leaf:
    """The new value for a value without parts."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def rebuild(value: Any, unfold: Callable[[Any], Unfolded | Leaf]) -> Any:
    """Return ``value`` with every part replaced as ``unfold`` says.

    Raises :class:`bamlvm.HostError` if a part contains itself.
    """
    return finish(rebuilding(value, unfold))


def rebuilding(value: Any, unfold: Callable[[Any], Unfolded | Leaf | Work[Unfolded | Leaf]]) -> Work[Any]:
    """Return the same, in pieces; ``unfold`` may take a large value in pieces, too.

    Raises :class:`bamlvm.HostError` if a part contains itself.
    """
    if type(value) in SCALARS:
        return value
    done: dict[int, Any] = {}
    above: set[int] = set()
    keep: list[Any] = []  # ids are only good while what they name lives
    frames: list[tuple[Any, Any, list[Any], Callable[[list[Any]], Any]]] = []
    current = value
    left = PIECE // 8
    while True:
        # Down: the current value is either built at once, or its parts are to be built first.
        if type(current) in SCALARS:
            built = current
        elif id(current) in done:
            built = done[id(current)]
        elif id(current) in above:
            raise HostError(f"{_name(current)} contains itself: a cycle has no form as plain Python values")
        else:
            unfolded = unfold(current)
            if isinstance(unfolded, GeneratorType):
                unfolded = yield from unfolded
            keep.append(current)
            if type(current) in _SIZED:
                left -= len(current) >> 3
            if type(unfolded) is Leaf:
                built = done[id(current)] = unfolded.value
            else:
                parts, make = unfolded  # type: ignore[misc]  # a Leaf is the case above
                above.add(id(current))
                frames.append((current, iter(parts), [], make))
                built = _NOTHING
        # Up: hand what is built to the container above, until one has a part that is not built.
        while True:
            left -= 1
            if left < 0:
                left = PIECE // 8
                yield None
            if built is not _NOTHING:
                if not frames:
                    yield from emptied(done)
                    return built
                frames[-1][2].append(built)
            owner, rest, parts_built, make = frames[-1]
            current = next(rest, _NOTHING)
            if current is not _NOTHING:
                break
            frames.pop()
            above.discard(id(owner))
            built = make(parts_built)
            if isinstance(built, GeneratorType):
                built = yield from built
            done[id(owner)] = built


def all_scalars(values: Iterable[Any]) -> bool:
    """Whether no value has parts, so that their container can be copied whole."""
    return SCALARS.issuperset(map(type, values))


_NOTHING: Any = object()
_SIZED = frozenset({list, dict})


def _name(value: Any) -> str:
    name = getattr(value, "class_name", None) or getattr(type(value), "__baml_name__", None)
    return f"a {name or type(value).__name__}"
