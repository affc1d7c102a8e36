"""A call as a task of the running loop, read by another task (or by the same) through a queue of events."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.calls.run import END, End, Run
from bamlvm.errors import HostError
from bamlvm.events import Event
from bamlvm.vm.handles import CLOSE_SECONDS


class TaskRun(Run):
    """A call as a task of the running loop, whose reader is on the same loop."""

    def __init__(self, wants_partials: bool, wants_everything: bool) -> None:
        self._events: deque[Event] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        super().__init__(loop, wants_partials, wants_everything)

    def start(self, call: Call) -> None:
        """Begin to drive a call."""
        self._call = call
        self._task = self._loop.create_task(self._drive(call))

    async def receive(self) -> Event | End:
        """Return the next event, or ``END``.  If the reader is cancelled, so is the call, and closed."""
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
        if self._has_room():
            self._make_room()
        return event

    async def result(self) -> Any:
        """Wait for the end and return the call's value, or raise what it raised; events on the way are dropped."""
        while await self.receive() is not END:
            pass
        if self.error is not None:
            raise self.take_error()
        return self.value

    async def wait_closed(self) -> None:
        """Wait until the call has closed everything, at most ``CLOSE_SECONDS`` and a little."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS + 0.5)

    def _append(self, event: Event) -> None:
        self._events.append(event)
        self._wake_reader()

    def _length(self) -> int:
        return len(self._events)

    def _end(self) -> None:
        self.ended = True
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
