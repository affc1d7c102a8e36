"""The mir: basic blocks of stack instructions with symbolic operands.

An instruction is an opcode's name with its operands (a local's slot, a constant, a name, a type, a label) and its
source offset.  A block ends in exactly one instruction that does not fall through (``jump loop return throw rethrow
jump_table unreachable``), which may be preceded by one conditional jump.  A block knows the handlers that protect it,
innermost last; blocks of one protected region need not be adjacent, the emitter makes ranges of them.

:func:`verify` checks these rules; every pass preserves them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from bamlvm.vm.opcodes import TABLE
from bamlvm.vm.program.code import Constant, LocalType
from bamlvm.vm.program.types import Type

Label: TypeAlias = int


class Const(msgspec.Struct, frozen=True, gc=False):
    """A constant as an operand (wrapped, since ``1 == True`` in Python)."""

    kind: str
    value: Constant


class Table(msgspec.Struct, frozen=True, gc=False):
    """A jump table: labels by key."""

    keys: tuple[int | str, ...]
    targets: tuple[Label, ...]
    default: Label


Operand: TypeAlias = int | str | Const | Table | Type


class Instruction(msgspec.Struct, frozen=True, gc=False):
    """``operands`` follow the opcode's row: a target is a label, an operator its sign, a name a string."""

    opcode: str
    operands: tuple[Operand, ...]
    start: int


class Handler(msgspec.Struct, frozen=True, gc=False):
    """The target of a throw in a protected block, and the depth that the operand stack is cut to before the error is
    pushed."""

    target: Label
    depth: int


@dataclass
class Block:
    label: Label
    handlers: tuple[Handler, ...]
    instructions: list[Instruction] = field(default_factory=list)


@dataclass
class Function:
    """Blocks in layout order, the entry first."""

    name: str
    parameters: tuple[str, ...]
    capture_count: int
    local_names: list[str]
    blocks: list[Block]
    local_types: list[LocalType] = field(default_factory=list)


ENDS = frozenset(row.name for row in TABLE if row.flow in ("jump", "end"))
BRANCHES = frozenset(row.name for row in TABLE if row.flow == "branch")
_TARGET_AT = {row.name: row.operands.index("target") for row in TABLE if "target" in row.operands}
_JUMPS = frozenset((*_TARGET_AT, "jump_table"))
_OPERAND_COUNTS = {row.name: len(row.operands) for row in TABLE}


def constant(value: Constant) -> Const:
    """Return a constant as an operand."""
    return Const(type(value).__name__, value)


def targets(instruction: Instruction) -> tuple[Label, ...]:
    """Return the labels that an instruction may jump to."""
    opcode = instruction.opcode
    if opcode in _TARGET_AT:
        label = instruction.operands[_TARGET_AT[opcode]]
        assert isinstance(label, int)
        return (label,)
    if opcode == "jump_table":
        (table,) = instruction.operands
        assert isinstance(table, Table)
        return (*table.targets, table.default)
    return ()


def exits(block: Block) -> tuple[Label, ...]:
    """Return the labels that a block may jump to: only its last two instructions can."""
    last = block.instructions[-1]
    found = targets(last) if last.opcode in _JUMPS else ()
    if len(block.instructions) > 1 and (before := block.instructions[-2]).opcode in BRANCHES:
        return (*found, *targets(before))
    return found


def retarget(block: Block, labels: dict[Label, Label]) -> None:
    """Replace the labels that a block jumps to, and those of its handlers, by ``labels``."""
    for place in range(max(len(block.instructions) - 2, 0), len(block.instructions)):
        instruction = block.instructions[place]
        opcode, operands = instruction.opcode, instruction.operands
        if opcode not in _JUMPS:
            continue
        if opcode == "jump_table":
            (table,) = operands
            assert isinstance(table, Table)
            targets_ = tuple(labels.get(each, each) for each in table.targets)
            moved: tuple[Operand, ...] = (Table(table.keys, targets_, labels.get(table.default, table.default)),)
        else:
            at = _TARGET_AT[opcode]
            label = operands[at]
            assert isinstance(label, int)
            moved = (*operands[:at], labels.get(label, label), *operands[at + 1 :])
        block.instructions[place] = Instruction(opcode, moved, instruction.start)
    if block.handlers:
        block.handlers = tuple(Handler(labels.get(h.target, h.target), h.depth) for h in block.handlers)


def reachable(function: Function) -> set[Label]:
    """Return the labels that control can reach, handlers of reached blocks included."""
    blocks = {block.label: block for block in function.blocks}
    waiting = [function.blocks[0].label]
    seen = set(waiting)
    while waiting:
        block = blocks[waiting.pop()]
        for label in (*exits(block), *(handler.target for handler in block.handlers)):
            if label not in seen:
                seen.add(label)
                waiting.append(label)
    return seen


def remove_unreachable(function: Function) -> None:
    """Drop the blocks that control cannot reach."""
    kept = reachable(function)
    if len(kept) == len(function.blocks):
        return
    function.blocks = [block for block in function.blocks if block.label in kept]


class MirError(Exception):
    """A pass broke the rules of the mir: a bug in the compiler, never in the program."""


def verify(function: Function) -> None:
    """Raise :class:`MirError` if a block does not end as it must, or a label does not exist."""
    labels = {block.label for block in function.blocks}
    if len(labels) != len(function.blocks):
        raise MirError(f"{function.name}: a label is used twice")
    for block in function.blocks:
        fault = _fault(block, labels)
        if fault is not None:
            raise MirError(f"{function.name}: block {block.label} {fault}")


def _fault(block: Block, labels: set[Label]) -> str | None:
    if not block.instructions or block.instructions[-1].opcode not in ENDS:
        return "falls off its end"
    last = len(block.instructions) - 1
    for place, instruction in enumerate(block.instructions):
        opcode = instruction.opcode
        if place < last and (opcode in ENDS or (opcode in BRANCHES and place < last - 1)):
            return f"has `{opcode}` in its middle"
        if len(instruction.operands) != _OPERAND_COUNTS[opcode]:
            return f"has `{opcode}` with the wrong number of operands"
    if not labels.issuperset(exits(block)):
        return "jumps to a label that does not exist"
    if not labels.issuperset(handler.target for handler in block.handlers):
        return "has a handler at a label that does not exist"
    return None
