"""One connection: responses that break off, early responses, and cancelling at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from bamlvm.sysops.web.transport.connection import Connection
from bamlvm.sysops.web.transport.http1 import Transport
from tests.unit.sysops.web.transport.servers import (
    CHUNKED,
    OK,
    sends,
    silent_server,
    trusting,
)

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "without sending complete message body"),
        (CHUNKED + b"2\r\nok\r\n", "without sending complete message body"),
        (CHUNKED + b"2\r\no", "without sending complete message body"),
        (CHUNKED + b"2\r\nok\r\nzz\r\n", "chunk size"),
    ],
)
async def test_a_body_that_breaks_off_is_an_error(
    serve: Any, client: httpx.AsyncClient, answer: bytes, said: str
) -> None:
    server = await serve(sends(answer))
    found = b""
    with pytest.raises(httpx.RemoteProtocolError, match=said):
        async with client.stream("GET", server.url()) as response:
            async for piece in response.aiter_raw():
                found += piece
    assert b"ok".startswith(found)
    assert found


async def test_a_reset_in_a_body(serve: Any, client: httpx.AsyncClient) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(CHUNKED, b"2\r\nok\r\n")
        await asyncio.sleep(0.02)
        exchange.reset()

    server = await serve(handler)
    with pytest.raises(httpx.ReadError):
        await client.get(server.url())


async def test_a_large_request_whose_answer_comes_early(client: httpx.AsyncClient) -> None:
    closed = asyncio.Event()

    async def answer_before_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        writer.close()
        closed.set()

    server = await asyncio.start_server(answer_before_reading, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await client.post(f"http://127.0.0.1:{port}/", content=b"x" * 8_000_000)
        assert (found.status_code, found.content) == (413, b"no")
        async with asyncio.timeout(60):
            await closed.wait()


REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\nx-keep: 1\r\n\r\n"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cancelling_while_connecting_or_waiting(client: httpx.AsyncClient, scheme: str) -> None:
    async with silent_server() as (port, accepted, closed):
        task = asyncio.create_task(client.get(f"{scheme}://127.0.0.1:{port}/"))
        await accepted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(60):
            await closed.wait()


async def test_cancelling_after_any_number_of_turns_leaves_no_connection(serve: Any) -> None:
    """At every point of an exchange: while connecting, between that and the request, before and inside the body."""

    async def handler(exchange: Any) -> None:
        await exchange.send(CHUNKED, b"2\r\nok\r\n")
        await exchange.until_closed()

    server = await serve(handler)
    ended = 0
    for turns in range(60):
        transport = Transport(trusting)
        async with httpx.AsyncClient(transport=transport) as client:
            task = asyncio.create_task(_first_piece(client, server.url()))
            for _ in range(turns):
                await asyncio.sleep(0)
            ended += task.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert transport.connections == 0
            await server.idle()
    assert 0 < ended < 60, "the turns must reach from before the exchange to after it"


async def _first_piece(client: httpx.AsyncClient, url: str) -> None:
    async with client.stream("GET", url) as response:
        async for piece in response.aiter_raw():
            assert piece
            return


class HandingOn:
    """Keeps no connection: the first that is released serves another exchange at once, and ``first`` is cancelled."""

    def __init__(self) -> None:
        self.first: asyncio.Task[Any] | None = None
        self.second: asyncio.Task[Any] | None = None

    def release(self, connection: Connection, seconds: int | None) -> None:
        if self.second is None:
            assert self.first is not None
            self.first.cancel()
            self.second = asyncio.create_task(connection.exchange(REQUEST))

    def lost(self, connection: Connection) -> None:
        pass


async def test_cancelling_a_request_whose_connection_serves_another_already(serve: Any) -> None:
    """The whole answer came with its head, and the connection went on, before the cancelled task had its turn."""
    server = await serve(sends(OK))
    owner = HandingOn()
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(owner, None, memoryview(bytearray(1000))), "127.0.0.1", server.port
    )
    owner.first = asyncio.create_task(connection.exchange(REQUEST))
    with pytest.raises(asyncio.CancelledError):
        await owner.first
    assert owner.second is not None
    async with asyncio.timeout(60):
        reader, _ = await owner.second
    assert reader.status == 200
    await connection.aclose()


async def test_cancelling_at_any_moment_of_looking_up_and_connecting(serve: Any) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(CHUNKED, b"2\r\nok\r\n")
        await exchange.until_closed()

    server = await serve(handler)
    for step in range(60):
        transport = Transport(trusting)
        async with httpx.AsyncClient(transport=transport) as client:
            task = asyncio.create_task(_first_piece(client, f"http://localhost:{server.port}/"))
            for _ in range(step % 20):
                await asyncio.sleep(0)
            await asyncio.sleep(step // 20 * 0.0005)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert transport.connections == 0
            await server.idle()
