"""The opcode table: one row an instruction, from which everything about instructions is derived.

The encoder (``compiler/emit.py``), the disassembler, the verifier, the maximum stack depth and ``docs/opcodes.md`` read
this table; the machine has one handler a row, and a test says that neither has an orphan.

An operand's kind says what its integer means:

``local``      index of a local                ``const``   index into the function's constants
``name``       index into its names            ``type``    index into its types
``table``      index into its jump tables      ``target``  an instruction index
``count``      a number of stack entries       ``field``   index of a field
``operator``   index into BINARY, COMPARE or UNARY below

``pops`` and ``pushes`` count stack entries; ``pops`` adds the ``count`` operand times ``per_count``.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Opcode(NamedTuple):
    """One row.

    ``flow``: ``next`` falls through, ``branch`` may jump or fall through, ``jump`` only jumps, ``end`` leaves.
    """

    code: int
    name: str
    operands: tuple[str, ...]
    pops: int
    pushes: int
    per_count: int
    flow: str
    doc: str


BINARY: Final = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")
COMPARE: Final = ("==", "!=", "<", "<=", ">", ">=")
UNARY: Final = ("-", "!", "~")

_ROWS: Final = """
load_local          | local          | 0 | 1 | 0 | next   | push a local
load_const          | const          | 0 | 1 | 0 | next   | push a constant
store_local         | local          | 1 | 0 | 0 | next   | pop into a local
add_int             |                | 2 | 1 | 0 | next   | integer sum; panics on overflow
sub_int             |                | 2 | 1 | 0 | next   | integer difference; panics on overflow
mul_int             |                | 2 | 1 | 0 | next   | integer product; panics on overflow
less                |                | 2 | 1 | 0 | next   | a < b, both numbers or both strings
less_equal          |                | 2 | 1 | 0 | next   | a <= b, both numbers or both strings
greater             |                | 2 | 1 | 0 | next   | a > b, both numbers or both strings
greater_equal       |                | 2 | 1 | 0 | next   | a >= b, both numbers or both strings
equal               |                | 2 | 1 | 0 | next   | a == b where both are of one scalar type, or one is null
not_equal           |                | 2 | 1 | 0 | next   | a != b where both are of one scalar type, or one is null
pop_jump_if_false   | target         | 1 | 0 | 0 | branch | pop a bool; jump if it is false
pop_jump_if_true    | target         | 1 | 0 | 0 | branch | pop a bool; jump if it is true
jump                | target         | 0 | 0 | 0 | jump   | go on at the target, which lies ahead
loop                | target         | 0 | 0 | 0 | jump   | go back to the target; costs a step of the budget
call                | name count     | 0 | 1 | 1 | next   | call a function with its arguments
return              |                | 1 | 0 | 0 | end    | leave the function with a value
load_field          | field          | 1 | 1 | 0 | next   | a field of an instance by index
store_field         | field          | 2 | 0 | 0 | next   | instance, value: set a field by index
load_element        |                | 2 | 1 | 0 | next   | container, index or key: an element; panics if there is none
store_element       |                | 3 | 0 | 0 | next   | container, index or key, value: set an element
bin_op              | operator       | 2 | 1 | 0 | next   | arithmetic on numbers, + on strings, by the operands' types
cmp_op              | operator       | 2 | 1 | 0 | next   | comparison of any values; == and != are deep
unary_op            | operator       | 1 | 1 | 0 | next   | negation, not, bitwise complement
concat              |                | 2 | 1 | 0 | next   | join two strings
copy                | count          | 0 | 1 | 0 | next   | push again the entry that many below the top (0: the top)
pop                 |                | 1 | 0 | 0 | next   | drop the top
is_null             |                | 1 | 1 | 0 | next   | whether the value is null
load_cell           | local          | 0 | 1 | 0 | next   | push the content of the cell in a local
store_cell          | local          | 1 | 0 | 0 | next   | pop into the cell in a local
make_cell           | local          | 0 | 0 | 0 | next   | put a local's value into a fresh cell in the same local
call_indirect       | count          | 1 | 1 | 1 | next   | function value, arguments: call it
call_method         | name count     | 0 | 1 | 1 | next   | receiver, arguments: call the method of that bare name
call_native         | name count     | 0 | 1 | 1 | next   | call a native function
sys_call            | name count     | 0 | 1 | 1 | next   | call a sys-op; may suspend the machine
make_closure        | name count     | 0 | 1 | 1 | next   | a function value over that many cells
alloc_array         | count          | 0 | 1 | 1 | next   | a list of the entries
alloc_map           | count          | 0 | 1 | 2 | next   | a map of that many key, value pairs
alloc_instance      | name count     | 0 | 1 | 1 | next   | an instance of a class from its fields in declared order
append              |                | 2 | 1 | 0 | next   | list, value: the list with the value pushed
extend              |                | 2 | 1 | 0 | next   | list, list: the first with the second's items pushed
insert              |                | 3 | 1 | 0 | next   | map, key, value: the map with the entry set
update              |                | 2 | 1 | 0 | next   | map, map: the first with the second's entries set
load_field_named    | name           | 1 | 1 | 0 | next   | a field by name, where the class is not known
store_field_named   | name           | 2 | 0 | 0 | next   | instance, value: set a field by name
load_variant        | name name      | 0 | 1 | 0 | next   | push an enum's variant
is_type             | type           | 1 | 1 | 0 | next   | whether the value is of a type
discriminant        |                | 1 | 1 | 0 | next   | an enum value's variant as an integer, in declared order
type_tag            |                | 1 | 1 | 0 | next   | a value's type: int, list, map …, a class's or enum's name
jump_table          | table          | 1 | 0 | 0 | jump   | pop a key and go on at its target, or at the default
load_missing        |                | 0 | 1 | 0 | next   | push the mark of an argument left out
jump_if_supplied    | local target   | 0 | 0 | 0 | branch | jump if a parameter was given
throw               |                | 1 | 0 | 0 | end    | throw a value; the trace begins here
caught_value        |                | 1 | 1 | 0 | next   | the value inside a caught error
rethrow             |                | 1 | 0 | 0 | end    | throw a caught error again, with its first trace
assert              | const          | 1 | 0 | 0 | next   | pop a bool; panic with the message if it is false
unreachable         |                | 0 | 0 | 0 | end    | panic: control cannot come here
"""


def _parse(rows: str) -> tuple[Opcode, ...]:
    table = []
    for code, line in enumerate(rows.strip().splitlines()):
        name, operands, pops, pushes, per_count, flow, doc = (cell.strip() for cell in line.split("|", 6))
        table.append(Opcode(code, name, tuple(operands.split()), int(pops), int(pushes), int(per_count), flow, doc))
    return tuple(table)


TABLE: Final = _parse(_ROWS)
"""Every opcode; a row's place is its code."""

CODES: Final[dict[str, int]] = {row.name: row.code for row in TABLE}
"""An opcode's number by its name."""
