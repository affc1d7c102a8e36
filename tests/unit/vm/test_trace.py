"""The traced loop runs as the other does, and its tracer sees every instruction."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm import make_loop
from bamlvm.vm.loop import execute
from bamlvm.vm.machine import Done, Machine
from bamlvm.vm.trace import StepPrinter, traced_loop

TEXT = """
function main
  parameters n
  locals 2 n i
  @0:2 load_local n
  @1:4 call double 1
  store_local i
  @2:2 load_local i
  return

function double
  parameters n
  locals 1 n
  @0:0 load_two_locals n n
  add_return
"""


def test_a_line_a_step(lab: Any) -> None:
    lines: list[str] = []
    machine = Machine(lab.program(TEXT), None, tracer=StepPrinter(lines.append))
    machine.start("main", [21])
    outcome = lab.finish(machine, fuel=1)
    assert isinstance(outcome, Done) and outcome.value == 42
    assert [line.split() for line in lines] == [
        ["1", "main", "0", "main.baml:11:7", "load_local", "0:n", "|"],
        ["1", "main", "1", "main.baml:12:5", "call", "double", "1", "|", "21"],
        ["2", "double", "0", "main.baml:11:5", "load_two_locals", "0:n", "0:n", "|"],
        ["2", "double", "1", "main.baml:11:5", "add_return", "|", "21"],
        ["1", "main", "2", "main.baml:12:5", "store_local", "1:i", "|", "42"],
        ["1", "main", "3", "main.baml:13:3", "load_local", "1:i", "|"],
        ["1", "main", "4", "main.baml:13:3", "return", "|", "42"],
    ]


def test_a_function_without_source_has_no_place(lab: Any) -> None:
    lines: list[str] = []
    program = lab.program("function main\nunreachable", natives={"seven": (0, lambda: 7)})
    machine = Machine(program, None, tracer=StepPrinter(lines.append))
    machine.start("seven", [])
    assert lab.finish(machine).value == 7
    assert [line.split()[3] for line in lines] == ["-", "-"]


def test_what_is_no_value_is_printed_too(lab: Any) -> None:
    text = """
    function main
      catch L0 L2 L2 0
    L0:
      load_const "no"
      throw
    L2:
      caught_value
      return
    """
    lines: list[str] = []
    machine = Machine(lab.program(text), None, tracer=StepPrinter(lines.append))
    machine.start("main", [])
    assert lab.finish(machine).value == "no"
    assert [line.partition("| ")[2] for line in lines] == ["", '"no"', 'caught "no"', '"no"']


def test_the_loops_differ_by_the_calls_of_the_tracer_only() -> None:
    plain, traced = (make_loop.source(each).splitlines() for each in (False, True))
    extra = [line for line in traced if line not in plain]
    assert [line.strip().split(" ")[0] for line in extra] == ["if", "machine.watch(function,"]
    assert [line for line in traced if line not in extra] == plain


def test_a_machine_without_a_tracer_runs_the_plain_loop(lab: Any) -> None:
    assert traced_loop() is traced_loop()
    assert traced_loop() is not execute


@pytest.mark.parametrize("n", [0, 1, 7])
def test_errors_have_the_same_trace(lab: Any, n: int) -> None:
    text = """
    function main
      parameters n
      @1:1 load_local n
      @2:2 call f 1
      return
    function f
      parameters n
      @0:3 load_const 1
      load_local n
      @0:9 bin_op /
      throw
    """
    program = lab.program(text)
    errors = []
    for tracer in (None, lambda *_: None):
        machine = Machine(program, None, tracer=tracer)
        machine.start("main", [n])
        outcome = lab.finish(machine)
        errors.append((type(outcome), outcome.error.trace))
    assert errors[0] == errors[1]
