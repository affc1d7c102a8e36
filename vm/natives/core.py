"""Natives of the namespaces ``baml`` and ``baml.unstable`` that belong to no type."""

from __future__ import annotations

from typing import Final, NoReturn

from bamlvm.vm.equality import deep_copy_at_once, deep_equals_at_once
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display_at_once, show_at_once
from bamlvm.vm.values import panic
from bamlvm.vm.work import LONGEST_LIST, PIECE, Lengthy, Work, due, too_many

NATIVES: Final = NativeTable(
    {
        "baml.deep_copy": deep_copy_at_once,
        "baml.deep_equals": deep_equals_at_once,
        "baml.to_string": display_at_once,
        "baml.unstable.string": show_at_once,
    }
)


@NATIVES.native("baml.range")
def range_(start: int, end: int) -> list[int]:
    """Return the integers from ``start`` to before ``end``."""
    if end - start <= PIECE and not (end - start > 64 and due((end - start) << 1)):
        return list(range(start, end))
    if end - start > LONGEST_LIST:
        raise too_many()
    raise Lengthy(_range(start, end))


def _range(start: int, end: int) -> Work[list[int]]:
    made: list[int] = []
    for place in range(start, end, PIECE):
        made.extend(range(place, min(place + PIECE, end)))
        yield made
    return made


@NATIVES.native("baml.panic")
def user_panic(message: str) -> NoReturn:
    """Panic with the program's own message."""
    raise panic("UserPanic", message)
