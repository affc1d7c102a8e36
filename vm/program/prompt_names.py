"""The names of the prompt language: filters, tests and globals, and the members of ``ctx`` and ``_``.

The renderer takes its names from here and the compiler checks prompts against them, so every name in a template that
compiles exists at run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_FILTERS: Final = (
    "abs attr batch bool capitalize center chain count d default dictsort e escape filesizeformat first float "
    "forceescape format groupby indent int items join last length lines list lower map max min pprint "
    "random regex_match reject rejectattr replace reverse round safe select selectattr slice sort split "
    "string striptags sum title tojson trim truncate unique upper urlencode urlize wordcount wordwrap "
    "xmlattr zip"
)
FILTERS: Final = frozenset(_FILTERS.split())
"""Jinja's filters, and ``bool chain format lines regex_match split zip``."""

_TESTS: Final = (
    "boolean callable defined divisibleby endingwith eq equalto escaped even false filter float ge greaterthan gt in "
    "int integer iterable le lessthan lower lt mapping ne none number odd safe sameas sequence startingwith string "
    "test true undefined upper == != < <= > >="
)
TESTS: Final = frozenset(_TESTS.split())
"""Jinja's tests, and ``endingwith int safe startingwith``."""

MAPPING_METHODS: Final = ("get", "items", "keys", "values")
"""The methods that a class has in a template beside its fields."""

GLOBALS: Final = frozenset({"debug", "dict", "namespace", "range"})
"""The functions that every template sees."""

CONSTANTS: Final[Mapping[str, None]] = {"null": None}
"""The constants beside Jinja's own ``true``, ``false`` and ``none``."""

CONTEXT: Final = ("client", "output_format", "tags")
"""The attributes of ``ctx``; ``tags`` has the tags that the host has set."""

CONTEXT_CLIENT: Final = ("name", "provider")
"""The attributes of ``ctx.client``."""

ROLE_FUNCTIONS: Final = ("role", "chat")
"""The functions of ``_``, which begin a message; they take a role's name and any keywords."""

MAP_STYLES: Final = ("angle", "object")
"""The values of ``ctx.output_format(map_style=…)``: ``map<K, V>`` and ``{K: V}``."""

_TEXT: Final = "a string"
_TEXT_OR_NONE: Final = "a string or none"
_SWITCH: Final = "true or false"
OUTPUT_FORMAT_OPTIONS: Final[Mapping[str, str]] = {
    "prefix": _TEXT_OR_NONE,
    "or_splitter": _TEXT,
    "always_hoist_enums": _SWITCH,
    "enum_value_prefix": _TEXT_OR_NONE,
    "hoist_classes": "'auto', true, false or a list of class names",
    "hoisted_class_prefix": _TEXT_OR_NONE,
    "map_style": " or ".join(map(repr, MAP_STYLES)),
    "quote_class_fields": _SWITCH,
    "render_null_as": _TEXT,
}
"""The keywords of ``ctx.output_format(…)`` and what each takes."""


def fits_option(name: str, value: object) -> bool:
    """Whether the option ``name`` of ``ctx.output_format`` takes ``value``."""
    takes = OUTPUT_FORMAT_OPTIONS[name]
    if takes == _SWITCH:
        return isinstance(value, bool)
    if name == "map_style":
        return value in MAP_STYLES
    if name == "hoist_classes":
        names = isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
        return value == "auto" or isinstance(value, bool) or names
    return isinstance(value, str) or (value is None and takes == _TEXT_OR_NONE)


FORMATS: Final = ("json", "yaml", "toon")
"""The formats that the filter ``format(type=…)`` writes."""
