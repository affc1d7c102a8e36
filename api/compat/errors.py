"""The exceptions of ``baml_py``, and which error of a call becomes which.

    BamlError
    ├── BamlInvalidArgumentError        an argument, an option or a client that cannot be used
    ├── BamlClientError                 a provider reported an error, or sent what cannot be read
    │   ├── BamlClientHttpError         … with an HTTP status (503 where there was no connection, as there)
    │   └── BamlTimeoutError            a time limit of the client passed
    ├── BamlClientFinishReasonError     the model stopped for a reason that the client does not allow
    ├── BamlValidationError             the answer does not fit the return type
    └── BamlAbortError                  the call was aborted

The error of a call that made several attempts is that of the last one; ``detailed_message`` has them all.  The original
is the cause (``__cause__``), and every class is also a :class:`bamlvm.BamlError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bamlvm import errors

if TYPE_CHECKING:
    from bamlvm.sysops.records import AttemptRecord, ErrorRecord

__all__ = [
    "BamlAbortError",
    "BamlClientError",
    "BamlClientFinishReasonError",
    "BamlClientHttpError",
    "BamlError",
    "BamlInvalidArgumentError",
    "BamlTimeoutError",
    "BamlValidationError",
]


class BamlError(errors.BamlError):
    """Base of the exceptions of a client."""

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        vars(self).update(fields)

    def __str__(self) -> str:
        fields = {name: value for name, value in vars(self).items() if name != "message" and value}
        if not fields:
            return self.message
        shown = ", ".join(f"{name}={value}" for name, value in {"message": self.message, **fields}.items())
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = dict(vars(self))
        return _restored, (type(self), fields.pop("message"), fields)


def _restored(kind: type[BamlError], message: str, fields: dict[str, Any]) -> BamlError:
    return kind(message, **fields)


class BamlInvalidArgumentError(BamlError):
    """An argument, an option or a client cannot be used."""


class BamlAbortError(BamlError):
    """The call was aborted by its controller."""


class BamlClientError(BamlError):
    """A client could not get an answer."""

    client_name: str


class BamlClientHttpError(BamlClientError):
    """A server answered with an error status."""

    status_code: int
    detailed_message: str


class BamlTimeoutError(BamlClientError):
    """A time limit of a client passed."""


class BamlClientFinishReasonError(BamlError):
    """The model stopped for a reason that the client does not allow."""

    prompt: str
    raw_output: str
    finish_reason: str | None
    detailed_message: str


class BamlValidationError(BamlError):
    """An answer does not fit the return type."""

    prompt: str
    raw_output: str
    detailed_message: str


_NO_CONNECTION = 503


def translated(error: BaseException) -> BaseException:
    """Return the exception of ``baml_py`` for one that a call raised; any other as it is."""
    match error:
        case errors.ThrownError():
            return _thrown(error)
        case errors.Cancelled():
            return BamlAbortError(str(error))
        case errors.HostError() | errors.CompileError():
            return BamlInvalidArgumentError(str(error))
        case _:
            return error


def _thrown(error: errors.ThrownError) -> BamlError:
    attempts = error.attempts
    last = attempts[-1] if attempts else None
    kind, message = error.class_name, error.message
    if kind == "baml.errors.AllAttemptsFailed" and last is not None and last.error is not None:
        kind, message = last.error.type, last.error.message
    client = {"client_name": last.client} if last is not None else {}
    details = {
        "prompt": _prompt(last),
        "raw_output": error.raw or "",
        "detailed_message": _detailed(attempts, message),
    }
    match kind.rpartition(".")[2]:
        case "ParseFailed":
            return BamlValidationError(message, **details)
        case "FinishReason":
            reason = last.finish_reason if last is not None else None
            return BamlClientFinishReasonError(message, finish_reason=reason, **details)
        case "HttpStatus" | "Network" as name:
            status = _NO_CONNECTION if name == "Network" else _status(error, last)
            detailed = details["detailed_message"]
            return BamlClientHttpError(message, **client, status_code=status, detailed_message=detailed)
        case "Timeout":
            return BamlTimeoutError(message, **client)
        case "LlmClient" | "StreamTruncated":
            return BamlClientError(message, **client)
        case "InvalidArgument" | "UnsupportedProvider":
            return BamlInvalidArgumentError(message)
        case _:
            return BamlError(str(error))


def _status(error: errors.ThrownError, last: AttemptRecord | None) -> int:
    status = getattr(error.value, "status_code", None)
    return status if isinstance(status, int) else (last.status if last is not None else None) or _NO_CONNECTION


def _prompt(attempt: AttemptRecord | None) -> str:
    """Return the messages of an attempt as text: ``role: text``, each on a line."""
    if attempt is None or attempt.summary is None:
        return ""
    system = [{"role": "system", "parts": attempt.summary.system}] if attempt.summary.system else []
    lines = []
    for message in (*system, *attempt.summary.messages):
        text = "".join(part.get("content") or f"<{part['type']}>" for part in message["parts"])
        lines.append(f"{message['role']}: {text}\n")
    return "".join(lines)


def _detailed(attempts: Sequence[AttemptRecord], message: str) -> str:
    failed: list[tuple[str, ErrorRecord]] = [(each.client, each.error) for each in attempts if each.error is not None]
    if len(failed) < 2:
        return message
    lines = (f'Attempt {place}: LLM client "{client}": {error}' for place, (client, error) in enumerate(failed))
    return "\n\n".join((f"{len(failed)} failed attempts:", *lines))
