"""The mir: labelled blocks of stack instructions, still symbolic.

An instruction is an opcode's name with its operands as meanings (a local's slot, a constant, a name, a type, a label)
and the source offset it came from.  A block ends in exactly one instruction that does not fall through (``jump loop
return throw rethrow jump_table unreachable``), which may be preceded by one conditional jump.  A block knows the
handlers that protect it, innermost last; blocks of one protected region need not be adjacent, the emitter makes ranges
of them.

:func:`verify` checks these rules; every pass leaves them true.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from bamlvm.vm.opcodes import CODES, TABLE
from bamlvm.vm.program import Constant
from bamlvm.vm.types import Type

Label: TypeAlias = int


class Const(NamedTuple):
    """A constant as an operand (wrapped, since ``1 == True`` in Python)."""

    kind: str
    value: Constant


class Table(NamedTuple):
    """A jump table: labels by key."""

    keys: tuple[int | str, ...]
    targets: tuple[Label, ...]
    default: Label


Operand: TypeAlias = int | str | Const | Table | Type


class Instruction(NamedTuple):
    """``operands`` follow the opcode's row: a target is a label, an operator its sign, a name a string."""

    opcode: str
    operands: tuple[Operand, ...]
    start: int


class Handler(NamedTuple):
    """Where a throw in a protected block goes, and how deep the operand stack is there before the error is pushed."""

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


ENDS = frozenset(row.name for row in TABLE if row.flow in ("jump", "end"))
BRANCHES = frozenset(row.name for row in TABLE if row.flow == "branch")


def constant(value: Constant) -> Const:
    """A constant operand."""
    return Const(type(value).__name__, value)


def targets(instruction: Instruction) -> tuple[Label, ...]:
    """The labels that an instruction may jump to."""
    found: list[Label] = []
    for kind, operand in zip(TABLE[CODES[instruction.opcode]].operands, instruction.operands, strict=True):
        if kind == "target":
            assert isinstance(operand, int)
            found.append(operand)
        elif kind == "table":
            assert isinstance(operand, Table)
            found.extend((*operand.targets, operand.default))
    return tuple(found)


def retarget(instruction: Instruction, labels: dict[Label, Label]) -> Instruction:
    """The instruction with its labels replaced."""
    operands: list[Operand] = []
    for kind, operand in zip(TABLE[CODES[instruction.opcode]].operands, instruction.operands, strict=True):
        if kind == "target" and isinstance(operand, int):
            operand = labels.get(operand, operand)
        elif isinstance(operand, Table):
            operand = Table(
                operand.keys,
                tuple(labels.get(each, each) for each in operand.targets),
                labels.get(operand.default, operand.default),
            )
        operands.append(operand)
    return instruction._replace(operands=tuple(operands))


def reachable(function: Function) -> set[Label]:
    """The labels that control can come to, handlers of reached blocks included."""
    blocks = {block.label: block for block in function.blocks}
    seen: set[Label] = set()
    waiting = [function.blocks[0].label]
    while waiting:
        label = waiting.pop()
        if label in seen:
            continue
        seen.add(label)
        block = blocks[label]
        waiting.extend(handler.target for handler in block.handlers)
        for instruction in block.instructions:
            waiting.extend(targets(instruction))
    return seen


def remove_unreachable(function: Function) -> None:
    """Drop the blocks that nothing comes to."""
    kept = reachable(function)
    function.blocks = [block for block in function.blocks if block.label in kept]


class MirError(Exception):
    """A pass broke the rules of the mir: a bug in the compiler, never in the program."""


def verify(function: Function) -> None:
    """Raise :class:`MirError` where a block does not end as it must, or a label leads nowhere."""
    labels = {block.label for block in function.blocks}
    if len(labels) != len(function.blocks):
        raise MirError(f"{function.name}: a label is used twice")
    for block in function.blocks:
        where = f"{function.name}: block {block.label}"
        if not block.instructions or block.instructions[-1].opcode not in ENDS:
            raise MirError(f"{where} falls off its end")
        for place, instruction in enumerate(block.instructions[:-1]):
            last = place == len(block.instructions) - 2
            if instruction.opcode in ENDS or (instruction.opcode in BRANCHES and not last):
                raise MirError(f"{where} has `{instruction.opcode}` in its middle")
        for instruction in block.instructions:
            if len(instruction.operands) != len(TABLE[CODES[instruction.opcode]].operands):
                raise MirError(f"{where}: `{instruction.opcode}` has the wrong number of operands")
            if not labels.issuperset(targets(instruction)):
                raise MirError(f"{where}: `{instruction.opcode}` jumps to nowhere")
        if not labels.issuperset(handler.target for handler in block.handlers):
            raise MirError(f"{where}: its handler is nowhere")


def render(function: Function) -> str:
    """A function as text, for the ``mir`` stage."""
    head = f"function {function.name}({', '.join(function.parameters)})"
    if function.capture_count:
        head += f" captures {function.capture_count}"
    lines = [head]
    for block in function.blocks:
        protected = (
            f"  catch {' '.join(f'L{h.target}@{h.depth}' for h in reversed(block.handlers))}" if block.handlers else ""
        )
        lines.append(f"  L{block.label}:{protected}")
        lines.extend(f"    {_render(function, instruction)}" for instruction in block.instructions)
    return "\n".join(lines)


def _render(function: Function, instruction: Instruction) -> str:
    words = [instruction.opcode]
    for kind, operand in zip(TABLE[CODES[instruction.opcode]].operands, instruction.operands, strict=True):
        match kind, operand:
            case "local", int():
                words.append(f"%{operand}:{function.local_names[operand]}")
            case "target", _:
                words.append(f"L{operand}")
            case _, Const(_, value):
                words.append(
                    repr(value) if not isinstance(value, bool | None) else str(value).lower().replace("none", "null")
                )
            case _, Table(keys, labels, default):
                words.extend(f"{key!r}→L{label}" for key, label in zip(keys, labels, strict=True))
                words.append(f"else→L{default}")
            case _:
                words.append(str(operand))
    return " ".join(words)
