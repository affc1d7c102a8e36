"""The rules of the tir, checked: a bug in the checker is found here rather than in lowering or at run time.

The tests verify every function that they compile without an error; the product does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from bamlvm.compiler import tir
from bamlvm.vm.opcodes import BINARY, CODES, COMPARE, TABLE, UNARY
from bamlvm.vm.program.types import BOOL, NEVER

_LEAVES: Final = (tir.Return, tir.Throw, tir.Break, tir.Continue)
_OPERATORS: Final = {"bin_op": BINARY, "cmp_op": COMPARE, "unary_op": UNARY}


class TirError(Exception):
    """The checker broke a rule of the tir: a bug in the compiler, never in the program."""


def verify(function: tir.Function) -> None:
    """Raise :class:`TirError` if a function without errors breaks a rule of the tir."""
    count = len(function.locals)
    if len(function.local_types) != count or len(function.defaults) != len(function.parameters):
        raise TirError(f"{function.name}: locals or defaults without their types or parameters")
    for node in (*function.defaults, function.body):
        if node is not None:
            _verify(function.name, node, count, 0)


def _verify(name: str, node: tir.Node, count: int, loops: int) -> None:
    fault = next(_faults(node, count, loops), None)
    if fault is not None:
        raise TirError(f"{name}: {type(node).__name__} at {node.start} {fault}")
    inner = 0 if isinstance(node, tir.Lambda) else loops + isinstance(node, tir.Loop)
    for field in msgspec.structs.fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, tir.Node):
                # The step of a loop is outside of it: `break` there would leave an outer loop.
                _verify(name, child, count, loops if field.name == "step" else inner)


def _faults(node: tir.Node, count: int, loops: int) -> Iterator[str]:
    if isinstance(node, _LEAVES) and node.type != NEVER:
        yield "goes on"
    match node:
        case tir.Local(local=local) | tir.Let(local=local) | tir.SetLocal(local=local) | tir.Renew(local=local):
            if not 0 <= local < count:
                yield "names no local"
        case tir.Catch(binding=local) if not 0 <= local < count:
            yield "binds no local"
        case tir.Lambda() if not all(0 <= each < count for each in (*node.parameters, *node.captures)):
            yield "has a parameter or capture that is no local"
        case tir.Not() | tir.IsType() if node.type not in (BOOL, NEVER):
            yield "is not a bool"
        case tir.Break() | tir.Continue() if loops == 0:
            yield "is outside of a loop"
        case tir.Operation(opcode=opcode, operator=operator, operands=operands):
            if opcode not in CODES or TABLE[CODES[opcode]].pops != len(operands):
                yield f"has {len(operands)} operands for `{opcode}`"
            if (operator is not None) != (opcode in _OPERATORS) or operator not in (None, *_OPERATORS.get(opcode, ())):
                yield f"has the operator {operator} for `{opcode}`"
        case tir.CallNamed(arguments=arguments, order=order) | tir.CallMethod(arguments=arguments, order=order):
            if order and sorted(order) != [place for place, each in enumerate(arguments) if each is not None]:
                yield "does not evaluate each argument once"
        case tir.New(field_count=fields, parts=parts):
            if any(isinstance(part, tir.FieldInit) and not 0 <= part.index < fields for part in parts):
                yield "sets a field that its class does not have"
