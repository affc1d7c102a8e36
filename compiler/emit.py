"""From mir to bytecode: blocks laid out, labels made instruction indexes, operands made pool indexes.

A jump to the next block is left out.  Handler ranges are made of the runs of blocks that a handler protects, innermost
first; positions are written only where they change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from bamlvm.compiler import mir
from bamlvm.vm.opcodes import BINARY, COMPARE, TABLE, UNARY
from bamlvm.vm.program.code import Constant, Function, Handler, JumpTable
from bamlvm.vm.program.types import Type
from bamlvm.vm.stack import max_stack

T = TypeVar("T")

_OPERATORS = {"bin_op": BINARY, "cmp_op": COMPARE, "unary_op": UNARY}
_ENCODING = {row.name: (row.code, row.operands) for row in TABLE}
_PLAIN_OPERANDS = frozenset({"local", "count", "field"})


class _Pool(Generic[T]):
    """Distinct entries in order of first use."""

    def __init__(self) -> None:
        self._places: dict[Hashable, int] = {}
        self.entries: list[T] = []

    def place(self, key: Hashable, entry: T) -> int:
        """Return the index of an entry; ``key`` decides whether two are the same."""
        if key not in self._places:
            self._places[key] = len(self.entries)
            self.entries.append(entry)
        return self._places[key]


class Lines:
    """The lines of an item's text."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        place = text.find("\n")
        while place >= 0:
            self._starts.append(place + 1)
            place = text.find("\n", place + 1)

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 0."""
        line = bisect_right(self._starts, offset) - 1
        return line, offset - self._starts[line]


def emit(function: mir.Function, lines: Lines) -> Function:
    """Emit the bytecode of a function; ``lines`` are those of its item."""
    return _Emitter(function, lines).run()


class _Emitter:
    def __init__(self, function: mir.Function, lines: Lines) -> None:
        self._function = function
        self._lines = lines
        self._constants: _Pool[Constant] = _Pool()
        self._names: _Pool[str] = _Pool()
        self._types: _Pool[Type] = _Pool()
        self._tables: list[JumpTable] = []
        self._code: list[int] = []
        self._positions: list[int] = []
        self._starts: dict[mir.Label, int] = {}
        self._count = 0

    def run(self) -> Function:
        blocks = self._function.blocks
        laid = [
            _without_jump_to_next(block, following)
            for block, following in zip(blocks, [*blocks[1:], None], strict=True)
        ]
        for block, instructions in zip(blocks, laid, strict=True):
            self._starts[block.label] = self._count
            self._count += len(instructions)
        place, last = 0, None
        for instructions in laid:
            for instruction in instructions:
                position = self._lines.position(instruction.start)
                if position != last:
                    self._positions.extend((place, *position))
                    last = position
                self._instruction(instruction)
                place += 1
        handlers = tuple(self._handlers(blocks))
        code, tables = tuple(self._code), tuple(self._tables)
        return Function(
            name=self._function.name,
            parameters=self._function.parameters,
            capture_count=self._function.capture_count,
            local_count=len(self._function.local_names),
            max_stack=max_stack(code, handlers, tables),
            code=code,
            constants=tuple(self._constants.entries),
            names=tuple(self._names.entries),
            types=tuple(self._types.entries),
            tables=tables,
            handlers=handlers,
            positions=tuple(self._positions),
            local_names=tuple(self._function.local_names),
            local_types=tuple(self._function.local_types),
        )

    def _instruction(self, instruction: mir.Instruction) -> None:
        opcode = instruction.opcode
        code, kinds = _ENCODING[opcode]
        self._code.append(code)
        for kind, operand in zip(kinds, instruction.operands, strict=True):
            if kind in _PLAIN_OPERANDS and isinstance(operand, int):
                self._code.append(operand)
            else:
                self._code.append(self._operand(opcode, kind, operand))

    def _operand(self, opcode: str, kind: str, operand: mir.Operand) -> int:
        match kind, operand:
            case "target", int():
                return self._starts[operand]
            case "operator", str():
                return _OPERATORS[opcode].index(operand)
            case "const", mir.Const(type_, value):
                # repr distinguishes 0.0 and -0.0, which compare equal
                return self._constants.place((type_, repr(value)), value)
            case "table", mir.Table(keys, labels, default):
                targets = tuple(self._starts[label] for label in labels)
                self._tables.append(JumpTable(keys, targets, self._starts[default]))
                return len(self._tables) - 1
            case "name", str():
                return self._names.place(operand, operand)
            case "type", _:
                assert not isinstance(operand, int | str | mir.Const | mir.Table)
                return self._types.place(operand, operand)
        raise AssertionError(f"`{opcode}` with {kind} {operand!r}")

    def _handlers(self, blocks: Sequence[mir.Block]) -> list[Handler]:
        """Return one row for each run of adjacent blocks that a handler protects; deeper nesting first."""
        rows: list[tuple[int, Handler]] = []
        ends = [*(self._starts[block.label] for block in blocks[1:]), self._count]
        deepest = max((len(block.handlers) for block in blocks), default=0)
        for level in range(deepest):
            open_: tuple[mir.Handler, int, int] | None = None
            for block, end in zip(blocks, ends, strict=True):
                here = block.handlers[level] if level < len(block.handlers) else None
                if open_ is not None and here == open_[0]:
                    open_ = (open_[0], open_[1], end)
                    continue
                if open_ is not None:
                    rows.append((level, self._row(*open_)))
                open_ = (here, self._starts[block.label], end) if here is not None else None
            if open_ is not None:
                rows.append((level, self._row(*open_)))
        rows.sort(key=lambda row: (-row[0], row[1].start))
        return [row for _, row in rows if row.start < row.end]

    def _row(self, handler: mir.Handler, start: int, end: int) -> Handler:
        return Handler(start, end, self._starts[handler.target], handler.depth)


def _without_jump_to_next(block: mir.Block, following: mir.Block | None) -> list[mir.Instruction]:
    last = block.instructions[-1]
    if following is not None and last.opcode == "jump" and last.operands == (following.label,):
        return block.instructions[:-1]
    return block.instructions
