"""The keywords of JSON Schema that are no types: what they say becomes an assert, or is told to the model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bamlvm.dynamic.state import TypeBuilderError
from bamlvm.vm.patterns import PatternError, compile_pattern
from bamlvm.vm.program.types import Attribute, AttributedType, Type

SILENT: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "components"),
        *("title", "description", "nullable"),
        *("default", "example", "examples", "format", "contentEncoding", "contentMediaType"),
        *("deprecated", "readOnly", "writeOnly", "discriminator", "externalDocs", "xml"),
    }
)
"""The keywords that describe a schema, or are read beside any other."""
_TOLD: Final = (
    ("format", "format"),
    ("contentEncoding", "encoding"),
    ("contentMediaType", "media type"),
    ("default", "default"),
    ("example", "for example"),
    ("examples", "for example"),
)
ASSERTS: Final[Mapping[str, Mapping[str, str]]] = {
    "string": {
        "minLength": "this|length >= {}",
        "maxLength": "this|length <= {}",
        "pattern": "this|regex_match({})",
    },
    "number": {
        "minimum": "this >= {}",
        "maximum": "this <= {}",
        "exclusiveMinimum": "this > {}",
        "exclusiveMaximum": "this < {}",
        "multipleOf": "this % {} == 0",
    },
    "array": {
        "minItems": "this|length >= {}",
        "maxItems": "this|length <= {}",
        "uniqueItems": "this|unique(case_sensitive=true)|list|length == this|length",
    },
    "object": {"minProperties": "this|length >= {}", "maxProperties": "this|length <= {}"},
}
"""The keywords that become asserts, by the kind of value."""


class SchemaError(TypeBuilderError):
    """A schema that no type can express; the message begins with the path of what cannot be."""


_SHAPES: Final[Mapping[str, tuple[type | tuple[type, ...], str]]] = {
    "properties": (Mapping, "an object"),
    **dict.fromkeys(("required", "enum", "anyOf", "oneOf", "allOf", "prefixItems", "examples"), (list, "a list")),
    **dict.fromkeys(("$ref", "description", "title", "format", "pattern"), (str, "text")),
    **dict.fromkeys(("nullable", "uniqueItems"), (bool, "true or false")),
    "type": ((str, list), "the name of a type, or a list of them"),
}
"""What keywords must be, before anything looks into them."""


def check_shape(schema: Any, path: str) -> None:
    """Raise :class:`SchemaError` for a keyword of a schema that is nothing that it can be."""
    if not isinstance(schema, Mapping):
        return
    for key, (kind, what) in _SHAPES.items():
        if key in schema and not isinstance(schema[key], kind):
            raise SchemaError(f"{path}/{key}: expected {what}, got {schema[key]!r}")
    for key in ("required", "type"):
        if isinstance(schema.get(key), list) and not all(isinstance(each, str) for each in schema[key]):
            raise SchemaError(f"{path}/{key}: expected texts, got {schema[key]!r}")


def demand_known(schema: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    """Raise :class:`SchemaError` for a keyword that has no meaning here."""
    for key in schema:
        if key not in SILENT and key not in known and not str(key).startswith("x-"):
            raise SchemaError(f"{path}: the keyword {key!r} has no meaning here")


def keywords(kind: Any) -> tuple[str, ...]:
    """Return the keywords that say something about values of a kind."""
    more = {
        "object": ("properties", "required", "additionalProperties", "propertyNames"),
        "array": ("items", "prefixItems"),
    }
    group = "number" if kind == "integer" else kind
    return (*more.get(kind, ()), *ASSERTS.get(group, ()))


def implied(schema: Mapping[str, Any]) -> str | None:
    """Return the kind of value that a schema without ``type`` speaks of."""
    for kind in ("object", "array"):
        if any(key in schema for key in keywords(kind)):
            return kind
    return None


def asserted(type_: Type, schema: Mapping[str, Any], group: str, path: str) -> Type:
    """Return a type with the asserts that a schema's keywords are."""
    found = []
    for key, form in ASSERTS.get(group, {}).items():
        if key not in schema:
            continue
        value = schema[key]
        if key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
            plain = "minimum" if key == "exclusiveMinimum" else "maximum"
            if value and plain not in schema:
                raise SchemaError(f"{path}/{key}: there is no {plain} beside it")
            continue  # of draft 4: said by the form of `minimum`
        if key in ("minimum", "maximum") and schema.get(f"exclusive{key.capitalize()}") is True:
            form = form.replace("=", "")
        if key == "pattern":
            if is_pattern(value, f"{path}/{key}"):  # any other is told to the model
                found.append(Attribute("assert", (key,), form.format(ascii(value))))
            continue
        if key == "uniqueItems":
            if value is not True:
                raise SchemaError(f"{path}/{key}: expected true or false, got {value!r}")
        elif not isinstance(value, int | float) or isinstance(value, bool):
            raise SchemaError(f"{path}/{key}: expected a number, got {value!r}")
        if key == "multipleOf" and (not isinstance(value, int) or value <= 0):
            raise SchemaError(f"{path}/{key}: it can be a positive integer only, not {value!r}")
        found.append(Attribute("assert", (key,), form.format(value)))
    return AttributedType(type_, tuple(found)) if found else type_


def notes(schema: Mapping[str, Any]) -> Iterable[str]:
    """Yield what keywords say that have no other form."""
    for key, word in _TOLD:
        value = schema.get(key)
        if value is not None and value not in ([], {}):
            values = value if key == "examples" and isinstance(value, list) else [value]
            texts = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in values]
            yield f"({word}: {', '.join(texts)})"
    if isinstance(schema.get("pattern"), str) and not is_pattern(schema["pattern"]):
        yield f"(pattern: {schema['pattern']})"


def is_pattern(pattern: Any, path: str = "") -> bool:
    """Whether a regular expression is one that can be asserted: those with look-ahead and back references cannot.

    Raises :class:`SchemaError` for what is none.
    """
    if not isinstance(pattern, str):
        raise SchemaError(f"{path}: expected a regular expression, got {pattern!r}")
    try:
        compile_pattern(pattern)
    except PatternError:
        try:
            re.compile(pattern)
        except re.error as error:
            raise SchemaError(f"{path}: {pattern!r} is no regular expression: {error}") from None
        return False
    return True
