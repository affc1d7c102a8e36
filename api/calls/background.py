"""The background loop: where synchronous calls wait.

A call that must wait leaves its thread: its machine and its sys-ops go on as a task of one event loop, run by one
daemon thread of the process, the only thing here that is shared by all runtimes.  The thread starts at the first such
wait. The calling thread stays behind at an inbox (:class:`BackgroundRun`), where it is handed callbacks to run,
events of a stream, and the end.  So a slow callback stalls its own call and nobody else's.

After a fork the child has no such thread: it forgets the parent's loop (never closing it: its selector is the parent's
too) and starts its own when needed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from bamlvm.calls.call import Call
from bamlvm.calls.drive import drive, finish_closing, start_closing
from bamlvm.errors import Cancelled, HostError
from bamlvm.events import Event
from bamlvm.vm.handles import CLOSE_SECONDS, Entry
from bamlvm.vm.outcomes import Suspended

QUEUED_EVENTS: Final = 64
"""How many events a stream may be ahead of its reader before the call waits."""

_LOOK_SECONDS: Final = 0.05


class _Background:
    """The process's loop and its thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost: list[Any] = []
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self._stop)

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="bamlvm-loop", daemon=True)
                self._thread.start()
            return self._loop

    @property
    def current(self) -> asyncio.AbstractEventLoop | None:
        """The loop if it has been started."""
        return self._loop

    def launch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a call as a task, on the loop."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def here(self) -> bool:
        """Whether this is its thread."""
        return self._thread is not None and self._thread.ident == threading.get_ident()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._lost.append((self._loop, self._thread, self._tasks))
        self._loop = self._thread = None
        self._tasks = set()

    def _stop(self) -> None:
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
            thread.join(CLOSE_SECONDS)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            # First the calls, which end what they have begun; a task of theirs that is cancelled before its first
            # turn would leave its coroutine unawaited.
            for tasks in (self._tasks, asyncio.all_tasks(loop)):
                loop.run_until_complete(_cancel(tasks))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    waiting = {task for task in tasks if not task.done() and task is not asyncio.current_task()}
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=CLOSE_SECONDS)


BACKGROUND: Final = _Background()
"""The one background loop of this process."""


class _End:
    """The last thing in an inbox."""


END: Final = _End()


class _Errand:
    """A callback that the calling thread is to run; the outcome goes to ``future`` as value or exception."""

    __slots__ = ("arguments", "callback", "future")

    def __init__(
        self, callback: Callable[..., Any], arguments: tuple[Any, ...], future: asyncio.Future[tuple[Any, Any]]
    ) -> None:
        self.callback = callback
        self.arguments = arguments
        self.future = future


