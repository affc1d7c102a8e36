"""HTTP exchanges over httpx: a request made ready, sent, and its response read whole.

Two rules hold everywhere.  Whatever is awaited ends by itself at the deadline of the exchange's clocks.  And a
cancellation closes the connection: an open response has one owner, the function that opens it, an
:class:`UnreadBody`, or a :class:`bamlvm.sysops.web.event_stream.EventStream`, which closes it.

What happens is reported to the trace's ``http`` category, one line an event, numbered by exchange; no line holds a
header, a body or a credential.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from bamlvm.sysops.errors import Clock, Subject, answered, boundary, http_status, invalid, network, timed_out
from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.redaction import Secrets, redacted_url
from bamlvm.sysops.tracing import Writer
from bamlvm.sysops.web.clients import Client, Outgoing
from bamlvm.sysops.web.clocks import Clocks
from bamlvm.sysops.web.decoding import chunks_of
from bamlvm.sysops.web.framing import EVENT_STREAM, FRAMINGS, media_type_of
from bamlvm.sysops.web.logs import about
from bamlvm.sysops.web.response import Response, converted
from bamlvm.sysops.web.retry_after import retry_after_ms
from bamlvm.sysops.web.transport.headers import is_field_value, is_token
from bamlvm.vm.values import Thrown

MAX_BODY: Final = 64 * 1024 * 1024
"""Longest body that :meth:`UnreadBody.text` reads, in bytes."""

LIMITED: Final = ", the limit that the runtime has for one response (max_bytes)"
"""What follows the figure in the error of a response that is too long."""

MAX_ERROR_BODY: Final = 64 * 1024
"""As much of an error's body is read, in bytes."""

CHARSETS: Final = frozenset(
    {
        *(
            "utf-8",
            "utf8",
            "us-ascii",
            "ascii",
            "utf-16",
            "utf-16le",
            "utf-16be",
            "big5",
            "euc-jp",
            "euc-kr",
            "gb18030",
        ),
        *("gb2312", "gbk", "koi8-r", "koi8-u", "latin1", "latin-1", "shift-jis", "iso-2022-jp"),
        *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),
        *(f"windows-125{part}" for part in range(9)),
    }
)
"""The character sets that a response may declare, those of the Encoding standard; any other is read as UTF-8.  Python's
registry has many that are none, some of which take time in the square of the text."""

MAX_REDIRECTS: Final = 10

_CHARSET: Final = re.compile(r"""(?i);\s*charset\s*=\s*["']?([a-z0-9_-]{1,40})""")
_LONGEST_TYPE: Final = 1000
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ERROR_BODY_SECONDS: Final = 5.0
_KEPT_ON_REDIRECT: Final = ("accept", "accept-encoding", "accept-language", "user-agent")
_NOT_IN_A_HOST: Final = re.compile(r"[\s\x00-\x20\x7f\"%<>\\^`{|}]")
_NUMBERS: Final = itertools.count(1)  # of traced exchanges, so that concurrent ones can be distinguished


# --- before it is sent ------------------------------------------------------------------------------------------------


