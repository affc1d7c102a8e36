"""Hints for types that other languages have: what to write for them here."""

from __future__ import annotations

from typing import Final

from bamlvm.compiler.index import Entry
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import Suggestion, write_instead

_FOREIGN_TYPES: Final = {
    **dict.fromkeys(("number", "numeric", "decimal"), "write `int` or `float`"),
    **dict.fromkeys(("date", "datetime", "time", "timestamp", "uuid", "url"), "there is no such type: use `string`"),
    **dict.fromkeys(("tuple", "record", "struct"), "write a class with a field for each part"),
    "bigint": "it is not part of this dialect: an `int` has 64 bits, and what does not fit is an error",
    **dict.fromkeys(
        ("result", "either", "error", "exception"),
        "a function returns `T` alone, and declares what it throws: `throws E`",
    ),
    "literal": 'a literal is a type itself: write `"a" | "b"`',
}
"""Hints for types of other languages, by their names in lower case."""

_SAME_TYPES: Final = {
    **dict.fromkeys(("str", "text", "char", "varchar"), "string"),
    **dict.fromkeys(("integer", "i32", "i64", "long", "short", "byte", "uint"), "int"),
    **dict.fromkeys(("double", "real", "f32", "f64"), "float"),
    "boolean": "bool",
    **dict.fromkeys(("any", "object"), "unknown"),
    **dict.fromkeys(("none", "nil", "undefined", "void", "unit"), "null"),
}
"""The types that some of other languages are here, by their names in lower case."""

_FOREIGN_GENERICS: Final = {
    **dict.fromkeys(("list", "array", "sequence", "vec", "vector", "iterable", "set"), "{0}[]"),
    **dict.fromkeys(("optional", "option", "nullable", "maybe"), "{0}?"),
    **dict.fromkeys(("dict", "dictionary", "hashmap", "map", "mapping", "record"), "map<{0}, {1}>"),
    "union": "{0} | {1}",
}
"""The types that generic ones of other languages are written as, by their names in lower case."""


def is_foreign(name: str) -> bool:
    """Whether a name is that of a plain type in other languages: ``str``."""
    return name in _SAME_TYPES


def foreign_type(node: syntax.NamedType, entry: Entry) -> str | None:
    """Return a hint for a type of another language, with its own arguments as far as it has them, or None."""
    name = node.path.lower()
    written = entry.item.text[node.start : node.end]
    form = _FOREIGN_GENERICS.get(name)
    if form is None or (name == "record" and not node.arguments):
        same = _SAME_TYPES.get(name)
        if same == "unknown":
            return Suggestion("write `unknown`, or the types that it may be: `A | B`", written, same)
        return write_instead(written, same) if same is not None else _FOREIGN_TYPES.get(name)
    given = [entry.item.text[each.start : each.end] for each in node.arguments]
    if name == "union" and len(given) > 2:
        return write_instead(written, " | ".join(given))
    if len(given) == form.count("{"):
        given = [f"({each})" if "|" in each and form in ("{0}[]", "{0}?") else each for each in given]
        return write_instead(written, form.format(*given))
    parts = (*given, *("T", "T")[len(given) :]) if name != "dict" or given else ("string", "T")
    return f"write `{form.format(*parts)}`"
