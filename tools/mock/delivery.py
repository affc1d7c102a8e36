"""From the events of an answer to what the server does on the connection, with the faults applied.

``events`` → :func:`spoil_events` → :func:`encode_events` → ``Response`` → :func:`delivery` → steps.  The faults of each
of the three places (see :mod:`bamlvm.tools.mock.faults`) are applied by one of these functions, in a fixed order, so
that several faults in one answer combine in one way only.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bamlvm.tools.mock.aws_events import MEDIA_TYPE, encode_message
from bamlvm.tools.mock.faults import (
    Bom,
    Chunk,
    Comments,
    ContentType,
    Delay,
    DuplicateFinish,
    EarlyDone,
    ErrorEvent,
    Fault,
    Garbage,
    Giant,
    Gzip,
    KeepAlive,
    Length,
    Newline,
    NoDone,
    NoFinish,
    Reset,
    Split,
    Stall,
    Truncate,
    find,
)
from bamlvm.tools.mock.wire import Piece, Response, StreamEvent, WireFormat

_NOISE = bytes((i * 167 + 13) % 256 for i in range(512))
_NOT_HTTP = b"\x16\x03\x01\x02\x00 this is no HTTP response\r\n\r\n"
_LINE_ENDS = {"lf": "\n", "cr": "\r", "crlf": "\r\n"}


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


# --- events -----------------------------------------------------------------------------------------------------------


def spoil_events(events: Sequence[StreamEvent], faults: Sequence[Fault], wire: WireFormat) -> list[StreamEvent]:
    """Apply the faults that concern the events of a streamed answer."""
    spoiled = list(events)
    if early := find(faults, EarlyDone):
        spoiled = [*_until_content(spoiled, early.after), *(event for event in events if event.role == "done")]
    if error := find(faults, ErrorEvent):
        spoiled = [*_until_content(spoiled, error.after), wire.error_event(error.type, error.message)]
    if (garbage := find(faults, Garbage)) and garbage.where == "event":
        head = _until_content(spoiled, garbage.after)
        framing = spoiled[0].framing if spoiled else "sse"
        spoiled = [*head, StreamEvent("other", garbage.data, framing=framing), *spoiled[len(head) :]]
    if giant := find(faults, Giant):
        place = len(_until_content(spoiled, giant.after))
        spoiled = [_enlarged(event, giant.size) if index == place else event for index, event in enumerate(spoiled)]
    if find(faults, NoDone):
        spoiled = [event for event in spoiled if event.role != "done"]
    if find(faults, NoFinish):
        spoiled = [event for event in spoiled if event.role != "finish"]
    if find(faults, DuplicateFinish):
        spoiled = [each for event in spoiled for each in ((event, event) if event.role == "finish" else (event,))]
    return spoiled


def _until_content(events: Sequence[StreamEvent], count: int) -> list[StreamEvent]:
    """Return the events before content event number ``count`` (from 0); all of the content if there is less of it."""
    places = [index for index, event in enumerate(events) if event.role == "content"]
    if count < len(places):
        return list(events[: places[max(0, count)]])
    return list(events[: places[-1] + 1 if places else 1])


def _enlarged(event: StreamEvent, size: int) -> StreamEvent:
    """Add a long field to an event's JSON object; append to any other data."""
    filler = "x" * size
    data = event.data
    return replace(event, data=f'{data[:-1]},"filler":"{filler}"}}' if data.endswith("}") else data + filler)


# --- bytes of the event stream ----------------------------------------------------------------------------------------


def encode_events(events: Sequence[StreamEvent], faults: Sequence[Fault]) -> list[Piece]:
    """Encode events as the bytes of an event stream, one piece an event; the faults of server-sent events' bytes are
    not those of AWS's messages."""
    if events and events[0].framing == "aws":
        return [Piece(encode_message(event), event.wait) for event in events]
    newline = find(faults, Newline)
    end = _LINE_ENDS[newline.style] if newline else "\n"
    comments = find(faults, Comments)
    before = f": {comments.text}{end}{end}" if comments else ""
    pieces = []
    for event in events:
        lines = [] if event.name is None else [f"event: {event.name}"]
        lines += [f"data: {line}" for line in event.data.split("\n")]
        pieces.append(Piece(f"{before}{end.join(lines)}{end}{end}".encode(), event.wait))
    if pieces and find(faults, Bom):
        pieces[0] = replace(pieces[0], data=b"\xef\xbb\xbf" + pieces[0].data)
    return pieces


def is_binary(response: Response) -> bool:
    """Whether a response is a stream of AWS's messages, which know no comments."""
    return response.headers.get("Content-Type") == MEDIA_TYPE


# --- the connection ---------------------------------------------------------------------------------------------------


def delivery(response: Response, faults: Sequence[Fault], *, keep_alive: bool) -> list[Step]:
    """Return all that the server does for one response.

    A :class:`Hang` means that the answer was cut short; after a complete one the server looks at ``keep_alive`` itself.
    """
    before = _before_head(faults)
    if before and isinstance(before[-1], Hang):
        return before
    headers = dict(response.headers)
    pieces = _spoiled_body(response, faults, headers)
    length = find(faults, Length)
    chunked = response.streamed and length is None
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        wrong_by = length.by if length else 0
        headers["Content-Length"] = str(max(0, _size(pieces) + wrong_by))
    headers["Connection"] = "keep-alive" if keep_alive else "close"
    head = _head_steps(response.head(headers), faults)
    if isinstance(head[-1], Hang):
        return [*before, *head]
    return [*before, *head, *_body_steps(pieces, faults, chunked)]


