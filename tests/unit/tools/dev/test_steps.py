"""A call instruction by instruction, beside other calls of the same runtime."""

from __future__ import annotations

import asyncio
from typing import Any

import bamlvm
from bamlvm import CallContext
from bamlvm.tools.dev.steps import steps_of

FILES = {
    "main.baml": """
function add(n: int) -> int { let more = 1; n + more }
function slowly(n: int) -> int { baml.sys.sleep(n); let one = n; one }
"""
}


async def test_each_call_has_its_own_steps() -> None:
    async with bamlvm.Runtime.from_files(FILES) as runtime:

        async def steps(function: str, n: int) -> tuple[set[str], object]:
            found = await steps_of(runtime, FILES, function, {"n": n}, CallContext())
            return {each["name"] for each in found["functions"]}, found["value"]

        async def plain() -> None:
            await asyncio.sleep(0.01)
            assert await runtime.call_function("add", {"n": 1}) == 2

        first, second, third, _ = await asyncio.gather(
            steps("slowly", 80), steps("add", 3), steps("slowly", 40), plain()
        )
        assert first == ({"slowly"}, "80")
        assert second == ({"add"}, "4")
        assert third == ({"slowly"}, "40")
        before = await runtime.call_function("add", {"n": 1})
        assert before == 2 and runtime.engine.new_tracer is not None


PROGRAM = """class Point { x int  y int }
function main(n: int, label: string = "d", key: string = env.SERVICE_TOKEN) -> int {
  let all = [1, 2].map((x: int) -> int {
    x * n
  });
  let point = Point { x: 1, y: n };
  {
    let shadowed = key + "!";
    all.push(point.x);
  }
  let shadowed = bad() catch (e) {
    _ => 7
  };
  let later = spawn {
    twice(all[0])
  };
  (await later) + shadowed
}
function bad() -> int { throw "no" }
function twice(n: int) -> int { n * 2 }
"""


async def seen(source: str, function: str, **args: Any) -> list[dict[str, Any]]:
    """Return the steps of a call, with what they refer to in its place."""
    files = {"main.baml": source}
    async with bamlvm.Runtime.from_files(files, env={"SERVICE_TOKEN": "the-secret-of-this"}) as runtime:
        found = await steps_of(runtime, files, function, args, CallContext())
    assert found["files"] == files
    assert "the-secret" not in repr({**found, "files": None})
    for step in found["steps"]:
        code = found["functions"][step["function"]]
        step["function"], step["instruction"] = code["name"], code["instructions"][step["place"]]
        step["stack"] = [found["texts"][each] for each in step["stack"]]
        step["locals"] = {name: found["texts"][each] for name, each in step["locals"]}
        number, step["calls"] = step["calls"], []
        while number != -1:
            call = found["calls"][number]
            step["calls"].append((call["function"], call["line"]))
            number = call["calls"]
    steps: list[dict[str, Any]] = found["steps"]
    return steps


def first(steps: list[dict[str, Any]], function: str, line: int) -> dict[str, Any]:
    return next(each for each in steps if (each["function"], each["line"]) == (function, line))


async def test_locals_have_their_names_and_values() -> None:
    steps = await seen(PROGRAM, "main", n=3)
    assert steps[0]["locals"] == {"n": "3"}  # the defaults are still to come
    assert first(steps, "main", 3)["locals"] == {"n": "3", "label": '"d"', "key": '"***"'}
    assert first(steps, "main", 9)["locals"]["point"] == "Point { x: 1, y: 3 }"
    at_call = first(steps, "main", 11)
    assert at_call["locals"]["5:shadowed"] == '"***!"'
    assert "e" not in at_call["locals"]
    last = [each for each in steps if each["line"] == 17][-1]
    assert [name for name in last["locals"] if "shadowed" in name] == ["5:shadowed", "8:shadowed"]
    assert last["locals"]["8:shadowed"] == "7"
    assert last["locals"]["all"] == "[3, 6, 1]"


async def test_each_step_has_its_thread_its_callers_and_its_stack() -> None:
    steps = await seen(PROGRAM, "main", n=3)
    inner = first(steps, "main$lambda1", 4)
    assert inner["locals"] == {"x": "1", "n": "3"}
    assert (inner["depth"], [name for name, _ in inner["calls"]]) == (3, ["baml.Array.map", "main"])
    assert inner["calls"][-1] == ("main", 3)
    assert first(steps, "bad", 19)["calls"] == [("main", 11)]
    caught = next(each for each in steps if each["stack"] == ['caught "no"'])
    assert (caught["function"], caught["calls"]) == ("main", [])
    threads = {each["function"]: each["thread"] for each in steps}
    assert (threads["main"], threads["main$lambda2"], threads["twice"]) == (0, 1, 1)
    multiplied = [each["stack"] for each in steps if each["instruction"] == "mul_int" and each["function"] != "twice"]
    assert multiplied == [["1", "3"], ["2", "3"]]
    assert all(each["height"] == len(each["stack"]) for each in steps)


async def test_large_values_and_high_stacks_are_shown_in_part() -> None:
    many = ", ".join(f"x{each}: x" for each in range(30))
    source = f"""
    class Many {{ {" ".join(f"x{each} string" for each in range(30))} }}
    function main(n: int) -> int {{ let x = "abc".repeat(n); let all = Many {{ {many} }}; all.x0.length() }}
    """
    steps = await seen(source, "main", n=100_000)
    assert steps[-1]["locals"]["x"].startswith('"abcabc') and steps[-1]["locals"]["x"].endswith("…")
    assert {len(steps[-1]["locals"][name]) for name in ("x", "all")} == {200}
    highest = max(steps, key=lambda step: len(step["stack"]))
    assert (len(highest["stack"]), max(step["height"] for step in steps)) == (12, 30)
