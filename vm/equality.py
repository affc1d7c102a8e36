"""Equality and copying of values by content, of any depth and with any cycle: both keep a stack of their own.

Two values are equal when they are of one type and, as scalars, equal (so ``1``, ``1.0`` and ``true`` differ, and NaN
equals nothing, not even itself); or are lists of equal items, maps of equal entries in any order, or instances of one
class with equal fields.  Function values and resource handles are equal only to themselves.  A pair of containers that
is being compared already counts as equal, so cycles of the same shape are equal.
"""

from __future__ import annotations

from itertools import islice
from operator import eq
from typing import Any

from bamlvm.vm.values import Instance
from bamlvm.vm.work import FREE, PIECE, Lengthy, Work, compares, later, whole

_CONTAINERS = frozenset({list, dict, Instance})


def deep_equals(a: Any, b: Any) -> bool:
    """Whether two values are equal by content."""
    return whole(deep_equals_at_once, a, b)


def deep_equals_at_once(a: Any, b: Any) -> bool:
    """Whether two values are equal by content.  Raises :class:`~bamlvm.vm.work.Lengthy` for large ones."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is str and len(a) == len(b) and a is not b and compares(a, b):
        raise Lengthy(later(eq, a, b))
    if kind not in _CONTAINERS:
        return bool(a == b)
    work = comparison(a, b)
    try:
        next(work)
    except StopIteration as end:
        return bool(end.value)
    raise Lengthy(work)  # it has compared a piece, and goes on from there


def comparison(a: Any, b: Any) -> Work[bool]:
    """Return whether two containers are equal by content."""
    kind: Any
    seen: set[tuple[int, int]] = set()
    pending: list[tuple[Any, Any]] = [(a, b)]
    left = _PAIRS
    while pending:
        left -= 1
        if left < 0:
            left = PIECE
            yield pending
        a, b = pending.pop()
        kind = type(a)
        if kind is not type(b):
            return False
        if kind not in _CONTAINERS:
            if kind is str and len(a) == len(b) and compares(a, b):
                yield pending
            if a != b:
                return False
            continue
        # Compared already, or being compared above: if they differ, that comparison finds it.
        pair = (id(a), id(b))
        if pair in seen:
            continue
        seen.add(pair)
        if kind is Instance:
            if a.cls is not b.cls:
                return False
            pending.extend(zip(a.fields, b.fields, strict=True))
        elif len(a) != len(b):
            return False
        elif kind is list:
            if len(a) <= PIECE:
                pending.extend(zip(a, b, strict=True))
                continue
            for place in range(0, len(a), PIECE):
                for one, other in zip(a[place : place + PIECE], b[place : place + PIECE], strict=True):
                    if type(one) is not type(other):
                        return False
                    if type(one) in _CONTAINERS or (type(one) is str and len(one) > FREE):
                        pending.append((one, other))
                    elif one != other:
                        return False
                yield pending
        else:
            entries = iter(a.items())
            while piece := list(islice(entries, PIECE)):
                for key, value in piece:
                    if type(key) is str and len(key) > FREE:
                        yield pending
                    if key not in b:
                        return False
                    pending.append((value, b[key]))
                if len(piece) == PIECE:
                    yield pending
    return True


_PAIRS = 200
"""Pairs compared at once: more is lengthy."""


def deep_copy(value: Any) -> Any:
    """Return a copy that shares no list, map or instance with the original; sharing and cycles inside it are kept.

    Function values, handles, media and enum values are not copied.
    """
    return whole(deep_copy_at_once, value)


def deep_copy_at_once(value: Any) -> Any:
    """Return :func:`deep_copy` of a value.  Raises :class:`~bamlvm.vm.work.Lengthy` for a large one."""
    if type(value) not in _CONTAINERS:
        return value
    work = copying(value)
    try:
        next(work)
    except StopIteration as end:
        return end.value
    raise Lengthy(work)


def copying(value: Any) -> Work[Any]:
    """Return the copy of a container."""
    copies: dict[int, Any] = {}
    result = _shell(value)
    copies[id(value)] = result
    pending: list[tuple[Any, Any]] = [(value, result)]

    def copied(item: Any) -> Any:
        if type(item) not in _CONTAINERS:
            return item
        copy = copies.get(id(item))
        if copy is None:
            copy = copies[id(item)] = _shell(item)
            pending.append((item, copy))
        return copy

    left = _PAIRS
    while pending:
        if left < 0:
            left = PIECE
            yield result
        original, copy = pending.pop()
        left -= 1
        if type(original) is dict:
            entries = iter(original.items())
            while piece := list(islice(entries, PIECE)):
                for key, item in piece:
                    copy[key] = copied(item)
                left -= len(piece)
                if len(piece) == PIECE:
                    yield result
        elif type(original) is list:
            left -= len(original)
            for place in range(0, len(original), PIECE):
                if place:
                    yield result
                copy.extend([copied(item) for item in original[place : place + PIECE]])
        else:
            copy.fields.extend([copied(item) for item in original.fields])
    return result


def _shell(value: Any) -> Any:
    kind = type(value)
    return Instance(value.cls, []) if kind is Instance else kind()