class Exchange(msgspec.Struct, frozen=True, eq=False):
    """A request about to be sent, the subject of its errors, and its clocks, which run already.

    ``trace`` takes the exchange's lines of the trace, without a number; None where nothing is traced.  ``attempt`` is
    the record of the attempt that the request belongs to, None outside one, and ``others`` are secrets that may be
    anywhere in the request: both travel in its extensions.
    """

    outgoing: Outgoing
    body: bytes
    subject: Subject
    clocks: Clocks
    trace: Writer | None = None
    attempt: AttemptRecord | None = None
    others: tuple[str, ...] = ()

    def __repr__(self) -> str:  # without the request, which holds keys
        return f"<exchange {self.subject.action}>"

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return self.outgoing.method

    @property
    def url(self) -> str:
        """The URL, without user and password."""
        return self.outgoing.url

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in lower case."""
        return self.outgoing.headers


def prepare(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: str,
    limits: Mapping[Clock, int],
    *,
    streams: bool = False,
    trace: Writer | None = None,
    attempt: AttemptRecord | None = None,
    others: tuple[str, ...] = (),
    monotonic: Callable[[], float] = time.monotonic,
) -> Exchange:
    """Check a request and start its clocks.

    ``limits`` has the milliseconds of the clocks that run; ``streams`` says that events are expected:
    server-sent ones, unless the header ``accept`` names another framing; ``monotonic`` reads the clocks' seconds.
    Raises :class:`Thrown` (``InvalidArgument``) for a URL or a header that cannot be sent.
    """
    action, outgoing = _outgoing(method, url, tuple(headers.items()), streams)
    if others:
        action = Secrets(others).hide(action)
    started = monotonic()
    subject = Subject(
        action,
        url=url,
        limits=limits,
        started=started,
        secrets=outgoing.headers,
        body=body,
        others=others,
        monotonic=monotonic,
    )
    content = body.encode("utf-8", "replace")
    if trace is not None:
        trace = _numbered(trace, monotonic)
        trace(f"→ {action}, {len(content)} bytes")
    return Exchange(outgoing, content, subject, Clocks(limits, started), trace, attempt, others)


@lru_cache(maxsize=64)  # the requests of one client differ in their body alone
def _outgoing(method: str, url: str, headers: tuple[tuple[str, str], ...], streams: bool) -> tuple[str, Outgoing]:
    """Return what a request does, for messages, and the request but for its body, checked."""
    method = method.upper()
    _check_url(url)
    sent = _checked_headers(headers)
    bare, credentials = _without_userinfo(url)
    if credentials:
        sent.setdefault("authorization", credentials)
    if streams:
        sent = {"accept": EVENT_STREAM, "accept-encoding": "identity", "cache-control": "no-store", **sent}
    return f"{method} {redacted_url(url)}", Outgoing(method, bare, MappingProxyType(sent))


def _numbered(trace: Writer, monotonic: Callable[[], float]) -> Writer:
    number, started = next(_NUMBERS), monotonic()
    return lambda text: trace(f"#{number} {1000 * (monotonic() - started):.1f} ms {text}")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise invalid(f"not a URL: {redacted_url(url)}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise invalid(f"only http and https URLs can be requested, not {redacted_url(url)!r}")
    if not host:
        raise invalid(f"a URL without a host: {redacted_url(url)}")
    if _NOT_IN_A_HOST.search(host):
        raise invalid(f"not a host: {host!r}")


def _without_userinfo(url: str) -> tuple[str, str | None]:
    """Return a URL without its user and password, and the header that carries them instead (RFC 7617), or None."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    encoded = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode())
    return parts._replace(netloc=host).geturl(), f"Basic {encoded.decode()}"


