"""``baml.http.fetch_sse`` against a real server: batches, the end, what breaks, the clocks, closing and cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bamlvm.replay import RecordingTransport
from bamlvm.sysops.web.clients import new_client
from bamlvm.sysops.web.event_stream import HIGH_WATER, STATES, StreamEvent, StreamState
from bamlvm.sysops.web.transport.http1 import Transport
from bamlvm.sysops.web.transport.states import IllegalTransitionError, next_state
from bamlvm.vm.values import Instance, Pending, Thrown
from tests.support.virtual_time import virtual_loop

pytestmark = [pytest.mark.slow, pytest.mark.virtual_time]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
STAY = b"stay"
KEY = "sk-very-secret-key"


def sse(*data: str) -> bytes:
    """An HTTP chunk an event."""
    return b"".join(piece(f"data: {each}\n\n".encode()) for each in data)


def piece(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def sends(*steps: bytes | float) -> Any:
    """A handler that writes, sleeps where a step is a number, and waits for the client to close at STAY."""

    async def handler(exchange: Any) -> None:
        for step in steps:
            if step is STAY:
                await exchange.until_closed()
            elif isinstance(step, bytes):
                await exchange.send(step)
            else:
                await asyncio.sleep(step)

    return handler


async def opened(call: Any, server: Any, **options: Any) -> Instance:
    return await call("baml.http.fetch_sse", call.request(server.url("/v1/stream"), "POST", "{}", **options))


async def batch(call: Any, stream: Instance) -> list[str] | None:
    """The data of the next batch."""
    found = await call("baml.http.SseStream.next", stream)
    return None if found is None else [event["data"] for event in json.loads(found)]


async def everything(call: Any, stream: Instance) -> list[str]:
    data: list[str] = []
    while (more := await batch(call, stream)) is not None:
        data += more
    return data


async def close(call: Any, stream: Instance) -> None:
    await call("baml.http.SseStream.close", stream)


async def test_a_stream_from_beginning_to_end(serve: Any, closed_call: Any) -> None:
    body = b"id: 7\nevent: ping\ndata: {}\n\ndata: \xe2\x82\xac\n\n"
    server = await serve(sends(HEAD, piece(body), END))
    stream = await opened(closed_call, server)
    assert json.loads(await closed_call("baml.http.SseStream.next", stream)) == [
        {"event": "ping", "data": "{}", "id": "7"},
        {"event": "message", "data": "€", "id": "7"},
    ]
    assert await batch(closed_call, stream) is None
    assert await batch(closed_call, stream) is None, "the end stays the end"
    await close(closed_call, stream)
    (request,) = server.requests
    assert (request.method, request.body, request.headers["accept"]) == ("POST", b"{}", "text/event-stream")


async def test_next_gives_all_that_has_arrived(serve: Any, call: Any) -> None:
    numbers = [str(n) for n in range(100)]
    server = await serve(sends(HEAD + sse(*numbers) + END))
    stream = await opened(call, server)
    assert await batch(call, stream) == numbers


async def test_next_waits_only_if_there_is_nothing(serve: Any, call: Any) -> None:
    gate = asyncio.Event()

    async def handler(exchange: Any) -> None:
        await exchange.send(HEAD, sse("a"))
        await gate.wait()
        await exchange.send(sse("b"))
        await exchange.until_closed()

    server = await serve(handler)
    stream = await opened(call, server)
    assert await batch(call, stream) == ["a"]
    waiting = call.start("baml.http.SseStream.next", stream)
    assert isinstance(waiting, Pending)
    gate.set()
    assert json.loads(await waiting.awaitable)[0]["data"] == "b"
    await close(call, stream)


async def test_what_has_arrived_needs_no_event_loop(serve: Any, call: Any) -> None:
    server = await serve(sends(HEAD + sse("a", "b"), 0.05, sse("c") + END))
    stream = await opened(call, server)
    assert await batch(call, stream) == ["a", "b"]
    await server.idle()
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.extend(call.start("baml.http.SseStream.next", stream) for _ in range(3))
    )
    await asyncio.sleep(0.05)
    thread.start()
    thread.join()
    assert [json.loads(found[0])[0]["data"], *found[1:]] == ["c", None, None]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_any_split_of_the_bytes(serve: Any, closed_call: Any, size: int) -> None:
    body = ": hi\r\n\r\ndata: häuser\r\ndata: 😀\r\n\r\nevent: x\ndata: b\n\n".encode()
    steps = [piece(body[at : at + size]) for at in range(0, len(body), size)]
    server = await serve(sends(HEAD, *steps, END))
    stream = await opened(closed_call, server)
    assert await everything(closed_call, stream) == ["häuser\n😀", "b"]
    await close(closed_call, stream)


async def test_an_encoded_stream(serve: Any, closed_call: Any) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    packed = gzip.compress(b"data: a\n\ndata: b\n\n")
    server = await serve(sends(head, piece(packed[:9]), piece(packed[9:]), END))
    stream = await opened(closed_call, server)
    assert await everything(closed_call, stream) == ["a", "b"]
    await close(closed_call, stream)
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_a_stream_that_ends_with_its_connection(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n\ndata: lost"))
    stream = await opened(closed_call, server)
    assert await everything(closed_call, stream) == ["a"]
    await close(closed_call, stream)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([HEAD, sse("a"), b"5\r\nda"], "StreamTruncated"),
        ([HEAD, sse("a")], "StreamTruncated"),
        ([HEAD.replace(b"transfer-encoding: chunked", b"content-length: 99"), b"data: a\n\n"], "StreamTruncated"),
        ([HEAD, sse("a"), b"zz\r\n"], "Network"),
        ([HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"), piece(b"no gzip")], "Network"),
    ],
)
async def test_what_arrived_is_delivered_before_what_broke(
    serve: Any, closed_call: Any, steps: list[bytes], expected: str
) -> None:
    server = await serve(sends(*steps))
    stream = await opened(closed_call, server)
    if expected != "Network" or b"gzip" not in steps[0]:
        assert await batch(closed_call, stream) == ["a"]
    for _ in range(2):
        kind, fields = await closed_call.fails("baml.http.SseStream.next", stream)
        assert kind == expected
        assert server.url("/v1/stream") in fields["message"]
    await close(closed_call, stream)


async def test_a_reset_in_the_middle(serve: Any, closed_call: Any) -> None:
    async def handler(exchange: Any) -> None:
        await exchange.send(HEAD, sse("a"))
        await asyncio.sleep(0.02)
        exchange.reset()

    server = await serve(handler)
    stream = await opened(closed_call, server)
    assert await batch(closed_call, stream) == ["a"]
    assert (await closed_call.fails("baml.http.SseStream.next", stream))[0] == "Network"
    await close(closed_call, stream)


async def test_an_event_too_large_is_an_error(serve: Any, closed_call: Any) -> None:
    async def handler(exchange: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await exchange.send(HEAD, sse("a"), piece(b"data: "))
            while True:
                await exchange.send(piece(b"x" * 2**20))

    server = await serve(handler)
    stream = await opened(closed_call, server)
    assert await batch(closed_call, stream) == ["a"]
    kind, fields = await closed_call.fails("baml.http.SseStream.next", stream)
    assert (kind, fields["retryable"]) == ("LlmClient", False)
    assert "larger than 16777216 bytes" in fields["message"]
    await close(closed_call, stream)


async def test_a_status_that_is_no_success(serve: Any, closed_call: Any) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()
    head = f"HTTP/1.1 401 Unauthorized\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    server = await serve(sends(head, body))
    request = closed_call.request(server.url(f"/v1?key={KEY}"), "POST", "{}", authorization=f"Bearer {KEY}")
    kind, fields = await closed_call.fails("baml.http.fetch_sse", request)
    assert (kind, fields["status_code"], fields["retry_after_ms"]) == ("HttpStatus", 401, None)
    assert fields["url"] == server.url("/v1?key=***")
    assert json.loads(fields["body"]) == {"error": {"message": "Incorrect API key provided: ***"}}
    assert "answered 401 Unauthorized" in fields["message"]
    assert KEY not in str(fields)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("retry-after: 3", 3000, 3000),
        ("retry-after: 0.5", 500, 500),
        ("retry-after: -1", 0, 0),
        ("retry-after: {later}", 1000, 3_601_000),
        ("retry-after: {earlier}", 0, 0),
        ("retry-after: 9\r\nretry-after-ms: 20", 20, 20),
    ],
)
async def test_retry_after(serve: Any, call: Any, header: str, low: int, high: int) -> None:
    now = time.time()
    header = header.format(later=formatdate(now + 3600, usegmt=True), earlier=formatdate(now - 3600, usegmt=True))
    server = await serve(sends(f"HTTP/1.1 429 Slow\r\n{header}\r\ncontent-length: 0\r\n\r\n".encode()))
    _, fields = await call.fails("baml.http.fetch_sse", call.request(server.url()))
    assert low <= fields["retry_after_ms"] <= high


@pytest.mark.parametrize("header", ["retry-after: soon", "retry-after: inf", "retry-after: nan", "x: y"])
async def test_retry_after_that_cannot_be_read(serve: Any, call: Any, header: str) -> None:
    now = time.time()
    header = header.format(later=formatdate(now + 3600, usegmt=True), earlier=formatdate(now - 3600, usegmt=True))
    server = await serve(sends(f"HTTP/1.1 429 Slow\r\n{header}\r\ncontent-length: 0\r\n\r\n".encode()))
    _, fields = await call.fails("baml.http.fetch_sse", call.request(server.url()))
    assert fields["retry_after_ms"] is None


async def test_a_long_error_is_cut(serve: Any, call: Any) -> None:
    async def handler(exchange: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await exchange.send(b"HTTP/1.1 500 Oops\r\n\r\n")
            while True:
                await exchange.send(b"x" * 65536)

    server = await serve(handler)
    kind, fields = await call.fails("baml.http.fetch_sse", call.request(server.url()))
    assert (kind, len(fields["body"])) == ("HttpStatus", 65536)
    assert len(fields["message"]) < 1000
    await asyncio.sleep(0)


async def test_an_error_whose_body_never_ends_is_still_that_error(serve: Any, call: Any) -> None:
    server = await serve(sends(b"HTTP/1.1 503 Busy\r\n\r\nbusy", STAY))
    request = call.request(server.url(), timeouts={"request_ms": 100})
    kind, fields = await call.fails("baml.http.fetch_sse", request)
    assert (kind, fields["status_code"], fields["body"]) == ("HttpStatus", 503, "busy")


async def test_an_answer_of_another_type(serve: Any, call: Any) -> None:
    server = await serve(
        sends(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"error": "no streams here"}')
    )
    kind, fields = await call.fails("baml.http.fetch_sse", call.request(server.url()))
    assert (kind, fields["status_code"]) == ("HttpStatus", 200)
    assert "application/json where text/event-stream was expected" in fields["message"]
    assert "no streams here" in fields["message"]
    assert "supports_streaming false" in fields["message"]


@pytest.mark.parametrize("content_type", [b"content-type: Text/Event-Stream; charset=utf-8", b"x-none: 1"])
async def test_content_types_that_will_do(serve: Any, closed_call: Any, content_type: bytes) -> None:
    server = await serve(sends(HEAD.replace(b"content-type: text/event-stream", content_type), sse("a"), END))
    stream = await opened(closed_call, server)
    assert await everything(closed_call, stream) == ["a"]
    await close(closed_call, stream)


async def test_closing(serve: Any, closed_call: Any) -> None:
    closed = asyncio.Event()

    async def handler(exchange: Any) -> None:
        await exchange.send(HEAD, sse("a"))
        await exchange.until_closed()
        closed.set()

    server = await serve(handler)
    stream = await opened(closed_call, server)
    assert await batch(closed_call, stream) == ["a"]
    await close(closed_call, stream)
    async with asyncio.timeout(60):
        await closed.wait()
    await close(closed_call, stream)
    for method in ("next", "content_arrived"):
        kind, fields = await closed_call.fails(f"baml.http.SseStream.{method}", stream)
        assert (kind, "closed" in fields["message"]) == ("InvalidArgument", True)


@pytest.mark.parametrize("goodbye", [END, piece(b": goodbye\n\n") + END])
async def test_a_stream_closed_just_before_its_end_leaves_its_connection(
    serve: Any, closed_call: Any, goodbye: bytes
) -> None:
    server = await serve(sends(HEAD, sse("a"), 0.02, goodbye))
    for _ in range(3):
        stream = await opened(closed_call, server, x_keep="1")
        assert await batch(closed_call, stream) == ["a"]
        await close(closed_call, stream)
        await asyncio.sleep(0.08)
    assert server.connections == 1
    await closed_call.scope.services.http_client().aclose()


@pytest.mark.parametrize("more", [[0.5, END], [piece(b"x" * 20_000), STAY], [b"zz\r\n", STAY]])
async def test_a_stream_closed_long_before_its_end_closes_its_connection(
    serve: Any, closed_call: Any, more: list[Any]
) -> None:
    server = await serve(sends(HEAD, sse("a"), 0.02, *more, STAY))
    stream = await opened(closed_call, server)
    assert await batch(closed_call, stream) == ["a"]
    await close(closed_call, stream)
    await server.idle()


async def test_a_batch_that_is_equal_but_another_string_is_read(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, sse("a", "b"), END))
    stream = await opened(closed_call, server)
    text = await closed_call("baml.http.SseStream.next", stream)
    read = closed_call.scope.read_batch
    assert read(text) is read(text)
    assert list(read(text)) == list(read(text[:1] + text[1:])) == list(read(f" {text}"))
    with pytest.raises(Thrown):
        read(text[:-1])
    await close(closed_call, stream)


async def test_closing_before_the_first_read(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, STAY))
    stream = await opened(closed_call, server)
    await close(closed_call, stream)
    await server.idle()


async def test_a_stream_left_open_is_closed_with_the_call(serve: Any, call: Any) -> None:
    server = await serve(sends(HEAD, sse("a"), STAY))
    await opened(call, server)
    assert await call.end() == 1
    await server.idle()


async def test_a_cancelled_wait_leaves_the_stream_to_be_closed(serve: Any, call: Any) -> None:
    server = await serve(sends(HEAD, STAY))
    stream = await opened(call, server)
    task = asyncio.create_task(call("baml.http.SseStream.next", stream))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await call.end() == 1
    await server.idle()


async def test_a_cancelled_close_closes_all_the_same(serve: Any, call: Any) -> None:
    server = await serve(sends(HEAD, STAY))
    stream = await opened(call, server)
    task = asyncio.create_task(close(call, stream))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await server.idle()


async def test_the_connection_of_a_stream_read_to_its_end_is_used_again(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD + sse("a") + END))
    for _ in range(3):
        stream = await opened(closed_call, server, x_keep="1")
        assert await everything(closed_call, stream) == ["a"]
        await close(closed_call, stream)
    assert server.connections == 1
    await closed_call.scope.services.http_client().aclose()


async def test_the_reader_does_not_run_ahead_without_bound(serve: Any, call: Any) -> None:
    sent, total = 0, 60
    data = "x" * 2**20

    async def handler(exchange: Any) -> None:
        nonlocal sent
        await exchange.send(HEAD)
        for _ in range(total):
            await exchange.send(sse(data))
            sent += 1
        await exchange.send(END)

    server = await serve(handler)
    stream = await opened(call, server)
    seen = -1
    while seen != sent:
        seen = sent
        await asyncio.sleep(0.2)
    assert sent < total / 2, f"what fits in {HIGH_WATER} bytes and the socket's buffers"
    assert len(await everything(call, stream)) == total


async def test_two_streams_side_by_side(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, *[step for n in range(5) for step in (sse(str(n)), 0.005)], END))
    streams = [await opened(closed_call, server) for _ in range(2)]
    found: list[list[str]] = [[], []]
    while any(streams):
        for at, stream in enumerate(streams):
            if stream is not None:
                more = await batch(closed_call, stream)
                found[at] += more or []
                if more is None:
                    await close(closed_call, stream)
                    streams[at] = None
    assert found == [["0", "1", "2", "3", "4"]] * 2


def expect_timeout(found: tuple[str, dict[str, Any]], clock: str, limit: int, noticed: int | None = None) -> None:
    kind, fields = found
    assert kind == "Timeout", fields
    assert (fields["clock"], fields["limit_ms"]) == (clock, limit)
    assert limit <= fields["elapsed_ms"] <= (noticed or limit) + 1
    for fact in (clock, f"{limit} ms", f"{fields['elapsed_ms']} ms"):
        assert fact in fields["message"]


async def test_the_connect_clock(call: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with contextlib.ExitStack() as fillers:
            for _ in range(4):  # the queue of a listener that accepts nobody is soon full
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(address)
            request = call.request(f"http://127.0.0.1:{address[1]}/", timeouts={"connect_ms": 100})
            expect_timeout(await call.fails("baml.http.fetch_sse", request), "connect", 100)


@pytest.mark.parametrize("clock", ["request", "time_to_first_token"])
@pytest.mark.parametrize("path", ["send", "fetch_sse"])
async def test_a_clock_runs_out_before_the_head(serve: Any, call: Any, clock: str, path: str) -> None:
    server = await serve(sends(STAY))
    request = call.request(server.url(), timeouts={f"{clock}_ms": 60})
    expect_timeout(await call.fails(f"baml.http.{path}", request), clock, 60)
    await server.idle()


async def test_a_clock_runs_out_in_a_body(serve: Any, call: Any) -> None:
    server = await serve(sends(b"HTTP/1.1 200 OK\r\n\r\nbeg", STAY))
    for clock in ("idle", "request"):
        response = await call("baml.http.send", call.request(server.url(), timeouts={f"{clock}_ms": 60}))
        expect_timeout(await call.fails("baml.http.Response.text", response), clock, 60)
    await server.idle()


async def test_the_idle_clock_starts_anew_with_any_bytes(serve: Any, call: Any) -> None:
    keep_alives = [step for _ in range(8) for step in (piece(b": still here\n\n"), 0.1)]
    server = await serve(sends(HEAD, *keep_alives, sse("a"), STAY))
    stream = await opened(call, server, timeouts={"idle_ms": 500})
    assert await batch(call, stream) == ["a"]
    expect_timeout(await call.fails("baml.http.SseStream.next", stream), "idle", 500)
    await close(call, stream)


async def test_silence_counts_only_while_somebody_listens(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, sse("a"), 0.15, sse("b"), END))
    stream = await opened(closed_call, server, timeouts={"idle_ms": 100})
    assert await batch(closed_call, stream) == ["a"]
    virtual_loop().stand_still(0.25)
    assert await everything(closed_call, stream) == ["b"]
    await close(closed_call, stream)


async def test_keep_alives_do_not_stop_the_first_token_clock(serve: Any, call: Any) -> None:
    pings = [step for _ in range(100) for step in (piece(b": still here\n\n"), sse("ping"), 0.03)]
    server = await serve(sends(HEAD, *pings))
    stream = await opened(call, server, timeouts={"time_to_first_token_ms": 150, "idle_ms": 1000})
    with pytest.raises(Thrown) as caught:
        while True:
            assert set(await batch(call, stream) or []) == {"ping"}
    expect_timeout(
        (caught.value.class_name.removeprefix("baml.errors."), caught.value.fields), "time_to_first_token", 150
    )
    await close(call, stream)


async def test_content_stops_the_first_token_clock(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, sse("a"), 0.8, sse("b"), END))
    stream = await opened(closed_call, server, timeouts={"time_to_first_token_ms": 600})
    assert await batch(closed_call, stream) == ["a"]
    await closed_call("baml.http.SseStream.content_arrived", stream)
    assert await everything(closed_call, stream) == ["b"]
    await close(closed_call, stream)


async def test_what_came_in_time_is_delivered_late(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD + sse("a") + END))
    stream = await opened(closed_call, server, timeouts={"time_to_first_token_ms": 600, "request_ms": 600})
    await asyncio.sleep(0.8)
    assert await everything(closed_call, stream) == ["a"]
    await close(closed_call, stream)


async def test_the_request_clock_ends_a_stream_that_goes_on(serve: Any, call: Any) -> None:
    drip = [step for _ in range(100) for step in (sse("a"), 0.02)]
    server = await serve(sends(HEAD, *drip))
    stream = await opened(call, server, timeouts={"request_ms": 200, "idle_ms": 1000})
    with pytest.raises(Thrown) as caught:
        await everything(call, stream)
    assert caught.value.fields["clock"] == "request"
    await close(call, stream)


async def test_a_limit_of_0_is_none_and_a_negative_one_is_refused(serve: Any, closed_call: Any) -> None:
    server = await serve(sends(HEAD, sse("a"), END))
    stream = await opened(closed_call, server, timeouts={"request_ms": 0, "connect_ms": 0, "idle_ms": 0})
    assert await everything(closed_call, stream) == ["a"]
    await close(closed_call, stream)
    kind, fields = await closed_call.fails(
        "baml.http.fetch_sse", closed_call.request(server.url(), timeouts={"idle_ms": -1})
    )
    assert (kind, "idle_ms is negative" in fields["message"]) == ("InvalidArgument", True)


async def test_what_came_too_late_is_not_delivered(serve: Any, call: Any) -> None:
    server = await serve(sends(HEAD, sse("ping"), 0.9, sse("late"), END))
    stream = await opened(call, server, timeouts={"time_to_first_token_ms": 600})
    assert await batch(call, stream) == ["ping"]
    await asyncio.sleep(1.2)  # nobody waits while the clock runs out
    expect_timeout(await call.fails("baml.http.SseStream.next", stream), "time_to_first_token", 600, 1200)
    await close(call, stream)


async def test_a_stream_of_a_transport_that_wraps_ours(serve: Any, call: Any, tmp_path: Path) -> None:
    """It is read from the wrapper, not past it."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    server = await serve(sends(head, b"9\r\ndata: a\n\n\r\n0\r\n\r\n"))
    tape = tmp_path / "tape.jsonl"
    async with new_client(RecordingTransport(Transport(), tape)) as client:
        call.scope.services.http_client = lambda: client
        stream = await call("baml.http.fetch_sse", call.request(server.url(), "POST", "{}"))
        assert '"a"' in await call("baml.http.SseStream.next", stream)
        assert await call("baml.http.SseStream.next", stream) is None
        await call("baml.http.SseStream.close", stream)
    assert "data: a" in tape.read_text("utf-8")


