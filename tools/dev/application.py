"""The ASGI application of the page: its routes, and who may use them.

    GET  /, /page/NAME        the page and its modules: no secret is in them
    GET  /api/project         the project as data; ?newer=N waits for a version after N
    GET  /api/source, /api/stage
    POST /api/preview         the prompt and the request of a call
    POST /api/run             a call, as server-sent events; leaving cancels it
    POST /api/test            one test, run
    POST /api/steps           a call of the machine, instruction by instruction
    GET  /api/recording       the recording that was opened

Another page in the same browser must not get here.  The server answers to loopback's names alone (DNS rebinding), every
request under ``/api`` has the token in a header, which a page of another origin cannot set without being asked
(Fetch Standard, "CORS-preflight"), and no such question is answered; the policy lets the page load and reach nothing
else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bamlvm.context import CallContext, CancelToken
from bamlvm.errors import BamlError, CompileError, HostError
from bamlvm.tools.dev.description import described
from bamlvm.tools.dev.preview import preview
from bamlvm.tools.dev.project import Project
from bamlvm.tools.dev.recordings import opened
from bamlvm.tools.dev.runs import run
from bamlvm.tools.dev.steps import stage_of, steps_of
from bamlvm.tools.server.application import Guard
from bamlvm.tools.server.process import ending_gracefully
from bamlvm.tools.server.replies import Refused, encode, refusal
from bamlvm.tools.server.requests import ClientGone, read_body
from bamlvm.tools.server.settings import Settings
from bamlvm.tools.test_runner.runner import run_case
from bamlvm.values.results import to_builtins

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.tools.test_runner.cases import Outcome

HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
WAIT_SECONDS: Final = 25.0
"""How long a question for a newer version waits."""

_BODIES: Final = Settings(max_body=32 << 20)
"""The bounds of what the page sends."""

_TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}

MakeReplaying = Callable[[Mapping[str, str], str], "Runtime"]
"""Makes a runtime of sources that answers from the recording at a path."""


def application(
    project: Project, token: str, *, mocked: bool = False, recording: str | None = None, replaying: MakeReplaying
) -> Starlette:
    """Return the application for a project; ``token`` is what the page proves itself with."""
    views = _Views(project, mocked, recording, replaying)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await project.refresh()
        watching = asyncio.ensure_future(project.watch())
        try:
            async with ending_gracefully(views, 0):
                yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await project.aclose()

    return Starlette(
        routes=[
            Route("/", _page_of("index.html")),
            Route("/page/{name}", _page),
            Route("/api/project", views.project),
            Route("/api/source", views.source),
            Route("/api/stage", views.stage),
            Route("/api/recording", views.recording),
            Route("/api/preview", views.preview, methods=["POST"]),
            Route("/api/run", views.run, methods=["POST"]),
            Route("/api/test", views.test, methods=["POST"]),
            Route("/api/steps", views.steps, methods=["POST"]),
        ],
        middleware=[Middleware(_Guarded, token=token)],
        exception_handlers={BamlError: _failed, Refused: _failed, ClientGone: _gone},
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
            await JSONResponse(refused.body(), refused.status)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


class _Views:
    """The routes under ``/api``."""

    def __init__(self, project: Project, mocked: bool, recording: str | None, replaying: MakeReplaying) -> None:
        self._project = project
        self._mocked = mocked
        self._recording = recording
        self._replaying = replaying
        self._ending = CancelToken()
        self._waking: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Let nobody wait for a newer version any more."""
        self._waking = asyncio.ensure_future(self._project.stop_waiting())

    def cancel_all(self) -> None:
        """Cancel what runs."""
        self._ending.cancel()

    async def project(self, request: Request) -> Response:
        newer = request.query_params.get("newer", "")
        if newer.isdecimal():
            await self._project.newer_than(int(newer), WAIT_SECONDS)
        found = described(self._project, mocked=self._mocked, recording=self._recording is not None)
        return _json(found)

    async def source(self, request: Request) -> Response:
        name = request.query_params.get("file", "")
        if name not in self._project.files:
            raise Refused(404, "not_found", f"the program has no file {name!r}", place="file")
        return _json({"text": self._project.files[name]})

    async def stage(self, request: Request) -> Response:
        given = request.query_params
        text = await asyncio.to_thread(
            stage_of, self._project.compiled, given.get("function", ""), given.get("stage", "")
        )
        return _json({"text": text})

    async def recording(self, request: Request) -> Response:
        if self._recording is None:
            raise Refused(404, "not_found", "no recording was opened", hint="bamlvm dev --open FILE")
        return _json(await asyncio.to_thread(opened, self._recording))

    async def _asked(self, request: Request) -> _Asked:
        return _Asked(await _body(request), self._ending)

    async def preview(self, request: Request) -> Response:
        asked = await self._asked(request)
        runtime = self._project.ready()
        return _json(await asyncio.to_thread(preview, runtime, asked.function, asked.args, asked.context))

    async def run(self, request: Request) -> Response:
        asked = await self._asked(request)
        runtime = self._project.ready()
        made = None
        if asked.is_replayed and self._recording is not None:
            made = runtime = await asyncio.to_thread(self._replaying, self._project.compiled, self._recording)
        happened = run(runtime, asked.function, asked.args, asked.context)

        async def events() -> AsyncIterator[bytes]:
            try:
                async with contextlib.aclosing(happened):
                    async for name, data in happened:
                        yield b"event: %b\ndata: %b\n\n" % (name.encode(), encode(data))
            finally:
                if made is not None:
                    await made.aclose()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def test(self, request: Request) -> Response:
        asked = await _body(request)
        runtime = self._project.ready()
        case = next((each for each in runtime.cases if each.name == asked.get("name")), None)
        if case is None:
            raise Refused(404, "not_found", f"there is no test {asked.get('name')!r}", place="name")
        return _json(_outcome(await asyncio.to_thread(run_case, runtime, case)))

    async def steps(self, request: Request) -> Response:
        asked = await self._asked(request)
        runtime = self._project.ready()
        files = self._project.compiled
        return _json(await steps_of(runtime, files, asked.function, asked.args, asked.context))


