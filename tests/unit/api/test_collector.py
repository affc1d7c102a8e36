"""Collectors."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import pytest

import bamlvm
from bamlvm import CallContext, CallRecord, Cancelled, Collector, ErrorRecord, ThrownError, Usage, to_builtins
from bamlvm.mock import ThreadedMockServer
from tests.support.virtual_time import virtual_loop

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
    assert second.error == ErrorRecord(
        "baml.panics.DivisionByZero", thrown.value.message, to_builtins(thrown.value.value)
    )
    assert last is collector.last
    assert last.error is not None
    assert (last.error.type, last.error.value) == ("bamlvm.DeadlineExceeded", None)
    assert str(last.error).startswith("bamlvm.DeadlineExceeded: the call took longer")
    assert last.duration >= 0.01
    assert collector.usage == Usage(0, 0)
    assert repr(collector) == "Collector('mine', 3 calls, 0+0 tokens)"
    assert re.fullmatch(r"<call f thrown baml.panics.DivisionByZero after \d\.\d{3} s>", repr(second))
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
    assert failed.error is not None
    assert failed.error.type == "baml.errors.HttpStatus"
    assert failed.error.value["status_code"] == 500
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
    assert re.fullmatch(
        r"<call F returned after \S+ s, 7\+3 tokens, "
        r"<attempt 1 C \(openai gpt-4o\), 500, failed: baml.errors.HttpStatus, \S+ s>, "
        r"<attempt 2 C \(openai gpt-4o\), 200, stop, 7\+3 tokens, \S+ s>>",
        repr(kept.last),
    )
    assert kept.last.started - 1 <= failed.started <= done.started <= time.time()
    as_json = msgspec.json.decode(msgspec.json.encode(kept.calls))
    assert as_json == to_builtins(kept.calls)
    assert as_json[0]["attempts"][0]["error"]["type"] == "baml.errors.HttpStatus"
    assert as_json[0]["attempts"][1]["raw_events"] == done.raw_events


@pytest.mark.virtual_time
async def test_a_call_that_is_cut_short_is_recorded_with_its_attempt(
    make: Make, llm_source: Callable[..., str], mock_server: Any
) -> None:
    mock_server.play({"rules": [{"answers": [{"pieces": ["a", "b"], "delay_ms": 60_000}]}]})
    collector = Collector()
    async with make(llm_source(mock_server.url)) as runtime:
        context = CallContext(collectors=[collector], timeout=30)
        virtual_loop().leap(45)  # less than the server's pause
        with pytest.raises(Cancelled):
            async for _ in runtime.stream("F", {"input": "x"}, context):
                pass
        await asyncio.sleep(0)
    assert collector.last is not None
    assert collector.last.outcome == "cancelled"
    (attempt,) = collector.last.attempts
    assert attempt.error is not None
    assert attempt.error.type == "bamlvm.DeadlineExceeded"
    assert attempt.duration is not None


async def test_a_stream_that_was_retried_counts_each_attempt_once(
    make: Make, llm_source: Callable[..., str], mock_server: Any
) -> None:
    broken = {**HELLO, "faults": [{"kind": "no_finish"}, {"kind": "no_done"}]}
    mock_server.play({"rules": [{"answers": [broken, HELLO]}]})
    collector = Collector()
    async with make(llm_source(mock_server.url, tries=2)) as runtime:
        stream = runtime.stream("F", {"input": "x"}, CallContext(collectors=[collector]))
        assert await stream.final() == "Hello!"
    assert collector.last is not None
    first, second = collector.last.attempts
    assert first.error is not None
    assert first.error.type == "baml.errors.StreamTruncated"
    assert [(each.text, each.input_tokens, each.output_tokens) for each in (first, second)] == [("Hello!", 7, 3)] * 2
    assert collector.usage == collector.last.usage == Usage(14, 6)


def test_usages_add_up() -> None:
    assert Usage(1, 2, 3, 4, 5) + Usage(10, 20, 30, 40, 50) == Usage(11, 22, 33, 44, 55)
    assert sum([Usage(1), Usage(2)], Usage()) == Usage(3)
    with pytest.raises(TypeError):
        Usage() + 1  # type: ignore[operator]  # what is refused


def test_one_collector_for_a_runtime_its_calls_and_many_threads(make: Make) -> None:
    everywhere, here = Collector(), Collector()
    runtime = make("function f(n: int) -> int { baml.sys.sleep(1); n }", collectors=[everywhere])

    def work() -> None:
        for n in range(5):
            runtime.call_function_sync("f", {"n": n}, CallContext(collectors=[here]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runtime.call_function_sync("f", {"n": 1})
    assert (len(everywhere), len(here)) == (41, 40)
    assert set(map(id, here.calls)) < set(map(id, everywhere.calls))


def test_anybody_who_wants_to_know_can_be_told(make: Make) -> None:
    told: list[Any] = []

    class Log:
        keep_raw_events = False

        def begin(self, function: str, tags: Any) -> Callable[[CallRecord], None]:
            told.append((function, threading.get_ident()))
            return lambda record: told.append(record.outcome)

    runtime = make("function f() -> int { baml.sys.sleep(1); 1 }")
    runtime.call_function_sync("f", {}, CallContext(collectors=[Log()]))
    assert told == [("f", threading.get_ident()), "returned"]


@pytest.mark.parametrize("fault", [{"kind": "garbage", "data": "not JSON"}, {"kind": "error"}])
def test_the_batch_that_fails_is_among_the_raw_events(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer, fault: dict[str, Any]
) -> None:
    """It is told before it is read."""
    threaded_mock_server.play({"rules": [{"answers": [{"pieces": ["a", "b"], "faults": [{**fault, "after": 1}]}]}]})
    collector, ticks = Collector(keep_raw_events=True), list[Any]()
    with make(llm_source(threaded_mock_server.url)) as runtime:
        context = CallContext(collectors=[collector], on_partial=lambda value: None, on_tick=ticks.extend)
        with pytest.raises(ThrownError):
            runtime.call_function_sync("F", {"input": "x"}, context)
    assert collector.last is not None
    raw = collector.last.attempts[0].raw_events
    assert raw == ticks
    assert ("not JSON" if fault["kind"] == "garbage" else '"error"') in str(raw)
