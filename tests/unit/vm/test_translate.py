"""Translations: the Python text of some functions, and that leaving it at any line changes nothing."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from bamlvm.vm.machine import Done, Failed, Machine, Paused
from bamlvm.vm.native import Native
from bamlvm.vm.space import Space
from bamlvm.vm.spill import Bail
from bamlvm.vm.translate import Translation
from tests.support.compiling import compile_text, errors, link


def program(source: str) -> Any:
    made = compile_text(source)
    assert made.unit is not None, errors(made)
    return link(made.unit)


def text(source: str, name: str = "main", *, guess: bool = True) -> str:
    linked = program(source)
    lines = Native(linked).translation(linked.function(name), guess=guess).text.split("\n")
    return dedent("\n".join(lines[2:-2]))


def test_a_counting_loop_runs_in_chunks_and_checks_its_sum_once_a_chunk() -> None:
    source = "function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s += i * 2 % 7; } s }"
    assert text(source) == dedent(
        """\
        nonlocal fuel
        v1 = 0
        v2 = 0
        while v2 < v0:
         if fuel < 1: poll()
         stop = v2 + fuel
         if stop > v0: stop = v0
         if stop > 2147483648 or v1 > 9223372036854763807: raise Bail
         fuel -= stop - v2
         for v2 in range(v2, stop):
          v1 = v1 + ((v2 * 2) % 7)
         v2 += 1
        return v1"""
    )


def test_another_loop_takes_its_turns_from_what_is_left_of_them_and_checks_once_a_chunk() -> None:
    source = """
    function main(n: int) -> int {
      let i = 2; let s = 0; while (i * i <= n) { s += n % i; if (s == 9) { break; } i += 1; } s
    }
    """
    assert text(source) == dedent(
        """\
        v1 = 2
        v2 = 0
        while True:
         if v1 > 2147481648 or v2 > 9223367741887481807: raise Bail
         for _ in turns:
          if not ((v1 * v1) <= v0):
           break
          v2 = v2 + (v0 % v1)
          if v2 == 9:
           break
          v1 = v1 + 1
         else:
          rest()
          continue
         break
        return v2"""
    )


def test_without_guesses_a_sum_is_checked_and_a_counter_below_its_bound_is_not() -> None:
    source = "function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s += i; } s }"
    found = text(source, guess=False)
    assert "range" not in found and "raise Bail" not in found
    assert found.count('raise integer_overflow("+")') == 1


def test_facts_leave_out_checks_that_cannot_fail() -> None:
    source = """
    function main(xs: int[]) -> int { if (xs.length() > 3) { xs.length() - 1 } else { xs.length() + 2 } }
    """
    assert "overflow" not in text(source)
    assert text("function main(a: int) -> int { a + 1 }").count(">") == 1  # one side only


def test_an_exception_table_is_a_try() -> None:
    source = """
    function f(x: int) -> int throws string { while (x * x < 9) { x += 1; } throw "no" }
    function main(x: int) -> int { f(x) catch_all (e) { _ => 1 } }
    """
    found = text(source)
    assert "try:" in found and "except CATCHABLE as error:" in found and "= caught(error)" in found


def test_a_throw_into_a_handler_of_the_same_function_raises_nothing() -> None:
    source = """
    function f(x: int) -> int throws string { if (x < 0) { throw "no" } x }
    function main(x: int) -> int { f(x) catch_all (e) { _ => 1 } }
    """
    found = text(source)
    assert "raise" not in found and "s0 = Caught('no')" in found


def test_a_small_function_is_put_in_place_of_its_call_and_of_a_recursive_one_a_level() -> None:
    source = """
    class P { x int  function plus(self, k: int) -> int { self.x + k } }
    function main(p: P) -> int { p.plus(1) }
    function fib(n: int) -> int { if (n < 2) { return n; } fib(n - 1) + fib(n - 2) }
    """
    found = text(source)
    assert "fields[0]" in found and "F" not in found
    assert text(source, "fib").count("F0(") == 4
    assert "calls -= 2" in text(source, "fib")


def test_a_sum_of_what_small_functions_return_is_checked_once_a_chunk() -> None:
    source = """
    function f(x: int) -> int { match (x) { 0 => 3, 1 => 1, 2 => 4, _ => 0 } }
    function g(x: int) -> int { if (x > 5) { return 2; } x }
    function main(n: int) -> int {
      let s = 0; for (let i = 0; i < n; i += 1) { s += f(i % 4); s -= g(i % 9); } s
    }
    """
    assert "K0[v" in text(source) and "overflow" not in text(source.replace(" s -= g(i % 9);", ""))
    assert text(source).count("overflow") == 2  # each of two sums may take what the other adds


def test_a_closure_that_is_known_is_called_by_its_name() -> None:
    source = """
    function main(xs: int[], k: int) -> int[] { let f = (x: int) -> int { x * k }; xs.map(f) }
    function either(xs: int[], k: int) -> int[] {
      let f = (x: int) -> int { x * k }; if (k > 3) { f = (x: int) -> int { x + k }; } xs.map(f)
    }
    """
    assert "compiled[" not in text(source) and ".cells[0])" in text(source)
    assert "compiled[" in text(source, "either")


def test_a_match_is_a_table_a_chain_or_a_search() -> None:
    def arms(count: int, arm: str) -> str:
        written = ", ".join(f"{k} => {arm.format(k)}" for k in range(count))
        return f"function g(x: int) -> int {{ x }} function main(x: int) -> int {{ match (x) {{ {written}, _ => 9 }} }}"

    assert text(arms(3, "{0}")).startswith("return K")
    assert text(arms(3, "g({0})")).count("v0 ==") == 3
    assert "if case < 3" in text(arms(6, "g({0})"))


def test_no_identifier_or_string_of_a_program_becomes_code() -> None:
    source = """
    function main(__import__: string) -> string { let os = "'); raise SystemExit('"; os + __import__ }
    """
    found = text(source)
    assert "import" not in found and found.count("SystemExit") == 1
    compile("def f(v0):\n" + "\n".join(f" {line}" for line in found.split("\n")), "", "exec")


PROGRAM = """
class V { x int  y int? }
function down(n: int) -> int { if (n == 0) { 0 } else { 1 + down(n - 1) } }
function pick(n: int) -> int throws string { match (n % 4) { 0 => 7, 1 => down(n % 6), 2 => { throw "two" }, _ => n } }
function add(v: V, k: int) -> V { V { x: v.x + k, y: v.y ?? k } }
function main(n: int) -> (int | string)[] {
  let total = 0; let text = ""; let v = V { x: 0, y: null }; let xs: int[] = []; let m: map<string, int> = {};
  for (let i = 0; i < n; i += 1) {
    let p = pick(i) catch (e) { "two" => -2 };
    total += p * (1 + down(i % 3));
    v = add(v, p);
    xs.push(v.x);
    m[i.to_string()] = xs[i] - 1;
    text = text + (if (i % 2 == 0) { "a" } else { "b" });
    let j = i;
    while (j > 0) { j -= 2; if (j == 3) { break; } total += j; }
  }
  let k = 3;
  let mapped = xs.map((x: int) -> int { x * k }).filter((x: int) -> bool { x % 2 == 0 });
  [total, text, v.x, xs.length(), mapped.length(), m["5"], xs[n]]
}
"""


def ending(linked: Any, argument: int) -> Any:
    machine = Machine(linked, None)
    machine.start("main", [argument])
    outcome = machine.run()
    while isinstance(outcome, Paused):
        outcome = machine.run()
    if isinstance(outcome, Failed):
        value = outcome.error.value
        return value.cls.name, value.fields, outcome.error.trace
    assert isinstance(outcome, Done)
    return outcome.value


LEAVABLE = ("call", "header", "entry", "raises", "foreign")
"""The kinds of sites at which the interpreter can go on."""


class Leaving(Native):
    """A second tier whose functions leave compiled code before each line with a site of some kinds, once each."""

    def __init__(self, program: Any, kinds: tuple[str, ...]) -> None:
        super().__init__(program, "eager")
        self.kinds = kinds
        self.visited: set[tuple[str, int | None, int]] = set()

    def translation(self, function: Any, place: int | None = None, *, guess: bool = True) -> Translation:
        made = super().translation(function, place, guess=guess)
        lines: list[str] = []
        sites = {}
        for number, line in enumerate(made.text.split("\n")[:-1], 1):
            site = made.sites.get(number)
            if site is not None and site.kind in self.kinds:
                indent = line[: len(line) - len(line.lstrip())]
                lines.append(f"{indent}leave(({function.name!r}, {place}, {len(lines)}))")
                sites[len(lines)] = site
            lines.append(line)
            if site is not None:
                sites[len(lines)] = site
        return Translation("".join(f"{each}\n" for each in lines), sites)

    def space(self) -> Space:
        space = super().space()
        space._globals["leave"] = self.leave
        space.transparent |= {Leaving.leave.__code__}
        return space

    def leave(self, line: tuple[str, int | None, int]) -> None:
        if line not in self.visited:
            self.visited.add(line)
            raise Bail


@pytest.mark.parametrize("kinds", [("call",), ("header", "entry"), ("raises", "foreign"), LEAVABLE])
def test_compiled_code_can_be_left_at_every_site(kinds: tuple[str, ...]) -> None:
    interpreted, left = program(PROGRAM), program(PROGRAM)
    interpreted.translation = "off"
    left.translation = "eager"
    left.native = Leaving(left, kinds)
    expected = ending(interpreted, 9)
    assert expected[0] == "baml.panics.IndexOutOfBounds"
    for _ in range(3):
        assert ending(left, 9) == expected
    assert "main" in {name for name, _, _ in left.native.visited}
    assert len(left.native.visited) >= 2


@pytest.mark.parametrize(
    ("declared", "made", "item"),
    [
        ("float[]", "[]", "xs[0]"),
        ("float[]", "[0.5]", "xs[0]"),
        ("map<string, float>", "{}", 'xs["a"]'),
        ("P[]", "[]", "xs[0].f"),
        ("float[][]", "[]", "xs[0][0]"),
    ],
)
def test_what_is_in_a_local_list_or_map_is_of_its_declared_type(declared: str, made: str, item: str) -> None:
    source = f"class P {{ f float }} function main() -> float {{ let xs: {declared} = {made}; {item} * 2.5 }}"
    assert "* 2.5" in text(source)


def test_a_list_keeps_its_declared_type_where_ways_meet() -> None:
    source = """
    function main(n: int) -> int {
      let xs: int[] = []; let ys = [1];
      for (let i = 0; i < n; i += 1) { xs.push(i); if (i % 7 == 6) { xs = ys; ys = []; } }
      xs[0] ^ ys[0]
    }
    """
    assert text(source).endswith("t1 = v1[0]\nt2 = v2[0]\nreturn t1 ^ t2")


def test_types_of_locals_of_a_body_in_place_of_a_call_are_its_own() -> None:
    source = """
    function one(n: int) -> float { let fs: float[] = [0.5]; fs[n] * 2.5 }
    function main(n: int) -> int { let is: int[] = [n]; let f = one(0); if (f > 1.0) { is[0] ^ 3 } else { is[0] ^ 4 } }
    """
    made = text(source)
    assert "* 2.5" in made and "^ 3" in made and "^ 4" in made
