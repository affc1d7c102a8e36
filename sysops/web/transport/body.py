"""The body of an answer, between the connection that brings it and whoever reads it.

It has two faces.  ``async for`` is httpx's.  A :class:`Receiver` is called with each piece in the very callback of the
event loop that brought it: no task, no future and no generator is in between.  Whichever is used, what comes faster
than it is taken is held back at the socket (:data:`HIGH_WATER`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol

import httpx

HIGH_WATER: Final = 256 * 1024
"""Bytes that are kept for an iterator before the connection is paused."""

LINGER_SECONDS: Final = 0.1
LINGER_BYTES: Final = 16 * 1024
"""How long, and how many bytes, the rest of a body that nobody reads is waited for."""

EXTENSION: Final = "bamlvm.body"
"""The response extension that holds the :class:`Body`, for those who read it as a :class:`Receiver`."""


class Flow(Protocol):
    """What a body may ask of its connection."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None: ...

    async def aclose(self) -> None: ...


class Receiver(Protocol):
    """Takes a body as it comes, on the event loop.  Neither method may raise."""

    def body_received(self, data: bytes) -> None:
        """A piece of the body, not empty."""

    def body_ended(self, error: Exception | None) -> None:
        """The end, once: complete if there is no error."""


class Body(httpx.AsyncByteStream):
    """One answer's body.  ``ended`` is whether all of it has come, or it failed."""

    def __init__(self, flow: Flow) -> None:
        self.ended = False
        self._flow = flow
        self._error: Exception | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._receiver: Receiver | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    # --- the reader's side --------------------------------------------------------------------------------------------

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            if self._pieces:
                yield self._take()
            elif self.ended:
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
        """Have a receiver called from now on, at once with what has come already."""
        self._receiver = receiver
        if self._pieces:
            receiver.body_received(self._take())
        if self.ended:
            receiver.body_ended(self._error)

    def pause(self) -> None:
        """Hold back what comes."""
        if not self.ended:
            self._flow.pause_reading()

    def resume(self) -> None:
        """Let it come again."""
        if not self.ended:
            self._flow.resume_reading()

    def abort(self) -> None:
        """Close the connection without waiting; the end comes as an error."""
        if not self.ended:
            self._flow.abort()

    def linger(self) -> None:
        """Nobody reads any more.  If the end comes soon the connection can serve again, else it is closed; both without
        this reader.  (A stream's last event and the end of its body are often not one packet.)"""
        self._receiver = None
        self._pieces.clear()
        self._size = 0
        if not self.ended:
            self._flow.resume_reading()
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abort)

    async def aclose(self) -> None:
        """Close the connection, unless the body has ended and it serves others already."""
        self._receiver = None
        self._pieces.clear()
        if not self.ended:
            await self._flow.aclose()

    # --- the connection's side ----------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """A piece has come."""
        if self._receiver is not None:
            self._receiver.body_received(data)
            return
        self._size += len(data)
        if self._lingering is not None:
            if self._size > LINGER_BYTES:
                self._flow.abort()
            return
        self._pieces.append(data)
        if self._size > HIGH_WATER:
            self._flow.pause_reading()
        self._wake()

    def end(self, error: Exception | None) -> None:
        """Nothing more comes."""
        if self.ended:
            return
        self.ended = True
        self._error = error
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._receiver is not None:
            self._receiver.body_ended(error)
        self._wake()

    def _take(self) -> bytes:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self.resume()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
