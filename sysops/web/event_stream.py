"""A response read as events, server-sent ones or in another framing (:mod:`bamlvm.sysops.web.framing`).

An :class:`EventStream` parses what arrives and leaves the events in a buffer under a lock, so that the program takes
all that have arrived without waiting, on whatever thread it runs.  The bytes come from one of two sources:

* our own transport's body calls :meth:`EventStream.body_received` in the event loop's callback that reads them
  (:class:`bamlvm.sysops.web.transport.body.Receiver`);
* a task that iterates over the response (:class:`bamlvm.sysops.web.pump.Pump`), for any other transport and for
  encoded bodies.

Both are paused while more than :data:`HIGH_WATER` bytes wait for the program.

What the stream may do next is looked up by its state, as in :mod:`bamlvm.sysops.web.transport.states`::

    OPEN ── END ──▶ ENDED ── CLOSE ─┐
      ├─── FAIL ──▶ FAILED ─ CLOSE ─┤
      └─── CLOSE ───────────────────┴──▶ CLOSED

The first way out of OPEN decides: a failure stays the failure when the connection that it breaks off ends too, a clock
that runs out as the stream ends is too late, and what comes after CLOSE is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from bamlvm.sysops.errors import failure, network, timed_out, translate
from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.web.batches import Batches
from bamlvm.sysops.web.exchange import Exchange, described
from bamlvm.sysops.web.framing import Framing
from bamlvm.sysops.web.logs import about
from bamlvm.sysops.web.response import Response
from bamlvm.sysops.web.sse import Event, UnreadableStreamError
from bamlvm.sysops.web.transport.body import Body
from bamlvm.sysops.web.transport.states import Table, next_state
from bamlvm.sysops.web.unread_body import LIMITED, MAX_BODY
from bamlvm.vm.values import Pending

if TYPE_CHECKING:
    from bamlvm.sysops.web.pump import Pump

HIGH_WATER: Final = 1024 * 1024
"""Bytes that are read ahead of the program."""

_EVENT_WEIGHT: Final = 1024
"""Bytes that an event counts beside its own: what a batch of empty events costs is their number."""


class StreamState(Enum):
    OPEN = auto()
    ENDED = auto()
    FAILED = auto()
    CLOSED = auto()


class StreamEvent(Enum):
    END = auto()
    FAIL = auto()
    CLOSE = auto()


STATES: Final[Table[StreamState, StreamEvent]] = MappingProxyType(
    {
        StreamState.OPEN: {
            StreamEvent.END: StreamState.ENDED,
            StreamEvent.FAIL: StreamState.FAILED,
            StreamEvent.CLOSE: StreamState.CLOSED,
        },
        StreamState.ENDED: {
            StreamEvent.FAIL: StreamState.ENDED,
            StreamEvent.CLOSE: StreamState.CLOSED,
        },
        StreamState.FAILED: {
            StreamEvent.END: StreamState.FAILED,
            StreamEvent.FAIL: StreamState.FAILED,
            StreamEvent.CLOSE: StreamState.CLOSED,
        },
        StreamState.CLOSED: {
            StreamEvent.END: StreamState.CLOSED,
            StreamEvent.FAIL: StreamState.CLOSED,
            StreamEvent.CLOSE: StreamState.CLOSED,
        },
    }
)

_OPEN: Final = StreamState.OPEN  # compared for every piece; an attribute of an Enum class is slower to look up


class EventStream:
    """A stream of events being read.  Made on the event loop; :meth:`next` serves any thread."""

    __slots__ = (
        "_arrived",
        "_batches",
        "_buffered",
        "_error",
        "_events",
        "_exchange",
        "_left",
        "_limit",
        "_lock",
        "_loop",
        "_monotonic",
        "_next",
        "_parser",
        "_source",
        "_state",
        "_timer",
        "_timer_at",
        "_trace",
        "_waiter",
    )

    def __init__(
        self, response: Response, exchange: Exchange, framing: Framing, batches: Batches, limit: int = MAX_BODY
    ) -> None:
        self._limit = limit
        self._left = limit  # bytes that may still come
        self._exchange = exchange
        self._monotonic = exchange.subject.monotonic
        self._batches = batches
        self._trace = exchange.trace
        self._loop = asyncio.get_running_loop()
        self._parser = framing
        self._lock = threading.Lock()  # guards the four that follow
        self._events: list[Event] = []
        self._arrived = 0.0  # when the oldest of the events came
        self._state = _OPEN
        self._error: BaseException | None = None  # what failed
        self._buffered = 0  # bytes, events weighed, that have come since the program last had to wait
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0  # when it goes off, on the monotonic clock
        body = None if "content-encoding" in response.headers else response.body
        self._source: Body | Pump
        if body is not None:
            self._source = body
            body.attach(self)
        else:
            from bamlvm.sysops.web.pump import Pump  # and with it anyio, which our own transport does not need

            with about(exchange.subject):  # a context that the pump's task takes along
                self._source = Pump(response, self)

    # --- the program's side -------------------------------------------------------------------------------------------

    def next(self) -> Any:
        """Return all events that have arrived as a JSON array, or a :class:`Pending` for it if none has; None at the
        end.

        Raises :class:`Thrown` (``Network``, ``Timeout``, ``StreamTruncated``, ``LlmClient``) after the last event.
        """
        ready, batch = self._take()
        return batch if ready else Pending(Lazy(self.wait))

    def content_arrived(self) -> None:
        """Stop the first-token clock."""
        self._exchange.clocks.content_arrived()

    async def wait(self) -> str | None:
        """Wait until :meth:`next` has something to return, and return it.  On the event loop only, one at a time."""
        while True:
            ready, batch = self._take()
            if ready:
                return batch
            if self._buffered > HIGH_WATER:
                self._source.resume()
            self._buffered = 0
            self._exchange.clocks.arrived(self._monotonic())  # silence counts only while the program waits
            self._waiter = self._loop.create_future()
            self._start_timer()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def leave(self) -> None:
        """Close the stream; its connection may serve again if the end of the body is at hand."""
        if isinstance(self._source, Body) and self._state is _OPEN and not self._events:
            self._close()
            self._source.linger()
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the stream and its connection.  Both end by themselves if this is cancelled."""
        self._close()
        await self._source.aclose()

    def _close(self) -> None:
        if self._trace is not None and self._state is not StreamState.CLOSED:
            self._trace(f"closed by the program ({self._state.name.lower()})")
        self._cancel_timer()
        self._follow(StreamEvent.CLOSE)

    def _take(self) -> tuple[bool, str | None]:
        """Return whether there is anything to return (events, or the end), and the events."""
        if self._state is _OPEN and not self._events:  # without the lock: what comes now is found the next time
            return False, None
        with self._lock:
            events, self._events = self._events, []
            arrived, state, error = self._arrived, self._state, self._error
        if events:
            clock = self._exchange.clocks.expired(arrived)
            if clock is not None:
                raise timed_out(clock, self._exchange.subject)
            return True, self._batches.write(events)
        if error is not None:
            raise error
        return state is not _OPEN, None

    # --- the source's side, on the event loop -------------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self._state is not _OPEN:
            return
        now = self._monotonic()
        self._exchange.clocks.arrived(now)
        self._left -= len(data)
        if self._left < 0:
            self._break_off(network(f"the stream is longer than {self._limit} bytes{LIMITED}", self._exchange.subject))
            return
        try:
            events = self._parser.feed(data)
        except Exception as error:  # UnreadableStreamError; of any other the event loop could only take the connection
            self._break_off(self._thrown(error))
            return
        if self._trace is not None:
            self._trace(f"chunk of {len(data)} bytes, {len(events)} events")
        if events:
            with self._lock:
                if not self._events:
                    self._arrived = now
                self._events += events
            self._wake()
        self._buffered += len(data) + _EVENT_WEIGHT * len(events)
        if self._buffered > HIGH_WATER and self._events:  # without an event to take, the program could not go on
            self._source.pause()

    def body_ended(self, error: Exception | None) -> None:
        """Take the end of the body: it is complete, or ``error`` says why not."""
        if error is None:
            try:
                self._parser.close()
            except UnreadableStreamError as unreadable:
                error = unreadable
        if error is None:
            self._follow(StreamEvent.END)
        else:
            self._follow(StreamEvent.FAIL, self._thrown(error))
        self._wake()

    def _thrown(self, error: Exception) -> Exception:
        return translate(error, self._exchange.subject) or failure(error, "baml.http.SseStream.next")

    def _break_off(self, error: BaseException | None) -> None:
        """Fail from this side; the end of the body that follows changes nothing."""
        self._follow(StreamEvent.FAIL, error)
        self._wake()
        self._source.abort()

    def _follow(self, event: StreamEvent, error: BaseException | None = None) -> None:
        with self._lock:
            before = self._state
            self._state = next_state(STATES, before, event)
            if before is _OPEN:
                self._error = error
        if self._trace is not None and before is _OPEN and event is not StreamEvent.CLOSE:
            self._trace("ended" if error is None else f"failed: {described(error)}")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- clocks -------------------------------------------------------------------------------------------------------

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self) -> None:
        """Have the clocks looked at when the next of them runs out.  One timer serves many waits.

        Each piece of the body moves the idle clock's deadline; moving the timer as well would cost more than the rest
        of what is done with the piece.  So a timer that goes off too early stays, and is then set again.
        """
        upcoming = self._exchange.clocks.next()
        if upcoming is None:
            return
        moment = upcoming[0]
        if self._timer is not None:
            if self._timer_at <= moment:
                return
            self._timer.cancel()
        self._timer_at = moment
        self._timer = self._loop.call_later(moment - self._monotonic(), self._look_at_clocks)

    def _look_at_clocks(self) -> None:
        self._timer = None
        upcoming = self._exchange.clocks.next()
        if self._waiter is None or upcoming is None:  # nothing is awaited: the next wait starts the timer
            return
        moment, clock = upcoming
        if self._monotonic() < moment:
            self._start_timer()
            return
        self._break_off(timed_out(clock, self._exchange.subject, self._exchange.clocks.since(clock)))
