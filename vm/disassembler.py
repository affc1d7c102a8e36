"""Functions as text, from which the tests' assembler makes an equal function again.

One line an instruction: its source position if it changes there (``@line:column``, from 0, relative to the item), the
opcode, its operands.  Labels stand before the instructions that something jumps to.  A constant is its literal, a name
is bare, a type is its JSON form, a local is its index and name.  A pool whose entries are not just the operands in
order of first use is listed above the code, and an operand that cannot be shown as what it means is ``#index``::

    function user.count
      parameters n
      locals 2 n i
      stack 2
      @0:4 load_const 0
      store_local 1:i
    L2:
      @1:7 unless_less_locals 1:i 0:n L5
      …
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from bamlvm.vm.opcodes import OPERATORS
from bamlvm.vm.program.code import Constant, Function
from bamlvm.vm.stack import instructions

POOLS: Final = {"const": "constants", "name": "names", "type": "types", "table": "tables"}
_BARE: Final = re.compile(r"[A-Za-z_][\w.$]*\Z", re.ASCII)


def disassemble(function: Function, positions: bool = True) -> str:
    """Return the text of a function.  Without ``positions`` no equal function can be made of it."""
    return _Disassembler(function, positions).run()


def instruction_texts(function: Function) -> list[str]:
    """Return each instruction as :func:`disassemble` writes it, without its position."""
    shown = _Disassembler(function, positions=False)
    return [shown.instruction(index) for index in range(len(instructions(function.code)))]


class _Disassembler:
    def __init__(self, function: Function, positions: bool) -> None:
        self._function = function
        self._code = tuple(instructions(function.code))
        self._positions = positions
        self._targets = self._labelled()
        self._listed = {kind for kind in POOLS if not self._in_order(kind)}

    def run(self) -> str:
        function = self._function
        places = function.positions[::3]
        in_order = all(a < b for a, b in pairwise(places)) and all(0 <= each < len(self._code) for each in places)
        lines = [f"function {_name(function.name)}"]
        if function.parameters:
            lines.append(_words("  parameters", map(_name, function.parameters)))
        if function.capture_count:
            lines.append(f"  captures {function.capture_count}")
        lines.append(_words(f"  locals {function.local_count}", map(_name, function.local_names)))
        lines.extend(f"  local_type {each.local} {self._entry('type', each.type)}" for each in function.local_types)
        lines.append(f"  stack {function.max_stack}")
        for kind in POOLS:
            if kind in self._listed:
                lines.extend(f"  {kind} {self._entry(kind, entry)}" for entry in self._pool(kind))
        lines.extend(
            f"  catch {self._label(h.start)} {self._label(h.end)} {self._label(h.target)} {h.depth}"
            for h in function.handlers
        )
        places_at: dict[int, str] = {}
        if self._positions and in_order and len(function.positions) % 3 == 0:
            triples = zip(places, function.positions[1::3], function.positions[2::3], strict=True)
            places_at = {index: f"@{line}:{column} " for index, line, column in triples}
        elif self._positions:
            lines.append(_words("  positions", map(str, function.positions)))
        for index in range(len(self._code)):
            if index in self._targets:
                lines.append(f"L{index}:")
            lines.append(f"  {places_at.get(index, '')}{self.instruction(index)}")
        if len(self._code) in self._targets:
            lines.append(f"L{len(self._code)}:")
        return "\n".join(lines) + "\n"

    def instruction(self, index: int) -> str:
        row, operands = self._code[index]
        shown = (self._operand(row.name, *each) for each in zip(row.operands, operands, strict=True))
        return _words(row.name, shown)

    def _labelled(self) -> set[int]:
        function = self._function
        found = {place for h in function.handlers for place in (h.start, h.end, h.target)}
        found.update(place for table in function.tables for place in (*table.targets, table.default))
        for row, operands in self._code:
            found.update(each for kind, each in zip(row.operands, operands, strict=True) if kind == "target")
        return found

    def _label(self, index: int) -> str:
        return f"L{index}" if 0 <= index <= len(self._code) else f"#{index}"

    def _pool(self, kind: str) -> Sequence[Any]:
        pool: Sequence[Any] = getattr(self._function, POOLS[kind])
        return pool

    def _in_order(self, kind: str) -> bool:
        pool = self._pool(kind)
        uses = [
            each for row, operands in self._code for k, each in zip(row.operands, operands, strict=True) if k == kind
        ]
        if kind == "table":  # a table that is written twice is two tables
            return uses == list(range(len(pool)))
        keys = {entry_key(entry) for entry in pool}
        return list(dict.fromkeys(uses)) == list(range(len(pool))) and len(keys) == len(pool)

    def _operand(self, opcode: str, kind: str, operand: int) -> str:
        function = self._function
        if kind == "target":
            return self._label(operand)
        if kind == "local":
            known = 0 <= operand < len(function.local_names) and _BARE.match(function.local_names[operand])
            return f"{operand}:{function.local_names[operand]}" if known else str(operand)
        if kind == "operator":
            signs = OPERATORS[opcode]
            return signs[operand] if 0 <= operand < len(signs) else f"#{operand}"
        if kind not in POOLS:
            return str(operand)
        return f"#{operand}" if kind in self._listed else self._entry(kind, self._pool(kind)[operand])

    def _entry(self, kind: str, entry: Any) -> str:
        if kind == "const":
            return _literal(entry)
        if kind == "name":
            return _name(entry)
        if kind == "type":
            return msgspec.json.encode(entry).decode()
        cases = [f"{_literal(key)}: {self._label(to)}" for key, to in zip(entry.keys, entry.targets, strict=True)]
        return "{" + ", ".join([*cases, f"else: {self._label(entry.default)}"]) + "}"


def _words(head: str, words: Iterable[str]) -> str:
    return " ".join([head, *words])


def _name(name: str) -> str:
    return name if _BARE.match(name) else _literal(name)


def _literal(value: Constant) -> str:
    if isinstance(value, float):
        return repr(value)  # inf and nan included
    return msgspec.json.encode(value).decode()


def entry_key(entry: Any) -> Any:
    """Return what tells two entries of a pool apart."""
    # 0, 0.0, -0.0 and false are different constants
    return (type(entry), repr(entry)) if isinstance(entry, int | float | str | None) else entry
