"""Responses of our own transport and of others, as their readers know them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.web.clients import Outgoing, new_client
from bamlvm.sysops.web.response import Response, Whole, converted
from bamlvm.sysops.web.transport.http1 import RequestHead, Transport


async def body(response: Response) -> bytes:
    return b"".join([chunk async for chunk in response.stream])


class Foreign(Transport):
    """Not our own transport as far as the client knows."""


@pytest.mark.parametrize("kind", [Transport, Foreign])
async def test_a_response_is_the_same_by_any_transport(serve: Any, kind: type[Transport]) -> None:
    head = "HTTP/1.1 201 Made it\r\nX-One: a\r\nx-one: b\r\nX-Name: \u00e4\r\ncontent-length: 2\r\n\r\n".encode(
        "latin-1"
    )

    async def handler(exchange: Any) -> None:
        await exchange.send(head + b"ok")

    server = await serve(handler)
    async with new_client(kind()) as client:
        outgoing = Outgoing("POST", server.url(), {"x-key": "1", "user-agent": "mine"})
        response = await client.open(outgoing, b"{}", 5.0)
        assert isinstance(response, Response)
        assert (response.status_code, response.reason_phrase, response.is_success) == (201, "Made it", True)
        assert response.headers == {"x-one": "a, b", "x-name": "\u00e4", "content-length": "2"}
        assert response.url == server.url()
        assert await body(response) == b"ok"
        await response.aclose()
    sent = server.requests[0]
    assert sent.headers["host"] == server.url().split("/")[2]
    assert (sent.headers["content-length"], sent.headers["x-key"], sent.headers["user-agent"]) == ("2", "1", "mine")
    assert "gzip" in sent.headers["accept-encoding"]


def in_halves(more: asyncio.Event) -> Any:
    """A handler that sends the second half of a body when it may."""

    async def handler(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        await more.wait()
        await exchange.send(b"cd")

    return handler


async def test_a_body_that_has_come_whole_can_be_taken_at_once(serve: Any) -> None:
    more = asyncio.Event()
    server = await serve(in_halves(more))
    async with new_client() as client:
        response = await client.open(Outgoing("POST", server.url(), {}), b"", 5.0)
        assert isinstance(response, Response)
        assert response.body is not None
        assert response.body.whole() is None  # a half is nothing
        more.set()
        for _ in range(5000):
            if response.body.ended:
                break
            await asyncio.sleep(0.001)
        assert response.body.whole() == b"abcd"
        assert response.body.whole() is None  # it has been taken
        assert await body(response) == b""
        await response.aclose()


async def test_a_body_of_which_a_reader_has_had_a_part_is_not_whole(serve: Any) -> None:
    more = asyncio.Event()
    server = await serve(in_halves(more))
    async with new_client() as client:
        response = await client.open(Outgoing("POST", server.url(), {}), b"", 5.0)
        assert isinstance(response, Response)
        assert response.body is not None
        reader = response.stream.__aiter__()
        assert await anext(reader) == b"ab"
        more.set()
        assert await anext(reader) == b"cd"
        assert response.body.ended
        assert response.body.whole() is None
        await reader.aclose()
        await response.aclose()


async def test_a_response_that_was_made_with_its_content() -> None:
    made = httpx.Response(200, headers={"content-type": "a/b", "content-encoding": "identity"}, content=b"x" * 100_000)
    response = converted(made, "http://host/")
    assert response.headers == {"content-type": "a/b", "content-length": "100000"}
    assert await body(response) == b"x" * 100_000


def test_a_body_that_cannot_be_awaited() -> None:
    class Blocking(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b""

    with pytest.raises(TypeError, match="Blocking, which cannot be awaited"):
        converted(httpx.Response(200, stream=Blocking()), "http://host/")


@given(st.binary(max_size=200_000))
def test_a_whole_body_comes_in_pieces(content: bytes) -> None:
    async def read() -> list[bytes]:
        return [piece async for piece in Whole(content)]

    pieces = asyncio.run(read())
    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= 65536 for piece in pieces)


def test_the_length_of_a_request_is_said_once_and_right() -> None:
    url = httpx.URL("http://host/p?q=1")
    assert RequestHead("GET", url, [(b"a", b"b")]).message(b"") == b"GET /p?q=1 HTTP/1.1\r\na: b\r\n\r\n"
    assert RequestHead("POST", url, []).message(b"") == b"POST /p?q=1 HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
    given_ = RequestHead("POST", url, [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked")])
    assert given_.message(b"ok") == b"POST /p?q=1 HTTP/1.1\r\ncontent-length: 2\r\n\r\nok"
    with pytest.raises(httpx.LocalProtocolError, match="is not the length"):
        given_.message(b"longer")
    with pytest.raises(httpx.LocalProtocolError, match="twice"):
        RequestHead("POST", url, [(b"content-length", b"2"), (b"content-length", b"2")])
