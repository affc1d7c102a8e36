"""Connections over httpx: opening one, reading its answer as bytes or as server-sent events, closing it.

Two rules hold everywhere.  Whatever is awaited ends by itself at the deadline of the exchange's clocks.  And whoever is
cancelled closes the connection: an open answer belongs either to the function that opens it, to a :class:`Body`, or to
an :class:`EventStream`, never to two.

An :class:`EventStream` parses what arrives and leaves the events in a buffer under a lock, so that the program takes
all that have arrived without waiting, from whatever thread it runs on.  The bytes of our own transport are given to it
in the event loop's callback that reads them (:class:`bamlvm.sysops.web.transport.body.Receiver`); those of any other
transport, and encoded ones, are read by a task (the *pump*).  Both are held back when too much is left in the buffer.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bamlvm.sysops.errors import Subject, boundary, http_status, invalid, network, timed_out, translate
from bamlvm.sysops.web.batches import Batches
from bamlvm.sysops.web.client import Client
from bamlvm.sysops.web.clocks import Clocks
from bamlvm.sysops.web.decoding import chunks_of
from bamlvm.sysops.web.logs import about
from bamlvm.sysops.web.retry_after import retry_after_ms
from bamlvm.sysops.web.sse import Event, EventTooLargeError, SseParser
from bamlvm.sysops.web.transport.body import EXTENSION
from bamlvm.sysops.web.transport.body import Body as TransportBody
from bamlvm.vm.values import Pending, Thrown

MAX_BODY: Final = 64 * 1024 * 1024
"""Longest body that :meth:`Body.text` reads, in bytes."""

MAX_ERROR_BODY: Final = 64 * 1024
MAX_REDIRECTS: Final = 10
HIGH_WATER: Final = 1024 * 1024
"""Bytes that are taken ahead of the program."""

_TURNS_OF_A_CLOSE: Final = 16
_ERROR_BODY_SECONDS: Final = 5.0
_KEPT_ON_REDIRECT: Final = ("accept", "accept-encoding", "accept-language", "user-agent")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request about to be sent: what it is, how errors call it, and its clocks, which run already."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    subject: Subject
    clocks: Clocks


async def open_exchange(client: Client, exchange: Exchange) -> httpx.Response:
    """Send a request and wait for the head of its answer, whose body is then the caller's to close.

    GET and HEAD follow redirects; to another origin they take none of the request's own headers along.
    Raises :class:`Thrown` (``Network``, ``Timeout``, ``InvalidArgument``).
    """
    connect = exchange.clocks.limits.get("connect")
    with boundary(exchange.subject), about(exchange.subject):
        async with deadline(exchange):
            response = await client.open(
                exchange.method,
                exchange.url,
                exchange.headers,
                exchange.body,
                None if connect is None else connect / 1000,
            )
            for left in reversed(range(MAX_REDIRECTS)):
                if response.next_request is None or exchange.method not in ("GET", "HEAD"):
                    exchange.clocks.arrived(time.monotonic())
                    return response
                await response.aclose()
                if left:
                    response = await client.send(_redirected(response.request, response.next_request), stream=True)
    raise network(f"more than {MAX_REDIRECTS} redirects", exchange.subject)


def deadline(exchange: Exchange) -> _Deadline:
    """A context that ends at the next deadline of the exchange's clocks, with ``Timeout``."""
    return _Deadline(exchange)


async def require_event_stream(response: httpx.Response, exchange: Exchange) -> None:
    """Check that an answer is a stream of events.

    Raises :class:`Thrown` (``HttpStatus``, with the beginning of the body) if its status or its content type say
    otherwise; the answer is closed then.
    """
    content_type = response.headers.get("content-type", "text/event-stream").partition(";")[0].strip().lower()
    if response.is_success and content_type == "text/event-stream":
        return
    status = response.status_code
    note = f"answered {status} {response.reason_phrase}".rstrip()
    if response.is_success:
        note += f" with {content_type or 'no content type'} where text/event-stream was expected"
    with about(exchange.subject):
        body = await _beginning(response, exchange)
    raise http_status(exchange.subject, status, note, body, retry_after_ms(response.headers, time.time()))


