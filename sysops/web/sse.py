"""Server-sent events, sans-IO: bytes in, events out.

The rules are those of the WHATWG HTML standard, section 9.2 "Server-sent events" (parsing and interpreting an event
stream).  Any split of the bytes gives the same events as the whole.

How it works: everything is done on bytes, since no byte of a multi-byte UTF-8 sequence is a line end.  CR and CRLF
become LF as chunks arrive (a CR that ends a chunk ends its line at once; an LF that begins the next is then skipped).
Complete lines are taken in blocks between blank lines, and the usual shapes of a block are recognised whole; anything
else goes line by line.  An unfinished line grows in place until its end arrives, and is searched only once, so the work
is linear in the bytes however they are split.
"""

from __future__ import annotations

from typing import Final

import msgspec

DEFAULT_LIMIT: Final = 16 * 1024 * 1024
"""Largest event, in bytes."""

LONGEST_ID: Final = 1024
"""Longest event id, in bytes.  An id counts for all events that follow, so a long one before many short events would be
written out with each of them."""

_BOM: Final = b"\xef\xbb\xbf"
_LARGEST_RETRY: Final = 10**18


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event: its type (``message`` unless named), its data, and the last event id seen so far."""

    event: str
    data: str
    id: str


class UnreadableStreamError(ValueError):
    """A stream that cannot be read on, in whatever framing."""


class EventTooLargeError(UnreadableStreamError):
    """An event passed the parser's limit."""


class SseParser:
    """One event stream.

    ``limit`` bounds an event's fields (comments do not count) and any single line, in bytes; an id may have
    :data:`LONGEST_ID`.  ``keep_unterminated``
    makes :meth:`close` deliver a last event that no blank line ended, which the standard drops.

    ``comments`` counts the comment lines seen, ``retry`` is the last reconnection time in milliseconds.
    """

    __slots__ = (
        "_closed",
        "_data",
        "_failure",
        "_last_id",
        "_partial",
        "_size",
        "_skip_newline",
        "_started",
        "_type",
        "comments",
        "keep_unterminated",
        "limit",
        "retry",
    )

    def __init__(self, limit: int = DEFAULT_LIMIT, keep_unterminated: bool = False) -> None:
        self.limit = limit
        self.keep_unterminated = keep_unterminated
        self.comments = 0
        self.retry: int | None = None
        self._data: list[bytes] = []
        self._type = b""
        self._last_id = ""
        self._size = 0  # bytes of the fields of the event under way
        self._partial = bytearray()
        self._started = False  # whether the first line, which may begin with a BOM, has been seen
        self._skip_newline = False
        self._failure: EventTooLargeError | None = None
        self._closed = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that ``chunk`` completes.

        Raises :class:`EventTooLargeError` once the events before the one that is too large have been returned, and
        :class:`RuntimeError` after :meth:`close`.
        """
        self._check_open()
        if self._skip_newline and chunk:
            self._skip_newline = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            # Every line end becomes LF.  A CR that ends the chunk ends its line now, without waiting to see whether an
            # LF follows; if the next chunk begins with one, that belongs to the same line end and is skipped above.
            self._skip_newline = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = chunk.rfind(b"\n") + 1
        events: list[Event] = []
        if end:
            # Up to the last LF the lines are complete.  Only the first of them can have begun in earlier chunks, whose
            # bytes were searched for LF when they came: no byte is looked at twice.
            lines = chunk[:end]
            if self._partial:
                self._partial += lines
                lines = bytes(self._partial)
                self._partial.clear()
            if not self._started:
                self._started = True
                lines = lines.removeprefix(_BOM)
            self._take(lines, events)
        if end < len(chunk) and self._failure is None:
            self._partial += chunk[end:] if end else chunk
            # An unfinished line counts against the limit at once; a BOM at the beginning, whole or so far, does not.
            unstarted = b"" if self._started else self._partial[: len(_BOM)]
            self._measure(len(self._partial) - len(unstarted) * _BOM.startswith(unstarted))
        if self._failure is not None and not events:
            raise self._failure
        return events

    def close(self) -> list[Event]:
        """End the input.  Return the unterminated event if it is to be kept.

        Raises :class:`EventTooLargeError` if one was found and not raised yet.  Closing again does nothing.
        """
        if self._closed:
            return []
        self._check_open()
        self._closed = True
        events: list[Event] = []
        if self.keep_unterminated:
            line = bytes(self._partial)
            self._line(line if self._started else line.removeprefix(_BOM), events)
            self._dispatch(events)
        self._partial.clear()
        self._data.clear()
        if self._failure is not None and not events:
            raise self._failure
        return events

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise RuntimeError("the parser is closed")

    def _take(self, lines: bytes, events: list[Event]) -> None:
        """Interpret complete lines, each ended by LF."""
        limit = self.limit
        clean = not self._size  # no field of an event has been seen: a whole block may be recognised at once
        blocks = lines.split(b"\n\n")
        rest = blocks.pop()
        for block in blocks:
            if clean and len(block) <= limit:
                if block.startswith(b"data: "):
                    if b"\n" not in block:
                        events.append(Event("message", block[6:].decode("utf-8", "replace"), self._last_id))
                        continue
                elif block.startswith(b"event: "):
                    type_, _, data = block.partition(b"\n")
                    if data.startswith(b"data: ") and b"\n" not in data:
                        name = type_[7:].decode("utf-8", "replace") or "message"
                        events.append(Event(name, data[6:].decode("utf-8", "replace"), self._last_id))
                        continue
                elif not block:  # a blank line more, or a flood of them
                    continue
            for line in block.split(b"\n"):
                self._line(line, events)
            if self._failure is not None:
                return
            self._dispatch(events)
            clean = True
        if rest:
            for line in rest[:-1].split(b"\n"):
                self._line(line, events)

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            self._dispatch(events)
            return
        self._measure(len(line))
        if self._failure is not None:
            return
        if line.startswith(b":"):
            self.comments += 1
            return
        self._size += len(line)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        elif name == b"id":
            if len(value) > LONGEST_ID:
                self._failure = EventTooLargeError(f"the id of an event is longer than {LONGEST_ID} bytes")
            elif b"\0" not in value:
                self._last_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():  # of bytes: ASCII digits only
            digits = value.lstrip(b"0") or b"0"
            self.retry = int(digits) if len(digits) <= 18 else _LARGEST_RETRY

    def _dispatch(self, events: list[Event]) -> None:
        if self._data and self._failure is None:
            type_ = self._type.decode("utf-8", "replace") or "message"
            events.append(Event(type_, b"\n".join(self._data).decode("utf-8", "replace"), self._last_id))
        self._data.clear()
        self._type = b""
        self._size = 0

    def _measure(self, more: int) -> None:
        if self._size + more > self.limit:
            self._failure = EventTooLargeError(f"an event is larger than {self.limit} bytes")
            self._partial.clear()
            self._data.clear()
