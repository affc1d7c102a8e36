"""The operators: the one place for the semantics of arithmetic and comparison.

Integers are i64: a sum, difference, product, quotient or negation out of range panics (``IntegerOverflow``), so does
division by zero; ``/`` truncates toward zero and ``%`` has the dividend's sign.  ``<<`` keeps the low 64 bits.  Floats
are IEEE 754; of an integer and a float, the integer is converted first.  ``==`` is deep and false across types;
ordering takes two numbers or two strings.  The checker rejects other operands: they are a :class:`TypeError` here,
which is a bug and not a panic.

:data:`BINARY_FUNCTIONS`, :data:`COMPARE_FUNCTIONS` and :data:`UNARY_FUNCTIONS` are in the order of the operand of
``bin_op``, ``cmp_op`` and ``unary_op``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from bamlvm.vm.equality import deep_equals_at_once
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.values import I64_MAX, I64_MIN, Thrown, panic
from bamlvm.vm.work import Lengthy, Work, check_length, compares, copies, later, moved

_SIGN: Final = 1 << 63
_MASK: Final = (1 << 64) - 1


def integer_overflow(symbol: str) -> Thrown:
    """Return the panic of an operator whose result is out of range."""
    return panic("IntegerOverflow", f"integer overflow in `{symbol}`")


def division_by_zero(symbol: str) -> Thrown:
    """Return the panic of ``/`` or ``%`` by the integer zero."""
    return panic("DivisionByZero", f"integer `{symbol}` by zero")


def _checked(result: int, symbol: str) -> int:
    if result > I64_MAX or result < I64_MIN:
        raise integer_overflow(symbol)
    return result


def _operands(symbol: str, a: Any, b: Any) -> TypeError:
    return TypeError(f"`{symbol}` of {type(a).__name__} and {type(b).__name__}")


_NUMBERS: Final = frozenset({int, float})


def add(a: Any, b: Any) -> Any:
    """Return ``a + b`` of two numbers or two strings."""
    if type(a) is int and type(b) is int:
        return _checked(a + b, "+")
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a + b
    if type(a) is str and type(b) is str:
        check_length(a, b)
        if copies(len(a) + len(b)):
            raise Lengthy(moved((a, 0, len(a)), (b, 0, len(b))))
        return a + b
    raise _operands("+", a, b)


def subtract(a: Any, b: Any) -> Any:
    """Return ``a - b`` of two numbers."""
    if type(a) is int and type(b) is int:
        return _checked(a - b, "-")
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a - b
    raise _operands("-", a, b)


def multiply(a: Any, b: Any) -> Any:
    """Return ``a * b`` of two numbers."""
    if type(a) is int and type(b) is int:
        return _checked(a * b, "*")
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a * b
    raise _operands("*", a, b)


def divide_int(a: int, b: int) -> int:
    """Return ``a / b`` of integers, truncated toward zero."""
    if b == 0:
        raise division_by_zero("/")
    quotient = a // b
    if quotient < 0 and quotient * b != a:
        quotient += 1
    return _checked(quotient, "/")


def divide_float(a: float, b: float) -> float:
    """Return ``a / b`` of floats: an infinity for division by zero, NaN for ``0.0 / 0.0``."""
    if b:
        return a / b
    if a != a or a == 0.0:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def divide(a: Any, b: Any) -> Any:
    """Return ``a / b`` of two numbers."""
    if type(a) is int and type(b) is int:
        return divide_int(a, b)
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return divide_float(float(a), float(b))
    raise _operands("/", a, b)


def remainder_int(a: int, b: int) -> int:
    """Return ``a % b`` of integers, with the sign of ``a``."""
    if b == 0:
        raise division_by_zero("%")
    return a % b if (a < 0) == (b < 0) else -(-a % b)


def remainder_float(a: float, b: float) -> float:
    """Return ``a % b`` of floats, with the sign of ``a``; NaN if ``b`` is zero or ``a`` infinite."""
    if not b or math.isinf(a):
        return math.nan
    return math.fmod(a, b)


def remainder(a: Any, b: Any) -> Any:
    """Return ``a % b`` of two numbers."""
    if type(a) is int and type(b) is int:
        return remainder_int(a, b)
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return remainder_float(float(a), float(b))
    raise _operands("%", a, b)


def _bitwise(symbol: str, function: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return function(a, b)
        raise _operands(symbol, a, b)

    return apply


def _shift_left(a: int, b: int) -> int:
    if b < 0:
        raise panic("NegativeShift", f"shift by a negative count: {b}", count=b)
    if b >= 64:
        return 0
    low = (a << b) & _MASK
    return low - (1 << 64) if low & _SIGN else low


def _shift_right(a: int, b: int) -> int:
    if b < 0:
        raise panic("NegativeShift", f"shift by a negative count: {b}", count=b)
    return a >> min(b, 63)


shift_left: Final = _bitwise("<<", _shift_left)
shift_right: Final = _bitwise(">>", _shift_right)


def not_equals(a: Any, b: Any) -> bool:
    """Whether ``a != b``."""
    try:
        return not deep_equals_at_once(a, b)
    except Lengthy as lengthy:
        raise Lengthy(_negation(lengthy.work)) from None


def _negation(work: Work[bool]) -> Work[bool]:
    return not (yield from work)


def _ordering(symbol: str, function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if type(a) is str and type(b) is str and compares(a, b):
            raise Lengthy(later(function, a, b))
        if (type(a) in _NUMBERS and type(b) in _NUMBERS) or (type(a) is str and type(b) is str):
            return function(a, b)
        raise _operands(symbol, a, b)

    return compare


def negate(a: Any) -> Any:
    """Return ``-a``."""
    if type(a) is int:
        return _checked(-a, "-")
    if type(a) is float:
        return -a
    raise TypeError(f"`-` of {type(a).__name__}")


def invert(a: Any) -> bool:
    """Return ``!a``."""
    if type(a) is bool:
        return not a
    raise TypeError(f"`!` of {type(a).__name__}")


def complement(a: Any) -> int:
    """Return ``~a``."""
    if type(a) is int:
        return ~a
    raise TypeError(f"`~` of {type(a).__name__}")


_BINARY_BY_SYMBOL: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "&": _bitwise("&", operator.and_),
    "|": _bitwise("|", operator.or_),
    "^": _bitwise("^", operator.xor),
    "<<": shift_left,
    ">>": shift_right,
}
_COMPARE_BY_SYMBOL: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": deep_equals_at_once,
    "!=": not_equals,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
}
_UNARY_BY_SYMBOL: Final[dict[str, Callable[[Any], Any]]] = {"-": negate, "!": invert, "~": complement}

BINARY_FUNCTIONS: Final = tuple(_BINARY_BY_SYMBOL[symbol] for symbol in BINARY)
COMPARE_FUNCTIONS: Final = tuple(_COMPARE_BY_SYMBOL[symbol] for symbol in COMPARE)
UNARY_FUNCTIONS: Final = tuple(_UNARY_BY_SYMBOL[symbol] for symbol in UNARY)
