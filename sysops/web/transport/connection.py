"""One TCP or TLS connection, which serves one exchange at a time.

It reads into a buffer of its pool's (``asyncio.BufferedProtocol``): each arrival is parsed where it lies before the
loop turns, so one buffer is enough for all connections of a loop.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

import httpx

from bamlvm.sysops.web.transport.body import Body
from bamlvm.sysops.web.transport.response_reader import AnswerReader

BUFFER: Final = 64 * 1024
"""Bytes that are read at once."""


class Keeper(Protocol):
    """Who owns a connection at rest."""

    def rest(self, connection: Connection, seconds: int | None) -> None:
        """Take a connection whose exchange is over and that can serve another, if the server keeps it so long."""

    def lost(self, connection: Connection) -> None:
        """A connection is closed, whatever it was doing."""


class LostError(Exception):
    """The connection ended before an answer began.  ``error`` is what to raise for it; ``untaken`` is whether the peer
    cannot have taken the request: it was not sent whole, or the peer reset the connection."""

    def __init__(self, error: httpx.TransportError, untaken: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.untaken = untaken


class Connection(asyncio.BufferedProtocol):
    """A connection to ``origin``; ``closed`` is done once its socket is."""

    def __init__(self, keeper: Keeper, origin: Any, buffer: memoryview) -> None:
        loop = asyncio.get_running_loop()
        self.origin = origin
        self.closed: asyncio.Future[None] = loop.create_future()
        self.served = 0  # exchanges that are over
        self.timer: asyncio.TimerHandle | None = None  # the keeper's
        self._keeper = keeper
        self._buffer = buffer
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reader: AnswerReader | None = None
        self._head: asyncio.Future[Body] | None = None
        self._body: Body | None = None
        self._paused = False
        self._is_last = False

    async def exchange(
        self, request: bytes, head_only: bool = False, is_last: bool = False
    ) -> tuple[AnswerReader, Body]:
        """Send a request and wait for the head of its answer; the body then owns the connection.

        ``head_only``: the request is a HEAD; ``is_last``: it says that the connection is to serve no other.

        Raises :class:`LostError` if the connection ended before any byte of an answer, and :class:`httpx.ReadError` or
        :class:`httpx.RemoteProtocolError` for an answer that breaks off or is none.  Whatever is raised, cancellation
        too, the connection is closed.
        """
        assert self._transport is not None
        reader = self._reader = AnswerReader(head_only)
        self._is_last = is_last
        head = self._head = self._loop.create_future()
        try:
            self._transport.write(request)
            return reader, await head
        except BaseException:
            if self._reader is reader:  # else the exchange is over, and the connection closed or somebody else's
                await self.aclose()
            raise

    @property
    def alive(self) -> bool:
        """Whether the connection at rest still stands, as far as this loop has seen."""
        return self._transport is not None and not self._transport.is_closing()

    def fileno(self) -> int:
        """The socket's file descriptor; -1 if it is closed."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    def pause_reading(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close now, without a word to the peer (of TLS: it may take long to answer)."""
        if self._transport is not None:
            self._transport.abort()

    async def aclose(self) -> None:
        """Close, and wait until the socket is."""
        self.abort()
        if not self.closed.done():
            await asyncio.wait([self.closed])

    # --- the event loop's callbacks -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        reader = self._reader
        if reader is None:  # at rest: nobody asked
            self.abort()
            return
        data = reader.feed(self._buffer[:nbytes])
        if self._head is not None and reader.has_head:
            head, self._head = self._head, None
            body = self._body = Body(self)
            if not head.done():
                head.set_result(body)
        if data and self._body is not None:
            self._body.feed(data)
        if reader.complete:
            self._finish(reader)
        elif reader.failure is not None:
            self._fail(httpx.RemoteProtocolError(reader.failure))

    def eof_received(self) -> bool:
        reader = self._reader
        if reader is not None:
            reader.end()
            if reader.complete:
                self._finish(reader)
            else:
                self._fail(httpx.RemoteProtocolError(reader.failure or "the server closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._reader is not None:
            text = "the connection was closed" if error is None else str(error) or type(error).__name__
            self._fail(httpx.ReadError(text), reset=error is not None)
        if not self.closed.done():
            self.closed.set_result(None)
        self._keeper.lost(self)

    def _finish(self, reader: AnswerReader) -> None:
        """The answer is complete: pass the connection on first, then tell the reader."""
        body, self._body = self._body, None
        self._reader = None
        self.served += 1
        self.resume_reading()
        if reader.reusable and not self._is_last and self.alive and not self._sending:
            self._keeper.rest(self, reader.rest_seconds)
        else:
            self.abort()
        if body is not None:
            body.end(None)

    def _fail(self, error: httpx.TransportError, reset: bool = False) -> None:
        reader, self._reader = self._reader, None
        head, self._head = self._head, None
        body, self._body = self._body, None
        untaken = reset or self._sending
        self.abort()
        if head is not None and not head.done():
            begun = reader is not None and reader.started
            head.set_exception(error if begun else LostError(error, untaken))
        if body is not None:
            body.end(error)

    @property
    def _sending(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() > 0
