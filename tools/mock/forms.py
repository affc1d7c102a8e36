"""Answers in the form that a request asks for: as text that follows a schema, or as calls of tools.

A script's answer is neutral text, so one script serves every output mode.  What a request asks for is read from its
body (:class:`Asked`, made by each format); then

- where tools are offered, text that is JSON becomes a call of the tool whose parameters it fits, and a list that fits
  none becomes a call for each of its items; any other text stays text, as from a model that calls no tool;
- where a schema wraps its value (an object with one property), the text becomes that property's value.

An answer's own ``calls`` are sent as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Pieces = Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: the schemas of tools by name, or that of the text; neither for plain text."""

    tools: Mapping[str, Mapping[str, Any]]
    text: Mapping[str, Any] | None = None


NOTHING = Asked({})
"""A request for text."""


def asked(tools: Sequence[tuple[Any, Any]], text: Any = None) -> Asked:
    """Return what a request asks for; what is not a name with a schema is ignored."""
    found = {name: schema for name, schema in tools if isinstance(name, str) and isinstance(schema, Mapping)}
    return Asked(found, text if isinstance(text, Mapping) else None)


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none if it is not a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def member(value: Any, *path: str) -> Any:
    """Return a member inside of objects, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def in_form(pieces: Pieces, wanted: Asked) -> tuple[Pieces, list[tuple[str, Pieces]]]:
    """Return the text and the calls that say what ``pieces`` say."""
    if not wanted.tools:
        return (pieces if wanted.text is None else _wrapped(pieces, wanted.text)), []
    try:
        value = json.loads("".join(pieces))
    except ValueError:
        value = None
    fitting = _fitting(value, wanted)
    if fitting is not None:
        return (), [(fitting, pieces)]
    if len(wanted.tools) == 1 and (_key(next(iter(wanted.tools.values()))) is not None or value is not None):
        ((name, schema),) = wanted.tools.items()
        return (), [(name, _wrapped(pieces, schema))]
    items = value if isinstance(value, list) else []
    names = [_fitting(item, wanted) for item in items]
    if None in names or not isinstance(value, list):
        return pieces, []
    return (), [(name, [json.dumps(item, ensure_ascii=False)]) for name, item in zip(names, items, strict=True) if name]


def _fitting(value: Any, wanted: Asked) -> str | None:
    """Return the tool whose parameters an object fits."""
    for name, schema in wanted.tools.items():
        keys = member(schema, "properties") or {}
        if isinstance(value, dict) and set(schema.get("required") or ()) <= value.keys() <= keys.keys():
            return name
    return None


def _key(schema: Mapping[str, Any]) -> str | None:
    """Return the only property of an object."""
    properties = schema.get("properties")
    return next(iter(properties)) if isinstance(properties, Mapping) and len(properties) == 1 else None


def _wrapped(pieces: Pieces, schema: Mapping[str, Any]) -> Pieces:
    """Return the text as an object's only property, unless it is such an object, or the schema has several."""
    key = _key(schema)
    if key is None:
        return pieces
    text = "".join(pieces)
    try:
        value = json.loads(text)
    except ValueError:
        if f'"{key}"' in text:  # it is written around the object, or badly
            return pieces
        return [f'{{"{key}": ', json.dumps(text, ensure_ascii=False), "}"]
    return pieces if isinstance(value, dict) and value.keys() == {key} else [f'{{"{key}": ', *pieces, "}"]
