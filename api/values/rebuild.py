"""Rebuilding a tree of values without recursion, so that depth costs memory and never a stack.

:func:`rebuild` visits a value's parts before the value itself.  A part met twice is rebuilt once, so what was shared
stays shared; a part that contains itself is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from bamlvm.errors import HostError

Unfolded: TypeAlias = tuple[Iterable[Any], Callable[[list[Any]], Any]]
"""A value's parts, and what makes the new value of the new parts."""

SCALARS = frozenset({str, int, float, bool, type(None)})
"""The types whose values need no rebuilding."""


class Leaf:
    """What a value without parts becomes."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def rebuild(value: Any, unfold: Callable[[Any], Unfolded | Leaf]) -> Any:
    """``value`` with every part replaced as ``unfold`` says.  Raises :class:`HostError` on a cycle."""
    if type(value) in SCALARS:
        return value
    done: dict[int, Any] = {}
    above: set[int] = set()
    keep: list[Any] = []  # ids are only good while what they name lives
    frames: list[tuple[Any, Any, list[Any], Callable[[list[Any]], Any]]] = []
    current = value
    while True:
        if type(current) in SCALARS:
            built = current
        elif id(current) in done:
            built = done[id(current)]
        elif id(current) in above:
            raise HostError(f"{_name(current)} contains itself: a cycle has no form as plain Python values")
        else:
            unfolded = unfold(current)
            keep.append(current)
            if type(unfolded) is Leaf:
                built = done[id(current)] = unfolded.value
            else:
                parts, make = unfolded  # type: ignore[misc]  # a Leaf is the case above
                above.add(id(current))
                frames.append((current, iter(parts), [], make))
                built = _NOTHING
        while True:
            if built is not _NOTHING:
                if not frames:
                    return built
                frames[-1][2].append(built)
            owner, rest, parts_built, make = frames[-1]
            current = next(rest, _NOTHING)
            if current is not _NOTHING:
                break
            frames.pop()
            above.discard(id(owner))
            built = done[id(owner)] = make(parts_built)


def all_scalars(values: Iterable[Any]) -> bool:
    """Whether no value has parts: then a container is copied whole."""
    return SCALARS.issuperset(map(type, values))


_NOTHING: Any = object()


def _name(value: Any) -> str:
    name = getattr(value, "class_name", None) or getattr(type(value), "__baml_name__", None)
    return f"a {name or type(value).__name__}"
