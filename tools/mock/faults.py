"""Faults on demand: each kind is one small struct, and a response goes through those of its answer in a fixed order.

Three places can go wrong, and each fault belongs to one of them:

* the *events* of a streamed answer (:func:`spoil_frames`): a terminator too early or missing, an error object, garbage;
* the *bytes* that events are written as (:func:`encode_frames`): line ends, a BOM, comments, gzip, how they are split;
* the *wire* (:func:`wire_steps`): status, delay, stall, reset, truncation, counted in bytes of the body.

In a script a fault is a table with its ``kind``; on the command line it is ``kind`` or ``kind:field=value,…``.
Offsets count from 0; a negative one counts from the end.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from bamlvm.tools.mock.wire import Frame, Piece, Response, WireFormat


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
    """Send nothing more for ``ms`` milliseconds (without ``ms``: until the client leaves)."""

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
    """Nonsense: no HTTP at all (``response``), a body of noise (``body``), or after ``after`` content events an event
    with this ``data`` (``event``; by default no JSON)."""

    where: Literal["response", "body", "event"] = "event"
    after: int = 0
    data: str = '{"id": "chatcmpl-mock", "choices": [{"delta'


class Giant(_Fault, frozen=True, tag="giant"):
    """Make content event ``after`` larger by ``size`` bytes, in a field that nobody knows."""

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
    data, before the last chunk, or (``garbage``) send a size that is no number."""

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
    """A keep-alive comment before every event."""

    text: str = "PROCESSING"


class Newline(_Fault, frozen=True, tag="newline"):
    """How lines end in the event stream."""

    style: Literal["lf", "cr", "crlf"] = "crlf"


class Bom(_Fault, frozen=True, tag="bom"):
    """A byte order mark before the first event."""


class Gzip(_Fault, frozen=True, tag="gzip"):
    """``Content-Encoding: gzip``, flushed after every event."""


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
_NOISE = bytes((i * 167 + 13) % 256 for i in range(512))
_NOT_HTTP = b"\x16\x03\x01\x02\x00 this is no HTTP response\r\n\r\n"
_LINE_ENDS = {"lf": "\n", "cr": "\r", "crlf": "\r\n"}
_AnyFault = TypeVar("_AnyFault", bound=_Fault)


# --- what the server does, one step after the other -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for ``seconds``; None: until the client leaves."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Hang:
    """Close the connection: with a reset, or in order."""

    reset: bool


Step: TypeAlias = Send | Wait | Hang


def parse_fault(text: str) -> Fault:
    """A fault as the command line writes it: ``status:code=503,retry_after=2``, ``reset``, ``truncate:at=120``.

    Raises :class:`ValueError`, saying what was expected.
    """
    kind, _, rest = text.partition(":")
    fields: dict[str, Any] = {"kind": kind.strip().replace("-", "_")}
    if fields["kind"] not in KINDS:
        raise ValueError(f"no fault is called {kind!r}; there are {', '.join(sorted(KINDS))}")
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
    """The first fault of a kind."""
    for fault in faults:
        if isinstance(fault, kind):
            return fault
    return None


def spoil_frames(frames: Sequence[Frame], faults: Sequence[Fault], wire: WireFormat) -> list[Frame]:
    """The events of a streamed answer after the faults that concern events."""
    spoiled = list(frames)
    if early := find(faults, EarlyDone):
        spoiled = [*_until_content(spoiled, early.after), *(frame for frame in frames if frame.role == "done")]
    if error := find(faults, ErrorEvent):
        spoiled = [*_until_content(spoiled, error.after), wire.error_frame(error.type, error.message)]
    if (garbage := find(faults, Garbage)) and garbage.where == "event":
        head = _until_content(spoiled, garbage.after)
        spoiled = [*head, Frame("other", garbage.data), *spoiled[len(head) :]]
    if giant := find(faults, Giant):
        place = len(_until_content(spoiled, giant.after))
        spoiled = [_grown(frame, giant.size) if index == place else frame for index, frame in enumerate(spoiled)]
    if find(faults, NoDone):
        spoiled = [frame for frame in spoiled if frame.role != "done"]
    if find(faults, NoFinish):
        spoiled = [frame for frame in spoiled if frame.role != "finish"]
    if find(faults, DuplicateFinish):
        spoiled = [each for frame in spoiled for each in ((frame, frame) if frame.role == "finish" else (frame,))]
    return spoiled


def encode_frames(frames: Sequence[Frame], faults: Sequence[Fault]) -> list[Piece]:
    """Events as the bytes of an event stream, one piece an event."""
    newline = find(faults, Newline)
    end = _LINE_ENDS[newline.style] if newline else "\n"
    comments = find(faults, Comments)
    before = f": {comments.text}{end}{end}" if comments else ""
    pieces = []
    for frame in frames:
        lines = [] if frame.event is None else [f"event: {frame.event}"]
        lines += [f"data: {line}" for line in frame.data.split("\n")]
        pieces.append(Piece(f"{before}{end.join(lines)}{end}{end}".encode(), frame.wait))
    if pieces and find(faults, Bom):
        pieces[0] = replace(pieces[0], data=b"\xef\xbb\xbf" + pieces[0].data)
    return pieces


