"""The transport: httpx's interface over the pool.

A request is sent again, once and over a new connection, only if all of this holds:

* it went out over a connection that had served before, and not a byte of a response came: the server may have closed
  the idle connection at that moment;
* sending it twice is harmless: its method is idempotent or it has an ``Idempotency-Key`` (RFC 9110, section 9.2.2), or
  the server cannot have taken it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Final

import httpx

from bamlvm.sysops.web.transport.body import EXTENSION, Body
from bamlvm.sysops.web.transport.connection import Connection, LostError
from bamlvm.sysops.web.transport.dialling import Guard
from bamlvm.sysops.web.transport.headers import is_field_value, is_target, is_token
from bamlvm.sysops.web.transport.pool import Origin, Pool
from bamlvm.sysops.web.transport.response_reader import ResponseReader

_PORTS: Final = {"http": 80, "https": 443}
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
_ALWAYS_FRAMED: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods that say how long their body is even where it is empty (RFC 9110, section 8.6)."""


class RequestHead:
    """The head of a request, as it goes over the wire; many requests that differ in their body may have the same.

    ``origin`` is where it goes.  Raises :class:`httpx.UnsupportedProtocol`, and :class:`httpx.LocalProtocolError` for
    a request that is malformed.
    """

    __slots__ = ("_always_framed", "_declared", "_lines", "head_only", "is_last", "is_repeatable", "origin")

    def __init__(self, method: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.origin = _origin(url)
        self.head_only = method == "HEAD"
        self.is_last = False
        self.is_repeatable = method in _IDEMPOTENT
        self._always_framed = method in _ALWAYS_FRAMED
        self._declared: bytes | None = None  # the length that the headers say
        encoded, target = method.encode("ascii", "replace"), url.raw_path
        if not is_token(encoded):
            raise httpx.LocalProtocolError(f"not a method: {method!r}")
        if not is_target(target):
            raise httpx.LocalProtocolError("the URL's path has characters that cannot be sent")
        lines = [b"%b %b HTTP/1.1" % (encoded, target)]
        for name, value in headers:
            if not is_token(name):
                raise httpx.LocalProtocolError(f"not the name of a header: {name!r}")
            if not is_field_value(value):
                raise httpx.LocalProtocolError(f"the header {name!r} has a character in its value that cannot be sent")
            lowered = name.lower()
            if lowered == b"transfer-encoding":  # the body is in memory and goes with its length
                continue
            if lowered == b"content-length":
                if self._declared is not None:
                    raise httpx.LocalProtocolError("the header content-length is there twice")
                self._declared = value
                continue
            if lowered == b"connection":
                self.is_last = self.is_last or value.lower() == b"close"
            elif lowered == b"idempotency-key":
                self.is_repeatable = True
            lines.append(b"%b: %b" % (name, value))
        self._lines = b"\r\n".join((*lines, b""))

    def message(self, content: bytes) -> bytes:
        """Return the whole request.  Raise :class:`httpx.LocalProtocolError` if its headers say another length."""
        length = b"%d" % len(content)
        if self._declared is not None and self._declared != length:
            raise httpx.LocalProtocolError("the header content-length is not the length of the body")
        if not content and not self._always_framed and self._declared is None:
            return self._lines + b"\r\n"
        return b"%bcontent-length: %b\r\n\r\n%b" % (self._lines, length, content)


class Transport(httpx.AsyncBaseTransport):
    """HTTP/1.1 for the event loop that it is first used on.

    Of a request's timeouts only ``connect`` holds; how long to wait for a response is the reader's decision.  TLS is
    always verified, with the context that ``tls`` returns (httpx's default: certifi's roots, or ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR``).  Request bodies are read into memory.  A ``guard`` is asked for every connection.
    """

    def __init__(
        self, tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context, guard: Guard | None = None
    ) -> None:
        self._pool = Pool(tls, guard)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the head of its response, whose body is the caller's to close.

        Raises :class:`httpx.TransportError`: ``ConnectError``, ``ConnectTimeout``, ``ReadError``,
        ``RemoteProtocolError``, ``LocalProtocolError``, ``UnsupportedProtocol``.
        """
        head = RequestHead(request.method, request.url, request.headers.raw)
        seconds = request.extensions.get("timeout", {}).get("connect")
        return _response(*await self.exchange(head, await request.aread(), seconds))

    async def exchange(
        self,
        head: RequestHead,
        content: bytes,
        connect_seconds: float | None,
        opened: Callable[[float], None] | None = None,
    ) -> tuple[ResponseReader, Body]:
        """Send a request; return the head of its response and the body, which is the caller's to close.

        ``connect_seconds`` bounds the opening of a connection, and ``opened`` hears how long that took, if there was
        none.  Raises as :meth:`handle_async_request` does.
        """
        message = head.message(content)
        connection = self._pool.take(head.origin)
        if connection is None:
            connection = await self._connect(head.origin, connect_seconds, opened)
        try:
            return await connection.exchange(message, head.head_only, head.is_last)
        except LostError as lost:
            if not connection.served or not (lost.untaken or head.is_repeatable):
                raise lost.error from None
            connection = await self._connect(head.origin, connect_seconds, opened)
            try:
                return await connection.exchange(message, head.head_only, head.is_last)
            except LostError as again:
                raise again.error from None

    async def _connect(
        self, origin: Origin, seconds: float | None, opened: Callable[[float], None] | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        connection = await self._pool.connect(origin, seconds)
        if opened is not None:
            opened(loop.time() - began)
        return connection

    @property
    def connections(self) -> int:
        """The number of open connections, idle or in use."""
        return self._pool.open

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


def _origin(url: httpx.URL) -> Origin:
    default = _PORTS.get(url.scheme)
    if default is None:
        raise httpx.UnsupportedProtocol(f"the scheme must be http or https, not {url.scheme!r}")
    return url.scheme == "https", url.raw_host.decode("ascii"), url.port or default


def _response(reader: ResponseReader, body: Body) -> httpx.Response:
    extensions = {"http_version": reader.version, "reason_phrase": reader.reason, EXTENSION: body}
    return httpx.Response(reader.status, headers=reader.headers, stream=body, extensions=extensions)
