"""The ASGI application of the page: its routes, and who may use them.

    GET  /, /page/NAME        the page and its modules: no secret is in them
    POST /open                hands the token to the page, for the file that knows it (opening.py)
    GET  /api/project         the project as data
    GET  /api/source, /api/stage
                              the file that a function is in, and what a stage makes of it
    GET  /api/recording, /api/exchange
                              the recording that was opened: its list, and one exchange
    POST /api/preview         the prompt and the request of a call
    POST /api/steps           a call of the machine, instruction by instruction
    GET  /api/events?tab=T    what a tab hears, as long as it is open (tabs.py)
    POST /api/run, /api/replay, /api/test
                              begin a work of a tab; POST /api/cancel ends it

Another page in the same browser must not get here.  The server answers to loopback's names alone (DNS rebinding), every
request under ``/api`` has the token in a header, which a page of another origin cannot set without being asked
(Fetch Standard, "CORS-preflight"), and no such question is answered; the policy lets the page load and reach nothing
else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bamlvm.errors import BamlError, CompileError, HostError
from bamlvm.tools.dev.opening import MOST_BYTES, given_token, opening_document
from bamlvm.tools.dev.project import Project
from bamlvm.tools.dev.recordings import Recording
from bamlvm.tools.dev.tabs import error_body
from bamlvm.tools.dev.views import MakeReplaying, Views, json_response
from bamlvm.tools.server.application import Guard
from bamlvm.tools.server.process import ending_gracefully
from bamlvm.tools.server.replies import Refused
from bamlvm.tools.server.requests import ClientGone
from bamlvm.tools.server.settings import Settings

HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")

_HINT: Final = "open the page by the URL that `bamlvm dev` printed"

_TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def application(
    project: Project, token: str, *, mocked: bool = False, recording: Recording | None = None, replaying: MakeReplaying
) -> Starlette:
    """Return the application for a project; ``token`` is what the page proves itself with."""
    views = Views(project, mocked, recording, replaying)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await project.refresh()
        watching = asyncio.ensure_future(project.watch())
        try:
            async with ending_gracefully(views, 0):
                yield
        finally:
            views.close()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await project.aclose()

    return Starlette(
        routes=[
            Route("/", _page_of("index.html")),
            Route("/page/{name}", _page),
            Route("/open", _opener(token), methods=["POST"]),
            Route("/open", _reopened),
            *(
                Route(f"/api/{view.__name__}", view, methods=[method])
                for method, found in (
                    ("GET", (views.project, views.events, views.source, views.stage, views.recording, views.exchange)),
                    ("POST", (views.preview, views.steps, views.run, views.replay, views.test, views.cancel)),
                )
                for view in found
            ),
        ],
        middleware=[Middleware(_Guarded, token=token)],
        exception_handlers={
            HTTPException: _not_found,
            Exception: _failed,
            BamlError: _failed,
            Refused: _failed,
            ClientGone: _gone,
        },
        lifespan=lifespan,
    )


class _Guarded:
    """Lets pass what comes from the page itself, and adds the headers of every response."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._all = Guard(Settings(hosts=HOSTS))
        self._api = Guard(Settings(hosts=HOSTS, keys=(token,)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message.get("headers", ())}
                added = [
                    (name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in given
                ]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        guard = self._api if scope["path"].startswith("/api/") else self._all
        try:
            guard.check(scope)
        except Refused as refused:
            body = {**refused.body(), "hint": _HINT}
            await JSONResponse(body, refused.status)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return json_response(error.body(), error.status)
    status = 409 if isinstance(error, CompileError) else 400 if isinstance(error, HostError) else 500
    return json_response(error_body(error), status)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_response(
        {"error": "not_found", "message": f"{request.url.path[:80]}: {error.detail}"}, error.status_code
    )


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)


def _page_of(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return _file(name)

    return page


def _opener(token: str) -> Callable[[Request], Awaitable[Response]]:
    async def opened(request: Request) -> Response:
        form = b""
        async for piece in request.stream():
            form += piece
            if len(form) > MOST_BYTES:
                break
        if not hmac.compare_digest(given_token(form).encode(), token.encode()):
            raise Refused(401, "unauthorized", "this is not the token of this server", hint=_HINT)
        return HTMLResponse(opening_document(token))

    return opened


async def _reopened(request: Request) -> Response:  # it is in the browser's history
    return RedirectResponse("/")


async def _page(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    kind = _TYPES.get(name.rpartition(".")[2])
    folder = files("bamlvm.tools.dev") / "page"
    if kind is None or name not in {each.name for each in folder.iterdir()}:
        return JSONResponse({"error": "not_found", "message": "there is no such page"}, 404)
    return Response((folder / name).read_bytes(), media_type=kind)
