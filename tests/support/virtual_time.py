"""An event loop whose clock stands still while there is anything to do, for tests of limits and pauses.

A limit of 150 ms means nothing on a machine that stops for a second now and then: the limit runs out before the
server, which stands still as well, has sent what it would have sent in time.  On this loop a callback takes no time.
Only when every task waits, and no socket has anything, does the clock leap to the next timer.  So what happens first
depends on the limits alone, and a pause costs nothing.

The threads that work for a call are waited for.  What others and other processes are about to do the loop cannot see:
it gives them :data:`GRACE_SECONDS` before each leap, so a test whose server is not on it does not belong here.  A timer
that is further away than :data:`FURTHEST_SECONDS` is there so that nothing hangs; it is waited for in real time.

A test asks for the loop with ``@pytest.mark.virtual_time`` (``tests/conftest.py``).  What reads a clock of its own must
be handed this one's, ``loop.time``: ``Services.monotonic`` is there for that.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from typing import Any, Final

GRACE_SECONDS: Final = 0.01
"""The real time that the clock stands still before it leaps."""

_WORKERS: Final = frozenset({"bamlvm-blocking"})
"""The names of threads that end when their work for a loop is done; while there is one, the clock stands still."""

FURTHEST_SECONDS: Final = 3.0
"""The furthest leap, unless a test asks for further ones (:meth:`VirtualTimeLoop.leap`)."""


class _Selector(selectors.DefaultSelector):
    """Moves the clock on where the loop would sleep.  What is sent over loopback arrives within the sending call."""

    def __init__(self) -> None:
        super().__init__()
        self.now = time.monotonic()
        self.furthest = FURTHEST_SECONDS

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if timeout > self.furthest:
            before = time.monotonic()
            found = super().select(timeout)
            self.now += min(timeout, time.monotonic() - before)
            return found
        # Twice: a process that is stopped while it waits gives up without a last look.
        found = super().select(GRACE_SECONDS) or super().select(0)
        if not found and not any(each.name in _WORKERS for each in threading.enumerate()):
            self.now += timeout
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def leap(self, seconds: float) -> None:
        """Leap that far from now on, to a deadline that the real clock, which calls read too, does not reach."""
        self._clock.furthest = seconds

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing runs, as where the process computes or is stopped."""
        self._clock.now += seconds


def virtual_loop() -> VirtualTimeLoop:
    """Return the running loop, which must be one of these."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
