"""Our transport against real servers: reuse, stale connections, failures, TLS, back-pressure, cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bamlvm.replay import RecordingTransport
from bamlvm.sysops.web.client import new_client
from bamlvm.sysops.web.transport.body import EXTENSION, Body
from bamlvm.sysops.web.transport.connection import Connection
from bamlvm.sysops.web.transport.dialling import by_turns, first_to_connect
from bamlvm.sysops.web.transport.http1 import Transport

CERTIFICATES = Path(__file__).parent / "certificates"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
KEEP = {"x-keep": "1"}
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\nx-keep: 1\r\n\r\n"


def trusting() -> ssl.SSLContext:
    """A context that trusts the tests' own authority."""
    return ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")


@pytest_asyncio.fixture
async def client(serve: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client over a transport of ours; afterwards the servers must see every connection closed."""
    async with httpx.AsyncClient(transport=Transport(trusting), timeout=None) as client:
        yield client


def sends(*parts: bytes) -> Any:
    async def handler(exchange: Any) -> None:
        await exchange.send(*parts)

    return handler


# --- reuse ------------------------------------------------------------------------------------------------------------


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


async def test_a_request_that_wants_its_own_connection(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(OK))
    for _ in range(2):
        await client.get(server.url(), headers={**KEEP, "connection": "Close"})
    assert server.connections == 2


async def test_at_once_as_many_connections_as_requests(serve: Any, client: httpx.AsyncClient) -> None:
    everybody = asyncio.Barrier(5)

    async def handler(exchange: Any) -> None:
        await everybody.wait()
        await exchange.send(OK)

    server = await serve(handler)
    for _ in range(2):
        async with asyncio.timeout(5):
            await asyncio.gather(*(client.get(server.url(), headers=KEEP) for _ in range(5)))
    assert server.connections == 5


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


async def test_a_body_that_has_come_but_was_not_read_leaves_the_connection(
    serve: Any, client: httpx.AsyncClient
) -> None:
    server = await serve(sends(OK))
    for _ in range(2):
        async with client.stream("GET", server.url(), headers=KEEP) as response:
            assert response.status_code == 200
            await asyncio.sleep(0.01)
    assert server.connections == 1


async def test_head(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"))
    for _ in range(2):
        found = await client.head(server.url(), headers=KEEP)
        assert (found.status_code, found.headers["content-length"], found.content) == (200, "99", b"")


# --- stale connections ------------------------------------------------------------------------------------------------


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
        ("POST", {}, "close", "without sending an answer"),
        ("GET", {}, "begin", "without sending a whole answer"),
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


# --- failures ---------------------------------------------------------------------------------------------------------


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


async def test_a_body_until_the_connection_ends(serve: Any, client: httpx.AsyncClient) -> None:
    server = await serve(sends(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert (await client.get(server.url())).content == b"all of it"


async def test_nobody_listens(client: httpx.AsyncClient, unused_tcp_port: int) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.get(f"http://127.0.0.1:{unused_tcp_port}/")


async def test_a_name_that_no_host_can_have(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.get(f"http://{'x' * 64}.invalid/")


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


async def test_a_closed_transport_keeps_no_connection(serve: Any) -> None:
    transport = Transport(trusting)
    server = await serve(sends(OK))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(server.url(), headers=KEEP)
    await server.idle()
    with pytest.raises(httpx.ConnectError, match="closed"):
        await transport.handle_async_request(httpx.Request("GET", server.url()))


# --- bodies -----------------------------------------------------------------------------------------------------------


async def test_an_encoded_body_is_decoded(serve: Any, client: httpx.AsyncClient) -> None:
    packed = gzip.compress(b"text " * 1000)
    server = await serve(
        sends(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed), packed)
    )
    assert (await client.get(server.url())).content == b"text " * 1000


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
        async with asyncio.timeout(2):
            await closed.wait()


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


class Received:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[Exception | None] = []
        self.done = asyncio.Event()

    def body_received(self, data: bytes) -> None:
        assert not self.ends
        self.pieces.append(data)

    def body_ended(self, error: Exception | None) -> None:
        self.ends.append(error)
        self.done.set()


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
        async with asyncio.timeout(2):
            await received.done.wait()
        assert b"".join(received.pieces) == b"ok"
        (end,) = received.ends
        assert (end is None) == (ending == b"0\r\n\r\n")
        assert end is None or isinstance(end, httpx.RemoteProtocolError)


# --- TLS --------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def tls_server(answer: bytes = OK, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server with the tests' certificate, for ``localhost`` and 127.0.0.1; its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    open_now: set[asyncio.StreamWriter] = set()
    idle = asyncio.Event()
    idle.set()

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        idle.clear()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
        open_now.discard(writer)
        writer.close()
        if not open_now:
            idle.set()

    server = await asyncio.start_server(answer_all, address, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(2):
            await idle.wait()


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


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event]]:
    """Accepts and says nothing: its port, and events for an accepted and for a closed connection."""
    accepted, closed = asyncio.Event(), asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], accepted, closed


async def test_connecting_has_a_limit(client: httpx.AsyncClient) -> None:
    async with silent_server() as (port, _, closed):
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(f"https://127.0.0.1:{port}/", timeout=httpx.Timeout(None, connect=0.05))
        async with asyncio.timeout(2):
            await closed.wait()


# --- cancelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cancelling_while_connecting_or_waiting(client: httpx.AsyncClient, scheme: str) -> None:
    async with silent_server() as (port, accepted, closed):
        task = asyncio.create_task(client.get(f"{scheme}://127.0.0.1:{port}/"))
        await accepted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(2):
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
    """Keeps no connection: the first that comes to rest serves another exchange at once, and ``first`` is cancelled."""

    def __init__(self) -> None:
        self.first: asyncio.Task[Any] | None = None
        self.second: asyncio.Task[Any] | None = None

    def rest(self, connection: Connection, seconds: int | None) -> None:
        if self.second is None:
            assert self.first is not None
            self.first.cancel()
            self.second = asyncio.create_task(connection.exchange(REQUEST))

    def lost(self, connection: Connection) -> None:
        pass


async def test_cancelling_a_request_whose_connection_serves_another_already(serve: Any) -> None:
    """The whole answer came with its head, and the connection went on, before the cancelled task had its turn."""
    server = await serve(sends(OK))
    keeper = HandingOn()
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(keeper, None, memoryview(bytearray(1000))), "127.0.0.1", server.port
    )
    keeper.first = asyncio.create_task(connection.exchange(REQUEST))
    with pytest.raises(asyncio.CancelledError):
        await keeper.first
    assert keeper.second is not None
    async with asyncio.timeout(2):
        reader, _ = await keeper.second
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


# --- several addresses ------------------------------------------------------------------------------------------------


def test_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, ("::1", 1)), (six, ("::2", 1)), (six, ("::3", 1)), (four, ("127.0.0.1", 1))]
    assert by_turns(found) == [found[0], found[3], found[1], found[2]]
    assert by_turns([]) == []


async def test_an_address_that_refuses_is_passed_over(serve: Any, unused_tcp_port: int) -> None:
    server = await serve(sends(OK))
    refusing = (socket.AF_INET, ("127.0.0.1", unused_tcp_port))
    with await first_to_connect([refusing, (socket.AF_INET, ("127.0.0.1", server.port))]) as sock:
        assert sock.getpeername()[1] == server.port
    with pytest.raises(OSError, match=str(unused_tcp_port)):
        await first_to_connect([refusing, refusing])


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog swallows connections on Linux only")
@pytest.mark.parametrize("cancelled", [False, True])
async def test_an_address_that_says_nothing_does_not_hold_up_the_next(serve: Any, cancelled: bool) -> None:
    server = await serve(sends(OK))
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        silent = (socket.AF_INET, full.getsockname())
        task = asyncio.create_task(first_to_connect([silent, (socket.AF_INET, ("127.0.0.1", server.port)), silent]))
        if cancelled:
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with asyncio.timeout(5):
                with await task as sock:
                    assert sock.getpeername()[1] == server.port
        await asyncio.sleep(0)


# --- proxies ----------------------------------------------------------------------------------------------------------


async def test_the_proxy_of_the_environment(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = await serve(sends(OK))
    monkeypatch.setenv("http_proxy", proxy.url())
    monkeypatch.delenv("no_proxy", raising=False)
    async with new_client() as client:
        assert (await client.get("http://service.invalid/path")).content == b"ok"
    assert proxy.requests[0].target == "http://service.invalid/path"


# --- wrapped by another transport -------------------------------------------------------------------------------------


async def test_a_recording_of_it_has_the_body(serve: Any, call: Any, tmp_path: Path) -> None:
    """A stream read through a wrapper is read from the wrapper, not past it."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    server = await serve(sends(head, b"9\r\ndata: a\n\n\r\n0\r\n\r\n"))
    tape = tmp_path / "tape.jsonl"
    async with new_client(RecordingTransport(Transport(trusting), tape)) as client:
        call.scope.services.http_client = lambda: client
        stream = await call("baml.http.fetch_sse", call.request(server.url(), "POST", "{}"))
        assert '"a"' in await call("baml.http.SseStream.next", stream)
        assert await call("baml.http.SseStream.next", stream) is None
        await call("baml.http.SseStream.close", stream)
    assert "data: a" in tape.read_text("utf-8")
