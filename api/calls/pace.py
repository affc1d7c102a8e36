"""How often calls may begin: at most so many attempts, and so many tokens, in a time.

A rate is a promise to the provider.  ``500/min`` means that in no minute, wherever it begins, do more than 500 attempts
begin: what counts is when they did begin, not when they were to, since a busy machine wakes them late.  Attempts are
spaced evenly, and served in the order in which they asked.

What an attempt costs in tokens is known only when it has ended: it reserves what an attempt has cost on average, and
the difference to what was reserved for it is settled afterwards.  Until a first call has ended nothing is known, and
the others wait for it, but not for ever: it may be lost with its machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol

from bamlvm.errors import HostError

_UNITS: Final = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.ASCII)


class Rate(NamedTuple):
    """So much in so many seconds."""

    amount: float
    seconds: float


def rate_of(name: str, text: str | None) -> Rate | None:
    """Return the rate of an option's text, such as ``500/min``, ``8/s`` or ``10000/hour``; None is without bounds.

    Raises :class:`HostError`, which names the option.
    """
    if text is None:
        return None
    match = _RATE.fullmatch(text)
    if match is None or match[2] not in _UNITS or not float(match[1]) > 0:
        raise HostError(f"{name}: expected a rate such as 500/min, 8/s or 10000/hour, got {text!r}")
    return Rate(float(match[1]), _UNITS[match[2]])


_LONGEST_FIRST: Final = 120.0
"""How many seconds others wait for the end of a first call."""

_JITTER: Final = 0.05
"""Seconds by which a time is taken longer than it is: an attempt is on its way a little after it was admitted, and not
always by the same."""


class Pacing(Protocol):
    """What decides when an attempt may begin."""

    async def admit(self) -> float:
        """Wait until one more attempt may begin; return the tokens that are reserved for it."""

    async def settle(self, attempts: int, reserved: float, tokens: int) -> None:
        """Take the end of a call: its attempts, each admitted, what was reserved for them, and what they cost."""


class Pace:
    """The pacing of one process; ``clock`` reads seconds, and ``sleep`` waits: by default the event loop's."""

    def __init__(
        self,
        attempts: Rate | None = None,
        tokens: Rate | None = None,
        *,
        clock: Callable[[], float] = lambda: asyncio.get_running_loop().time(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._attempts = None if attempts is None else _Window(attempts, clock, sleep)
        self._tokens = None if tokens is None else _Schedule(tokens, clock, sleep)
        self._spent = (0, 0)  # attempts and tokens of the calls that have ended
        self._first_ended: asyncio.Event | None = None

    async def admit(self) -> float:
        """See :class:`Pacing`."""
        reserved = 0.0
        if self._tokens is not None:
            if self._first_ended is None:
                self._first_ended = asyncio.Event()
            elif not self._first_ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._first_ended.wait(), _LONGEST_FIRST)
            attempts, tokens = self._spent
            reserved = tokens / attempts if attempts else 0.0
            await self._tokens.take(reserved)
        if self._attempts is not None:
            await self._attempts.take()
        return reserved

    async def settle(self, attempts: int, reserved: float, tokens: int) -> None:
        """See :class:`Pacing`."""
        if self._tokens is None:
            return
        self._tokens.correct(tokens - reserved)
        self._spent = (self._spent[0] + attempts, self._spent[1] + tokens)
        if self._first_ended is not None:
            self._first_ended.set()


class _Window:
    """At most so many beginnings in any time of a length, at an even distance.

    Those who ask wait for their turn, and only the first of them for the clock.  ``_begun`` are the moments of the last
    beginnings, as many as may be in one window; ``_due`` is when the next one is to be.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        most = max(1, math.floor(rate.amount))  # of two and a half a second, no more than two are in any
        self._seconds = rate.seconds * max(1.0, 1.0 / rate.amount) + _JITTER
        self._distance = self._seconds / most
        self._begun: deque[float] = deque(maxlen=most)
        self._due = -math.inf
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        async with self._turn:
            due = max(self._due, self._clock())
            is_full = len(self._begun) == self._begun.maxlen
            earliest = max(due, self._begun[0] + self._seconds) if is_full else due
            while (now := self._clock()) < earliest:
                await self._sleep(earliest - now)
            self._begun.append(now)
            self._due = due + self._distance


class _Schedule:
    """Moments at an even distance: an amount taken moves the next free one by its share of a time."""

    def __init__(self, rate: Rate, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._seconds_each = rate.seconds / rate.amount
        self._free = 0.0
        self._clock = clock
        self._sleep = sleep

    async def take(self, amount: float) -> None:
        now = self._clock()
        begin = max(now, self._free)
        self._free = begin + amount * self._seconds_each
        if begin > now:
            await self._sleep(begin - now)

    def correct(self, amount: float) -> None:
        """Take an amount afterwards, or give it back where it is negative."""
        self._free += amount * self._seconds_each
