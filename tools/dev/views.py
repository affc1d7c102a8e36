"""The routes under ``/api``: what each of them does (application.py lists them)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from bamlvm.context import CallContext, CancelToken
from bamlvm.errors import Cancelled
from bamlvm.tools.dev.description import described
from bamlvm.tools.dev.preview import preview
from bamlvm.tools.dev.project import Project
from bamlvm.tools.dev.recordings import Recording
from bamlvm.tools.dev.runs import Event, run
from bamlvm.tools.dev.stages import Stages
from bamlvm.tools.dev.steps import steps_of
from bamlvm.tools.dev.tabs import Tab, Tabs
from bamlvm.tools.dev.values import encoded, value_text
from bamlvm.tools.project import project_folder
from bamlvm.tools.server.replies import Refused
from bamlvm.tools.server.requests import arguments_of, read_body
from bamlvm.tools.server.settings import Settings
from bamlvm.tools.test_runner.runner import run_case

if TYPE_CHECKING:
    from bamlvm.build.loading import Loaded
    from bamlvm.runtime import Runtime
    from bamlvm.tools.test_runner.cases import Outcome

_LOOKS: Final = 4
_TESTS: Final = 8
"""Threads for what is looked at (previews, stages, recordings), and for tests."""

_BODIES: Final = Settings(max_body=32 << 20)
"""The bounds of what the page sends."""

Result = TypeVar("Result")
MakeReplaying = Callable[["Loaded", str], "Runtime"]
"""Makes a runtime of a program that answers from the recording at a path."""


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response with a value as JSON."""
    return Response(encoded(value), status, media_type="application/json")


