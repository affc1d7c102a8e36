"""The one boundary between foreign exceptions and BAML's errors.

Every exception that a library may raise has a row in :data:`RULES`, keyed by its class's full name; the row of the
nearest class in its method resolution order is taken, so the most specific one decides.  Keys are names, so that
nothing has to be imported to be mapped.  An exception without a row is a bug of ours, or of the host's transport:
:func:`failure`, which stands behind every sys-op, makes it a failure of the attempt too.  Only what is meant to end a
call passes: cancellation, and errors that say so (``ends_call``, as those of this package for the host do).

httpx's tree, whose every class has a row (a test walks it)::

    HTTPError
      RequestError
        TransportError
          TimeoutException   ConnectTimeout, ReadTimeout, WriteTimeout, PoolTimeout
          NetworkError       ConnectError, ReadError, WriteError, CloseError
          ProtocolError      LocalProtocolError, RemoteProtocolError
          ProxyError, UnsupportedProtocol
        DecodingError, TooManyRedirects
      HTTPStatusError
    InvalidURL, CookieConflict
    StreamError              StreamConsumed, StreamClosed, ResponseNotRead, RequestNotRead

Messages say what was being done to what; they hold no headers and no credentials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from bamlvm.sysops.redaction import Secrets, redacted_url, secrets_of
from bamlvm.vm.values import Thrown

Clock: TypeAlias = Literal["connect", "time_to_first_token", "idle", "request"]

_LONGEST_MESSAGE: Final = 500
INCOMPLETE_BODY: Final = "peer closed connection without sending complete message body"
"""The error of a body that is cut short, in the words of h11 and so of httpx's own transport, and of ours."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NO_TLS: Final = "WRONG_VERSION_NUMBER"
"""OpenSSL's word for a peer whose first bytes are not TLS's."""

_INCOMPLETE: Final = (INCOMPLETE_BODY, "peer unexpectedly closed connection")
"""The beginnings of such an error's text (the second is h11's inside a line); it has no other mark."""


class Subject(msgspec.Struct, frozen=True, eq=False):
    """The subject of an operation: ``action`` is its name in messages (``GET https://host/path``, ``reading a.txt``).

    ``limits`` has the milliseconds of each clock that is running, ``started`` the second they started at, as
    ``monotonic`` returns it.
    ``secrets`` are the headers and ``body`` the JSON that were sent, whose credentials no message may show, nor
    ``others``.
    """

    action: str
    url: str | None = None
    path: str | None = None
    limits: Mapping[Clock, int] = msgspec.field(default_factory=dict)
    started: float = msgspec.field(default_factory=time.monotonic)
    secrets: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: str = ""
    others: tuple[str, ...] = ()
    monotonic: Callable[[], float] = time.monotonic

    def __repr__(self) -> str:  # without the request, which holds keys
        return f"<subject {self.action}>"

    def shown(self, text: object) -> str:
        """Return a foreign text as part of a message: on one line, shortened, without credentials."""
        line = self.scrubbed(" ".join(str(text).split()))  # before it is shortened, which may cut a secret in two
        return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…"

    def scrubbed(self, text: str) -> str:
        """Return a foreign text without the request's credentials."""
        try:
            body = msgspec.json.decode(self.body) if self.body else None
        except (msgspec.DecodeError, RecursionError):
            body = None
        return secrets_of(self.secrets, self.url or "", body, *self.others).hide(text)

    def shown_url(self) -> str | None:
        """Return the URL without credentials, or None if there is no URL."""
        return None if self.url is None else Secrets(self.others).hide(redacted_url(self.url))


class boundary:  # noqa: N801 (read as a statement: with boundary(subject))
    """A context whose foreign exceptions become :class:`Thrown`, about ``subject``."""

    __slots__ = ("_subject",)

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if error is not None:
            thrown = translate(error, self._subject)
            if thrown is not None:
                raise thrown from error
        return False


def translate(error: BaseException, subject: Subject) -> Thrown | None:
    """Return the BAML error for a foreign exception, or None if no rule applies (:class:`Thrown`, cancellation)."""
    for kind in type(error).__mro__:
        rule = RULES.get(f"{kind.__module__}.{kind.__qualname__}")
        if rule is not None:
            return rule(error, subject)
    return None


