"""The waits of a call with several threads: each sys-op that is under way is a task of the call's event loop.

A call with one thread awaits its sys-ops in its own task (:mod:`bamlvm.calls.drive`).  With more, the driver starts a
task for each wait of the machine and runs the machine on, until no thread is ready; then it waits for one of the tasks.
A task resumes its thread and wakes the driver; it never runs the machine itself.

A thread that the program cancels is closed by a task, too: its sys-op is cancelled and awaited, then what the thread
has opened is closed, and then the machine is told.  When the call ends, all of this is done for every thread that is
left: no task outlives the call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.calls.closing import close_entries, close_unstarted, wait_for_all
from bamlvm.vm.outcomes import Suspended
from bamlvm.vm.threads import Thread
from bamlvm.vm.values import Thrown


class Waits:
    """The sys-ops under way of one call, and the threads being closed."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._performing: dict[Thread, tuple[asyncio.Task[None], Suspended]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._cancelled: set[Thread] = set()
        self._error: BaseException | None = None
        self._woken = False
        self._sleeper: asyncio.Future[None] | None = None

    def start(self, step: Suspended) -> None:
        """Perform a sys-op while the machine runs other threads."""
        thread = step.thread
        assert thread is not None
        self._performing[thread] = self._loop.create_task(self._perform(step, thread)), step

    def close(self, threads: Iterable[Thread]) -> None:
        """End the sys-ops of cancelled threads, and close what these have opened."""
        for thread in threads:
            task = self._loop.create_task(self._close(thread))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def next(self) -> None:
        """Wait until something has come to its end.  Raises what ends the call: an exception that is not BAML's."""
        if not self._woken and self._error is None:
            self._sleeper = self._loop.create_future()
            try:
                await self._sleeper
            finally:
                self._sleeper = None
        self._woken = False
        self.poll()

    def poll(self) -> None:
        """Raise what ends the call, if a sys-op has raised it."""
        if self._error is not None:
            raise self._error

    async def end(self) -> None:
        """Cancel every sys-op under way and wait for all of them, and for what is being closed."""
        steps = [step for _, step in self._performing.values()]
        self._cancelled.update(self._performing)
        for task, _ in self._performing.values():
            task.cancel()
        try:
            await wait_for_all([*(task for task, _ in self._performing.values()), *self._closing])
        finally:
            for step in steps:
                close_unstarted(step.awaitable)

    async def _perform(self, step: Suspended, thread: Thread) -> None:
        machine = self._call.machine
        try:
            reply: Any = await step.awaitable
        except Thrown as thrown:
            machine.resume_error(thrown, thread)
        except asyncio.CancelledError as error:
            if thread in self._cancelled:
                raise
            self._fail(error)  # the host's own
        except BaseException as error:
            self._fail(error)
        else:
            machine.resume(reply, thread)
        finally:
            self._performing.pop(thread, None)
            self._wake()

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error

    async def _close(self, thread: Thread) -> None:
        performing = self._performing.get(thread)
        if performing is not None:
            task, step = performing
            self._cancelled.add(thread)
            task.cancel()
            await wait_for_all([task])
            self._performing.pop(thread, None)
            close_unstarted(step.awaitable)
            self._cancelled.discard(thread)
        with contextlib.suppress(asyncio.CancelledError):
            await close_entries(self._call.take_open_of(thread))
        scheduler = self._call.machine.scheduler
        if scheduler is not None:
            scheduler.closed(thread)
        self._wake()

    def _wake(self) -> None:
        self._woken = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)
