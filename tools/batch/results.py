"""What a row came to, as plain data: a line of the journal, and what another process sends.

    {"row": 12, "key": "5f0a…", "program": "91bc…", "result": {…}, "attempts": 1, "input_tokens": 210, …}
    {"row": 13, "key": "77de…", "program": "91bc…", "error": {"type": "baml.errors.Timeout", "message": "…"}, …}

A line has ``result`` or ``error``.
"""

from __future__ import annotations

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
    return msgspec.json.encode(line) + b"\n"
