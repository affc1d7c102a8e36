"""The HTTP client of one event loop: an ``httpx.AsyncClient`` that most requests go past.

httpx's client merges URLs, cookies and settings, looks for redirects and credentials, and logs, for every request.
What we send is whole already, so only what may be redirected (GET and HEAD), carries its credentials in the URL, or may
go through a proxy goes through the client; everything else is handed to its transport (:meth:`Client.open`).
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.request import getproxies

import httpx

from bamlvm.sysops.web.decoding import ACCEPTED
from bamlvm.sysops.web.logs import watch

_REDIRECTED: Final = frozenset({"GET", "HEAD"})
_KNOWN_URLS: Final = 64
"""How many parsed URLs a client keeps."""


class Client(httpx.AsyncClient):
    """A client over ``transport``; over httpx's own transports, and their proxies, if there is none.

    TLS is verified, cookies are not kept, redirects and all timeouts but the connection's are the caller's business,
    and the number of connections is bounded by the handle table alone.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None) -> None:
        watch()
        super().__init__(
            transport=transport,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"user-agent": "bamlvm", "accept-encoding": ACCEPTED},
            timeout=None,
            follow_redirects=False,
        )
        self._direct = transport
        self._urls: dict[str, httpx.URL] = {}
        self._defaults = dict(self.headers)

    async def open(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, connect_seconds: float | None
    ) -> httpx.Response:
        """Send a request (names of headers in lower case, everything in ASCII); the answer's head, its body unread.

        ``next_request`` is set on an answer to GET and HEAD that redirects.
        """
        timeout = httpx.Timeout(None, connect=connect_seconds)
        if self._direct is None or method in _REDIRECTED or "@" in url:
            given = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
            request = self.build_request(method, url, headers=given, content=content, timeout=timeout)
            return await self.send(request, stream=True)
        request = httpx.Request(
            method,
            self._url(url),
            headers=[
                (name.encode("ascii"), value.encode("ascii")) for name, value in {**self._defaults, **headers}.items()
            ],
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )
        response = await self._direct.handle_async_request(request)
        response.request = request
        return response

    def _url(self, url: str) -> httpx.URL:
        found = self._urls.get(url)
        if found is None:
            if len(self._urls) >= _KNOWN_URLS:
                self._urls.clear()
            found = self._urls[url] = httpx.URL(url)
        return found


def new_client(transport: httpx.AsyncBaseTransport | None = None) -> Client:
    """A client for the running loop, over the network if no transport is given: over ours, or over httpx's where the
    environment names a proxy, which that knows how to speak to."""
    if transport is None and not _has_proxy():
        from bamlvm.sysops.web.transport.http1 import Transport

        transport = Transport()
    return Client(transport)


def _has_proxy() -> bool:
    """Whether httpx would find a proxy: its rule is that of urllib."""
    proxies = getproxies()
    return any(proxies.get(scheme) for scheme in ("http", "https", "all"))
