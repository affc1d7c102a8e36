"""The verifier refuses what the machine cannot run, and what it passes the machine runs without surprises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bamlvm.vm.linker import LinkError, Program
from bamlvm.vm.machine import Done, Failed, Machine, MachineError, Paused, Suspended
from bamlvm.vm.opcodes import CODES
from bamlvm.vm.program.code import Function, Handler, JumpTable, LocalType, Placed
from bamlvm.vm.program.types import ListType, Primitive
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.stack import StackError, max_stack
from bamlvm.vm.verifier import VerifyError, verify
from tests.support.assembler import assemble

pytestmark = pytest.mark.slow

C = CODES
RETURN_ONE = (C["load_const"], 0, C["return"])


def function(*code: int, **parts: Any) -> Function:
    values: dict[str, Any] = {"constants": (1,), "names": ("n",), "max_stack": 1, "local_count": 1, **parts}
    return Function("f", (), 0, values.pop("local_count"), values.pop("max_stack"), tuple(code), **values)


def test_what_is_right_passes() -> None:
    verify(function(*RETURN_ONE))
    verify(function(C["jump"], 1, *RETURN_ONE))


@pytest.mark.parametrize(
    ("code", "parts", "index", "reason"),
    [
        ((), {}, None, "no code"),
        ((9999,), {}, 0, "unknown opcode 9999"),
        ((-1,), {}, 0, "unknown opcode -1"),
        ((C["load_const"],), {}, 0, "cut short"),
        ((C["load_const"], 1, C["return"]), {}, 0, "const 1, of 1"),
        ((C["load_const"], -1, C["return"]), {}, 0, "const -1"),
        ((C["load_local"], 1, C["return"]), {}, 0, "local 1, of 1"),
        ((*RETURN_ONE[:2], C["load_field_named"], 3, C["return"]), {}, 1, "name 3, of 1"),
        ((*RETURN_ONE[:2], C["is_type"], 0, C["return"]), {}, 1, "type 0, of 0"),
        ((*RETURN_ONE[:2], C["jump_table"], 0), {}, 1, "table 0, of 0"),
        ((*RETURN_ONE[:2], C["unary_op"], 3, C["return"]), {}, 1, "operator 3, of 3"),
        ((C["alloc_array"], -1, C["return"]), {}, 0, "count -1"),
        ((*RETURN_ONE[:2], C["load_field"], -1, C["return"]), {}, 1, "field -1"),
        ((C["jump"], 9), {}, 0, "target 9, of 1"),
        ((C["jump"], 0), {}, 0, "in a cycle without a `loop`"),
        ((*RETURN_ONE[:2], C["pop_jump_if_true"], 0, *RETURN_ONE), {}, 1, "in a cycle without a `loop`"),
        ((C["return"],), {}, 0, "pops 1 of 0"),
        ((*RETURN_ONE[:2], C["add_int"], C["return"]), {}, 1, "pops 2 of 1"),
        ((*RETURN_ONE[:2], C["copy"], 1, C["return"]), {}, 1, "reaches below"),
        (RETURN_ONE[:2], {}, 1, "control leaves the code"),
        (RETURN_ONE, {"max_stack": 2}, None, "max_stack is 2, the code reaches 1"),
        (RETURN_ONE, {"max_stack": 0}, None, "max_stack is 0, the code reaches 1"),
        (RETURN_ONE, {"local_count": -1}, None, "-1 locals for 0"),
        (RETURN_ONE, {"local_types": (LocalType(1, ListType(Primitive("int"))),)}, None, "a type of no local"),
        (RETURN_ONE, {"positions": (0, 1)}, None, "not triples"),
        (RETURN_ONE, {"positions": (1, 0, 0, 0, 0, 0)}, None, "out of order"),
        (RETURN_ONE, {"positions": (0, -1, 0)}, None, "negative position"),
        (RETURN_ONE, {"tables": (JumpTable((1,), (), 0),)}, None, "more keys than targets"),
        (RETURN_ONE, {"tables": (JumpTable((1, 1), (0, 0), 0),)}, None, "key twice"),
        (RETURN_ONE, {"tables": (JumpTable((1,), (0,), 5),)}, None, "leads nowhere"),
        (RETURN_ONE, {"handlers": (Handler(0, 3, 1, 0),)}, None, "range 0 to 3"),
        (RETURN_ONE, {"handlers": (Handler(1, 1, 1, 0),)}, None, "range 1 to 1"),
        (RETURN_ONE, {"handlers": (Handler(0, 1, 2, 0),)}, None, "handler at 2"),
        (RETURN_ONE, {"handlers": (Handler(0, 1, 1, -1),)}, None, "negative depth"),
        (RETURN_ONE, {"handlers": (Handler(0, 1, 1, 1),)}, 0, "below its handler's 1"),
        ((*RETURN_ONE, *RETURN_ONE), {"handlers": (Handler(0, 1, 0, 0),)}, 0, "depth 1 here, 0 along another way"),
    ],
)
def test_what_is_wrong_is_refused(code: tuple[int, ...], parts: dict[str, Any], index: int | None, reason: str) -> None:
    with pytest.raises(VerifyError) as raised:
        verify(function(*code, **parts))
    assert raised.value.function == "f" and raised.value.index == index
    assert reason in raised.value.reason
    assert str(raised.value).startswith("f: ")


def test_ways_must_agree_on_the_depth() -> None:
    text = """
    function f
      parameters a
      stack 1
      load_local a
      pop_jump_if_true B
      load_local a
    B:
      load_local a
      return
    """
    with pytest.raises(VerifyError, match="along another way"):
        verify(assemble(text))


def test_dead_code_is_let_be() -> None:
    verify(function(*RETURN_ONE, C["add_int"], C["return"]))


def test_the_depth_of_the_stack() -> None:
    text = "function f\nload_const 1\nload_const 2\nload_const 3\nalloc_array 2\nalloc_array 2\nreturn"
    assert assemble(text).max_stack == 3
    with pytest.raises(StackError):
        max_stack((C["pop"],), (), ())


# --- mutated code ---

SEED = assemble(
    """
    function main
      parameters a b
      locals 5 a b c d e
      alloc_array 0
      store_local c
    A:
      load_local a
      load_local b
      less
      pop_jump_if_false E
      load_local c
      load_local a
      append
      pop
      load_local a
      load_const 1
      add_int
      store_local a
      loop A
    E:
      load_local c
      load_const 0
      load_element
      store_local d
      load_local d
      jump_table {0: T, 1: T, else: U}
    T:
      load_local a
      load_local b
      call main 2
      return
    U:
      make_cell d
      load_local d
      make_closure inner 1
      call_indirect 0
      load_const "k"
      load_local a
      alloc_map 1
      store_local e
      load_local e
      load_const "k"
      load_element
      alloc_array 2
      is_type ["a",["p","int"]]
      return
    H:
      caught_value
      type_tag
      return
      catch A U H 0
    """
)
INNER = assemble("function inner\ncaptures 1\nlocals 1 d\nload_cell d\nload_const 5\nbin_op %\nreturn")


@given(
    st.lists(
        st.tuples(st.integers(0, len(SEED.code) - 1), st.integers(-1, len(CODES)) | st.integers(0, 6)), max_size=3
    ),
    st.integers(0, 3),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.filter_too_much])
def test_mutated_code_is_refused_or_runs(
    lab: Any, changes: list[tuple[int, int]], depth: int, arguments: tuple[int, int]
) -> None:
    code = list(SEED.code)
    for place, value in changes:
        code[place] = value
    try:
        handlers = tuple(Handler(h.start, h.end, h.target, depth) for h in SEED.handlers)
        high = max_stack(code, handlers, SEED.tables)
        mutant = Function(
            "main",
            SEED.parameters,
            0,
            5,
            high,
            tuple(code),
            SEED.constants,
            SEED.names,
            SEED.types,
            SEED.tables,
            handlers,
        )
        verify(mutant)
    except (StackError, VerifyError, IndexError):
        return
    standard = lab.program("function unused\nload_const 1\nreturn")
    functions = {each.name: Placed(each, "main.baml", 0, 0) for each in (mutant, INNER)}
    program = Program.link([Unit(functions=functions, classes=standard.classes)], {}, {})
    machine = Machine(program, None, budget=300, max_depth=20)
    machine.start("main", list(arguments))
    try:
        outcome = machine.run(17)
        while isinstance(outcome, Paused):
            outcome = machine.run(17)
    except (MachineError, LinkError):
        return
    assert isinstance(outcome, Done | Failed) and not isinstance(outcome, Suspended)
