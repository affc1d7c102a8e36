"""The kinds of faults that an answer can have: each is one small struct.  :mod:`bamlvm.tools.mock.delivery` applies
them.

A fault belongs to one of three places:

* the *events* of a streamed answer: a terminator too early or missing, an error object, garbage;
* the *bytes* that events are encoded as: line ends, a BOM, comments;
* the *connection*: status, delay, stall, reset, truncation (offsets are bytes of the body), compression, framing.

In a script a fault is a table with its ``kind``; on the command line it is ``kind`` or ``kind:field=value,…``.
Offsets count from 0; a negative one counts from the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec


class _Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of all faults."""


class Status(_Fault, frozen=True, tag="status"):
    """Answer with this HTTP status instead; ``body`` defaults to the provider's error object.

    ``retry_after`` is sent as the header ``Retry-After`` (seconds, or a date as text).
    """

    code: int = 500
    body: str | None = None
    type: str | None = None
    message: str | None = None
    retry_after: int | str | None = None


class Delay(_Fault, frozen=True, tag="delay"):
    """Wait ``ms`` milliseconds before the first byte of the response."""

    ms: float = 1000


class Stall(_Fault, frozen=True, tag="stall"):
    """Send nothing for ``ms`` milliseconds, or (without ``ms``) until the client leaves; in the body at byte ``at``."""

    where: Literal["before", "headers", "body"] = "body"
    at: int = 0
    ms: float | None = None


class Reset(_Fault, frozen=True, tag="reset"):
    """End the connection before the response, inside its headers, or in the body at byte ``at``: with a TCP RST, or
    (``how`` "close") in order."""

    where: Literal["before", "headers", "body"] = "before"
    at: int = 0
    how: Literal["reset", "close"] = "reset"


class Truncate(_Fault, frozen=True, tag="truncate"):
    """End the body at byte ``at``: ``close`` the connection, too early for HTTP, or ``end`` the message properly."""

    at: int = 0
    how: Literal["close", "end"] = "close"


class Garbage(_Fault, frozen=True, tag="garbage"):
    """Send garbage: no HTTP at all (``response``), a body of noise (``body``), or after ``after`` content events an
    event with this ``data`` (``event``; by default not JSON)."""

    where: Literal["response", "body", "event"] = "event"
    after: int = 0
    data: str = '{"id": "chatcmpl-mock", "choices": [{"delta'


class Giant(_Fault, frozen=True, tag="giant"):
    """Make content event ``after`` larger by ``size`` bytes, in an unknown field."""

    size: int = 1_000_000
    after: int = 0


class KeepAlive(_Fault, frozen=True, tag="keep_alive"):
    """Send ``count`` keep-alive comments, ``ms`` milliseconds apart, before the first event."""

    count: int = 100
    ms: float = 100
    text: str = "PROCESSING"


class Length(_Fault, frozen=True, tag="length"):
    """Send the body with a ``Content-Length`` that is wrong by ``by`` bytes, and close."""

    by: int = 1


class Chunk(_Fault, frozen=True, tag="chunk"):
    """Break the chunked framing of a streamed answer after ``after`` chunks: close inside the next one's size or
    data, before the last chunk, or (``garbage``) send a size that is not a number."""

    where: Literal["size", "data", "last", "garbage"] = "data"
    after: int = 0


class Split(_Fault, frozen=True, tag="split"):
    """Send the body in chunks of ``size`` bytes, ``ms`` milliseconds apart; characters are cut as they fall."""

    size: int = 1
    ms: float = 0


class ContentType(_Fault, frozen=True, tag="content_type"):
    """Claim another content type."""

    value: str = "text/html; charset=utf-8"


class EarlyDone(_Fault, frozen=True, tag="early_done"):
    """Send the terminator (``[DONE]``, ``message_stop``) after ``after`` content events, with no finish reason."""

    after: int = 0


class NoDone(_Fault, frozen=True, tag="no_done"):
    """Leave the terminator out."""


class NoFinish(_Fault, frozen=True, tag="no_finish"):
    """Leave the finish reason out."""


class DuplicateFinish(_Fault, frozen=True, tag="duplicate_finish"):
    """Send the finish reason twice."""


class ErrorEvent(_Fault, frozen=True, tag="error"):
    """After ``after`` content events send the provider's error object and end the stream."""

    after: int = 0
    type: str = "overloaded_error"
    message: str = "Overloaded"


class Comments(_Fault, frozen=True, tag="comments"):
    """Send a keep-alive comment before every event."""

    text: str = "PROCESSING"


class Newline(_Fault, frozen=True, tag="newline"):
    """End the lines of the event stream in this style."""

    style: Literal["lf", "cr", "crlf"] = "crlf"


class Bom(_Fault, frozen=True, tag="bom"):
    """Send a byte order mark before the first event."""


class Gzip(_Fault, frozen=True, tag="gzip"):
    """Send the body with ``Content-Encoding: gzip``, flushed after every event."""


Fault: TypeAlias = (
    Status
    | Delay
    | Stall
    | Reset
    | Truncate
    | Garbage
    | Giant
    | KeepAlive
    | Length
    | Chunk
    | Split
    | ContentType
    | EarlyDone
    | NoDone
    | NoFinish
    | DuplicateFinish
    | ErrorEvent
    | Comments
    | Newline
    | Bom
    | Gzip
)
KINDS: dict[str, type[_Fault]] = {str(kind.__struct_config__.tag): kind for kind in _Fault.__subclasses__()}
_AnyFault = TypeVar("_AnyFault", bound=_Fault)


def parse_fault(text: str) -> Fault:
    """Parse a fault as the command line writes it: ``status:code=503,retry_after=2``, ``reset``, ``truncate:at=120``.

    Raises :class:`ValueError`, which says what was expected.
    """
    kind, _, rest = text.partition(":")
    fields: dict[str, Any] = {"kind": kind.strip().replace("-", "_")}
    if fields["kind"] not in KINDS:
        raise ValueError(f"unknown fault {kind!r}; the kinds are {', '.join(sorted(KINDS))}")
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} in the fault {text!r} is not of the form field=value")
        fields[name.strip().replace("-", "_")] = value.strip()
    try:
        fault: Fault = msgspec.convert(fields, type=Fault, strict=False)
        return fault
    except msgspec.ValidationError as error:
        known = ", ".join(KINDS[fields["kind"]].__struct_fields__) or "none"
        raise ValueError(f"fault {text!r}: {error} (fields of {fields['kind']}: {known})") from None


def find(faults: Iterable[Fault], kind: type[_AnyFault]) -> _AnyFault | None:
    """Return the first fault of a kind, or None."""
    for fault in faults:
        if isinstance(fault, kind):
            return fault
    return None
