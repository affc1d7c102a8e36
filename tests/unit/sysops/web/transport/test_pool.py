"""Idle connections and new ones: reuse, stale connections, TLS, limits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bamlvm.sysops.web.transport.http1 import Transport
from tests.unit.sysops.web.transport.servers import (
    CHUNKED,
    KEEP,
    OK,
    sends,
    silent_server,
    tls_server,
    trusting,
)

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=5\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 204 None\r\n\r\n",
        b"HTTP/1.1 304 Same\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_a_connection_is_used_again(serve: Any, client: httpx.AsyncClient, answer: bytes) -> None:
    server = await serve(sends(answer))
    for _ in range(3):
        found = await client.post(server.url(), content=b"{}", headers=KEEP)
        assert found.content in (b"", b"ok")
    assert server.connections == 1
    assert [each.body for each in server.requests] == [b"{}"] * 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\n",
        OK + b"more than was asked for",
    ],
)
async def test_a_connection_that_cannot_be_used_again(serve: Any, client: httpx.AsyncClient, answer: bytes) -> None:
    server = await serve(sends(answer))
    for _ in range(2):
        assert (await client.get(server.url(), headers=KEEP)).content == b"ok"
    assert server.connections == 2


async def test_at_once_as_many_connections_as_requests(serve: Any, client: httpx.AsyncClient) -> None:
    everybody = asyncio.Barrier(5)

    async def handler(exchange: Any) -> None:
        await everybody.wait()
        await exchange.send(OK)

    server = await serve(handler)
    for _ in range(2):
        async with asyncio.timeout(60):
            await asyncio.gather(*(client.get(server.url(), headers=KEEP) for _ in range(5)))
    assert server.connections == 5


async def test_a_body_that_has_come_but_was_not_read_leaves_the_connection(
    serve: Any, client: httpx.AsyncClient
) -> None:
    server = await serve(sends(OK))
    for _ in range(2):
        async with client.stream("GET", server.url(), headers=KEEP) as response:
            assert response.status_code == 200
            await asyncio.sleep(0.01)
    assert server.connections == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("seen", [True, False])
async def test_a_connection_closed_at_rest_is_not_used(
    serve: Any, client: httpx.AsyncClient, method: str, seen: bool
) -> None:
    server = await serve(sends(OK))
    assert (await client.request(method, server.url())).content == b"ok"  # the server closes it afterwards
    if seen:
        await server.idle()
        await asyncio.sleep(0.02)
    assert (await client.request(method, server.url())).content == b"ok"
    assert server.connections == 2


async def test_a_connection_that_speaks_at_rest_is_not_used(serve: Any, client: httpx.AsyncClient) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(OK)
        await asyncio.sleep(0.02)
        await exchange.send(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
        await exchange.until_closed()

    server = await serve(handler)
    assert (await client.get(server.url(), headers=KEEP)).content == b"ok"
    await server.idle()
    assert (await client.get(server.url(), headers=KEEP)).content == b"ok"


async def test_a_closed_transport_keeps_no_connection(serve: Any) -> None:
    transport = Transport(trusting)
    server = await serve(sends(OK))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(server.url(), headers=KEEP)
    await server.idle()
    with pytest.raises(httpx.ConnectError, match="closed"):
        await transport.handle_async_request(httpx.Request("GET", server.url()))


async def test_nobody_listens(client: httpx.AsyncClient, unused_tcp_port: int) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.get(f"http://127.0.0.1:{unused_tcp_port}/")


async def test_tls() -> None:
    answer = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
    async with tls_server(answer) as port, httpx.AsyncClient(transport=Transport(trusting)) as client:
        for host in ("127.0.0.1", "localhost", "localhost"):
            assert (await client.get(f"https://{host}:{port}/")).content == b"ok"


@pytest.mark.parametrize(
    ("transport", "host", "said"),
    [
        (Transport(), "localhost", "certificate verify failed"),
        (Transport(trusting), "127.0.0.2", "not valid for '127.0.0.2'"),
    ],
)
async def test_tls_is_verified(transport: Transport, host: str, said: str) -> None:
    async with tls_server(address="0.0.0.0") as port, httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError, match=said):
            await client.get(f"https://{host}:{port}/")
        await asyncio.sleep(0.05)  # for the server's side, which learns of it by itself


async def test_tls_to_a_server_that_speaks_none(serve: Any, client: httpx.AsyncClient) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_connecting_has_a_limit(client: httpx.AsyncClient) -> None:
    async with silent_server() as (port, _, closed):
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(f"https://127.0.0.1:{port}/", timeout=httpx.Timeout(None, connect=0.05))
        async with asyncio.timeout(60):
            await closed.wait()


async def test_idle_connections_are_closed_when_their_time_is_over(serve: Any) -> None:
    everybody = asyncio.Barrier(3)

    async def handler(exchange: Any) -> None:
        await everybody.wait()
        kept = b"keep-alive: timeout=4\r\n" if exchange.target == "/short" else b""
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + kept + b"content-length: 2\r\n\r\nok")

    server = await serve(handler)
    transport = Transport(trusting)
    async with httpx.AsyncClient(transport=transport) as client:
        paths = ("/long", "/short", "/long")
        await asyncio.gather(*(client.get(server.url() + path.strip("/"), headers=KEEP) for path in paths))
        assert transport.connections == 3
        await asyncio.sleep(2.5)
        assert transport.connections == 3
        await asyncio.sleep(1.0)  # a second before the server closes it
        assert transport.connections == 2
        for _ in range(4):
            await asyncio.sleep(2.8)
        assert transport.connections == 2
        await asyncio.sleep(1.0)
        assert transport.connections == 0
