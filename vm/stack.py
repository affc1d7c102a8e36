"""The operand stack's depth before every instruction, from the opcode table alone.

A depth must be the same along every way that leads to an instruction, and never negative.  A handler's instruction is
entered with the depth of its row plus the caught error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from bamlvm.vm.opcodes import CODES, TABLE, Opcode
from bamlvm.vm.program.code import Handler, JumpTable

Instruction: TypeAlias = tuple[Opcode, tuple[int, ...]]
"""A decoded instruction: its row and its operands."""


class StackError(ValueError):
    """The stack has no single depth, or control leaves the code; ``index`` is the instruction at fault."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"instruction {index}: {reason}")
        self.index = index
        self.reason = reason


_WIDTHS: Final = tuple(1 + len(row.operands) for row in TABLE)
_FLOWS_ON: Final = tuple(row.flow in ("next", "branch") for row in TABLE)
_TARGET_AT: Final = tuple(row.operands.index("target") if "target" in row.operands else -1 for row in TABLE)
_TABLE_AT: Final = tuple(row.operands.index("table") if "table" in row.operands else -1 for row in TABLE)
_COUNT_AT: Final = tuple(row.operands.index("count") if row.per_count else -1 for row in TABLE)
_COPY: Final = CODES["copy"]


def instructions(code: Sequence[int]) -> list[Instruction]:
    """Return the instructions of flat code.  Raises :class:`StackError` for an unknown opcode or missing operands."""
    found: list[Instruction] = []
    place, end = 0, len(code)
    while place < end:
        number = code[place]
        if not 0 <= number < len(TABLE):
            raise StackError(len(found), f"unknown opcode {number}")
        after = place + _WIDTHS[number]
        if after > end:
            raise StackError(len(found), f"`{TABLE[number].name}` is cut short")
        found.append((TABLE[number], tuple(code[place + 1 : after])))
        place = after
    return found


def jumps(instruction: Instruction, tables: Sequence[JumpTable]) -> tuple[int, ...]:
    """Return the indexes to which an instruction may jump; not where it falls through to."""
    row, operands = instruction
    code = row.code
    if _TARGET_AT[code] >= 0:
        return (operands[_TARGET_AT[code]],)
    if _TABLE_AT[code] >= 0:
        table = tables[operands[_TABLE_AT[code]]]
        return (*table.targets, table.default)
    return ()


def protecting(handlers: Sequence[Handler], count: int) -> list[tuple[Handler, ...]]:
    """Return the handlers of each of so many instructions, in their order."""
    changes: dict[int, set[int]] = {}  # the handlers whose range begins or ends at an instruction
    for number, handler in enumerate(handlers):
        if max(handler.start, 0) < handler.end:
            changes.setdefault(max(handler.start, 0), set()).add(number)
            changes.setdefault(handler.end, set()).add(number)
    found: list[tuple[Handler, ...]] = []
    active: set[int] = set()
    for place in sorted(place for place in changes if place < count):
        found += [tuple(handlers[number] for number in sorted(active))] * (place - len(found))
        active ^= changes[place]
    return found + [tuple(handlers[number] for number in sorted(active))] * (count - len(found))


def depths(
    code: Sequence[Instruction], handlers: Sequence[Handler], tables: Sequence[JumpTable]
) -> tuple[list[int | None], int]:
    """Return the depth before each instruction (None where control cannot come), and the greatest depth.

    Raises :class:`StackError` where depths disagree, go below zero, or control leaves the code.
    """
    before: list[int | None] = [None] * len(code)
    greatest = 0
    # Entries to straight runs of code whose depth is known.  Each instruction is walked once: a second way that leads
    # to it only compares depths, so the work is linear.
    waiting: list[tuple[int, int]] = [(0, 0)]
    protected = protecting(handlers, len(code)) if handlers else None
    while waiting:
        index, depth = waiting.pop()
        while True:  # along the straight line from here
            if not 0 <= index < len(code):
                raise StackError(index, "control leaves the code")
            known = before[index]
            if known is not None:
                if known != depth:
                    raise StackError(index, f"stack depth {depth} here, {known} along another way")
                break
            before[index] = depth
            # Whatever throws in here leaves at least what the handler keeps, and the caught error comes on top.
            for handler in protected[index] if protected is not None else ():
                if depth < handler.depth:
                    raise StackError(index, f"stack depth {depth} below its handler's {handler.depth}")
                waiting.append((handler.target, handler.depth + 1))
            instruction = code[index]
            row, operands = instruction
            number = row.code
            pops = row.pops if _COUNT_AT[number] < 0 else row.pops + row.per_count * operands[_COUNT_AT[number]]
            if pops > depth:
                raise StackError(index, f"`{row.name}` pops {pops} of {depth}")
            if number == _COPY and operands[0] >= depth:
                raise StackError(index, f"`copy` reaches below the stack ({operands[0]} of {depth})")
            after = depth - pops + row.pushes
            greatest = max(greatest, depth, after)
            if _TARGET_AT[number] >= 0 or _TABLE_AT[number] >= 0:
                waiting.extend((target, after) for target in jumps(instruction, tables))
            if not _FLOWS_ON[number]:
                break
            index, depth = index + 1, after
    return before, greatest


def max_stack(code: Sequence[int], handlers: Sequence[Handler], tables: Sequence[JumpTable]) -> int:
    """Return the greatest depth that flat code can reach.  Raises :class:`StackError`."""
    return depths(instructions(code), handlers, tables)[1]
