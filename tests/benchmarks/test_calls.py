"""What a host pays: making a runtime, calling a function, streaming 10,000 events; CPU time, not wall time.

Bars: ``Runtime.from_files`` of a ten-line program under 10 ms warm; under 60 µs an event through
``stream_llm_function`` with partials on, where every event comes in its own chunk.  The openai SDK and httpx alone
read the same stream in the same run, from a server in a process of its own.  ``extra_info`` has the microseconds an
event.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

import bamlvm

EVENTS = 10_000
PROGRAM = """
class Line { name string  price int  count int }
enum Kind { Retail  Trade }

function total(lines: Line[], kind: Kind) -> int {
    let sum = 0;
    for (let line in lines) { sum += line.price * line.count; }
    match (kind) { Kind.Retail => sum, Kind.Trade => sum * 9 / 10 }
}
function add(a: int, b: int) -> int { a + b }
"""
LLM = """
client<llm> C {{ provider openai  options {{ model "gpt-4o"  api_key "k"  base_url "{url}/v1" }} }}
function F(input: string) -> string {{ client C  prompt #"Say hello to {{{{ input }}}}"# }}
"""


def response() -> list[bytes]:
    """The head and the chunks of a streamed answer: one event in each chunk of HTTP's chunked coding."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    events = [
        {**base, "choices": [{"index": 0, "delta": {"content": f" word{n}"}, "finish_reason": None}]}
        for n in range(EVENTS)
    ]
    events.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    data = [json.dumps(event).encode() for event in events] + [b"[DONE]"]
    chunks = [b"data: " + each + b"\n\n" for each in data]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *[b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks], b"0\r\n\r\n"]


async def serve() -> None:
    """Answer every request with the same stream; prints the port."""
    parts = response()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                await reader.readexactly(int(length.split(b":")[1]))
                for part in parts:
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(Path(__file__)), "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture
def runtime(url: str) -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM + LLM.format(url=url)}) as made:
        yield made


def per_event(benchmark: Any) -> None:
    benchmark.extra_info["microseconds_per_event"] = round(benchmark.stats.stats.min / EVENTS * 1e6, 1)


def test_runtime_from_files_warm(benchmark: Any) -> None:
    bamlvm.Runtime.from_files({"main.baml": PROGRAM})
    benchmark(lambda: bamlvm.Runtime.from_files({"main.baml": PROGRAM}))


def test_pure_call(benchmark: Any, runtime: bamlvm.Runtime) -> None:
    assert benchmark(runtime.call_function_sync, "add", {"a": 1, "b": 2}) == 3


def test_pure_call_with_structure(benchmark: Any, runtime: bamlvm.Runtime) -> None:
    lines = [{"name": f"item {n}", "price": n, "count": 2} for n in range(10)]
    assert benchmark(runtime.call_function_sync, "total", {"lines": lines, "kind": "Trade"}) == 81


STREAMED = pytest.mark.benchmark(group="10,000 events", timer=time.process_time, min_rounds=3, warmup=True)


@STREAMED
def test_events_async_partials(benchmark: Any, runtime: bamlvm.Runtime) -> None:
    partials: list[str] = []
    context = bamlvm.CallContext(on_partial=partials.append)

    async def call() -> str:
        value: str = await runtime.call_function("F", {"input": "x"}, context)
        return value

    assert benchmark(lambda: asyncio.run(call())).endswith("word9999")
    per_event(benchmark)


@STREAMED
def test_events_async_iteration(benchmark: Any, runtime: bamlvm.Runtime) -> None:
    async def call() -> str:
        stream = runtime.stream("F", {"input": "x"})
        async for _ in stream:
            pass
        value: str = await stream.final()
        return value

    assert benchmark(lambda: asyncio.run(call())).endswith("word9999")
    per_event(benchmark)


@STREAMED
def test_events_sync_iteration(benchmark: Any, runtime: bamlvm.Runtime) -> None:
    def call() -> str:
        stream = runtime.stream("F", {"input": "x"})
        for _ in stream:
            pass
        value: str = stream.final()
        return value

    assert benchmark(call).endswith("word9999")
    per_event(benchmark)


@STREAMED
def test_events_openai_sdk(benchmark: Any, url: str) -> None:
    async def call() -> str:
        text = ""
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1") as client:
            messages: Any = [{"role": "user", "content": "x"}]
            async for event in await client.chat.completions.create(model="gpt-4o", messages=messages, stream=True):
                text += event.choices[0].delta.content or ""
        return text

    assert benchmark(lambda: asyncio.run(call())).endswith("word9999")
    per_event(benchmark)


@STREAMED
def test_events_httpx_alone(benchmark: Any, url: str) -> None:
    async def call() -> int:
        count = 0
        async with httpx.AsyncClient() as client, client.stream("POST", url, content=b"{}") as answer:
            async for chunk in answer.aiter_bytes():
                count += len(chunk)
        return count

    assert benchmark(lambda: asyncio.run(call())) > EVENTS * 100
    per_event(benchmark)


if __name__ == "__main__":
    asyncio.run(serve())
