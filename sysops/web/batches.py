"""Batches of events on their way through a program, as a JSON array of ``{"event", "data", "id"}``.

A program usually passes a batch on unchanged, from ``next`` to ``emit_tick`` and ``add_events``.  So the last batch of
a call's streams is kept together with its events, and :meth:`Batches.read` returns these if it gets *that very string
object*; an equal string is decoded::

    events ── write ──▶ text ── the program ──▶ text ── read ──▶ events     (the same objects, nothing decoded)
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
        """Return a batch as the program gets it; ``events`` must not be changed afterwards."""
        self._text = _ENCODER.encode(events).decode()
        self._events = events
        return self._text

    def read(self, text: str) -> Sequence[Event]:
        """Return the events of a batch.  Raise :class:`Thrown` (``InvalidArgument``) if it is malformed."""
        return self._events if text is self._text else read_events(text)


def read_events(batch: str) -> list[Event]:
    """Decode a JSON array of ``{"event", "data", "id"}``.

    Raises :class:`Thrown` (``InvalidArgument``) for anything else.
    """
    try:
        return _DECODER.decode(batch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"not a batch of events: {error}"}) from None
