"""Exchanges: what the trace says of them, and what it does not.  What ``baml.http`` does with them: test_http.py."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bamlvm.sysops.tracing import Trace
from tests.support.virtual_time import virtual_loop

KEY = "sk-very-secret-key"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b"9\r\ndata: a\n\n\r\n"
END = b"0\r\n\r\n"


@pytest.fixture
def lines(call: Any) -> list[str]:
    """The lines of the call's trace."""
    lines: list[str] = []
    call.scope.services.trace = Trace(http=lines.append)
    return lines


def sends(*parts: bytes) -> Any:
    async def handler(exchange: Any) -> None:
        for part in parts:
            await exchange.send(part)
            await asyncio.sleep(0.02)

    return handler


def texts(lines: list[str]) -> list[str]:
    """The lines without number and time, which must not go back."""
    found = [re.fullmatch(r"#(\d+) (\d+\.\d) ms (.*)", line) for line in lines]
    assert all(found), lines
    assert len({each[1] for each in found if each}) == 1
    times = [float(each[2]) for each in found if each]
    assert times == sorted(times)
    return [each[3] for each in found if each]


async def events(call: Any, url: str, **headers: str) -> None:
    stream = await call("baml.http.fetch_sse", call.request(url, "POST", "{}", **headers))
    while await call("baml.http.SseStream.next", stream) is not None:
        pass
    await call("baml.http.SseStream.close", stream)


async def test_a_stream_in_the_trace(serve: Any, call: Any, lines: list[str]) -> None:
    server = await serve(sends(HEAD, PIECE, PIECE + PIECE, END))
    await events(call, server.url(f"/v1?key={KEY}"), authorization=f"Bearer {KEY}")
    assert texts(lines) == [
        f"→ POST {server.url('/v1?key=***')}, 2 bytes",
        "← 200 OK, text/event-stream",
        "chunk of 9 bytes, 1 events",
        "chunk of 18 bytes, 2 events",
        "ended",
        "closed by the program (ended)",
    ]
    assert KEY not in str(lines)


async def test_a_stream_that_breaks_in_the_trace(serve: Any, call: Any, lines: list[str]) -> None:
    server = await serve(sends(HEAD, PIECE))
    with pytest.raises(Exception, match="ended inside the answer"):
        await events(call, server.url())
    assert texts(lines)[3:] == [f"failed: POST {server.url()}: the connection ended inside the answer"]


async def test_a_body_in_the_trace(serve: Any, call: Any, lines: list[str]) -> None:
    body = f"Bad key {KEY}".encode()
    server = await serve(sends(b"HTTP/1.1 401 No %b\r\ncontent-length: %d\r\n\r\n" % (KEY.encode(), len(body)) + body))
    response = await call("baml.http.send", call.request(server.url(), "POST", "{}", authorization=f"Bearer {KEY}"))
    await call("baml.http.Response.text", response)
    assert texts(lines) == [
        f"→ POST {server.url()}, 2 bytes",
        "← 401 No ***, no content type",
        f"ended after {len(body)} bytes",
    ]


async def test_a_request_that_fails_in_the_trace(call: Any, lines: list[str], unused_tcp_port: int) -> None:
    await call.fails("baml.http.send", call.request(f"http://127.0.0.1:{unused_tcp_port}/"))
    assert texts(lines)[1].startswith(f"failed: GET http://127.0.0.1:{unused_tcp_port}/: cannot connect")


async def test_exchanges_have_numbers(serve: Any, call: Any, lines: list[str]) -> None:
    server = await serve(sends(HEAD + PIECE + END))
    await asyncio.gather(*(events(call, server.url()) for _ in range(3)))
    assert len({line.partition(" ")[0] for line in lines}) == 3


@pytest.mark.virtual_time
async def test_what_came_while_the_process_stood_still_is_no_silence(serve: Any, call: Any) -> None:
    """The bytes are there and the clock has run out, both at once."""

    async def handler(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n")
        for part in (b"a", b"b", b"c"):
            await asyncio.sleep(0.05)
            await exchange.send(part)
            virtual_loop().stand_still(2)

    server = await serve(handler)
    response = await call("baml.http.send", call.request(server.url(), timeouts={"idle_ms": 100}))
    assert await call("baml.http.Response.text", response) == "abc"
