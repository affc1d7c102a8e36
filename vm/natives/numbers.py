"""Methods of numbers and booleans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from bamlvm.vm.natives.math import half_away
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display, float_text
from bamlvm.vm.values import I64_MIN, in_i64, panic

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


@NATIVES.native("baml.Int.pow")
def int_pow(number: int, exponent: int) -> int:
    """Return a power without its fraction; panics if it is out of range, or infinite."""
    if exponent < 0:
        if number == 0:
            raise panic("DivisionByZero", "a negative power of zero")
        return number ** (-exponent & 1) if abs(number) == 1 else 0
    if abs(number) <= 1 or exponent <= 63:
        result: int = number**exponent
        if in_i64(result):
            return result
    raise panic("IntegerOverflow", "integer overflow in `pow`")


@NATIVES.native("baml.Float.pow")
def float_pow(number: float, exponent: float) -> float:
    """Return a power by the rules of IEEE 754: infinite if it is too great, NaN if it is no real number."""
    try:
        return math.pow(number, exponent)
    except OverflowError:
        return -math.inf if number < 0 and math.fmod(exponent, 2) else math.inf
    except ValueError:  # a root of a negative number, or zero to a negative power
        if number != 0:
            return math.nan
        return math.copysign(math.inf, number) if abs(math.fmod(exponent, 2)) == 1 else math.inf


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    def rounded(number: float) -> float:
        return math.copysign(float(function(number)), number) if math.isfinite(number) else number

    return rounded


NATIVES["baml.Float.floor"] = _whole(math.floor)
NATIVES["baml.Float.ceil"] = _whole(math.ceil)
NATIVES["baml.Float.trunc"] = _whole(math.trunc)
NATIVES["baml.Float.round"] = _whole(half_away)
