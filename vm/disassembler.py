"""Functions as text and back: ``assemble(disassemble(f)) == f`` for every function.

One line an instruction: its place in the source if it changes there (``@line:column``, from 0, relative to the item),
the opcode, its operands.  Labels stand before the instructions that something jumps to.  A constant is its literal, a
name is bare, a type is its JSON form, a local is its index and name.  A pool whose entries are not just the operands in
order of first use is listed above the code, and an operand that cannot be shown as what it means is ``#index``::

    function user.count
      parameters n
      locals 2 n i
      stack 2
      @0:4 store_const 0 1:i
    L1:
      @1:7 unless_less_locals 1:i 0:n L4
      …

The assembler takes the same form; what it can compute may be left out (``stack``, ``locals``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from bamlvm.vm.opcodes import CODES, OPERATORS, TABLE
from bamlvm.vm.program.code import Constant, Function, Handler, JumpTable
from bamlvm.vm.program.types import Type
from bamlvm.vm.stack import instructions, max_stack

_POOLS: Final = {"const": "constants", "name": "names", "type": "types", "table": "tables"}
_BARE: Final = re.compile(r"[A-Za-z_][\w.$]*\Z", re.ASCII)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\n]*\]|\{[^\n]*\}|[^\s"\[{;]+|;.*')
_JSON_TYPE: Final = msgspec.json.Decoder(Type)


class AssembleError(ValueError):
    """The text is not an assembled function; the message names the line."""


# --- to text ----------------------------------------------------------------------------------------------------------


def disassemble(function: Function, positions: bool = True) -> str:
    """The text of a function.  Without ``positions`` it does not assemble to an equal one."""
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
        self._listed = {kind for kind in _POOLS if not self._in_order(kind)}

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
        lines.append(f"  stack {function.max_stack}")
        for kind in _POOLS:
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
        pool: Sequence[Any] = getattr(self._function, _POOLS[kind])
        return pool

    def _in_order(self, kind: str) -> bool:
        pool = self._pool(kind)
        uses = [
            each for row, operands in self._code for k, each in zip(row.operands, operands, strict=True) if k == kind
        ]
        if kind == "table":  # the assembler makes a table of every one that is written
            return uses == list(range(len(pool)))
        keys = {_key(entry) for entry in pool}
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
        if kind not in _POOLS:
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


def _key(entry: Any) -> Any:
    # 0, 0.0, -0.0 and false are different constants
    return (type(entry), repr(entry)) if isinstance(entry, int | float | str | None) else entry


# --- from text --------------------------------------------------------------------------------------------------------


def assemble(text: str) -> Function:
    """The function that ``text`` describes; raises :class:`AssembleError`, and what is left out is computed."""
    functions = assemble_all(text)
    if len(functions) != 1:
        raise AssembleError(f"{len(functions)} functions where one is wanted")
    return functions[0]


def assemble_all(text: str) -> list[Function]:
    """Every function of a text that holds several, in order; raises :class:`AssembleError`."""
    functions: list[_Assembler] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in _TOKEN.findall(line) if not word.startswith(";")]
        if not words:
            continue
        try:
            if words[0] == "function":
                functions.append(_Assembler(_unquoted(words[1])))
            else:
                functions[-1].line(words)
        except (ValueError, KeyError, IndexError) as error:
            raise AssembleError(f"line {number}: {line.strip()}: {error}") from error
    return [each.finish() for each in functions]


_Patch = Callable[[], int]


class _Assembler:
    """Reads line by line; labels are looked up at the end, when all are known."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parameters: tuple[str, ...] = ()
        self._captures = 0
        self._local_count: int | None = None
        self._local_names: tuple[str, ...] = ()
        self._stack: int | None = None
        self._pools: dict[str, list[Any]] = {kind: [] for kind in _POOLS}
        self._handlers: list[tuple[str, ...]] = []
        self._positions: list[int] = []
        self._labels: dict[str, int] = {}
        self._code: list[int | _Patch] = []
        self._count = 0
        self._highest_local = -1

    def line(self, words: list[str]) -> None:
        head, rest = words[0], words[1:]
        if head.endswith(":"):
            self._labels[head[:-1]] = self._count
        elif head == "parameters":
            self._parameters = tuple(map(_unquoted, rest))
        elif head == "captures":
            self._captures = int(rest[0])
        elif head == "locals":
            self._local_count = int(rest[0])
            self._local_names = tuple(map(_unquoted, rest[1:]))
        elif head == "stack":
            self._stack = int(rest[0])
        elif head == "positions":
            self._positions = [int(word) for word in rest]
        elif head == "catch":
            self._handlers.append(tuple(rest))
        elif head in _POOLS and head not in CODES:
            self._pools[head].append(self._entry(head, rest[0]))
        else:
            self._instruction(words)

    def finish(self) -> Function:
        tables = tuple(
            JumpTable(keys, tuple(map(self._target, targets)), self._target(default))
            for keys, targets, default in self._pools["table"]
        )
        try:
            code = tuple(each if isinstance(each, int) else each() for each in self._code)
            handlers = tuple(
                Handler(self._target(a), self._target(b), self._target(c), int(d)) for a, b, c, d in self._handlers
            )
        except ValueError as error:
            raise AssembleError(f"{self._name}: {error}") from error
        least = max(len(self._parameters) + self._captures, self._highest_local + 1)
        return Function(
            name=self._name,
            parameters=self._parameters,
            capture_count=self._captures,
            local_count=least if self._local_count is None else self._local_count,
            max_stack=max_stack(code, handlers, tables) if self._stack is None else self._stack,
            code=code,
            constants=tuple(self._pools["const"]),
            names=tuple(self._pools["name"]),
            types=tuple(self._pools["type"]),
            tables=tables,
            handlers=handlers,
            positions=tuple(self._positions),
            local_names=self._local_names,
        )

    def _instruction(self, words: list[str]) -> None:
        if words[0].startswith("@"):
            line, column = words.pop(0)[1:].split(":")
            self._positions += [self._count, int(line), int(column)]
        row = TABLE[CODES[words[0]]]
        self._code.append(row.code)
        for kind, word in zip(row.operands, words[1:], strict=True):
            self._code.append(self._operand(row.name, kind, word))
        self._count += 1

    def _operand(self, opcode: str, kind: str, word: str) -> int | _Patch:
        if kind == "target":
            return lambda: self._target(word)
        if word.startswith("#"):
            return int(word[1:])
        if kind == "local":
            digits = word.partition(":")[0]
            names = self._local_names or self._parameters
            index = int(digits) if digits.isdigit() else names.index(word)
            self._highest_local = max(self._highest_local, index)
            return index
        if kind == "operator":
            return OPERATORS[opcode].index(word)
        if kind not in _POOLS:
            return int(word)
        entry = self._entry(kind, word)
        pool = self._pools[kind]
        if kind != "table":
            for index, known in enumerate(pool):
                if _key(known) == _key(entry):
                    return index
        pool.append(entry)
        return len(pool) - 1

    def _entry(self, kind: str, word: str) -> Any:
        if kind == "const":
            return _constant(word)
        if kind == "name":
            return _unquoted(word)
        if kind == "type":
            return _JSON_TYPE.decode(word)
        keys: list[int | str] = []
        targets: list[str] = []
        for key, target in re.findall(r'("(?:[^"\\]|\\.)*"|[^\s,:{}]+): *([^\s,}]+)', word):
            if key == "else":
                return tuple(keys), tuple(targets), target
            value = _constant(key)
            if not isinstance(value, int | str):
                raise ValueError(f"a jump table's key cannot be {key}")
            keys.append(value)
            targets.append(target)
        raise ValueError("a jump table without `else`")

    def _target(self, word: str) -> int:
        if word.startswith("#"):
            return int(word[1:])
        if word not in self._labels:
            raise ValueError(f"there is no label {word}")
        return self._labels[word]


def _constant(word: str) -> Constant:
    if word.lstrip("-") in ("inf", "nan") or re.fullmatch(r"-?\d+(\.\d+(e[+-]?\d+)?|e[+-]?\d+)", word):
        return float(word)
    return msgspec.json.decode(word, type=int | str | bool | None)


def _unquoted(word: str) -> str:
    return msgspec.json.decode(word, type=str) if word.startswith('"') else word
