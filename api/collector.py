"""Collectors: the records of the calls that carried them.

A collector is given to calls by their context, or to all calls of a runtime, and receives one :class:`CallRecord` from
each, when the call ends, however it ends.  Records are plain data that no longer changes: ``to_builtins`` makes dicts
of them, ``msgspec.json.encode`` JSON.  Secrets are hidden before anything reaches a record.

Any object with the two members of :class:`Observer` can be used as a collector.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from decimal import Decimal

    from bamlvm.sysops.records import AttemptRecord, ErrorRecord
else:  # msgspec resolves a record's fields only to decode one
    AttemptRecord = ErrorRecord = Decimal = Any

_COUNTS: Final = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")


class Usage(msgspec.Struct, frozen=True, eq=False):
    """Tokens, as the providers counted them; an attempt whose provider did not say counts 0, and so does one whose
    response came from the cache.

    ``cached_input_tokens`` and ``cache_write_tokens`` are parts of ``input_tokens``, ``reasoning_tokens`` of
    ``output_tokens``.  ``known_cost`` is the sum, in ``currency``, of what is known of the attempts' costs (None where
    nothing is), ``unpriced`` counts the attempts whose cost is not known.  Usages can be added; ``sum(usages,
    Usage())`` adds many.  Two are equal if their tokens and costs are.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    known_cost: Decimal | None = None
    currency: str | None = None
    unpriced: int = 0

    @property
    def cost(self) -> Decimal | None:
        """What all of it cost, by the host's prices; None, never 0, where that is not known."""
        return None if self.unpriced else self.known_cost

    @property
    def tokens(self) -> tuple[int, int, int, int, int]:
        """The counts: of the prompt, of the answer, and the parts of both."""
        parts = (self.cached_input_tokens, self.cache_write_tokens, self.reasoning_tokens)
        return (self.input_tokens, self.output_tokens, *parts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Usage):
            return NotImplemented
        return (self.tokens, self.cost, self.currency) == (other.tokens, other.cost, other.currency)

    def __hash__(self) -> int:
        return hash((self.tokens, self.cost, self.currency))

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        tokens = map(operator.add, self.tokens, other.tokens)
        unpriced = self.unpriced + other.unpriced
        one, two = self.known_cost, other.known_cost
        if one is None or two is None:
            currency = self.currency or other.currency
            return _usage(tokens, one if two is None else two, currency, unpriced)
        if self.currency != other.currency:  # no sum is right
            return _usage(tokens, None, None, unpriced + 1)
        return _usage(tokens, one + two, self.currency, unpriced)


class UnawaitedError(msgspec.Struct, frozen=True):
    """What a thread of a call threw, where nothing awaited its future; ``thread`` is its number."""

    thread: int
    error: ErrorRecord


class CallRecord(msgspec.Struct, frozen=True):
    """One call.  ``started`` is Unix time, ``duration`` seconds; ``error`` is what the host's call raised, or None.

    ``unawaited_errors`` are those of the call's threads that nothing awaited: the call's result says nothing of them.
    A call that is interrupted has the first thousand, and the values of those that were recorded before.
    """

    function: str
    tags: Mapping[str, str]
    started: float
    duration: float
    outcome: Literal["returned", "thrown", "cancelled", "failed"]
    error: ErrorRecord | None
    attempts: tuple[AttemptRecord, ...]
    unawaited_errors: tuple[UnawaitedError, ...] = ()

    @property
    def usage(self) -> Usage:
        """The tokens of all attempts, failed ones included: they are paid for."""
        return usage_of(self.attempts)

    def __repr__(self) -> str:
        usage = self.usage
        outcome = f"{self.outcome} {self.error.type}" if self.error is not None else self.outcome
        facts = [f"{self.function} {outcome} after {self.duration:.3f} s"]
        if self.attempts:
            facts.append(f"{usage.input_tokens}+{usage.output_tokens} tokens")
            if usage.cost is not None:
                facts.append(f"{usage.cost} {usage.currency}")
            facts += map(repr, self.attempts)
        return f"<call {', '.join(facts)}>"


class Observer(Protocol):
    """An object that is notified of calls.  ``keep_raw_events`` requests the raw events of every attempt."""

    @property
    def keep_raw_events(self) -> bool: ...

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """Take the begin of a call, in the caller's thread or task, and return a callable for its end.

        That is called with the call's record, in whichever thread the call ends.
        """


class Collector:
    """A list of the calls whose context (or runtime) has it; safe to share between calls, runtimes and threads.

    ``keep_raw_events`` also keeps every raw event of every attempt (``attempt.raw_events``).

    It has no lock, which a fork could leave held for ever: a list's own operations are atomic.
    """

    def __init__(self, name: str | None = None, keep_raw_events: bool = False) -> None:
        self.name = name
        self.keep_raw_events = keep_raw_events
        self._calls: list[CallRecord] = []

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """Every call that has ended, in the order of ending."""
        return tuple(self._calls)

    @property
    def last(self) -> CallRecord | None:
        """The call that ended last."""
        calls = self._calls[-1:]
        return calls[0] if calls else None

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """The attempts of all calls."""
        return tuple(attempt for call in self.calls for attempt in call.attempts)

    @property
    def usage(self) -> Usage:
        """The tokens of all calls."""
        return usage_of(self.attempts)

    def clear(self) -> None:
        """Remove every call."""
        self._calls.clear()

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`Observer`."""
        return self.add

    def add(self, record: CallRecord) -> None:
        """Add a call's record."""
        self._calls.append(record)

    def __len__(self) -> int:
        return len(self._calls)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        usage = self.usage
        calls = f"{len(self)} call{'' if len(self) == 1 else 's'}"
        return f"Collector({self.name!r}, {calls}, {usage.input_tokens}+{usage.output_tokens} tokens)"


def usage_of(attempts: Iterable[AttemptRecord]) -> Usage:
    """Return the sum of the attempts' tokens and costs."""
    totals = [0] * 5
    total: Decimal | None = None
    currencies: dict[str | None, None] = {}
    unpriced = 0
    for attempt in attempts:
        if attempt.cost is None:
            unpriced += 0 if attempt.cached else 1
        else:
            total = attempt.cost if total is None else total + attempt.cost
            currencies[attempt.currency] = None
        if attempt.cached:
            continue
        for place, name in enumerate(_COUNTS):
            totals[place] += getattr(attempt, name) or 0
    if len(currencies) > 1:
        return _usage(totals, None, None, unpriced + 1)
    return _usage(totals, total, next(iter(currencies), None), unpriced)


def _usage(tokens: Iterable[int], cost: Decimal | None, currency: str | None, unpriced: int) -> Usage:
    prompt, answer, read, written, thought = tokens
    return Usage(prompt, answer, read, written, thought, cost, currency, unpriced)
