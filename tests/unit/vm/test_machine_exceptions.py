"""Throwing and catching: exception tables, traces, and what comes from outside the machine."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm.machine import Done, Failed, Machine, MachineError
from bamlvm.vm.values import Thrown, TraceFrame

CATCHER = """
function main
  parameters x
  load_const "below"
A:
  load_local x
  call thrower 1
B:
  alloc_array 2
  return
H:
  caught_value
  load_const "caught"
  alloc_array 3
  return
  catch A B H 1
function thrower
  parameters x
  load_const 1
  load_const 2
  load_local x
  throw
"""


def test_a_handler_in_the_caller_cuts_its_stack(lab: Any) -> None:
    assert lab.value(CATCHER, 5) == ["below", 5, "caught"]


def test_the_innermost_handler_is_asked_first(lab: Any) -> None:
    text = """
    function main
      parameters x
    A:
      load_const "in"
    B:
      load_local x
      throw
    INNER:
      caught_value
      alloc_array 2
      throw
    OUTER:
      caught_value
      load_const "out"
      alloc_array 2
      return
      catch B INNER INNER 1
      catch A OUTER OUTER 0
    """
    assert lab.value(text, 1) == [["in", 1], "out"]


def test_a_handler_does_not_guard_itself(lab: Any) -> None:
    text = "function main\nA:\nload_const 1\nthrow\nH:\npop\nload_const 2\nthrow\ncatch A H H 0"
    outcome = lab.outcome(text)
    assert isinstance(outcome, Failed) and outcome.error.value == 2


@pytest.mark.parametrize("code", ["unreachable", "call deep 0\nthrow", "load_const null\ncall deep2 1\nthrow"])
def test_a_throw_where_nothing_is_above_what_is_kept(lab: Any, code: str) -> None:
    text = f"""
    function main
      load_const 1
      load_const 2
    A:
      {code}
    H:
      pop
      alloc_array 2
      return
      catch A H H 2
    function deep
      unreachable
    function deep2
      parameters x
      unreachable
    """
    assert lab.value(text) == [1, 2]


@pytest.mark.parametrize(
    "code", ["add_store b", "mul_int\nstore_local b", "pop\nload_const 0\nbin_op /\nstore_local b"]
)
def test_a_local_keeps_what_it_held(lab: Any, code: str) -> None:
    text = f"""
    function main
      parameters a b
      load_const 7
    A:
      load_local a
      load_local a
      {code}
    B:
      load_const "not thrown"
      return
    H:
      pop
      pop
      load_local b
      return
      catch A B H 1
    """
    assert lab.value(text, 1 << 62, "kept") == "kept"


TRACED = """
function main
  parameters x
  @0:7 load_local x
  @1:2 call middle 1
  return
function middle
  parameters x
  @0:0 load_const 0
  pop
A:
  @2:4 load_local x
  call inner 1
B:
  return
H:
  @3:0 pop
  @3:1 load_const "again"
  throw
  catch A B H 0
function inner
  parameters x
  @0:3 load_local x
  @5:6 throw
"""


def test_the_trace_has_every_frame(lab: Any) -> None:
    outcome = lab.outcome(TRACED.replace("catch A B H 0", ""), 1)
    assert outcome.error.trace == (
        TraceFrame("inner", "main.baml", 16, 7),
        TraceFrame("middle", "main.baml", 13, 5),
        TraceFrame("main", "main.baml", 12, 3),
    )


def test_a_column_on_the_items_first_line_counts_from_the_item(lab: Any) -> None:
    outcome = lab.outcome("function main\nload_const 1\n@0:7 throw")
    assert outcome.error.trace == (TraceFrame("main", "main.baml", 11, 12),)


def test_a_new_throw_has_a_new_trace(lab: Any) -> None:
    outcome = lab.outcome(TRACED, 1)
    assert outcome.error.value == "again"
    assert [frame.function for frame in outcome.error.trace] == ["middle", "main"]
    assert outcome.error.trace[0].line == 14


def test_rethrow_keeps_the_first_trace(lab: Any) -> None:
    text = TRACED.replace('@3:0 pop\n  @3:1 load_const "again"\n  throw', "@3:0 rethrow")
    outcome = lab.outcome(text, 1)
    assert outcome.error.value == 1
    assert [frame.function for frame in outcome.error.trace] == ["inner", "middle", "main"]


def test_the_trace_of_a_jump_that_costs_nothing_is_exact(lab: Any) -> None:
    text = """
    function main
      parameters a b
      @0:0 load_local a
      store_local b
      jump T
      @1:0 load_const 0
      return
    T:
      @2:0 load_local b
      @3:5 bin_op ~
      return
    """.replace("bin_op ~", "load_const 0\n @3:5 bin_op %")
    outcome = lab.outcome(text, 5, 6)
    assert outcome.error.value.class_name == "baml.panics.DivisionByZero"
    assert outcome.error.trace[0].line == 14


def thrower(error: BaseException) -> Any:
    def throw(*_: Any) -> Any:
        raise error

    return throw


NATIVE_IN_TRY = """
function main
A:
  {call}
B:
  return
H:
  caught_value
  load_field_named {field}
  return
  catch A B H 0
"""


@pytest.mark.parametrize("call", ["call_native n 0", "sys_call s 0"])
def test_python_throws_into_baml(lab: Any, call: str) -> None:
    error = Thrown("baml.errors.Io", {"message": "no", "unknown_fact": 1})
    tables = {"natives": {"n": (0, thrower(error))}, "sysops": {"s": (0, thrower(error), False)}}
    for field, expected in (("message", "no"), ("path", None)):
        assert lab.value(lab.program(NATIVE_IN_TRY.format(call=call, field=field), **tables)) == expected


@pytest.mark.parametrize("call", ["call_native n 0", "sys_call s 0"])
def test_any_other_exception_passes_through(lab: Any, call: str) -> None:
    class HostError(Exception):
        pass

    for error in (HostError("mine"), TypeError("mine"), KeyboardInterrupt()):
        tables = {"natives": {"n": (0, thrower(error))}, "sysops": {"s": (0, thrower(error), False)}}
        machine = Machine(lab.program(NATIVE_IN_TRY.format(call=call, field="message"), **tables), None)
        machine.start("main", [])
        with pytest.raises(type(error)) as raised:
            machine.run()
        assert raised.value is error
        with pytest.raises(RuntimeError, match="no call"):
            machine.run()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ('load_const "x"\nload_const 1\nadd_int\nreturn', "add_int"),
        ("load_const 1\nload_field 0\nreturn", "load_field"),
        ("load_const 1\ncall_indirect 0\nreturn", "call_indirect"),
        ("load_const 1\nload_const 1\nload_element\nreturn", "load_element"),
        ("load_const null\nload_const 1\nbin_op +\nreturn", "bin_op"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_bug_and_said_so(lab: Any, code: str, name: str) -> None:
    with pytest.raises(MachineError, match=f"main: instruction .*`{name}`"):
        lab.outcome(f"function main\n{code}")


def test_a_machine_can_be_used_again(lab: Any) -> None:
    machine = Machine(lab.program(CATCHER), None)
    for _ in range(2):
        machine.start("main", [5])
        assert lab.finish(machine) == Done(["below", 5, "caught"])
    machine.start("thrower", [6])
    with pytest.raises(RuntimeError, match="already"):
        machine.start("main", [5])
    outcome = lab.finish(machine)
    assert isinstance(outcome, Failed) and outcome.error.value == 6
