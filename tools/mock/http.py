"""HTTP/1.1 as far as the mock server needs it: bytes in, :class:`Request` objects out.  The syntax is llhttp's
(``httptools``).

Requests larger than the limits below are refused, so that a client that has gone wrong cannot fill the memory of the
process that hosts the server.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import httptools

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_READ_BYTES = 64 * 1024


class BadRequestError(Exception):
    """The client broke HTTP or a limit; the connection is answered with 400 and closed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.  Header names are lower case; the values of a repeated header are joined with commas.

    ``target`` is the request target as sent; ``path`` (percent-decoded) and ``query`` are its parts.  ``keeps_alive``
    is whether the client will use the connection again.  ``function`` is the LLM function that sends the request, which
    only a transport in the same process knows.
    """

    method: str
    target: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keeps_alive: bool
    function: str = ""

    def json(self) -> Any:
        """Return the body as JSON; raise :class:`ValueError` if it is not JSON."""
        return json.loads(self.body)


class RequestReader:
    """The requests of one connection, in order.  The ``on_…`` methods are llhttp's callbacks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = httptools.HttpRequestParser(self)
        self._complete: deque[Request] = deque()
        self._head_bytes = 0
        self.on_message_begin()

    async def next(self) -> Request | None:
        """Return the next request, or None when the client has closed the connection.

        Raises :class:`BadRequestError`, and :class:`ConnectionError` if the connection breaks.
        """
        while not self._complete:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                return None
            self._feed(data)
        return self._complete.popleft()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # llhttp stops before the body of such a request
            raise BadRequestError("an upgrade to another protocol is not supported") from None
        except httptools.HttpParserError as error:
            raise BadRequestError(f"not an HTTP request: {error}") from None
        # A read is small, so checking once after each one bounds well enough what is kept.
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            raise BadRequestError(f"the request's head is larger than {MAX_HEAD_BYTES} bytes")
        if len(self._body) > MAX_BODY_BYTES:
            raise BadRequestError(f"the request's body is larger than {MAX_BODY_BYTES} bytes")

    def on_message_begin(self) -> None:
        self._in_head = True
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        target = self._target.decode("latin-1")
        parts = urlsplit(target)
        self._complete.append(
            Request(
                method=self._parser.get_method().decode("latin-1"),
                target=target,
                path=unquote(parts.path),
                query=parts.query,
                headers=self._headers,
                body=bytes(self._body),
                keeps_alive=self._parser.should_keep_alive(),
            )
        )
