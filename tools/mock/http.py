"""HTTP/1.1 as far as the mock server needs it: bytes in, one :class:`Request` out (RFC 9112, sections 3 to 7).

Bodies come with a length or chunked.  Requests larger than the limits below are refused, so that a client that has gone
wrong cannot fill the memory of the process that hosts the server.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


class BadRequestError(Exception):
    """The bytes are no HTTP request that this server reads; the connection is answered with 400 and closed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.  Header names are lower case; of a repeated header the values are joined with a comma."""

    method: str
    target: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises :class:`ValueError` if it is none."""
        return json.loads(self.body)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to use the connection again."""
        return "close" not in self.headers.get("connection", "").lower()


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, None when the client has closed it between two requests.

    Raises :class:`BadRequestError` for what is not HTTP or too large, and :class:`asyncio.IncompleteReadError` or
    :class:`ConnectionError` when the client leaves in the middle of one.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial.strip():
            return None
        raise
    except asyncio.LimitOverrunError:
        raise BadRequestError(f"the request's head is larger than {MAX_HEAD_BYTES} bytes") from None
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(f"not a request line: {request_line[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(f"not a header line: {line[:80]!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts = urlsplit(words[1])
    body = await _read_body(reader, headers)
    return Request(words[0], words[1], unquote(parts.path), parts.query, headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunked(reader)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError(f"not a content length: {length[:40]!r}")
    if int(length) > MAX_BODY_BYTES:
        raise BadRequestError(f"a body of {length} bytes is larger than {MAX_BODY_BYTES}")
    return await reader.readexactly(int(length))


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0].strip(), 16)
        except ValueError:
            raise BadRequestError(f"not a chunk size: {line[:40]!r}") from None
        if size < 0 or len(body) + size > MAX_BODY_BYTES:
            raise BadRequestError(f"a chunked body is larger than {MAX_BODY_BYTES} bytes")
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
            return bytes(body)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequestError("a chunk does not end where its size says")
