"""Sys-ops that wait: the machine stops with what is to be done, and goes on with a scripted reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from bamlvm.vm.machine import Done, Failed, Machine, Suspended
from bamlvm.vm.values import Caught, Pending, Thrown, TraceFrame

TEXT = """
function main
  parameters a
  load_const "kept"
A:
  @1:1 load_local a
  @1:2 sys_call ask 1
B:
  load_const "two"
  load_const "three"
  @2:5 sys_call tell 2
  alloc_array 3
  return
H:
  caught_value
  load_const "caught"
  alloc_array 3
  return
  catch A B H 1
"""


class World:
    """Sys-ops that only note what they are asked: ``ask`` is a coroutine, ``tell`` a plain function that must wait."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []

    async def ask(self, scope: Any, question: Any) -> Any:
        self.scopes.append(scope)
        return f"answer to {question}"

    def tell(self, scope: Any, first: Any, second: Any) -> Pending:
        async def wait() -> str:
            return f"told {first} {second}"

        self.scopes.append(scope)
        return Pending(wait())

    def program(self, lab: Any, text: str = TEXT) -> Any:
        return lab.program(text, sysops={"ask": (1, self.ask, True), "tell": (2, self.tell, False)})


def suspended(machine: Machine, name: str, arguments: list[Any]) -> Suspended:
    outcome = machine.run()
    assert isinstance(outcome, Suspended)
    assert (outcome.sysop.name, outcome.arguments) == (name, arguments)
    return outcome


def closed(outcomes: Iterable[Suspended]) -> None:
    for outcome in outcomes:
        outcome.awaitable.close()  # type: ignore[attr-defined]  # a coroutine


def test_scripted_replies(lab: Any) -> None:
    machine = Machine(World().program(lab), "scope")
    machine.start("main", [1])
    first = suspended(machine, "ask", [1])
    machine.resume([1, 2])
    second = suspended(machine, "tell", ["two", "three"])
    machine.resume(None)
    assert machine.run() == Done(["kept", [1, 2], None])
    closed([first, second])


def test_driven_by_an_event_loop(lab: Any) -> None:
    async def drive(machine: Machine) -> Any:
        while isinstance(outcome := machine.run(), Suspended):
            machine.resume(await outcome.awaitable)
        return outcome

    world = World()
    machine = Machine(world.program(lab), "scope")
    machine.start("main", ["q"])
    assert asyncio.run(drive(machine)) == Done(["kept", "answer to q", "told two three"])
    assert world.scopes == ["scope", "scope"]


@pytest.mark.parametrize("as_caught", [False, True])
def test_an_error_is_thrown_where_it_waits(lab: Any, as_caught: bool) -> None:
    machine = Machine(World().program(lab), None)
    machine.start("main", [1])
    closed([suspended(machine, "ask", [1])])
    machine.resume_error(Caught("custom") if as_caught else Thrown("baml.errors.Io", {"message": "gone"}))
    outcome = machine.run()
    assert isinstance(outcome, Done)
    kept, error, caught = outcome.value
    assert (kept, caught) == ("kept", "caught")
    assert error == "custom" if as_caught else error.get("message") == "gone"


def test_an_error_that_nothing_catches(lab: Any) -> None:
    machine = Machine(World().program(lab), None)
    machine.start("main", [1])
    waits = [suspended(machine, "ask", [1])]
    machine.resume("x")
    waits.append(suspended(machine, "tell", ["two", "three"]))
    machine.resume_error(Thrown("baml.errors.Io", {"message": "gone"}))
    outcome = machine.run()
    assert isinstance(outcome, Failed)
    assert outcome.error.trace == (TraceFrame("main", "main.baml", 13, 6),)
    closed(waits)


def test_a_trace_that_comes_with_an_error_is_kept(lab: Any) -> None:
    machine = Machine(World().program(lab, TEXT.replace("catch A B H 1", "")), None)
    machine.start("main", [1])
    closed([suspended(machine, "ask", [1])])
    trace = (TraceFrame("elsewhere", "x.baml", 1, 1),)
    machine.resume_error(Caught(1, trace))
    outcome = machine.run()
    assert isinstance(outcome, Failed) and outcome.error.trace == trace


def test_what_does_not_wait_is_answered_at_once(lab: Any) -> None:
    text = "function main\nsys_call now 0\nreturn"
    program = lab.program(text, sysops={"now": (0, lambda scope: scope, False)})
    machine = Machine(program, "scope")
    machine.start("main", [])
    assert machine.run() == Done("scope")


def test_illegal_transitions_change_nothing(lab: Any) -> None:
    machine = Machine(World().program(lab), None)
    with pytest.raises(RuntimeError, match="no call"):
        machine.run()
    with pytest.raises(RuntimeError, match="does not wait"):
        machine.resume(1)
    machine.start("main", [1])
    with pytest.raises(RuntimeError, match="does not wait"):
        machine.resume_error(Caught(1))
    waits = [suspended(machine, "ask", [1])]
    with pytest.raises(RuntimeError, match="waits"):
        machine.run()
    machine.resume("answer")
    with pytest.raises(RuntimeError, match="does not wait"):
        machine.resume("again")
    waits.append(suspended(machine, "tell", ["two", "three"]))
    closed(waits)


def test_waiting_spends_no_steps(lab: Any) -> None:
    text = "function main\nL:\nsys_call ask 0\npop\nloop L"
    program = lab.program(text, sysops={"ask": (0, lambda scope: Pending(asyncio.sleep(0)), False)})
    machine = Machine(program, None, budget=3)
    machine.start("main", [])
    waits = []
    while isinstance(outcome := machine.run(), Suspended):
        waits.append(outcome)
        machine.resume(None)
    assert isinstance(outcome, Failed) and outcome.error.value.class_name == "baml.panics.StepLimit"
    assert len(waits) == 4
    closed(waits)
