"""The profiler's sums, with a clock that the test moves."""

from __future__ import annotations

from typing import Any

from bamlvm.vm.machine import Done, Failed, Machine
from bamlvm.vm.profile import Profiler

TEXT = """
function main
  parameters n
  @0:0 load_local n
  @1:0 call_native wait 1
  pop
  @2:0 load_local n
  call inner 1
  @3:0 return

function inner
  parameters n
  @0:0 load_local n
  call_native wait 1
  return
"""


class Clock:
    """Seconds that pass only in ``wait``."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: int) -> int:
        self.now += seconds
        return seconds


def profiled(lab: Any, text: str, *arguments: Any) -> tuple[Profiler, Any]:
    clock = Clock()
    program = lab.program(text, natives={"wait": (1, clock.wait)})
    profiler = Profiler(clock)
    machine = Machine(program, None, tracer=profiler)
    machine.start("main", list(arguments))
    outcome = lab.finish(machine)
    profiler.stop()
    return profiler, outcome


def test_time_belongs_to_the_line_that_spends_it(lab: Any) -> None:
    profiler, outcome = profiled(lab, TEXT, 3)
    assert isinstance(outcome, Done)
    lines = {(each.function, each.line): (each.instructions, each.seconds) for each in profiler.lines()}
    assert lines == {
        ("main", 11): (1, 0),
        ("main", 12): (2, 3),
        ("main", 13): (2, 0),
        ("main", 14): (1, 0),
        ("inner", 11): (3, 3),
    }


def test_a_functions_total_includes_what_it_calls(lab: Any) -> None:
    profiler, _ = profiled(lab, TEXT, 3)
    functions = {each.name: (each.calls, each.own, each.total) for each in profiler.functions()}
    assert functions == {"main": (1, 3, 6), "inner": (1, 3, 3)}


def test_recursion_is_counted_once_and_throws_leave_several_frames(lab: Any) -> None:
    text = """
    function main
      catch A B C 0
    A:
      load_const 3
      call down 1
    B:
      return
    C:
      caught_value
      call_native wait 1
      return
    function down
      parameters n
      load_const 1
      call_native wait 1
      pop
      load_local n
      load_const 0
      equal
      pop_jump_if_false deeper
      load_const 5
      throw
    deeper:
      load_local n
      load_const 1
      sub_int
      call down 1
      return
    """
    profiler, outcome = profiled(lab, text)
    assert isinstance(outcome, Done) and outcome.value == 5
    functions = {each.name: (each.calls, each.own, each.total) for each in profiler.functions()}
    assert functions == {"main": (1, 5, 9), "down": (4, 4, 4)}


def test_a_call_that_fails_is_counted(lab: Any) -> None:
    profiler, outcome = profiled(lab, "function main\nload_const 2\ncall_native wait 1\nthrow")
    assert isinstance(outcome, Failed)
    assert [(each.name, each.total) for each in profiler.functions()] == [("main", 2)]


def test_the_table(lab: Any) -> None:
    profiler, _ = profiled(lab, TEXT, 3)
    assert profiler.table(limit=2) == (
        "calls   own ms  share  total ms  function\n"
        "    1  3000.00  50.0%   6000.00  main\n"
        "    1  3000.00  50.0%   3000.00  inner\n"
        "\n"
        "instructions       ms  share  line          function\n"
        "           2  3000.00  50.0%  main.baml:12  main\n"
        "           3  3000.00  50.0%  main.baml:11  inner"
    )


def test_nothing_ran(lab: Any) -> None:
    assert (
        Profiler(Clock()).table()
        == "calls  own ms  share  total ms  function\n\ninstructions  ms  share  line  function"
    )