class _Asked:
    """What a request asks for: a function, its arguments, the options of the call."""

    def __init__(self, body: Mapping[str, Any], cancel: CancelToken) -> None:
        function, args, client = body.get("function"), body.get("args", {}), body.get("client")
        if not isinstance(function, str) or not isinstance(args, dict) or not isinstance(client, (str, type(None))):
            raise Refused(400, "invalid_argument", "expected an object with function, args and perhaps client")
        self.function = function
        self.args = args
        self.context = CallContext(client=client or None, cancel=cancel)
        self.is_replayed = body.get("replay") is True


async def _body(request: Request) -> Mapping[str, Any]:
    text = await read_body(request.scope, request.receive, _BODIES)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_argument", f"not JSON: {error}", place="body") from None
    if not isinstance(body, dict):
        raise Refused(400, "invalid_argument", "expected an object", place="body")
    return body


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "seconds": outcome.seconds,
        "value": None if outcome.error is not None else to_builtins(outcome.value),
        "error": None if outcome.error is None else str(outcome.error),
        "constraints": [
            {
                "text": each.message,
                "level": each.level,
                "holds": each.holds,
                "operands": [[source, to_builtins(value)] for source, value in each.operands],
            }
            for each in outcome.constraints
        ],
        "attempts": len(outcome.attempts),
    }


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, CompileError):
        return JSONResponse({"error": "compile_error", "message": str(error)}, 409)
    if isinstance(error, HostError):
        return JSONResponse({"error": "invalid_argument", "message": str(error)}, 400)
    status, body, _ = refusal(error)
    return _json(body, status)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)


def _page_of(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return _file(name)

    return page


async def _page(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    kind = _TYPES.get(name.rpartition(".")[2])
    folder = files("bamlvm.tools.dev") / "page"
    if kind is None or name not in {each.name for each in folder.iterdir()}:
        return JSONResponse({"error": "not_found", "message": "there is no such page"}, 404)
    return Response((folder / name).read_bytes(), media_type=kind)


def _json(value: Any, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")
