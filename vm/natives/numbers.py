"""Methods of numbers and booleans."""

from __future__ import annotations

from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display, float_text
from bamlvm.vm.values import I64_MIN, panic

NATIVES: Final = NativeTable(
    {
        "baml.Int.to_string": str,
        "baml.Float.to_string": float_text,
        "baml.Float.abs": abs,
        "baml.Bool.to_string": display,
    }
)


@NATIVES.native("baml.Int.abs")
def int_abs(number: int) -> int:
    """Return the number without its sign; panics for the least integer, whose result is out of range."""
    if number == I64_MIN:
        raise panic("IntegerOverflow", "integer overflow in `abs`")
    return abs(number)
