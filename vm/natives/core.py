"""Natives of the namespaces ``baml`` and ``baml.unstable`` that belong to no type."""

from __future__ import annotations

from typing import Final, NoReturn

from bamlvm.vm.equality import deep_copy, deep_equals
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display, show
from bamlvm.vm.values import panic

NATIVES: Final = NativeTable(
    {
        "baml.deep_copy": deep_copy,
        "baml.deep_equals": deep_equals,
        "baml.to_string": display,
        "baml.unstable.string": show,
    }
)


_LONGEST_RANGE: Final = 10_000_000


@NATIVES.native("baml.range")
def range_(start: int, end: int) -> list[int]:
    """Return the integers from ``start`` to before ``end``."""
    if end - start > _LONGEST_RANGE:
        raise panic("UserPanic", f"a range of more than {_LONGEST_RANGE} integers")
    return list(range(start, end))


@NATIVES.native("baml.panic")
def user_panic(message: str) -> NoReturn:
    """Panic with the program's own message."""
    raise panic("UserPanic", message)
