"""Streams: a call whose partial values, ticks and attempts are read while it runs.

The first use decides how a stream runs.  ``for``, ``with`` and :meth:`Stream.final` outside an event loop run the
call on the background loop; ``async for``, ``async with`` and ``await stream.final()`` run it as a task of the
running loop.  It starts with that first use.  A reader that falls behind makes the call wait
(:data:`bamlvm.calls.run.QUEUED_EVENTS`).

A reader that stops ends the call: by leaving the loop early, by closing the stream, or by dropping it.  What the call
raised is raised by the iteration, at its end and once, and by every :meth:`Stream.final`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from bamlvm.calls.background import BackgroundRun
from bamlvm.calls.call import Call
from bamlvm.calls.hooks import Sink
from bamlvm.calls.run import END
from bamlvm.calls.task import TaskRun
from bamlvm.errors import Cancelled, HostError
from bamlvm.events import Partial
from bamlvm.vm.threads import MAIN


class Stream:
    """The value of ``runtime.stream(…)``: a call that is read while it runs.

    Iterating yields the partial values of the call's main thread; :meth:`events` yields partials, ticks and attempts of
    all threads in order; :meth:`final` returns the checked final value.  In an ``async`` function iterate with
    ``async for`` and ``await stream.final()``.
    """

    def __init__(self, begin: Callable[[Sink], Call]) -> None:
        self._begin = begin
        self._run: BackgroundRun | TaskRun | None = None
        self._raised = False

    def __iter__(self) -> StreamIterator:
        return StreamIterator(self, Partial)

    def __aiter__(self) -> StreamIterator:
        return StreamIterator(self, Partial)

    def events(self) -> StreamIterator:
        """Return an iterator of all that happens, for ``for`` and ``async for``: :class:`bamlvm.Partial`,
        :class:`bamlvm.Tick` and :class:`bamlvm.Attempt`, in order.

        Raises :class:`bamlvm.HostError` if the stream already runs for a reader of partial values only.
        """
        if self._run is not None and not self._run.wants_everything:
            raise HostError("the stream has begun without recording its events: call events() before reading from it")
        return StreamIterator(self, None)

    def final(self) -> Any:
        """Return the final value; in an event loop an awaitable of it.  Raises what the call raised.

        Partial values that are not read by then are dropped.
        """
        run = self._run
        if run is None:
            run = self._start(asyncio._get_running_loop() is not None, False, False)
        return run.result() if isinstance(run, BackgroundRun) else self._final(run)

    def wait(self) -> Any:
        """Return the final value, blocking this thread until it is there, inside an event loop as well.

        Raises what the call raised, and :class:`bamlvm.HostError` if the stream runs as a task of the loop.
        """
        run = self._run or self._start(False, False, False)
        if not isinstance(run, BackgroundRun):
            raise HostError("this stream runs in an event loop: await its final()")
        return run.result()

    async def _final(self, run: TaskRun) -> Any:
        return await run.result()  # a method, so that the stream lives as long: dropping it would end the call

    def close(self) -> None:
        """End the call if it still runs.

        Outside an event loop everything is closed on return; inside one the closing has begun (:meth:`aclose` waits
        for it).
        """
        self._abandon("the stream was closed")
        if isinstance(self._run, BackgroundRun):
            self._run.wait_closed()

    async def aclose(self) -> None:
        """End the call if it still runs, and wait until everything is closed."""
        self._abandon("the stream was closed")
        if isinstance(self._run, TaskRun):
            await self._run.wait_closed()
        elif self._run is not None:
            await asyncio.to_thread(self._run.wait_closed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._abandon("the stream was dropped")

    def background_run(self, everything: bool) -> BackgroundRun:
        """Return the run to read from outside an event loop, begun if need be.  Raises :class:`bamlvm.HostError`."""
        run = self._run or self._start(False, True, everything)
        if not isinstance(run, BackgroundRun):
            raise HostError("this stream runs in an event loop: use async for")
        return run

    def task_run(self, everything: bool) -> TaskRun:
        """Return the run to read from inside an event loop, begun if need be.  Raises :class:`bamlvm.HostError`."""
        run = self._run or self._start(True, True, everything)
        if not isinstance(run, TaskRun):
            raise HostError("this stream runs outside the event loop: use for")
        return run

    def raise_error(self) -> None:
        """Raise what the call raised, the first time."""
        if self._run is not None and self._run.error is not None and not self._raised:
            self._raised = True
            raise self._run.take_error()

    def left(self) -> None:
        """End the call: an iterator was dropped before its end."""
        self._abandon("the reader left the stream")

    def _start(self, in_loop: bool, partials: bool, everything: bool) -> BackgroundRun | TaskRun:
        run = TaskRun(partials, everything) if in_loop else BackgroundRun(partials, everything)
        self._run = run
        run.start(self._begin(run))
        return run

    def _abandon(self, why: str) -> None:
        run = getattr(self, "_run", None)  # absent if the construction failed
        if run is None:
            self._begin = _refuse
        else:
            run.abandon(why)


class StreamIterator:
    """Reads a stream, in ``for`` or ``async for``.  Dropping it before its end ends the call."""

    def __init__(self, stream: Stream, only: type[Partial] | None) -> None:
        self._stream = stream
        self._only = only
        self._open = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        run = self._stream.background_run(self._only is None)
        self._open = True
        while True:
            event = run.receive()
            if event is END:
                self._end()
                raise StopIteration
            if self._only is None:
                return event
            if type(event) is Partial and event.thread == MAIN:
                return event.value

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        run = self._stream.task_run(self._only is None)
        self._open = True
        while True:
            event = await run.receive()
            if event is END:
                self._end()
                raise StopAsyncIteration
            if self._only is None:
                return event
            if type(event) is Partial and event.thread == MAIN:
                return event.value

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._stream.left()

    def _end(self) -> None:
        self._open = False
        self._stream.raise_error()


def _refuse(sink: Sink) -> Call:
    raise Cancelled("the stream was closed")