def _before_head(faults: Sequence[Fault]) -> list[Step]:
    """Return the steps before the first byte of the head; they end in a :class:`Hang` if there is no head."""
    steps: list[Step] = []
    if delay := find(faults, Delay):
        steps.append(Wait(delay.ms / 1000))
    if (stall := find(faults, Stall)) and stall.where == "before":
        steps.append(_pause(stall))
    if (reset := find(faults, Reset)) and reset.where == "before":
        steps.append(_hang(reset))
    elif (garbage := find(faults, Garbage)) and garbage.where == "response":
        steps += [Send(_NOT_HTTP), Hang(reset=False)]
    return steps


def _spoiled_body(response: Response, faults: Sequence[Fault], headers: dict[str, str]) -> list[Piece]:
    """Apply the faults of the body's bytes that leave its framing whole; change ``headers`` to what they claim."""
    pieces = list(response.pieces)
    if kind := find(faults, ContentType):
        headers["Content-Type"] = kind.value
    if (garbage := find(faults, Garbage)) and garbage.where == "body":
        pieces = [Piece(_NOISE)]
    if find(faults, Gzip):
        headers["Content-Encoding"] = "gzip"
        pieces = _gzipped(pieces)
    if (keep := find(faults, KeepAlive)) and response.streamed and not is_binary(response):
        pieces = [*[Piece(f": {keep.text}\n\n".encode(), keep.ms / 1000)] * keep.count, *pieces]
    if split := find(faults, Split):
        pieces = _split(pieces, max(1, split.size), split.ms / 1000)
    if (truncate := find(faults, Truncate)) and truncate.how == "end":
        pieces = _cut(pieces, truncate.at)[0]
    return pieces


def _head_steps(head: bytes, faults: Sequence[Fault]) -> list[Step]:
    """Return the steps that send the head; they end in a :class:`Hang` if the connection breaks inside it."""
    reset, stall = find(faults, Reset), find(faults, Stall)
    half = len(head) // 2
    if reset and reset.where == "headers":
        return [Send(head[:half]), _hang(reset)]
    if stall and stall.where == "headers":
        return [Send(head[:half]), _pause(stall), Send(head[half:])]
    return [Send(head)]


def _body_steps(pieces: list[Piece], faults: Sequence[Fault], chunked: bool) -> list[Step]:
    """Return the steps that send the body and end it, or break off.

    Where several faults would end it, the last one below decides.
    """
    ending: list[Step] = [Send(b"0\r\n\r\n")] if chunked else []
    if find(faults, Length):  # neither side can use the connection again
        ending = [Hang(reset=False)]
    if (chunk := find(faults, Chunk)) and chunked:
        pieces, ending = _broken_chunks(chunk, [piece for piece in pieces if piece.data])
    truncate, reset, stall = find(faults, Truncate), find(faults, Reset), find(faults, Stall)
    if truncate and truncate.how == "close":
        pieces, ending = _cut(pieces, truncate.at)[0], [Hang(reset=False)]
    elif reset and reset.where == "body":
        pieces, ending = _cut(pieces, reset.at)[0], [_hang(reset)]
    if stall and stall.where == "body":
        first, second = _cut(pieces, stall.at)
        return [*_sends(first, chunked), _pause(stall), *_sends(second, chunked), *ending]
    return [*_sends(pieces, chunked), *ending]


def _broken_chunks(chunk: Chunk, pieces: list[Piece]) -> tuple[list[Piece], list[Step]]:
    """Return the chunks that are sent whole, and the steps that break off."""
    whole, rest = (pieces, []) if chunk.where == "last" else (pieces[: chunk.after], pieces[chunk.after :])
    data = rest[0].data if rest else b"data: "
    begun = {
        "size": b"%x" % len(data),
        "data": b"%x\r\n%b" % (len(data), data[: len(data) // 2]),
        "last": b"",
        "garbage": b"no size\r\n",
    }[chunk.where]
    return whole, [*([Send(begun)] if begun else []), Hang(reset=False)]


def _pause(stall: Stall) -> Wait:
    return Wait(None if stall.ms is None else stall.ms / 1000)


def _hang(reset: Reset) -> Hang:
    return Hang(reset.how == "reset")


def _sends(pieces: Iterable[Piece], chunked: bool) -> Iterable[Step]:
    for piece in pieces:
        if piece.wait:
            yield Wait(piece.wait)
        if piece.data:
            yield Send(b"%x\r\n%b\r\n" % (len(piece.data), piece.data) if chunked else piece.data)


def _size(pieces: Iterable[Piece]) -> int:
    return sum(len(piece.data) for piece in pieces)


def _cut(pieces: Sequence[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces before and from byte ``at``; a negative ``at`` counts from the end."""
    left = max(0, at if at >= 0 else _size(pieces) + at)
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
