"""What a row came to, as plain data: a line of the journal, and what another process sends.

    {"row": 12, "key": "5f0a…", "program": "91bc…", "result": {…}, "attempts": 1, "input_tokens": 210, …}
    {"row": 13, "key": "77de…", "program": "91bc…", "error": {"type": "baml.errors.Timeout", "message": "…"}, …}

A line has ``result`` or ``error``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.calls.errors import error_record
from bamlvm.errors import BamlError
from bamlvm.values.results import to_builtins

if TYPE_CHECKING:
    from bamlvm.calls.batch import BatchResult
    from bamlvm.collector import CallRecord


LINE_START: Final = b'{"row":'
"""What each line of a journal begins with: a part of a line is known by it."""


class RowError(msgspec.Struct, frozen=True):
    """An error: the qualified name of its class, and its message."""

    type: str
    message: str


class Cost(msgspec.Struct, frozen=True):
    """What a row has taken: attempts at LLM clients, tokens of all of them, seconds, and money, if that is known."""

    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    amount: Decimal | None = None
    currency: str | None = None


class RowResult(msgspec.Struct, frozen=True):
    """The result of a row, as builtins, or its error."""

    value: Any = None
    error: RowError | None = None
    cost: Cost = Cost()


class Line(msgspec.Struct, frozen=True):
    """A line of the journal as far as resuming needs it."""

    row: int
    key: str
    program: str
    error: RowError | None = None


def row_result(result: BatchResult, *, checks: bool = True) -> RowResult:
    """Return the plain form of a call's result, with or without the outcomes of its checks."""
    cost = _cost(result.record)
    if result.error is not None:
        return RowResult(error=row_error(result.error), cost=cost)
    return RowResult(to_builtins(result.value, checks=checks), cost=cost)


def row_error(error: BamlError) -> RowError:
    """Return the plain form of an error."""
    record = error_record(error)
    return RowError(record.type, record.message)


def encoded(row: int, key: str, program: str, result: RowResult, columns: Any) -> bytes:
    """Return the line of a result, with its line break, and with the ``columns`` of its row, unless they are None."""
    line: dict[str, Any] = {"row": row, "key": key, "program": program}
    if columns is not None:
        line["input"] = columns
    if result.error is None:
        line["result"] = result.value
    else:
        line["error"] = result.error
    cost = result.cost
    line |= {
        "attempts": cost.attempts,
        "input_tokens": cost.input_tokens,
        "output_tokens": cost.output_tokens,
        "seconds": round(cost.seconds, 6),
    }
    if cost.amount is not None:
        line |= {"cost": f"{cost.amount:f}", "currency": cost.currency}
    return msgspec.json.encode(line) + b"\n"


def _cost(record: CallRecord | None) -> Cost:
    if record is None:
        return Cost()
    usage = record.usage
    return Cost(
        len(record.attempts), usage.input_tokens, usage.output_tokens, record.duration, usage.cost, usage.currency
    )
