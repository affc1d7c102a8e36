"""Collectors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, Cancelled, Collector, ThrownError, Usage
from bamlvm.cli.mock import ThreadedMockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]

HELLO = {"pieces": ["Hello", "!"], "usage": {"input_tokens": 7, "output_tokens": 3}}
FAILED = {"faults": [{"kind": "status", "code": 500}]}


def test_calls_without_attempts(make: Make) -> None:
    runtime = make("function f(n: int) -> int { 1 / n }  function g() -> int { baml.sys.sleep(60000); 1 }")
    collector = Collector("mine")
    assert collector.last is None
    context = CallContext(collectors=[collector], tags={"user": "7"})
    before = time.time()
    runtime.call_function_sync("f", {"n": 1}, context)
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("f", {"n": 0}, context)
    with pytest.raises(Cancelled):
        runtime.call_function_sync("g", {}, CallContext(collectors=[collector], timeout=0.01))
    assert [(call.function, call.outcome) for call in collector.calls] == [
        ("f", "returned"),
        ("f", "thrown"),
        ("g", "cancelled"),
    ]
    first, second, last = collector.calls
    assert first.tags == {"user": "7"}
    assert before - 1 <= first.started <= time.time()
    assert first.error is None
    assert second.error is thrown.value
    assert last is collector.last
    assert last.duration >= 0.01
    assert collector.usage == Usage(0, 0)
    assert repr(collector) == "Collector('mine', 3 calls)"
    collector.clear()
    assert len(collector) == 0
    assert bool(collector)


def test_attempts_and_usage(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [FAILED, HELLO, HELLO]}]})
    kept, bare = Collector(keep_raw_events=True), Collector()
    with make(llm_source(threaded_mock_server.url, tries=2)) as runtime:
        context = CallContext(collectors=[kept, bare], on_partial=lambda value: None)
        assert runtime.call_function_sync("F", {"input": "x"}, context) == "Hello!"
        assert runtime.call_function_sync("F", {"input": "x"}, CallContext(collectors=[bare])) == "Hello!"
    assert kept.last is bare.calls[0]
    assert kept.last is not None
    failed, done = kept.last.attempts
    assert (failed.status, failed.ordinal, failed.number) == (500, 1, 1)
    assert isinstance(failed.error, runtime.types.baml.errors.HttpStatus)
    assert (done.client, done.provider, done.ordinal, done.status) == ("C", "openai", 2, 200)
    assert done.finish_reason == "stop"
    assert done.error is None
    assert done.duration is not None
    assert done.first_byte is not None
    assert done.first_partial is not None
    assert done.first_byte <= done.first_partial <= done.duration
    assert done.raw_events
    assert (done.input_tokens, done.output_tokens) == (7, 3)
    assert kept.usage == Usage(7, 3)
    assert bare.usage == Usage(14, 6)
    assert "sk-secret-key" not in repr(bare.calls)


async def test_a_call_that_is_cut_short_is_recorded_with_its_attempt(
    make: Make, llm_source: Callable[..., str], mock_server: Any
) -> None:
    mock_server.play({"rules": [{"answers": [{"pieces": ["a", "b"], "delay_ms": 60_000}]}]})
    collector = Collector()
    async with make(llm_source(mock_server.url)) as runtime:
        context = CallContext(collectors=[collector], timeout=0.1)
        with pytest.raises(Cancelled):
            async for _ in runtime.stream("F", {"input": "x"}, context):
                pass
        await asyncio.sleep(0)
    assert collector.last is not None
    assert collector.last.outcome == "cancelled"
    (attempt,) = collector.last.attempts
    assert isinstance(attempt.error, bamlvm.DeadlineExceeded)
    assert attempt.duration is not None
