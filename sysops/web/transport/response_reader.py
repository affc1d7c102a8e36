"""Responses, sans-IO: bytes in; status, headers and body out.  The syntax is llhttp's (``httptools``), in strict mode.

The module adds what llhttp leaves to its user: interim responses (1xx) are skipped, a response to HEAD has no body, the
size of the head is bounded, versions other than 1.0 and 1.1 are refused, and the end of the connection means what the
framing of the body says (RFC 9112, section 6.3):

* ``Content-Length`` or ``Transfer-Encoding: chunked``: the body is cut short;
* neither of them: the body is complete;
* before the head is complete: there is no response.
"""

from __future__ import annotations

import re
from typing import Any, Final

import httptools

MAX_HEAD: Final = 128 * 1024
"""Most bytes of a head, and most bytes of framing (chunk extensions, trailers) without a byte of body."""

INCOMPLETE_BODY: Final = "peer closed connection without sending complete message body"
"""The error of a body that is cut short, in the words of h11 and so of httpx's own transport."""

_OPENING: Final = 24
"""Bytes that are shown of a response that is not HTTP."""

_VERSIONS: Final = ("1.0", "1.1")
_INTERIM: Final = range(100, 200)
_SWITCHING: Final = 101
_TIMEOUT: Final = re.compile(rb"(?i)\btimeout=(\d{1,6})\b")


class Parser:
    """llhttp, which reads the responses of a connection one after another and tells the ``reader`` of each.

    It takes longer to make than a response takes to read.  It may serve another reader only after a response that has
    ended where its bytes did: after one that is :attr:`~ResponseReader.reusable`.
    """

    __slots__ = ("llhttp", "reader")

    def __init__(self) -> None:
        self.reader: Any = None
        self.llhttp: Any = httptools.HttpResponseParser(self)

    def let_go(self) -> None:
        """Let go of llhttp, which refers to this object; nothing may be read after that."""
        self.llhttp = None

    def on_message_begin(self) -> None:
        self.reader.on_message_begin()

    def on_status(self, reason: bytes) -> None:
        self.reader.on_status(reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        self.reader.on_headers_complete()

    def on_body(self, data: bytes) -> None:
        self.reader.on_body(data)

    def on_message_complete(self) -> None:
        self.reader.on_message_complete()


class ResponseReader:
    """One response.  ``head_only`` says that the request was a HEAD; without a ``parser`` it has one of its own.

    ``started`` is whether any byte came; ``has_head`` whether status, reason and headers are known; ``complete``
    whether the body has ended; ``reusable`` whether the connection can serve another request after that.  ``failure``
    says how the peer broke the protocol: nothing more can be read then.  ``keep_alive_seconds`` is how long the server
    keeps an idle connection, if it says so (``Keep-Alive: timeout=…``).
    """

    __slots__ = (
        "_framed",
        "_framing",
        "_head_bytes",
        "_head_only",
        "_interim",
        "_is_own",
        "_opening",
        "_parser",
        "_parts",
        "complete",
        "failure",
        "has_head",
        "headers",
        "keep_alive_seconds",
        "reason",
        "reusable",
        "started",
        "status",
        "version",
    )

    def __init__(self, head_only: bool = False, parser: Parser | None = None) -> None:
        self.started = False
        self.has_head = False
        self.complete = False
        self.reusable = False
        self.failure: str | None = None
        self.keep_alive_seconds: int | None = None
        self.status = 0
        self.reason = b""
        self.version = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._head_only = head_only
        self._parts: list[bytes] = []
        self._framed = False  # whether the head says where the body ends
        self._interim = False
        self._opening = b""
        self._head_bytes = 0
        self._framing = 0
        self._is_own = parser is None
        self._parser: Any = Parser() if parser is None else parser
        self._parser.reader = self

    def let_go(self) -> None:
        """Let go of the parser, which refers to this reader; nothing may be fed after that."""
        parser, self._parser = self._parser, None
        if parser is not None:
            parser.reader = None
            if self._is_own:
                parser.let_go()

    def feed(self, data: bytes | memoryview) -> bytes:
        """Return the bytes of the body in ``data``.

        They are returned also where ``data`` ends the response (``complete``) or breaks the protocol (``failure``);
        nothing may be fed after either.
        """
        if not self.started:
            self.started = True
            self._opening = bytes(data[:_OPENING])
        try:
            self._parser.llhttp.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self._stopped(error.__context__ or error)  # httptools wraps what a callback raises
        except httptools.HttpParserError as error:
            self._stopped(error)
        if self.complete or self.failure is not None:
            self.let_go()
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
        """Take the end of the connection; ``complete`` or ``failure`` is set afterwards."""
        if self.complete or self.failure is not None:
            return
        if not self.has_head:
            self.failure = "the server closed the connection without sending " + (
                "a whole response" if self.started else "a response"
            )
        elif self._framed:
            self.failure = INCOMPLETE_BODY
        else:
            self.complete = True

    # --- what llhttp finds -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise _EndOfResponse

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
        status = self._parser.llhttp.get_status_code()
        if status == _SWITCHING:
            raise _BreachError("the server switched to another protocol, which was not requested")
        if status in _INTERIM:
            self._interim = True
            self.headers.clear()
            self.reason = b""
            return
        version = self._parser.llhttp.get_http_version()
        if version not in _VERSIONS:
            raise _BreachError(f"the response is HTTP/{version}, which was not requested")
        self.status = status
        self.version = b"HTTP/" + version.encode("ascii")
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == b"content-length":
                self._framed = True
            elif lowered == b"transfer-encoding":
                if value.strip().lower() != b"chunked":
                    raise _BreachError("a transfer coding that was not requested: " + ascii(value.decode("latin-1")))
                self._framed = True
            elif lowered == b"keep-alive" and (found := _TIMEOUT.search(value)):
                self.keep_alive_seconds = int(found[1])
        self.has_head = True
        if self._head_only:
            self.complete = True
            raise _EndOfResponse

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self.complete = True
        self.reusable = self._parser.llhttp.should_keep_alive()

    def _stopped(self, error: BaseException) -> None:
        if self.complete:  # bytes after the response: the connection is out of step
            self.reusable = False
        elif isinstance(error, (_BreachError, httptools.HttpParserError)):
            foreign = None if self.has_head else _foreign(self._opening)
            self.failure = foreign or str(error) or "malformed HTTP"
        else:
            raise error


def _foreign(opening: bytes) -> str | None:
    """Return what the first bytes of a response are if they are not HTTP/1's, else None."""
    if b"HTTP/".startswith(opening[:5]):
        return None
    if opening[:2] in (b"\x15\x03", b"\x16\x03"):
        return "the server speaks TLS: is https meant?"
    if opening.startswith(b"PRI * HTTP/2") or (opening[3:4] == b"\x04" and opening[5:9] == bytes(4)):
        return "the server speaks HTTP/2, which was not requested"
    return f"the response is not HTTP/1.1: it begins with {opening.decode('latin-1')!a}"


class _BreachError(Exception):
    """The peer broke a rule that llhttp does not check."""


class _EndOfResponse(Exception):  # noqa: N818 (a signal, not an error)
    """Bytes after the end of the response: stops llhttp, which would read them as the next one."""
