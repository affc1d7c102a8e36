"""Values as Python builtins: dicts, lists, strings, numbers, booleans and None, as records and logs keep them.

An instance becomes a dict by its fields' names, an enum value its variant's name, media a dict with ``url`` or
``base64`` and ``media_type``; a function, a handle or a type becomes a line about it.  Lists and maps are copied,
so that what is kept does not change with the program; what was shared stays shared.

Rule: every value has such a form.  A value inside itself is ``"<cycle>"`` there; depth costs memory, never a stack.
(:func:`bamlvm.to_builtins` does the same to what the host has got, and knows the outcomes of checks.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from bamlvm.vm.values import Closure, EnumValue, Future, Handle, Instance, Media, TypeValue, Value

SCALARS: Final = frozenset({str, int, float, bool, type(None)})
"""The types whose values are builtins already."""

_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "int",
    float: "float",
    bool: "bool",
    type(None): "null",
    list: "list",
    dict: "map",
}


def builtins_of(value: Value) -> Any:
    """Return a value's form as builtins."""
    result: list[Any] = []
    made: dict[int, Any] = {}  # containers by the id of what they were made of
    open_: set[int] = set()  # what the part at hand lies within
    # A container is made empty and its parts are put into it later; None as the second part closes it again.
    work: list[tuple[Any, Callable[[Any], object] | None]] = [(value, result.append)]
    while work:
        item, put = work.pop()
        kind = type(item)
        if put is None:
            open_.discard(id(item))
        elif kind in SCALARS:
            put(item)
        elif id(item) in open_:
            put("<cycle>")
        elif id(item) in made:
            put(made[id(item)])
        elif kind is list or kind is dict or kind is Instance:
            container, parts = _opened(item)
            made[id(item)] = container
            open_.add(id(item))
            put(container)
            work.append((item, None))
            work.extend((part, partial(container.__setitem__, key)) for key, part in reversed(parts))
        elif kind is EnumValue:
            put(item.variant)
        elif kind is Media:
            put({item.source: item.data, "media_type": item.mime})
        else:
            put(description(item))
    return result[0]


def _opened(item: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the container that a value becomes, with room for its parts, and these by their place in it."""
    if type(item) is list:
        return [None] * len(item), list(enumerate(item))
    entries: Iterable[tuple[Any, Any]]
    if type(item) is Instance:
        entries = zip(item.cls.field_names, item.fields, strict=True)
    else:
        entries = ((key.variant if type(key) is EnumValue else key, each) for key, each in item.items())
    parts = list(entries)
    return dict.fromkeys(key for key, _ in parts), parts


def description(value: Any) -> str:
    """Return one line about a value that has no other form."""
    match value:
        case Closure():
            return f"<function {value.function.name}>"
        case Handle(kind):
            return f"<handle {kind}>"
        case Future(number=number):
            return f"<future {number}>"
        case TypeValue(type_):
            return str(type_)
        case _:
            return f"<{type(value).__name__}>"


def name_and_message(value: Value) -> tuple[str, str]:
    """Return the qualified name of a thrown value's class, or its type's name, and its message ("" if it has none)."""
    kind = type(value)
    if kind is Instance:
        text = value.get("message") if "message" in value.cls.index else None
        return value.class_name, text if isinstance(text, str) else ""
    if kind is EnumValue:
        return value.enum, value.variant
    return _TYPE_NAMES.get(kind, "value"), str(value) if kind in SCALARS else ""
