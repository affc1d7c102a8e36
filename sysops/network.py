"""``baml.net``: TCP connections that carry UTF-8 text."""

from __future__ import annotations

import codecs
import contextlib
from typing import TYPE_CHECKING, Final

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Subject, boundary, invalid, network, timed_out
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.sysops.web.clocks import DEFAULT_CONNECT_MS
from bamlvm.vm.values import Instance

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

SOCKET: Final = "socket"
_CHUNK: Final = 65536


class Connection:
    """An open connection.  A character whose bytes arrive apart is decoded whole."""

    def __init__(self, address: str, reader: StreamReader, writer: StreamWriter) -> None:
        self.subject = Subject(f"connection to {address}")
        self._reader = reader
        self._writer = writer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    async def read(self) -> str:
        """Return what has arrived, at least one character, or ``""`` at the end."""
        while True:
            data = await self._reader.read(_CHUNK)
            text = self._decoder.decode(data, final=not data)
            if text or not data:
                return text

    async def write(self, text: str) -> None:
        """Send text, and wait while too much of it is unsent."""
        self._writer.write(text.encode("utf-8"))
        await self._writer.drain()

    async def aclose(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):  # that it broke no longer matters
            await self._writer.wait_closed()


@sysop("baml.net.connect")
async def connect(scope: Scope, address: str) -> Instance:
    import asyncio

    from bamlvm.sysops.web.transport.dialling import dial

    require(scope, "net", "baml.net.connect")
    host, port = _parse(address)
    granted = scope.services.grants.net
    guard = None if isinstance(granted, bool) else granted
    subject = Subject(f"connecting to {address}", limits={"connect": DEFAULT_CONNECT_MS})
    try:
        async with asyncio.timeout(DEFAULT_CONNECT_MS / 1000):
            reader, writer = await asyncio.open_connection(sock=await dial(host, port, guard))
    except TimeoutError:
        raise timed_out("connect", subject) from None
    except ValueError as error:  # a name that no resolver takes: IDNA, NUL
        raise invalid(f"not a host: {host!r} ({error})") from None
    except OSError as error:
        raise network(error.strerror or str(error), subject) from error
    connection = Connection(address, reader, writer)
    try:
        handle = scope.open(SOCKET, connection, connection.aclose)
    except BaseException:
        await connection.aclose()
        raise
    return scope.new_instance("baml.net.Socket", _handle=handle)


@sysop("baml.net.Socket.read")
async def socket_read(scope: Scope, socket: Instance) -> str:
    connection: Connection = scope.services.handles.get(socket.get("_handle"), SOCKET, scope.owner)
    with boundary(connection.subject):
        return await connection.read()


@sysop("baml.net.Socket.write")
async def socket_write(scope: Scope, socket: Instance, s: str) -> None:
    connection: Connection = scope.services.handles.get(socket.get("_handle"), SOCKET, scope.owner)
    with boundary(connection.subject):
        await connection.write(s)


@sysop("baml.net.Socket.close")
async def socket_close(scope: Scope, socket: Instance) -> None:
    close = scope.services.handles.close(socket.get("_handle"), SOCKET, scope.owner)
    closing = close() if close is not None else None
    if closing is not None:
        await closing


def _parse(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise invalid(f"not host:port: {address!r}")
    return host, int(port)
