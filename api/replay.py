"""Record HTTP exchanges and replay them, as httpx transports.

    transport = RecordingTransport(httpx.AsyncHTTPTransport(), "calls.jsonl")
    transport = ReplayTransport("calls.jsonl", pace="fast")
    runtime = bamlvm.Runtime.from_directory("baml_src", transport=transport)

The format is :mod:`bamlvm.sysops.web.recording`'s.  A line is written when its exchange ends, in whatever way: read to
the end, failed, or left by the reader (cancelled, or satisfied before the end).  So a line is always whole, and a
stream that was cut short keeps what had arrived.

The exchanges of equal requests are replayed in the order in which they were recorded, each once.  Replay ends as the
recording did: with the end of the body or with the error.  Where the recorded reader left and the present one wants
more, that is a read error that says so: an attempt that was ended then (a deadline, Ctrl-C) fails again.

A server may be replayed under another address than the recorded one, as long as it is clear which one is meant
(:mod:`bamlvm.sysops.web.recording`).

A recording of a single call of the host has its arguments too: a call of the same function takes from them what it is
not given.
"""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

import httpx
import msgspec

from bamlvm.build.inputs import read_input, shown, unusable
from bamlvm.errors import HostError
from bamlvm.sysops.redaction import NO_SECRETS, Secrets, is_secret, redacted_body
from bamlvm.sysops.replacing import GrowingFile
from bamlvm.sysops.web.clients import close_after
from bamlvm.sysops.web.decoding import decoded_whole
from bamlvm.sysops.web.recording import (
    VERSION,
    RecordedCall,
    RecordedError,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
    address_of,
    body_of,
    bytes_of,
    differences,
    distance,
    readdressed,
    recorded_request,
    redacted,
    secrets_in,
)
from bamlvm.sysops.web.transport.body import EXTENSION
from bamlvm.values.results import to_builtins

_CALL: Final = b'{"call":'
_CALLS: Final = msgspec.json.Decoder(RecordedCall)
_EXCHANGES: Final = msgspec.json.Decoder(RecordedExchange)

Pace: TypeAlias = Literal["fast", "recorded"]


class ReplayError(HostError):
    """A recording that cannot be read or written, or that has no response to a request."""


class ReplayWarning(UserWarning):
    """A part of a recording that is left out."""


_MAX_RECORDING: Final = 1 << 30
_BEGINNINGS: Final = (b'{"request":', _CALL)


