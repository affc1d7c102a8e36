"""Bodies: back-pressure, receivers, leaving early."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bamlvm.sysops.web.transport.body import EXTENSION, Body
from tests.unit.sysops.web.transport.servers import CHUNKED, KEEP, Received, sends

pytestmark = pytest.mark.virtual_time


async def test_a_stream_left_early_closes_its_connection(serve: Any, client: httpx.AsyncClient) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(CHUNKED, b"2\r\nok\r\n")
        await exchange.until_closed()

    server = await serve(handler)
    async with client.stream("GET", server.url(), headers=KEEP) as response:
        async for piece in response.aiter_raw():
            assert piece == b"ok"
            break
    await server.idle()


async def test_what_is_not_read_is_held_back(serve: Any, client: httpx.AsyncClient) -> None:
    sent = 0

    async def handler(exchange: Any) -> None:
        nonlocal sent
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 64000000\r\n\r\n")
        for _ in range(64):
            await exchange.send(b"x" * 1_000_000)
            sent += 1

    server = await serve(handler)
    async with client.stream("GET", server.url()) as response:
        before = -1
        while before != sent:  # until the server cannot send any more
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 32
        size = 0
        async for piece in response.aiter_raw():
            size += len(piece)
    assert (size, sent) == (64_000_000, 64)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ending", [b"0\r\n\r\n", b"zz\r\n", b""])
async def test_a_receiver(serve: Any, client: httpx.AsyncClient, late: bool, ending: bytes) -> None:
    server = await serve(sends(CHUNKED, b"2\r\nok\r\n", ending))
    async with client.stream("GET", server.url()) as response:
        if late:
            await asyncio.sleep(0.05)
        body: Body = response.extensions[EXTENSION]
        received = Received()
        body.attach(received)
        async with asyncio.timeout(60):
            await received.done.wait()
        assert b"".join(received.pieces) == b"ok"
        (end,) = received.ends
        assert (end is None) == (ending == b"0\r\n\r\n")
        assert end is None or isinstance(end, httpx.RemoteProtocolError)
