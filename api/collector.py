"""Collectors: what happened in the calls that carried them.

A collector is given to calls by their context and gets one :class:`CallRecord` from each, when the call ends, however
it ends.  The attempts in it are snapshots: nothing writes to them any more.  Requests have their secrets redacted by
the sys-op that sends them, before they reach any record.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from bamlvm.sysops.scope import AttemptRecord


class Usage(NamedTuple):
    """Tokens, as the providers counted them; an attempt whose provider did not say counts 0."""

    input_tokens: int
    output_tokens: int


class CallRecord(msgspec.Struct, frozen=True):
    """One call.  ``started`` is Unix time, ``duration`` seconds; ``error`` is what the host got, None if it got a
    value."""

    function: str
    started: float
    duration: float
    outcome: Literal["returned", "thrown", "cancelled", "failed"]
    error: BaseException | None
    attempts: tuple[AttemptRecord, ...]
    tags: Mapping[str, str]

    @property
    def usage(self) -> Usage:
        """The tokens of all attempts, those of failed ones included: they are paid for."""
        return usage_of(self.attempts)


class Collector:
    """Collects the calls whose context names it; safe to share between threads.

    ``keep_raw_events`` also keeps every raw event of every attempt (``attempt.raw_events``).
    """

    def __init__(self, name: str | None = None, keep_raw_events: bool = False) -> None:
        self.name = name
        self.keep_raw_events = keep_raw_events
        self._calls: list[CallRecord] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """Every call that has ended, in the order of ending."""
        with self._lock:
            return tuple(self._calls)

    @property
    def last(self) -> CallRecord | None:
        """The call that ended last."""
        with self._lock:
            return self._calls[-1] if self._calls else None

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """The attempts of all calls."""
        return tuple(attempt for call in self.calls for attempt in call.attempts)

    @property
    def usage(self) -> Usage:
        """The tokens of all calls."""
        return usage_of(self.attempts)

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls.clear()

    def add(self, record: CallRecord) -> None:
        """Take a call's record; the runtime does."""
        with self._lock:
            self._calls.append(record)

    def __len__(self) -> int:
        return len(self._calls)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"Collector({self.name!r}, {len(self)} calls)"


def usage_of(attempts: Iterable[AttemptRecord]) -> Usage:
    """The sum of the attempts' tokens."""
    attempts = tuple(attempts)
    return Usage(
        sum(attempt.input_tokens or 0 for attempt in attempts), sum(attempt.output_tokens or 0 for attempt in attempts)
    )
