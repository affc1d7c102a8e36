"""What a row came to, as plain data: a line of the journal, and what another process sends.

    {"row": 12, "key": "5f0a…", "program": "91bc…", "result": {…}, "attempts": 1, "input_tokens": 210, …}
    {"row": 13, "key": "77de…", "program": "91bc…", "error": {"type": "baml.errors.Timeout", "message": "…"}, …}

A line has ``result`` or ``error``; ``cost`` and ``currency`` where the cost of its attempts is known, and ``cached``
where all of them came from the cache.  JSON has no word for a float that is no number: in a result it is the text
``NaN``, ``Infinity`` or ``-Infinity``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.calls.errors import error_record
from bamlvm.collector import Usage
from bamlvm.errors import BamlError
from bamlvm.values.results import to_builtins

if TYPE_CHECKING:
    from bamlvm.calls.batch import BatchResult


LINE_START: Final = b'{"row":'
"""What each line of a journal begins with: a part of a line is known by it."""


class RowError(msgspec.Struct, frozen=True):
    """An error: the qualified name of its class, and its message."""

    type: str
    message: str


class RowResult(msgspec.Struct, frozen=True):
    """The result of a row, as builtins, or its error; and what it has taken: attempts at LLM clients, seconds, and the
    tokens and costs of all attempts."""

    value: Any = None
    error: RowError | None = None
    attempts: int = 0
    seconds: float = 0.0
    usage: Usage = Usage()


class Line(msgspec.Struct, frozen=True):
    """A line of the journal as far as resuming needs it."""

    row: int
    key: str
    program: str
    error: RowError | None = None


def row_result(result: BatchResult, *, checks: bool = True) -> RowResult:
    """Return the plain form of a call's result, with or without the outcomes of its checks."""
    record = result.record
    taken = (0, 0.0, Usage()) if record is None else (len(record.attempts), record.duration, record.usage)
    if result.error is not None:
        return RowResult(None, row_error(result.error), *taken)
    return RowResult(to_builtins(result.value, checks=checks), None, *taken)


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
    usage = result.usage
    line |= {
        "attempts": result.attempts,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "seconds": round(result.seconds, 6),
    }
    if usage.cost is not None:
        line |= {"cost": f"{usage.cost:f}", "currency": usage.currency}
    elif result.attempts and not usage.unpriced:
        line["cached"] = True
    text = msgspec.json.encode(line)
    if b"null" in text and result.error is None:  # what msgspec writes for a float that is no number
        text = msgspec.json.encode({**line, "result": _in_words(result.value)})
    return text + b"\n"


def line_usage(line: Mapping[str, Any]) -> Usage:
    """Return the tokens and the cost in a line of a journal."""
    cost = line.get("cost")
    return Usage(
        line["input_tokens"],
        line["output_tokens"],
        known_cost=None if cost is None else Decimal(cost),
        currency=line.get("currency"),
        unpriced=0 if cost is not None or line.get("cached") else line.get("attempts", 0),
    )


def _in_words(value: Any) -> Any:
    """Return builtins with the floats that are no numbers as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _in_words(part) for name, part in value.items()}
    return [_in_words(part) for part in value] if isinstance(value, list) else value
