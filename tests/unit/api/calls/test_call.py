"""What a call is made of refers to each other only until it ends: nothing waits for the collector of cycles."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer
from tests.support.virtual_time import virtual_loop

_SOURCE = """
    client C {{ provider openai  options {{ model "m"  api_key "k"  base_url "{url}" }} }}
    client R {{ provider fallback  options {{ strategy [C, C] }} }}
    class Found {{ number int  names string[] }}
    function Ask(x: string) -> string {{ client C  prompt #"{{{{ x }}}}"# }}
    function Find(x: string) -> Found {{ client R  prompt #"{{{{ x }}}}"# }}
    function Pure() -> int {{ 1 }}
    function Throws() -> int {{ throw "a" }}
    function Sleeps() -> int {{ baml.sys.sleep(1); 1 }}
    function Spawns() -> int {{ let a = spawn {{ 1 }}; await a }}
    function Leaves() -> int {{ let a = spawn {{ baml.sys.sleep(60000); 1 }}; let b = spawn {{ throw "x"; 1 }}; 2 }}
    function Endless() -> int {{ let i = 0; while (true) {{ i += 1; }} i }}
    function Large() -> int[] {{ let xs = baml.range(0, 30000); xs.sort(); xs }}
"""
_SCRIPT = {
    "rules": [
        {"prompt": "fail", "answers": [{"text": "no", "faults": [{"kind": "status", "code": 500}]}]},
        {"answers": [{"pieces": ['{"number": 1, ', '"names": ["x", "y"]}']}]},
    ]
}
_TIMES = 8


@pytest.fixture
def runtime(threaded_mock_server: ThreadedMockServer) -> Iterator[bamlvm.Runtime]:
    threaded_mock_server.play(_SCRIPT)
    with bamlvm.Runtime.from_files({"main.baml": _SOURCE.format(url=threaded_mock_server.url)}) as runtime:
        yield runtime


async def _nothing(value: Any) -> None:
    pass


def _call(runtime: bamlvm.Runtime, name: str, text: str | None = None, **options: Any) -> None:
    with suppress(bamlvm.BamlError):
        runtime.call_function_sync(name, {} if text is None else {"x": text}, bamlvm.CallContext(**options))


async def _await(runtime: bamlvm.Runtime, name: str, text: str | None = None, **options: Any) -> None:
    with suppress(bamlvm.BamlError):
        await runtime.call_function(name, {} if text is None else {"x": text}, bamlvm.CallContext(**options))


def _cancel(runtime: bamlvm.Runtime) -> None:
    token = bamlvm.CancelToken()
    timer = threading.Timer(0.01, token.cancel)
    timer.start()
    _call(runtime, "Endless", cancel=token)
    timer.join()


async def _cancel_task(runtime: bamlvm.Runtime) -> None:
    task = asyncio.create_task(_await(runtime, "Ask", "a"))
    await asyncio.sleep(0.002)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _stream(runtime: bamlvm.Runtime, text: str = "a", leave: bool = False, events: bool = False) -> None:
    stream = runtime.stream("Find", {"x": text})
    with suppress(bamlvm.BamlError):
        for _ in stream.events() if events else stream:
            if leave:
                break
        else:
            stream.final()
    stream.close()


async def _stream_async(runtime: bamlvm.Runtime, text: str = "a", leave: bool = False, events: bool = False) -> None:
    stream = runtime.stream("Find", {"x": text})
    with suppress(bamlvm.BamlError):
        async for _ in stream.events() if events else stream:
            if leave:
                break
        else:
            await stream.final()
    await stream.aclose()


_HEARD = {"on_partial": print, "on_tick": lambda tick: None, "on_attempt": lambda attempt: None}
_AWAITED = {"on_partial": _nothing, "on_tick": _nothing, "on_attempt": _nothing}

ENDS: dict[str, Callable[[bamlvm.Runtime], Any]] = {
    **{f"{name} alone": lambda runtime, name=name: _call(runtime, name) for name in
       ("Pure", "Throws", "Sleeps", "Spawns", "Leaves", "Large")},
    **{f"{name} awaited": lambda runtime, name=name: _await(runtime, name) for name in
       ("Pure", "Throws", "Sleeps", "Spawns", "Leaves", "Large")},
    "an answer": lambda runtime: _call(runtime, "Find", "a"),
    "an answer awaited": lambda runtime: _await(runtime, "Find", "a"),
    "callbacks": lambda runtime: _call(runtime, "Ask", "a", **{**_HEARD, "on_partial": lambda value: None}),
    "callbacks awaited": lambda runtime: _await(runtime, "Ask", "a", **_AWAITED),
    "a collector": lambda runtime: _call(runtime, "Ask", "a", collectors=[bamlvm.Collector()]),
    "all attempts failed": lambda runtime: _call(runtime, "Find", "fail"),
    "all attempts failed, awaited": lambda runtime: _await(runtime, "Find", "fail"),
    "a deadline": lambda runtime: _call(runtime, "Endless", timeout=0.01),
    "a deadline awaited": lambda runtime: _await(runtime, "Endless", timeout=0.01),
    "a token": _cancel,
    "a cancelled task": _cancel_task,
    "a stream": _stream,
    "a stream's events": lambda runtime: _stream(runtime, events=True),
    "a stream that is left": lambda runtime: _stream(runtime, leave=True),
    "a stream that fails": lambda runtime: _stream(runtime, "fail"),
    "a stream awaited": _stream_async,
    "a stream's events awaited": lambda runtime: _stream_async(runtime, events=True),
    "an awaited stream that is left": lambda runtime: _stream_async(runtime, leave=True),
    "an awaited stream that fails": lambda runtime: _stream_async(runtime, "fail"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_nothing_of_a_call_waits_for_the_collector(
    runtime: bamlvm.Runtime, background_settles: Callable[[], None], end: str
) -> None:
    loop = asyncio.new_event_loop()

    def run() -> None:
        awaitable = ENDS[end](runtime)
        if awaitable is not None:
            loop.run_until_complete(awaitable)

    run()  # the first time imports, and fills caches
    background_settles()  # what an earlier test left there ends, too
    gc.collect()
    gc.disable()
    try:
        for _ in range(_TIMES):
            run()
        background_settles()  # it ends its task a moment after the caller hears of the end
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        # The mock server lives in this process, too.
        left = [each for each in gc.garbage if _is_ours(type(each).__module__)]
        assert Counter(type(each).__name__ for each in left) == Counter()
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        loop.run_until_complete(runtime.aclose())
        loop.close()


def _is_ours(module: str) -> bool:
    return module.startswith("bamlvm.") and not module.startswith("bamlvm.tools.")


def test_an_error_is_raised_each_time_it_is_asked_for(runtime: bamlvm.Runtime) -> None:
    with runtime.stream("Find", {"x": "fail"}) as stream:
        for _ in range(3):
            with pytest.raises(bamlvm.errors.AllAttemptsFailed, match="500"):
                stream.final()


THREADS = """
class Lost { items int[][] }
function lose(count: int) -> int {
  let items: int[][] = [];
  for (let i = 0; i < count; i += 1) { items.push([i]); }
  throw Lost { items: items };
  1
}
function main(threads: int, count: int, ms: int) -> int {
  for (let i = 0; i < threads; i += 1) { let f = spawn { lose(count) }; }
  baml.sys.sleep(ms);
  1
}
function at_once(threads: int) -> int {
  for (let i = 0; i < threads; i += 1) { let f = spawn { lose(1) }; }
  let g = spawn { 1 };
  await g
}
"""


async def test_what_nothing_awaited_is_recorded_with_its_value() -> None:
    with bamlvm.Runtime.from_files({"main.baml": THREADS}) as runtime:
        collector = bamlvm.Collector()
        await runtime.call_function(
            "main", {"threads": 3, "count": 2, "ms": 1}, bamlvm.CallContext(collectors=[collector])
        )
        assert collector.last is not None
        assert [each.error.value for each in collector.last.unawaited_errors] == [{"items": [[0], [1]]}] * 3


def test_what_nothing_awaited_is_recorded_in_a_call_without_a_loop(caplog: pytest.LogCaptureFixture) -> None:
    with bamlvm.Runtime.from_files({"main.baml": THREADS}) as runtime:
        collector = bamlvm.Collector()
        with caplog.at_level(logging.WARNING, "bamlvm.calls"):
            runtime.call_function_sync("at_once", {"threads": 150}, bamlvm.CallContext(collectors=[collector]))
        assert collector.last is not None
        assert [each.error.value for each in collector.last.unawaited_errors] == [{"items": [[0]]}] * 150
        assert len(caplog.records) == 101
        assert caplog.messages[-1] == "at_once: nothing awaited 50 more that threw"


@pytest.mark.virtual_time
async def test_a_call_that_is_cancelled_converts_no_values_of_what_nothing_awaited() -> None:
    virtual_loop().leap(60)  # to the deadline, when every thread has thrown
    with bamlvm.Runtime.from_files({"main.baml": THREADS}) as runtime:
        collector = bamlvm.Collector()
        context = bamlvm.CallContext(collectors=[collector], timeout=60)
        with pytest.raises(bamlvm.DeadlineExceeded):
            await runtime.call_function("main", {"threads": 1100, "count": 1, "ms": 600_000}, context)
        assert collector.last is not None
        lost = collector.last.unawaited_errors
        assert len(lost) == 1000
        assert {(each.error.type, each.error.value) for each in lost} == {("Lost", None)}
