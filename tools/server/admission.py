"""How many calls run at once, and how many wait: first come, first served, and no more than that.

A request that finds the queue full, or whose turn does not come in its time, is refused with 503 and an estimate of
when to come again; it has cost nothing by then, for its body is read when its turn comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from bamlvm.tools.server.replies import Refused

_LONGEST_WAIT: Final = 60
_NEW: Final = 0.1  # the share of the newest call in the mean


class Admission:
    """Counts the calls that run and that wait."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self.running = 0
        self._concurrency = concurrency
        self._queue = queue
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._mean = 1.0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the next request would be refused."""
        return self.running >= self._concurrency and len(self._waiting) >= self._queue

    async def enter(self, seconds: float | None) -> None:
        """Wait for a turn, at most so long.  Raises :class:`Refused`; each that enters must :meth:`leave`."""
        if self.running < self._concurrency and not self._waiting:
            self.running += 1
            return
        if self.is_full:
            raise self._refused("too many calls are under way, and as many as may wait do")
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # the turn came at the very moment
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._refused("the turn of this call did not come in its time") from None
            raise

    def leave(self, seconds: float) -> None:
        """End a call that has taken so long."""
        self._mean += (seconds - self._mean) * _NEW
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def _refused(self, message: str) -> Refused:
        ahead = (len(self._waiting) + 1) / self._concurrency
        wait = min(_LONGEST_WAIT, max(1, round(self._mean * ahead)))
        hint = f"try again in {wait} s, or start the server with a higher --concurrency or --queue"
        return Refused(503, "overloaded", message, hint=hint, headers={"retry-after": str(wait)})
