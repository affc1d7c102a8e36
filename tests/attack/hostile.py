"""Servers that attack, and the calls that meet them.

A *script* writes to one connection whatever it likes; :func:`serve` runs scripts in a process of their own, so that the
memory and the time of the process under attack are those of the client.  :func:`meet` has a runtime call every script
in every :class:`Way` and checks what is promised against an untrusted server: how each call ends and when, what its
error says, that the next call of the same runtime is well, that nothing is left open, and how far memory grew.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

import bamlvm
from tests.support.own_time import own_time

DEADLINE: Final = 0.5
LATE: Final = 1.5
"""Seconds that a call may end after its deadline here, not counting those in which others have the processors."""

LONGEST: Final = 25.0
"""Seconds that a call without a deadline may take until a limit of size ends it."""

STANDSTILL: Final = 2.0
"""Seconds that the event loop may stand still, counted alike."""

GROWTH: Final = 300
"""Megabytes that all calls of an attack together may add to the process."""

GOOD_EVENTS: Final = (
    b'data: {"choices":[{"delta":{"content":"hi "}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"there"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
GOOD_BODY: Final = b'{"choices":[{"message":{"content":"hi there"},"finish_reason":"stop"}]}'
VALUE: Final = "a value"
LATE_CALL: Final = "DeadlineExceeded"

PROGRAM: Final = """
class Item { name string  n int  f float?  kids Item[]? }
retry_policy Patient { max_retries 2  strategy { type constant_delay  delay_ms 1  max_delay_ms 20 } }
client<llm> C { provider PROVIDER  options { model "m"  api_key "k"  base_url env.URL  MORE } }
client<llm> Retrying { provider PROVIDER  retry_policy Patient  options { model "m"  api_key "k"  base_url env.URL } }
function F(x: string) -> RESULT { client C  prompt #"{{ x }}"# }
function R(x: string) -> RESULT { client Retrying  prompt #"{{ x }}"# }
function get(url: string) -> string { let r = baml.http.fetch(url); `${r.status_code} ${r.text()}` }
"""


class Request:
    """A request as a script sees it: ``raw`` bytes, and whether events are asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.streams = b'"stream":true' in raw

    @property
    def head(self) -> bytes:
        """The beginning of a good head: the headers that frame its body are still to come."""
        kind = b"text/event-stream" if self.streams else b"application/json"
        return b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n"

    @property
    def body(self) -> bytes:
        """A good body."""
        return GOOD_EVENTS if self.streams else GOOD_BODY

    def whole(self, body: bytes | None = None) -> bytes:
        """Return a response of a body, a good one unless it is given."""
        body = self.body if body is None else body
        return self.head + b"content-length: %d\r\n\r\n" % len(body) + body


Script = Callable[[socket.socket, Request], object]
"""Answers one request; the connection is kept for the next one if True is returned."""


def sends(*parts: bytes | Callable[[Request], bytes], keep: bool = True) -> Script:
    """Return a script that writes parts, one after the other."""

    def script(connection: socket.socket, request: Request) -> bool:
        for part in parts:
            connection.sendall(part(request) if callable(part) else part)
        return keep

    return script


def then_endlessly(piece: bytes, *parts: bytes | Callable[[Request], bytes]) -> Script:
    """Return a script that writes parts, and then a piece until the client has enough."""
    before = sends(*parts)

    def script(connection: socket.socket, request: Request) -> None:
        before(connection, request)
        while True:
            connection.sendall(piece)

    return script


def byte_by_byte(piece: bytes, *parts: bytes | Callable[[Request], bytes], pause: float = 0.02) -> Script:
    """Return a script that writes parts, and then a piece again and again, a byte at a time."""
    before = sends(*parts)

    def script(connection: socket.socket, request: Request) -> None:
        before(connection, request)
        while True:
            for byte in piece:
                connection.sendall(bytes([byte]))
                time.sleep(pause)

    return script


good: Final[Script] = sends(lambda request: request.whole())


@contextlib.contextmanager
def serve(scripts: Mapping[str, Script], at_once: bytes = b"", tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the URL of a server in a child process; the first part of a request's path names the script.

    ``at_once`` is written to each connection before anything is read; with ``tls`` that is spoken.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    port = listener.getsockname()[1]
    until, stop = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(stop)
        threading.Thread(target=_accept, args=(listener, scripts, at_once, tls), daemon=True).start()
        os.read(until, 1)  # returns when the parent closes it, or ends
        os._exit(0)
    os.close(until)
    listener.close()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.close(stop)
        os.waitpid(child, 0)


def _accept(listener: socket.socket, scripts: Mapping[str, Script], at_once: bytes, tls: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, scripts, at_once, tls), daemon=True).start()


def _serve(
    connection: socket.socket, scripts: Mapping[str, Script], at_once: bytes, tls: ssl.SSLContext | None
) -> None:
    received = b""
    with connection, contextlib.suppress(OSError):  # the client has had enough
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        connection.sendall(at_once)
        while True:
            while b"\r\n\r\n" not in received:
                received += _more(connection)
            head, _, received = received.partition(b"\r\n\r\n")
            lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
            length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
            while len(received) < length:
                received += _more(connection)
            request, received = Request(head + received[:length]), received[length:]
            script = scripts.get(request.raw.split(b" ", 2)[1].decode().split("/")[1])
            if script is None or not script(connection, request):
                return


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client has left")
    return data


@dataclass(frozen=True)
class Way:
    """How a server is called: over which transport, streamed or not, with a deadline or without."""

    transport: str
    streams: bool
    deadline: float | None = DEADLINE


def ways(*deadlines: float | None, transports: Sequence[str] = ("own", "httpx")) -> list[Way]:
    """Return all ways with these deadlines."""
    return [Way(name, streams, each) for name in transports for streams in (True, False) for each in deadlines]


BOTH: Final = ways(5.0, None)
WITHIN: Final = ways(DEADLINE)
ANYHOW: Final = ways(None)


def meet(
    scripts: Mapping[str, Script],
    expected: Mapping[str, str],
    each_way: Sequence[Way] = ANYHOW,
    *,
    provider: str = "openai-generic",
    result: str = "string",
    function: str = "F",
    well: Script = good,
    more: str = "",
    growth: int = GROWTH,
    standstill: float = STANDSTILL,
    **options: Any,
) -> None:
    """Have every script called in each way.  ``expected`` has how that may end, by the script's name: outcomes of
    :func:`outcome` with a bar between them.

    Raises :class:`AssertionError` for whatever does not hold.
    """
    source = PROGRAM.replace("PROVIDER", provider).replace("RESULT", result).replace("MORE", more)
    assert set(scripts) == set(expected)
    with serve({**scripts, "good": well}) as url:
        asyncio.run(_meet(url, source, expected, each_way, function, growth, standstill, options))


async def _meet(
    url: str,
    source: str,
    expected: Mapping[str, str],
    each_way: Sequence[Way],
    function: str,
    growth: int,
    standstill: float,
    options: dict[str, Any],
) -> None:
    before = _sockets()
    for transport in dict.fromkeys(way.transport for way in each_way):
        outer = httpx.AsyncHTTPTransport() if transport == "httpx" else None
        runtime = bamlvm.Runtime.from_files({"main.baml": source}, transport=outer, **options)
        well = await outcome(runtime, function, f"{url}/good", True, 20)
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        for name in expected:
            for way in (way for way in each_way if way.transport == transport):
                place = f"{name}, {way}"
                began = own_time()
                async with watched(standstill, place):
                    found = await outcome(runtime, function, f"{url}/{name}", way.streams, way.deadline)
                taken = own_time() - began
                assert found in expected[name].split("|"), f"{place}: {found}"
                assert taken <= (LONGEST if way.deadline is None else way.deadline + LATE), f"{place}: {taken:.1f} s"
                after = await outcome(runtime, function, f"{url}/good", way.streams, 20)
                assert after == well, f"{place}: the next call came to {after}"
                assert runtime.handles == 0, f"{place}: {runtime.handles} handles are open"
        await runtime.aclose()
        gc.collect()
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
        assert _sockets() == before, "sockets are left open"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - start
        assert grown <= growth, f"{transport}: {grown:.0f} MB more"


@contextlib.asynccontextmanager
async def watched(standstill: float, place: str) -> Any:
    """Check that the event loop goes on meanwhile."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = own_time()
            await asyncio.sleep(0.005)
            longest = max(longest, own_time() - began)

    watching = asyncio.create_task(watch())
    try:
        yield
        await asyncio.sleep(0.01)
    finally:
        watching.cancel()
    assert longest <= standstill, f"{place}: the loop stood still for {longest:.1f} s"


async def outcome(runtime: bamlvm.Runtime, function: str, url: str, streams: bool, deadline: float | None) -> str:
    """Return how a call ends: a value, the class of the last attempt's error, or that of the call's.

    An attempt's error must say where it happened: at the URL, or with which client or answer.
    """
    context = bamlvm.CallContext(env={"URL": url}, timeout=deadline, on_partial=(lambda _: None) if streams else None)
    try:
        await runtime.call_function(function, {"x": "hi"}, context)
    except bamlvm.ThrownError as thrown:
        attempts = getattr(thrown.value, "attempts", None)
        if not attempts:
            return thrown.class_name.rpartition(".")[2]
        error = attempts[-1].error
        name = type(error).__name__
        if name in ("Network", "HttpStatus", "Timeout"):
            assert url.rpartition("/")[0] in error.message, error.message
        assert "Traceback" not in error.message and "baml.http." not in error.message, error.message
        return name
    except bamlvm.BamlError as error:
        return type(error).__name__
    return VALUE


def _sockets() -> int:
    links = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    return sum(link.startswith("socket:") for link in links)
