"""What is known of a value before it exists, and the cheaper code that it allows.

A :class:`Fact` is a kind and, for an integer, an interval.  Facts come from constants, declared types (arguments are
checked at the host's border and by the compiler), comparisons and operators, never from what was seen while running.  A
wrong fact would drop a check silently: debug builds of a translation assert each one (``BAMLVM_TRANSLATE=stress``), and
a property test holds every row of :data:`SPECIAL` against the function that it replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bamlvm.vm.opcodes import COMPARE
from bamlvm.vm.program.types import FUTURE, ClassType, EnumType, ListType, LiteralType, MapType, Primitive, Type, bare
from bamlvm.vm.semantics import Failure
from bamlvm.vm.values import I64_MAX, I64_MIN


class Code(NamedTuple):
    """The function of a closure, by name, and how many cells that takes."""

    function: str
    cells: int


class Fact(NamedTuple):
    """``kind`` is ``int float string bool null list map instance enum closure``, ``tag`` (the text that names a value's
    type), or "" where nothing is known; ``low`` and ``high`` bound an int; ``type`` is the declared type of a list, map
    or instance, if known, and ``code`` what a closure calls."""

    kind: str
    low: int = I64_MIN
    high: int = I64_MAX
    type: Type | None = None
    code: Code | None = None

    @property
    def is_int(self) -> bool:
        return self.kind == "int"


ANY: Final = Fact("")
INT: Final = Fact("int")
BOOL: Final = Fact("bool")
FLOAT: Final = Fact("float")
STRING: Final = Fact("string")
NULL: Final = Fact("null")
TAG: Final = Fact("tag")
LENGTH: Final = Fact("int", 0, 1 << 62)
INDEX: Final = Fact("int", 0, 1 << 30)

_PRIMITIVES: Final[Mapping[str, Fact]] = {
    "int": INT,
    "float": FLOAT,
    "string": STRING,
    "bool": BOOL,
    "null": NULL,
}
_CONSTANTS: Final[Mapping[type, Fact]] = {bool: BOOL, float: FLOAT, str: STRING, type(None): NULL}


def interval(low: int, high: int) -> Fact:
    """Return the fact of an int within an interval, cut to 64 bits."""
    return Fact("int", max(low, I64_MIN), min(high, I64_MAX))


def of_type(type_: Type) -> Fact:
    """Return what a declared type says of its values."""
    match bare(type_):
        case Primitive(name):
            return _PRIMITIVES.get(name, ANY)
        case LiteralType(value):
            return of_constant(value)
        case ListType():
            return Fact("list", type=type_)
        case MapType():
            return Fact("map", type=type_)
        case ClassType(name):
            return ANY if name == FUTURE else Fact("instance", type=type_)
        case EnumType():
            return Fact("enum", type=type_)
    return ANY


def of_constant(value: Any) -> Fact:
    """Return what is known of a constant."""
    if type(value) is int:
        return interval(value, value)
    return _CONSTANTS.get(type(value), ANY)


def of_element(container: Fact) -> Fact:
    """Return what is known of an element of a list or map."""
    match container.type:
        case ListType(item):
            return of_type(item)
        case MapType(_, value):
            return of_type(value)
    return ANY


_CHECKABLE: Final[Mapping[str, type]] = {"int": int, "float": float, "string": str, "bool": bool, "null": type(None)}


def is_checkable(fact: Fact) -> bool:
    """Whether :func:`holds` can tell: the kinds of scalars."""
    return fact.kind in _CHECKABLE


def holds(fact: Fact, value: Any) -> bool:
    """Whether a value is as a fact says, as far as that can be told."""
    if fact.is_int:
        return type(value) is int and fact.low <= value <= fact.high
    return fact.kind not in _CHECKABLE or type(value) is _CHECKABLE[fact.kind]


class State(NamedTuple):
    """The facts at a place: of each local (None: not set on some way) and of each operand; and the local that each
    operand is a copy of, if any."""

    locals: list[Fact | None]
    stack: list[Fact]
    copies: tuple[int | None, ...] = ()


# --- the lattice ------------------------------------------------------------------------------------------------------


def join(one: Fact | None, other: Fact | None) -> Fact | None:
    """Return what holds of a value that comes from either side; None where one side has not set it."""
    if one == other:
        return one
    if one is None or other is None:
        return None
    if one.kind != other.kind:
        return ANY
    type_ = one.type if one.type == other.type else None
    code = one.code if one.code == other.code else None
    return Fact(one.kind, min(one.low, other.low), max(one.high, other.high), type_, code)


class Thresholds(NamedTuple):
    """Where widening stops: at some lower bounds on the way down, at some upper ones on the way up."""

    lows: Sequence[int]
    highs: Sequence[int]


def widen(old: Fact | None, new: Fact | None, thresholds: Thresholds) -> Fact | None:
    """Return ``new`` with each bound that moved pushed to the next threshold, so that a loop's facts settle soon."""
    if old is None or new is None or not (old.is_int and new.is_int):
        return new
    low, high = new.low, new.high
    if low < old.low:
        low = max(each for each in thresholds.lows if each <= low)
    if high > old.high:
        high = min(each for each in thresholds.highs if each >= high)
    return Fact("int", low, high)


