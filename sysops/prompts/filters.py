"""The filters that a prompt has beyond Jinja's own, or that differ from them.

``format(type=…)``, ``regex_match`` and ``sum`` follow the official documents ("Jinja Filters"); ``bool``, ``items``,
``lines`` and ``split`` are MiniJinja's.  Filters that are generators in Jinja give lists here, so that their result can
be printed and counted.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2.filters
from jinja2.exceptions import FilterArgumentError

from bamlvm.sysops.prompts import serialise
from bamlvm.sysops.prompts.views import ClassView, text_of

_GENERATORS = ("batch", "map", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "unique", "items")


def filters() -> dict[str, Callable[..., Any]]:
    """Return every filter that differs from Jinja's defaults, by name."""
    listed = {name: _listed(jinja2.filters.FILTERS[name]) for name in _GENERATORS}
    return {
        **listed,
        "bool": bool,
        "format": format_value,
        "join": join,
        "lines": str.splitlines,
        "regex_match": regex_match,
        "split": split,
        "string": lambda value: str(text_of(value)),
        "sum": total,
        "tojson": to_json,
    }


def _listed(generate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(generate)
    def filtered(*arguments: Any, **keywords: Any) -> Any:
        result = generate(*arguments, **keywords)
        return list(result) if isinstance(result, Iterator) else result

    return filtered


def format_value(
    value: Any,
    type: str | None = None,
    indent: int = 2,
    delimiter: str = "comma",
    length_marker: str = "",
) -> str:
    """Write a value as ``json``, ``yaml`` or ``toon`` text; the other arguments are TOON's."""
    if type is None:
        raise FilterArgumentError("format() needs a type: format(type='json'), 'yaml' or 'toon'")
    try:
        data = serialise.plain(value)
    except ValueError as error:
        raise FilterArgumentError(f"format(): {error}") from None
    if type == "json":
        return serialise.to_json(data)
    if type == "yaml":
        return serialise.to_yaml(data)
    if type == "toon":
        separator = serialise.DELIMITERS.get(delimiter)
        if separator is None:
            raise FilterArgumentError(f"format(): no delimiter {delimiter!r}; there are comma, tab and pipe")
        return serialise.Toon(indent, separator, length_marker).write(data)
    raise FilterArgumentError(f"format(): no type {type!r}; there are json, yaml and toon")


def to_json(value: Any, indent: int | None = None) -> str:
    """Write JSON with the fields' own names, not their aliases."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_named)


def _named(value: Any) -> Any:
    if isinstance(value, ClassView):
        return value.fields
    if isinstance(value, Iterator):
        return list(value)
    return str(value)


def regex_match(value: Any, pattern: str) -> bool:
    """Whether the pattern is found in the text."""
    try:
        return re.search(pattern, str(text_of(value))) is not None
    except re.error as error:
        raise FilterArgumentError(f"regex_match(): {error}") from None


def total(values: Iterable[Any], attribute: str | None = None, start: float = 0) -> float:
    """Return the sum of the numbers among ``values``."""
    items = (
        (item.fields.get(attribute) if isinstance(item, ClassView) else item[attribute] for item in values)
        if (attribute)
        else values
    )
    return sum((item for item in items if isinstance(item, (int, float)) and not isinstance(item, bool)), start)


def join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    """Join the values as they print."""
    if attribute:
        values = [item.fields[attribute] if isinstance(item, ClassView) else item[attribute] for item in values]
    return separator.join(str(text_of(item)) for item in values)


def split(value: str, separator: str | None = None, limit: int = -1) -> list[str]:
    """Split a text at separators (white space if none is given)."""
    return str(text_of(value)).split(separator, limit)
