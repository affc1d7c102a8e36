"""Responses of httpx's own transport: read by a task, and closed at any moment without leaving a connection open."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bamlvm.sysops.web.pump import Pump
from tests.unit.sysops.web.transport.servers import KEEP, Received

CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b"9\r\ndata: a\n\n\r\n"
END = b"0\r\n\r\n"

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[httpx.AsyncHTTPTransport]:
    async with httpx.AsyncHTTPTransport(verify=False, limits=httpx.Limits(max_connections=None)) as transport:
        yield transport


async def opened(transport: httpx.AsyncHTTPTransport, url: str, keep: bool = True) -> httpx.Response:
    timeout = {"connect": None, "read": None, "write": None, "pool": None}
    request = httpx.Request("POST", url, headers=KEEP if keep else {}, content=b"{}", extensions={"timeout": timeout})
    response = await transport.handle_async_request(request)
    response.request = request
    return response


def sends(*steps: bytes | None) -> Any:
    """A handler that writes, turns of the loop apart; at None it waits until the client has closed."""

    async def handler(exchange: Any) -> None:
        for step in steps:
            if step is None:
                await exchange.until_closed()
            else:
                with contextlib.suppress(ConnectionError):
                    await exchange.send(step)
                await asyncio.sleep(0)

    return handler


async def test_a_body_is_passed_on_to_its_end(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    server = await serve(sends(CHUNKED, PIECE, PIECE, END))
    for _ in range(2):
        received = Received()
        pump = Pump(await opened(transport, server.url()), received)
        await received.done.wait()
        await pump.aclose()
        assert (b"".join(received.pieces), received.ends) == (b"data: a\n\n" * 2, [None])
    assert server.connections == 1


async def test_an_encoded_body_is_decoded(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    packed = gzip.compress(b"data: a\n\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    server = await serve(sends(head, packed))
    received = Received()
    pump = Pump(await opened(transport, server.url()), received)
    await received.done.wait()
    await pump.aclose()
    assert (b"".join(received.pieces), received.ends) == (b"data: a\n\n", [None])


async def test_what_breaks_is_the_end_s_error(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    server = await serve(sends(CHUNKED, PIECE, b"zz\r\n"))
    received = Received()
    pump = Pump(await opened(transport, server.url()), received)
    await received.done.wait()
    await pump.aclose()
    (error,) = received.ends
    assert isinstance(error, httpx.RemoteProtocolError)


async def test_a_paused_pump_reads_no_further(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    server = await serve(sends(CHUNKED, *[PIECE, b"", b""] * 20, END))
    received = Received()
    pump = Pump(await opened(transport, server.url()), received)
    pump.pause()
    await asyncio.sleep(0.05)
    assert len(received.pieces) == 1
    pump.resume()
    await received.done.wait()
    await pump.aclose()
    assert (b"".join(received.pieces), received.ends) == (b"data: a\n\n" * 20, [None])


async def test_a_paused_pump_can_be_closed(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    server = await serve(sends(CHUNKED, PIECE, None))
    received = Received()
    pump = Pump(await opened(transport, server.url()), received)
    pump.pause()
    await asyncio.sleep(0.02)
    await pump.aclose()
    assert isinstance(received.ends[0], httpx.ReadError)
    await server.idle()


@pytest.mark.parametrize("ending", [(END,), (b"zz\r\n",), (None,), ()])
@pytest.mark.parametrize("how", ["aclose", "abort"])
async def test_closing_after_any_number_of_turns_leaves_no_connection(
    serve: Any, ending: tuple[bytes | None, ...], how: str
) -> None:
    """While it reads, while httpcore closes by itself (at the end, or at what breaks), and afterwards."""
    server = await serve(sends(CHUNKED, PIECE, *ending))
    ended = 0
    for turns in range(40):
        async with httpx.AsyncHTTPTransport(verify=False, limits=httpx.Limits(max_connections=None)) as transport:
            received = Received()
            pump = Pump(await opened(transport, server.url(), keep=bool(ending)), received)
            for _ in range(turns):
                await asyncio.sleep(0)
            ended += received.done.is_set()
            if how == "abort":
                pump.abort()
                await received.done.wait()
            await pump.aclose()
            assert len(received.ends) == 1
            pool: Any = transport._pool
            assert not pool._requests, "the exchange is over for httpcore"
            assert all(connection.is_idle() or connection.is_closed() for connection in pool.connections)
        await server.idle()
    if ending != (None,):
        assert 0 < ended < 40, "the turns must reach from before the end to after it"


async def test_a_pump_that_was_closed_before_it_began(serve: Any, transport: httpx.AsyncHTTPTransport) -> None:
    server = await serve(sends(CHUNKED, PIECE, None))
    received = Received()
    await Pump(await opened(transport, server.url()), received).aclose()
    assert isinstance(received.ends[0], httpx.ReadError)
    await server.idle()
