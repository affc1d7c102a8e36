"""What the language of prompts knows by name: its filters, tests and globals, and what ``ctx`` and ``_`` hold.

The renderer takes its names from here and the compiler checks prompts against them, so that a template which compiles
finds at run time what it names.
"""

from __future__ import annotations

from typing import Final

_FILTERS: Final = (
    "abs attr batch bool capitalize center count d default dictsort e escape filesizeformat first float "
    "forceescape format groupby indent int items join last length lines list lower map max min pprint "
    "random regex_match reject rejectattr replace reverse round safe select selectattr slice sort split "
    "string striptags sum title tojson trim truncate unique upper urlencode urlize wordcount wordwrap "
    "xmlattr"
)
FILTERS: Final = frozenset(_FILTERS.split())
"""Jinja's own, and ``bool format lines regex_match split``."""

_TESTS: Final = (
    "boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in "
    "integer iterable le lessthan lower lt mapping ne none number odd sameas sequence string test true "
    "undefined upper == != < <= > >="
)
TESTS: Final = frozenset(_TESTS.split())
"""Jinja's own."""

GLOBALS: Final = frozenset({"dict", "namespace", "range"})
"""The functions that every template sees."""

CONTEXT: Final = ("client", "output_format", "tags")
"""The attributes of ``ctx``; ``tags`` has whatever the host has set."""

CONTEXT_CLIENT: Final = ("name", "provider")
"""The attributes of ``ctx.client``."""

ROLE_FUNCTIONS: Final = ("role", "chat")
"""The functions of ``_``, which begin a message; they take a role's name and any keywords."""

OUTPUT_FORMAT_OPTIONS: Final = (
    "prefix",
    "or_splitter",
    "always_hoist_enums",
    "enum_value_prefix",
    "hoist_classes",
    "hoisted_class_prefix",
    "map_style",
    "quote_class_fields",
)
"""The keywords of ``ctx.output_format(…)``."""

FORMATS: Final = ("json", "yaml", "toon")
"""What the filter ``format(type=…)`` writes."""
