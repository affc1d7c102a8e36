"""Record HTTP exchanges and replay them, as httpx transports.

    transport = RecordingTransport(httpx.AsyncHTTPTransport(), "calls.jsonl")
    transport = ReplayTransport("calls.jsonl", pace="fast")
    runtime = bamlvm.Runtime.from_directory("baml_src", transport=transport)

A recording is a file of JSON lines, one :class:`Exchange` each, written when the exchange ends, *however* it ends: read
to the end, failed, or left by the reader (cancelled, or satisfied before the end).  So a line is always whole, and a
stream that was cut short keeps what had arrived.  Credentials are hidden (:mod:`bamlvm.sysops.redaction`) before
anything is kept, also where the server says them back in one chunk of text.  A body is kept as the bytes that came over
the wire, so a compressed one stays compressed.

A replayed request is matched by method, URL and body, with JSON bodies compared as values; the exchanges of equal
requests are used in the order in which they were recorded, each once.  Replay ends as the recording did: with the end
of the body or with the error.  Where the recorded reader had left and the present one wants more, that is a read error
that says so: an attempt that was given up then (a deadline, Ctrl-C) fails again.
"""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import httpx
import msgspec

from bamlvm.errors import HostError
from bamlvm.sysops.redaction import HIDDEN, PUBLIC_HEADERS, Secrets, is_secret, redacted_url, secrets_of
from bamlvm.sysops.web.decoding import decoded_whole
from bamlvm.sysops.web.transport.body import EXTENSION

_VERSION = 1
_EXCERPT = 60

Body: TypeAlias = "str | Binary"
Pace: TypeAlias = Literal["fast", "recorded"]
Headers: TypeAlias = list[tuple[str, str]]


class ReplayError(HostError):
    """A recording cannot be read or written, or holds no answer to a request; no part of what it replays."""


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are no UTF-8 text."""

    base64: bytes


class RecordedRequest(msgspec.Struct, frozen=True):
    method: str
    url: str
    headers: Headers
    body: Body


class RecordedResponse(msgspec.Struct, frozen=True):
    """``at``: when the headers had come, in seconds from the start of the request."""

    status: int
    headers: Headers
    at: float


class RecordedError(msgspec.Struct, frozen=True):
    """The exception that ended an exchange, by the name of its class."""

    type: str
    message: str


class Exchange(msgspec.Struct):
    """One line of a recording.

    ``chunks`` are the body as it arrived, each with its time in seconds from the start of the request.  ``end`` says
    how the exchange ended, at the time ``seconds``: the body was ``complete``, the reader ``left``, or ``error`` holds
    what was raised (with no ``response`` if that was before the headers).
    """

    request: RecordedRequest
    response: RecordedResponse | None = None
    chunks: list[tuple[float, Body]] = []
    end: Literal["complete", "left", "error"] = "left"
    error: RecordedError | None = None
    seconds: float = 0.0
    version: int = _VERSION


class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes requests on to ``inner`` and writes each exchange to the file at ``path``.

    The file is made anew, at once, so that one that cannot be written is known before the first request
    (:class:`ReplayError`).  Closing the transport closes ``inner``.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, path: str | Path) -> None:
        self.path = Path(path)
        self._inner = inner
        self._lock = threading.Lock()
        try:
            self.path.write_bytes(b"")
        except OSError as error:
            raise ReplayError(f"cannot write the recording {self.path}: {error.strerror}") from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The inner transport's response, whose body is recorded while it is read."""
        await request.aread()
        taping = _Taping(self, request)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            taping.stop(error)
            raise
        taping.respond(response)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_TapedStream(response.stream, taping),
            extensions={name: value for name, value in response.extensions.items() if name != EXTENSION},
        )

    def write(self, exchange: Exchange) -> None:
        """Append one line.  Raises :class:`ReplayError`."""
        line = msgspec.json.encode(exchange) + b"\n"
        try:
            with self._lock, self.path.open("ab") as file:
                file.write(line)
        except OSError as error:
            raise ReplayError(f"cannot write the recording {self.path}: {error.strerror}") from None

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc_value, traceback)