class RecordingTransport(httpx.AsyncBaseTransport):
    """A transport that passes requests on to ``inner`` and writes each exchange to the file at ``path``.

    A file that cannot be written is an error before the first request (:class:`ReplayError`).  What the file held stays
    until the first exchange has ended: that is written beside it, readable by the user alone, and takes its place; the
    others are appended.  Closing the transport closes ``inner``.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, path: str | Path) -> None:
        self.path = Path(path)
        self._inner = inner
        self._lock = threading.Lock()
        self._calls: list[RecordedCall] = []  # that are not written yet
        self._has_call = False
        try:
            self._file = GrowingFile(str(self.path))
        except OSError as error:
            raise self._unwritable(error) from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the inner transport's response, whose body is recorded while it is read."""
        await request.aread()
        taping = _Taping(self, request)
        close_after(self._inner, request.headers)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            taping.stop(error)
            raise
        taping.respond(response)
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError(
                f"{type(self._inner).__name__} returned a response whose body cannot be read asynchronously"
            )
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_TapedStream(response.stream, taping),
            extensions={name: value for name, value in response.extensions.items() if name != EXTENSION},
        )

    def note_call(self, function: str, arguments: Mapping[str, Any]) -> None:
        """Note a call of the host, which is written with the first exchange that follows."""
        with self._lock:
            kept = None if self._has_call or self._calls else _plain(arguments)
            self._calls.append(RecordedCall(function, kept))

    def write(self, exchange: RecordedExchange, secrets: Secrets = NO_SECRETS) -> None:
        """Append the line of an exchange, after those of the calls before it.  Raises :class:`ReplayError`."""
        try:
            with self._lock:
                lines = [msgspec.json.encode(_hidden(call, secrets)) + b"\n" for call in self._calls]
                self._file.add(b"".join([*lines, msgspec.json.encode(exchange), b"\n"]))
                self._has_call = self._has_call or bool(self._calls)
                self._calls.clear()
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ReplayError:
        return ReplayError(f"cannot write the recording {unusable(self.path, error)}")

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


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return arguments as JSON has them, or None for those that it cannot hold."""
    try:
        return msgspec.json.decode(msgspec.json.encode(to_builtins(dict(arguments))), type=dict[str, Any])
    except (TypeError, ValueError, RecursionError, HostError):
        return None


def _hidden(call: RecordedCall, secrets: Secrets) -> RecordedCall:
    """Return a call without arguments if they hold a secret: with it hidden they would be others."""
    arguments = call.arguments
    if arguments is None or secrets.hide_in(redacted_body(arguments)) == arguments:
        return call
    return RecordedCall(call.call)


class _Taping:
    """An exchange under way; written once, by whichever of its possible ends comes first."""

    def __init__(self, transport: RecordingTransport, request: httpx.Request) -> None:
        self._transport = transport
        self._started = time.monotonic()
        self._secrets = secrets_in(request)
        self._exchange: RecordedExchange | None = RecordedExchange(recorded_request(request))
        self._times: list[float] = []
        self._chunks: list[bytes] = []

    def respond(self, response: httpx.Response) -> None:
        headers = [(name, self._secrets.hide(value)) for name, value in redacted(response.headers, is_secret)]
        if self._exchange is not None:
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
        exchange.chunks = list(zip(self._times, map(body_of, chunks), strict=True))
        if complete:
            exchange.end = "complete"
        elif isinstance(
            error, Exception
        ):  # other exceptions (cancellation, Ctrl-C, a closed generator) are the reader's
            exchange.end = "error"
            exchange.error = RecordedError(type(error).__name__, self._secrets.hide(str(error)))
        self._transport.write(exchange, self._secrets)

    def _unpack(self, exchange: RecordedExchange) -> None:
        """Keep an encoded body decoded if it holds a secret, which could not be hidden otherwise."""
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
    """A transport that answers from the recording at ``path`` instead of the network.

    ``pace`` "recorded" keeps the recorded times; "fast" only lets the event loop turn between chunks, so a reader may
    find several at once and emit fewer partial values.  Raises :class:`ReplayError` if the file cannot be read, and for
    a request for which it has no unused exchange, naming the nearest one and the differences.

    No variable need be set for a client of a program that is replayed: what it would have held matches anything.
    """

    needs_credentials = False

    def __init__(self, path: str | Path, pace: Pace = "fast") -> None:
        if pace not in ("fast", "recorded"):
            raise ReplayError(f"pace: expected 'fast' or 'recorded', got {pace!r}")
        self.path = Path(path)
        self._pace = pace
        lines = _read_lines(self.path)
        self._exchanges = [line for _, line in lines if isinstance(line, RecordedExchange)]
        self._numbers = [number for number, line in lines if isinstance(line, RecordedExchange)]
        self._calls = [line for _, line in lines if isinstance(line, RecordedCall)]
        self._unused = list(range(len(self._exchanges)))
        self._addresses = {address_of(exchange.request.url) for exchange in self._exchanges}
        self._stands_for: dict[str, str] = {}  # a recorded address, by the one that requests go to instead
        self._lock = threading.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded response to this request."""
        await request.aread()
        exchange = self._take(recorded_request(request))
        clock = _Clock(self._pace)
        if exchange.response is None:
            await clock.wait_until(exchange.seconds)
            raise _ending(exchange, request)
        await clock.wait_until(exchange.response.at)
        stream = _ReplayedStream(exchange, request, clock)
        return httpx.Response(exchange.response.status, headers=exchange.response.headers, stream=stream)

    @property
    def calls(self) -> tuple[RecordedCall, ...]:
        """The calls of the host that were recorded, in their order."""
        return tuple(self._calls)

    def recorded_arguments(self, function: str) -> Mapping[str, Any]:
        """Return the arguments of the one call that was recorded; nothing if there were several, or another's."""
        if len(self._calls) != 1 or self._calls[0].call != function:
            return {}
        return self._calls[0].arguments or {}

    def _take(self, request: RecordedRequest) -> RecordedExchange:
        with self._lock:
            place = self._place_of(request)
            if place is not None:
                return self._exchanges[self._unused.pop(place)]
            address = address_of(request.url)
            if address in self._addresses:
                raise ReplayError(self._no_match(request))
            free = self._addresses - {*self._stands_for.values()}
            known = self._stands_for.get(address)
            asked = [readdressed(request, each) for each in (free if known is None else (known,))]
            found = [(each, place) for each in asked if (place := self._place_of(each)) is not None]
            if len(found) == 1:
                there, place = found[0]
                self._stands_for[address] = address_of(there.url)
                return self._exchanges[self._unused.pop(place)]
        if len(found) > 1:
            places = ", ".join(sorted(address_of(each.url) for each, _ in found))
            raise ReplayError(
                f"the recording {self.path} has nothing of {address}, and of several addresses responses to this "
                f"request: {places}; give the client the one that was recorded"
            )
        raise ReplayError(self._no_match(asked[0] if len(asked) == 1 else request))

    def _place_of(self, request: RecordedRequest) -> int | None:
        """Return the place in ``_unused`` of the first exchange that matches a request."""
        for place, index in enumerate(self._unused):
            if not differences(self._exchanges[index].request, request):
                return place
        return None

    def _no_match(self, request: RecordedRequest) -> str:
        head = f"the recording {self.path} has no response to {request.method} {request.url}"
        if not self._exchanges:
            return f"{head}: it is empty"
        compared = [(differences(exchange.request, request), index) for index, exchange in enumerate(self._exchanges)]
        nearest, index = min(compared, key=lambda pair: (distance(pair[0]), pair[1]))
        if not nearest:
            count = sum(1 for found, _ in compared if not found)
            return f"{head}: the {count} that it had for this request {'are' if count > 1 else 'is'} used up"
        return f"{head}; the nearest, on line {self._numbers[index]}, differs:" + "".join(
            f"\n  {line}" for line in nearest
        )


