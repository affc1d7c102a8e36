"""The HTTP clients of one runtime: one ``httpx.AsyncClient`` for each event loop, made by its first request.

httpx's client merges URLs, cookies and settings, looks for redirects and credentials, and logs, for every request.  Our
requests are complete already, so a request goes the shortest of three ways that it can go (:meth:`Client.open`):

- over our own transport, without any object of httpx: its head is made once for all requests that have it;
- over a transport of the host's, straight, as httpx's request;
- through httpx's client, where it may be redirected (GET and HEAD), has credentials in its URL, or may go through a
  proxy.

A client belongs to its loop, and its connections can only be closed there.  It is closed with the runtime, or when its
loop ends: an async generator that was started on the loop is finalised by ``asyncio.run`` then, and the generator
closes the client.  The clients of a runtime that is garbage are closed too (:meth:`Clients.drop`).

There is no lock: a client is closed only after its entry was taken out of the dict, and ``dict.pop`` returns it once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpx

from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.redaction import SECRETS
from bamlvm.sysops.web.decoding import ACCEPTED
from bamlvm.sysops.web.logs import watch
from bamlvm.sysops.web.response import Response, converted, read_response
from bamlvm.sysops.web.transport.dialling import Guard
from bamlvm.sysops.web.transport.http1 import RequestHead, Transport
from bamlvm.vm.handles import CLOSE_SECONDS

_REDIRECTED: Final = frozenset({"GET", "HEAD"})
_KNOWN: Final = 64
"""How many addressed heads of requests a client keeps."""

_ONCE: Final = httpx.Limits(max_connections=None, max_keepalive_connections=0)

ATTEMPT: Final = "bamlvm.attempt"
"""The extension of a request that holds the record of the attempt that it belongs to."""


class Outgoing:
    """A request but for its body; one that is sent again and again is one object.

    The names of ``headers`` are in lower case, and everything is ASCII.
    """

    __slots__ = ("headers", "method", "url")

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


class _Addressed:
    """What a client makes of an :class:`Outgoing` once: its URL, the headers with its own, and the head as bytes."""

    __slots__ = ("head", "headers", "text", "url")

    def __init__(self, outgoing: Outgoing, defaults: Mapping[str, str]) -> None:
        self.url = url = httpx.URL(outgoing.url)
        self.text = str(url)
        host = {} if "host" in outgoing.headers else {"host": url.netloc.decode("ascii")}
        self.headers = _encoded({**host, **defaults, **outgoing.headers})
        self.head = RequestHead(outgoing.method, url, self.headers)


class Client(httpx.AsyncClient):
    """A client over ``transport``, or over our own and httpx's for the environment's proxies if there is none.

    No connection of an ``httpx.AsyncHTTPTransport`` serves twice: bytes that a server sends after a response, by
    mistake or not, would be read there as the next one, and so become the answer to another call.  Our own transport
    closes such a connection.

    TLS is verified, cookies are not kept, redirects and all timeouts except the connection's are the caller's business,
    and only the handle table bounds the number of connections.

    A ``guard`` is asked for the host of every request, those of redirects too.  The address is the transport's to ask
    for, if it is our own; where a proxy or the host's own transport opens the connection, the address is up to that.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None, guard: Guard | None = None) -> None:
        watch()
        super().__init__(
            transport=transport,
            limits=_ONCE,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"user-agent": "bamlvm", "accept-encoding": ACCEPTED},
            timeout=None,
            follow_redirects=False,
        )
        self._direct = transport
        self._guard = guard
        close_after(transport, self.headers)
        if transport is None:  # for what the environment's proxies are not for
            self._transport = Transport(guard=guard)
        self._addressed: dict[Outgoing, _Addressed] = {}
        self._defaults = dict(self.headers)

    async def open(
        self,
        outgoing: Outgoing,
        content: bytes,
        connect_seconds: float | None,
        attempt: AttemptRecord | None = None,
        others: tuple[str, ...] = (),
    ) -> Response | httpx.Response:
        """Send a request and return its response with the body unread: httpx's if it may have been redirected
        (``next_request``)."""
        direct = self._direct
        if direct is None or outgoing.method in _REDIRECTED or "@" in outgoing.url:
            extensions = _extensions(connect_seconds, attempt, others)
            encoded = _encoded(outgoing.headers)
            request = self.build_request(
                outgoing.method, outgoing.url, headers=encoded, content=content, extensions=extensions
            )
            return await self.send(request, stream=True)
        addressed = self._address(outgoing)
        if self._guard is not None:
            _ask(self._guard, addressed.url)
        if type(direct) is Transport:
            opened = None if attempt is None else partial(setattr, attempt, "connect")
            return read_response(
                *await direct.exchange(addressed.head, content, connect_seconds, opened), addressed.text
            )
        extensions = _extensions(connect_seconds, attempt, others)
        request = httpx.Request(
            outgoing.method, addressed.url, headers=addressed.headers, content=content, extensions=extensions
        )
        response = await direct.handle_async_request(request)
        response.request = request
        return converted(response, addressed.text)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request as httpx does."""
        if self._guard is not None:
            _ask(self._guard, request.url)
        return await super().send(request, **options)

    def _address(self, outgoing: Outgoing) -> _Addressed:
        found = self._addressed.get(outgoing)
        if found is None:
            if len(self._addressed) >= _KNOWN:
                self._addressed.clear()
            found = self._addressed[outgoing] = _Addressed(outgoing, self._defaults)
        return found


def close_after(transport: httpx.AsyncBaseTransport | None, headers: httpx.Headers) -> None:
    """Have a connection of httpx's own transport closed after the response; see :class:`Client`."""
    if isinstance(transport, httpx.AsyncHTTPTransport):
        headers["connection"] = "close"


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def _extensions(
    connect_seconds: float | None, attempt: AttemptRecord | None, others: tuple[str, ...]
) -> dict[str, Any]:
    extensions: dict[str, Any] = {"timeout": httpx.Timeout(None, connect=connect_seconds).as_dict()}
    if attempt is not None:
        extensions[ATTEMPT] = attempt  # for a host's transport: which function asks
    if others:
        extensions[SECRETS] = others
    return extensions


