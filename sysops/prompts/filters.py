"""The filters that a prompt has beyond Jinja's own, or that differ from them.

``format(type=…)``, ``regex_match`` and ``sum`` follow the official documents ("Jinja Filters"); ``bool``, ``chain``,
``items``, ``lines``, ``round``, ``split``, ``title``, ``tojson`` and ``zip``, and the tests ``lower`` and ``upper``,
are as in MiniJinja, which the official runtime renders with.  Filters that are generators in Jinja give lists here, so
that their result can be printed and counted; filters of texts take any value, as it prints.  Those of an order are in
:mod:`bamlvm.sysops.prompts.order`.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import jinja2
import jinja2.filters
import jinja2.runtime
import jinja2.tests
from jinja2 import pass_context, pass_environment
from jinja2.exceptions import FilterArgumentError
from markupsafe import Markup

from bamlvm.sysops.prompts import serialise
from bamlvm.sysops.prompts.numbers import round_half_away
from bamlvm.sysops.prompts.order import TESTS_OF_ORDER, greatest, grouped, least, sort
from bamlvm.sysops.prompts.views import ClassView, EnumView, debug_text, part_of, text_of
from bamlvm.vm.natives.patterns import matches
from bamlvm.vm.patterns import STEPS
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import Lengthy

_TEXTS = ("capitalize", "center", "indent", "lower", "replace", "striptags", "trim", "truncate", "upper", "wordcount")
"""The filters of texts."""

_PASSED = tuple(jinja2.filters.FILTERS[name] for name in ("replace", "truncate"))
"""Those of them whose first argument is Jinja's own."""

_GENERATORS = ("batch", "map", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "unique", "items")


def filters() -> dict[str, Callable[..., Any]]:
    """Return every filter that differs from Jinja's defaults, by name."""
    listed = {name: _listed(jinja2.filters.FILTERS[name]) for name in _GENERATORS}
    texts = {name: _of_text(jinja2.filters.FILTERS[name]) for name in _TEXTS}
    return {
        **listed,
        **texts,
        "attr": attribute,
        "bool": bool,
        "chain": chain,
        "e": escape,
        "escape": escape,
        "format": format_value,
        "groupby": grouped,
        "join": join,
        "lines": str.splitlines,
        "max": greatest,
        "min": least,
        "pprint": pprint,
        "regex_match": regex_match,
        "round": rounded,
        "sort": sort,
        "split": split,
        "string": part_of,
        "sum": total,
        "title": title,
        "tojson": to_json,
        "zip": lambda *lists: list(zip(*lists, strict=False)),
    }


TESTS_BESIDE: dict[str, Callable[..., Any]] = {
    **TESTS_OF_ORDER,
    "endingwith": lambda text, end: str(text).endswith(str(end)),
    "int": jinja2.tests.test_integer,
    "lower": lambda text: all(c.islower() for c in str(text)),
    "safe": jinja2.tests.test_escaped,
    "sequence": lambda value: isinstance(value, (list, tuple, range)),
    "startingwith": lambda text, start: str(text).startswith(str(start)),
    "upper": lambda text: all(c.isupper() for c in str(text)),
}
"""The tests that Jinja has not, or has otherwise."""


def _of_text(filtered: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter of texts that takes any value, as it prints."""

    def called(*arguments: Any, **keywords: Any) -> Any:
        place = 1 if filtered in _PASSED else 0  # after what Jinja passes first
        arguments = (*arguments[:place], *(_as_text(each) for each in arguments[place:][:1]), *arguments[place + 1 :])
        return filtered(*arguments, **keywords)

    return functools.update_wrapper(called, filtered)


def _as_text(value: Any) -> Any:
    return value if isinstance(value, (str, jinja2.Undefined)) else part_of(value)


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


def to_json(value: Any, indent: int | bool | None = None) -> str:
    """Write JSON with the fields' own names, not their aliases, and safe inside HTML.

    ``indent`` is a number of spaces, or true for two; without one the text is minified.
    """
    margin = (2 if indent else None) if isinstance(indent, bool) else indent
    text = serialise.to_json(_named(value, ()), margin)
    return text.translate(_IN_HTML)


_IN_HTML = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'"}


def _named(value: Any, inside: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if id(value) in inside:
        raise FilterArgumentError("tojson: the value contains itself")
    inside = (*inside, id(value))
    if isinstance(value, Mapping):
        return {str(text_of(key)): _named(entry, inside) for key, entry in value.items()}
    if isinstance(value, (list, tuple, range, Iterator, KeysView, ValuesView, ItemsView)):
        return [_named(item, inside) for item in value]
    return str(value)


def escape(value: Any) -> Markup:
    """Escape HTML; what is marked as safe stays."""
    if isinstance(value, Markup):
        return value
    return Markup(
        str(jinja2.filters.FILTERS["escape"](part_of(value))).replace("&#39;", "&#x27;").replace("&#34;", "&quot;")
    )


def attribute(value: Any, name: str) -> Any:
    """Return a field of a class or an entry of a map."""
    return value.get(name, jinja2.Undefined(obj=value, name=name)) if isinstance(value, Mapping) else jinja2.Undefined()


def chain(*values: Any) -> Any:
    """Return lists one after the other, or maps as one."""
    if all(isinstance(each, Mapping) for each in values):
        return {key: entry for each in values for key, entry in each.items()}
    return [item for each in values for item in each]


def title(value: Any) -> str:
    """Write every word with a capital; white space and ASCII punctuation part words."""
    return re.sub(
        r"([^\s!-/:-@\[-`{-~])([^\s!-/:-@\[-`{-~]*)", lambda word: word[1].upper() + word[2].lower(), part_of(value)
    )


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Round a number; halves go away from zero, and an int stays what it is."""
    if method != "common" or not isinstance(value, float) or not math.isfinite(value):
        return jinja2.filters.FILTERS["round"](value, precision, method) if method != "common" else value
    return round_half_away(value, precision)


@pass_environment
def regex_match(environment: Any, value: Any, pattern: str) -> bool:
    """Whether the pattern is found in the text; patterns are those of ``String.matches``."""
    try:
        try:
            found: bool = matches(part_of(value), pattern)
        except Lengthy as lengthy:
            found = environment.paced(lengthy.work, STEPS)
        return found
    except Thrown as error:
        raise FilterArgumentError(f"regex_match(): {error.fields['message']}") from None


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
    return separator.join(map(part_of, values))


def split(value: str, separator: str | None = None, limit: int = -1) -> list[str]:
    """Split a text at separators (white space if none is given)."""
    return part_of(value).split(separator, limit)


def pprint(value: Any) -> str:
    """Return a value over lines, texts in quotes."""
    return "undefined" if isinstance(value, jinja2.Undefined) else debug_text(value)


@pass_context
def debug(context: jinja2.runtime.Context, *values: Any, **named: Any) -> str:
    """Return what is given as ``pprint`` writes it; of nothing, the variables of the prompt.

    The official runtime writes its own state, too.
    """
    if named:
        return pprint(dict(named))
    if values:
        return pprint(values[0] if len(values) == 1 else list(values))
    known = context.environment.globals
    return pprint({name: value for name, value in context.get_all().items() if name not in known and _is_data(value)})


def _is_data(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, list, dict, ClassView, EnumView))
