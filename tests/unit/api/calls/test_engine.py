"""Limits of a runtime's calls, and their end when it is closed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import pytest

import bamlvm
from bamlvm import Cancelled, HostError, ThrownError
from tests.unit.api.functions import SOURCE

Make: TypeAlias = Callable[..., bamlvm.Runtime]


def test_a_step_limit(make: Make) -> None:
    with pytest.raises(ThrownError) as thrown:
        make(SOURCE, step_limit=10_000).call_function_sync("spin")
    assert thrown.value.class_name == "baml.panics.StepLimit"


_GROWS = """
function grows() -> int { let xs = ["a"]; while (true) { xs.push("x".repeat(900) + "y"); } 1 }
function frees() -> int { let i = 0; let n = 0; while (i < 300) { n += "ab".repeat(200000).length(); i += 1; } n }
function catches() -> int {
    { grows() } catch (e) { baml.panics.MemoryLimit => 0 };
    grows()
}
function nests() -> int[][] { let all = [[0]]; let i = 1; while (i < 20000) { all.push([i]); i += 1; } all }
function counts() -> int[] { baml.range(0, 50000) }
"""


async def test_a_memory_limit(make: Make) -> None:
    runtime = make(_GROWS)
    small = bamlvm.CallContext(memory=20_000_000)
    for name in ("grows", "catches"):
        with pytest.raises(bamlvm.errors.MemoryLimit, match="more than 20000000 bytes") as thrown:
            await runtime.call_function(name, {}, small)
        assert thrown.value.value.limit == 20_000_000
    assert runtime.call_function_sync("frees", {}, small) == 120_000_000
    with pytest.raises(HostError, match="memory"):
        bamlvm.CallContext(memory=0)


async def test_large_results_are_converted_in_pieces(make: Make) -> None:
    runtime = make(_GROWS)
    assert await runtime.call_function("nests") == [[each] for each in range(20_000)]
    assert await runtime.call_function("counts") == list(range(50_000)) == runtime.call_function_sync("counts")


def test_denied_capabilities(make: Make) -> None:
    with pytest.raises(HostError, match="unknown capability 'disk'"):
        make(SOURCE, denied=["disk"])
    denied = make('function main() -> baml.http.Response { baml.http.fetch("http://127.0.0.1:1/") }', denied=["http"])
    with pytest.raises(ThrownError, match="denies the capability 'http'"):
        denied.functions.main()


def test_what_calls_take_of_a_function_is_found_once(make: Make) -> None:
    source = (
        "function plain(n: int) -> int { n }\nfunction checked(n: int) -> int @check(small, {{ this < 9 }}) { n }\n"
    )
    runtime = make(source)
    callees = runtime.engine.callees
    assert runtime.functions.plain(n=10) == 10
    assert callees["plain"] is callees["plain"]
    assert callees["plain"].attributed is None
    assert runtime.functions.checked(n=10).checks["small"].status == "failed"
    assert callees["checked"].attributed is not None
    for _ in range(2):
        with pytest.raises(HostError, match="no function 'plane'"):
            callees["plane"]
    assert "plane" not in callees


def test_a_closed_runtime_refuses_calls(make: Make) -> None:
    with make(SOURCE) as runtime:
        assert runtime.functions.add(a=1, b=2) == 3
    runtime.close()
    with pytest.raises(HostError, match="closed"):
        runtime.functions.add(a=1, b=2)
    with pytest.raises(HostError, match="closed"):
        runtime.stream("add", {"a": 1, "b": 2})


@pytest.mark.parametrize("name", ["spin", "naps"])
def test_closing_ends_what_runs_in_other_threads(make: Make, name: str) -> None:
    runtime = make(SOURCE)
    outcomes: list[BaseException] = []

    def work() -> None:
        try:
            runtime.call_function_sync(name)
        except BaseException as error:
            outcomes.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not runtime.engine.active:
        time.sleep(0.001)
    runtime.close()
    thread.join()
    assert [type(error) for error in outcomes] == [Cancelled]
    assert "closed" in str(outcomes[0])


async def test_closing_in_a_loop(make: Make) -> None:
    async with make(SOURCE) as runtime:
        task = asyncio.create_task(runtime.call_function("naps"))
        await asyncio.sleep(0.01)
    with pytest.raises(Cancelled):
        await task
