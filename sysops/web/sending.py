"""Sending a request: its way to the head of the response, over redirects."""

from __future__ import annotations

from typing import Final

import httpx

from bamlvm.sysops.errors import boundary, invalid, network
from bamlvm.sysops.web.clients import Client
from bamlvm.sysops.web.exchange import Deadline, Exchange, described
from bamlvm.sysops.web.logs import about
from bamlvm.sysops.web.response import Response, converted

MAX_REDIRECTS: Final = 10

_KEPT_ON_REDIRECT: Final = ("accept", "accept-encoding", "accept-language", "user-agent")


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
        async with Deadline(exchange):
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