def _checked_headers(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return headers with names in lower case and values trimmed (a key read from a file ends in a line break).

    Raises :class:`Thrown` (``InvalidArgument``), without the value, which may be a key.
    """
    sent = {name.lower(): value.strip() for name, value in headers}
    for name, value in sent.items():
        if not is_token(name):
            raise invalid(f"not the name of a header: {name!r}")
        if not is_field_value(value):
            raise invalid(f"the header {name} has a character in its value that cannot be sent")
    return sent


# --- sending ----------------------------------------------------------------------------------------------------------


async def open_exchange(client: Client, exchange: Exchange) -> Response:
    """Send a request and return the head of its response, whose body is the caller's to close.

    GET and HEAD follow redirects; to another origin they take none of the request's own headers along.
    Raises :class:`Thrown` (``Network``, ``Timeout``, ``InvalidArgument``).
    """
    try:
        response = await _open(client, exchange)
    except BaseException as error:
        if exchange.trace is not None:
            exchange.trace(f"failed: {described(error)}")
        raise
    if exchange.trace is not None:
        phrase = exchange.subject.shown(response.reason_phrase)
        kind = exchange.subject.shown(response.headers.get("content-type", "no content type"))
        exchange.trace(f"← {response.status_code} {phrase}, {kind}")
    return response


async def _open(client: Client, exchange: Exchange) -> Response:
    connect = exchange.clocks.limits.get("connect")
    with boundary(exchange.subject), about(exchange.subject):
        async with deadline(exchange):
            response = await client.open(
                exchange.outgoing,
                exchange.body,
                None if connect is None else connect / 1000,
                exchange.attempt,
                exchange.others,
            )
            for left in reversed(range(MAX_REDIRECTS)):
                if isinstance(response, Response):
                    exchange.clocks.arrived(exchange.subject.monotonic())
                    return response
                if response.next_request is None or exchange.method not in ("GET", "HEAD"):
                    exchange.clocks.arrived(exchange.subject.monotonic())
                    return converted(response, str(response.url))
                await response.aclose()
                if left:
                    response = await client.send(_redirected(response.request, response.next_request), stream=True)
    raise network(f"more than {MAX_REDIRECTS} redirects", exchange.subject)


def _redirected(request: httpx.Request, following: httpx.Request) -> httpx.Request:
    before, after = request.url, following.url
    if (before.scheme, before.host, before.port) != (after.scheme, after.host, after.port):
        kept = [(name, value) for name, value in following.headers.items() if name in ("host", *_KEPT_ON_REDIRECT)]
        following.headers = httpx.Headers(kept)
    if after.scheme not in ("http", "https"):
        raise invalid(f"a redirect to a URL that is not http or https: {after.scheme}:")
    return following


def described(error: BaseException) -> str:
    """Return how the trace names what ended an exchange; the message of a BAML error holds no credentials."""
    return str(error.fields.get("message")) if isinstance(error, Thrown) else type(error).__name__


# --- reading ----------------------------------------------------------------------------------------------------------


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
                async with deadline(exchange) as guard, chunks_of(self._response) as chunks:
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
        async with asyncio.timeout(_ERROR_BODY_SECONDS), deadline(exchange), chunks_of(response) as chunks:
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


# --- deadlines --------------------------------------------------------------------------------------------------------


def deadline(exchange: Exchange) -> _Deadline:
    """Return a context that ends at the next deadline of the exchange's clocks, with ``Timeout``."""
    return _Deadline(exchange)


class _Deadline:
    """An ``asyncio`` timeout that follows an exchange's clocks and names the one that ran out.

    Where the whole process stood still for a while, what has arrived meanwhile and the timer are due in the same turn
    of the loop.  So a clock that seems to have run out has the timeout expire a turn later: the reader, which runs
    before that, can still report what it got, and only silence counts as silence.
    """

    __slots__ = ("_exchange", "_is_due", "_timeout", "_timer")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False

    def reschedule(self) -> None:
        """Look at the clocks again: bytes have arrived."""
        if self._is_due and not self._timeout.expired():
            self._is_due = False
            self._timeout.reschedule(None)
            self._start_timer()

    async def __aenter__(self) -> _Deadline:
        await self._timeout.__aenter__()
        self._start_timer()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            clocks = self._exchange.clocks
            upcoming = clocks.next()
            clock = "request" if upcoming is None else upcoming[1]
            raise timed_out(clock, self._exchange.subject, clocks.since(clock)) from None

    def _start_timer(self) -> None:
        upcoming = self._exchange.clocks.next()
        if upcoming is not None:
            left = upcoming[0] - self._exchange.subject.monotonic()
            self._timer = asyncio.get_running_loop().call_later(left, self._look_at_clocks)

    def _look_at_clocks(self) -> None:
        """Have the timeout expire, unless the clock was moved on since the timer was started."""
        self._timer = None
        upcoming = self._exchange.clocks.next()
        if upcoming is None:
            return
        if self._exchange.subject.monotonic() < upcoming[0]:
            self._start_timer()
            return
        self._is_due = True
        self._timeout.reschedule(asyncio.get_running_loop().time())  # which asyncio looks at in its next turn