def test_the_first_way_out_of_open_decides() -> None:
    """Whatever comes later, in any order, a stream is what it became first until it is closed."""
    assert set(STATES) == set(StreamState)
    for event, after in STATES[StreamState.OPEN].items():
        for later in StreamEvent:
            if (after, later) == (StreamState.ENDED, StreamEvent.END):
                with pytest.raises(IllegalTransitionError):  # a body ends once
                    next_state(STATES, after, later)
            else:
                expected = StreamState.CLOSED if later is StreamEvent.CLOSE else after
                assert next_state(STATES, after, later) is expected, (event, later)


async def test_a_flood_of_empty_events_comes_in_bounded_batches(serve: Any, call: Any) -> None:
    flood, count = b"data\n\n" * 10_000, 20

    async def handler(exchange: Any) -> None:
        await exchange.send(HEAD)
        for _ in range(count):
            await exchange.send(piece(flood))
        await exchange.send(END)

    stream = await opened(call, await serve(handler))
    await asyncio.sleep(0.2)
    sizes = []
    while (data := await batch(call, stream)) is not None:
        sizes.append(len(data))
        await asyncio.sleep(0.01)
    assert sum(sizes) == 10_000 * count
    assert max(sizes) <= 2 * 65536 // len("data\n\n"), "what one or two reads bring"
