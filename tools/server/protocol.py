"""The bounds of a connection that uvicorn leaves open, and its errors as JSON.

* The head of a request is bounded in bytes (431, 414) and in time (the connection is closed), so that a client that
  sends a byte a minute holds nothing.
* A reader that takes nothing for ``STALL_SECONDS`` while the socket is full is cut off: its call waits for it.
* What is no HTTP is answered with a JSON object, as every other error.
* A client that offers to go on in another protocol (Java's does, with HTTP/2) is served in this one, as section 7.8 of
  RFC 9110 has it.  llhttp would skip the body of its request, so that it is not shown the offer.
* A client that speaks HTTP/1.0 gets a stream that ends with its connection: chunks are HTTP/1.1's.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from bamlvm.tools.server.replies import encode

MAX_HEAD: Final = 64 * 1024
"""Bytes of a request's line and headers."""

MAX_URL: Final = 8 * 1024
"""Bytes of a request's target."""

HEAD_SECONDS: Final = 30.0
"""Time in which the head of a request must have arrived, from its connection or its first byte."""

STALL_SECONDS: Final = 60.0
"""Time for which a reader may take nothing."""


_END: Final = b"\r\n\r\n"
_OFFER: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_NO_OFFER: Final = b"\r\nx-offered:"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with bounds."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: int | None = 0  # how many bytes of the head have arrived; None while there is no head
        self._first = b""  # the head of the connection's first request, as far as it has arrived
        self._is_first = True
        self._cycles: list[RequestResponseCycle] = []
        self._refuses_next = False  # what follows the requests that are being answered is none
        self._refusal: dict[str, Any] | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: a head must come."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn's narrower type
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse a head that does not end."""
        if self.parser is None or self._refuses_next or self.transport.is_closing():
            return
        if self._head is not None:
            self._head += len(data)
        if self._is_first:
            self._first += data
            if _END not in self._first and len(self._first) <= MAX_HEAD and self._first[:1].isupper():
                return  # what begins otherwise is no request
            head, end, rest = self._first.partition(_END)
            data = b"".join((_OFFER.sub(_NO_OFFER, head), end, rest))
            self._is_first, self._first = False, b""
        super().data_received(data)
        if self._head is not None and self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse(431, "headers_too_large", f"the headers are larger than {MAX_HEAD:,} bytes")
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._head is None:
            self._head = 0
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to serve a request, if its head is within its bounds."""
        self._head = None
        if self._head_timer is not None:
            self._head_timer.cancel()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > MAX_URL:
            self._refuse(414, "uri_too_long", f"the URL is longer than {MAX_URL:,} bytes")
        elif size > MAX_HEAD:
            self._refuse(431, "headers_too_large", f"the headers are larger than {MAX_HEAD:,} bytes")
        if self._refusal is not None:
            raise ValueError("refused")  # which httptools reports as an error of its own
        super().on_headers_complete()
        self._cycles = [*self._unanswered(), self.cycle]
        if self.parser.get_http_version() == "1.0" and self.cycle is not None:
            # uvicorn would send chunks.  It sends bytes as they are where it counts them down from a stated length.
            self.cycle.chunked_encoding = False
            self.cycle.expected_content_length = UntilClosed()

    def send_400_response(self, msg: str) -> None:
        """Send the error that the connection ends with, behind the responses to the requests before it."""
        if self._refusal is None:
            self._refuse(400, "bad_request", "this is not a valid HTTP/1.1 request")
        assert self._refusal is not None
        waiting = self._unanswered()
        if any(not cycle.more_body for cycle in waiting):
            self._refuses_next = True
            return
        self._disconnect()  # a request whose own body cannot be read
        if any(cycle.response_started for cycle in waiting):
            self.transport.close()
            return
        status = self._refusal.pop("status")
        body = encode(self._refusal)
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Go on with the next request, or with what was none."""
        super().on_response_complete()
        if self._refuses_next and not self.transport.is_closing() and not self._unanswered():
            self._refuses_next = False
            self.send_400_response("")

    def pause_writing(self) -> None:
        """Wait for the reader, but not for ever."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        super().resume_writing()

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests that have not been answered wholly: several, if one came behind the other."""
        return [cycle for cycle in self._cycles if not cycle.response_complete]

    def _disconnect(self) -> None:
        """Let every request know that its client has left (uvicorn says so to the newest alone)."""
        for cycle in self._unanswered():
            cycle.disconnected = True  # what it sends from here on goes nowhere, and its call is cancelled
            cycle.message_event.set()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._head:
            self._refuse(408, "request_timeout", f"the headers did not arrive within {HEAD_SECONDS:g} s")
            self.send_400_response("")
        else:
            self.transport.close()

    def _refuse(self, status: int, error: str, message: str) -> None:
        self._refusal = {"status": status, "error": error, "message": message, "place": "request"}


class UntilClosed(int):
    """A length of a body that ends with its connection: whatever is taken from it, it is enough and all."""

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__

    def __sub__(self, other: int) -> UntilClosed:
        return self
