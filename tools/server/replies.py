"""What a client gets: values as JSON, events of a stream, and errors, each with its HTTP status.

An error is a JSON object.  ``error`` is one word for programs, and ``message`` a sentence for people; ``place`` (in the
request) and ``hint`` are there where they are known.  A thrown error has its ``class_name``, its other fields as
``value``, and the ``attempts`` at LLM clients that the call made.  The official server's words come first in this
table, with its statuses:

    invalid_argument        400   arguments or options that do not fit, a body that is not JSON
    client_error            502   no LLM client could answer: a status, no connection, a time limit of a client
    validation_failure      500   the model's answer does not fit the return type (``prompt``, ``raw_output``)
    internal_error          500   a panic, a template that cannot be rendered, and whatever else there is
    finish_reason_failure   500   the model stopped for a reason that its client does not allow
    thrown                  500   the program threw a value of its own
    timeout                 504   the time of the call is up
    shutting_down           503   the server ends
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.errors import Cancelled, DeadlineExceeded, HostError, ThrownError
from bamlvm.values.results import to_builtins

if TYPE_CHECKING:
    from bamlvm.events import Attempt
    from bamlvm.sysops.records import AttemptRecord

JSON: Final = b"application/json"
CLIENT_GONE: Final = 499
"""The status, in metrics and logs alone, of a request whose client has left."""

_CLIENT_ERRORS: Final = frozenset({"HttpStatus", "Network", "LlmClient", "StreamTruncated", "Timeout"})
_PLACE: Final = re.compile(r"args(?:\.\w+|\[[^\]]*\]|…)*(?=: )")

encode: Final = msgspec.json.Encoder(enc_hook=str).encode


class Refused(Exception):  # noqa: N818 (it becomes a response)
    """A request that is not served; see the head of this module for its parts."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        place: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.place = place
        self.hint = hint
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the JSON object for the client."""
        parts = {"error": self.error, "message": str(self), "place": self.place, "hint": self.hint}
        return {name: part for name, part in parts.items() if part is not None}


def value_json(value: Any, *, checks: bool = True) -> bytes:
    """Return a value as JSON, as ``to_builtins`` has it; without ``checks``, as the official server's streams have it:
    values alone, without the outcomes of checks and the states of fields."""
    return encode(value if type(value) is str else to_builtins(value, checks=checks))


def event(name: str | None, number: int, data: bytes) -> bytes:
    """Return a server-sent event; JSON has no line breaks, so its data are one line."""
    head = b"" if name is None else b"event: %b\n" % name.encode()
    return b"%bid: %d\ndata: %b\n\n" % (head, number, data)


def attempt_json(attempt: Attempt) -> bytes:
    """Return what a stream says of an attempt that started, failed or succeeded."""
    return encode({"kind": attempt.kind, **_attempt(attempt.record)})


def refusal(error: BaseException) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Return the status, the JSON object and further headers for an error of a call."""
    match error:
        case Refused():
            return error.status, error.body(), error.headers
        case DeadlineExceeded():
            return 504, {"error": "timeout", "message": str(error)}, {}
        case Cancelled():
            body = {"error": "shutting_down", "message": "the server is shutting down", "hint": "try again"}
            return 503, body, {"retry-after": "1"}
        case ThrownError():
            return _thrown(error)
        case HostError():
            return 500, {"error": "internal_error", "message": str(error)}, {}
        case _:  # what it says may be nobody's business: it is logged
            return 500, {"error": "internal_error", "message": "the server could not finish this call"}, {}


def invalid_arguments(error: HostError, signature: str) -> Refused:
    """Return the refusal of arguments that do not fit the function's parameters."""
    message = str(error)
    place = _PLACE.match(message)
    return Refused(
        400,
        "invalid_argument",
        message,
        place=place[0] if place is not None else "args",
        hint=f"the function is {signature}",
    )


def _thrown(error: ThrownError) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    attempts = error.attempts
    kind = error.class_name
    if kind == "baml.errors.AllAttemptsFailed" and attempts and attempts[-1].error is not None:
        kind = attempts[-1].error.type
    namespace, _, name = kind.rpartition(".")
    details: dict[str, Any] = {}
    status, word = 500, "internal_error"
    if namespace == "baml.errors":
        if name in _CLIENT_ERRORS:
            status, word = 502, "client_error"
        elif name in ("ParseFailed", "FinishReason"):
            word = "validation_failure" if name == "ParseFailed" else "finish_reason_failure"
            details = {"prompt": _prompt(error), "raw_output": error.raw or ""}
    elif namespace != "baml.panics":
        word = "thrown"
        details = {"value": to_builtins(error.value)}
    body = {
        "error": word,
        "message": error.message or f"the program threw a value of {error.class_name}",
        "class_name": error.class_name,
        **details,
        "attempts": [_attempt(each) for each in attempts],
    }
    return status, body, {}


def _attempt(record: AttemptRecord) -> dict[str, Any]:
    found = {
        "attempt": record.ordinal,
        "client": record.client,
        "provider": record.provider,
        "model": record.model,
        "status": record.status,
        "finish_reason": record.finish_reason,
        "duration": record.duration,
        "error": None if record.error is None else {"class_name": record.error.type, "message": record.error.message},
    }
    if record.input_tokens is not None or record.output_tokens is not None:
        found["usage"] = {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens}
    return {name: value for name, value in found.items() if value is not None}


def _prompt(error: ThrownError) -> str:
    """Return the messages of the last attempt as text, as the official server shows them."""
    return "".join(f"{each.get('role')}: {_text(each.get('parts', ()))}\n" for each in error.prompt or ())


def _text(parts: Sequence[Any]) -> str:
    return "".join(part.get("content") or f"<{part.get('type')}>" for part in parts)
