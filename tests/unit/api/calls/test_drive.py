"""A call on an event loop: other tasks have their turn whatever the program makes of its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import bamlvm

_SOURCE = """
    class Node { value int next Node? }
    function Long() -> int[][] { let xs: int[][] = []; for (let i = 0; i < 100000; i += 1) { xs.push([i]); } xs }
    function Deep() -> Node {
        let node = Node { value: 0, next: null };
        for (let i = 0; i < 60000; i += 1) { node = Node { value: i, next: node }; }
        node
    }
    function Named() -> map<string, int[]> {
        let xs: map<string, int[]> = {};
        for (let i = 0; i < 60000; i += 1) { xs[i.to_string()] = [i]; }
        xs
    }
    function Checked() -> (int @check(small, {{ this < 10 }}))[] { baml.range(0, 3000) }
    function Thrown() -> int { throw Long() }
    function Emitted() -> int { baml.stream.emit_partial(Long()); 1 }
    function EmittedMap() -> int { baml.stream.emit_partial(Named()); 1 }
"""


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": _SOURCE}) as runtime:
        yield runtime


class _Steps:
    """Counts the steps of Python code between two turns of a task, whatever the machine's speed: calls of functions."""

    def __init__(self) -> None:
        self.most = self.steps = 0

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        self.steps += event in ("call", "c_call")

    def turn(self) -> None:
        self.most = max(self.most, self.steps)
        self.steps = 0


@pytest.mark.parametrize("function", ["Long", "Deep", "Named", "Checked", "Thrown", "Emitted", "EmittedMap"])
async def test_a_large_value_is_converted_while_other_tasks_run(runtime: bamlvm.Runtime, function: str) -> None:
    partials: list[Any] = []
    steps = _Steps()
    total = 0

    async def turns() -> None:
        nonlocal total
        while True:
            await asyncio.sleep(0)
            total += steps.steps
            steps.turn()

    turning = asyncio.create_task(turns())
    context = bamlvm.CallContext(on_partial=partials.append)
    sys.setprofile(steps)
    try:
        value = await runtime.call_function(function, {}, context)
    except bamlvm.ThrownError as error:
        value = error.value
    finally:
        sys.setprofile(None)
        turning.cancel()
    steps.turn()
    made = partials[0] if partials else value
    assert made.value == 59999 if function == "Deep" else len(made) >= 3000
    assert steps.most * 4 < total
