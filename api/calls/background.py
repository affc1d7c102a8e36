"""The background loop: where synchronous calls wait.

A call that must wait leaves its thread: its machine and its sys-ops go on as a task of one event loop, run by one
daemon thread of the process, the only thing here that all runtimes share.  The thread starts at the first such wait.
The calling thread stays behind at an inbox (:class:`BackgroundRun`), from which it takes callbacks to run, events of a
stream, and the end.  So a slow callback stalls its own call and no other.

A child process has no such thread: it forgets its parent's loop (and never closes it, since the parent uses the same
selector) and starts its own when needed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from bamlvm.calls.call import Call
from bamlvm.calls.closing import finish_closing, start_closing
from bamlvm.calls.run import END, End, Run
from bamlvm.errors import HostError
from bamlvm.events import Event
from bamlvm.sysops.system import after_fork, monotonic
from bamlvm.vm.handles import CLOSE_SECONDS, Entry
from bamlvm.vm.outcomes import Idle, Suspended

_INTERRUPTED: Final = "the waiting thread was interrupted"
_POLL_SECONDS: Final = 0.05


class _BackgroundLoop:
    """The process's loop and its thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._inherited: list[Any] = []
        after_fork(self._forked)
        atexit.register(self._stop)

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, started if need be."""
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
        """Run a call as a task; called on the loop."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def is_this_thread(self) -> bool:
        """Whether the calling thread is the loop's."""
        return self._thread is not None and self._thread.ident == threading.get_ident()

    def _forked(self) -> None:
        self._lock = threading.Lock()
        self._inherited.append((self._loop, self._thread, self._tasks))  # collecting them would close the loop
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


BACKGROUND: Final = _BackgroundLoop()
"""The one background loop of this process."""


class _CallbackRequest:
    """A callback that the calling thread is to run; its outcome goes to ``future`` as value or exception."""

    __slots__ = ("arguments", "callback", "future")

    def __init__(
        self, callback: Callable[..., Any], arguments: tuple[Any, ...], future: asyncio.Future[tuple[Any, Any]]
    ) -> None:
        self.callback = callback
        self.arguments = arguments
        self.future = future


class BackgroundRun(Run):
    """A call on the background loop, whose reader is the thread that waits for it."""

    def __init__(self, wants_partials: bool = False, wants_everything: bool = False) -> None:
        if BACKGROUND.is_this_thread():
            raise HostError("a synchronous call on the background loop would wait for itself: await it instead")
        self._inbox: queue.SimpleQueue[Event | _CallbackRequest | End] = queue.SimpleQueue()
        super().__init__(BACKGROUND.loop(), wants_partials, wants_everything)

    def _append(self, event: Event) -> None:
        self._inbox.put(event)

    def _length(self) -> int:
        return self._inbox.qsize()

    def start(self, call: Call, outcome: Suspended | Idle | None = None) -> None:
        """Go on with a call on the loop; ``outcome`` is the wait that it has reached."""
        call.call_in_caller_thread = self._request
        call.thread = None
        self._call = call
        self._loop.call_soon_threadsafe(self._launch, call, outcome)  # in this thread's context variables

    def receive(self) -> Event | End:
        """Return the stream's next event, or ``END``; callbacks are run meanwhile.

        An exception in this thread, Ctrl-C above all, ends the call; it is raised when the call is closed.
        """
        if self.ended:
            return END
        try:
            while True:
                item = self._inbox.get()
                if type(item) is _CallbackRequest:
                    self._run_callback(item)
                elif type(item) is End:
                    self.ended = True
                    return item
                else:
                    if self._has_room():
                        self._loop.call_soon_threadsafe(self._make_room)
                    return item  # type: ignore[return-value]  # an event is all that is left
        except BaseException:
            self.abandon(_INTERRUPTED)
            self.wait_closed()
            raise

    def result(self) -> Any:
        """Wait for the end and return the call's value, or raise what it raised; events on the way are dropped."""
        while self.receive() is not END:
            pass
        if self.error is not None:
            raise self.take_error()
        return self.value

    def wait_closed(self) -> None:
        """Wait until the call has closed everything, at most ``CLOSE_SECONDS`` and a little."""
        call = self._call
        until = monotonic() + CLOSE_SECONDS + 0.5
        while call is not None and not self.ended and (left := until - monotonic()) > 0:
            try:
                self.ended = type(self._inbox.get(timeout=min(left, _POLL_SECONDS))) is End
            except queue.Empty:  # Ctrl-C may have lost the end on its way out of the inbox
                self.ended = call.concluded

    def _launch(self, call: Call, outcome: Suspended | Idle | None) -> None:
        BACKGROUND.launch(self._drive(call, outcome))

    def _end(self) -> None:
        self._inbox.put(END)

    def _request(self, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> Awaitable[Any]:
        """Have the waiting thread run a callback; called on the loop."""
        future: asyncio.Future[tuple[Any, Any]] = self._loop.create_future()
        self._inbox.put(_CallbackRequest(callback, arguments, future))
        return _answered(future)

    def _run_callback(self, request: _CallbackRequest) -> None:
        call = self._call
        error: Exception | None = None
        result: Any = None
        if call is not None:
            call.thread = threading.get_ident()
        try:
            result = request.callback(*request.arguments)
        except Exception as raised:
            error = raised
        finally:
            if call is not None:
                call.thread = None
        self._loop.call_soon_threadsafe(_answer, request.future, result, error)


async def _answered(future: asyncio.Future[tuple[Any, Any]]) -> None:
    result, error = await future
    if error is not None:
        raise error
    if result is not None and inspect.isawaitable(result):
        await result


def _answer(future: asyncio.Future[tuple[Any, Any]], result: Any, error: Exception | None) -> None:
    if not future.done():
        future.set_result((result, error))
    elif inspect.iscoroutine(result):  # the call has been interrupted meanwhile
        result.close()


def finish_blocking(call: Call, outcome: Suspended | Idle) -> Any:
    """Go on with a call that must wait, and wait for its value."""
    run = BackgroundRun()
    try:
        run.start(call, outcome)
        return run.result()
    except BaseException:  # Ctrl-C may strike between any two steps here, also before `result` waits
        run.abandon(_INTERRUPTED)
        run.wait_closed()
        raise


def close_blocking(entries: Iterable[Entry]) -> None:
    """Close what a call left open that never came to the loop."""
    closing = start_closing(entries)
    if not closing:
        return
    future = asyncio.run_coroutine_threadsafe(finish_closing(closing), BACKGROUND.loop())
    if not BACKGROUND.is_this_thread():
        with contextlib.suppress(TimeoutError):
            future.result(CLOSE_SECONDS)