class Body:
    """The unread body of an answer."""

    def __init__(self, response: httpx.Response, exchange: Exchange, limit: int = MAX_BODY) -> None:
        self._response = response
        self._exchange = exchange
        self._limit = limit

    async def text(self) -> str:
        """The whole body, decoded by its declared character set (UTF-8 without one); the answer is closed then.

        Raises :class:`Thrown` (``Network``, ``Timeout``).
        """
        content = bytearray()
        exchange = self._exchange
        try:
            with boundary(exchange.subject), about(exchange.subject):
                async with deadline(exchange) as guard, chunks_of(self._response) as chunks:
                    async for chunk in chunks:
                        content += chunk
                        if len(content) > self._limit:
                            raise network(f"the body is larger than {self._limit} bytes", exchange.subject)
                        exchange.clocks.arrived(time.monotonic())
                        guard.reschedule()
        except Thrown as thrown:
            if thrown.class_name == "baml.errors.StreamTruncated":
                raise network("the connection ended inside the body", exchange.subject) from thrown
            raise
        finally:
            await self._response.aclose()
        return _decoded(self._response, bytes(content))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._response.aclose()


class EventStream:
    """A stream of server-sent events being read.  Made on the event loop; :meth:`next` serves any thread."""

    __slots__ = (
        "_arrived",
        "_batches",
        "_body",
        "_buffered",
        "_error",
        "_events",
        "_exchange",
        "_lock",
        "_loop",
        "_next",
        "_open",
        "_parser",
        "_pumping",
        "_response",
        "_resume",
        "_stopped",
        "_task",
        "_timer",
        "_waiter",
    )

    def __init__(self, response: httpx.Response, exchange: Exchange, batches: Batches) -> None:
        self._response = response
        self._exchange = exchange
        self._batches = batches
        self._loop = asyncio.get_running_loop()
        self._parser = SseParser()
        self._lock = threading.Lock()  # guards the four that follow
        self._events: list[Event] = []
        self._arrived = 0.0  # when the oldest of the events came
        self._open = True  # whether more events may come
        self._error: BaseException | None = None
        self._buffered = 0  # bytes taken since the program last had to wait
        self._waiter: asyncio.Future[None] | None = None
        self._resume: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = Pending(_Next(self))
        self._stopped = False  # whether the pump has been told to end
        self._pumping = True  # whether the pump reads; afterwards it closes the connection
        self._task: asyncio.Task[None] | None = None
        self._body: TransportBody | None = None
        if "content-encoding" not in response.headers:
            self._body = response.extensions.get(EXTENSION)
        if self._body is not None:
            self._body.attach(self)
        else:
            with about(exchange.subject):  # which the task takes along
                self._task = self._loop.create_task(self._pump())

    def next(self) -> Any:
        """All events that have arrived, as a JSON array; None at the end; a :class:`Pending` for it if none has come.

        Raises :class:`Thrown` (``Network``, ``Timeout``, ``StreamTruncated``, ``LlmClient``) after the last event.
        """
        ready, batch = self._take()
        return batch if ready else self._next

    def content_arrived(self) -> None:
        """Stop the first-token clock."""
        self._exchange.clocks.content_arrived()

    async def wait(self) -> str | None:
        """What :meth:`next` gives once there is something to give.  On the event loop only, one at a time."""
        while True:
            ready, batch = self._take()
            if ready:
                return batch
            if self._buffered > HIGH_WATER:
                self._go_on()
            self._buffered = 0
            self._exchange.clocks.arrived(time.monotonic())  # silence counts only while somebody listens
            self._waiter = self._loop.create_future()
            self._watch()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def leave(self) -> None:
        """The program needs no more: as :meth:`aclose`, but a body whose end is at hand may still come to it, so that
        its connection can serve again."""
        if self._body is not None and self._open and not self._events:
            self._open = False
            self._cancel_timer()
            self._body.linger()
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """End the reading and the connection.  Both end by themselves if this is cancelled."""
        self._cancel_timer()
        try:
            if self._task is not None:
                self._stop_pump(self._task)
                await asyncio.wait([self._task])
        finally:
            await self._response.aclose()  # also for a pump that never came to run

    def body_received(self, data: bytes) -> None:
        """Bytes have come, on the event loop."""
        if not self._open:
            return
        now = time.monotonic()
        self._exchange.clocks.arrived(now)
        try:
            events = self._parser.feed(data)
        except EventTooLargeError as error:
            self._break_off(translate(error, self._exchange.subject))
            return
        if events:
            with self._lock:
                if not self._events:
                    self._arrived = now
                self._events += events
            _wake(self._waiter)
        self._buffered += len(data)
        if self._body is not None and self._buffered > HIGH_WATER and self._events:
            self._body.pause()

    def body_ended(self, error: Exception | None) -> None:
        """No more bytes come: all have, or ``error`` says why not."""
        if error is None:
            try:
                self._parser.close()
            except EventTooLargeError as too_large:
                error = too_large
        self._end(None if error is None else translate(error, self._exchange.subject) or error)

    def _take(self) -> tuple[bool, str | None]:
        """Whether there is anything to say (events, or the end), and the events."""
        if self._open and not self._events:  # as good as with the lock: what comes now is found the next time
            return False, None
        with self._lock:
            events, self._events = self._events, []
            arrived, ended, error = self._arrived, not self._open, self._error
        if events:
            clock = self._exchange.clocks.expired(arrived)
            if clock is not None:
                raise timed_out(clock, self._exchange.subject)
            return True, self._batches.write(events)
        if error is not None:
            raise error
        return ended, None

    async def _pump(self) -> None:
        error: Exception | None = None
        try:
            async with chunks_of(self._response) as chunks:
                async for chunk in chunks:
                    self.body_received(chunk)
                    if self._buffered > HIGH_WATER and self._events:
                        self._resume = self._loop.create_future()
                        await self._resume
        except Exception as raised:
            error = raised
        finally:
            self._pumping = False
            self.body_ended(error)
            await self._response.aclose()

    def _stop_pump(self, task: asyncio.Task[None]) -> None:
        """Cancel the pump, once, and not while it closes the connection, as it does of itself when a body has ended.

        A cancellation there leaves the connection open for good: httpcore closes in several turns of the loop.
        """
        if not self._stopped:
            self._stopped = True
            self._loop.call_soon(self._strike, task, _TURNS_OF_A_CLOSE)

    def _strike(self, task: asyncio.Task[None], turns: int) -> None:
        if not self._pumping or task.done():
            return
        if turns:
            self._loop.call_soon(self._strike, task, turns - 1)
        else:
            task.cancel()

    def _go_on(self) -> None:
        if self._body is not None:
            self._body.resume()
        else:
            _wake(self._resume)

    def _break_off(self, error: BaseException | None) -> None:
        """End the stream from this side."""
        self._end(error)
        if self._body is not None:
            self._body.abort()
        elif self._task is not None:
            self._stop_pump(self._task)

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            if self._open:
                self._open = False
                self._error = error
        _wake(self._waiter)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """Have somebody look when the next clock runs out.  One timer serves many waits."""
        upcoming = self._exchange.clocks.next()
        if upcoming is None:
            return
        if self._timer is not None:
            if self._timer.when() <= upcoming[0]:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(upcoming[0], self._look)

    def _look(self) -> None:
        self._timer = None
        upcoming = self._exchange.clocks.next()
        if self._waiter is None or upcoming is None:
            return
        if self._loop.time() < upcoming[0]:
            self._watch()
            return
        clock = upcoming[1]
        self._break_off(timed_out(clock, self._exchange.subject, self._exchange.clocks.since(clock)))


