"""An HTTP exchange: a request checked and made ready, with the clocks that bound it.

:mod:`bamlvm.sysops.web.sending` sends it, and :mod:`~bamlvm.sysops.web.unread_body` or
:mod:`~bamlvm.sysops.web.event_stream` reads what comes.  Two rules hold everywhere.  Whatever is awaited ends by itself
at the deadline of the exchange's clocks (:class:`Deadline`).  And a cancellation closes the connection: an open
response has one owner, the function that opens it, an ``UnreadBody`` or an ``EventStream``, which closes it.

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

import msgspec

from bamlvm.sysops.errors import Clock, Subject, invalid, timed_out
from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.redaction import Secrets, redacted_url
from bamlvm.sysops.tracing import Writer
from bamlvm.sysops.web.clients import Outgoing
from bamlvm.sysops.web.clocks import Clocks
from bamlvm.sysops.web.framing import EVENT_STREAM
from bamlvm.sysops.web.transport.headers import is_field_value, is_token
from bamlvm.vm.values import Thrown

_NOT_IN_A_HOST: Final = re.compile(r"[\s\x00-\x20\x7f\"%<>\\^`{|}]")
_NUMBERS: Final = itertools.count(1)  # of traced exchanges, so that concurrent ones can be distinguished


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


def described(error: BaseException) -> str:
    """Return how the trace names what ended an exchange; the message of a BAML error holds no credentials."""
    return str(error.fields.get("message")) if isinstance(error, Thrown) else type(error).__name__


class Deadline:
    """An ``asyncio`` timeout that follows an exchange's clocks and names the one that ran out, in a ``Timeout``.

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

    async def __aenter__(self) -> Deadline:
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
