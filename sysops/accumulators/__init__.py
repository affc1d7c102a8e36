"""Accumulators: what a provider's streamed events amount to, one module a wire format.

:func:`new_accumulator` picks one by provider; :func:`read_events` turns the text that ``SseStream.next`` gave back into
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
        "openai-generic": OpenAIAccumulator,
        "azure-openai": OpenAIAccumulator,
        "ollama": OpenAIAccumulator,
        "openrouter": OpenAIAccumulator,
        "openai-responses": ResponsesAccumulator,
        "anthropic": AnthropicAccumulator,
        "google-ai": GoogleAccumulator,
    }
)
"""The accumulator of every provider whose streams can be read."""

_EVENTS: Final = msgspec.json.Decoder(list[Event])


def new_accumulator(provider: str) -> Accumulator:
    """A fresh accumulator.

    Raises :class:`Thrown` (``UnsupportedProvider``, naming those that work) for any other provider.
    """
    kind = ACCUMULATORS.get(provider)
    if kind is None:
        supported = list(ACCUMULATORS)
        message = f"cannot stream from provider {provider!r}; those that work are {', '.join(supported)}"
        fields = {"message": message, "provider": provider, "supported": supported}
        raise Thrown("baml.errors.UnsupportedProvider", fields)
    return kind()


def read_events(batch: str) -> list[Event]:
    """The events in a JSON array of ``{"event", "data", "id"}``.

    Raises :class:`Thrown` (``InvalidArgument``) if it is none.
    """
    try:
        return _EVENTS.decode(batch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"not a batch of events: {error}"}) from None