def wire_steps(response: Response, faults: Sequence[Fault], *, keep_alive: bool) -> list[Step]:
    """All that the server does for one response, the faults of bytes and wire included.

    A :class:`Hang` means that the answer was cut short; after a whole one the server looks at ``keep_alive`` itself.
    """
    steps: list[Step] = []
    if delay := find(faults, Delay):
        steps.append(Wait(delay.ms / 1000))
    resets, stalls = find(faults, Reset), find(faults, Stall)
    if stalls and stalls.where == "before":
        steps.append(_pause(stalls))
    if resets and resets.where == "before":
        return [*steps, Hang(resets.how == "reset")]
    garbage = find(faults, Garbage)
    if garbage and garbage.where == "response":
        return [*steps, Send(_NOT_HTTP), Hang(reset=False)]

    headers = dict(response.headers)
    if kind := find(faults, ContentType):
        headers["Content-Type"] = kind.value
    pieces = response.pieces
    if garbage and garbage.where == "body":
        pieces = [Piece(_NOISE)]
    if find(faults, Gzip):
        headers["Content-Encoding"] = "gzip"
        pieces = _gzipped(pieces)
    if (keep := find(faults, KeepAlive)) and response.streamed:
        comment = Piece(f": {keep.text}\n\n".encode(), keep.ms / 1000)
        pieces = [*[comment] * keep.count, *pieces]
    if split := find(faults, Split):
        pieces = _split(pieces, max(1, split.size), split.ms / 1000)
    truncate = find(faults, Truncate)
    if truncate and truncate.how == "end":
        pieces = _cut(pieces, truncate.at)[0]

    length, broken = find(faults, Length), find(faults, Chunk)
    chunked = response.streamed and length is None
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        off = length.by if length else 0
        headers["Content-Length"] = str(max(0, sum(len(piece.data) for piece in pieces) + off))
    headers["Connection"] = "keep-alive" if keep_alive else "close"
    head = response.head(headers)
    if resets and resets.where == "headers":
        return [*steps, Send(head[: len(head) // 2]), Hang(resets.how == "reset")]
    if stalls and stalls.where == "headers":
        steps += [Send(head[: len(head) // 2]), _pause(stalls), Send(head[len(head) // 2 :])]
    else:
        steps.append(Send(head))

    ending: list[Step] = [Send(b"0\r\n\r\n")] if chunked else []
    if length:
        ending = [Hang(reset=False)]
    if broken and chunked:
        pieces, ending = _broken(broken, [piece for piece in pieces if piece.data])
    stop: Truncate | Reset | None = None
    if truncate and truncate.how == "close":
        stop = truncate
    elif resets and resets.where == "body":
        stop = resets
    if stop is not None:
        pieces, ending = _cut(pieces, stop.at)[0], [Hang(isinstance(stop, Reset) and stop.how == "reset")]
    if stalls and stalls.where == "body":
        first, second = _cut(pieces, stalls.at)
        return [*steps, *_sends(first, chunked), _pause(stalls), *_sends(second, chunked), *ending]
    return [*steps, *_sends(pieces, chunked), *ending]


def _broken(chunk: Chunk, pieces: list[Piece]) -> tuple[list[Piece], list[Step]]:
    """The chunks that are sent whole, and what follows them."""
    whole, rest = (pieces, []) if chunk.where == "last" else (pieces[: chunk.after], pieces[chunk.after :])
    data = rest[0].data if rest else b"data: "
    begun = {
        "size": b"%x" % len(data),
        "data": b"%x\r\n%b" % (len(data), data[: len(data) // 2]),
        "last": b"",
        "garbage": b"no size\r\n",
    }[chunk.where]
    return whole, [*([Send(begun)] if begun else []), Hang(reset=False)]


def _grown(frame: Frame, size: int) -> Frame:
    """A frame whose JSON object has a long field more; any other data only grows."""
    filler = "x" * size
    data = frame.data
    return replace(frame, data=f'{data[:-1]},"filler":"{filler}"}}' if data.endswith("}") else data + filler)


def _pause(stall: Stall) -> Wait:
    return Wait(None if stall.ms is None else stall.ms / 1000)


def _sends(pieces: Iterable[Piece], chunked: bool) -> Iterable[Step]:
    for piece in pieces:
        if piece.wait:
            yield Wait(piece.wait)
        if piece.data:
            yield Send(b"%x\r\n%b\r\n" % (len(piece.data), piece.data) if chunked else piece.data)


def _until_content(frames: Sequence[Frame], count: int) -> list[Frame]:
    """The frames before content frame number ``count`` (from 0); all of the content if there is less of it."""
    places = [index for index, frame in enumerate(frames) if frame.role == "content"]
    if count < len(places):
        return list(frames[: places[max(0, count)]])
    return list(frames[: places[-1] + 1 if places else 1])


def _cut(pieces: Sequence[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """The pieces before and from byte ``at``; a negative ``at`` counts from the end."""
    left = max(0, at if at >= 0 else sum(len(piece.data) for piece in pieces) + at)
    for index, piece in enumerate(pieces):
        if left < len(piece.data):
            before = [*pieces[:index], Piece(piece.data[:left], piece.wait)] if left else list(pieces[:index])
            return before, [Piece(piece.data[left:], 0 if left else piece.wait), *pieces[index + 1 :]]
        left -= len(piece.data)
    return list(pieces), []


def _split(pieces: Sequence[Piece], size: int, wait: float) -> list[Piece]:
    return [
        Piece(piece.data[start : start + size], wait if start else max(wait, piece.wait))
        for piece in pieces
        for start in range(0, len(piece.data), size)
    ]


def _gzipped(pieces: Sequence[Piece]) -> list[Piece]:
    packer = zlib.compressobj(wbits=31)
    packed = [Piece(packer.compress(piece.data) + packer.flush(zlib.Z_SYNC_FLUSH), piece.wait) for piece in pieces]
    return [*packed, Piece(packer.flush())]
