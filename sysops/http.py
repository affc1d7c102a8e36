"""``baml.http``: requests, responses, event streams.

This module reads a ``Request``, asks for the capability, and keeps the handles and the attempt's record; the exchange
itself is :mod:`bamlvm.sysops.web`'s, which is imported at the first request because httpx is slow to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Clock, invalid, network, raise_failure
from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.redaction import HIDDEN, is_secret
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.sysops.web.clocks import DEFAULT_CONNECT_MS, DEFAULT_REQUEST_MS
from bamlvm.vm.values import Handle, Instance, Pending, Thrown

if TYPE_CHECKING:
    from bamlvm.sysops.records import AttemptRecord
    from bamlvm.sysops.web.event_stream import EventStream
    from bamlvm.sysops.web.exchange import Exchange
    from bamlvm.sysops.web.response import Response
    from bamlvm.sysops.web.unread_body import UnreadBody

BODY: Final = "response_body"
STREAM: Final = "sse_stream"

_CLOCKS: Final[tuple[tuple[Clock, int], ...]] = (
    ("connect", DEFAULT_CONNECT_MS),
    ("time_to_first_token", 0),
    ("idle", 0),
    ("request", DEFAULT_REQUEST_MS),
)


@sysop("baml.http.fetch")
async def fetch(scope: Scope, url: str) -> Instance:
    return await _send(scope, _exchange(scope, "fetch", "GET", url, {}, "", None))


@sysop("baml.http.send")
async def send(scope: Scope, request: Instance) -> Instance:
    return await _send(scope, _exchange_of(scope, "send", request))


@sysop("baml.http.Response.text")
def response_text(scope: Scope, response: Instance) -> Any:
    table, handle = scope.services.handles, response.get("_handle")
    body: UnreadBody = table.get(handle, BODY, scope.owner)
    try:
        found = body.text_at_once()  # the head and the body of a short answer come together
    except Thrown:
        table.close(handle, BODY, scope.owner)
        raise
    if found is None:
        return Pending(Lazy(lambda: _awaited_text(scope, handle, body)))
    table.close(handle, BODY, scope.owner)
    return found


async def _awaited_text(scope: Scope, handle: Handle, body: UnreadBody) -> str:
    try:
        return await body.text()
    except Exception as error:
        raise_failure(error, "baml.http.Response.text")
    finally:
        scope.services.handles.close(handle, BODY, scope.owner)


@sysop("baml.http.Response.excerpt")
async def response_excerpt(scope: Scope, response: Instance) -> str:
    table, handle = scope.services.handles, response.get("_handle")
    body: UnreadBody = table.get(handle, BODY, scope.owner)
    try:
        return await body.beginning()
    finally:
        table.close(handle, BODY, scope.owner)


@sysop("baml.http.fetch_sse")
async def fetch_sse(scope: Scope, request: Instance) -> Instance:
    from bamlvm.sysops.web.batches import Batches
    from bamlvm.sysops.web.event_stream import EventStream
    from bamlvm.sysops.web.framing import framing_of
    from bamlvm.sysops.web.unread_body import accepted_framing, require_event_stream

    exchange = _exchange_of(scope, "fetch_sse", request)
    framing = framing_of(accepted_framing(exchange))
    response = await _open(scope, exchange)
    await require_event_stream(response, exchange)
    if scope.batches is None:
        scope.batches = Batches()
    stream = EventStream(response, exchange, framing, scope.batches, scope.services.max_bytes)
    try:
        handle = scope.open(STREAM, stream, stream.aclose)
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
    from bamlvm.sysops.web.unread_body import UnreadBody

    response = await _open(scope, exchange)
    body = UnreadBody(response, exchange, scope.services.max_bytes)
    try:
        handle = scope.open(BODY, body, body.aclose)
    except BaseException:
        await body.aclose()
        raise
    return scope.new_instance(
        "baml.http.Response",
        status_code=response.status_code,
        headers=response.headers,
        url=response.url,
        _handle=handle,
    )


async def _open(scope: Scope, exchange: Exchange) -> Response:
    from bamlvm.sysops.web.sending import open_exchange

    attempt = scope.attempt
    if scope.caching is not None and attempt is not None:
        from bamlvm.sysops import response_cache

        key = response_cache.key_of(attempt.provider, exchange)
        response = await response_cache.found(scope.caching, key, exchange)
        scope.kept = response_cache.Kept(scope.caching, key, response is not None)
        if response is not None:
            attempt.cached = True
            _note(scope, attempt, response)
            return response
    try:
        client = scope.services.http_client()
    except (ValueError, ImportError) as error:  # as of a proxy with a scheme that is unknown, or needs another library
        raise network(f"the environment's proxy cannot be used: {error}", exchange.subject) from error
    try:
        response = await open_exchange(client, exchange)
    except Thrown as thrown:
        if thrown.class_name == "baml.errors.StreamTruncated":  # there is no body yet that could be cut short
            raise network("the connection ended inside the response's headers", exchange.subject) from thrown
        raise
    if attempt is not None:
        _note(scope, attempt, response)
        if scope.kept is not None:
            return scope.kept.watched(response)
    return response


def _note(scope: Scope, attempt: AttemptRecord, response: Response) -> None:
    """Write the head of a response into the attempt's record."""
    attempt.status = response.status_code
    attempt.first_byte = scope.elapsed()
    if scope.keep_raw_events:
        shown = {name: HIDDEN if is_secret(name) else value for name, value in response.headers.items()}
        attempt.response = {"headers": shown, "body": None}


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
    from bamlvm.sysops.web.exchange import prepare

    require(scope, "http", f"baml.http.{operation}")
    return prepare(
        method,
        url,
        headers,
        body,
        _limits(timeouts),
        streams=operation == "fetch_sse",
        trace=scope.trace.http,
        attempt=scope.attempt,
        others=tuple(scope.read_secrets),
        monotonic=scope.services.monotonic,
    )


def _limits(timeouts: Instance | None) -> dict[Clock, int]:
    """Return the clocks that run, with their limits in milliseconds: those of ``timeouts``, else the defaults; a limit
    of 0 means that the clock does not run."""
    limits: dict[Clock, int] = {}
    for clock, default in _CLOCKS:
        given = None if timeouts is None else timeouts.get(f"{clock}_ms")
        limit = default if given is None else given
        if limit < 0:
            raise invalid(f"{clock}_ms is negative: {limit}")
        if limit:
            limits[clock] = limit
    return limits
