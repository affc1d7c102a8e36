"""From Python frames to the interpreter's: which exceptions mean BAML errors, and what a spilled frame holds."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bamlvm.vm.native import Native
from bamlvm.vm.spill import (
    Activations,
    Bail,
    Held,
    Pause,
    Rethrown,
    Suspend,
    ThrownValue,
    activations,
    as_held,
    spill,
)
from bamlvm.vm.values import Caught, TraceFrame
from tests.support.compiling import compile_text, errors, link

SOURCE = """
function inner(xs: int[], i: int, d: int) -> int { let k = 10; k + xs[i] / d }
function outer(xs: int[], i: int, d: int) -> int { let before = i * 2 % 5; before + inner(xs, i, d) }
"""


def left(**globals_: Any) -> Any:
    """A tier with ``outer`` and ``inner``, and a function that calls ``outer`` and returns how it was left."""
    made = compile_text(SOURCE)
    assert made.unit is not None, errors(made)
    program = link(made.unit)
    program.translation = "eager"
    native = Native(program, "eager")
    space = native.space()
    space._globals.update(globals_)

    def call(*arguments: Any) -> tuple[BaseException, Activations]:
        outer = space.make(program.function("outer"))
        machine: Any = SimpleNamespace(turns_left=100, turns=100, poll=None)
        try:
            space.run(machine, outer, [*arguments])
        except BaseException as error:
            return error, activations(error.__traceback__, native.codes, space.transparent)
        raise AssertionError("it returned")

    return program, call


def machine_of(program: Any) -> Any:
    return SimpleNamespace(
        frames=[],
        callers=lambda: (TraceFrame("caller", "", 1, 1),),
        pause=lambda *state: ("paused", state),
        suspend=lambda *state: ("suspended", state),
        instance_of=lambda thrown: thrown.class_name,
    )


@pytest.mark.parametrize(
    ("arguments", "panic"),
    [(([1, 2], 5, 1), "baml.panics.IndexOutOfBounds"), (([1, 2], 1, 0), "baml.panics.DivisionByZero")],
)
def test_an_exception_of_python_is_the_panic_of_its_line(arguments: Any, panic: str) -> None:
    program, call = left()
    error, found = call(*arguments)
    held = as_held(error, machine_of(program), found)
    assert held is not None and held.value == panic
    assert [each.function for each in held.trace] == ["inner", "outer"]
    assert [(each.line, each.column > 1) for each in held.trace] == [(2, True), (3, True)]


def test_the_same_exception_of_other_code_is_not_baml_s() -> None:
    program, call = left()

    class Odd(list[int]):
        def __getitem__(self, index: Any) -> Any:
            raise IndexError("a bug of the host's")

    error, found = call(Odd(), 0, 1)
    assert found.foreign
    assert as_held(error, machine_of(program), found) is None


def test_an_exception_that_no_line_can_mean_is_not_baml_s() -> None:
    program, call = left()
    error, found = call({"a": 1}, None, 1)
    assert as_held(error, machine_of(program), found) is None


def test_frames_move_with_their_locals_and_operands() -> None:
    program, call = left()
    inner = program.function("inner")
    _, found = call([], 3, 2)
    machine = machine_of(program)
    step, slots, stack, function, top = spill(Bail(), machine, found.found)
    assert function is inner and slots[1:3] == [3, 2]
    assert function.records.index(step) == found.found[-1].site.place
    assert [*stack[1:], top] == [10, [], 3]  # the operands of the instruction lie on the stack again
    (caller,) = machine.frames
    assert caller[3] is program.function("outer") and caller[1][1] == 3
    assert caller[2] == [None, 1]  # `before` waits for what `inner` returns


def test_a_pause_keeps_the_operands_and_a_wait_has_taken_them() -> None:
    program, call = left()
    _, found = call([], 0, 1)
    kind, paused = spill(Pause(), machine_of(program), found.found)
    assert kind == "paused"
    kind, waits = spill(Suspend("sysop", ["x"], "awaitable"), machine_of(program), found.found)  # type: ignore[arg-type]  # any object will do
    assert kind == "suspended" and waits[:3] == ("sysop", ["x"], "awaitable")
    records = program.function("inner").records
    assert records.index(waits[3]) == records.index(paused[0]) + 1


def test_what_a_handler_holds_gets_the_callers_when_its_frame_moves() -> None:
    here, caller = TraceFrame("f", "", 2, 2), TraceFrame("caller", "", 1, 1)
    assert Held("v", (here,)).caught((caller,)).trace == (here, caller)
    assert Held("v", (here,), complete=True).caught((caller,)).trace == (here,)


def test_what_is_thrown_again_keeps_its_first_trace() -> None:
    program, call = left()
    error, found = call([], 0, 1)
    machine = machine_of(program)
    first = as_held(error, machine, found)
    assert first is not None
    below = Held("v", (TraceFrame("deep", "", 9, 9), first.trace[0]))
    again = as_held(Rethrown(below), machine, found)
    assert again is not None and again.trace == (*below.trace, *first.trace[1:])
    interpreted = Caught("w", (TraceFrame("i", "", 1, 1),))
    kept = as_held(Rethrown(interpreted), machine, found)
    assert kept is not None and kept.complete and kept.trace == interpreted.trace
    thrown = as_held(ThrownValue("t"), machine, found)
    assert thrown is not None and (thrown.value, thrown.trace) == ("t", first.trace)


def test_frames_of_another_program_are_none_of_ours() -> None:
    try:
        raise IndexError
    except IndexError:
        found = activations(sys.exc_info()[2], {}, frozenset())
    assert found == Activations([], False)
    assert as_held(IndexError(), machine_of(None), found) is None
