"""The four clocks of an HTTP exchange, as arithmetic: which runs out when.  Times are seconds of the monotonic clock,
as the exchange's :class:`~bamlvm.sysops.errors.Subject` reads it.

``connect`` runs until the connection is open (the HTTP client watches it), ``request`` until the response has ended,
``time_to_first_token`` until :meth:`Clocks.content_arrived`, ``idle`` from one arrival of bytes to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bamlvm.sysops.errors import Clock

DEFAULT_CONNECT_MS: Final = 10_000
DEFAULT_REQUEST_MS: Final = 300_000


class Clocks:
    """The clocks of one exchange that started at ``started``; ``limits`` has the milliseconds of those that run."""

    __slots__ = ("_first_token", "_idle", "_last_arrival", "_request", "limits", "started")

    def __init__(self, limits: Mapping[Clock, int], started: float) -> None:
        self.limits = limits
        self.started = started
        self._request = _after(started, limits.get("request"))
        self._first_token = _after(started, limits.get("time_to_first_token"))
        idle = limits.get("idle")
        self._idle = None if idle is None else idle / 1000
        self._last_arrival: float | None = None

    def arrived(self, now: float) -> None:
        """Restart the idle clock: bytes have come."""
        self._last_arrival = now

    def content_arrived(self) -> None:
        """Stop the first-token clock: content has come."""
        self._first_token = None

    def next(self) -> tuple[float, Clock] | None:
        """Return when the next clock runs out if nothing happens until then, and which; None if none runs."""
        best: tuple[float, Clock] | None = None
        if self._request is not None:
            best = (self._request, "request")
        if self._first_token is not None and (best is None or self._first_token < best[0]):
            best = (self._first_token, "time_to_first_token")
        if self._idle is not None and self._last_arrival is not None:
            idle = self._last_arrival + self._idle
            if best is None or idle < best[0]:
                best = (idle, "idle")
        return best

    def since(self, clock: Clock) -> float:
        """Return when a clock was last started."""
        return self._last_arrival if clock == "idle" and self._last_arrival is not None else self.started

    def expired(self, arrival: float) -> Clock | None:
        """Return the clock, other than idle, that had run out before ``arrival``, or None."""
        if self._first_token is not None and arrival > self._first_token:
            return "time_to_first_token"
        if self._request is not None and arrival > self._request:
            return "request"
        return None


def _after(started: float, limit: int | None) -> float | None:
    return None if limit is None else started + limit / 1000
