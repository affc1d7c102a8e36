"""The namespace ``baml.math``.  Rounding returns an ``int`` and panics if the result is out of range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import float_text
from bamlvm.vm.values import in_i64, panic

NATIVES: Final = NativeTable()


def _rounding(name: str, function: Callable[[float], int]) -> Callable[[float], int]:
    def to_int(number: float) -> int:
        if math.isfinite(number):
            result = function(number)
            if in_i64(result):
                return result
        raise panic("IntegerOverflow", f"no integer for `{name}` of {float_text(float(number))}")

    return to_int


def half_away(number: float) -> int:
    """Return the nearest integer of a finite number, a half away from zero."""
    whole = math.trunc(number)
    return whole + int(math.copysign(1, number)) if abs(number - whole) >= 0.5 else whole


NATIVES["baml.math.trunc"] = _rounding("trunc", math.trunc)
NATIVES["baml.math.floor"] = _rounding("floor", math.floor)
NATIVES["baml.math.ceil"] = _rounding("ceil", math.ceil)
NATIVES["baml.math.round"] = _rounding("round", half_away)


@NATIVES.native("baml.math.sqrt")
def sqrt(number: float) -> float:
    """Return the square root; NaN of a negative number."""
    return math.sqrt(number) if number >= 0 else math.nan


@NATIVES.native("baml.math.min")
def least(a: Any, b: Any) -> Any:
    """Return the lesser of two numbers or strings; the first of equal ones, and the other one if one is NaN."""
    return b if b < a or a != a else a


@NATIVES.native("baml.math.max")
def greatest(a: Any, b: Any) -> Any:
    """Return the greater of two numbers or strings; the first of equal ones, and the other one if one is NaN."""
    return b if b > a or a != a else a
