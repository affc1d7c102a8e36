"""The part of a call that waits: its machine driven inside an event loop.

One call is one task, the caller's own or one on the background loop; no sys-op gets a task of its own.  A token or a
deadline ends a wait by cancelling the task, as ``asyncio.timeout`` does, and the cancellation is taken back when it
arrives here.  A cancellation that came from elsewhere passes through.  Never is the *running* task cancelled: an
interruption comes as a callback of the loop, so it always meets a wait.

What the call left open is closed before it ends, also when it is cancelled (once more), within ``CLOSE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Iterable
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.vm.handles import CLOSE_SECONDS, Entry
from bamlvm.vm.outcomes import Done, Suspended
from bamlvm.vm.values import Thrown


async def drive(call: Call, outcome: Suspended | None = None) -> Any:
    """Run a call to its end and return its value; ``outcome`` is the wait where it stands if it began elsewhere."""
    machine = call.machine
    watch: _Watch | None = None
    try:
        try:
            while True:
                step = outcome if outcome is not None else call.advance()
                outcome = None
                if isinstance(step, Done):
                    value = call.result(step.value)
                    break
                if watch is None:
                    watch = _Watch(call)
                if step is None:
                    await asyncio.sleep(0)
                    continue
                try:
                    reply = await step.awaitable
                except Thrown as thrown:
                    machine.resume_error(thrown)
                else:
                    machine.resume(reply)
        except asyncio.CancelledError:
            if watch is not None and watch.take_back():
                assert call.interruption is not None
                raise call.interruption from None
            raise
        finally:
            if watch is not None:
                watch.end()
            entries = call.runtime.services.handles.take_all(call.scope.owner)
            if entries:
                await close_entries(entries)
    except BaseException as error:
        call.conclude(error)
        raise
    call.conclude(None)
    return value


class _Watch:
    """Ends the wait of the current task when the call's token is cancelled, its deadline passes or somebody interrupts
    it; armed at the call's first wait."""

    __slots__ = ("_call", "_cancelled", "_ended", "_loop", "_outside", "_task", "_timer")

    def __init__(self, call: Call) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._call = call
        self._task = task
        self._outside = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._cancelled = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        if call.deadline is not None:
            self._timer = self._loop.call_later(call.remaining(), self._overdue)
        call.wake = self._wake
        if call.token is not None:
            call.token.subscribe(call, call.cancelled_by_token)
        if call.interruption is not None:
            self._wake()

    def _wake(self) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
            self._loop.call_soon_threadsafe(self._cancel)

    def _overdue(self) -> None:
        self._call.interrupt(self._call.overdue())

    def _cancel(self) -> None:
        if not self._ended and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    def take_back(self) -> bool:
        """Whether the cancellation that arrived is this watch's own and nobody else's; then the task goes on."""
        if not self._cancelled:
            return False
        self._cancelled = False
        self._ended = True
        return self._task.uncancel() <= self._outside

    def end(self) -> None:
        """Stop watching.  A cancellation that somebody on the way has swallowed is taken back."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._call.token is not None:
            self._call.token.unsubscribe(self._call)
        self._call.wake = None
        if self._cancelled:
            self._cancelled = False
            self._task.uncancel()


async def close_entries(entries: Iterable[Entry]) -> None:
    """Close resources, newest first; a closer that fails does not keep the others from closing."""
    closing = start_closing(entries)
    if not closing:
        return
    task = asyncio.ensure_future(finish_closing(closing))
    loop = asyncio.get_running_loop()
    until = loop.time() + CLOSE_SECONDS
    cancellation: asyncio.CancelledError | None = None
    while not task.done() and loop.time() < until:
        try:
            await asyncio.wait({task}, timeout=until - loop.time())
        except asyncio.CancelledError as error:
            cancellation = error
    task.cancel()
    if cancellation is not None:
        raise cancellation


def start_closing(entries: Iterable[Entry]) -> list[Awaitable[None]]:
    """Call the closers; what they leave to be awaited."""
    closing = []
    for entry in entries:
        with contextlib.suppress(Exception):
            waiting = entry.close()
            if waiting is not None and inspect.isawaitable(waiting):
                closing.append(waiting)
    return closing


async def finish_closing(closing: Iterable[Awaitable[None]]) -> None:
    """Await what closers left."""
    await asyncio.gather(*closing, return_exceptions=True)
