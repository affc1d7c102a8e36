"""What the transport's tests share: a context that trusts the tests' authority, responses, and servers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

CERTIFICATES = Path(__file__).parent / "certificates"


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


KEEP = {"x-keep": "1"}


def trusting() -> ssl.SSLContext:
    """A context that trusts the tests' own authority."""
    return ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")


def sends(*parts: bytes) -> Any:
    async def handler(exchange: Any) -> None:
        await exchange.send(*parts)

    return handler


class Received:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[Exception | None] = []
        self.done = asyncio.Event()

    def body_received(self, data: bytes) -> None:
        assert not self.ends
        self.pieces.append(data)

    def body_ended(self, error: Exception | None) -> None:
        self.ends.append(error)
        self.done.set()


@contextlib.asynccontextmanager
async def tls_server(answer: bytes = OK, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server with the tests' certificate, for ``localhost`` and 127.0.0.1; its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    open_now: set[asyncio.StreamWriter] = set()
    idle = asyncio.Event()
    idle.set()

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        idle.clear()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
        open_now.discard(writer)
        writer.close()
        if not open_now:
            idle.set()

    server = await asyncio.start_server(answer_all, address, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(60):
            await idle.wait()


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event]]:
    """Accepts and says nothing: its port, and events for an accepted and for a closed connection."""
    accepted, closed = asyncio.Event(), asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], accepted, closed
