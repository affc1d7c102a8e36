"""Requests and responses over httpx's interface, against real servers."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from tests.unit.sysops.web.transport.servers import (
    KEEP,
    OK,
    sends,
)


async def test_head(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"))
    for _ in range(2):
        found = await client.head(server.url(), headers=KEEP)
        assert (found.status_code, found.headers["content-length"], found.content) == (200, "99", b"")


def fails_on_reuse(how: str) -> Any:
    """Answers a connection's first request; fails at its second, having taken it."""
    served: set[int] = set()

    async def handler(exchange: Any) -> None:
        if id(exchange._writer) not in served:
            served.add(id(exchange._writer))
            await exchange.send(OK)
            return
        del exchange.headers["x-keep"]
        if how == "reset":
            exchange.reset()
        elif how == "begin":
            await exchange.send(b"H")

    return handler


@pytest.mark.parametrize(
    ("method", "headers", "how", "expected"),
    [
        ("GET", {}, "close", "ok"),
        ("GET", {}, "reset", "ok"),
        ("DELETE", {}, "close", "ok"),
        ("POST", {"idempotency-key": "1"}, "close", "ok"),
        ("POST", {}, "reset", "ok"),
        ("POST", {}, "close", "without sending a response"),
        ("GET", {}, "begin", "without sending a whole response"),
    ],
)
async def test_what_is_sent_again(
    serve: Any, client: httpx.AsyncClient, method: str, headers: dict[str, str], how: str, expected: str
) -> None:
    server = await serve(fails_on_reuse(how))
    await client.get(server.url(), headers=KEEP)
    if expected == "ok":
        assert (await client.request(method, server.url(), headers={**KEEP, **headers})).content == b"ok"
    else:
        with pytest.raises(httpx.RemoteProtocolError, match=expected):
            await client.request(method, server.url(), headers={**KEEP, **headers})
    assert len(server.requests) == (3 if expected == "ok" else 2)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_over_a_new_connection_nothing_is_sent_again(serve: Any, client: httpx.AsyncClient, how: str) -> None:
    async def handler(exchange: Any) -> None:
        if how == "reset":
            exchange.reset()

    server = await serve(handler)
    with pytest.raises(httpx.RemoteProtocolError if how == "close" else httpx.ReadError):
        await client.get(server.url())
    assert len(server.requests) == 1


async def test_a_body_until_the_connection_ends(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert (await client.get(server.url())).content == b"all of it"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GE T", {}),
        ("GET", {"a b": "1"}),
        ("GET", {"x": "a\r\ny: b"}),
        ("GET", {"x": "a\0"}),
        ("POST", {"content-length": "99"}),
    ],
)
async def test_what_cannot_be_sent(serve: Any, client: httpx.AsyncClient, method: str, headers: dict[str, str]) -> None:
    server = await serve(sends(OK))
    with pytest.raises(httpx.LocalProtocolError):
        await client.request(method, server.url(), headers=headers)
    assert server.connections == 0


async def test_another_scheme(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        await client.get("ftp://127.0.0.1/")


async def test_an_encoded_body_is_decoded(serve: Any, client: httpx.AsyncClient) -> None:
    packed = gzip.compress(b"text " * 1000)
    server = await serve(
        sends(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed), packed)
    )
    assert (await client.get(server.url())).content == b"text " * 1000


async def test_a_request_that_wants_its_own_connection(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(OK))
    for _ in range(2):
        await client.get(server.url(), headers={**KEEP, "connection": "Close"})
    assert server.connections == 2
