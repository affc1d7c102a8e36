"""Threads of a machine, with a driver that is played here: which one runs, what they get, how they end."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.table import load as load_sysops
from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Failed, Machine, Paused, Suspended
from bamlvm.vm.natives import load_natives
from bamlvm.vm.outcomes import Idle
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.threads import Thread
from bamlvm.vm.values import Pending, Thrown
from tests.support.compiling import compile_text, standard

PROGRAM = """
class Bad { message string }
function asked(n: int) -> int throws baml.errors.InvalidArgument {
  baml.fs.read(n.to_string()).length() catch (e) { baml.errors.Io => -1 }
}
function sum(n: int) -> int {
  let total = 0;
  let fs = [];
  for (let i = 0; i < n; i += 1) { fs.push(spawn { let before = asked(i); total += before; before }) }
  let answers = 0;
  for (let f in fs) { answers += await f; }
  if (answers == total) { total } else { -1000 }
}
function spinning(n: int) -> int[] {
  let turns = [0, 0];
  let f = spawn { while (turns[0] < n) { turns[0] += 1; } turns[1] };
  let g = spawn { while (turns[1] < n) { turns[1] += 1; } turns[0] };
  [await f, await g]
}
function deep(n: int) -> int { if (n == 0) { 0 } else { 1 + deep(n - 1) } }
function depths(n: int) -> int { let f = spawn { deep(n) }; deep(n) + await f }
function endless() -> int { let f = spawn { let i = 0; while (i >= 0) { i = 1; } i }; await f }
function cancelling(n: int) -> int {
  let fs = [];
  for (let i = 0; i < n; i += 1) { fs.push(spawn { asked(i) }) }
  await spawn { 0 };
  let count = 0;
  for (let f in fs) { if (f.cancel()) { count += 1; } }
  for (let f in fs) { (await f) catch (e) { _: baml.panics.Cancelled => -1 } }
  count
}
function awaiting(f: Future<int, never>) -> int { await f }
function traced() -> int { let f = spawn { inner() }; await f }
function inner() -> int { throw Bad { message: "x" } }
"""


class Scope:
    """A scope whose machine is played with."""

    def __init__(self) -> None:
        self.threads: Any = None


@cache
def program(translation: str) -> Program:
    unit = compile_text(PROGRAM).unit
    assert unit is not None
    sysops = dict(load_sysops())
    sysops["baml.fs.read"] = SysOp("baml.fs.read", lambda scope, path: Pending(Unused()), False)
    linked = Program.link([standard(), unit], load_natives(), sysops)
    linked.translation = translation  # type: ignore[assignment]  # one of its words
    return linked


class Unused:
    """An awaitable that nobody awaits."""

    def __await__(self) -> Any:
        raise AssertionError("the driver answers")


def machine_for(name: str, *arguments: Any, translation: str = "hot", **options: Any) -> Machine:
    scope = Scope()
    machine = Machine(program(translation), scope, **options)
    scope.threads = machine
    machine.start(name, arguments)
    return machine


def drive(machine: Machine, choose: Any = lambda count: 0, fuel: int = 100) -> Any:
    """Run to the end; ``choose`` says which of the waits is answered next, by the length of its path plus one."""
    waits: list[Suspended] = []
    while True:
        outcome = machine.run(fuel=fuel)
        scheduler = machine.scheduler
        if scheduler is not None:
            for thread in scheduler.take_closing():
                waits = [each for each in waits if each.thread is not thread]
                scheduler.closed(thread)
        if isinstance(outcome, Done | Failed):
            return outcome
        if isinstance(outcome, Suspended):
            waits.append(outcome)
        elif isinstance(outcome, Idle) and waits:
            answer(machine, waits.pop(choose(len(waits))))


def answer(machine: Machine, wait: Suspended) -> None:
    number = int(wait.arguments[0])
    if number % 5 == 4:
        machine.resume_error(Thrown("baml.errors.Io", {"message": "no"}), wait.thread)
    else:
        machine.resume("x" * number, wait.thread)


def expected_sum(n: int) -> int:
    return sum(-1 if i % 5 == 4 else i for i in range(n))


MODES = ("off", "hot", "eager", "stress")


@pytest.mark.parametrize("translation", MODES)
@given(data=st.data(), n=st.integers(0, 12), fuel=st.integers(1, 60))
def test_the_order_of_answers_changes_nothing(translation: str, data: st.DataObject, n: int, fuel: int) -> None:
    machine = machine_for("sum", n, translation=translation)
    outcome = drive(machine, lambda count: data.draw(st.integers(0, count - 1)), fuel)
    assert isinstance(outcome, Done)
    # `total += before` reads `total` and sets it without waiting in between, so that no addition is lost.
    assert outcome.value == expected_sum(n)
    assert machine.scheduler is None or machine.scheduler.alone


@pytest.mark.parametrize("translation", MODES)
def test_threads_that_only_compute_take_turns(translation: str) -> None:
    machine = machine_for("spinning", 20_000, translation=translation)
    machine.run(fuel=1)
    assert machine.scheduler is None or machine.scheduler.quantum == 10
    outcome = drive(machine, fuel=50)
    assert isinstance(outcome, Done)
    assert outcome.value[0] > 0  # the second had begun when the first one ended


@pytest.mark.parametrize("translation", MODES)
def test_each_thread_has_frames_of_its_own(translation: str) -> None:
    outcome = drive(machine_for("depths", 60, translation=translation, max_depth=80))
    assert isinstance(outcome, Done) and outcome.value == 120


def test_the_budget_of_steps_is_the_call_s() -> None:
    outcome = drive(machine_for("endless", budget=3_000))
    assert isinstance(outcome, Failed)
    assert outcome.error.value.class_name == "baml.panics.StepLimit"


@pytest.mark.parametrize("translation", MODES)
@given(n=st.integers(0, 6), fuel=st.integers(1, 40))
def test_cancelled_threads_end_with_their_waits(translation: str, n: int, fuel: int) -> None:
    machine = machine_for("cancelling", n, translation=translation)
    outcome = drive(machine, fuel=fuel)
    assert isinstance(outcome, Done) and 0 <= outcome.value <= n
    scheduler = machine.scheduler
    assert scheduler is not None and scheduler.alone and not scheduler.unawaited() and not scheduler.take_closing()


def test_a_trace_goes_on_where_the_future_is_awaited() -> None:
    outcome = drive(machine_for("traced"))
    assert isinstance(outcome, Failed)
    assert [frame.function for frame in outcome.error.trace] == ["inner", "traced$lambda1", "traced"]


def test_a_result_for_a_cancelled_thread_is_ignored() -> None:
    machine = machine_for("sum", 2)
    waits = [outcome for outcome in (machine.run() for _ in range(2)) if isinstance(outcome, Suspended)]
    assert isinstance(machine.run(), Idle)
    thread = waits[0].thread
    assert isinstance(thread, Thread) and thread.in_sysop
    assert machine.cancel(thread.future) and not machine.cancel(thread.future)  # type: ignore[arg-type]  # a spawned one
    machine.resume("late", thread)
    assert isinstance(machine.run(), Idle)
    scheduler = machine.scheduler
    assert scheduler is not None
    assert scheduler.take_closing() == [thread]
    scheduler.closed(thread)
    outcome = machine.run()
    while isinstance(outcome, Paused):
        outcome = machine.run()
    assert isinstance(outcome, Failed)  # it awaits the cancelled one
    assert outcome.error.value.class_name == "baml.panics.Cancelled"
    assert len(scheduler.unfinished) == 1


def test_a_future_that_outlives_its_call_is_a_cancelled_one() -> None:
    machine = machine_for("sum", 1)
    assert isinstance(machine.run(), Suspended)
    scheduler = machine.scheduler
    assert scheduler is not None
    (thread,) = scheduler.unfinished
    scheduler.end()
    assert thread.future is not None and thread.future.settled
    later = machine_for("awaiting", thread.future)
    outcome = later.run()
    assert isinstance(outcome, Failed)
    assert outcome.error.value.class_name == "baml.panics.Cancelled"
