"""The ASGI application: its routes, and who may use them.

    POST /call/F, /stream/F             endpoints.py
    GET  /openapi.json, /docs           the description of both, and a page to try them
    GET  /metrics                       Prometheus's text format
    GET  /health, /ready                whether the process runs, and whether it takes calls
    GET  /_debug/ping, /_debug/status   as the official server has them

Health and ping need no key: what watches a server has none.  A server without keys that listens on loopback is only
called by its own names, else a page in the user's browser could call it by a name of its own (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

import bamlvm
from bamlvm.tools.generate.openapi_document import openapi_document
from bamlvm.tools.server.endpoints import Endpoints, Scope, Send
from bamlvm.tools.server.keys import Keys
from bamlvm.tools.server.metrics import CONTENT_TYPE
from bamlvm.tools.server.page import PAGE, POLICY
from bamlvm.tools.server.replies import Refused, encode, refusal
from bamlvm.tools.server.requests import Receive
from bamlvm.tools.server.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Lifespan

    from bamlvm.runtime import Runtime

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CHALLENGE: Final = {"www-authenticate": "Bearer"}
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "x-baml-api-key"},
    "basic": {"type": "http", "scheme": "basic"},
}
_HEADERS: Final = ("authorization", "content-type", "x-baml-api-key")


def application(
    runtime: Runtime, settings: Settings | None = None, lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """Return the application for a runtime; its ``state.endpoints`` has the calls that are under way."""
    settings = Settings() if settings is None else settings
    endpoints = Endpoints(runtime, settings)
    guard = Guard(settings)
    pages = Pages(endpoints, guard)
    middleware = []
    if settings.origins:
        middleware = [
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=("GET", "POST"),
                allow_headers=_HEADERS,
                expose_headers=("retry-after",),
            )
        ]

    # A browser has no key yet when it opens the page on which one is typed in; nothing of the program is in it.
    keyless = Guard(msgspec.structs.replace(settings, keys=(), password=None))

    def guarded(path: str, app: App, method: str, guard: Guard = guard) -> Route:
        return Route(path, Guarded(guard, app), methods=[method], include_in_schema=False)

    def page(path: str, make: Callable[[], Response], guard: Guard = guard) -> Route:
        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            await make()(scope, receive, send)

        return guarded(path, respond, "GET", guard)

    app = Starlette(
        routes=[
            guarded("/call/{function}", endpoints.call, "POST"),
            guarded("/stream/{function}", endpoints.stream, "POST"),
            Route("/openapi.json", Guarded(guard, pages.openapi), methods=["GET"]),
            page("/docs", pages.docs, keyless),
            page("/metrics", pages.metrics),
            Route("/health", pages.health),
            Route("/ready", pages.ready),
            Route("/_debug/ping", pages.ping),
            Route("/_debug/status", pages.status),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _http_error, Refused: _refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.endpoints = endpoints
    return app


class Guard:
    """Decides who may use a server."""

    def __init__(self, settings: Settings) -> None:
        self.keys = Keys(settings)
        self._hosts = None if settings.hosts is None else frozenset(host.lower() for host in settings.hosts)

    def check(self, scope: Scope) -> None:
        """Raise :class:`Refused` for a request that may not be served."""
        headers = scope["headers"]
        if self._hosts is not None:
            given = [value.decode("latin-1") for name, value in headers if name == b"host"]
            if len(given) != 1 or _host_name(given[0]) not in self._hosts:
                shown = repr(given[0][:80]) if given else "(none)"
                raise Refused(
                    421,
                    "misdirected_request",
                    f"this server is not called {shown}",
                    place="host",
                    hint="start it with --allow-host NAME, or with a key",
                )
        reason = self.keys.refusal(headers)
        if reason is not None:
            status = self.keys.status
            raise Refused(
                status,
                "unauthorized" if status == 401 else "forbidden",
                reason,
                place="authorization",
                hint="send a key: Authorization: Bearer KEY, or x-baml-api-key: KEY",
                headers=_CHALLENGE if status == 401 else {},
            )


class Guarded:
    """An endpoint for those who may use it."""

    def __init__(self, guard: Guard, app: App) -> None:
        self._guard = guard
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._guard.check(scope)
        await self._app(scope, receive, send)


class Pages:
    """The small routes."""

    def __init__(self, endpoints: Endpoints, guard: Guard) -> None:
        self._endpoints = endpoints
        self._guard = guard
        self._document: dict[str, Any] | None = None

    def docs(self) -> Response:
        """``/docs``."""
        return HTMLResponse(PAGE, headers={"content-security-policy": POLICY, "x-content-type-options": "nosniff"})

    async def openapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``/openapi.json``: the document of the program, for this server's address."""
        if self._document is None:
            self._document = openapi_document(self._endpoints.runtime)
            if self._guard.keys:
                self._document["components"]["securitySchemes"] = _SCHEMES
                self._document["security"] = [{name: []} for name in _SCHEMES]
        here = Request(scope).url  # of a mounted application, its own place: base_url would be that of the whole
        address = f"{here.scheme}://{here.netloc}{scope.get('root_path', '').rstrip('/')}"
        servers = [{"url": "{address}", "variables": {"address": {"default": address}}}]
        await _json(200, {**self._document, "servers": servers})(scope, receive, send)

    def metrics(self) -> Response:
        """``/metrics``."""
        return Response(self._endpoints.metrics.page(), media_type=CONTENT_TYPE)

    async def health(self, request: Request) -> Response:
        """``/health``: the process runs."""
        return _json(200, {"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """``/ready``: the next call would be taken."""
        if self._endpoints.stopping or self._endpoints.runtime.engine.closed:
            return _json(503, {"status": "stopping"})
        if self._endpoints.admission.is_full:
            return _json(503, {"status": "overloaded"})
        return _json(200, {"status": "ready"})

    async def ping(self, request: Request) -> Response:
        """``/_debug/ping``."""
        return PlainTextResponse(f"pong (from bamlvm v{bamlvm.__version__})")

    async def status(self, request: Request) -> Response:
        """``/_debug/status``: whether the request's credentials are right."""
        if not self._guard.keys:
            return _json(200, {"authz": {"enforcement": "none"}})
        reason = self._guard.keys.refusal(request.scope["headers"])
        if reason is None:
            return _json(200, {"authz": {"enforcement": "active", "outcome": "pass"}})
        authz = {"enforcement": "active", "outcome": "fail", "reason": reason}
        return _json(self._guard.keys.status, {"authz": authz})


def _host_name(header: str) -> str:
    """Return the name in a Host header, without its port."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() and ":" in header else header


async def _refused(request: Request, error: Exception) -> Response:
    status, body, headers = refusal(error)
    return _json(status, body, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    body: dict[str, Any] = {"error": "not_found", "message": f"there is no page {path[:80]!r}", "place": "path"}
    hint = "functions are called by POST /call/NAME and POST /stream/NAME; /docs lists them"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        body = {"error": "method_not_allowed", "message": f"{path[:80]!r} takes {allowed}", "place": "method"}
        hint = f"send the request with {allowed.partition(',')[0]}"
    return _json(error.status_code, {**body, "hint": hint}, dict(error.headers or {}))


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(body), status, dict(headers or {}), "application/json")
