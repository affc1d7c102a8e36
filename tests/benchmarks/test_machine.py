"""How fast the machine runs: a loop, a recursive Fibonacci and string building, beside CPython on the same algorithm.

Bar: 8 million simple instructions a second.  Programs are the compiler's output, kept as text: ``plain`` is what -O0
gives, ``fused`` what -O1 gives.  ``plain_rate`` counts the instructions of the plain program in both, so that fused
code is measured by the work it does; ``dispatched_rate`` counts the instructions that were executed (both in millions
a second, of the fastest round).  ``beside_cpython`` is how many times as long as CPython's it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Machine, Paused
from bamlvm.vm.program.code import Placed
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.verifier import verify
from tests.support.assembler import assemble_all

LOOP = {
    "plain": """
        function main
          parameters n
          locals 3 n s i
          load_const 0
          store_local s
          load_const 0
          store_local i
        L:
          load_local i
          load_local n
          less
          pop_jump_if_false E
          load_local s
          load_local i
          add_int
          store_local s
          load_local i
          load_const 1
          add_int
          store_local i
          loop L
        E:
          load_local s
          return
    """,
    "fused": """
        function main
          parameters n
          locals 3 n s i
          load_const 0
          store_local s
          load_const 0
          store_local i
        L:
          unless_less_locals i n E
          add_locals_store s i s
          add_local_const_loop i 1 i L
        E:
          return_local s
    """,
}

FIBONACCI = {
    "plain": """
        function main
          parameters n
          load_local n
          load_const 2
          less
          pop_jump_if_false E
          load_local n
          return
        E:
          load_local n
          load_const 1
          sub_int
          call main 1
          load_local n
          load_const 2
          sub_int
          call main 1
          add_int
          return
    """,
    "fused": """
        function main
          parameters n
          load_local_const n 2
          unless_less E
          return_local n
        E:
          sub_local_const n 1
          call main 1
          sub_local_const n 2
          call main 1
          add_return
    """,
}

TEXT = {
    "plain": """
        function main
          parameters n
          locals 3 n s i
          load_const ""
          store_local s
          load_const 0
          store_local i
        L:
          load_local i
          load_local n
          less
          pop_jump_if_false E
          load_local s
          load_const "ab"
          concat
          store_local s
          load_local i
          load_const 1
          add_int
          store_local i
          loop L
        E:
          load_local s
          return
    """,
    "fused": """
        function main
          parameters n
          locals 3 n s i
          load_const ""
          store_local s
          load_const 0
          store_local i
        L:
          unless_less_locals i n E
          grow_local s "ab" s
          add_local_const_loop i 1 i L
        E:
          return_local s
    """,
}


def python_loop(n: int) -> int:
    s = i = 0
    while i < n:
        s = s + i
        i = i + 1
    return s


def python_fibonacci(n: int) -> int:
    return n if n < 2 else python_fibonacci(n - 1) + python_fibonacci(n - 2)


def python_text(n: int) -> str:
    s = ""
    i = 0
    while i < n:
        s = s + "ab"
        i = i + 1
    return s


def in_loop(each: int) -> Callable[[int], int]:
    return lambda n: each * n


def in_fibonacci(inner: int, leaf: int) -> Callable[[int], int]:
    def count(n: int) -> int:
        return leaf if n < 2 else inner + count(n - 1) + count(n - 2)

    return count


@dataclass(frozen=True)
class Case:
    """``counts`` says how many instructions a program of each kind executes, but for a handful at its ends."""

    programs: dict[str, str]
    python: Callable[[int], Any]
    argument: int
    counts: dict[str, Callable[[int], int]]


CASES = {
    "loop": Case(LOOP, python_loop, 100_000, {"plain": in_loop(13), "fused": in_loop(3)}),
    "fibonacci": Case(FIBONACCI, python_fibonacci, 18, {"plain": in_fibonacci(14, 6), "fused": in_fibonacci(7, 3)}),
    # Short enough that a string that is copied whole each time is not what is measured.
    "text": Case(TEXT, python_text, 4_000, {"plain": in_loop(13), "fused": in_loop(3)}),
}


def linked(text: str) -> Program:
    functions = assemble_all(text)
    for function in functions:
        verify(function)
    return Program.link([Unit(functions={each.name: Placed(each, "", 0, 0) for each in functions})], {}, {})


def run(program: Program, argument: int) -> Any:
    machine = Machine(program, None)
    machine.start("main", [argument])
    while isinstance(outcome := machine.run(), Paused):
        pass
    assert isinstance(outcome, Done)
    return outcome.value


def fastest(function: Callable[[int], Any], argument: int) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        function(argument)
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.parametrize("kind", ["plain", "fused"])
@pytest.mark.parametrize("name", CASES)
def test_instructions_a_second(benchmark: Any, name: str, kind: str) -> None:
    case = CASES[name]
    program = linked(case.programs[kind])
    assert run(program, case.argument) == case.python(case.argument)
    benchmark.pedantic(run, (program, case.argument), rounds=15, warmup_rounds=1)
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["plain_rate"] = round(case.counts["plain"](case.argument) / seconds / 1e6, 1)
    benchmark.extra_info["dispatched_rate"] = round(case.counts[kind](case.argument) / seconds / 1e6, 1)
    benchmark.extra_info["beside_cpython"] = round(seconds / fastest(case.python, case.argument), 1)


def test_growing_a_string_is_linear(benchmark: Any) -> None:
    """Twenty times the length: the machine's own time an iteration, beside that of the short one."""
    program = linked(TEXT["fused"])
    short = fastest(lambda n: run(program, n), 10_000) / 10_000
    benchmark.pedantic(run, (program, 200_000), rounds=3)
    benchmark.extra_info["beside_a_short_one"] = round(benchmark.stats.stats.min / 200_000 / short, 2)
