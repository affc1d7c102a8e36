"""What a handler may throw again, and that a value that it throws again has the trace that the interpreter gives it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bamlvm.vm.facts import ANY, INT, STRING, Fact
from bamlvm.vm.flow import Flow
from bamlvm.vm.handlers import Handlers
from bamlvm.vm.machine import Failed, Machine
from bamlvm.vm.program.types import ClassType
from tests.support.compiling import compile_text, errors, link

THROWS = """
class A { x int }
class B { x int }
function thrower(x: int) -> int {
  if (x == 0) { throw "text" }
  if (x == 1) { throw A { x: x } }
  if (x == 2) { throw B { x: x } }
  if (x == 3) { throw x }
  if (x == 4) { return [1][x]; }
  if (x == 5) { throw baml.panics.UserPanic { message: "mine" } }
  1 / (x - 6)
}
"""

CATCHES = {
    "_": "e { _ => 1 }",
    "string": "e { string => 1 }",
    "string or A": "e { string | A => 1 }",
    "A, int": "e { A => 1, int => 2 }",
    "panic, _": "e { baml.panics.DivisionByZero => 1, _ => 2 }",
    "literal": 'e { "text" => 1, "other" => 2 }',
    "literal, _": 'e { "text" => 1, 7 => 2, _ => 3 }',
    "nested": "e { A => thrower(x) catch (again) { string => 4 } }",
}


def program(source: str) -> Any:
    made = compile_text(source)
    assert made.unit is not None, errors(made)
    return link(made.unit)


def handlers_of(catch: str) -> tuple[Handlers, int]:
    """The handlers of a function that catches so, and the handler of its first protected block."""
    variable, arms = catch.split(" ", 1)
    source = THROWS + f"function main(x: int) -> int {{ thrower(x) catch ({variable}) {arms} }}"
    function = program(source).function("main")
    function.decode()
    flow = Flow(function.placed.function)
    return Handlers(flow), next(each.protection.handler for each in flow.blocks if each.protection is not None)


def instance(name: str) -> Fact:
    return Fact("instance", type=ClassType(name))


@pytest.mark.parametrize(
    ("catch", "never", "perhaps"),
    [
        ("_", [STRING, INT, instance("A")], [ANY, instance("baml.panics.UserPanic"), Fact("instance")]),
        ("string", [STRING], [ANY, INT, instance("A")]),
        ("string or A", [STRING, instance("A")], [ANY, INT, instance("B")]),
        ("A, int", [INT, instance("A")], [ANY, STRING, Fact("instance")]),
        ("panic, _", [STRING, instance("A"), instance("baml.panics.DivisionByZero")], [ANY, Fact("instance")]),
        ("literal", [], [ANY, STRING, INT]),
        ("literal, _", [STRING, INT, instance("A")], [ANY, instance("baml.panics.UserPanic")]),
    ],
)
def test_what_a_handler_may_throw_again(catch: str, never: list[Fact], perhaps: list[Fact]) -> None:
    handlers, handler = handlers_of(CATCHES[catch])
    assert [each for each in never if handlers.rethrows(handler, each)] == []
    assert [each for each in perhaps if not handlers.rethrows(handler, each)] == []


@pytest.mark.parametrize(
    ("catch", "alone"), [("_", True), ("panic, _", True), ("literal, _", True), ("string", False), ("literal", False)]
)
def test_whether_panics_alone_are_thrown_again(catch: str, alone: bool) -> None:
    handlers, handler = handlers_of(CATCHES[catch])
    assert handlers.rethrows_panics_alone(handler) == alone


def test_an_error_that_an_arm_keeps_beyond_a_loop_is_not_thrown_again_by_the_next_turn() -> None:
    source = THROWS + (
        "function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) "
        "{ s += thrower(i) catch (e) { string => 1 }; } s }"
    )
    function = program(source).function("main")
    function.decode()
    flow = Flow(function.placed.function)
    handler = next(each.protection.handler for each in flow.blocks if each.protection is not None)
    assert not Handlers(flow).rethrows(handler, STRING)


@pytest.mark.parametrize(("catch", "x"), list(itertools.product(CATCHES, range(7))))
def test_what_is_thrown_again_has_the_trace_of_the_interpreter(catch: str, x: int) -> None:
    variable, arms = CATCHES[catch].split(" ", 1)
    source = THROWS + (
        f"function middle(x: int) -> int {{ let n = thrower(x) + 1; n }}\n"
        f"function caught(x: int) -> int {{ let n = middle(x) catch ({variable}) {arms}; n + 1 }}\n"
        f"function direct(x: int) -> int {{ let n = thrower(x) catch ({variable}) {arms}; n + 1 }}\n"
        "function main(x: int, direct_: bool) -> int { if (direct_) { return direct(x); } caught(x) }"
    )
    for direct in (True, False):
        outcomes = []
        for translation in ("off", "eager"):
            linked = program(source)
            linked.translation = translation
            machine = Machine(linked, None)
            machine.start("main", [x, direct])
            outcome = machine.run()
            error = outcome.error if isinstance(outcome, Failed) else None
            outcomes.append((type(outcome), getattr(outcome, "value", None), error and error.trace))
        assert outcomes[0] == outcomes[1]