class _Taping:
    """One exchange while it is going on; written once, by the first of the ways that it can end."""

    def __init__(self, transport: RecordingTransport, request: httpx.Request) -> None:
        self._transport = transport
        self._started = time.monotonic()
        self._secrets = _secrets(request)
        self._exchange: Exchange | None = Exchange(_recorded_request(request))
        self._times: list[float] = []
        self._chunks: list[bytes] = []

    def respond(self, response: httpx.Response) -> None:
        assert self._exchange is not None
        headers = [(name, self._secrets.hide(value)) for name, value in _redacted(response.headers, is_secret)]
        self._exchange.response = RecordedResponse(response.status_code, headers, self._now())

    def chunk(self, data: bytes) -> None:
        if self._exchange is not None:
            self._times.append(self._now())
            self._chunks.append(data)

    def stop(self, error: BaseException | None = None, *, complete: bool = False) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        exchange.seconds = self._now()
        self._unpack(exchange)
        chunks = self._secrets.hide_across(self._chunks)
        exchange.chunks = list(zip(self._times, map(_body, chunks), strict=True))
        if complete:
            exchange.end = "complete"
        elif isinstance(error, Exception):  # the others (cancellation, Ctrl-C, a closed generator) are the reader's
            exchange.end = "error"
            exchange.error = RecordedError(type(error).__name__, self._secrets.hide(str(error)))
        self._transport.write(exchange)

    def _unpack(self, exchange: Exchange) -> None:
        """Keep an encoded body as what it stands for if that holds a secret."""
        response = exchange.response
        if response is None or not any(name.lower() == "content-encoding" for name, _ in response.headers):
            return
        whole = b"".join(self._chunks)
        plain = decoded_whole(response.headers, whole)
        if self._secrets.hide_across([plain]) == [plain]:
            return
        headers = [pair for pair in response.headers if pair[0].lower() not in ("content-encoding", "content-length")]
        exchange.response = RecordedResponse(response.status, headers, response.at)
        self._times, self._chunks = self._times[-1:], [plain]

    def _now(self) -> float:
        return round(time.monotonic() - self._started, 6)


class _TapedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, taping: _Taping) -> None:
        self._inner = inner
        self._taping = taping

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._inner:
                self._taping.chunk(data)
                yield data
        except BaseException as error:
            self._taping.stop(error)
            raise
        self._taping.stop(complete=True)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._taping.stop()


class ReplayTransport(httpx.AsyncBaseTransport):
    """Answers from the recording at ``path`` instead of the network.

    ``pace`` "recorded" keeps the recorded times; "fast" only lets the event loop turn between chunks, so a reader may
    find several at once and emit fewer partial values.  Raises :class:`ReplayError` if the file cannot be
    read (here) or has no unused exchange for a request (there), naming the nearest one and what differs.
    """

    def __init__(self, path: str | Path, pace: Pace = "fast") -> None:
        if pace not in ("fast", "recorded"):
            raise ReplayError(f"pace: expected 'fast' or 'recorded', got {pace!r}")
        self.path = Path(path)
        self._pace = pace
        self._exchanges = read_recording(self.path)
        self._unused = list(range(len(self._exchanges)))
        self._lock = threading.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The recorded response to this request."""
        await request.aread()
        exchange = self._take(_recorded_request(request))
        clock = _Clock(self._pace)
        if exchange.response is None:
            await clock.wait_until(exchange.seconds)
            raise _ending(exchange, request)
        await clock.wait_until(exchange.response.at)
        stream = _ReplayedStream(exchange, request, clock)
        return httpx.Response(exchange.response.status, headers=exchange.response.headers, stream=stream)

    def _take(self, request: RecordedRequest) -> Exchange:
        with self._lock:
            for place, index in enumerate(self._unused):
                exchange = self._exchanges[index]
                if not differences(exchange.request, request):
                    del self._unused[place]
                    return exchange
        raise ReplayError(self._no_match(request))

    def _no_match(self, request: RecordedRequest) -> str:
        head = f"the recording {self.path} has no answer to {request.method} {request.url}"
        if not self._exchanges:
            return f"{head}: it is empty"
        compared = [(differences(exchange.request, request), index) for index, exchange in enumerate(self._exchanges)]
        nearest, index = min(compared, key=lambda pair: (_distance(pair[0]), pair[1]))
        if not nearest:
            count = sum(1 for found, _ in compared if not found)
            return f"{head}: the {count} that it had for this request {'are' if count > 1 else 'is'} used up"
        return f"{head}; the nearest, on line {index + 1}, differs:" + "".join(f"\n  {line}" for line in nearest)


class _Clock:
    """Waits for times of a recording, counted from now; "fast" only gives others their turn."""

    def __init__(self, pace: Pace) -> None:
        self._started = time.monotonic() if pace == "recorded" else None

    async def wait_until(self, at: float) -> None:
        wait = 0.0 if self._started is None else self._started + at - time.monotonic()
        await asyncio.sleep(max(0.0, wait))


class _ReplayedStream(httpx.AsyncByteStream):
    def __init__(self, exchange: Exchange, request: httpx.Request, clock: _Clock) -> None:
        self._exchange = exchange
        self._request = request
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at, data in self._exchange.chunks:
            await self._clock.wait_until(at)
            yield _bytes(data)
        await self._clock.wait_until(self._exchange.seconds)
        if self._exchange.end != "complete":
            raise _ending(self._exchange, self._request)


def read_recording(path: Path) -> Sequence[Exchange]:
    """The exchanges in a recording.  Raises :class:`ReplayError` with the file and line of what is wrong."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ReplayError(f"cannot read the recording {path}: {error.strerror}") from None
    exchanges = []
    decoder = msgspec.json.Decoder(Exchange)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            exchange = decoder.decode(line)
            if exchange.version != _VERSION:
                raise ReplayError(f"{path}:{number}: version {exchange.version} of recordings is not known here")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ReplayError(f"{path}:{number}: not a recorded exchange: {error}") from None
        exchanges.append(exchange)
    return exchanges


