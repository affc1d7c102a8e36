"""One TCP or TLS connection, which serves one exchange at a time.

It reads into a buffer of its pool's (``asyncio.BufferedProtocol``): each arrival is parsed in place before the loop
turns, so one buffer is enough for all connections of a loop.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

import httpx

from bamlvm.sysops.web.transport.body import Body
from bamlvm.sysops.web.transport.response_reader import Parser, ResponseReader
from bamlvm.sysops.web.transport.states import CONNECTION, ConnectionEvent, ConnectionState, next_state

BUFFER: Final = 64 * 1024
"""Bytes that are read at once."""

_ENDING: Final = (ConnectionState.CLOSING, ConnectionState.CLOSED)


class Owner(Protocol):
    """The owner of idle connections."""

    def release(self, connection: Connection, seconds: int | None) -> None:
        """Take a connection whose exchange is over and that can serve another; the server keeps it for ``seconds``."""

    def lost(self, connection: Connection) -> None:
        """Forget a connection: it is closed."""


class LostError(Exception):
    """The connection ended before a response began.  ``error`` is what to raise for it; ``untaken`` is whether the peer
    cannot have taken the request: it was not sent whole, or the peer reset the connection."""

    def __init__(self, error: httpx.TransportError, untaken: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.untaken = untaken


class Connection(asyncio.BufferedProtocol):
    """A connection to ``origin``; its states are those of :class:`ConnectionState`.

    ``closed`` is done once the socket is closed.
    """

    _transport: asyncio.Transport  # from CONNECTED on

    def __init__(self, owner: Owner, origin: Any, buffer: memoryview) -> None:
        loop = asyncio.get_running_loop()
        self.origin = origin
        self.closed: asyncio.Future[None] = loop.create_future()
        self.served = 0  # exchanges that are over
        self.idle_until: float | None = None  # the owner's: the loop's time at which it is to be closed, while idle
        self._owner = owner
        self._buffer = buffer
        self._loop = loop
        self._state = ConnectionState.CONNECTING
        # The exchange under way: its reader from SEND on, the future of its head until HEAD, its body from then on.
        # All are taken away at COMPLETE, at LOST, or when the response breaks the protocol.
        self._reader: ResponseReader | None = None
        self._parser: Parser | None = None  # from the first exchange on
        self._head: asyncio.Future[Body] | None = None
        self._body: Body | None = None
        self._is_last = False
        self._paused = False

    async def exchange(
        self, request: bytes, head_only: bool = False, is_last: bool = False
    ) -> tuple[ResponseReader, Body]:
        """Send a request and wait for the head of its response; the body then owns the connection.

        ``head_only``: the request is a HEAD; ``is_last``: it says that the connection is to serve no other.

        Raises :class:`LostError` if the connection ended before any byte of a response, and :class:`httpx.ReadError` or
        :class:`httpx.RemoteProtocolError` for a response that breaks off or is malformed.  Whatever is raised,
        cancellation too, the connection is closed.
        """
        if self._state in _ENDING:  # the peer closed it after it was connected or taken from the pool
            raise LostError(httpx.ReadError("the connection was closed"), untaken=True)
        self._follow(ConnectionEvent.SEND)
        if self._parser is None:
            self._parser = Parser()
        reader = self._reader = ResponseReader(head_only, self._parser)
        head = self._head = self._loop.create_future()
        self._is_last = is_last
        try:
            self._transport.write(request)
            return reader, await head
        except BaseException:
            if self._reader is reader:  # else the exchange is over, and the connection closed or serving another
                await self.aclose()
            raise

    @property
    def alive(self) -> bool:
        """Whether the connection is idle and open, as far as this loop has seen."""
        return self._state is ConnectionState.IDLE and not self._transport.is_closing()

    def fileno(self) -> int:
        """Return the socket's file descriptor, or -1 if it is closed."""
        sock = self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    def pause_reading(self) -> None:
        if not self._paused and self._state not in _ENDING:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused and self._state not in _ENDING:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close now, without TLS's closing handshake, which may take long.  :meth:`connection_lost` follows."""
        if self._state is not ConnectionState.CLOSED:
            self._follow(ConnectionEvent.ABORT)
            self._transport.abort()

    async def aclose(self) -> None:
        """Close, and wait until the socket is closed."""
        self.abort()
        if not self.closed.done():
            await asyncio.wait([self.closed])

    # --- the event loop's callbacks -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Every loop's transport has the methods of asyncio.Transport, but not every one is a subclass (uvloop).
        self._transport = cast(asyncio.Transport, transport)
        self._follow(ConnectionEvent.CONNECTED)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        reader = self._reader
        if reader is None or self._state is ConnectionState.CLOSING:
            self.abort()  # bytes that belong to no exchange; or a TLS layer that had more when it was aborted
            return
        data = reader.feed(self._buffer[:nbytes])
        if self._head is not None and reader.has_head:
            self._follow(ConnectionEvent.HEAD)
            head, self._head = self._head, None
            body = self._body = Body(self)
            if not head.done():
                head.set_result(body)
        if data and self._body is not None:
            self._body.feed(data)
        # The reader of the body may have closed the connection just now; that does not undo what has come.
        if reader.complete:
            self._complete(reader)
        elif reader.failure is not None:
            self._fail(httpx.RemoteProtocolError(reader.failure))

    def eof_received(self) -> bool:
        reader = self._reader
        if reader is None or self._state is ConnectionState.CLOSING:
            return False
        reader.end()
        if reader.complete:
            self._complete(reader)
        else:
            self._fail(httpx.RemoteProtocolError(reader.failure or "the server closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._reader is not None:
            text = "the connection was closed" if error is None else str(error) or type(error).__name__
            self._fail(httpx.ReadError(text), reset=error is not None)
        if self._parser is not None:
            self._parser.let_go()
        self._follow(ConnectionEvent.LOST)
        if not self.closed.done():
            self.closed.set_result(None)
        self._owner.lost(self)

    def _complete(self, reader: ResponseReader) -> None:
        """End the exchange.  The connection is passed on before the body ends: its reader may send the next request."""
        body, self._body = self._body, None
        self._reader = None
        self.served += 1
        self.resume_reading()
        if self._state not in _ENDING:
            self._follow(ConnectionEvent.COMPLETE)
        if reader.reusable and not self._is_last and self.alive and not self._sending:
            self._owner.release(self, reader.keep_alive_seconds)
        else:
            self.abort()
        if body is not None:
            body.end(None)

    def _fail(self, error: httpx.TransportError, reset: bool = False) -> None:
        """End the exchange with an error and close the connection."""
        reader, self._reader = self._reader, None
        head, self._head = self._head, None
        body, self._body = self._body, None
        if reader is not None:
            reader.let_go()
        untaken = reset or self._sending
        self.abort()
        if head is not None and not head.done():
            begun = reader is not None and reader.started
            head.set_exception(error if begun else LostError(error, untaken))
        if body is not None:
            body.end(error)

    @property
    def _sending(self) -> bool:
        return self._transport.get_write_buffer_size() > 0

    def _follow(self, event: ConnectionEvent) -> None:
        try:
            self._state = CONNECTION[self._state][event]
        except KeyError:
            next_state(CONNECTION, self._state, event)  # raises
