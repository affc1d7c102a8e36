"""The events of a stream: :class:`Partial`, :class:`Tick` and :class:`Attempt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from bamlvm.sysops.records import AttemptRecord


class Partial(NamedTuple):
    """A partial value.

    ``attempt`` is the record of the attempt that it belongs to, None outside an LLM call; ``attempt.ordinal``
    distinguishes attempts.  The record is still being filled: it may know more than what had arrived with this value.
    ``thread`` is the number of the thread that it comes from, 0 for that of the call itself.
    """

    value: Any
    attempt: AttemptRecord | None
    thread: int = 0


class Tick(NamedTuple):
    """A batch of raw events as the provider sent them: dicts with ``event``, ``data`` and ``id``.

    ``thread`` is the number of the thread that has received it, 0 for that of the call itself.
    """

    events: list[Any]
    thread: int = 0


class Attempt(NamedTuple):
    """An attempt started, failed (``record.error`` says why) or succeeded; ``record`` is a snapshot of that moment.

    After ``failed`` partial values begin anew: a display of them should be cleared.
    """

    kind: Literal["started", "failed", "succeeded"]
    record: AttemptRecord


Event: TypeAlias = Partial | Tick | Attempt