def _ask(guard: Guard, url: httpx.URL) -> None:
    guard.check_host(url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))


def new_client(transport: httpx.AsyncBaseTransport | None = None, guard: Guard | None = None) -> Client:
    """Return a client for the running loop.

    Without a ``transport`` it goes over the network: over our own transport, or over httpx's, which can speak to
    proxies, where the environment names one.
    """
    if transport is None and not _has_proxy():
        transport = Transport(guard=guard)
    return Client(transport, guard)


class NetworkTransport(httpx.AsyncBaseTransport):
    """httpx's transport of the network, by way of the proxy that the environment names for a host, if it names one."""

    def __init__(self) -> None:
        self._inner: dict[str | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        proxies = getproxies()
        proxy = proxies.get(request.url.scheme) or proxies.get("all")
        if proxy and proxy_bypass(request.url.host):
            proxy = None
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        inner = self._inner.get(proxy)
        if inner is None:
            inner = self._inner[proxy] = httpx.AsyncHTTPTransport(proxy=proxy, limits=_ONCE)
        return await inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for inner in self._inner.values():
            await inner.aclose()


def _has_proxy() -> bool:
    """Whether httpx would find a proxy; it follows urllib's rules."""
    proxies = getproxies()
    return any(proxies.get(scheme) for scheme in ("http", "https", "all"))


class Clients:
    """Clients by loop.  ``transport`` replaces the network in all of them and is closed with them; a ``guard`` is asked
    for every host."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None, guard: Guard | None = None) -> None:
        self._transport = transport
        self._guard = guard
        self._clients: dict[asyncio.AbstractEventLoop, tuple[Client, AsyncGenerator[None, None]]] = {}
        self._inherited: list[Any] = []

    def current(self) -> Client:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is not None:
            return found[0]
        client = new_client(self._transport, self._guard)
        closer = self._close_with_loop(loop, client)
        # Start the generator without a task: it runs to its yield at once, and at its first step it is reported to the
        # loop (sys.set_asyncgen_hooks), which is what makes the loop finalise it.
        with contextlib.suppress(StopIteration):
            closer.__anext__().send(None)
        self._clients[loop] = (client, closer)
        return client

    async def aclose(self) -> None:
        """Close every client, each on its loop."""
        here = asyncio.get_running_loop()
        for loop in list(self._clients):
            closer = self._take(loop)
            if closer is None:
                continue
            if loop is here:
                await closer.aclose()
            else:
                with contextlib.suppress(TimeoutError):
                    future = _close_elsewhere(loop, closer)
                    if future is not None:
                        await asyncio.wait_for(asyncio.wrap_future(future), CLOSE_SECONDS)

    def close(self) -> None:
        """Close every client and wait for it; a client of this thread's loop is closed when that next runs."""
        here = asyncio._get_running_loop()
        for loop in list(self._clients):
            closer = self._take(loop)
            future = None if closer is None else _close_elsewhere(loop, closer)
            if future is not None and loop is not here:
                with contextlib.suppress(TimeoutError):
                    future.result(CLOSE_SECONDS)

    def forked(self) -> None:
        """In a child process: set the parent's clients aside.  They are not the child's to close."""
        self._inherited.append(self._clients)
        self._clients = {}

    def drop(self) -> None:
        """Have every client closed on its loop, without waiting."""
        for loop in list(self._clients):
            closer = self._take(loop)
            if closer is not None:
                _close_elsewhere(loop, closer)

    def _take(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None] | None:
        found = self._clients.pop(loop, None)
        return None if found is None else found[1]

    async def _close_with_loop(
        self, loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._take(loop)
            await client.aclose()


def _close_elsewhere(
    loop: asyncio.AbstractEventLoop, closer: AsyncGenerator[None, None]
) -> concurrent.futures.Future[None] | None:
    """Close a client on another thread's loop.  Return a future for it, or None if the loop does not run any more."""
    if not loop.is_running():
        return None
    coroutine = _finish(closer)
    try:
        return asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:  # it was closed meanwhile
        coroutine.close()
        return None


async def _finish(closer: AsyncGenerator[None, None]) -> None:
    await closer.aclose()
