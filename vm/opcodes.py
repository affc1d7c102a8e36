"""The opcode table: one row an instruction, from which everything about instructions is derived.

The encoder (``compiler/emit.py``), the disassembler, the verifier, the maximum stack depth, the loop and
``docs/opcodes.md`` are driven by or made from this table; a test says that no row is without a meaning.

A *fused* instruction does what a run of plain ones does, in one dispatch.  Its row follows from its parts: its operands
are theirs in order, its handler is made of theirs (:mod:`bamlvm.vm.make_loop`).  :data:`FUSIONS` drives the compiler's
peephole.  At most one part can throw, so that a stack trace stays exact: the instruction takes that part's position.
(Except a ``loop`` at its end, which throws only if the host's budget of steps is spent.)

The kinds of operands, which are integers:

``local``      index of a local                ``const``   index into the function's constants
``name``       index into its names            ``type``    index into its types
``table``      index into its jump tables      ``target``  an instruction index
``count``      a number of stack entries       ``field``   index of a field
``operator``   index into BINARY, COMPARE or UNARY below

``pops`` and ``pushes`` count stack entries; ``pops`` adds the ``count`` operand times ``per_count``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Opcode(NamedTuple):
    """A row of the table.

    ``flow``: ``next`` falls through, ``branch`` may jump or fall through, ``jump`` only jumps, ``end`` leaves.
    ``parts`` names what a fused instruction stands for.
    """

    code: int
    name: str
    operands: tuple[str, ...]
    pops: int
    pushes: int
    per_count: int
    flow: str
    doc: str
    parts: tuple[str, ...] = ()

    @property
    def throws_at(self) -> int:
        """Of a fused instruction: the part whose source position it has (the one that can throw, else the last)."""
        return next((place for place, part in enumerate(self.parts) if part in MAY_THROW), len(self.parts) - 1)


BINARY: Final = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")
COMPARE: Final = ("==", "!=", "<", "<=", ">", ">=")
UNARY: Final = ("-", "!", "~")
OPERATORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"bin_op": BINARY, "cmp_op": COMPARE, "unary_op": UNARY}
)
"""What an ``operator`` operand of an instruction indexes."""

_ROWS: Final = """
load_local           | local          | 0 | 1 | 0 | next   | push a local
load_const           | const          | 0 | 1 | 0 | next   | push a constant
call                 | name count     | 0 | 1 | 1 | next   | call a function with its arguments
call_native          | name count     | 0 | 1 | 1 | next   | call a native function
load_two_locals      = load_local load_local
load_local_field     = load_local load_field
add_local_const_loop = load_local load_const add_int store_local loop
unless_less_locals   = load_local load_local less pop_jump_if_false
store_local          | local          | 1 | 0 | 0 | next   | pop into a local
pop_jump_if_false    | target         | 1 | 0 | 0 | branch | pop a bool; jump if it is false
bin_op               | operator       | 2 | 1 | 0 | next   | arithmetic on numbers, + on strings, by the operands' types
load_element         |                | 2 | 1 | 0 | next   | container, index or key: an element; panics without one
load_local_const     = load_local load_const
store_load           = store_local load_local
add_store            = add_int store_local
add_locals_store     = load_local load_local add_int store_local
return               |                | 1 | 0 | 0 | end    | leave the function with a value
loop                 | target         | 0 | 0 | 0 | jump   | go back to the target; costs a step of the budget
add_int              |                | 2 | 1 | 0 | next   | integer sum; panics on overflow
load_field           | field          | 1 | 1 | 0 | next   | a field of an instance by index
store_element        |                | 3 | 0 | 0 | next   | container, index or key, value: set an element
sub_int              |                | 2 | 1 | 0 | next   | integer difference; panics on overflow
mul_int              |                | 2 | 1 | 0 | next   | integer product; panics on overflow
less                 |                | 2 | 1 | 0 | next   | a < b, both numbers or both strings
less_equal           |                | 2 | 1 | 0 | next   | a <= b, both numbers or both strings
greater              |                | 2 | 1 | 0 | next   | a > b, both numbers or both strings
greater_equal        |                | 2 | 1 | 0 | next   | a >= b, both numbers or both strings
equal                |                | 2 | 1 | 0 | next   | a == b where both are of one scalar type, or one is null
not_equal            |                | 2 | 1 | 0 | next   | a != b where both are of one scalar type, or one is null
pop_jump_if_true     | target         | 1 | 0 | 0 | branch | pop a bool; jump if it is true
jump                 | target         | 0 | 0 | 0 | jump   | go on at the target, which lies ahead
store_field          | field          | 2 | 0 | 0 | next   | instance, value: set a field by index
cmp_op               | operator       | 2 | 1 | 0 | next   | comparison of any values; == and != are deep
unary_op             | operator       | 1 | 1 | 0 | next   | negation, not, bitwise complement
concat               |                | 2 | 1 | 0 | next   | join two strings
copy                 | count          | 0 | 1 | 0 | next   | push again the entry that many below the top (0: the top)
pop                  |                | 1 | 0 | 0 | next   | drop the top
is_null              |                | 1 | 1 | 0 | next   | whether the value is null
load_cell            | local          | 0 | 1 | 0 | next   | push the content of the cell in a local
store_cell           | local          | 1 | 0 | 0 | next   | pop into the cell in a local
make_cell            | local          | 0 | 0 | 0 | next   | put a local's value into a fresh cell in the same local
call_indirect        | count          | 1 | 1 | 1 | next   | function value, arguments: call it
call_method          | name count     | 0 | 1 | 1 | next   | receiver, arguments: call the method of that bare name
sys_call             | name count     | 0 | 1 | 1 | next   | call a sys-op; may suspend the machine
make_closure         | name count     | 0 | 1 | 1 | next   | a function value over that many cells
alloc_array          | count          | 0 | 1 | 1 | next   | a list of the entries
alloc_map            | count          | 0 | 1 | 2 | next   | a map of that many key, value pairs
alloc_instance       | name count     | 0 | 1 | 1 | next   | an instance of a class from its fields in declared order
append               |                | 2 | 1 | 0 | next   | list, value: the list with the value pushed
extend               |                | 2 | 1 | 0 | next   | list, list: the first with the second's items pushed
insert               |                | 3 | 1 | 0 | next   | map, key, value: the map with the entry set
update               |                | 2 | 1 | 0 | next   | map, map: the first with the second's entries set
load_field_named     | name           | 1 | 1 | 0 | next   | a field by name, where the class is not known
store_field_named    | name           | 2 | 0 | 0 | next   | instance, value: set a field by name
load_variant         | name name      | 0 | 1 | 0 | next   | push an enum's variant
is_type              | type           | 1 | 1 | 0 | next   | whether the value is of a type
discriminant         |                | 1 | 1 | 0 | next   | an enum value's variant as an integer, in declared order
type_tag             |                | 1 | 1 | 0 | next   | a value's type: int, list, map …, a class's or enum's name
jump_table           | table          | 1 | 0 | 0 | jump   | pop a key and go on at its target, or at the default
load_global          | name           | 0 | 1 | 0 | next   | push a constant; the first to read it evaluates it
store_global         | name           | 1 | 1 | 0 | next   | keep the value of a constant, unless it has one; push that
load_missing         |                | 0 | 1 | 0 | next   | push the mark of an argument left out
jump_if_supplied     | local target   | 0 | 0 | 0 | branch | jump if a parameter was given
throw                |                | 1 | 0 | 0 | end    | throw a value; the trace begins here
caught_value         |                | 1 | 1 | 0 | next   | the value inside a caught error
rethrow              |                | 1 | 0 | 0 | end    | throw a caught error again, with its first trace
assert               | const          | 1 | 0 | 0 | next   | pop a bool; panic with the message if it is false
unreachable          |                | 0 | 0 | 0 | end    | panic: control cannot come here
load_element_locals  = load_local load_local load_element
return_local         = load_local return
return_const         = load_const return
add_const            = load_const add_int
add_return           = add_int return
sub_local_const      = load_local load_const sub_int
concat_store         = concat store_local
grow_local           = load_local load_const concat store_local
unless_equal_const   = load_const equal pop_jump_if_false
unless_less          = less pop_jump_if_false
unless_less_equal    = less_equal pop_jump_if_false
unless_local         = load_local pop_jump_if_false
unless_local_null    = load_local is_null pop_jump_if_false
"""
"""A row is a plain instruction, or ``=`` and the parts of a fused one.  The first :data:`HOT` are those that programs
execute most often: the loop finds them in fewer comparisons.

