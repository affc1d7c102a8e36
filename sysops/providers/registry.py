"""The wire formats, one row each.  A format is added by one module and one row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bamlvm.sysops.providers import anthropic, bedrock, google, openai, responses, vertex
from bamlvm.sysops.providers.catalogue import Provider
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.wire import WireFormat

WIRES: Final[Mapping[str, WireFormat]] = MappingProxyType(
    {
        wire.name: wire
        for wire in (
            openai.WIRE,
            responses.WIRE,
            anthropic.WIRE,
            google.WIRE,
            vertex.WIRE,
            vertex.ANTHROPIC_WIRE,
            bedrock.WIRE,
        )
    }
)
"""By the name that :attr:`bamlvm.sysops.providers.catalogue.Provider.wire` has."""

RESPONSE_TYPES: Final = {word: wire for wire in WIRES.values() for word in wire.response_types}
"""The formats by the values of the option ``client_response_type``."""


def request_wire(row: Provider) -> WireFormat:
    """Return the format of a provider's requests."""
    return WIRES[row.wire]


def answer_wire(row: Provider, options: Options) -> WireFormat:
    """Return the format of a client's answers: its provider's, unless ``client_response_type`` names another.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if it names none.
    """
    named = options.get("client_response_type", str)
    if named is None:
        return WIRES[row.wire]
    if named not in RESPONSE_TYPES:
        raise options.invalid(f"option client_response_type must be one of {', '.join(RESPONSE_TYPES)}")
    return RESPONSE_TYPES[named]
