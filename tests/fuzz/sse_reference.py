"""Server-sent events, slowly and obviously: the standard's algorithm over the whole input.

The rules are those of the WHATWG HTML standard, section 9.2; the limit is :class:`bamlvm.sysops.web.sse.SseParser`'s.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bamlvm.sysops.web.sse import Event

_NO_LIMIT = 1 << 62


class Reading(NamedTuple):
    """What an input says; ``too_large`` if its reading ended at an event over the limit."""

    events: list[Event]
    comments: int
    retry: int | None
    too_large: bool


def read(stream: bytes, keep_unterminated: bool = False, limit: int = _NO_LIMIT) -> Reading:
    """All of an input.  A line counts before it is looked at; comments and blank lines add nothing to an event."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    lines = re.split(b"\r\n|\n|\r", stream)
    unfinished = lines.pop()  # what no line end follows
    events: list[Event] = []
    comments, retry, size = 0, None, 0
    data, kind, last_id = b"", b"", ""
    for number, line in enumerate([*lines, unfinished, b""]):
        if number == len(lines):  # from here on it is not known whether the line is whole
            if size + len(unfinished) > limit:
                return Reading(events, comments, retry, too_large=True)
            if not keep_unterminated:
                break
        if line == b"":
            if data:
                text = data.removesuffix(b"\n").decode("utf-8", "replace")
                events.append(Event(kind.decode("utf-8", "replace") or "message", text, last_id))
            data, kind, size = b"", b"", 0
            continue
        if size + len(line) > limit:
            return Reading(events, comments, retry, too_large=True)
        if line.startswith(b":"):
            comments += 1
            continue
        size += len(line)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data += value + b"\n"
        elif name == b"event":
            kind = value
        elif name == b"id" and b"\0" not in value:
            last_id = value.decode("utf-8", "replace")
        elif name == b"retry" and re.fullmatch(b"[0-9]+", value):
            digits = value.lstrip(b"0") or b"0"
            retry = 10**18 if len(digits) > 18 else int(digits)
    return Reading(events, comments, retry, too_large=False)
