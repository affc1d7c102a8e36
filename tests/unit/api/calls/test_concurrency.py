"""One runtime, many streams at once: from tasks of one loop, and from threads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import bamlvm
from bamlvm import CallContext, CancelToken

TASKS = 40
THREADS = 24
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(content: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None if content else "stop"}
    data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


class Gate:
    """A server that answers nobody until ``parties`` requests are there, and then all of them, piece by piece in turn.

    ``connections`` has the number of requests on each connection.
    """

    def __init__(self, parties: int) -> None:
        self.barrier = asyncio.Barrier(parties)
        self.connections: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: Any = asyncio.current_task()
        self._tasks.add(task)
        number = len(self.connections)
        self.connections[number] = 0
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                assert length is not None
                body = await reader.readexactly(int(length[1]))
                name = re.search(rb"hello to ([\w-]+)", body)
                assert name is not None
                self.connections[number] += 1
                await self.barrier.wait()
                writer.write(HEAD)
                for piece in ("Hello ", name[1].decode(), "!"):
                    writer.write(event(piece))
                    await asyncio.sleep(0.01)
                writer.write(event(None) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                await writer.drain()
        self._tasks.discard(task)
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=256)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            if self._tasks:
                await asyncio.wait(tuple(self._tasks), timeout=5)


async def test_streams_from_tasks_and_threads_run_side_by_side(llm_source: Callable[..., str]) -> None:
    gate = Gate(TASKS + THREADS)
    results: dict[str, tuple[list[str], str]] = {}

    async def in_a_task(runtime: bamlvm.Runtime, name: str) -> None:
        stream = runtime.stream("F", {"input": name})
        results[name] = ([partial async for partial in stream], await stream.final())

    def in_a_thread(runtime: bamlvm.Runtime, names: list[str]) -> None:
        for name in names:
            stream = runtime.stream("F", {"input": name})
            results[name] = (list(stream), stream.final())

    async with gate.running() as url, bamlvm.Runtime.from_files({"main.baml": llm_source(url)}) as runtime:
        threads = [
            threading.Thread(target=in_a_thread, args=(runtime, [f"thread-{number}-0", f"thread-{number}-1"]))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(60):
            for turn in range(2):
                await asyncio.gather(*(in_a_task(runtime, f"task-{number}-{turn}") for number in range(TASKS)))
            while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 (threads set no event here)
                await asyncio.sleep(0.01)
        assert runtime.handles == 0
    assert len(results) == 2 * (TASKS + THREADS)
    for name, (partials, final) in results.items():
        assert final == f"Hello {name}!"
        assert partials[-1] == final
        assert all(final.startswith(partial) for partial in partials)
    assert len(gate.connections) == TASKS + THREADS, "the second round goes over the connections of the first"
    assert set(gate.connections.values()) == {2}


async def test_many_are_cancelled_at_once(llm_source: Callable[..., str]) -> None:
    gate = Gate(101)  # one more than come
    token = CancelToken()
    async with gate.running() as url, bamlvm.Runtime.from_files({"main.baml": llm_source(url)}) as runtime:
        calls = [
            asyncio.create_task(runtime.call_function("F", {"input": f"task-{number}"}, CallContext(cancel=token)))
            for number in range(100)
        ]
        async with asyncio.timeout(60):
            while gate.barrier.n_waiting < 100:  # noqa: ASYNC110 (a barrier tells nobody)
                await asyncio.sleep(0.01)
            token.cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {bamlvm.Cancelled}
        assert runtime.handles == 0
        await gate.barrier.abort()
