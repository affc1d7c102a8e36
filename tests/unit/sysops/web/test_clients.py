"""The clients of a runtime: one for each loop, closed with it."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import httpx
import pytest

from bamlvm.replay import RecordingTransport
from bamlvm.sysops.web.clients import Clients, NetworkTransport, Outgoing, new_client
from bamlvm.sysops.web.response import converted

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Counting(httpx.AsyncBaseTransport):
    """A transport that counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    async def aclose(self) -> None:
        self.closed += 1


async def test_the_proxy_of_the_environment(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(OK)

    proxy = await serve(handler)
    monkeypatch.setenv("http_proxy", proxy.url())
    monkeypatch.delenv("no_proxy", raising=False)
    async with new_client() as client:
        assert (await client.get("http://service.invalid/path")).content == b"ok"
    assert proxy.requests[0].target == "http://service.invalid/path"


async def test_a_loop_has_one_client() -> None:
    transport = Counting()
    clients = Clients(transport)
    assert clients.current() is clients.current()
    await clients.aclose()
    assert transport.closed == 1
    await clients.aclose()
    assert transport.closed == 1


def test_a_client_is_closed_with_its_loop() -> None:
    transport = Counting()
    clients = Clients(transport)

    async def use() -> None:
        clients.current()

    for times in (1, 2):
        asyncio.run(use())
        assert transport.closed == times
    clients.close()
    assert transport.closed == 2


async def test_a_client_of_another_thread_s_loop_is_closed_there() -> None:
    transport = Counting()
    clients = Clients(transport)
    begun, over = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def elsewhere() -> None:
        clients.current()
        here.call_soon_threadsafe(begun.set)
        while not over.is_set():  # noqa: ASYNC110 (an event of another loop)
            await asyncio.sleep(0.001)

    thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await begun.wait()
    await clients.aclose()
    assert transport.closed == 1
    over.set()
    await thread
    gc.collect()
    assert transport.closed == 1


@pytest.mark.parametrize("way", ["the host's transport", "a proxy", "a recorder", "a host's recorder"])
async def test_what_follows_a_response_is_not_the_next_one(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    async def twice(exchange: Any) -> None:
        await exchange.send(OK, OK.replace(b"ok", b"no"))

    server = await serve(twice)
    transport: httpx.AsyncBaseTransport | None = None
    if way == "the host's transport":
        transport = httpx.AsyncHTTPTransport()
    elif way == "a recorder":
        transport = NetworkTransport()
    elif way == "a host's recorder":
        transport = RecordingTransport(httpx.AsyncHTTPTransport(), tmp_path / "calls.jsonl")
    else:
        monkeypatch.setenv("http_proxy", server.url())
        monkeypatch.delenv("no_proxy", raising=False)
    async with new_client(transport) as client:
        for _ in range(3):
            response = await client.open(Outgoing("POST", server.url(), {"x-keep": "1"}), b"", 5.0)
            if isinstance(response, httpx.Response):
                response = converted(response, server.url())
            assert b"".join([piece async for piece in response.stream]) == b"ok"
            await response.aclose()
    assert server.connections == 3
