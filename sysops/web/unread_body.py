"""A response whose body is to be read: whole, in part for an error's message, or as a stream of events if it is one."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

import httpx

from bamlvm.sysops.errors import answered, boundary, http_status, network
from bamlvm.sysops.web.decoding import chunks_of
from bamlvm.sysops.web.exchange import Deadline, Exchange, described
from bamlvm.sysops.web.framing import EVENT_STREAM, FRAMINGS, media_type_of
from bamlvm.sysops.web.logs import about
from bamlvm.sysops.web.response import Response
from bamlvm.sysops.web.retry_after import retry_after_ms
from bamlvm.vm.values import Thrown

MAX_BODY: Final = 64 * 1024 * 1024
"""Longest body that :meth:`UnreadBody.text` reads, in bytes."""

LIMITED: Final = ", the limit that the runtime has for one response (max_bytes)"
"""What follows the figure in the error of a response that is too long."""

MAX_ERROR_BODY: Final = 64 * 1024
"""As much of an error's body is read, in bytes."""

CHARSETS: Final = frozenset(
    {
        *("utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii", "latin1", "latin-1"),
        *("big5", "gb2312", "gbk", "gb18030", "euc-jp", "shift-jis", "iso-2022-jp", "euc-kr", "koi8-r", "koi8-u"),
        *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),
        *(f"windows-125{part}" for part in range(9)),
    }
)
"""The character sets that a response may declare, those of the Encoding standard; any other is read as UTF-8.  Python's
registry has many that are none, some of which take time in the square of the text."""

_CHARSET: Final = re.compile(r"""(?i);\s*charset\s*=\s*["']?([a-z0-9_-]{1,40})""")
_LONGEST_TYPE: Final = 1000
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ERROR_BODY_SECONDS: Final = 5.0


def accepted_framing(exchange: Exchange) -> str:
    """Return the media type of the events that a request accepts."""
    accepted = media_type_of(exchange.headers.get("accept", EVENT_STREAM))
    return accepted if accepted in FRAMINGS else EVENT_STREAM


async def require_event_stream(response: Response, exchange: Exchange) -> None:
    """Check that a response is a stream of events, and close it if not.

    Raises :class:`Thrown` (``HttpStatus``, with the beginning of the body) for another status or content type.
    """
    expected = accepted_framing(exchange)
    content_type = media_type_of(response.headers.get("content-type", expected))
    if response.is_success and content_type == expected:
        return
    status = response.status_code
    note = answered(exchange.subject, status, response.reason_phrase, response.headers)
    if response.is_success:
        note += f" with {content_type or 'no content type'} where {expected} was expected"
        if content_type == "application/json":  # a whole completion: the server does not stream
            note += " (an LLM client whose server does not stream needs the option supports_streaming false)"
    with about(exchange.subject):
        body = await _beginning(response, exchange)
    raise http_status(exchange.subject, status, note, body, retry_after_ms(response.headers, time.time()))


class UnreadBody:
    """The body of a response that is to be read whole, or for an error's message in part."""

    def __init__(self, response: Response, exchange: Exchange, limit: int = MAX_BODY) -> None:
        self._response = response
        self._exchange = exchange
        self._limit = limit

    def text_at_once(self) -> str | None:
        """Return the text, as :meth:`text` does, if all of the body has come already, else None."""
        response = self._response
        if response.body is None or "content-encoding" in response.headers:
            return None
        content = response.body.whole()
        if content is None:
            return None
        if len(content) > self._limit:
            raise network(f"the body is longer than {self._limit} bytes{LIMITED}", self._exchange.subject)
        self._exchange.clocks.arrived(self._exchange.subject.monotonic())
        if self._exchange.trace is not None:
            self._exchange.trace(f"ended after {len(content)} bytes")
        return _decoded(response, content)

    async def text(self) -> str:
        """Read the body and close the response.  Return it decoded by its declared character set, else as UTF-8.

        Raises :class:`Thrown` (``Network``, ``Timeout``).
        """
        content = bytearray()
        exchange = self._exchange
        try:
            with boundary(exchange.subject), about(exchange.subject):
                async with Deadline(exchange) as guard, chunks_of(self._response) as chunks:
                    async for chunk in chunks:
                        content += chunk
                        if len(content) > self._limit:
                            raise network(f"the body is longer than {self._limit} bytes{LIMITED}", exchange.subject)
                        exchange.clocks.arrived(exchange.subject.monotonic())
                        guard.reschedule()
        except BaseException as error:
            if exchange.trace is not None:
                exchange.trace(f"failed after {len(content)} bytes: {described(error)}")
            if isinstance(error, Thrown) and error.class_name == "baml.errors.StreamTruncated":
                raise network("the connection ended inside the body", exchange.subject) from error
            raise
        finally:
            await self._response.aclose()
        if exchange.trace is not None:
            exchange.trace(f"ended after {len(content)} bytes")
        return _decoded(self._response, bytes(content))

    async def beginning(self) -> str:
        """Read as much as explains an error (:data:`MAX_ERROR_BODY`, and what comes soon), and close the response."""
        with about(self._exchange.subject):
            return await _beginning(self._response, self._exchange)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._response.aclose()


async def _beginning(response: Response, exchange: Exchange) -> str:
    """Read as much of an error's body as comes soon and fits, and close the response."""
    content = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_SECONDS), Deadline(exchange), chunks_of(response) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) >= MAX_ERROR_BODY:
                    break
    except (TimeoutError, httpx.HTTPError, Thrown):
        pass  # the status says what went wrong; the body was only to explain it
    finally:
        await response.aclose()
    return _decoded(response, bytes(content[:MAX_ERROR_BODY]))


def _decoded(response: Response, content: bytes) -> str:
    declared = _CHARSET.search(response.headers.get("content-type", "")[:_LONGEST_TYPE])
    name = "utf-8" if declared is None else declared[1].lower().replace("_", "-")
    text = content.decode(name if name in CHARSETS else "utf-8", "replace")
    return _SURROGATES.sub("\ufffd", text) if name.startswith("utf-16") else text