class BackgroundRun:
    """A call on the background loop, seen from the thread that waits for it.  Also the sink of a stream."""

    def __init__(self, wants_partials: bool = False, wants_everything: bool = False) -> None:
        if BACKGROUND.here():
            raise HostError("a synchronous call on the background loop would wait for itself: await it instead")
        self.wants_partials = wants_partials
        self.wants_everything = wants_everything
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self._inbox: queue.SimpleQueue[Event | _Errand | _End] = queue.SimpleQueue()
        self._loop = BACKGROUND.loop()
        self._space: asyncio.Future[None] | None = None
        self._call: Call | None = None

    def start(self, call: Call, outcome: Suspended | None = None) -> None:
        """Go on with a call there."""
        call.ferry = self._ferry
        call.thread = None
        self._call = call
        self._loop.call_soon_threadsafe(self._launch, call, outcome)  # in this thread's context

    def receive(self) -> Event | _End:
        """The stream's next event, or the end; callbacks are run meanwhile.

        An exception in this thread, Ctrl-C above all, ends the call and waits until it is closed.
        """
        if self.ended:
            return END
        try:
            while True:
                item = self._inbox.get()
                if type(item) is _Errand:
                    self._serve(item)
                elif type(item) is _End:
                    self.ended = True
                    return item
                else:
                    if self._space is not None and self._inbox.qsize() <= QUEUED_EVENTS // 2:
                        self._loop.call_soon_threadsafe(self._make_room)
                    return item  # type: ignore[return-value]  # nothing but an event is left
        except BaseException:
            self.abandon("the waiting thread was interrupted")
            self.wait_closed()
            raise

    def result(self) -> Any:
        """Wait for the end; the call's value, or what it raised.  Events on the way are dropped."""
        while self.receive() is not END:
            pass
        if self.error is not None:
            raise self.error
        return self.value

    def abandon(self, why: str) -> None:
        """End the call; does not wait."""
        if self._call is not None and not self._call.concluded:
            self._call.interrupt(Cancelled(why))
        with contextlib.suppress(RuntimeError):  # the loop is closed
            if self._space is not None:
                self._loop.call_soon_threadsafe(self._make_room)

    def wait_closed(self) -> None:
        """Wait until the call has closed everything, at most ``CLOSE_SECONDS`` and a little."""
        call = self._call
        until = time.monotonic() + CLOSE_SECONDS + 0.5
        while call is not None and not self.ended and (left := until - time.monotonic()) > 0:
            try:
                self.ended = type(self._inbox.get(timeout=min(left, _LOOK_SECONDS))) is _End
            except queue.Empty:  # Ctrl-C may have lost the end on its way out of the inbox
                self.ended = call.concluded

    def put(self, event: Event) -> Awaitable[None] | None:
        """Take an event, on the loop."""
        self._inbox.put(event)
        if self._inbox.qsize() < QUEUED_EVENTS:
            return None
        self._space = self._loop.create_future()
        space = self._space
        if self._inbox.qsize() < QUEUED_EVENTS:  # the reader was here in between and saw nobody waiting
            self._make_room()
        return space

    def _make_room(self) -> None:
        space, self._space = self._space, None
        if space is not None and not space.done():
            space.set_result(None)

    def _launch(self, call: Call, outcome: Suspended | None) -> None:
        BACKGROUND.launch(self._main(call, outcome))

    async def _main(self, call: Call, outcome: Suspended | None) -> None:
        try:
            self.value = await drive(call, outcome)
        except asyncio.CancelledError:
            self.error = Cancelled("the background loop has ended")
        except BaseException as error:
            self.error = error
        finally:
            self._inbox.put(END)

    def _ferry(self, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> Awaitable[Any]:
        """Have the waiting thread run a callback; on the loop."""
        future: asyncio.Future[tuple[Any, Any]] = self._loop.create_future()
        self._inbox.put(_Errand(callback, arguments, future))
        return _ferried(future)

    def _serve(self, errand: _Errand) -> None:
        assert self._call is not None
        error: Exception | None = None
        result: Any = None
        self._call.thread = threading.get_ident()
        try:
            result = errand.callback(*errand.arguments)
        except Exception as raised:
            error = raised
        finally:
            self._call.thread = None
        self._loop.call_soon_threadsafe(_deliver, errand.future, result, error)


async def _ferried(future: asyncio.Future[tuple[Any, Any]]) -> None:
    result, error = await future
    if error is not None:
        raise error
    if result is not None and inspect.isawaitable(result):
        await result


def _deliver(future: asyncio.Future[tuple[Any, Any]], result: Any, error: Exception | None) -> None:
    if not future.done():
        future.set_result((result, error))
    elif inspect.iscoroutine(result):
        result.close()


def finish_blocking(call: Call, outcome: Suspended) -> Any:
    """Go on with a call that must wait, and wait for its value."""
    run = BackgroundRun()
    try:
        run.start(call, outcome)
        return run.result()
    except BaseException:  # Ctrl-C may strike between any two steps here, also before anybody waits
        run.abandon("the waiting thread was interrupted")
        run.wait_closed()
        raise


def close_blocking(entries: Iterable[Entry]) -> None:
    """Close what a call left open that never came to the loop."""
    closing = start_closing(entries)
    if not closing:
        return
    future = asyncio.run_coroutine_threadsafe(finish_closing(closing), BACKGROUND.loop())
    if not BACKGROUND.here():
        with contextlib.suppress(TimeoutError):
            future.result(CLOSE_SECONDS)