class _Next:
    """Awaits a stream's next batch; a coroutine is only made when somebody does."""

    __slots__ = ("_stream",)

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream

    def __await__(self) -> Generator[Any, None, str | None]:
        return self._stream.wait().__await__()


class _Deadline:
    """An ``asyncio`` timeout that follows an exchange's clocks and says which of them ran out."""

    __slots__ = ("_exchange", "_timeout")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timeout = asyncio.timeout_at(_when(exchange.clocks))

    def reschedule(self) -> None:
        """Look at the clocks again: bytes have arrived."""
        if not self._timeout.expired():
            self._timeout.reschedule(_when(self._exchange.clocks))

    async def __aenter__(self) -> _Deadline:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            clocks = self._exchange.clocks
            upcoming = clocks.next()
            clock = "request" if upcoming is None else upcoming[1]
            raise timed_out(clock, self._exchange.subject, clocks.since(clock)) from None


def _when(clocks: Clocks) -> float | None:
    upcoming = clocks.next()
    return None if upcoming is None else upcoming[0]


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _redirected(request: httpx.Request, following: httpx.Request) -> httpx.Request:
    before, after = request.url, following.url
    if (before.scheme, before.host, before.port) != (after.scheme, after.host, after.port):
        kept = [(name, value) for name, value in following.headers.items() if name in ("host", *_KEPT_ON_REDIRECT)]
        following.headers = httpx.Headers(kept)
    if after.scheme not in ("http", "https"):
        raise invalid(f"a redirect to a URL that is not http or https: {after.scheme}:")
    return following


def _decoded(response: httpx.Response, content: bytes) -> str:
    try:
        return content.decode(response.charset_encoding or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


async def _beginning(response: httpx.Response, exchange: Exchange) -> str:
    """As much of an error's body as comes soon and fits; the answer is closed then."""
    content = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_SECONDS), deadline(exchange), chunks_of(response) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) >= MAX_ERROR_BODY:
                    break
    except (TimeoutError, httpx.HTTPError, Thrown):
        pass  # the status says what went wrong; the body was only to explain it
    finally:
        await response.aclose()
    return _decoded(response, bytes(content[:MAX_ERROR_BODY]))
