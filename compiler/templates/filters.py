"""The results of filters, and their arguments that name fields.

The result of a filter that is not listed here is UNKNOWN.
"""

from __future__ import annotations

from jinja2 import nodes

from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates.values import Items, Value, element, pair
from bamlvm.vm.program.types import BOOL, INT, STRING, UNKNOWN, ListType, MapType

_TEXT = frozenset(
    {"upper", "lower", "trim", "title", "capitalize", "replace", "join", "string", "indent", "center", "truncate"}
    | {"wordwrap", "format", "tojson", "striptags", "escape", "e", "urlencode", "urlize", "pprint", "safe"}
)
_NUMBERS = frozenset({"length", "count", "wordcount", "int"})
_SAME_ITEMS = frozenset({"list", "sort", "unique", "select", "reject", "selectattr", "rejectattr"})
_ONE_ITEM = frozenset({"first", "last", "random", "min", "max"})
_GROUPS = frozenset({"batch", "slice"})

_FIELD_ARGUMENTS = {
    "groupby": 0,
    "join": 1,
    "max": 1,
    "min": 1,
    "rejectattr": 0,
    "selectattr": 0,
    "sort": 2,
    "sum": 0,
    "unique": 1,
}
"""The place of the argument ``attribute`` in filters that take one (``map`` takes it by name alone)."""


FOREIGN = {
    **dict.fromkeys(("len", "size"), "length"),
    **dict.fromkeys(("json", "to_json", "dump", "dumps"), "tojson"),
    **dict.fromkeys(("uppercase", "upcase"), "upper"),
    **dict.fromkeys(("lowercase", "downcase"), "lower"),
    **dict.fromkeys(("strip",), "trim"),
    **dict.fromkeys(("str",), "string"),
}
"""What filters of other languages are called here."""


def result(name: str, operand: Value, symbols: Symbols) -> Value:
    """Return the result of the filter ``name``."""
    if name in _TEXT:
        return STRING
    if name in _NUMBERS:
        return INT
    if name in ("bool", "regex_match"):
        return BOOL
    if name in ("default", "d"):
        return operand
    if name in ("items", "dictsort"):
        return Items(pair(operand, symbols))
    if name in ("split", "lines"):
        return ListType(STRING)
    if name in _SAME_ITEMS or (name == "reverse" and isinstance(operand, ListType | Items | MapType)):
        return Items(element(operand, symbols))
    if name in _GROUPS:
        return Items(Items(element(operand, symbols)))
    return element(operand, symbols) if name in _ONE_ITEM else UNKNOWN


def field_argument(node: nodes.Filter) -> nodes.Const | None:
    """Return the argument that names a field of the operand's items, if it is a constant and the field must exist."""
    found = next((each.value for each in node.kwargs if each.key == "attribute"), None)
    place = _FIELD_ARGUMENTS.get(node.name)
    if found is None and place is not None and len(node.args) > place:
        found = node.args[place]
    if not isinstance(found, nodes.Const) or not isinstance(found.value, str):
        return None
    given = {each.key for each in node.kwargs}
    tested = [each.value for each in node.args[1:2] if isinstance(each, nodes.Const)]
    optional = "default" in given or (node.name in ("selectattr", "rejectattr") and tested[:1] in _EXISTENCE)
    return None if optional else found


_EXISTENCE = (["defined"], ["undefined"])


def named_filters(node: nodes.Filter) -> list[tuple[str, nodes.Const]]:
    """Yield the filters and tests that arguments name: ``map("upper")``, ``select("odd")``, ``selectattr(a, "eq")``.

    Each is ``filter`` or ``test`` and the constant.
    """
    places = {"map": ("filter", 0), "select": ("test", 0), "reject": ("test", 0)}
    places |= {"selectattr": ("test", 1), "rejectattr": ("test", 1)}
    if node.name not in places:
        return []
    kind, place = places[node.name]
    found = node.args[place : place + 1]
    return [(kind, each) for each in found if isinstance(each, nodes.Const) and isinstance(each.value, str)]
