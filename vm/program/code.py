"""A function's code as data: instructions, constants, tables of jumps and handlers, positions.

Positions are relative to the item that holds the function, so that moving an item inside its file changes
``first_line`` and ``first_column`` only.  Lines and columns count from 1 when shown, from 0 here.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from bamlvm.vm.program.types import Attribute as Attribute
from bamlvm.vm.program.types import Type

Constant: TypeAlias = int | float | str | bool | None


class Handler(msgspec.Struct, frozen=True, array_like=True):
    """One row of a function's exception table: a throw at ``start <= pc < end`` cuts the operand stack to ``depth``,
    pushes the caught error and goes on at ``target``.  Rows are ordered innermost first."""

    start: int
    end: int
    target: int
    depth: int


class JumpTable(msgspec.Struct, frozen=True, array_like=True):
    """Targets by key (integers, or strings for ``type_tag``); ``default`` where no key fits."""

    keys: tuple[int | str, ...]
    targets: tuple[int, ...]
    default: int


class LocalType(msgspec.Struct, frozen=True, array_like=True):
    """The declared type of a local that is a list or a map."""

    local: int
    type: Type


class Function(msgspec.Struct, frozen=True, array_like=True):
    """The code of one function.

    ``code`` is flat: an opcode followed by as many operands as its row in the opcode table has.  Jump targets and
    handler ranges are *instruction indexes*, not offsets.  Locals are the parameters, then the captured cells, then
    the rest.  ``positions`` holds triples ``instruction index, line delta, column`` for the instructions from that
    index on.  ``local_types`` are those of the locals that are lists or maps and stand in no cell: what the compiler
    knows of their items, and an instruction that makes one does not say.
    """

    name: str
    parameters: tuple[str, ...]
    capture_count: int
    local_count: int
    max_stack: int
    code: tuple[int, ...]
    constants: tuple[Constant, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[Type, ...] = ()
    tables: tuple[JumpTable, ...] = ()
    handlers: tuple[Handler, ...] = ()
    positions: tuple[int, ...] = ()
    local_names: tuple[str, ...] = ()
    local_types: tuple[LocalType, ...] = ()


class Placed(msgspec.Struct, frozen=True, array_like=True):
    """A function and the place of its item: the file, and the item's first line and column (from 0)."""

    function: Function
    file: str
    first_line: int
    first_column: int
