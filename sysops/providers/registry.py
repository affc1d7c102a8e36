"""Accumulators: what a provider's streamed events amount to, one module a wire format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bamlvm.sysops.providers.accumulator import Accumulator
from bamlvm.sysops.providers.anthropic_stream import AnthropicAccumulator
from bamlvm.sysops.providers.google_stream import GoogleAccumulator
from bamlvm.sysops.providers.openai_stream import OpenAIAccumulator
from bamlvm.sysops.providers.responses_stream import ResponsesAccumulator

__all__ = ["ACCUMULATORS", "Accumulator", "new_accumulator"]

ACCUMULATORS: Final[Mapping[str, type[Accumulator]]] = MappingProxyType(
    {
        "openai": OpenAIAccumulator,
        "openai-responses": ResponsesAccumulator,
        "anthropic": AnthropicAccumulator,
        "google-ai": GoogleAccumulator,
    }
)
"""The accumulator of every wire format, by the name that :data:`bamlvm.sysops.providers.catalogue.WireName` has."""


def new_accumulator(wire: str) -> Accumulator:
    """A fresh accumulator of a wire format."""
    return ACCUMULATORS[wire]()
