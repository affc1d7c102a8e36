"""Constant folding of one instruction, by the machine's own arithmetic: what would panic is not folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bamlvm.compiler import mir
from bamlvm.vm.arithmetic import BINARY_FUNCTIONS, COMPARE_FUNCTIONS, UNARY_FUNCTIONS
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.program.code import Constant
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import whole

_LONGEST_STRING = 10_000
"""A longer string is made at run time, not stored in the program."""

_BINARY = dict(zip(BINARY, BINARY_FUNCTIONS, strict=True))
_COMPARE = dict(zip(COMPARE, COMPARE_FUNCTIONS, strict=True))
_UNARY = dict(zip(UNARY, UNARY_FUNCTIONS, strict=True))
_TYPED: dict[str, Callable[..., Any]] = {
    "add_int": _BINARY["+"],
    "sub_int": _BINARY["-"],
    "mul_int": _BINARY["*"],
    "concat": _BINARY["+"],
    "less": _COMPARE["<"],
    "less_equal": _COMPARE["<="],
    "greater": _COMPARE[">"],
    "greater_equal": _COMPARE[">="],
    "equal": _COMPARE["=="],
    "not_equal": _COMPARE["!="],
    "is_null": lambda value: value is None,
}
_BY_OPERATOR: dict[str, dict[str, Callable[..., Any]]] = {"bin_op": _BINARY, "cmp_op": _COMPARE, "unary_op": _UNARY}

FOLDABLE = frozenset((*_TYPED, *_BY_OPERATOR))
"""The opcodes that :func:`fold` can fold."""


class Folded(NamedTuple):
    """The constant that an instruction folds to."""

    value: Constant


def fold(instruction: mir.Instruction, pushed: Sequence[Constant]) -> Folded | None:
    """Return the result of ``instruction`` on the constants ``pushed``, or None if it must run."""
    opcode = instruction.opcode
    operators = _BY_OPERATOR.get(opcode)
    function = _TYPED.get(opcode) if operators is None else operators[str(instruction.operands[0])]
    if function is None:
        return None
    try:
        result = whole(function, *pushed)
    except Thrown:
        return None
    if isinstance(result, str) and len(result) > _LONGEST_STRING:
        return None
    return Folded(result)
