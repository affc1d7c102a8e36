"""The dialects of JSON Schema, one row each: what a reader of schemas understands.

A type that a dialect has no words for is refused (:class:`~bamlvm.vm.program.schemas.writer.InexpressibleError`), never
written as something wider: the server would answer with what the type forbids.  What all of them lack, the asserts and
checks of BAML, is in no schema; they are enforced when an answer is parsed.

Documents: "Structured model outputs: Supported schemas" (OpenAI); "Structured outputs: JSON Schema limitations" and
"Define tools" (Anthropic); "Structured outputs" and ``GenerationConfig.responseJsonSchema`` (Gemini API, Vertex AI);
"Structured outputs" and ``ToolSpecification`` (Amazon Bedrock), whose models have the limits of Anthropic's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Dialect:
    """A row.  ``name`` stands in errors.

    - ``aliases``: properties and variants have the names that models see, and those marked ``@skip`` are left out;
    - ``all_required``: every property is required, and one that may be absent may be null instead;
    - ``has_maps``: an object may have properties that are not listed;
    - ``has_key_names``: ``propertyNames`` is known; without it a map's keys are listed as properties;
    - ``has_cycles``: a type may contain itself, ``cycles_optional``: only in properties that are not required;
    - ``has_constants``: ``const``, ``oneOf`` and values of several types in one ``enum`` are known;
    - ``has_type_lists``: ``type`` may list several types;
    - ``has_described_references``: a ``$ref`` may have keywords beside it, and be at the top;
    - ``has_boolean_values``: ``enum`` may list booleans;
    - ``is_strict``: its reader can also be asked to take any schema, and then guarantees nothing;
    - ``property_name`` is what a property of the object at the top may be called, None for anything.
    """

    name: str
    aliases: bool = True
    all_required: bool = False
    has_maps: bool = True
    has_key_names: bool = False
    has_cycles: bool = True
    cycles_optional: bool = False
    has_constants: bool = False
    has_type_lists: bool = True
    has_described_references: bool = False
    has_boolean_values: bool = True
    is_strict: bool = False
    property_name: re.Pattern[str] | None = None


_PROPERTY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")

VALUES: Final = Dialect(
    "JSON Schema", aliases=False, has_key_names=True, has_constants=True, has_described_references=True
)
"""The form of :func:`bamlvm.to_builtins` of values: JSON Schema 2020-12, whole."""

ANSWERS: Final = Dialect("JSON Schema", has_key_names=True, has_constants=True, has_described_references=True)
"""A model's answers, for hosts."""

OPENAI_STRICT: Final = Dialect("OpenAI's strict schemas", all_required=True, has_maps=False, is_strict=True)
"""``strict: true`` of both formats of OpenAI."""

LOOSE: Final = Dialect("JSON Schema")
"""``strict: false`` of OpenAI, which guarantees nothing and takes any schema, as do the servers that imitate it."""

ANTHROPIC_STRICT: Final = Dialect(
    "Anthropic's structured outputs", all_required=True, has_maps=False, has_cycles=False, has_type_lists=False
)
"""``output_config`` of Anthropic, and Bedrock's of the same purpose."""

ANTHROPIC_STRICT_TOOLS: Final = replace(
    ANTHROPIC_STRICT, name="Anthropic's strict tools", is_strict=True, property_name=_PROPERTY
)
"""The input of Anthropic's and Bedrock's strict tools."""

ANTHROPIC_TOOLS: Final = Dialect("Anthropic's tools", property_name=_PROPERTY)
"""The input of Anthropic's and Bedrock's tools that are not strict."""

GOOGLE: Final = Dialect("Google's schemas", cycles_optional=True, has_boolean_values=False)
"""``responseJsonSchema`` and ``parametersJsonSchema``."""


def dialect_of(provider: str, mode: str, strict: bool | None) -> Dialect | None:
    """Return the dialect in which a provider is asked in an output mode, with the option ``output_strict`` or without
    (None); None if it cannot be asked so.

    Models of Anthropic on Vertex AI are asked as ``anthropic`` is.
    """
    match provider:
        case "google-ai" | "vertex-ai":
            return GOOGLE if strict is None else None
        case "anthropic" | "aws-bedrock" if mode == "tool":
            return ANTHROPIC_STRICT_TOOLS if strict else ANTHROPIC_TOOLS
        case "anthropic" | "aws-bedrock":
            return None if strict is False else ANTHROPIC_STRICT
        case _:
            return LOOSE if strict is False else OPENAI_STRICT
