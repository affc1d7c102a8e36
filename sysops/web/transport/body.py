"""The body of a response, between the connection that receives it and its reader.

It can be read in two ways.  ``async for`` is httpx's.  A :class:`Receiver` is called with each piece in the same
callback of the event loop that received it, with no task, future or generator in between.  In either case the socket is
paused while more has come than the reader has taken (:data:`HIGH_WATER`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Protocol

import httpx

from bamlvm.sysops.web.transport.states import BODY, BodyEvent, BodyState, next_state

HIGH_WATER: Final = 256 * 1024
"""Bytes that are kept for an iterator before the connection is paused."""

LINGER_SECONDS: Final = 0.1
LINGER_BYTES: Final = 16 * 1024
"""How long, and for how many bytes, the end of an abandoned body is awaited."""

EXTENSION: Final = "bamlvm.body"
"""The response extension that holds the :class:`Body`, for readers that are a :class:`Receiver`."""

# The states that are compared for every piece; an attribute of an Enum class takes several times as long to look up.
_BUFFERING: Final = BodyState.BUFFERING
_LINGERING: Final = BodyState.LINGERING
_ENDED: Final = BodyState.ENDED


class Flow(Protocol):
    """The connection, as far as its body controls it."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None: ...

    async def aclose(self) -> None: ...


class Receiver(Protocol):
    """Takes a body as it comes, on the event loop.  Neither method may raise."""

    def body_received(self, data: bytes) -> None:
        """Take a piece of the body, which is not empty."""

    def body_ended(self, error: Exception | None) -> None:
        """Take the end, once: the body is complete if there is no error."""


class Body(httpx.AsyncByteStream):
    """The body of one response; its states are those of :class:`BodyState`."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._state = _BUFFERING
        self._error: Exception | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._taken = False  # whether the reader has had any of it
        self._receiver: Receiver | None = None  # while the body is delivered
        self._waiter: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    # --- the reader's side --------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether all of the body has come, or reading it failed."""
        return self._state is _ENDED

    def whole(self) -> bytes | None:
        """Return the body if all of it has come and nothing was taken from it yet, else None; the end follows then."""
        if self._state is not _ENDED or self._error is not None or self._taken:
            return None
        return self._take()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while True:
            if self._pieces:
                yield self._take()
            elif self._state is _ENDED:
                if self._error is not None:
                    raise self._error
                return
            else:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None

    def attach(self, receiver: Receiver) -> None:
        """Deliver to a receiver from now on, beginning at once with what has come already."""
        self._follow(BodyEvent.ATTACH)
        self._receiver = receiver
        if self._pieces:
            receiver.body_received(self._take())
        if self._state is _ENDED:
            self._receiver = None
            receiver.body_ended(self._error)

    def pause(self) -> None:
        """Stop reading from the socket."""
        if self._state is not _ENDED:
            self._flow.pause_reading()

    def resume(self) -> None:
        """Read from the socket again."""
        if self._state is not _ENDED:
            self._flow.resume_reading()

    def abort(self) -> None:
        """Close the connection without waiting; the end follows, with an error."""
        if self._state is not _ENDED:
            self._flow.abort()

    def linger(self) -> None:
        """Leave the body to itself: if its end comes soon the connection can serve again, else it is closed.

        A stream's last event and the end of its body are often not in one packet.
        """
        self._drop_reader()
        self._follow(BodyEvent.LINGER)
        if self._state is _LINGERING:
            self._flow.resume_reading()
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abort)

    async def aclose(self) -> None:
        """Close the connection, unless the body has ended and the connection may be serving another exchange."""
        self._drop_reader()
        self._follow(BodyEvent.CLOSE)
        if self._state is not _ENDED:
            await self._flow.aclose()

    # --- the connection's side ----------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take a piece from the connection."""
        if self._receiver is not None:
            self._receiver.body_received(data)
            return
        self._size += len(data)
        if self._state is _BUFFERING:
            self._pieces.append(data)
            if self._size > HIGH_WATER:
                self._flow.pause_reading()
            self._wake()
        elif self._size > LINGER_BYTES:  # the rest of an abandoned body is longer than a new connection is worth
            self._flow.abort()

    def end(self, error: Exception | None) -> None:
        """Take the end from the connection, once."""
        self._follow(BodyEvent.END)
        self._error = error
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.body_ended(error)
        self._wake()

    def _follow(self, event: BodyEvent) -> None:
        try:
            self._state = BODY[self._state][event]
        except KeyError:
            next_state(BODY, self._state, event)  # raises

    def _drop_reader(self) -> None:
        self._receiver = None
        self._pieces.clear()
        self._size = 0
        self._taken = True

    def _take(self) -> bytes:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._taken = True
        self.resume()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
