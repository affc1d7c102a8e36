"""The second tier against the interpreter: values, errors, whole stack traces, limits, waits, threads."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.vm.machine import Machine
from bamlvm.vm.native import Native
from bamlvm.vm.outcomes import Done, Paused
from bamlvm.vm.work import LONGEST
from tests.generators.hot_programs import program

pytestmark = pytest.mark.slow

BEHAVIOUR = Path(__file__).parents[2] / "behaviour"
MODES = ("eager", "stress")

LONG_TEXT = 1 << 16
"""Characters of a text whose joining is counted."""

Make = Callable[..., bamlvm.Runtime]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a runtime whose functions are translated as a mode says: ``0``, the default, ``eager`` or ``stress``."""

    def made(source: str, mode: str = "", **options: Any) -> bamlvm.Runtime:
        monkeypatch.setenv("BAMLVM_TRANSLATE", mode)
        return bamlvm.Runtime.from_files({"main.baml": source}, **options)

    return made


def native(runtime: bamlvm.Runtime) -> Native:
    found = runtime.engine.program.native
    assert found is not None, "nothing was hot"
    return found


def ending(runtime: bamlvm.Runtime, args: dict[str, Any]) -> Any:
    """How a call of ``main`` ends: its value as data, or the class, message and whole trace of what it throws."""
    try:
        return bamlvm.to_builtins(runtime.call_function_sync("main", args))
    except bamlvm.ThrownError as error:
        return error.class_name, error.message, error.trace


