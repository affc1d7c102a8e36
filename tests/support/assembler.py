"""An assembler for tests: the text that :mod:`bamlvm.vm.disassembler` writes becomes a function again.

Rule: ``assemble(disassemble(f)) == f`` for every function.  In text written by hand, what can be computed may be left
out (``stack``, ``locals``), a local may be its name alone, and ``;`` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from bamlvm.vm.disassembler import POOLS, entry_key
from bamlvm.vm.opcodes import CODES, OPERATORS, TABLE
from bamlvm.vm.program.code import Constant, Function, Handler, JumpTable, LocalType
from bamlvm.vm.program.types import Type
from bamlvm.vm.stack import max_stack

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\n]*\]|\{[^\n]*\}|[^\s"\[{;]+|;.*')
_JSON_TYPE: Final = msgspec.json.Decoder(Type)


class AssembleError(ValueError):
    """The text is not an assembled function; the message names the line."""


def assemble(text: str) -> Function:
    """Return the function of a text.  Raises :class:`AssembleError`."""
    functions = assemble_all(text)
    if len(functions) != 1:
        raise AssembleError(f"{len(functions)} functions instead of one")
    return functions[0]


def assemble_all(text: str) -> list[Function]:
    """Return the functions of a text that may hold several, in order.  Raises :class:`AssembleError`."""
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
        self._local_types: list[LocalType] = []
        self._stack: int | None = None
        self._pools: dict[str, list[Any]] = {kind: [] for kind in POOLS}
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
        elif head == "local_type":
            self._local_types.append(LocalType(int(rest[0]), self._entry("type", rest[1])))
        elif head == "stack":
            self._stack = int(rest[0])
        elif head == "positions":
            self._positions = [int(word) for word in rest]
        elif head == "catch":
            self._handlers.append(tuple(rest))
        elif head in POOLS and head not in CODES:
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
            local_types=tuple(self._local_types),
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
        if kind not in POOLS:
            return int(word)
        entry = self._entry(kind, word)
        pool = self._pools[kind]
        if kind != "table":
            for index, known in enumerate(pool):
                if entry_key(known) == entry_key(entry):
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
