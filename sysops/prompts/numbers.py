"""Arithmetic of templates where MiniJinja's, which the official runtime renders with, is not Python's.

``//`` and ``%`` are Euclidean: the rest is never negative, but of floats it has the dividend's sign.  Rounding takes
halves away from zero.
"""

from __future__ import annotations

import math
from typing import Any


def quotient(left: Any, right: Any) -> Any:
    """Return ``left // right``.  Raises :class:`TypeError` if they are not numbers."""
    _numbers("//", left, right)
    if isinstance(left, float) or isinstance(right, float):
        whole = float(math.trunc(left / right))
        return whole if math.fmod(left, right) >= 0 else whole - math.copysign(1, right)
    return (left - left % abs(right)) // right


def modulo(left: Any, right: Any) -> Any:
    """Return ``left % right``.  Raises :class:`TypeError` if they are not numbers."""
    _numbers("%", left, right)
    return math.fmod(left, right) if isinstance(left, float) or isinstance(right, float) else left % abs(right)


def round_half_away(value: float, precision: int) -> float:
    """Round a finite float to ``precision`` decimal places."""
    factor = 10.0**precision
    scaled = abs(value) * factor
    if not math.isfinite(scaled) or factor == 0:
        return value
    whole = math.floor(scaled)
    return math.copysign((whole + (scaled - whole >= 0.5)) / factor, value)


def _numbers(operator: str, *operands: Any) -> None:
    for each in operands:
        if not isinstance(each, (int, float)):
            raise TypeError(f"`{operator}` takes numbers, not {_described(each)}")


def _described(value: Any) -> str:
    return "null" if value is None else f"a {'text' if isinstance(value, str) else type(value).__name__}"
