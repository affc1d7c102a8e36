"""Text of functions: assembling what was disassembled gives the same function."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bamlvm.vm.disassembler import disassemble
from bamlvm.vm.opcodes import CODES, TABLE
from bamlvm.vm.program.code import Function, Handler, JumpTable
from bamlvm.vm.program.types import FLOAT, INT, STRING, ClassType, ListType, LiteralType, MapType, VariantType, optional
from bamlvm.vm.values import I64_MAX, I64_MIN
from tests.support.assembler import AssembleError, assemble, assemble_all

pytestmark = pytest.mark.no_program

NAMES = st.sampled_from(["main", "a.b.C", "$items4", "with space", 'quo"te', "é", "L1", "locals", ""]) | st.text(
    max_size=6
)
CONSTANTS = st.none() | st.booleans() | st.integers(I64_MIN, I64_MAX) | st.floats(allow_nan=False) | st.text(max_size=6)
TYPES = st.sampled_from(
    [
        INT,
        optional(STRING),
        ListType(FLOAT),
        MapType(STRING, INT),
        LiteralType("a] ;"),
        LiteralType(True),
        ClassType("C"),
        VariantType("E", "V"),
    ]
)
INDEXES = st.integers(0, 20)
TABLES = st.lists(st.tuples(st.integers(-3, 3) | st.text(max_size=4), INDEXES), max_size=3).flatmap(
    lambda pairs: st.builds(
        JumpTable, st.just(tuple(key for key, _ in pairs)), st.just(tuple(to for _, to in pairs)), INDEXES
    )
)


@st.composite
def functions(draw: Any) -> Function:
    """Any function at all, verified or not, as long as its operands lie in their pools."""
    pools = {
        "const": tuple(draw(st.lists(CONSTANTS, max_size=4))),
        "name": tuple(draw(st.lists(NAMES, max_size=3))),
        "type": tuple(draw(st.lists(TYPES, max_size=2))),
        "table": tuple(draw(st.lists(TABLES, max_size=2))),
    }
    rows = [row for row in TABLE if all(pools.get(kind, (1,)) for kind in row.operands)]
    code: list[int] = []
    for row in draw(st.lists(st.sampled_from(rows), max_size=12)):
        code.append(row.code)
        for kind in row.operands:
            high = len(pools[kind]) - 1 if kind in pools else 25
            code.append(draw(st.integers(0, high)))
    return Function(
        name=draw(NAMES),
        parameters=tuple(draw(st.lists(NAMES, max_size=2))),
        capture_count=draw(st.integers(0, 2)),
        local_count=draw(INDEXES),
        max_stack=draw(INDEXES),
        code=tuple(code),
        constants=pools["const"],
        names=pools["name"],
        types=pools["type"],
        tables=pools["table"],
        handlers=tuple(draw(st.lists(st.builds(Handler, INDEXES, INDEXES, INDEXES, INDEXES), max_size=2))),
        positions=tuple(draw(st.lists(INDEXES, max_size=7))),
        local_names=tuple(draw(st.lists(NAMES, max_size=4))),
    )


def exactly(function: Function) -> str:
    """Tells 0.0 from -0.0 and 1 from true, which compare equal."""
    return repr(function)


@given(functions())
@example(Function("f", (), 0, 0, 0, (CODES["jump_table"], 0, CODES["jump_table"], 0), tables=(JumpTable((), (), 0),)))
def test_assembling_gives_the_same_function(function: Function) -> None:
    again = assemble(disassemble(function))
    assert again == function and exactly(again) == exactly(function)


@given(st.lists(functions(), max_size=3))
def test_several_functions_in_one_text(several: list[Function]) -> None:
    assert assemble_all("\n".join(map(disassemble, several))) == several


TEXT = """\
function user.count
  parameters n
  locals 2 n i
  stack 2
  catch L2 L6 L6 0
  @0:4 load_const 0
  store_local 1:i
L2:
  @1:7 unless_less_locals 1:i 0:n L6
  call_native baml.f 0
  pop
  @2:2 add_local_const_loop 1:i 1 1:i L2
L6:
  @3:0 return_local 1:i
"""


def test_the_form() -> None:
    function = assemble(TEXT)
    assert disassemble(function) == TEXT
    assert disassemble(function, positions=False) == "\n".join(
        line.replace(line.split()[0] + " ", "") if "@" in line else line for line in TEXT.split("\n")
    )


def test_what_can_be_computed_may_be_left_out() -> None:
    function = assemble(
        "function f ; a comment\n  parameters a b\n  load_local b ; another\n  load_local 4\n  add_int\n  return"
    )
    assert (function.local_count, function.max_stack) == (5, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("function f\nfly", "line 2: fly"),
        ("function f\nload_const", "line 2"),
        ("function f\nload_const 1 2", "line 2"),
        ("function f\nload_const [", "line 2"),
        ("function f\njump X", "there is no label X"),
        ("function f\njump_table {1: A}", "without `else`"),
        ("function f\njump_table {1.5: A, else: A}", "cannot be 1.5"),
        ("function f\nbin_op ?", "line 2"),
        ("load_const 1", "line 1"),
        ("", "0 functions"),
        ("function f\nreturn\nfunction g\nreturn", "2 functions"),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(AssembleError, match=message.replace("?", r"\?").replace("[", r"\[")):
        assemble(text if "return" not in text else text.replace("return", "unreachable"))
