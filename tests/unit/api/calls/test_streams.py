"""Streams: iteration both ways, the final value, events, and every way of not reading to the end."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import Attempt, CallContext, Cancelled, CancelToken, DeadlineExceeded, HostError, Partial, ThrownError, Tick
from bamlvm.mock import MockServer, ThreadedMockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]

SOURCE = """
function emit(n: int) -> int { for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); } n }
function emit_and_nap(n: int) -> int {
    for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); baml.sys.sleep(1); }
    n
}
function emit_and_throw(n: int) -> int { emit(n) / 0 }
class Point { x int }
function points() -> Point {
    let p = Point { x: 1 };
    baml.stream.emit_partial(p);
    p.x = 2;
    baml.stream.emit_partial(p);
    p
}
"""
HELLO = {"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"], "delay_ms": 3}]}]}
STALL = {"rules": [{"answers": [{"pieces": ["a", "b"], "delay_ms": 60_000}]}]}
_BROKEN = {"pieces": ["Hel", "lo"], "faults": [{"kind": "no_finish"}, {"kind": "no_done"}]}
BROKEN_ONCE = {"rules": [{"answers": [_BROKEN], "after": "pass"}, *HELLO["rules"]]}


@pytest.fixture
def runtime(make: Make) -> bamlvm.Runtime:
    return make(SOURCE)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens on another thread."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_iterating(runtime: bamlvm.Runtime) -> None:
    for name in ("emit", "emit_and_nap"):
        stream = runtime.stream(name, {"n": 3})
        assert list(stream) == [0, 1, 2]
        assert stream.final() == 3
        assert stream.final() == 3
        assert list(stream) == []


async def test_iterating_in_a_loop(runtime: bamlvm.Runtime) -> None:
    for name in ("emit", "emit_and_nap"):
        stream = runtime.stream(name, {"n": 3})
        assert [value async for value in stream] == [0, 1, 2]
        assert await stream.final() == 3
        assert [value async for value in stream] == []


async def test_the_final_value_alone(runtime: bamlvm.Runtime) -> None:
    assert await runtime.stream("emit", {"n": 3}).final() == 3
    assert await asyncio.to_thread(runtime.stream("emit", {"n": 3}).final) == 3


async def test_the_final_value_in_the_middle(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit", {"n": 1000})
    async for value in stream:
        if value == 1:
            assert await stream.final() == 1000


def test_partials_are_not_changed_afterwards(runtime: bamlvm.Runtime) -> None:
    assert [point.x for point in runtime.stream("points")] == [1, 2]


def test_arguments_are_checked_before_the_stream_begins(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(HostError, match=r"args\.n: expected int"):
        runtime.stream("emit", {"n": "3"})


async def test_an_error_ends_the_iteration_and_is_the_final_value(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit_and_throw", {"n": 2})
    got = []
    with pytest.raises(ThrownError, match="DivisionByZero"):
        async for value in stream:
            got.append(value)  # noqa: PERF401 (what came before the error is looked at)
    assert got == [0, 1]
    assert [value async for value in stream] == []
    with pytest.raises(ThrownError):
        await stream.final()

    def sync() -> None:
        stream = runtime.stream("emit_and_throw", {"n": 2})
        got = []
        with pytest.raises(ThrownError, match="DivisionByZero"):
            got.extend(stream)
        with pytest.raises(ThrownError):
            stream.final()

    await asyncio.to_thread(sync)


async def test_one_stream_runs_in_one_place(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit", {"n": 3})
    assert await anext(aiter(stream)) == 0
    with pytest.raises(HostError, match="use async for"):
        next(iter(stream))
    await stream.aclose()


# events


def shown(event: Any) -> Any:
    match event:
        case Partial(value, attempt):
            return ("partial", value, attempt and attempt.ordinal)
        case Tick(events):
            return ("tick", len(events) > 0)
        case Attempt(kind, record):
            return (kind, record.ordinal, record.client)


def check_events(events: list[Any]) -> None:
    """What a call must tell whose first attempt breaks off and whose second succeeds."""
    assert events[0] == ("started", 1, "C")
    assert events[-1] == ("succeeded", 2, "C")
    failed, again = events.index(("failed", 1, "C")), events.index(("started", 2, "C"))
    assert again == failed + 1
    assert {event[2] for event in events[:failed] if event[0] == "partial"} == {1}
    assert {event[2] for event in events[again:] if event[0] == "partial"} == {2}
    assert [event[1] for event in events if event[0] == "partial"][-1] == "Hello, world!"
    assert ("tick", True) in events


def test_events_in_order(make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer) -> None:
    threaded_mock_server.play(BROKEN_ONCE)
    with make(llm_source(threaded_mock_server.url, tries=2)) as runtime:
        stream = runtime.stream("F", {"input": "world"})
        events = [shown(event) for event in stream.events()]
        assert stream.final() == "Hello, world!"
    check_events(events)


async def test_events_in_order_in_a_loop(make: Make, llm_source: Callable[..., str], mock_server: MockServer) -> None:
    mock_server.play(BROKEN_ONCE)
    async with make(llm_source(mock_server.url, tries=2)) as runtime:
        stream = runtime.stream("F", {"input": "world"})
        check_events([shown(event) async for event in stream.events()])
        assert await stream.final() == "Hello, world!"


def test_events_must_be_asked_for_first(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit", {"n": 3})
    reader = iter(stream)
    assert next(reader) == 0
    with pytest.raises(HostError, match="before reading"):
        stream.events()
    stream = runtime.stream("emit", {"n": 3})
    events = stream.events()
    assert next(events) == Partial(0, None)
    assert list(stream) == [1, 2]
    stream.close()


async def test_callbacks_and_the_stream_both_hear(runtime: bamlvm.Runtime) -> None:
    got: list[int] = []

    async def slow(value: int) -> None:
        await asyncio.sleep(0)
        got.append(value)

    stream = runtime.stream("emit", {"n": 3}, CallContext(on_partial=slow))
    assert [value async for value in stream] == [0, 1, 2] == got

    def sync() -> list[int]:
        threads = set()
        context = CallContext(on_partial=lambda value: threads.add(threading.get_ident()))
        values = list(runtime.stream("emit_and_nap", {"n": 3}, context))
        assert threads == {threading.get_ident()}
        return values

    assert await asyncio.to_thread(sync) == [0, 1, 2]


# not reading to the end


def test_a_slow_reader_makes_the_call_wait(runtime: bamlvm.Runtime) -> None:
    few = runtime.stream("emit", {"n": 10})
    reader = iter(few)
    next(reader)
    until(lambda: not runtime.engine.active)  # all of it is in the queue
    assert list(reader) == list(range(1, 10))
    many = runtime.stream("emit", {"n": 10_000})
    reader = iter(many)
    next(reader)
    time.sleep(0.1)
    assert runtime.engine.active
    assert list(reader) == list(range(1, 10_000))
    assert many.final() == 10_000


async def test_a_slow_reader_makes_the_call_wait_in_a_loop(runtime: bamlvm.Runtime) -> None:
    passed: list[int] = []
    stream = runtime.stream("emit", {"n": 10_000}, CallContext(on_partial=passed.append))
    last = None
    async for value in stream:
        assert len(passed) - value <= 80
        last = value
    assert last == 9_999
    assert await stream.final() == 10_000


@pytest.mark.parametrize("how", ["break", "close", "with", "drop", "garbage", "raise", "token"])
def test_leaving_a_stream(runtime: bamlvm.Runtime, how: str) -> None:
    token = CancelToken()
    stream: Any = runtime.stream("emit_and_nap", {"n": 100_000}, CallContext(cancel=token))
    reader: Any = None
    match how:
        case "break":
            for _ in stream:
                break
        case "close":
            reader = iter(stream)
            next(reader)
            stream.close()
            assert not runtime.engine.active
        case "with":
            with stream:
                reader = iter(stream)
                next(reader)
            assert not runtime.engine.active
        case "drop":
            reader = iter(stream)
            next(reader)
            del stream, reader
            stream = None
        case "garbage":
            loop: list[Any] = [stream]
            loop.append(loop)
            reader = iter(stream)
            next(reader)
            loop.append(reader)
            del loop, reader
            stream = None
            gc.collect()
        case "raise":
            with pytest.raises(KeyError):
                for _ in stream:
                    raise KeyError
        case "token":
            with pytest.raises(Cancelled):
                for _ in stream:
                    token.cancel()
    until(lambda: not runtime.engine.active)
    if stream is not None:
        with pytest.raises(Cancelled):
            stream.final()


@pytest.mark.parametrize("how", ["break", "close", "with", "drop", "raise", "token", "cancel"])
async def test_leaving_a_stream_in_a_loop(runtime: bamlvm.Runtime, how: str) -> None:
    token = CancelToken()
    stream: Any = runtime.stream("emit_and_nap", {"n": 100_000}, CallContext(cancel=token))
    reader: Any = None
    match how:
        case "break":
            async for _ in stream:
                break
        case "close":
            reader = aiter(stream)
            await anext(reader)
            await stream.aclose()
            assert not runtime.engine.active
        case "with":
            async with stream:
                reader = aiter(stream)
                await anext(reader)
            assert not runtime.engine.active
        case "drop":
            reader = aiter(stream)
            await anext(reader)
            del stream, reader
            stream = None
        case "raise":
            with pytest.raises(KeyError):
                async for _ in stream:
                    raise KeyError
        case "token":
            with pytest.raises(Cancelled):
                async for _ in stream:
                    token.cancel()
        case "cancel":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    async for _ in stream:
                        pass
            assert not runtime.engine.active
    while runtime.engine.active:  # noqa: ASYNC110 (the test is about the call's end, whatever ends it)
        await asyncio.sleep(0.001)
    if stream is not None:
        with pytest.raises(Cancelled):
            await stream.final()


async def test_cancelling_the_final_value_ends_the_call(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit_and_nap", {"n": 100_000})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream.final(), 0.02)
    assert not runtime.engine.active


async def test_a_deadline(runtime: bamlvm.Runtime) -> None:
    context = CallContext(timeout=0.02)
    with pytest.raises(DeadlineExceeded):
        async for _ in runtime.stream("emit_and_nap", {"n": 100_000}, context):
            pass

    def sync() -> None:
        with pytest.raises(DeadlineExceeded):
            list(runtime.stream("emit_and_nap", {"n": 100_000}, context))

    await asyncio.to_thread(sync)


def test_a_stream_that_never_begins(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("emit", {"n": 1})
    stream.close()
    with pytest.raises(Cancelled):
        stream.final()
    runtime.stream("emit", {"n": 1})
    assert not runtime.engine.active


def test_a_callback_that_raises(runtime: bamlvm.Runtime) -> None:
    def callback(value: int) -> None:
        raise KeyError(value)

    stream = runtime.stream("emit_and_nap", {"n": 3}, CallContext(on_partial=callback))
    with pytest.raises(KeyError):
        list(stream)
    with pytest.raises(KeyError):
        stream.final()


@pytest.mark.parametrize("how", ["break", "close", "token"])
def test_leaving_a_stream_closes_its_connection(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer, how: str
) -> None:
    threaded_mock_server.play(STALL)
    token = CancelToken()
    with make(llm_source(threaded_mock_server.url)) as runtime:
        stream = runtime.stream("F", {"input": "x"}, CallContext(cancel=token))
        reader = iter(stream)
        assert next(reader) == "a"
        if how == "break":
            del reader
        elif how == "close":
            stream.close()
            assert runtime.handles == 0
        else:
            token.cancel()
        threaded_mock_server.until(lambda server: server.open_connections == 0)
        until(lambda: not runtime.engine.active)


async def test_a_loop_that_ends_closes_its_connections(make: Make, llm_source: Callable[..., str]) -> None:
    def work(source: str) -> None:
        runtime = make(source)

        async def call() -> str:
            value: str = await runtime.call_function("F", {"input": "x"})
            return value

        for _ in range(2):  # asyncio.run makes a loop each time, and the second must not find the first one's sockets
            assert asyncio.run(call()) == "Hello, world!"

    with ThreadedMockServer(HELLO) as server:
        await asyncio.to_thread(work, llm_source(server.url))
        await asyncio.to_thread(server.until, lambda server: server.open_connections == 0)


DEFAULTS = """
client<llm> C { provider openai  options { model "m"  api_key "sk-k"  base_url "URL/v1" } }
function Inner(x: string) -> string { client C  prompt #"inner {{ x }}"# }
function F(a: string, b: string = "bee", c: string = Inner(a) + "!") -> string {
    client C
    prompt #"{{ a }} {{ b }} {{ c }}"#
}
"""


def test_a_streamed_function_takes_its_defaults(make: Make, threaded_mock_server: ThreadedMockServer) -> None:
    threaded_mock_server.play(
        {"rules": [{"prompt": "inner", "answers": [{"text": "deep"}]}, {"answers": [{"pieces": ["a", "b", "c"]}]}]}
    )
    runtime = make(DEFAULTS.replace("URL", threaded_mock_server.url))
    collector = bamlvm.Collector()
    stream = runtime.stream("F", {"a": "x"}, CallContext(collectors=[collector]))
    assert list(stream)[-1] == "abc"
    assert stream.final() == "abc"
    sent = [exchange.body for exchange in threaded_mock_server.requests]
    assert [body.get("stream", False) for body in sent] == [False, True], "only the function itself is streamed"
    assert "x bee deep!" in str(sent[1]["messages"])
    assert [attempt.function for attempt in collector.attempts] == ["Inner", "F"]
    partials: list[str] = []
    context = CallContext(on_partial=partials.append)
    assert runtime.call_function_sync("F", {"a": "x", "c": "sea"}, context) == "abc"
    assert partials[-1] == "abc"
    assert "x bee sea" in str(threaded_mock_server.requests[-1].body["messages"])


def test_partials_carry_their_attempt(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play(BROKEN_ONCE)
    runtime = make(llm_source(threaded_mock_server.url, tries=2))
    events = list(runtime.stream("F", {"input": "x"}).events())
    told = [event for event in events if isinstance(event, Partial)]
    partials = [(event.attempt.ordinal, event.value) for event in told if event.attempt]
    assert {ordinal for ordinal, _ in partials} == {1, 2}
    assert partials == sorted(partials, key=lambda pair: pair[0])
    assert partials[-1] == (2, "Hello, world!")
    kinds = [(event.kind, event.record.ordinal) for event in events if isinstance(event, Attempt)]
    assert kinds == [("started", 1), ("failed", 1), ("started", 2), ("succeeded", 2)]
