"""How often calls may begin: at most so many attempts, and so many tokens, in a time.

Each taker reserves the next free moment and sleeps until then, so that takers are served in their order and nothing is
polled.  Attempts are spaced evenly: in no minute do more begin than its rate.  What an attempt costs in tokens is known
only when it has ended: it reserves what an attempt has cost on average, and the difference is settled afterwards.
Until a first call has ended nothing is known, and the others wait for it, but not for ever: it may be lost with its
machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Final, Protocol

from bamlvm.errors import HostError

_UNITS: Final = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.ASCII)


def per_second(name: str, rate: str | None) -> float | None:
    """Return the rate of an option's text, such as ``500/min``, ``8/s`` or ``10000/hour``; None is without bounds.

    Raises :class:`HostError`, which names the option.
    """
    if rate is None:
        return None
    match = _RATE.fullmatch(rate)
    if match is None or match[2] not in _UNITS or not float(match[1]) > 0:
        raise HostError(f"{name}: expected a rate such as 500/min, 8/s or 10000/hour, got {rate!r}")
    return float(match[1]) / _UNITS[match[2]]


_LONGEST_FIRST: Final = 120.0
"""How many seconds others wait for the end of a first call."""


class Pacing(Protocol):
    """What decides when an attempt may begin."""

    async def admit(self) -> None:
        """Wait until one more attempt may begin."""

    async def settle(self, attempts: int, tokens: int) -> None:
        """Take the end of a call that made these attempts, admitted each, and cost these tokens in all."""


class Pace:
    """The pacing of one process; ``attempts`` and ``tokens`` are rates per second, or None."""

    def __init__(self, attempts: float | None = None, tokens: float | None = None) -> None:
        self._attempts = None if attempts is None else _Schedule(attempts)
        self._tokens = None if tokens is None else _Schedule(tokens)
        self._spent = (0, 0)  # attempts and tokens of the calls that have ended
        self._first_ended: asyncio.Event | None = None

    async def admit(self) -> None:
        """See :class:`Pacing`."""
        if self._tokens is not None:
            if self._first_ended is None:
                self._first_ended = asyncio.Event()
            elif not self._first_ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._first_ended.wait(), _LONGEST_FIRST)
            await self._tokens.take(self._expected())
        if self._attempts is not None:
            await self._attempts.take(1.0)

    async def settle(self, attempts: int, tokens: int) -> None:
        """See :class:`Pacing`."""
        if self._tokens is None:
            return
        self._tokens.correct(tokens - attempts * self._expected())
        self._spent = (self._spent[0] + attempts, self._spent[1] + tokens)
        if self._first_ended is not None:
            self._first_ended.set()

    def _expected(self) -> float:
        attempts, tokens = self._spent
        return tokens / attempts if attempts else 0.0


class _Schedule:
    """Moments at an even distance: an amount taken moves the next free one by its share of a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free = 0.0  # by the clock of the event loop

    async def take(self, amount: float) -> None:
        now = asyncio.get_running_loop().time()
        begin = max(now, self._free)
        self._free = begin + amount / self._rate
        if begin > now:
            await asyncio.sleep(begin - now)

    def correct(self, amount: float) -> None:
        """Take an amount afterwards, or give it back where it is negative."""
        self._free += amount / self._rate