def failure(error: Exception, operation: str) -> Exception:
    """Return what a sys-op raises for an exception that no rule has a row for; ``operation`` is the sys-op's path."""
    if isinstance(error, (Thrown, MemoryError)) or getattr(error, "ends_call", False):
        return error
    thrown = translate(error, Subject(operation))
    if thrown is not None:
        return thrown
    message = f"{operation}: {type(error).__name__}: {Subject(operation).shown(error)}"
    if operation.startswith("baml.http."):
        return Thrown("baml.errors.Network", {"message": message, "url": None})
    if operation.startswith("baml.llm."):
        return Thrown("baml.errors.LlmClient", {"message": message, "type": None, "retryable": False})
    return Thrown("baml.errors.Io", {"message": message, "path": None})


def raise_failure(error: Exception, operation: str) -> NoReturn:
    """Raise what :func:`failure` returns."""
    thrown = failure(error, operation)
    try:
        if thrown is error:
            raise error
        raise thrown from error
    finally:
        del error, thrown  # a frame that refers to what is raised through it is a cycle


def timed_out(clock: Clock, subject: Subject, since: float | None = None) -> Thrown:
    """Return the ``Timeout`` of a clock that ran out now, after running from ``since`` (else from the start).

    A clock that does not run here belongs to another: the operating system gives up connecting, or the host's own
    transport has limits.  ``limit_ms`` is null then.
    """
    limit = subject.limits.get(clock)
    elapsed = round((subject.monotonic() - (subject.started if since is None else since)) * 1000)
    if limit is None:
        message = f"{subject.action}: timed out after {elapsed} ms ({clock}; by a limit that the client does not set)"
    else:
        message = f"{subject.action}: the {clock} clock ran out after {elapsed} ms (its limit is {limit} ms)"
    return Thrown("baml.errors.Timeout", {"message": message, "clock": clock, "limit_ms": limit, "elapsed_ms": elapsed})


def invalid(message: str) -> Thrown:
    """Return an ``InvalidArgument``."""
    return Thrown("baml.errors.InvalidArgument", {"message": message})


def network(message: str, subject: Subject) -> Thrown:
    """Return a ``Network`` error about ``subject``."""
    return Thrown("baml.errors.Network", {"message": f"{subject.action}: {message}", "url": subject.shown_url()})


def truncated(subject: Subject) -> Thrown:
    """Return the ``StreamTruncated`` of a response whose connection ended inside it."""
    message = f"{subject.action}: the connection ended inside the answer"
    return Thrown("baml.errors.StreamTruncated", {"message": message})


def answered(subject: Subject, status: int, phrase: str, headers: Mapping[str, str]) -> str:
    """Return what a server did, for a message; of a redirect that is not followed also where it leads."""
    note = f"answered {status} {phrase}".rstrip()
    place = headers.get("location", "") if status in _REDIRECTS else ""
    if not place:
        return note
    return (
        f"{note}, a redirect to {subject.shown(redacted_url(place[:_LONGEST_MESSAGE]))} (only GET and HEAD follow one)"
    )


def http_status(subject: Subject, status: int, note: str, body: str, retry_after_ms: int | None = None) -> Thrown:
    """Return an ``HttpStatus``; ``note`` follows the action in the message (``answered 404 Not Found``)."""
    shown = subject.scrubbed(body)
    note = subject.shown(note)  # the reason phrase is the server's text
    return Thrown(
        "baml.errors.HttpStatus",
        {
            "message": f"{subject.action} {note}" + (f": {subject.shown(shown)}" if shown.strip() else ""),
            "status_code": status,
            "url": subject.shown_url() or "",
            "body": shown,
            "retry_after_ms": retry_after_ms,
        },
    )


Rule: TypeAlias = Callable[[Any, Subject], Thrown]


def _reason(error: BaseException, subject: Subject) -> str:
    reason = subject.shown(error) or type(error).__name__
    return f"{reason} (the server may not speak TLS: is http meant?)" if _NO_TLS in reason else reason


def _network(what: str) -> Rule:
    return lambda error, subject: network(f"{what}: {_reason(error, subject)}", subject)


def _invalid(what: str) -> Rule:
    return lambda error, subject: invalid(f"{subject.action}: {what}: {_reason(error, subject)}")


def _timeout(clock: Clock) -> Rule:
    return lambda _, subject: timed_out(clock, subject)


def _remote_protocol(error: BaseException, subject: Subject) -> Thrown:
    if str(error).startswith(_INCOMPLETE):
        return truncated(subject)
    return network(f"the server broke the HTTP protocol: {_reason(error, subject)}", subject)


