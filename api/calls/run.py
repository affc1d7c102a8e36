"""A call under way on an event loop, and the events that its reader has not read yet.

Two kinds of run differ in where the call runs and who reads: :class:`bamlvm.calls.background.BackgroundRun` has a call
on the background loop and a reader in a thread, :class:`bamlvm.calls.task.TaskRun` a task and a reader on one loop.
Both take events as a stream's sink does, and both make the call wait when the reader falls behind.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from copy import copy
from typing import Any, Final

from bamlvm.calls.call import Call
from bamlvm.calls.drive import drive
from bamlvm.errors import Cancelled, HostError
from bamlvm.events import Event
from bamlvm.vm.outcomes import Idle, Suspended

QUEUED_EVENTS: Final = 64
"""How many events a stream may be ahead of its reader before the call waits."""


class End:
    """The type of :data:`END`."""


END: Final = End()
"""Comes after the last event."""


class Run(ABC):
    """A call under way.  When it has ended, ``error`` is what it raised, else ``value`` what it returned."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wants_partials: bool, wants_everything: bool) -> None:
        self.wants_partials = wants_partials
        self.wants_everything = wants_everything
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self._loop = loop
        self._space: asyncio.Future[None] | None = None
        self._call: Call | None = None

    @abstractmethod
    def _append(self, event: Event) -> None:
        """Add to the queue of events."""

    @abstractmethod
    def _length(self) -> int:
        """Return how many events are in the queue."""

    @abstractmethod
    def start(self, call: Call) -> None:
        """Begin to drive a call."""

    def put(self, event: Event) -> Awaitable[None] | None:
        """Take an event, on the loop.  Return an awaitable if the call is to wait for room."""
        self._append(event)
        if self._length() < QUEUED_EVENTS:
            return None
        if self._space is None or self._space.done():  # several threads of a call may wait for room
            self._space = self._loop.create_future()
        space = self._space
        # A reader in another thread may have emptied the queue since, and have found no future to set.
        if self._length() < QUEUED_EVENTS:
            self._make_room()
        return space

    def take_error(self) -> BaseException:
        """Return what the call raised, to be raised; a copy, if this is asked once more.  The run must have failed."""
        error = self.error
        if error is None:
            raise RuntimeError("the call has raised nothing")
        try:
            # An exception refers to the frames that it is raised through, and these to this run.
            self.error = copy(error)
        except Exception:  # one of the host's that cannot be copied
            self.error = HostError(f"the call has failed: {type(error).__name__}: {error}")
        return error

    def abandon(self, why: str) -> None:
        """End the call, from any thread; does not wait."""
        if self._call is not None and not self._call.concluded:
            self._call.interrupt(Cancelled(why))

    def _has_room(self) -> bool:
        """Whether the call waits for room, and the reader has made enough for it to go on."""
        return self._space is not None and self._length() <= QUEUED_EVENTS // 2

    def _make_room(self) -> None:
        space, self._space = self._space, None
        if space is not None and not space.done():
            space.set_result(None)

    async def _drive(self, call: Call, outcome: Suspended | Idle | None = None) -> None:
        try:
            self.value = await drive(call, outcome)
        except asyncio.CancelledError:  # an interruption of the call is another exception
            self.error = Cancelled("the event loop of the call has ended")
            raise
        except BaseException as error:
            self.error = error.with_traceback(None if error.__traceback__ is None else error.__traceback__.tb_next)
        finally:
            self._end()
            del self  # the frames of the error may refer to this one, and so to the run that has the error

    @abstractmethod
    def _end(self) -> None:
        """Tell the reader that no event follows."""
