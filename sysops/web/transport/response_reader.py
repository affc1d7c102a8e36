"""Answers, sans-IO: bytes in; status, headers and body out.  The syntax is llhttp's (``httptools``), in strict mode.

What llhttp leaves to its user is here: interim answers (1xx) are skipped, an answer to HEAD has no body, the head's
size is bounded, and what the end of the connection means depends on how the body is framed (RFC 9112, section 6.3):

* by ``Content-Length`` or ``Transfer-Encoding: chunked``: the body is cut short;
* by neither: the body is complete;
* before the head is complete: there is no answer.
"""

from __future__ import annotations

import re
from typing import Final

import httptools

from bamlvm.sysops.errors import INCOMPLETE_BODY

MAX_HEAD: Final = 128 * 1024
"""Most bytes of a head, and most bytes of framing (chunk extensions, trailers) without a byte of body."""

_INTERIM: Final = range(100, 200)
_SWITCHING: Final = 101
_TIMEOUT: Final = re.compile(rb"(?i)\btimeout=(\d{1,6})\b")


class AnswerReader:
    """One answer.  ``head_only`` says that the request was a HEAD.

    ``started`` is whether any byte came; ``has_head`` whether status, reason and headers are known; ``complete``
    whether the body has ended; ``reusable`` whether the connection can serve another request after that.  ``failure``
    says how the peer broke the protocol: nothing more can be read then.  ``rest_seconds`` is how long the server said
    (``Keep-Alive: timeout=…``) it keeps a connection that is at rest.
    """

    __slots__ = (
        "_framed",
        "_framing",
        "_head_bytes",
        "_head_only",
        "_interim",
        "_parser",
        "_parts",
        "complete",
        "failure",
        "has_head",
        "headers",
        "reason",
        "rest_seconds",
        "reusable",
        "started",
        "status",
        "version",
    )

    def __init__(self, head_only: bool = False) -> None:
        self.started = False
        self.has_head = False
        self.complete = False
        self.reusable = False
        self.failure: str | None = None
        self.rest_seconds: int | None = None
        self.status = 0
        self.reason = b""
        self.version = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._head_only = head_only
        self._parts: list[bytes] = []
        self._framed = False  # whether the body says itself where it ends
        self._interim = False
        self._head_bytes = 0
        self._framing = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes | memoryview) -> bytes:
        """The body bytes in ``data``; also where it breaks off (see ``failure``) or completes the answer."""
        self.started = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self._stopped(error.__context__ or error)
        except httptools.HttpParserError as error:
            self._stopped(error)
        if self.complete or self.failure is not None:
            del self._parser  # which knows this reader: a cycle
        parts = self._parts
        if parts:
            self._parts = []
            self._framing = 0
            return parts[0] if len(parts) == 1 else b"".join(parts)
        self._framing += len(data)
        if self._framing > MAX_HEAD and not self.complete and self.failure is None:
            self.failure = f"more than {MAX_HEAD} bytes of headers or framing without a byte of body"
        return b""

    def end(self) -> None:
        """The peer has ended the connection; ``complete`` or ``failure`` is set afterwards."""
        if self.complete or self.failure is not None:
            return
        if not self.has_head:
            self.failure = "the server closed the connection without sending " + (
                "a whole answer" if self.started else "an answer"
            )
        elif self._framed:
            self.failure = INCOMPLETE_BODY
        else:
            self.complete = True

    # --- llhttp's callbacks -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise _UnaskedError

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:  # a trailer
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD:
            raise _BreachError(f"more than {MAX_HEAD} bytes of headers")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == _SWITCHING:
            raise _BreachError("the server switched to another protocol, which nobody asked for")
        if status in _INTERIM:
            self._interim = True
            self.headers.clear()
            self.reason = b""
            return
        self.status = status
        self.version = b"HTTP/" + self._parser.get_http_version().encode("ascii")
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == b"content-length":
                self._framed = True
            elif lowered == b"transfer-encoding":
                if value.strip().lower() != b"chunked":
                    raise _BreachError("a transfer coding that was not asked for: " + ascii(value.decode("latin-1")))
                self._framed = True
            elif lowered == b"keep-alive" and (found := _TIMEOUT.search(value)):
                self.rest_seconds = int(found[1])
        self.has_head = True
        if self._head_only:
            self.complete = True
            raise _UnaskedError

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self.complete = True
        self.reusable = self._parser.should_keep_alive()

    def _stopped(self, error: BaseException) -> None:
        if self.complete:  # whatever follows the answer was not asked for
            self.reusable = False
        elif isinstance(error, (_BreachError, httptools.HttpParserError)):
            self.failure = str(error) or "malformed HTTP"
        else:
            raise error


class _BreachError(Exception):
    """The peer did what this client does not take."""


class _UnaskedError(Exception):
    """Bytes after the end of the answer."""
