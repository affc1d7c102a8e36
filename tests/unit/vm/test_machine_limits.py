"""Fuel, the budget of steps and the depth of calls: exact, and the same however a call is sliced."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bamlvm.vm.machine import Done, Failed, Machine, Outcome, Paused
from bamlvm.vm.verifier import VerifyError

COUNT = """
function main
  parameters n
  locals 2 n i
  load_const 0
  store_local i
L:
  load_local i
  load_local n
  less
  pop_jump_if_false E
  load_local i
  call next 1
  store_local i
  loop L
E:
  load_local i
  return
function next
  parameters i
  load_local i
  load_const 1
  add_int
  return
"""
FUSED = """
function main
  parameters n
  locals 2 n i
  load_const 0
  store_local i
L:
  unless_less_locals i n E
  load_local i
  call next 1
  store_local i
  loop L
E:
  return_local i
function next
  parameters i
  locals 2 i j
  load_const 0
  store_local j
A:
  load_local_const j 1
  unless_less B
  add_local_const_loop j 1 j A
B:
  load_local_const i 1
  add_int
  return
"""
RECURSIVE = """
function main
  parameters n
  load_local n
  load_const 0
  equal
  pop_jump_if_false R
  load_const "bottom"
  return
R:
  load_local n
  load_const 1
  sub_int
  call main 1
  return
"""
FOREVER = {
    "loop": "function main\nL:\nloop L",
    "recursion": "function main\ncall main 0\nreturn",
    "indirect recursion": "function main\nmake_closure main 0\ncall_indirect 0\nreturn",
}


def sliced(
    program: Any, arguments: list[Any], fuel: int, budget: int | None = None, depth: int = 50
) -> tuple[Outcome, int]:
    """The outcome and how many slices it took."""
    machine = Machine(program, None, budget, max_depth=depth)
    machine.start("main", arguments)
    slices = 1
    while isinstance(outcome := machine.run(fuel), Paused):
        slices += 1
    return outcome, slices


def summary(outcome: Outcome) -> Any:
    if isinstance(outcome, Failed):
        value = outcome.error.value
        return value.class_name, len(outcome.error.trace)
    assert isinstance(outcome, Done)
    return outcome.value


@pytest.mark.parametrize("text", [COUNT, FUSED])
@given(n=st.integers(0, 30), fuel=st.integers(1, 40))
@settings(max_examples=50)
def test_slices_change_nothing(lab: Any, text: str, n: int, fuel: int) -> None:
    outcome, slices = sliced(lab.program(text), [n], fuel)
    assert outcome == Done(n)
    steps = 2 * n if text is COUNT else 3 * n
    assert (slices - 1) * fuel <= steps  # a slice does what it is given, or the call ends in it
    assert slices >= steps // (fuel + 1)


@pytest.mark.parametrize("text", [COUNT, FUSED])
@given(budget=st.integers(0, 70), fuel=st.integers(1, 80))
@settings(max_examples=100)
def test_the_budget_is_exact(lab: Any, text: str, budget: int, fuel: int) -> None:
    steps = {COUNT: 20, FUSED: 30}[text]
    outcome, _ = sliced(lab.program(text), [10], fuel, budget)
    if budget >= steps:
        assert outcome == Done(10)
    else:
        assert isinstance(outcome, Failed)
        assert outcome.error.value.class_name == "baml.panics.StepLimit"
        assert outcome.error.value.get("limit") == budget


@given(n=st.integers(0, 60), fuel=st.integers(1, 80))
@settings(max_examples=100)
def test_depth_is_exact_and_overflow_a_panic(lab: Any, n: int, fuel: int) -> None:
    outcome, _ = sliced(lab.program(RECURSIVE), [n], fuel, depth=50)
    expected = "bottom" if n < 50 else ("baml.panics.StackOverflow", 50)
    assert summary(outcome) == expected


@pytest.mark.parametrize("name", FOREVER)
@pytest.mark.parametrize("fuel", [1, 7, 1000])
def test_nothing_runs_forever(lab: Any, name: str, fuel: int) -> None:
    program = lab.program(FOREVER[name])
    outcome, slices = sliced(program, [], fuel, budget=3000, depth=10_000)
    assert summary(outcome)[0] == "baml.panics.StepLimit"
    assert slices >= 3000 // (fuel + 1)


CATCHING = """
function main
S:
  load_const 1
  throw
A:
  pop
  load_const 1
  throw
B:
  pop
  load_const 1
  throw
  catch A B B 0
  catch S A A 0
  catch B E A 0
E:
  unreachable
    """


def test_a_circle_of_handlers_without_a_loop_is_not_linked(lab: Any) -> None:
    with pytest.raises(VerifyError, match="in a cycle without a `loop`"):
        lab.program(CATCHING)


def test_pausing_lets_the_host_stop_a_loop(lab: Any) -> None:
    machine = Machine(lab.program(FOREVER["loop"]), None)
    machine.start("main", [])
    assert all(isinstance(machine.run(10), Paused) for _ in range(100))


def test_ten_thousand_frames_are_the_default(lab: Any) -> None:
    assert lab.value(RECURSIVE, 9_999) == "bottom"
    thrown = lab.thrown(RECURSIVE, 10_000)
    assert thrown.class_name == "baml.panics.StackOverflow" and thrown.get("limit") == 10_000


GUARDED = """
function main
  parameters n
  locals 2 n hits
  load_const 0
  store_local hits
A:
  call spin 0
B:
  return
H:
  caught_value
  type_tag
  {then}
  catch A B H 0
function spin
L:
  loop L
"""


def test_the_step_limit_can_be_caught_but_not_outrun(lab: Any) -> None:
    outcome, _ = sliced(lab.program(GUARDED.format(then="return")), [0], 10, budget=100)
    assert outcome == Done("baml.panics.StepLimit")
    outcome, _ = sliced(lab.program(GUARDED.format(then="pop\ncall spin 0\nreturn")), [0], 10, budget=100)
    assert summary(outcome)[0] == "baml.panics.StepLimit"
    outcome, _ = sliced(lab.program(GUARDED.format(then="pop\nloop A")), [0], 10, budget=100)
    assert summary(outcome)[0] == "baml.panics.StepLimit"


def test_a_stack_overflow_can_be_caught(lab: Any) -> None:
    text = """
    function main
    A:
      call deep 0
    B:
      return
    H:
      pop
      load_const "caught"
      return
      catch A B H 0
    function deep
      call deep 0
      return
    """
    assert sliced(lab.program(text), [], 7)[0] == Done("caught")