def runs(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "expect error" not in text and ("// expect:" in text or "// expect thrown:" in text)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", [*filter(runs, sorted(BEHAVIOUR.rglob("*.baml")))], ids=lambda path: path.stem)
def test_every_program_ends_as_in_the_interpreter(make: Make, path: Path, mode: str) -> None:
    source = path.read_text(encoding="utf-8")
    args: dict[str, Any] = {}
    for line in source.splitlines():
        if line.startswith("// args:"):
            args = eval(line.removeprefix("// args:"), {"true": True, "false": False, "null": None})
    expected = ending(make(source, "0"), args)
    translated = make(source, mode)
    for _ in range(3):  # the loops of the first call are entered half way; later calls find functions and loops ready
        assert ending(translated, args) == expected
    assert native(translated).codes


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize("seed", [*range(1, 12), 152])
def test_generated_programs_end_as_in_the_interpreter(make: Make, seed: int, mode: str) -> None:
    source = program(random.Random(seed).randbytes(700))
    interpreted, translated = make(source, "0"), make(source, mode)
    for n in (5, -3, (1 << 31) - 20):
        expected = ending(interpreted, {"n": n})
        assert [ending(translated, {"n": n}) for _ in range(2)] == [expected] * 2


HOT = """
class V { x int  y int  function add(self, o: V) -> V { V { x: self.x + o.x, y: self.y + o.y } } }
function fib(n: int) -> int { if (n < 2) { return n; } fib(n - 1) + fib(n - 2) }
function main(n: int) -> int[] {
  let s = 0; let i = 0;
  while (i < n) { s = s + i * 2 % 7; i += 1; }
  let v = V { x: 0, y: 0 };
  for (let k = 0; k < n; k += 3) { v = v.add(V { x: k, y: 1 }); }
  let words: map<string, int> = {};
  for (let w in ["a", "b", "a"]) { words[w] = (words.get(w) ?? 0) + 1; }
  [s, v.x, v.y, fib(15), words["a"]]
}
"""


def test_what_is_hot_is_translated_and_what_is_cold_is_not(make: Make) -> None:
    runtime = make(HOT)
    expected = make(HOT, "0").call_function_sync("main", {"n": 5000})
    assert runtime.call_function_sync("main", {"n": 2}) == make(HOT, "0").call_function_sync("main", {"n": 2})
    assert [runtime.call_function_sync("main", {"n": 5000}) for _ in range(3)] == [expected] * 3
    names = {each.linked.name for each in native(runtime).codes.values()}
    assert {"main", "fib"} <= names  # V.add has been put in place of its call
    assert not any(name.startswith("baml.llm") for name in names)
    cold = make("function main() -> int { 1 }")
    assert cold.call_function_sync("main") == 1
    assert cold.engine.program.native is None


def test_a_loop_that_calls_what_is_compiled_becomes_hot_itself(make: Make) -> None:
    source = """
    function f(x: int) -> int throws string { if (x % 3 == 0) { throw "three" } x }
    function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s += f(i) catch_all (e) { _ => 1 }; } s }
    """
    runtime = make(source)
    runtime.call_function_sync("main", {"n": 5000})
    assert {each.linked.name for each in native(runtime).codes.values()} == {"f", "main"}


def test_an_exception_of_a_sysop_keeps_its_traceback(make: Make) -> None:
    runtime = make("function main(n: int) -> int { baml.stream.emit_partial(n); n }", "eager")

    def callback(partial: Any) -> None:
        raise RuntimeError("of the host")

    with pytest.raises(RuntimeError, match="of the host") as caught:
        runtime.call_function_sync("main", {"n": 1}, bamlvm.CallContext(on_partial=callback))
    assert caught.traceback[-1].name == "callback"


def test_translate_false_keeps_everything_interpreted(make: Make) -> None:
    runtime = make(HOT, translate=False)
    runtime.call_function_sync("main", {"n": 5000})
    assert runtime.engine.program.native is None


def test_a_guess_that_does_not_hold_costs_nothing_but_time(make: Make) -> None:
    source = """
    function main(from: int, n: int) -> int {
      let s = 0;
      let end = from + n;
      for (let i = from; i < end; i += 1) { s = s + i % 2; }
      s
    }
    """
    runtime = make(source)
    for start in (0, (1 << 31) - 1500, 1 << 40, 0):
        expected = make(source, "0").call_function_sync("main", {"from": start, "n": 3001})
        assert [runtime.call_function_sync("main", {"from": start, "n": 3001}) for _ in range(3)] == [expected] * 3
    assert any(not each.guessed for each in native(runtime).codes.values())


@pytest.mark.parametrize("mode", ("", *MODES))
@pytest.mark.parametrize("start", [0, (1 << 63) - 40_000])
def test_a_sum_is_checked_where_the_code_of_its_loop_was_written_twice(make: Make, start: int, mode: str) -> None:
    source = """
    function main(start: int, n: int, k: int) -> int {
      let s = start; let i = 0; let turns = n;
      if (n > 0 && k > 1) { while (turns > 0) { s += i % 7; i += 3; turns -= 1; } } else { s = 1; }
      s
    }
    """
    args = {"start": start, "n": 30_000, "k": 2}
    runtime = make(source, mode)
    expected = ending(make(source, "0"), args)
    assert (start == 0) == (type(expected) is int)
    assert [ending(runtime, args) for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize("mode", ("", *MODES))
@pytest.mark.parametrize("start", [0, (1 << 31) - 2100, (1 << 31) - 40, -(1 << 31) + 60, 1 << 62, (1 << 63) - 90])
def test_a_local_that_steps_out_of_what_was_guessed_is_right(make: Make, start: int, mode: str) -> None:
    source = """
    function main(start: int, n: int) -> int {
      let i = start; let k = start; let s = 0; let turns = n;
      while (turns != 0) {
        if (turns % 3 == 0) { i += 1; } else { k -= 2; }
        let j = 0;
        while (j != turns % 4) { j += 1; }
        s = (s + i % 7 * 3 + j + k % 5) % 1000;
        turns -= 1;
      }
      s
    }
    """
    runtime = make(source, mode)
    for n in (30, 4_000 if mode != "stress" else 300):
        expected = ending(make(source, "0"), {"start": start, "n": n})
        assert [ending(runtime, {"start": start, "n": n}) for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    ("expression", "args"),
    [
        ("s += 9000000000000000; 0", {"n": 5000}),
        ("s -= 9000000000000000; 0", {"n": 5000}),
        ("s = s * 3 + 1; 0", {"n": 5000}),
    ],
)
def test_overflow_in_a_hot_loop_is_the_panic_of_the_interpreter(make: Make, expression: str, args: Any) -> None:
    source = f"""
    function main(n: int) -> int {{
      let s = 1;
      for (let i = 0; i < n; i += 1) {{ let z = if (i % 2 == 0) {{ {expression} }} else {{ {expression} }}; }}
      s
    }}
    """
    expected = ending(make(source, "0"), args)
    assert expected[0] == "baml.panics.IntegerOverflow"
    assert ending(make(source), args) == ending(make(source, "eager"), args) == expected


BODIES = """
class V { x int  y int[]  function at(self, k: int) -> int { self.y[k] } }
function scaled(v: V, k: int) -> int { v.at(k) * v.x }
function sign(n: int) -> int { match (n) { 0 => 5, 1 => 7, 2 => 11, 3 => 13, 4 => 17, _ => -1 } }
function check(n: int) -> int throws string { if (n % 7 == 6) { throw `six of ${n}` } n }
function deep(n: int) -> int throws string { if (n == 0) { return check(6); } deep(n - 1) + 1 }
function even(n: int) -> bool { if (n == 0) { return true; } odd(n - 1) }
function odd(n: int) -> bool { if (n == 0) { return false; } even(n - 1) }
function either(n: int, v: V) -> int throws string {
  if (n % 3 == 0) { return scaled(v, n % 4); }
  if (n % 3 == 1) { return check(n) + sign(n % 6); }
  if (even(n)) { deep(n % 5) } else { sign(n) / (n % 2) }
}
function main(n: int) -> int[] throws string {
  let v = V { x: 3, y: [1, 2, 3] }; let out: int[] = [];
  for (let i = 0; i < n; i += 1) {
    out.push(either(i, v) catch (e) { let s: string => s.length(), baml.panics.IndexOutOfBounds => -3 });
    if (i % 9 == 8) { out.push(1 + sign(check(i)) * 2); }
  }
  out.push(WRONG);
  out
}
"""


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize(
    "wrong",
    [
        "0",
        "check(13)",
        "sign(check(n - n + 6))",
        "scaled(v, 5)",
        "v.at(3)",
        "deep(3)",
        "deep(30)",
        "1 / sign(0) / (n - n)",
    ],
)
def test_what_happens_in_a_function_in_place_of_its_call(make: Make, wrong: str, mode: str) -> None:
    source = BODIES.replace("WRONG", wrong)
    runtime = make(source, mode)
    for n in (13, 40, 3_000 if mode == "" else 60):
        expected = ending(make(source, "0"), {"n": n})
        assert [ending(runtime, {"n": n}) for _ in range(3)] == [expected] * 3


CALLBACKS = """
function adder(k: int) -> (int) -> int throws string {
  let n = k; (x: int) -> int { n += x; if (n > 900) { throw "much" } n }
}
function chosen(k: int) -> (int) -> int {
  if (k % 2 == 0) { return (x: int) -> int { x + k }; } (x: int) -> int { x * 10 / k }
}
function main(n: int) -> int[] throws string {
  let out: int[] = []; let seen = 0;
  for (let i = 0; i < n; i += 1) {
    let add = adder(i);
    let xs = [i, 2, 3].map((x: int) -> int { seen += 1; x * seen % 11 }).filter((x: int) -> bool { x % 3 != i % 3 });
    out.push(xs.reduce((a: int, x: int) -> int { a + x }, 0) + chosen(i)(i));
    out.push(add(i) + add(1) + seen);
    out.push(xs.map((x: int) -> int { baml.sys.sleep(0); x }).length());
  }
  out.push(WRONG);
  out
}
"""


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize(
    "wrong",
    [
        "0",
        "[1, 0].map((x: int) -> int { 5 / x })[0]",
        "[800, 70, 60].map((x: int) -> int { adder(x)(x) })[2]",
        "chosen(1)(n) / (n - n)",
    ],
)
def test_closures_that_are_known_where_they_are_called(make: Make, wrong: str, mode: str) -> None:
    source = CALLBACKS.replace("WRONG", wrong)
    runtime = make(source, mode)
    for n in (4, 60):
        expected = ending(make(source, "0"), {"n": n})
        assert [ending(runtime, {"n": n}) for _ in range(3)] == [expected] * 3


DEEP = """
function down(n: int) -> int { if (n == 0) { 0 } else { 1 + down(n - 1) } }
function main(n: int) -> int { down(n) }
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("depth", [100, 900, 2500, 9990, 9997, 9998, 9999, 20000])
def test_the_depth_limit_is_exact(make: Make, mode: str, depth: int) -> None:
    expected = ending(make(DEEP, "0"), {"n": depth})
    runtime = make(DEEP, mode)
    for _ in range(2):
        assert ending(runtime, {"n": depth}) == expected


def test_deep_recursion_with_little_room_on_the_stack_of_python(make: Make) -> None:
    runtime = make(DEEP, "eager")
    results = []

    def nested(levels: int) -> None:
        if levels:
            nested(levels - 1)
        else:
            results.append(runtime.call_function_sync("main", {"n": 5000}))

    thread = threading.Thread(target=nested, args=(sys.getrecursionlimit() - 200,))
    thread.start()
    thread.join()
    assert results == [5000]


@pytest.mark.parametrize("limit", [10, 500, 6000])
def test_a_budget_of_steps_is_exact(make: Make, limit: int) -> None:
    endings = [ending(make(HOT, mode, step_limit=limit), {"n": 5000}) for mode in ("0", "", "eager")]
    assert endings[0][0] == "baml.panics.StepLimit"
    assert endings[1] == endings[2] == endings[0]


LOOPS = {
    "while": "let i = 0; while (true) { i = (i + 1) % 1000; } i",
    "counting": "let s = 0; for (let i = 0; i < 4000000000000; i += 1) { s = i % 7; } s",
    "nested": "let s = 0; while (true) { for (let i = 0; i < 10; i += 1) { s = i; } } s",
    "calls": "let s = 0; while (true) { s = id(s); } s",
    "recursion": "fib(90)",
    "long strings": 'let s = "x".repeat(9000000); for (let i = 0; i < 900000; i += 1) { let t = s + "y"; } 1',
    "strings": 'let s = ""; while (true) { s = s + "a"; if (s.length() > 500) { s = ""; } } 1',
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_hot_loop_is_cancelled(make: Make, name: str) -> None:
    source = f"""
    function id(x: int) -> int {{ x }}
    function fib(n: int) -> int {{ if (n < 2) {{ return n; }} fib(n - 1) + fib(n - 2) }}
    function main() -> int {{ {LOOPS[name]} }}
    """
    runtime = make(source)
    token = bamlvm.CancelToken()

    def cancel() -> None:
        until = time.monotonic() + 60
        while (native := runtime.engine.program.native) is None or not native.codes:
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(bamlvm.Cancelled):
        runtime.call_function_sync("main", {}, bamlvm.CallContext(cancel=token))
    thread.join()
    with pytest.raises(bamlvm.DeadlineExceeded):
        runtime.call_function_sync("main", {}, bamlvm.CallContext(timeout=0.2))
    assert native(runtime).codes


async def test_a_hot_loop_lets_other_tasks_run(make: Make) -> None:
    runtime = make("function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s = s + i % 7; } s }")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert await runtime.call_function("main", {"n": 3_000_000}) > 0
    task.cancel()
    assert turns > 5


WAITS = """
function wait(x: int) -> int { baml.sys.sleep(0); x }
function inner(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s = s + wait(i); } s }
function thrower(n: int) -> int throws string { if (n % 5 == 4) { throw `bad ${n.to_string()}` } wait(n) }
function guarded(n: int) -> int throws string {
  thrower(n) catch (e) { "bad 4" => wait(40), let s: string if wait(1) == 2 => 0 }
}
function main(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s = s + inner(3) + guarded(i); } s }
"""


@pytest.mark.parametrize("mode", ["", *MODES])
def test_waits_below_compiled_frames(make: Make, mode: str) -> None:
    for n in (5, 12):  # the second ends in an error that was caught, waited over and thrown again
        expected = ending(make(WAITS, "0"), {"n": n})
        assert ending(make(WAITS, mode), {"n": n}) == expected
    assert isinstance(expected, tuple) and len(expected[2]) == 3


def test_calls_from_callbacks_of_compiled_code(make: Make) -> None:
    source = """
    function fib(n: int) -> int { if (n < 2) { return n; } fib(n - 1) + fib(n - 2) }
    function main(n: int) -> int {
      let s = 0;
      for (let i = 0; i < n; i += 1) { s = s + fib(8); baml.stream.emit_partial(s); }
      s
    }
    """
    runtime = make(source, "eager")
    seen = []

    def callback(partial: Any) -> None:
        seen.append(runtime.call_function_sync("fib", {"n": 12}))

    context = bamlvm.CallContext(on_partial=callback)
    assert runtime.call_function_sync("main", {"n": 5}, context) == 105
    assert seen == [144] * 5


def test_a_runtime_shared_by_threads_computes_right(make: Make) -> None:
    runtime = make(HOT + DEEP.replace("main", "deep"))
    expected = make(HOT, "0").call_function_sync("main", {"n": 3000})
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for turn in range(4):
            if (found := runtime.call_function_sync("main", {"n": 3000})) != expected:
                wrong.append((number, turn, found))
            depth = 3000 + number
            if (found := runtime.call_function_sync("deep", {"n": depth})) != depth:
                wrong.append((number, turn, found))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_a_large_function_stays_interpreted(make: Make) -> None:
    lines = " ".join(f"s = s + {n} % 7; if (s > {n}) {{ s = s - 1; }}" for n in range(700))
    source = f"function main(n: int) -> int {{ let s = 0; for (let i = 0; i < n; i += 1) {{ {lines} }} s }}"
    expected = ending(make(source, "0"), {"n": 30})
    runtime = make(source, "eager")
    assert ending(runtime, {"n": 30}) == expected
    assert not native(runtime).codes


@pytest.mark.parametrize(("turns", "stays"), [(1, False), (200, True)])
def test_a_loop_that_waits_at_every_turn_is_interpreted_again(make: Make, turns: int, stays: bool) -> None:
    """As one that reads a stream; to wait costs compiled code more than a few turns save."""
    runtime = make(
        """
        function f(waits: int, turns: int) -> int {
            let n = 0;
            let i = 0;
            while (i < waits) {
                let j = 0;
                while (j < turns) { n += 1; j += 1; }
                baml.sys.sleep(0);
                i += 1;
            }
            n
        }
        """
    )
    waits = 3000 // turns + 200
    assert runtime.call_function_sync("f", {"waits": waits, "turns": turns}) == waits * turns
    found = native(runtime)
    left = [loop for loop, count in found._suspensions.items() if count >= 16]
    assert bool(left) is not stays
    for function, place in left:
        assert function.records[place] == found._originals[function][place]


@pytest.mark.parametrize("mode", ("", *MODES))
@pytest.mark.parametrize("append", ['s = s + "x"', "s = s + x", "let before = s; s = before + x", "s = x + s + x"])
def test_a_text_that_grows_past_every_length_is_right(make: Make, mode: str, append: str) -> None:
    runtime = make(
        """
        function grown(s: string, x: string, n: int) -> string {
            for (let i = 0; i < n; i += 1) { APPEND; }
            s
        }
        function main(s: string, n: int) -> string { let last = ""; last = grown(s, "x", n); last + "." }
        """.replace("APPEND", append),
        mode,
    )
    for start, turns in (0, 3_000), (LONG_TEXT - 9, 40), (LONG_TEXT * 3, 40), (40, 3_000):
        text = runtime.call_function_sync("main", {"s": "a" * start, "n": turns})
        assert text.count("a") == start
        assert text.count("x") == turns * (2 if append.startswith("s = x") else 1)
        assert text.endswith("x.")


def test_a_text_stops_at_the_longest(make: Make) -> None:
    runtime = make(
        """
        function main(n: int, s: string, x: string) -> int {
            let k = 0;
            for (let i = 0; i < n; i += 1) { k = s.length(); s = s + x; }
            k
        }
        """
    )
    assert runtime.call_function_sync("main", {"n": 3_000, "s": "", "x": "x"}) == 2_999
    for x in "x", "x" * 500:
        with pytest.raises(bamlvm.ThrownError, match="MemoryLimit"):
            runtime.call_function_sync("main", {"n": 9_000, "s": "y" * (LONGEST - 6_000 * len(x)), "x": x})
        assert native(runtime).codes


LONG_WORK = [
    "if (a == b || a < b || a != b) { n += 1; }",
    "n += m[b]; m[b] = 1; if (m.has(b)) { n += m.get(b) ?? 0; }",
    'let c = a + "x"; n += c.length();',
    "let c = a; c = c + b; n += c.length();",
    "n += [...xs, ...xs].length();",
    "if (u is int[]) { n += 1; }",
    'n += match (b + "") { "p" => 1, "q" => 2, "r" => 3, "s" => 4, _ => 5 };',
]


@pytest.mark.parametrize("mode", ["0", "", *MODES])
@pytest.mark.parametrize("work", LONG_WORK)
def test_a_driver_is_asked_while_long_values_are_worked_on(make: Make, mode: str, work: str) -> None:
    runtime = make(
        """
        function main(turns: int, size: int) -> int {
            let a = "x".repeat(size); let b = "x".repeat(size); let m = { "k": 0 }; m[a] = 1;
            let xs = baml.range(0, size / 20); let u: unknown = xs; let n = 0;
            for (let i = 0; i < turns; i += 1) { WORK }
            n
        }
        """.replace("WORK", work),
        mode,
    )
    few = runtime.call_function_sync("main", {"turns": 40, "size": 200_000})
    assert runtime.call_function_sync("main", {"turns": 40, "size": 200_000}) == few
    looks = 0

    def poll() -> bool:
        nonlocal looks
        looks += 1
        return looks % 7 == 0

    machine = Machine(runtime.engine.program, None)
    machine.start("main", [40, 200_000])
    while isinstance(outcome := machine.run(poll=poll), Paused):
        pass
    assert isinstance(outcome, Done) and outcome.value == few
    assert looks >= 5
