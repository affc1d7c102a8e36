"""A call instruction by instruction, beside other calls of the same runtime."""

from __future__ import annotations

import asyncio

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
            return {step["function"] for step in found["steps"]}, found["value"]

        async def plain() -> None:
            await asyncio.sleep(0.01)
            assert await runtime.call_function("add", {"n": 1}) == 2

        first, second, third, _ = await asyncio.gather(
            steps("slowly", 80), steps("add", 3), steps("slowly", 40), plain()
        )
        assert first == ({"slowly"}, "80")
        assert second == ({"add"}, "4")
        assert third == ({"slowly"}, "40")
        assert runtime.engine.new_tracer is None or runtime.engine.new_tracer() is None