class _Clock:
    """Waits for times of a recording, counted from its creation; "fast" only lets the event loop turn."""

    def __init__(self, pace: Pace) -> None:
        self._started = time.monotonic() if pace == "recorded" else None

    async def wait_until(self, at: float) -> None:
        wait = 0.0 if self._started is None else self._started + at - time.monotonic()
        await asyncio.sleep(max(0.0, wait))


class _ReplayedStream(httpx.AsyncByteStream):
    def __init__(self, exchange: RecordedExchange, request: httpx.Request, clock: _Clock) -> None:
        self._exchange = exchange
        self._request = request
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at, data in self._exchange.chunks:
            await self._clock.wait_until(at)
            yield bytes_of(data)
        await self._clock.wait_until(self._exchange.seconds)
        if self._exchange.end != "complete":
            raise _ending(self._exchange, self._request)


def read_recording(path: Path) -> Sequence[RecordedExchange]:
    """Return the exchanges in a recording.  Raise :class:`ReplayError` with the file and line of an error.

    A last line that breaks off, because its writer was stopped, is left out with a :class:`ReplayWarning`.
    """
    return [line for _, line in _read_lines(path) if isinstance(line, RecordedExchange)]


def _read_lines(path: str | Path) -> list[tuple[int, RecordedExchange | RecordedCall]]:
    """Return the lines of a recording, with their numbers.  Raise as :func:`read_recording` does."""
    try:
        lines = read_input(path, _MAX_RECORDING, streams=True).split(b"\n")
    except HostError as error:
        raise ReplayError(f"cannot read the recording {error}") from None
    path = shown(path)
    found: list[tuple[int, RecordedExchange | RecordedCall]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = (_CALLS if line.startswith(_CALL) else _EXCHANGES).decode(line)
            if entry.version != VERSION:
                raise ReplayError(f"{path}:{number}: version {entry.version} of recordings is not supported")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # A line that was written whole is ended.
            if number == len(lines) and any(begins.startswith(line[: len(begins)]) for begins in _BEGINNINGS):
                message = f"{path}:{number}: the last line breaks off and is left out"
                warnings.warn(message, ReplayWarning, stacklevel=3)
                break
            raise ReplayError(f"{path}:{number}: not a recorded exchange: {error}") from None
        found.append((number, entry))
    return found


def _ending(exchange: RecordedExchange, request: httpx.Request) -> Exception:
    """Return the exception of a replay whose recording does not end with a complete body."""
    if exchange.error is None:
        place = "before a response came" if exchange.response is None else f"after {len(exchange.chunks)} chunks"
        return httpx.ReadError(f"the recording stops {place}, where its reader left", request=request)
    kind = getattr(httpx, exchange.error.type, None)
    if isinstance(kind, type) and issubclass(kind, httpx.RequestError):
        return kind(exchange.error.message, request=request)
    return httpx.ReadError(f"{exchange.error.type}: {exchange.error.message}", request=request)
