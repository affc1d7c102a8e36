"""A call ended at every point leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, Cancelled, CancelToken
from bamlvm.calls.closing import close_entries
from bamlvm.mock import MockServer, ThreadedMockServer
from bamlvm.vm.handles import Entry

pytestmark = pytest.mark.slow

Make: TypeAlias = Callable[..., bamlvm.Runtime]


HELLO = {"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"]}]}]}


STEPS = 200
"""More turns of the loop than a call takes; the last ones find it ended."""


@pytest.mark.parametrize("how", ["cancel", "token", "close"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["call", "stream"])
async def test_ending_a_call_at_every_turn_of_the_loop(
    llm_source: Callable[..., str], mock_server: MockServer, how: str, is_stream: bool
) -> None:
    mock_server.play(HELLO)
    source = llm_source(mock_server.url)
    outcomes: dict[str, int] = {}
    runtime = bamlvm.Runtime.from_files({"main.baml": source})
    for step in range(STEPS) if how != "close" else [*range(30), *range(30, STEPS, 10)]:
        if how == "close":
            await runtime.aclose()
            runtime = bamlvm.Runtime.from_files({"main.baml": source})
        token = CancelToken()
        terminal: list[str] = []
        context = CallContext(on_partial=lambda value: None, cancel=token, timeout=30)

        async def call(
            runtime: bamlvm.Runtime = runtime, context: CallContext = context, terminal: list[str] = terminal
        ) -> None:
            try:
                if is_stream:
                    async with runtime.stream("F", {"input": "x"}, context) as stream:
                        async for _ in stream.events():
                            pass
                        await stream.final()
                else:
                    await runtime.call_function("F", {"input": "x"}, context)
            except Cancelled:
                terminal.append("Cancelled")
            except asyncio.CancelledError:
                terminal.append("CancelledError")
                raise
            else:
                terminal.append("value")

        task = asyncio.create_task(call())
        for _ in range(step):
            await asyncio.sleep(0)
        if how == "cancel":
            task.cancel()
        elif how == "token":
            token.cancel()
        else:
            await runtime.aclose()
        await asyncio.wait([task], timeout=10)
        assert task.done()
        if terminal:  # a task cancelled before its first turn never began
            assert len(terminal) == 1
            outcomes[terminal[0]] = outcomes.get(terminal[0], 0) + 1
        assert runtime.handles == 0
        assert not runtime.engine.active
        assert task.cancelled() == (how == "cancel" and terminal != ["value"])
    ended = {"cancel": "CancelledError", "token": "Cancelled", "close": "Cancelled"}[how]
    assert outcomes.get(ended, 0) > 2, outcomes
    assert outcomes.get("value", 0) > 2, outcomes
    await runtime.aclose()
    await mock_server.until(lambda server: server.open_connections == 0)


@pytest.mark.parametrize("where", ["before", "headers", "body"])
async def test_ending_a_call_at_every_turn_of_a_stalled_exchange(
    llm_source: Callable[..., str], mock_server: MockServer, where: str
) -> None:
    mock_server.play({"rules": [{"answers": [{"pieces": ["a"], "faults": [{"kind": "stall", "where": where}]}]}]})
    async with bamlvm.Runtime.from_files({"main.baml": llm_source(mock_server.url)}) as runtime:
        for step in range(0, STEPS, 3):
            token = CancelToken()
            context = CallContext(on_partial=lambda value: None, cancel=token)
            task = asyncio.create_task(runtime.call_function("F", {"input": "x"}, context))
            for _ in range(step):
                await asyncio.sleep(0)
            token.cancel()
            with pytest.raises(Cancelled):
                await asyncio.wait_for(task, 10)
            assert runtime.handles == 0
    await mock_server.until(lambda server: server.open_connections == 0)


def test_ending_a_sync_call_after_every_partial(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"], "delay_ms": 20}]}]})
    with make(llm_source(threaded_mock_server.url)) as runtime:
        for last in range(4):
            token = CancelToken()
            stream = runtime.stream("Twice", {"input": "x"}, CallContext(cancel=token))
            seen = 0
            with pytest.raises(Cancelled):
                for _ in stream:
                    seen += 1
                    if seen > last:
                        token.cancel()
            assert runtime.handles == 0


@pytest.mark.parametrize("turns", range(6))
async def test_closing_outlives_a_loop_that_cancels_every_task(turns: int) -> None:
    """As ``asyncio.run`` does at its end, also with the task that closes, before or after that has begun."""
    closed: list[int] = []

    async def close(number: int) -> None:
        await asyncio.sleep(0)
        closed.append(number)

    entries = [Entry("thing", None, lambda number=number: close(number)) for number in range(3)]
    task = asyncio.create_task(close_entries(entries))
    for _ in range(turns):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    begun = task.done() or len(others) > 2
    for other in others:
        if turns:  # else nothing has begun, and the call would not have come here
            other.cancel()
    await asyncio.wait([task])
    assert closed == [0, 1, 2] or begun, "a closer is cancelled only where it waits"
