"""Accumulators: what a provider's streamed events amount to, one module a wire format.

:func:`new_accumulator` makes one; :func:`read_events` turns the text that ``SseStream.next`` gave back into
events.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from bamlvm.sysops.accumulators.anthropic import AnthropicAccumulator
from bamlvm.sysops.accumulators.base import Accumulator
from bamlvm.sysops.accumulators.google import GoogleAccumulator
from bamlvm.sysops.accumulators.openai import OpenAIAccumulator
from bamlvm.sysops.accumulators.responses import ResponsesAccumulator
from bamlvm.sysops.sse import Event
from bamlvm.vm.values import Thrown

__all__ = ["ACCUMULATORS", "Accumulator", "new_accumulator", "read_events"]

ACCUMULATORS: Final[Mapping[str, type[Accumulator]]] = MappingProxyType(
    {
        "openai": OpenAIAccumulator,
        "openai-responses": ResponsesAccumulator,
        "anthropic": AnthropicAccumulator,
        "google-ai": GoogleAccumulator,
    }
)
"""The accumulator of every wire format, by the name that :data:`bamlvm.sysops.requests.providers.WireName` has."""

_EVENTS: Final = msgspec.json.Decoder(list[Event])


def new_accumulator(wire: str) -> Accumulator:
    """A fresh accumulator of a wire format."""
    return ACCUMULATORS[wire]()


def read_events(batch: str) -> list[Event]:
    """The events in a JSON array of ``{"event", "data", "id"}``.

    Raises :class:`Thrown` (``InvalidArgument``) if it is none.
    """
    try:
        return _EVENTS.decode(batch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"not a batch of events: {error}"}) from None
