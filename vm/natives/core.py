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


@NATIVES.native("baml.panic")
def user_panic(message: str) -> NoReturn:
    """Panic with the program's own message."""
    raise panic("UserPanic", message)