A fused row is here because it pays: without it a measured program is slower by a tenth or more, and ``concat_store``
makes building a string linear (:data:`bamlvm.vm.semantics.COMPOUND`).
"""

HOT: Final = 16
"""How many rows at the table's beginning the loop finds first."""

MAY_THROW: Final = frozenset(
    {
        *("add_int", "sub_int", "mul_int", "load_element", "store_element", "bin_op", "unary_op", "cmp_op", "loop"),
        *(
            "call",
            "call_indirect",
            "call_method",
            "call_native",
            "sys_call",
            "load_global",
            "throw",
            "rethrow",
            "assert",
        ),
        *("concat", "extend", "update", "unreachable"),
    }
)
"""The plain instructions that can throw, call or wait; a ``loop`` throws if the budget of steps is spent."""


KEYS: Final[Mapping[str, int]] = {"load_element": 0, "store_element": 1, "insert": 1, "jump_table": 0}
"""The instructions that look a key up, which may be a long text, and how many entries lie above it."""

_EFFORTS: Final[Mapping[str, int]] = MappingProxyType(
    {"call_native": 16, "sys_call": 32, "concat": 64, "cmp_op": 8, "is_type": 8, "extend": 16, "update": 16}
)

LONGEST_RUN: Final = 192
"""Effort of a run of instructions after which the interpreter may pause: a step is never longer."""


