"""What a stream yields besides its final value: :class:`Partial`, :class:`Tick` and :class:`Attempt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from bamlvm.sysops.records import AttemptRecord


class Partial(NamedTuple):
    """A partial value.  ``attempt`` is the record of the attempt that it belongs to (still being filled: it knows by
    now what later parts of the answer brought), None outside an LLM call.  ``attempt.ordinal`` tells attempts apart."""

    value: Any
    attempt: AttemptRecord | None


class Tick(NamedTuple):
    """A batch of raw events as the provider sent them: dicts with ``event``, ``data`` and ``id``."""

    events: list[Any]


class Attempt(NamedTuple):
    """An attempt started, failed (``record.error`` says why) or succeeded; ``record`` is a snapshot of that moment.

    After ``failed``, partials begin anew: a screen that shows them is to be cleared.
    """

    kind: Literal["started", "failed", "succeeded"]
    record: AttemptRecord


Event: TypeAlias = Partial | Tick | Attempt