class Views:
    """The routes under ``/api``."""

    def __init__(self, project: Project, mocked: bool, recording: Recording | None, replaying: MakeReplaying) -> None:
        self._project = project
        self._mocked = mocked
        self._recording = recording
        if recording is not None:
            project.also = recording.refresh
        self._replaying = replaying
        self._tabs = Tabs(project)
        self._asked: set[CancelToken] = set()
        self._described: tuple[int, bytes] | None = None
        self._stages: tuple[Mapping[str, str], Stages] | None = None
        # Threads of their own: what takes long in one of them must not keep the project from being read.
        self._looks = ThreadPoolExecutor(_LOOKS, "bamlvm-dev")
        self._tests = ThreadPoolExecutor(_TESTS, "bamlvm-test")

    def stop(self) -> None:
        """Take no new tabs."""
        self._tabs.stop()

    def cancel_all(self) -> None:
        """Cancel what runs."""
        self._tabs.cancel_all()
        for token in self._asked:
            token.cancel()

    def close(self) -> None:
        """Let the threads end."""
        for pool in (self._looks, self._tests):
            pool.shutdown(wait=False, cancel_futures=True)

    async def project(self, request: Request) -> Response:
        if self._described is None or self._described[0] != self._project.version:
            found = described(self._project, mocked=self._mocked, recording=self._recording is not None)
            self._described = self._project.version, encoded(found)
        return Response(self._described[1], media_type="application/json")

    async def events(self, request: Request) -> Tab:  # which is an ASGI application, as responses are
        return self._tabs.open(request.query_params.get("tab", ""))

    async def source(self, request: Request) -> Response:
        stages = self._current_stages()
        return json_response(await self._look(stages.source, request.query_params.get("function", "")))

    async def stage(self, request: Request) -> Response:
        given = request.query_params
        stages = self._current_stages()
        return json_response({"text": await self._look(stages.text, given.get("function", ""), given.get("stage", ""))})

    async def recording(self, request: Request) -> Response:
        return json_response(await self._look(self._opened().summary))

    async def exchange(self, request: Request) -> Response:
        number = request.query_params.get("number", "")
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise Refused(400, "invalid_argument", "expected the number of an exchange", place="number")
        return json_response(await self._look(self._opened().exchange, int(number)))

    async def preview(self, request: Request) -> Response:
        asked = _Asked(await _body(request))
        async with self._project.lease() as runtime, self._while_there(request) as token:
            return json_response(await self._look(preview, runtime, asked.function, asked.args, asked.context(token)))

    async def steps(self, request: Request) -> Response:
        asked = _Asked(await _body(request))
        files = self._project.compiled
        async with self._project.lease() as runtime, self._while_there(request) as token:
            return json_response(await steps_of(runtime, files, asked.function, asked.args, asked.context(token)))

    async def run(self, request: Request) -> Response:
        body = await _body(request)
        asked = _Asked(body)

        async def events(token: CancelToken) -> AsyncGenerator[Event, None]:
            async with self._project.lease() as runtime:
                happened = run(runtime, asked.function, asked.args, asked.context(token))
                async with contextlib.aclosing(happened):
                    async for event in happened:
                        yield event

        self._tabs.named(body.get("tab")).start(body.get("work"), events)
        return json_response({}, 202)

    async def replay(self, request: Request) -> Response:
        body = await _body(request)
        number, opened = body.get("call"), self._opened()
        if type(number) is not int or not 0 <= number < len(opened.calls):
            raise Refused(400, "invalid_argument", "expected the number of a recorded call", place="call")
        call = opened.calls[number]
        files = self._project.compiled

        async def events(token: CancelToken) -> AsyncGenerator[Event, None]:
            loaded = await self._look(self._project.loader.load, files)
            runtime = await self._look(self._replaying, loaded, opened.path)
            try:
                happened = run(runtime, call.call, call.arguments or {}, CallContext(cancel=token))
                async with contextlib.aclosing(happened):
                    async for event in happened:
                        yield event
            finally:
                await runtime.aclose()

        self._tabs.named(body.get("tab")).start(body.get("work"), events)
        return json_response({}, 202)

    async def test(self, request: Request) -> Response:
        body = await _body(request)
        cases = self._project.ready().cases
        if not any(case.name == body.get("name") for case in cases):
            raise Refused(404, "not_found", f"there is no test {body.get('name')!r}", place="name")

        async def events(token: CancelToken) -> AsyncGenerator[Event, None]:
            loop = asyncio.get_running_loop()
            async with self._project.lease() as runtime:
                case = next((each for each in runtime.cases if each.name == body["name"]), None)
                if case is None:
                    raise Refused(404, "not_found", f"there is no test {body['name']!r} any more", place="name")
                running = loop.run_in_executor(
                    self._tests, lambda: run_case(runtime, case, CallContext(cancel=token), project=self._folder)
                )
                try:
                    yield "outcome", _outcome(await running)
                except Cancelled:
                    yield "cancelled", {}
                finally:
                    token.cancel()
                    await asyncio.wait([running])

        self._tabs.named(body.get("tab")).start(body.get("work"), events)
        return json_response({}, 202)

    async def cancel(self, request: Request) -> Response:
        body = await _body(request)
        self._tabs.named(body.get("tab")).cancel(body.get("work"))
        return json_response({})

    @property
    def _folder(self) -> str:
        path = self._project.path
        return project_folder(path if os.path.isdir(path) else os.path.dirname(path))

    def _current_stages(self) -> Stages:
        self._project.ready()
        files = self._project.compiled
        if self._stages is None or self._stages[0] is not files:
            self._stages = files, Stages(files, self._project.loader)
        return self._stages[1]

    def _opened(self) -> Recording:
        if self._recording is None:
            raise Refused(404, "not_found", "no recording was opened", hint="bamlvm dev --open FILE")
        return self._recording

    async def _look(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run what neither waits nor runs the program for long in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._looks, work, *arguments)

    @contextlib.asynccontextmanager
    async def _while_there(self, request: Request) -> AsyncIterator[CancelToken]:
        """Provide a token that is cancelled when the page does not want the answer any more."""
        token = CancelToken()
        self._asked.add(token)
        watching = asyncio.ensure_future(_watch(request.receive, token))
        try:
            yield token
        finally:
            self._asked.discard(token)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


class _Asked:
    """What a request asks for: a function, its arguments, the client for it."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        function, args, client = body.get("function"), body.get("args", {}), body.get("client")
        if not isinstance(function, str) or not isinstance(args, dict) or not isinstance(client, (str, type(None))):
            raise Refused(400, "invalid_argument", "expected an object with function, args and perhaps client")
        self.function = function
        self.args = args
        self._client = client or None

    def context(self, cancel: CancelToken) -> CallContext:
        """Return the options of the call."""
        return CallContext(client=self._client, cancel=cancel)


async def _watch(receive: Receive, token: CancelToken) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    token.cancel()


async def _body(request: Request) -> Mapping[str, Any]:
    """Return a body as an object, held to what is said in :mod:`bamlvm.tools.server.requests`."""
    text = await read_body(request.scope, request.receive, _BODIES)
    return arguments_of(text, _BODIES)[0]


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "seconds": outcome.seconds,
        "value": None if outcome.error is not None else value_text(outcome.value),
        "error": None if outcome.error is None else str(outcome.error),
        "constraints": [
            {
                "text": each.message,
                "level": each.level,
                "holds": each.holds,
                "operands": [[source, value_text(value)] for source, value in each.operands],
            }
            for each in outcome.constraints
        ],
        "attempts": len(outcome.attempts),
    }
