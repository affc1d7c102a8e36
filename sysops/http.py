"""``baml.http``: requests, answers, event streams.

What is here reads a ``Request``, asks for the capability and keeps the books (handles, the attempt's record); the
connection itself is :mod:`bamlvm.sysops.web.connections`, imported at the first request because httpx is slow to
import.
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Clock, Subject, invalid, network
from bamlvm.sysops.redaction import redacted_url
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.sysops.web.clocks import DEFAULT_CONNECT_MS, DEFAULT_REQUEST_MS, Clocks
from bamlvm.vm.values import Instance, Thrown

if TYPE_CHECKING:
    import httpx

    from bamlvm.sysops.web.connections import Body, EventStream, Exchange

BODY: Final = "response_body"
STREAM: Final = "sse_stream"

_CLOCKS: Final[tuple[tuple[Clock, int], ...]] = (
    ("connect", DEFAULT_CONNECT_MS),
    ("time_to_first_token", 0),
    ("idle", 0),
    ("request", DEFAULT_REQUEST_MS),
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2 (token)
_NO_HOST: Final = re.compile(r"[\s\x00-\x20\x7f\"%<>\\^`{|}]")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


@sysop("baml.http.fetch")
async def fetch(scope: Scope, url: str) -> Instance:
    return await _send(scope, _exchange(scope, "fetch", "GET", url, {}, "", None))


@sysop("baml.http.send")
async def send(scope: Scope, request: Instance) -> Instance:
    return await _send(scope, _exchange_of(scope, "send", request))


@sysop("baml.http.Response.text")
async def response_text(scope: Scope, response: Instance) -> str:
    table, handle = scope.services.handles, response.get("_handle")
    body: Body = table.get(handle, BODY, scope.owner)
    try:
        return await body.text()
    finally:
        table.close(handle, BODY, scope.owner)


@sysop("baml.http.fetch_sse")
async def fetch_sse(scope: Scope, request: Instance) -> Instance:
    from bamlvm.sysops.web.batches import Batches
    from bamlvm.sysops.web.connections import EventStream, require_event_stream

    exchange = _exchange_of(scope, "fetch_sse", request)
    response = await _open(scope, exchange)
    await require_event_stream(response, exchange)
    if scope.batches is None:
        scope.batches = Batches()
    stream = EventStream(response, exchange, scope.batches)
    try:
        handle = scope.services.handles.open(STREAM, scope.owner, stream, stream.aclose)
    except BaseException:
        await stream.aclose()
        raise
    return scope.new_instance("baml.http.SseStream", _handle=handle)


@sysop("baml.http.SseStream.next")
def stream_next(scope: Scope, stream: Instance) -> Any:
    source: EventStream = scope.services.handles.get(stream.get("_handle"), STREAM, scope.owner)
    return source.next()


@sysop("baml.http.SseStream.content_arrived")
def stream_content_arrived(scope: Scope, stream: Instance) -> None:
    source: EventStream = scope.services.handles.get(stream.get("_handle"), STREAM, scope.owner)
    source.content_arrived()


@sysop("baml.http.SseStream.close")
async def stream_close(scope: Scope, stream: Instance) -> None:
    table, handle = scope.services.handles, stream.get("_handle")
    source: EventStream | None = table.find(handle, STREAM, scope.owner)
    if source is not None and table.close(handle, STREAM, scope.owner) is not None:
        await source.leave()


async def _send(scope: Scope, exchange: Exchange) -> Instance:
    from bamlvm.sysops.web.connections import Body

    response = await _open(scope, exchange)
    body = Body(response, exchange)
    try:
        handle = scope.services.handles.open(BODY, scope.owner, body, body.aclose)
    except BaseException:
        await body.aclose()
        raise
    return scope.new_instance(
        "baml.http.Response",
        status_code=response.status_code,
        headers=dict(response.headers),
        url=str(response.url),
        _handle=handle,
    )


async def _open(scope: Scope, exchange: Exchange) -> httpx.Response:
    from bamlvm.sysops.web.connections import open_exchange

    try:
        response = await open_exchange(scope.services.http_client(), exchange)
    except Thrown as thrown:
        if thrown.class_name == "baml.errors.StreamTruncated":  # of an answer that has not begun nothing is cut off
            raise network("the connection ended inside the answer's headers", exchange.subject) from thrown
        raise
    attempt = scope.attempt
    if attempt is not None:
        attempt.status = response.status_code
        attempt.first_byte = scope.elapsed()
    return response


def _exchange_of(scope: Scope, operation: str, request: Instance) -> Exchange:
    get = request.get
    return _exchange(scope, operation, get("method"), get("url"), get("headers"), get("body"), get("timeouts"))


def _exchange(
    scope: Scope,
    operation: str,
    method: str,
    url: str,
    headers: dict[str, str],
    body: str,
    timeouts: Instance | None,
) -> Exchange:
    from bamlvm.sysops.web.connections import Exchange

    require(scope, "http", f"baml.http.{operation}")
    method = method.upper()
    _check_url(url)
    sent = _headers(headers)
    bare, credentials = _without_userinfo(url)
    if credentials:
        sent.setdefault("authorization", credentials)
    if operation == "fetch_sse":
        sent = {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store", **sent}
    limits = _limits(timeouts)
    started = time.monotonic()
    action = f"{method} {redacted_url(url)}"
    subject = Subject(action, url=url, limits=limits, started=started, secrets=sent, body=body)
    return Exchange(method, bare, sent, body.encode("utf-8", "replace"), subject, Clocks(limits, started))


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
    if _NO_HOST.search(host):
        raise invalid(f"not a host: {host!r}")


def _without_userinfo(url: str) -> tuple[str, str | None]:
    """A URL without user and password, and the header that says them instead (RFC 7617)."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    encoded = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode())
    return parts._replace(netloc=host).geturl(), f"Basic {encoded.decode()}"


def _headers(headers: dict[str, str]) -> dict[str, str]:
    """Names in lower case, values trimmed (a key read from a file ends in a line break); no value shows in an error."""
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    for name, value in sent.items():
        if not _HEADER_NAME.fullmatch(name):
            raise invalid(f"not the name of a header: {name!r}")
        if not _HEADER_VALUE.fullmatch(value):
            raise invalid(f"the header {name} has a character in its value that cannot be sent")
    return sent


def _limits(timeouts: Instance | None) -> dict[Clock, int]:
    """The clocks that run: those that ``timeouts`` gives, else the defaults; one given as 0 does not run."""
    limits: dict[Clock, int] = {}
    for clock, default in _CLOCKS:
        given = None if timeouts is None else timeouts.get(f"{clock}_ms")
        limit = default if given is None else given
        if limit < 0:
            raise invalid(f"{clock}_ms is negative: {limit}")
        if limit:
            limits[clock] = limit
    return limits
