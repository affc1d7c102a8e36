"""The tabs that show the page, and what each of them hears.

A browser opens few connections to one server, and all of its tabs share them.  So there is one for each tab, which
stays open (server-sent events), and every other request is answered at once.  What takes time is *work* of a tab: the
tab gives it a name, and hears of it by that name:

    changed    the program has changed: its version
    (others)   an event of a work, with the work's name as ``work`` (runs.py; ``outcome`` for a test)

When the connection ends, the tab has left, and its works are cancelled.  A tab that reads slowly makes its works wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.types import Receive, Scope, Send

from bamlvm.context import CancelToken
from bamlvm.errors import BamlError, Cancelled, CompileError, HostError
from bamlvm.tools.dev.project import Project
from bamlvm.tools.dev.values import encoded
from bamlvm.tools.server.replies import Refused, refusal

if TYPE_CHECKING:
    from bamlvm.tools.dev.runs import Event

MOST_WORKS: Final = 200
"""Works of one tab at a time."""

_QUEUED: Final = 64  # events that wait for a tab to read them
_HEARTBEAT_SECONDS: Final = 15.0
_END_SECONDS: Final = 3.0

MakeWork = Callable[[CancelToken], "AsyncGenerator[Event, None]"]
"""Begins a work, which ends when its token is cancelled."""


class Tabs:
    """The tabs of one server."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._open: dict[str, Tab] = {}
        self._ending: list[asyncio.Task[None]] = []
        self._stopping = False

    def open(self, name: str) -> Tab:
        """Return a new tab.  Raises :class:`Refused` for a name that is in use, and when the server ends."""
        if self._stopping:
            raise Refused(503, "shutting_down", "the server is shutting down")
        if not name or name in self._open:
            raise Refused(409, "conflict", f"there is a tab {name!r} already", place="tab")
        tab = self._open[name] = Tab(self._project, lambda: self._open.pop(name, None))
        return tab

    def named(self, name: Any) -> Tab:
        """Return an open tab.  Raises :class:`Refused` if there is none of this name."""
        tab = self._open.get(name) if isinstance(name, str) else None
        if tab is None:
            raise Refused(404, "not_found", f"there is no tab {name!r}", place="tab")
        return tab

    def stop(self) -> None:
        """Take no new tabs."""
        self._stopping = True

    def cancel_all(self) -> None:
        """Cancel all works, and end each tab's connection when it has heard of that."""
        self._ending = [asyncio.ensure_future(tab.finish()) for tab in self._open.values()]


class Tab:
    """One tab: an ASGI application that answers with its events, and the works of the tab."""

    def __init__(self, project: Project, closed: Callable[[], object]) -> None:
        self._project = project
        self._closed = closed
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue(_QUEUED)
        self._works: dict[str, tuple[asyncio.Task[None], CancelToken]] = {}

    def start(self, name: Any, make: MakeWork) -> None:
        """Begin a work.  Raises :class:`Refused` for a name that is in use or no string, and for one work too many."""
        if not isinstance(name, str) or name in self._works:
            raise Refused(409, "conflict", f"{name!r} cannot be the name of a new work", place="work")
        if len(self._works) >= MOST_WORKS:
            raise Refused(429, "overloaded", f"{MOST_WORKS} calls run already: wait for one, or cancel it")
        token = CancelToken()
        self._works[name] = asyncio.create_task(self._tell(name, make(token))), token

    def cancel(self, name: Any) -> None:
        """Cancel a work; nothing happens if it has ended."""
        if name in self._works:
            self._works[name][1].cancel()

    async def finish(self) -> None:
        """Cancel the works, and end the connection when the tab has heard of that."""
        works = [*self._works.values()]
        for _, token in works:
            token.cancel()
        if works:
            await asyncio.wait([task for task, _ in works], timeout=_END_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.put(None), _END_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until the tab leaves."""
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        parts = {
            asyncio.create_task(self._send(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._follow()),
        }
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._closed()
            tasks = [task for task, _ in self._works.values()]
            for _, token in self._works.values():
                token.cancel()
            for task in (*parts, *tasks):  # nobody reads what a work would still say
                task.cancel()
            await asyncio.gather(*parts, *tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body"})

    async def _send(self, send: Send) -> None:
        while True:
            try:
                event = await asyncio.wait_for(self._queue.get(), _HEARTBEAT_SECONDS)
            except TimeoutError:
                text = b": still here\n\n"
            else:
                if event is None:
                    return
                text = b"event: %b\ndata: %b\n\n" % (event[0].encode(), encoded(event[1]))
            await send({"type": "http.response.body", "body": text, "more_body": True})

    async def _follow(self) -> None:
        version = -1
        while True:
            version = await self._project.newer_than(version)
            await self._queue.put(("changed", {"version": version}))

    async def _tell(self, name: str, happened: AsyncGenerator[Event, None]) -> None:
        try:
            async with contextlib.aclosing(happened):
                async for kind, data in happened:
                    await self._queue.put((kind, {"work": name, **data}))
        except Exception as error:
            await self._queue.put(("error", {"work": name, **error_body(error)}))
        finally:
            self._works.pop(name, None)


def error_body(error: Exception) -> dict[str, Any]:
    """Return what the page gets of an error; it is the user's own, so that nothing is kept back."""
    if isinstance(error, CompileError):
        return {"error": "compile_error", "message": str(error)}
    if isinstance(error, HostError) and not isinstance(error, Cancelled):
        return {"error": "invalid_argument", "message": str(error)}
    if isinstance(error, BamlError | Refused):
        return refusal(error)[1]
    return {"error": "internal_error", "message": f"{type(error).__name__}: {error}"}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
