"""The operand stack's depth before every instruction, from the opcode table alone.

A depth must be the same along every way that leads to an instruction, and never negative.  A handler's instruction is
entered with the depth of its row plus the caught error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bamlvm.vm.opcodes import TABLE, Opcode
from bamlvm.vm.program import Handler, JumpTable


class Instruction(NamedTuple):
    """A decoded instruction."""

    row: Opcode
    operands: tuple[int, ...]


class StackError(ValueError):
    """The depth cannot be told; ``index`` is the instruction at fault."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"instruction {index}: {reason}")
        self.index = index
        self.reason = reason


def instructions(code: Sequence[int]) -> Iterator[Instruction]:
    """The instructions of flat code.  Raises :class:`StackError` for an unknown opcode or missing operands."""
    place = index = 0
    while place < len(code):
        number = code[place]
        if not 0 <= number < len(TABLE):
            raise StackError(index, f"unknown opcode {number}")
        row = TABLE[number]
        operands = tuple(code[place + 1 : place + 1 + len(row.operands)])
        if len(operands) != len(row.operands):
            raise StackError(index, f"`{row.name}` is cut short")
        yield Instruction(row, operands)
        place += 1 + len(operands)
        index += 1


def effect(instruction: Instruction) -> tuple[int, int]:
    """How many stack entries an instruction pops and pushes."""
    row, operands = instruction
    if not row.per_count:
        return row.pops, row.pushes
    return row.pops + row.per_count * operands[row.operands.index("count")], row.pushes


def jumps(instruction: Instruction, tables: Sequence[JumpTable]) -> list[int]:
    """Where an instruction may jump."""
    row, operands = instruction
    found: list[int] = []
    for kind, operand in zip(row.operands, operands, strict=True):
        if kind == "target":
            found.append(operand)
        elif kind == "table":
            found.extend((*tables[operand].targets, tables[operand].default))
    return found


def depths(
    code: Sequence[Instruction], handlers: Sequence[Handler], tables: Sequence[JumpTable]
) -> tuple[list[int | None], int]:
    """The depth before each instruction (None where control cannot come) and the greatest depth reached.

    Raises :class:`StackError` where depths disagree, go below zero, or control leaves the code.
    """
    before: list[int | None] = [None] * len(code)
    greatest = 0
    waiting: list[tuple[int, int]] = [(0, 0)]
    while waiting:
        index, depth = waiting.pop()
        if not 0 <= index < len(code):
            raise StackError(index, "control leaves the code")
        known = before[index]
        if known is not None:
            if known != depth:
                raise StackError(index, f"stack depth {depth} here, {known} along another way")
            continue
        before[index] = depth
        for handler in handlers:
            if handler.start <= index < handler.end:
                if depth < handler.depth:
                    raise StackError(index, f"stack depth {depth} below its handler's {handler.depth}")
                waiting.append((handler.target, handler.depth + 1))
        pops, pushes = effect(code[index])
        if pops > depth:
            raise StackError(index, f"`{code[index].row.name}` pops {pops} of {depth}")
        after = depth - pops + pushes
        greatest = max(greatest, depth, after)
        if code[index].row.name == "copy" and code[index].operands[0] >= depth:
            raise StackError(index, f"`copy` reaches below the stack ({code[index].operands[0]} of {depth})")
        waiting.extend((target, after) for target in jumps(code[index], tables))
        if code[index].row.flow in ("next", "branch"):
            waiting.append((index + 1, after))
    return before, greatest


def max_stack(code: Sequence[int], handlers: Sequence[Handler], tables: Sequence[JumpTable]) -> int:
    """The greatest operand stack depth that flat code can reach; raises :class:`StackError`."""
    return depths(tuple(instructions(code)), handlers, tables)[1]
