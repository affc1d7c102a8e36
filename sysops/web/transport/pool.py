"""Connections by origin: idle ones, and new ones.

An idle connection is closed after :data:`IDLE_SECONDS`, a little before the server said that it would close it, or when
the peer closes it or sends anything.  A connection that the peer closed a moment ago, before the loop has seen that,
is readable; it is not used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import ssl
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import httpx

from bamlvm.sysops.web.transport.connection import BUFFER, Connection
from bamlvm.sysops.web.transport.dialling import Guard, dial
from bamlvm.sysops.web.transport.names import is_address

IDLE_SECONDS: Final = 15.0
"""How long a connection is kept for the next request."""

_SWEEP_SECONDS: Final = 0.2
"""How much earlier than that an idle connection may be closed."""

_MARGIN_SECONDS: Final = 1.0
"""How much earlier than the server a connection is closed, so that no request meets the server's closing."""

MAX_IDLE: Final = 512
"""How many idle connections are kept, over all origins: enough for many calls that end at the same moment."""

Origin: TypeAlias = tuple[bool, str, int]
"""Whether TLS, host, port."""


class Pool:
    """The connections of one event loop.  ``tls`` makes the context, at the first connection to an ``https`` origin.

    A ``guard`` is asked for every connection that is opened.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext], guard: Guard | None = None) -> None:
        self._guard = guard
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._buffer = memoryview(bytearray(BUFFER))
        self._idle: dict[Origin, list[Connection]] = {}
        self._idle_count = 0
        self._sweeper: asyncio.TimerHandle | None = None  # one for all: most connections are taken before their time
        self._open: set[Connection] = set()
        self._closed = False

    def take(self, origin: Origin) -> Connection | None:
        """Return the idle connection to an origin that was used last, or None."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            self._idle_count -= 1
            connection.idle_until = None
            if connection.alive and not _readable(connection.fileno()):
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin, seconds: float | None) -> Connection:
        """Open a connection within ``seconds``.  Raise :class:`httpx.ConnectError` or :class:`httpx.ConnectTimeout`."""
        is_tls, host, port = origin
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds) as limit:
                context = self._context() if is_tls else None
                place: Any = {"host": host, "port": port}
                if self._guard is not None or not is_address(host):
                    place = {"sock": await dial(host, port, self._guard)}
                _, connection = await loop.create_connection(
                    lambda: Connection(self, origin, self._buffer),
                    **place,
                    ssl=context,
                    server_hostname=host if is_tls else None,
                )
        except TimeoutError as error:
            if limit.expired():
                raise httpx.ConnectTimeout(f"no connection to {host}:{port} within {seconds} s") from None
            raise httpx.ConnectError(_reason(error)) from error
        except (
            OSError,
            UnicodeError,
        ) as error:  # ssl.SSLError is an OSError; a name that IDNA rejects is a UnicodeError
            raise httpx.ConnectError(_reason(error)) from error
        if self._closed:
            await connection.aclose()
            raise httpx.ConnectError("the transport is closed")
        self._open.add(connection)
        return connection

    @property
    def open(self) -> int:
        """The number of open connections."""
        return len(self._open)

    async def aclose(self) -> None:
        """Close all connections, those in use too."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in tuple(self._open):
            connection.abort()
        closing = [connection.closed for connection in self._open if not connection.closed.done()]
        if closing:
            await asyncio.wait(closing)

    # --- what connections call ----------------------------------------------------------------------------------------

    def release(self, connection: Connection, seconds: int | None) -> None:
        kept = IDLE_SECONDS if seconds is None else min(IDLE_SECONDS, seconds - _MARGIN_SECONDS)
        if self._closed or kept <= 0 or self._idle_count >= MAX_IDLE:
            connection.abort()
            return
        self._idle_count += 1
        self._idle.setdefault(connection.origin, []).append(connection)
        loop = asyncio.get_running_loop()
        until = connection.idle_until = loop.time() + kept
        if self._sweeper is None or until < self._sweeper.when():
            self._sweep_at(loop, until)

    def _sweep_at(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._sweeper = loop.call_at(when, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connections whose time is over, or nearly: what is due soon goes now."""
        self._sweeper = None
        due = loop.time() + _SWEEP_SECONDS
        idle = [(each.idle_until, each) for waiting in self._idle.values() for each in waiting]
        for until, connection in idle:
            if until is not None and until <= due:
                connection.abort()
        later = [until for until, _ in idle if until is not None and until > due]
        if later:
            self._sweep_at(loop, min(later))

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection.idle_until is None:
            return
        connection.idle_until = None
        waiting = self._idle.get(connection.origin, [])
        with contextlib.suppress(ValueError):
            waiting.remove(connection)
            self._idle_count -= 1
        if not waiting:
            self._idle.pop(connection.origin, None)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = self._make_tls()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _readable(descriptor: int) -> bool:
    """Whether reading from a socket would return at once, with data, its end or an error; a closed one counts."""
    if descriptor < 0:
        return True
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
