"""What streams cost from the socket to the host's loop, beside the OpenAI SDK and httpx with httpx-sse in the same run.

The server is a process of its own (``stream_server.py``); what is measured is this process.  Each round's wall time is
the benchmark's figure; ``extra_info`` has the rest, in milliseconds: ``cpu_ms`` of this process in the best round,
``first_partial_ms`` from the call to the first partial (the median over the streams), ``latency_ms`` from the server's
write to the host's loop body (the median over the partials; the server stamps every event), and how many ``partials``.

Bars: 200 streams of 100 events 5 ms apart in 1.2 s and 1500 ms of CPU, the first partial within 300 ms; 300 events
1 ms apart in 30 ms of CPU, the first partial 3 ms after its bytes; an event of a burst of 10,000 costs at most 1.2
times what one of 1,000 does (``us_per_event``).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import httpx_sse
import openai
import pytest

import bamlvm

SERVER = Path(__file__).parent / "stream_server.py"
ROUNDS = 3

Texts: TypeAlias = AsyncIterator[str]
"""What a client shows: after each event the whole text so far, or only what is new of it."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of the server, which ends with the module."""
    server = subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    server.stdin.close()
    server.wait(10)
    server.stdout.close()


def runtime_for(url: str) -> bamlvm.Runtime:
    source = f"""
    client<llm> C {{ provider openai  options {{ model "gpt-4o"  api_key "key"  base_url "{url}" }} }}
    function F(input: string) -> string {{ client C  prompt #"Say {{{{ input }}}}"# }}
    """
    return bamlvm.Runtime.from_files({"main.baml": source})


def with_bamlvm(runtime: bamlvm.Runtime) -> Texts:
    return runtime.stream("F", {"input": "x"}).__aiter__()


async def with_openai(client: openai.AsyncOpenAI) -> Texts:
    answer = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Say x"}], stream=True
    )
    async for chunk in answer:
        if text := chunk.choices[0].delta.content:
            yield text


async def with_httpx_sse(client: httpx.AsyncClient, url: str) -> Texts:
    async with httpx_sse.aconnect_sse(client, "POST", url, content=b"{}") as source:
        async for event in source.aiter_sse():
            if event.data != "[DONE]" and (text := json.loads(event.data)["choices"][0]["delta"].get("content")):
                yield text


@dataclass
class Seen:
    """What one round's streams showed; times in seconds."""

    cpu: float = 0.0
    partials: int = 0
    firsts: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


async def read(texts: Texts, seen: Seen) -> None:
    started = time.monotonic()
    is_first = True
    async for text in texts:
        now = time.monotonic()
        if is_first:
            seen.firsts.append(now - started)
            is_first = False
        seen.partials += 1
        seen.latencies.append(now - float(text[-20:].split()[-1]))


def measure(
    benchmark: Any, new_stream: Callable[[], Texts], close: Callable[[], Awaitable[None]], streams: int, events: int
) -> None:
    """Read that many streams at once, several times over; what is noted is of the round that cost least CPU."""
    loop = asyncio.new_event_loop()
    rounds: list[Seen] = []

    async def all_streams(seen: Seen) -> None:
        await asyncio.gather(*(read(new_stream(), seen) for _ in range(streams)))

    def one_round() -> None:
        seen = Seen()
        before = time.process_time()
        loop.run_until_complete(all_streams(seen))
        seen.cpu = time.process_time() - before
        rounds.append(seen)

    try:
        benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    finally:
        loop.run_until_complete(close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    best = min(rounds, key=lambda seen: seen.cpu)
    benchmark.extra_info.update(
        cpu_ms=round(best.cpu * 1000, 1),
        us_per_event=round(best.cpu * 1e6 / (streams * events), 1),
        first_partial_ms=round(statistics.median(best.firsts) * 1000, 1),
        latency_ms=round(statistics.median(best.latencies) * 1000, 2),
        partials=best.partials,
    )
    assert len(best.firsts) == streams


CASES = pytest.mark.parametrize(
    ("streams", "events", "gap_ms"),
    [(200, 100, 5), (1, 300, 1), (1, 1_000, 0), (1, 10_000, 0)],
    ids=["200 streams", "paced", "burst of 1,000", "burst of 10,000"],
)


@CASES
def test_bamlvm(benchmark: Any, base: str, streams: int, events: int, gap_ms: int) -> None:
    runtime = runtime_for(f"{base}/{events}/{gap_ms}")
    measure(benchmark, lambda: with_bamlvm(runtime), runtime.aclose, streams, events)


@CASES
def test_openai(benchmark: Any, base: str, streams: int, events: int, gap_ms: int) -> None:
    client = openai.AsyncOpenAI(api_key="key", base_url=f"{base}/{events}/{gap_ms}")
    measure(benchmark, lambda: with_openai(client), client.close, streams, events)


@CASES
def test_httpx_sse(benchmark: Any, base: str, streams: int, events: int, gap_ms: int) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    client = httpx.AsyncClient(limits=limits, timeout=None)
    measure(benchmark, lambda: with_httpx_sse(client, f"{base}/{events}/{gap_ms}/"), client.aclose, streams, events)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_short_call_over_a_kept_connection(benchmark: Any, base: str, how: str) -> None:
    """What a call costs beside its events; ``connections`` is how many the server accepted for all of them."""
    runtime = runtime_for(f"{base}/1/0")
    loop = asyncio.new_event_loop()

    async def final() -> None:
        await runtime.stream("F", {"input": "x"}).final()

    def call() -> None:
        if how == "sync":
            runtime.stream("F", {"input": "x"}).final()
        else:
            loop.run_until_complete(final())

    before = int(httpx.get(f"{base}/connections").text)
    started = time.process_time()
    benchmark.pedantic(call, rounds=200, warmup_rounds=5)
    benchmark.extra_info["cpu_ms"] = round((time.process_time() - started) * 1000 / 205, 2)
    benchmark.extra_info["connections"] = int(httpx.get(f"{base}/connections").text) - before - 1
    loop.run_until_complete(runtime.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