def thresholds(constants: Sequence[Any], *more: int) -> Thresholds:
    """Return the bounds at which widening stops: what a counter is that is compared with a constant and then goes one
    step on, and the ends of 64 bits."""
    ints = [each for each in constants if type(each) is int]
    lows = {I64_MIN, -1, 0, *(each - 1 for each in ints if each > I64_MIN)}
    highs = {I64_MAX, 0, 1, *more, *(each + 1 for each in ints if each < I64_MAX)}
    return Thresholds(sorted(lows), sorted(highs))


NEGATED: Final[Mapping[str, str]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
MIRRORED: Final[Mapping[str, str]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def refined(fact: Fact, operator: str, other: Fact) -> Fact | None:
    """Return what is known of an int once ``it operator other`` holds; None if that says nothing new or cannot be."""
    if not (fact.is_int and other.is_int):
        return None
    low, high = fact.low, fact.high
    match operator:
        case "<":
            high = min(high, other.high - 1)
        case "<=":
            high = min(high, other.high)
        case ">":
            low = max(low, other.low + 1)
        case ">=":
            low = max(low, other.low)
        case "==":
            low, high = max(low, other.low), min(high, other.high)
    return Fact("int", low, high) if low <= high else None


def bounds(operator: str, a: Fact, b: Fact, *, same: bool = False) -> tuple[int, int]:
    """Return the least and greatest result of ``a operator b`` for ints and ``+ - *``, before any check.

    ``same`` says that both are one value, whose square is not negative.
    """
    if operator == "+":
        return a.low + b.low, a.high + b.high
    if operator == "-":
        return a.low - b.high, a.high - b.low
    products = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return (0 if same else min(products)), max(products)


# --- specialisations --------------------------------------------------------------------------------------------------


class Special(NamedTuple):
    """Cheaper code for what an instruction does with operands ``a`` and ``b``, where ``when`` holds of their facts.

    ``text`` is an expression over them, which cannot raise but by its ``failure``; ``fact`` says what is known of its
    value.  ``zero``, if any, is a cheaper expression that is zero where it is.  ``writes``, if any, is a statement that
    changes an operand and goes before.  ``same_as`` names, instead of a text, an instruction that does the same.
    ``weighs`` says what has to be counted before, where a text is long: "texts" that are compared, or a "key" ``b``.
    """

    when: Callable[[Fact, Fact], bool]
    text: str
    fact: Callable[[Fact, Fact], Fact]
    failure: Failure | None = None
    zero: str = ""
    reads_heap: bool = False
    writes: str = ""
    same_as: str = ""
    weighs: str = ""


_DIVISION: Final = Failure((ZeroDivisionError,), 'division_by_zero("/")')
_REMAINDER: Final = Failure((ZeroDivisionError,), 'division_by_zero("%")')
_ITSELF: Final = Failure((), "")  # what it calls raises the panic


def _ints(a: Fact, b: Fact) -> bool:
    return a.is_int and b.is_int


def _natural(a: Fact, b: Fact) -> bool:
    return _ints(a, b) and a.low >= 0 and b.low >= 0


def _floats(a: Fact, b: Fact) -> bool:
    return {a.kind, b.kind} <= {"int", "float"} and "float" in (a.kind, b.kind)


def _two_floats(a: Fact, b: Fact) -> bool:
    return a.kind == b.kind == "float"


def _strings(a: Fact, b: Fact) -> bool:
    return a.kind == b.kind == "string"


def _same_scalars(a: Fact, b: Fact) -> bool:
    return a.kind == b.kind and a.kind in ("int", "float", "bool", "null")


def _numbers(a: Fact, b: Fact) -> bool:
    return {a.kind, b.kind} <= {"int", "float"}


def _always(fact: Fact) -> Callable[[Fact, Fact], Fact]:
    return lambda a, b: fact


def _quotient(a: Fact, b: Fact) -> Fact:
    return interval(0, a.high // max(b.low, 1))


def _truncated(a: Fact, b: Fact) -> Fact:
    low, high = (bound // b.low if bound >= 0 else -(-bound // b.low) for bound in (a.low, a.high))
    return interval(low, high)


def _remainder(a: Fact, b: Fact) -> Fact:
    return interval(0, min(a.high, max(b.high - 1, 0)))


def _signed_remainder(a: Fact, b: Fact) -> Fact:
    return interval(1 - b.high, b.high - 1)


def _any_remainder(a: Fact, b: Fact) -> Fact:
    most = max(abs(b.low), abs(b.high), 1) - 1
    return interval(max(-most, min(a.low, 0)), min(most, max(a.high, 0)))


def _bits(a: Fact, b: Fact) -> Fact:
    return interval(0, min(a.high, b.high)) if a.low >= 0 and b.low >= 0 else INT


def _shifted(a: Fact, b: Fact) -> Fact:
    return interval(min(a.low, 0), max(a.high, 0))


def _positive_constant(a: Fact, b: Fact) -> bool:
    return _ints(a, b) and b.low == b.high > 0


def _any(a: Fact, b: Fact) -> bool:
    return True


def _native(text: str, fact: Fact, *, writes: str = "") -> Sequence[Special]:
    return [Special(_any, text, _always(fact), reads_heap=True, writes=writes)]


SPECIAL: Final[Mapping[tuple[str, str], Sequence[Special]]] = {
    ("bin_op", "+"): [
        Special(_ints, "", _always(INT), same_as="add_int"),
        Special(_floats, "a + b", _always(FLOAT)),
        Special(_strings, "", _always(STRING), same_as="concat"),
    ],
    ("bin_op", "-"): [
        Special(_ints, "", _always(INT), same_as="sub_int"),
        Special(_floats, "a - b", _always(FLOAT)),
    ],
    ("bin_op", "*"): [
        Special(_ints, "", _always(INT), same_as="mul_int"),
        Special(_floats, "a * b", _always(FLOAT)),
    ],
    ("bin_op", "/"): [
        Special(lambda a, b: _natural(a, b) and b.low > 0, "a // b", _quotient),
        Special(_natural, "a // b", _quotient, _DIVISION),
        Special(_positive_constant, "a // b if a >= 0 else -(-a // b)", _truncated),
        Special(_ints, "a // b if a >= 0 and b > 0 else divide_int(a, b)", _always(INT), _ITSELF),
        Special(_two_floats, "a / b if b else divide_float(a, b)", _always(FLOAT)),
        Special(_floats, "divide_float(float(a), float(b))", _always(FLOAT)),
    ],
    ("bin_op", "%"): [
        Special(lambda a, b: _natural(a, b) and b.low > 0, "a % b", _remainder),
        Special(_natural, "a % b", _remainder, _REMAINDER),
        Special(_positive_constant, "a % b if a >= 0 else -(-a % b)", _signed_remainder, zero="a % b"),
        Special(_ints, "a % b if a >= 0 and b > 0 else remainder_int(a, b)", _any_remainder, _ITSELF),
        Special(_floats, "remainder_float(float(a), float(b))", _always(FLOAT)),
    ],
    ("bin_op", "&"): [Special(_ints, "a & b", _bits)],
    ("bin_op", "|"): [Special(_ints, "a | b", _always(INT))],
    ("bin_op", "^"): [Special(_ints, "a ^ b", _always(INT))],
    ("bin_op", ">>"): [Special(lambda a, b: _ints(a, b) and b.low >= 0 and b.high < 64, "a >> b", _shifted)],
    **{
        ("cmp_op", operator): [
            Special(_same_scalars if operator in ("==", "!=") else _numbers, f"a {operator} b", _always(BOOL)),
            Special(_strings, f"a {operator} b", _always(BOOL), weighs="texts"),
        ]
        for operator in COMPARE
    },
    ("unary_op", "!"): [Special(lambda a, _: a.kind == "bool", "not a", _always(BOOL))],
    ("unary_op", "~"): [Special(lambda a, _: a.is_int, "~a", _always(INT))],
    ("unary_op", "-"): [
        Special(lambda a, _: a.kind == "float", "-a", _always(FLOAT)),
        Special(lambda a, _: a.is_int and a.low > I64_MIN, "-a", lambda a, _: interval(-a.high, -a.low)),
    ],
    ("call_native", "baml.Array.length"): _native("len(a)", LENGTH),
    ("call_native", "baml.Map.length"): _native("len(a)", LENGTH),
    ("call_native", "baml.String.length"): _native("len(a)", LENGTH),
    ("call_native", "baml.Map.get"): [Special(_any, "a.get(b)", _always(ANY), _ITSELF, weighs="key")],
    ("call_native", "baml.Map.has"): [Special(_any, "b in a", _always(BOOL), reads_heap=True, weighs="key")],
    ("call_native", "baml.Array.push"): _native("len(a)", LENGTH, writes="a.append(b)"),
}
"""Cheaper forms by instruction and operator, or native; the first row that fits counts."""

SPECIALISED: Final = frozenset(instruction for instruction, _ in SPECIAL)
"""The instructions that may have a cheaper form."""

RESULTS: Final[Mapping[str, Fact]] = {
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"), BOOL),
    "cmp_op": BOOL,
    "is_null": BOOL,
    "is_type": BOOL,
    "concat": STRING,
    "type_tag": TAG,
    "discriminant": INDEX,
    "load_variant": Fact("enum"),
    "alloc_array": Fact("list"),
    "alloc_map": Fact("map"),
}
"""What is known of an instruction's result whatever its operands are."""

_INT_OPERATORS: Final = frozenset(("/", "%", "&", "|", "^", "<<", ">>", "~"))


def special(instruction: str, operation: str, operands: Sequence[Fact]) -> Special | None:
    """Return the cheaper form of an instruction with this operator, or of this native, for these facts, or None."""
    rows = SPECIAL.get((instruction, operation), ())
    a, b = (*operands, ANY, ANY)[:2]
    return next((row for row in rows if row.when(a, b)), None)


def of_operator(operator: str, operands: Sequence[Fact]) -> Fact:
    """Return what is known of the result of an operator's general form."""
    if operator == "!":
        return BOOL
    return INT if operator in _INT_OPERATORS and all(each.is_int for each in operands) else ANY
