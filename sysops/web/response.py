"""A response as its readers know it: status and headers, and a body that is still to be read.

Responses of our own transport are made here at once.  httpx's, with all that they can do besides (decoding, cookies,
redirects, encodings of headers), are made by any other transport, a host's or httpx's own, and converted here, so that
readers know only one kind.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol, cast

import httpx

from bamlvm.sysops.web.transport.body import EXTENSION, Body
from bamlvm.sysops.web.transport.response_reader import ResponseReader


class Stream(Protocol):
    """A body as it comes.  It is iterated over once, and closed by its owner, whatever was read of it."""

    def __aiter__(self) -> AsyncGenerator[bytes, None]: ...

    async def aclose(self) -> None: ...


class Response:
    """The head of a response, and its body, which the owner of the response closes.

    ``headers`` are by name in lower case, the values of one name joined by commas (RFC 9110, section 5.2).  ``body`` is
    that of our own transport, for readers that are its receivers; None if it has none, or is to be read by ``stream``.
    """

    __slots__ = ("body", "headers", "reason_phrase", "status_code", "stream", "url")

    def __init__(
        self,
        status_code: int,
        reason_phrase: str,
        headers: dict[str, str],
        url: str,
        stream: Stream,
        body: Body | None = None,
    ) -> None:
        self.status_code = status_code
        self.reason_phrase = reason_phrase
        self.headers = headers
        self.url = url
        self.stream = stream
        self.body = body

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 2xx."""
        return 200 <= self.status_code < 300

    async def aclose(self) -> None:
        """Close the connection, unless the body has been read whole."""
        await self.stream.aclose()


def read_response(reader: ResponseReader, body: Body, url: str) -> Response:
    """Return a response of our own transport."""
    reason = reader.reason.decode("ascii", "ignore")
    return Response(reader.status, reason, _joined(_decoded(reader.headers)), url, body, body)


def converted(response: httpx.Response, url: str) -> Response:
    """Return the response of a foreign transport to a request of ``url``.

    Raises :class:`TypeError` if its body cannot be awaited.
    """
    headers, stream, body = _joined(response.headers.multi_items()), response.stream, None
    source: Stream
    if response.is_stream_consumed:  # it was made with its content, which httpx has decoded
        headers.pop("content-encoding", None)
        source = Whole(response.content)
    elif isinstance(stream, httpx.AsyncByteStream):
        source = _Foreign(response)
        body = response.extensions.get(EXTENSION)
    else:
        raise TypeError(f"the transport's response has a {type(stream).__name__}, which cannot be awaited")
    return Response(response.status_code, response.reason_phrase, headers, url, source, body)


class Whole:
    """A body that is there already, in pieces."""

    _PIECE = 64 * 1024

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(self._content), self._PIECE):
            yield self._content[start : start + self._PIECE]

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


class _Foreign:
    """The body of a response of httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        # It returns a generator, but is declared as an iterator.
        return cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())

    async def aclose(self) -> None:
        await self._response.aclose()


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text: UTF-8 if they are, else Latin-1, as httpx has them."""
    try:
        return [(name.decode().lower(), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        before = found.get(name)
        found[name] = value if before is None else f"{before}, {value}"
    return found
