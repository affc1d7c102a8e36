"""Batches of events on their way through a program: a program sees a JSON array of ``{"event", "data", "id"}``.

Most programs hand the very string on that they were given.  So the last one that a call's streams gave is remembered
with its events, and who is handed *that object* (not an equal one) need not read it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bamlvm.sysops.web.sse import Event
from bamlvm.vm.values import Thrown

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(list[Event])


class Batches:
    """The batches of one call."""

    __slots__ = ("_events", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._events: Sequence[Event] = ()

    def write(self, events: Sequence[Event]) -> str:
        """A batch as a program sees it; the events are not to be changed any more."""
        self._text = _ENCODER.encode(events).decode()
        self._events = events
        return self._text

    def read(self, text: str) -> Sequence[Event]:
        """The events of a batch.  Raises :class:`Thrown` (``InvalidArgument``) if it is none."""
        return self._events if text is self._text else read_events(text)


def read_events(batch: str) -> list[Event]:
    """The events in a JSON array of ``{"event", "data", "id"}``.

    Raises :class:`Thrown` (``InvalidArgument``) if it is none.
    """
    try:
        return _DECODER.decode(batch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"not a batch of events: {error}"}) from None
