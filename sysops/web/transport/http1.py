"""The transport: httpx's interface over the pool.

A request is sent again, once and over a new connection, only if all of this holds:

* it went out over a connection that had served before, and not a byte of a response came: the server may have closed
  the idle connection at that moment;
* sending it twice is harmless: its method is idempotent or it has an ``Idempotency-Key`` (RFC 9110, section 9.2.2), or
  the server cannot have taken it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
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
        origin = _origin(request.url)
        message = _message(request, await request.aread())
        head_only, is_last = request.method == "HEAD", request.headers.get("connection", "").lower() == "close"
        connection = self._pool.take(origin)
        if connection is None:
            connection = await self._connect(origin, request)
        try:
            reader, body = await connection.exchange(message, head_only, is_last)
        except LostError as lost:
            if not connection.served or not (lost.untaken or _repeatable(request)):
                raise lost.error from None
            connection = await self._connect(origin, request)
            try:
                reader, body = await connection.exchange(message, head_only, is_last)
            except LostError as again:
                raise again.error from None
        return _response(reader, body)

    @property
    def connections(self) -> int:
        """The number of open connections, idle or in use."""
        return self._pool.open

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _connect(self, origin: Origin, request: httpx.Request) -> Connection:
        return await self._pool.connect(origin, request.extensions.get("timeout", {}).get("connect"))


def _origin(url: httpx.URL) -> Origin:
    default = _PORTS.get(url.scheme)
    if default is None:
        raise httpx.UnsupportedProtocol(f"the scheme must be http or https, not {url.scheme!r}")
    return url.scheme == "https", url.raw_host.decode("ascii"), url.port or default


def _message(request: httpx.Request, content: bytes) -> bytes:
    """Return a request as it goes over the wire.  Raise :class:`httpx.LocalProtocolError` if it is malformed."""
    method, target = request.method.encode("ascii", "replace"), request.url.raw_path
    if not is_token(method):
        raise httpx.LocalProtocolError(f"not a method: {request.method!r}")
    if not is_target(target):
        raise httpx.LocalProtocolError("the URL's path has characters that cannot be sent")
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    framed = False
    for name, value in request.headers.raw:
        if not is_token(name):
            raise httpx.LocalProtocolError(f"not the name of a header: {name!r}")
        if not is_field_value(value):
            raise httpx.LocalProtocolError(f"the header {name!r} has a character in its value that cannot be sent")
        lowered = name.lower()
        if lowered == b"transfer-encoding":  # the body is in memory and goes with its length
            continue
        if lowered == b"content-length":
            if framed or value != b"%d" % len(content):
                raise httpx.LocalProtocolError("the header content-length is not the length of the body")
            framed = True
        lines.append(b"%b: %b" % (name, value))
    if content and not framed:
        lines.append(b"content-length: %d" % len(content))
    return b"\r\n".join((*lines, b"", content))


def _repeatable(request: httpx.Request) -> bool:
    return request.method in _IDEMPOTENT or "idempotency-key" in request.headers


def _response(reader: ResponseReader, body: Body) -> httpx.Response:
    extensions = {"http_version": reader.version, "reason_phrase": reader.reason, EXTENSION: body}
    return httpx.Response(reader.status, headers=reader.headers, stream=body, extensions=extensions)
