"""Streams: a call whose partial values, ticks and attempts are read while it runs.

The first use decides how a stream runs.  ``for``, ``with`` and :meth:`Stream.final` outside an event loop run the
call on the background loop; ``async for``, ``async with`` and ``await stream.final()`` run it as a task of the
running loop.  It starts with that first use.  A reader that falls behind makes the call wait (``QUEUED_EVENTS``).

Whoever stops reading ends the call: leaving the loop early, closing the stream, or dropping it.  What the call raised
is raised by the iteration, at its end and once, and by every :meth:`Stream.final`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from bamlvm.calls.background import END, QUEUED_EVENTS, BackgroundRun
from bamlvm.calls.call import Call, Sink
from bamlvm.calls.drive import drive
from bamlvm.errors import Cancelled, HostError
from bamlvm.events import Event, Partial
from bamlvm.vm.handles import CLOSE_SECONDS


class TaskRun:
    """A call as a task of the running loop, and the sink of its events."""

    def __init__(self, wants_partials: bool, wants_everything: bool) -> None:
        self.wants_partials = wants_partials
        self.wants_everything = wants_everything
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self._events: deque[Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._reader: asyncio.Future[None] | None = None
        self._space: asyncio.Future[None] | None = None
        self._call: Call | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, call: Call) -> None:
        """Begin."""
        self._call = call
        self._task = self._loop.create_task(self._main(call))

    async def receive(self) -> Event | object:
        """The next event, or ``END``.  If the reader is cancelled, so is the call, and closed."""
        if asyncio.get_running_loop() is not self._loop:
            raise HostError("this stream runs in another event loop")
        while not self._events:
            if self.ended:
                return END
            self._reader = self._loop.create_future()
            try:
                await self._reader
            except asyncio.CancelledError:
                self.abandon("the reader of the stream was cancelled")
                await self.wait_closed()
                raise
            finally:
                self._reader = None
        event = self._events.popleft()
        if self._space is not None and len(self._events) <= QUEUED_EVENTS // 2:
            _wake(self._space)
            self._space = None
        return event

    async def result(self) -> Any:
        """Wait for the end; the call's value, or what it raised.  Events on the way are dropped."""
        while await self.receive() is not END:
            pass
        if self.error is not None:
            raise self.error
        return self.value

    def abandon(self, why: str) -> None:
        """End the call, from any thread; does not wait."""
        if self._call is not None and not self._call.concluded:
            self._call.interrupt(Cancelled(why))

    async def wait_closed(self) -> None:
        """Wait until the call has closed everything."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS + 0.5)

    def put(self, event: Event) -> Awaitable[None] | None:
        """Take an event."""
        self._events.append(event)
        if self._reader is not None:
            _wake(self._reader)
        if len(self._events) < QUEUED_EVENTS:
            return None
        self._space = self._loop.create_future()
        return self._space

    async def _main(self, call: Call) -> None:
        try:
            self.value = await drive(call)
        except asyncio.CancelledError:
            self.error = Cancelled("the event loop of the stream has ended")
            raise
        except BaseException as error:
            self.error = error
        finally:
            self.ended = True
            if self._reader is not None:
                _wake(self._reader)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Stream:
    """What ``runtime.stream(…)`` gives.

    Iterating yields the partial values; :meth:`events` yields partials, ticks and attempts in order; :meth:`final`
    gives the checked final value.  In an ``async`` function iterate with ``async for`` and ``await stream.final()``.
    """

    def __init__(self, begin: Callable[[Sink], Call]) -> None:
        self._begin = begin
        self._run: BackgroundRun | TaskRun | None = None
        self._reported = False

    def __iter__(self) -> StreamIterator:
        return StreamIterator(self, Partial)

    def __aiter__(self) -> StreamIterator:
        return StreamIterator(self, Partial)

    def events(self) -> StreamIterator:
        """Everything that happens, as :class:`bamlvm.Partial`, :class:`bamlvm.Tick` and :class:`bamlvm.Attempt`, in
        order; for ``for`` and ``async for``.

        Raises :class:`bamlvm.HostError` if the stream already runs for a reader of partial values only.
        """
        if self._run is not None and not self._run.wants_everything:
            raise HostError("the stream has begun without recording its events: call events() before reading from it")
        return StreamIterator(self, None)

    def final(self) -> Any:
        """The final value; in an event loop an awaitable of it.  Raises what the call raised.

        Partial values that nobody has read by then are dropped.
        """
        run = self._run
        if run is None:
            run = self.start(_in_loop(), False, False)
        return run.result() if isinstance(run, BackgroundRun) else self._final(run)

    async def _final(self, run: TaskRun) -> Any:
        return await run.result()  # which is not to be dropped meanwhile, so the stream is not either

    def close(self) -> None:
        """End the call if it still runs.  Outside an event loop everything is closed on return; inside one the closing
        has begun (:meth:`aclose` waits for it)."""
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

    def start(self, in_loop: bool, partials: bool, everything: bool) -> BackgroundRun | TaskRun:
        """Begin the call, for whom it is to tell what."""
        run = TaskRun(partials, everything) if in_loop else BackgroundRun(partials, everything)
        self._run = run
        run.start(self._begin(run))
        return run

    def reading(self, in_loop: bool, everything: bool) -> BackgroundRun | TaskRun:
        """The run to read events from."""
        run = self._run
        if run is None:
            return self.start(in_loop, True, everything)
        if isinstance(run, TaskRun) is not in_loop:
            raise HostError(
                "this stream runs in an event loop: use async for"
                if isinstance(run, TaskRun)
                else "this stream runs outside the event loop: use for"
            )
        return run

    def report(self) -> None:
        """Raise what the call raised, the first time."""
        if self._run is not None and self._run.error is not None and not self._reported:
            self._reported = True
            raise self._run.error

    def _abandon(self, why: str) -> None:
        run = getattr(self, "_run", None)
        if run is None:
            self._begin = _never
        else:
            run.abandon(why)

    def drop(self) -> None:
        """An iterator was left before its end."""
        self._abandon("the reader left the stream")


class StreamIterator:
    """Reads a stream, in ``for`` or ``async for``.  Dropping it before its end ends the call."""

    def __init__(self, stream: Stream, only: type[Partial] | None) -> None:
        self._stream = stream
        self._only = only
        self._open = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        run = self._stream.reading(False, self._only is None)
        assert isinstance(run, BackgroundRun)
        self._open = True
        while True:
            event = run.receive()
            if event is END:
                self._open = False
                self._stream.report()
                raise StopIteration
            if self._only is None:
                return event
            if type(event) is Partial:
                return event.value

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        run = self._stream.reading(True, self._only is None)
        assert isinstance(run, TaskRun)
        self._open = True
        while True:
            event = await run.receive()
            if event is END:
                self._open = False
                self._stream.report()
                raise StopAsyncIteration
            if self._only is None:
                return event
            if type(event) is Partial:
                return event.value

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._stream.drop()


def _in_loop() -> bool:
    return asyncio._get_running_loop() is not None


def _never(sink: Sink) -> Call:
    raise Cancelled("the stream was closed")
