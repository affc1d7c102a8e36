"""How much memory the values of a call hold: an estimate, made in pieces (:mod:`bamlvm.vm.work`).

What is reachable from the machine's frames is counted, each object once, with the sizes that CPython gives it.
What the program itself holds (constants), and what sys-ops hold for it, is not.  The driver asks for it only when the
process has grown, so that a call whose garbage is freed pays nothing, however long it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from sys import getsizeof
from typing import Any, Final

from bamlvm.vm.values import Caught, Cell, Closure, Future, Instance, Media
from bamlvm.vm.work import PIECE, Work

_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_NUMBER: Final = 32
_STRUCT: Final = 48
_LONG_TEXT: Final = 1024
"""A shorter text is counted as often as it is found: remembering it would cost as much."""


def size_of(roots: Iterable[Any], limit: int) -> Work[int]:
    """Return the bytes that values hold, or a figure above ``limit`` as soon as it is reached."""
    total = 0
    seen: set[int] = set()
    pending: list[Any] = list(roots)
    count = 0
    while pending and total <= limit:
        count += 1
        if count % PIECE == 0:
            yield None
        item = pending.pop()
        kind = type(item)
        if kind in _NUMBERS:
            total += _NUMBER
            continue
        if kind is str:
            size = getsizeof(item)
            if size >= _LONG_TEXT:
                if id(item) in seen:
                    continue
                seen.add(id(item))
            total += size
            continue
        if kind not in _PARTS or id(item) in seen:
            continue
        seen.add(id(item))
        if kind is list or kind is tuple or kind is dict:
            total += getsizeof(item)
            rest = iter(item) if kind is not dict else _entries(item)
            while total <= limit and (part := list(islice(rest, PIECE))):
                # Most parts are scalars, and are counted at once; equal small integers are one object.
                if _NUMBERS.issuperset(map(type, part)):
                    total += _NUMBER * len(set(map(id, part)))
                else:
                    pending += part
                if len(part) == PIECE:
                    yield None
        else:
            total += _STRUCT
            pending += _PARTS[kind](item)
    return total


def _entries(entries: dict[Any, Any]) -> Any:
    for pair in entries.items():
        yield from pair


_PARTS: Final[dict[type, Any]] = {
    list: None,
    tuple: None,
    dict: None,
    Instance: lambda item: (item.fields,),
    Cell: lambda item: (item.value,),
    Closure: lambda item: item.cells,
    Caught: lambda item: (item.value,),
    Media: lambda item: (item.data,),
    Future: lambda item: (item.value, item.error),
}