def differences(recorded: RecordedRequest, sent: RecordedRequest) -> list[str]:
    """What keeps a request from matching a recorded one, a line each; empty if it matches."""
    found = []
    if recorded.method != sent.method:
        found.append(f"method: recorded {recorded.method}, sent {sent.method}")
    if recorded.url != sent.url:
        found.append(f"url: recorded {recorded.url}, sent {sent.url}")
    if recorded.body != sent.body:
        try:
            old, new = msgspec.json.decode(_bytes(recorded.body)), msgspec.json.decode(_bytes(sent.body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            found.append(f"body: recorded {_excerpt(recorded.body)}, sent {_excerpt(sent.body)}")
        else:
            found += _json_differences("body", old, new)
    return found


def _json_differences(path: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"{path}.{key}: recorded {_excerpt(old[key])}, not sent" for key in old if key not in new]
        found += [f"{path}.{key}: not recorded, sent {_excerpt(new[key])}" for key in new if key not in old]
        for key in old:
            if key in new:
                found += _json_differences(f"{path}.{key}", old[key], new[key])
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            line
            for index, (left, right) in enumerate(zip(old, new, strict=True))
            for line in _json_differences(f"{path}[{index}]", left, right)
        ]
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return []
    return [f"{path}: recorded {_excerpt(old)}, sent {_excerpt(new)}"]


def _distance(found: Sequence[str]) -> tuple[int, int]:
    """How far apart two requests are: another method or URL weighs more than any difference of bodies."""
    heavy = sum(1 for line in found if line.startswith(("method:", "url:")))
    return heavy, len(found)


def _ending(exchange: Exchange, request: httpx.Request) -> Exception:
    """What a replay raises where the recording does not end in a complete body."""
    if exchange.error is None:
        place = "before an answer came" if exchange.response is None else f"after {len(exchange.chunks)} chunks"
        return httpx.ReadError(f"the recording stops {place}, where its reader left", request=request)
    kind = getattr(httpx, exchange.error.type, None)
    if isinstance(kind, type) and issubclass(kind, httpx.RequestError):
        return kind(exchange.error.message, request=request)
    return httpx.ReadError(f"{exchange.error.type}: {exchange.error.message}", request=request)


def _recorded_request(request: httpx.Request) -> RecordedRequest:
    url = redacted_url(str(request.url))
    (content,) = _secrets(request).hide_across([request.content])
    return RecordedRequest(request.method, url, _redacted(request.headers, _is_hidden), _body(content))


def _secrets(request: httpx.Request) -> Secrets:
    try:
        body = msgspec.json.decode(request.content)
    except (msgspec.DecodeError, RecursionError):
        body = None
    return secrets_of(request.headers, str(request.url), body)


def _is_hidden(name: str) -> bool:
    return name.lower() not in PUBLIC_HEADERS


def _redacted(headers: httpx.Headers, hidden: Callable[[str], bool]) -> Headers:
    pairs = ((key.decode("latin-1"), value.decode("latin-1")) for key, value in headers.raw)
    return [(name, HIDDEN if hidden(name) else value) for name, value in pairs]


def _body(data: bytes) -> Body:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(data)


def _bytes(body: Body) -> bytes:
    return body.encode() if isinstance(body, str) else body.base64


def _excerpt(value: Any) -> str:
    if isinstance(value, Binary):
        return f"{len(value.base64)} bytes ({base64.b64encode(value.base64[:24]).decode()}…)"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
