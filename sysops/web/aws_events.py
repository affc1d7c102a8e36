"""The binary event streams of AWS, sans-IO: bytes in, events out.

Document: "Event stream encoding" (Amazon Transcribe developer guide; the same for every service of AWS).

A message is a prelude (its length, the length of its headers, a checksum of the two), headers, a payload and a
checksum.  This module finds where a message ends; botocore, which the extra ``bamlvm[bedrock]`` brings, reads it.

The header ``:message-type`` says what a message is:

* ``event``: an event of the type ``:event-type``, whose data is the payload;
* ``exception`` and ``error``: an event of the type ``error``, whose data is an object with the members ``type`` (what
  ``:exception-type`` or ``:error-code`` says) and ``message``.

Any split of the bytes gives the same events as the whole, and each byte is copied a fixed number of times.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec
from botocore.eventstream import EventStreamBuffer

from bamlvm.sysops.web.sse import DEFAULT_LIMIT, Event, EventTooLargeError, UnreadableStreamError

_PRELUDE: Final = 12
_SHORTEST: Final = 16


class BrokenMessageError(UnreadableStreamError):
    """Bytes that are no message: a checksum or a length is wrong, or a header cannot be read."""


class AwsEventParser:
    """One event stream.  ``limit`` bounds a message, in bytes."""

    __slots__ = ("_buffer", "_failure", "limit")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._failure: UnreadableStreamError | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that ``chunk`` completes.

        Raises :class:`UnreadableStreamError` once the events before the one that cannot be read have been returned.
        """
        events: list[Event] = []
        if self._failure is None:
            self._buffer += chunk
            self._take(events)
        if self._failure is not None and not events:
            raise self._failure
        return events

    def close(self) -> list[Event]:
        """End the input; a message that is not complete is dropped.

        Raises :class:`UnreadableStreamError` if one was found that cannot be read.
        """
        self._buffer.clear()
        if self._failure is not None:
            raise self._failure
        return []

    def _take(self, events: list[Event]) -> None:
        buffer, place = self._buffer, 0
        try:
            while len(buffer) - place >= _PRELUDE:
                length = self._length(bytes(buffer[place : place + _PRELUDE]))
                if len(buffer) - place < length:
                    break
                events.append(_event(bytes(buffer[place : place + length])))
                place += length
        except UnreadableStreamError as error:
            self._failure = error
            place = len(buffer)
        del buffer[:place]

    def _length(self, prelude: bytes) -> int:
        """Return the length of the message that begins with ``prelude``, which is not waited for before it is sound."""
        if zlib.crc32(prelude[:8]) != int.from_bytes(prelude[8:], "big"):
            raise BrokenMessageError("the checksum of a message's prelude is wrong")
        length = int.from_bytes(prelude[:4], "big")
        if length > self.limit:
            raise EventTooLargeError(f"an event is larger than {self.limit} bytes")
        if length < _SHORTEST + int.from_bytes(prelude[4:8], "big"):
            raise BrokenMessageError("a message is shorter than its headers")
        return length


def _event(data: bytes) -> Event:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    try:
        message = next(buffer)
    except Exception as error:  # its own, and any that comes of bytes where no header is (struct.error)
        raise BrokenMessageError(f"a message cannot be read: {error}") from None
    headers: dict[str, Any] = message.headers
    text = message.payload.decode("utf-8", "replace")
    kind = headers.get(":message-type", "event")
    if kind == "event":
        return Event(str(headers.get(":event-type", "message")), text, "")
    type_ = headers.get(":exception-type" if kind == "exception" else ":error-code")
    note = _message_in(text) if kind == "exception" else headers.get(":error-message") or text
    reported = {"type": None if type_ is None else str(type_), "message": str(note)}
    return Event("error", msgspec.json.encode(reported).decode(), "")


def _message_in(payload: str) -> str:
    """Return the message of an exception's payload, which is JSON as a rule."""
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return payload
    message = (found.get("message") or found.get("Message")) if isinstance(found, dict) else None
    return message if isinstance(message, str) else payload
