"""Why a call ends before its function returns, and how its wait ends then.

A call can be interrupted by its token, by its deadline, and by :meth:`Interruption.interrupt`: a stream that is closed
or dropped, a runtime that is closed, a waiting thread that meets Ctrl-C.  The first reason counts: it is the exception
that the call raises.  Nothing is killed:

* A machine that computes is asked between two slices (:meth:`Interruption.poll`).
* A call that waits on an event loop has a :class:`Watch`, which cancels its task, as ``asyncio.timeout`` does.  The
  task's cancellation is undone (``uncancel``) where it arrives in :func:`bamlvm.calls.drive.drive`, and the reason
  raised in its place.  A cancellation that came from elsewhere, the host's own, passes through.

The running task is never cancelled: an interruption arrives as a callback of the loop, so it always meets a wait.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from bamlvm.errors import Cancelled, DeadlineExceeded
from bamlvm.sysops.system import monotonic

if TYPE_CHECKING:
    import asyncio

    from bamlvm.context import CancelToken


class Interruption(msgspec.Struct, eq=False):
    """The early end of one call.

    ``timeout`` is in seconds, ``deadline`` on the monotonic clock; ``reason`` is the exception that ends the call, once
    there is one; ``wake`` ends a wait that is under way, from any thread.
    """

    token: CancelToken | None
    timeout: float | None
    deadline: float | None
    reason: BaseException | None = None
    wake: Callable[[], None] | None = None

    def poll(self) -> None:
        """Raise what ends the call early, if anything does."""
        if self.reason is None:
            if self.token is not None and self.token.cancelled:
                self.reason = Cancelled("the call was cancelled")
            elif self.deadline is not None and monotonic() >= self.deadline:
                self.reason = self._overdue()
            else:
                return
        raise self.reason

    def poll_token(self) -> None:
        """Raise what ends the call early, the deadline left aside: reading the clock costs more than the rest."""
        if self.reason is not None or (self.token is not None and self.token.cancelled):
            self.poll()

    def interrupt(self, reason: BaseException) -> None:
        """End the call early, from any thread; the first reason counts."""
        if self.reason is None:
            self.reason = reason
        wake = self.wake
        if wake is not None:
            wake()

    def end(self) -> None:
        """Let go of the call, which has ended; what still works for it in another thread is to end, too."""
        self.reason = self.token = self.wake = None
        self.deadline = 0.0

    def token_cancelled(self) -> None:
        """End the call because its token was cancelled."""
        self.interrupt(Cancelled("the call was cancelled"))

    def deadline_passed(self) -> None:
        """End the call because its deadline has passed."""
        self.interrupt(self._overdue())

    def _overdue(self) -> DeadlineExceeded:
        return DeadlineExceeded(self.timeout or 0.0)


class Watch:
    """Cancels the waits of a task when its call is interrupted; made at the call's first wait."""

    __slots__ = ("_cancelled", "_ended", "_interruption", "_loop", "_others", "_task", "_timer")

    def __init__(self, interruption: Interruption, task: asyncio.Task[object], loop: asyncio.AbstractEventLoop) -> None:
        self._interruption = interruption
        self._task = task
        self._loop = loop
        self._others = task.cancelling()  # requests for cancellation that are not this watch's
        self._cancelled = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        if interruption.deadline is not None:
            left = max(0.0, interruption.deadline - monotonic())
            self._timer = loop.call_later(left, interruption.deadline_passed)
        # This order is safe against another thread that interrupts: it sets the reason before it reads `wake`, and
        # here `wake` is set before the reason is read, so that one of the two sees the other's.
        interruption.wake = self._wake
        if interruption.token is not None:
            interruption.token.subscribe(interruption, interruption.token_cancelled)
        if interruption.reason is not None:
            self._wake()

    def uncancel(self) -> bool:
        """Undo this watch's cancellation of the task.

        Return whether that was the only one, so that the task may go on.
        """
        if not self._cancelled:
            return False
        self._cancelled = False
        self._ended = True
        return self._task.uncancel() <= self._others

    def end(self) -> None:
        """Stop watching.  A cancellation that a sys-op has swallowed is undone."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._interruption.token is not None:
            self._interruption.token.unsubscribe(self._interruption)
        self._interruption.wake = None
        if self._cancelled:
            self._cancelled = False
            self._task.uncancel()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if not self._ended and not self._cancelled:
            self._cancelled = True
            self._task.cancel()