def _status(error: Any, subject: Subject) -> Thrown:
    response = error.response
    return http_status(subject, response.status_code, f"answered {response.status_code} {response.reason_phrase}", "")


def _io(error: OSError, subject: Subject) -> Thrown:
    reason = error.strerror or _reason(error, subject)
    return Thrown("baml.errors.Io", {"message": f"{subject.action}: {reason}", "path": subject.path})


def _connection(error: OSError, subject: Subject) -> Thrown:
    return _network("the connection failed")(error, subject) if subject.path is None else _io(error, subject)


def _time(error: TimeoutError, subject: Subject) -> Thrown:
    """Return a ``Timeout`` for a timer's exception, which has no ``errno``; the system's (ETIMEDOUT) is a lost peer."""
    return timed_out("request", subject) if error.errno is None else _connection(error, subject)


def _not_utf8(error: UnicodeDecodeError, subject: Subject) -> Thrown:
    message = f"{subject.action}: not UTF-8 text (byte {error.start})"
    return Thrown("baml.errors.Io", {"message": message, "path": subject.path})


def _not_encodable(error: UnicodeEncodeError, subject: Subject) -> Thrown:
    return invalid(f"{subject.action}: the character {error.object[error.start]!a} cannot be sent as {error.encoding}")


def _not_json(error: BaseException, subject: Subject) -> Thrown:
    message = f"{subject.action}: not the JSON expected: {error}"
    return Thrown("baml.errors.ParseFailed", {"message": message, "raw": ""})


def _bad_event(error: BaseException, subject: Subject) -> Thrown:
    message = f"{subject.action}: {error}"
    return Thrown("baml.errors.LlmClient", {"message": message, "type": None, "retryable": False})


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "httpx.ConnectTimeout": _timeout("connect"),
        "httpx.PoolTimeout": _timeout("connect"),
        "httpx.ReadTimeout": _timeout("idle"),
        "httpx.WriteTimeout": _timeout("request"),
        "httpx.TimeoutException": _timeout("request"),
        "httpx.ConnectError": _network("cannot connect"),
        "httpx.ReadError": _network("the connection broke"),
        "httpx.WriteError": _network("the connection broke"),
        "httpx.CloseError": _network("the connection broke"),
        "httpx.NetworkError": _network("the connection failed"),
        "httpx.ProxyError": _network("the proxy failed"),
        "httpx.RemoteProtocolError": _remote_protocol,
        "httpx.LocalProtocolError": _invalid("the request cannot be sent"),
        "httpx.ProtocolError": _network("the HTTP protocol was broken"),
        "httpx.UnsupportedProtocol": _invalid("the URL cannot be used"),
        "httpx.DecodingError": _network("the answer's encoding is broken"),
        "httpx.TooManyRedirects": _network("too many redirects"),
        "httpx.TransportError": _network("the transport failed"),
        "httpx.RequestError": _network("the request failed"),
        "httpx.HTTPStatusError": _status,
        "httpx.HTTPError": _network("the exchange failed"),
        "httpx.InvalidURL": _invalid("the URL cannot be used"),
        "httpx.CookieConflict": _invalid("the cookies contradict each other"),
        "httpx.StreamConsumed": _invalid("the body was read already"),
        "httpx.StreamClosed": _invalid("the body is closed"),
        "httpx.ResponseNotRead": _invalid("the body was not read"),
        "httpx.RequestNotRead": _invalid("the request's body was not read"),
        "httpx.StreamError": _invalid("the body cannot be read"),
        "bamlvm.sysops.web.sse.EventTooLargeError": _bad_event,
        "bamlvm.sysops.web.aws_events.BrokenMessageError": _network("the event stream is broken"),
        "msgspec.DecodeError": _not_json,
        "json.decoder.JSONDecodeError": _not_json,
        "builtins.UnicodeDecodeError": _not_utf8,
        "builtins.UnicodeEncodeError": _not_encodable,
        "builtins.UnicodeError": _invalid("text that cannot be sent"),
        "builtins.TimeoutError": _time,
        "socket.gaierror": _network("the host's name cannot be resolved"),
        "ssl.SSLError": _network("no secure connection"),
        "builtins.ConnectionError": _connection,
        "builtins.OSError": _io,
    }
)
"""The BAML error of each foreign exception, by the full name of its class."""
