"""Arithmetic against other ways to compute it, and its edges by name."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bamlvm.vm.arithmetic import BINARY_FUNCTIONS, COMPARE_FUNCTIONS, UNARY_FUNCTIONS
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.values import I64_MAX, I64_MIN, Thrown

BINARY_BY_SIGN = dict(zip(BINARY, BINARY_FUNCTIONS, strict=True))
COMPARE_BY_SIGN = dict(zip(COMPARE, COMPARE_FUNCTIONS, strict=True))
UNARY_BY_SIGN = dict(zip(UNARY, UNARY_FUNCTIONS, strict=True))

EDGES = [0, 1, -1, 2, -2, 63, 64, I64_MAX, I64_MIN, I64_MAX - 1, I64_MIN + 1, 1 << 32]
INTEGERS = st.sampled_from(EDGES) | st.integers(I64_MIN, I64_MAX)
EXACT = Context(prec=60)


def outcome(function: Callable[..., Any], *operands: Any) -> Any:
    try:
        return function(*operands)
    except Thrown as thrown:
        return thrown.class_name


def in_range(value: int) -> Any:
    return value if I64_MIN <= value <= I64_MAX else "baml.panics.IntegerOverflow"


def shifted(a: int, b: int, left: bool) -> Any:
    if b < 0:
        return "baml.panics.NegativeShift"
    if left:
        return ctypes.c_int64(a * 2**b).value if b < 64 else 0
    return math.floor(Fraction(a, 2**b)) if b < 64 else (-1 if a < 0 else 0)


def quotient(a: int, b: int) -> Any:
    if b == 0:
        return "baml.panics.DivisionByZero"
    exact = EXACT.divide(Decimal(a), Decimal(b))
    return in_range(int(exact.to_integral_value(ROUND_DOWN)))


def remainder(a: int, b: int) -> Any:
    return "baml.panics.DivisionByZero" if b == 0 else int(EXACT.remainder(Decimal(a), Decimal(b)))


REFERENCE: dict[str, Callable[[int, int], Any]] = {
    "+": lambda a, b: in_range(a + b),
    "-": lambda a, b: in_range(a - b),
    "*": lambda a, b: in_range(a * b),
    "/": quotient,
    "%": remainder,
    "&": lambda a, b: ctypes.c_int64(ctypes.c_uint64(a).value & ctypes.c_uint64(b).value).value,
    "|": lambda a, b: ctypes.c_int64(ctypes.c_uint64(a).value | ctypes.c_uint64(b).value).value,
    "^": lambda a, b: ctypes.c_int64(ctypes.c_uint64(a).value ^ ctypes.c_uint64(b).value).value,
    "<<": lambda a, b: shifted(a, b, left=True),
    ">>": lambda a, b: shifted(a, b, left=False),
}


@given(st.sampled_from(BINARY), INTEGERS, INTEGERS | st.integers(-2, 70))
@example("/", I64_MIN, -1)
@example("%", I64_MIN, -1)
@example("%", -7, 3)
@example("/", -7, 2)
@example("<<", 1, 63)
@example(">>", I64_MIN, 100)
def test_integers_do_as_the_reference_does(sign: str, a: int, b: int) -> None:
    assert outcome(BINARY_BY_SIGN[sign], a, b) == REFERENCE[sign](a, b)


@given(INTEGERS)
def test_unary_operators(a: int) -> None:
    assert outcome(UNARY_BY_SIGN["-"], a) == in_range(-a)
    assert UNARY_BY_SIGN["~"](a) == ctypes.c_int64(~a).value


@given(st.sampled_from(["+", "-", "*", "/", "%"]), st.floats(), st.floats() | st.integers(I64_MIN, I64_MAX))
def test_floats_never_panic(sign: str, a: float, b: float) -> None:
    for result in (BINARY_BY_SIGN[sign](a, b), BINARY_BY_SIGN[sign](b, a)):
        assert type(result) is float


@pytest.mark.parametrize(
    ("a", "sign", "b", "expected"),
    [
        (1.0, "/", 0.0, math.inf),
        (-1.0, "/", 0.0, -math.inf),
        (1.0, "/", -0.0, -math.inf),
        (1, "/", 2.0, 0.5),
        (1e308, "*", 10, math.inf),
        (-7.5, "%", 2.0, -1.5),
        (7.5, "%", -2, 1.5),
        (7.5, "%", math.inf, 7.5),
        (1, "+", 0.5, 1.5),
        ("a", "+", "b", "ab"),
    ],
)
def test_mixed_operands(a: Any, sign: str, b: Any, expected: Any) -> None:
    result = BINARY_BY_SIGN[sign](a, b)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("a", "sign", "b"),
    [(0.0, "/", 0.0), (math.nan, "/", 0.0), (1.0, "%", 0.0), (math.inf, "%", 2.0), (math.nan, "+", 1)],
)
def test_what_is_not_a_number(a: float, sign: str, b: float) -> None:
    assert math.isnan(BINARY_BY_SIGN[sign](a, b))


@pytest.mark.parametrize("sign", BINARY)
def test_operands_that_the_checker_refuses_are_a_bug(sign: str) -> None:
    for a, b in ((True, 1), (None, 1), ("a", 1), ([], [])):
        with pytest.raises(TypeError):
            BINARY_BY_SIGN[sign](a, b)


@given(INTEGERS | st.floats(allow_nan=False), INTEGERS | st.floats(allow_nan=False))
def test_ordering_is_exact_between_integers_and_floats(a: float, b: float) -> None:
    def exact(x: float) -> Any:
        return x if isinstance(x, float) and math.isinf(x) else Fraction(x)

    assert COMPARE_BY_SIGN["<"](a, b) == (exact(a) < exact(b))
    assert COMPARE_BY_SIGN[">="](a, b) == (exact(a) >= exact(b))


def test_ordering_of_strings_is_by_scalars() -> None:
    assert COMPARE_BY_SIGN["<"]("Z", "a") and COMPARE_BY_SIGN["<"]("\uffff", "\U0001f600")
    with pytest.raises(TypeError):
        COMPARE_BY_SIGN["<"]("1", 1)
    with pytest.raises(TypeError):
        COMPARE_BY_SIGN["<"](True, False)


def test_not_is_for_booleans() -> None:
    assert UNARY_BY_SIGN["!"](False) is True
    for sign, operand in (("!", 0), ("-", "a"), ("~", 1.0)):
        with pytest.raises(TypeError):
            UNARY_BY_SIGN[sign](operand)
