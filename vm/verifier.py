"""The verifier: checks what the machine relies on in a function's code, since its loop checks none of it.

Operands lie within what they index; control never leaves the code; the operand stack has one depth at every
instruction, never below zero nor above ``max_stack``, and is that high at least once; handlers protect a range of the
code and cut the stack to a depth that it has there; every cycle passes a ``loop``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from bamlvm.vm.opcodes import OPERATORS, TABLE, plain
from bamlvm.vm.program.code import Function
from bamlvm.vm.stack import Instruction, StackError, depths, instructions, jumps, protecting


class VerifyError(ValueError):
    """A function's code breaks a rule: ``function`` names it, ``index`` is the instruction, or None for the whole."""

    def __init__(self, function: str, index: int | None, reason: str) -> None:
        super().__init__(f"{function}: {reason}" if index is None else f"{function}: instruction {index}: {reason}")
        self.function = function
        self.index = index
        self.reason = reason


_POOLS: Final[Mapping[str, str]] = {"const": "constants", "name": "names", "type": "types", "table": "tables"}


def verify(function: Function) -> None:
    """Raise :class:`VerifyError` if the code of ``function`` breaks a rule."""
    try:
        code = instructions(function.code)
        _shape(function, code)
        jumps_back = _operands(function, code)
        _, greatest = depths(code, function.handlers, function.tables)
        if jumps_back:
            _no_cycle_without_loop(function, code)
    except StackError as error:
        raise VerifyError(function.name, error.index, error.reason) from None
    if greatest != function.max_stack:
        raise VerifyError(function.name, None, f"max_stack is {function.max_stack}, the code reaches {greatest}")


def _shape(function: Function, code: list[Instruction]) -> None:
    def require(condition: bool, reason: str) -> None:
        if not condition:
            raise VerifyError(function.name, None, reason)

    count = len(code)
    require(count > 0, "there is no code")
    taken = len(function.parameters) + function.capture_count
    require(function.capture_count >= 0, "a negative number of captures")
    require(all(0 <= each.local < function.local_count for each in function.local_types), "a type of no local")
    require(function.local_count >= taken, f"{function.local_count} locals for {taken} parameters and captures")
    require(len(function.positions) % 3 == 0, "positions are not triples")
    require(all(part >= 0 for part in function.positions), "a negative position")
    places = function.positions[::3]
    require(all(a < b for a, b in pairwise(places)), "positions are out of order")
    for table in function.tables:
        require(len(table.keys) == len(table.targets), "a jump table with more keys than targets, or fewer")
        require(len(set(table.keys)) == len(table.keys), "a jump table with a key twice")
        require(all(0 <= target < count for target in (*table.targets, table.default)), "a jump table leads nowhere")
    for handler in function.handlers:
        require(0 <= handler.start < handler.end <= count, f"a handler of the range {handler.start} to {handler.end}")
        require(0 <= handler.target < count, f"a handler at {handler.target}")
        require(handler.depth >= 0, "a handler of negative depth")


_MAY_JUMP_BACK: Final = frozenset(row.code for row in TABLE if plain(row)[-1] == "loop")


def _operands(function: Function, code: list[Instruction]) -> bool:
    """Check the operands; return whether anything but a ``loop`` leads back."""
    back = any(handler.target < handler.end for handler in function.handlers)
    limits = {kind: len(getattr(function, pool)) for kind, pool in _POOLS.items()}
    limits["local"] = function.local_count
    limits["target"] = len(code)
    for index, instruction in enumerate(code):
        row, operands = instruction
        for kind, operand in zip(row.operands, operands, strict=True):
            # A count is bounded by the stack's depth, and a field by the class of the value: not known here.
            limit = len(OPERATORS[row.name]) if kind == "operator" else limits.get(kind, operand + 1)
            if not 0 <= operand < limit:
                raise VerifyError(function.name, index, f"`{row.name}` with {kind} {operand}, of {max(limit, 0)}")
        if row.flow != "next" and row.code not in _MAY_JUMP_BACK:
            back = back or any(target <= index for target in jumps(instruction, function.tables))
    return back


def _no_cycle_without_loop(function: Function, code: list[Instruction]) -> None:
    """Raise :class:`VerifyError` for a cycle without a ``loop``: a program could not be stopped in it."""
    ways: list[list[int]] = []  # of each instruction, where control may go on
    protected = protecting(function.handlers, len(code))
    for index, instruction in enumerate(code):
        row = instruction[0]
        loops = row.code in _MAY_JUMP_BACK
        found = [] if loops else list(jumps(instruction, function.tables))
        if row.flow in ("next", "branch"):
            found.append(index + 1)
        found += [handler.target for handler in protected[index]]
        ways.append(found)
    # A depth-first walk: a way to an instruction that is entered and not left is a cycle.  Ways out of a `loop` are
    # not followed, so a cycle that is found has none.
    entered: set[int] = set()
    left: set[int] = set()
    work = [(0, iter(ways[0]))]
    while work:
        index, rest = work[-1]
        entered.add(index)
        following = next(rest, None)
        if following is None:
            left.add(index)
            work.pop()
        elif following in left:
            continue
        elif following in entered:
            raise VerifyError(function.name, index, f"`{code[index][0].name}` is in a cycle without a `loop`")
        elif following < len(code):
            work.append((following, iter(ways[following])))
