"""Equality and copying of values by content, of any depth and with any cycle: both keep a stack of their own.

Two values are equal when they are of one type and, as scalars, equal (so ``1``, ``1.0`` and ``true`` differ, and NaN
equals nothing, not even itself); or are lists of equal items, maps of equal entries in any order, or instances of one
class with equal fields.  Function values and resource handles are equal only to themselves.  A pair of containers that
is being compared already counts as equal, so cycles of the same shape are equal.
"""

from __future__ import annotations

from typing import Any

from bamlvm.vm.values import Instance

_CONTAINERS = frozenset({list, dict, Instance})


def deep_equals(a: Any, b: Any) -> bool:
    """Whether two values are equal by content."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind not in _CONTAINERS:
        return bool(a == b)
    seen: set[tuple[int, int]] = set()
    pending: list[tuple[Any, Any]] = [(a, b)]
    while pending:
        a, b = pending.pop()
        kind = type(a)
        if kind is not type(b):
            return False
        if kind not in _CONTAINERS:
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
            pending.extend(zip(a, b, strict=True))
        else:
            for key, value in a.items():
                if key not in b:
                    return False
                pending.append((value, b[key]))
    return True


def deep_copy(value: Any) -> Any:
    """Return a copy that shares no list, map or instance with the original; sharing and cycles inside it are kept.

    Function values, handles, media and enum values are not copied.
    """
    if type(value) not in _CONTAINERS:
        return value
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

    while pending:
        original, copy = pending.pop()
        if type(original) is dict:
            for key, item in original.items():
                copy[key] = copied(item)
        elif type(original) is list:
            copy.extend([copied(item) for item in original])
        else:
            copy.fields.extend([copied(item) for item in original.fields])
    return result


def _shell(value: Any) -> Any:
    kind = type(value)
    return Instance(value.cls, []) if kind is Instance else kind()