def _parse(rows: str) -> tuple[Opcode, ...]:
    lines = rows.strip().splitlines()
    by_name: dict[str, Opcode] = {}
    for code, line in enumerate(lines):  # the plain ones first: the fused ones are made of them
        if "|" in line:
            name, operands, pops, pushes, per_count, flow, doc = (cell.strip() for cell in line.split("|", 6))
            counts = int(pops), int(pushes), int(per_count)
            by_name[name] = Opcode(code, name, tuple(operands.split()), *counts, flow, doc)
    for code, line in enumerate(lines):
        if "|" not in line:
            name, parts = (cell.strip() for cell in line.split("="))
            by_name[name] = _fused(code, name, [by_name[part] for part in parts.split()])
    return tuple(sorted(by_name.values()))


def _fused(code: int, name: str, parts: list[Opcode]) -> Opcode:
    depth = lowest = 0
    for part in parts:
        depth -= part.pops
        lowest = min(lowest, depth)
        depth += part.pushes
    operands = tuple(operand for part in parts for operand in part.operands)
    names = tuple(part.name for part in parts)
    return Opcode(code, name, operands, -lowest, depth - lowest, 0, parts[-1].flow, " + ".join(names), names)


TABLE: Final = _parse(_ROWS)
"""Every opcode; a row's place is its code, which is its number in the loop too."""

CODES: Final[Mapping[str, int]] = MappingProxyType({row.name: row.code for row in TABLE})
"""An opcode's number by its name."""

PSEUDO: Final = ("enter", "halt", "compiled", "compiled_loop", "rest")
"""What only the linker and the machine put in: the entry of a function that has not been called before, what the
outermost frame returns to, compiled code, and where a long run may pause.  Their numbers follow the opcodes'."""

DISPATCH: Final[Mapping[str, int]] = MappingProxyType(
    {**CODES, **{name: len(TABLE) + place for place, name in enumerate(PSEUDO)}}
)
"""The loop's number of an opcode or a pseudo-instruction by its name."""

FUSIONS: Final[Mapping[tuple[str, ...], str]] = MappingProxyType({row.parts: row.name for row in TABLE if row.parts})
"""The fused opcode's name by the run of plain ones that it stands for.

The peephole takes the longest run that fits, within one basic block, and gives the fused instruction the operands of
its parts in order and the position of the part :attr:`Opcode.throws_at`.
"""


def plain(row: Opcode) -> tuple[str, ...]:
    """Return the names of the plain instructions that a row stands for: its parts, or itself."""
    return row.parts or (row.name,)


def effort(row: Opcode) -> int:
    """Return how long an instruction takes at most where nothing is counted, in those that move an entry."""
    return sum(_EFFORTS.get(name, 1) for name in plain(row))


EFFORTS: Final = tuple(map(effort, TABLE))
""":func:`effort` by opcode."""


def markdown() -> str:
    """Return the text of ``docs/opcodes.md``."""
    lines = [
        "# Opcodes",
        "",
        "Made from the table in `vm/opcodes.py` by `python -m bamlvm.vm.opcodes`; do not edit.",
        "",
        "A stack effect is written `popped → pushed`; `n` is the instruction's `count` operand. The kinds of",
        "operands are explained in the head comment of `vm/opcodes.py`. Jump targets are instruction indexes.",
        "",
        "| code | name | operands | stack | flow | what it does |",
        "|---:|---|---|---|---|---|",
    ]
    plain_rows = [row for row in TABLE if not row.parts]
    lines += [
        f"| {row.code} | `{row.name}` | {' '.join(row.operands)} | {_effect(row)} | {row.flow} | {row.doc} |"
        for row in plain_rows
    ]
    lines += [
        "",
        "## Fused instructions",
        "",
        "Each does in one dispatch what a run of plain ones does. The compiler's optimiser (`-O1`) puts them in.",
        "",
        "| code | name | operands | stack | stands for |",
        "|---:|---|---|---|---|",
    ]
    lines += [
        f"| {row.code} | `{row.name}` | {' '.join(row.operands)} | {_effect(row)} | {row.doc} |"
        for row in TABLE
        if row.parts
    ]
    return "\n".join(lines) + "\n"


def _effect(row: Opcode) -> str:
    counted = {0: "", 1: "n", 2: "2n"}[row.per_count]
    popped = " + ".join(part for part in (str(row.pops) if row.pops or not counted else "", counted) if part)
    return f"{popped} → {row.pushes}"


if __name__ == "__main__":
    from pathlib import Path

    Path(__file__).resolve().parent.parent.joinpath("docs", "opcodes.md").write_text(markdown(), encoding="utf-8")
