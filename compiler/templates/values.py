"""The abstract values of a template, their members and elements.

A value is a type of the language where it has one; ``ctx``, ``loop``, macros and tuples have classes here.  ``UNKNOWN``
is any value: it has every member, and nothing is reported about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bamlvm.compiler.index import Index
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, has_attribute
from bamlvm.vm.program.prompt_names import CONTEXT, CONTEXT_CLIENT, MAPPING_METHODS, ROLE_FUNCTIONS
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariantType,
    literal_base,
    members,
    render,
    union,
)


@dataclass(frozen=True)
class Items:
    """A list whose items are not BAML values."""

    item: Value


@dataclass(frozen=True)
class Tuple:
    items: tuple[Value, ...]


@dataclass(frozen=True)
class Enum:
    """An enum, named itself."""

    name: str


@dataclass(frozen=True)
class Loop:
    """``loop``, in a loop over values like ``item``."""

    item: Value


@dataclass(frozen=True)
class Callable:
    """A template string or macro.

    ``positional`` and ``keywords`` say whether it takes any number of further arguments, ``required`` whether all of
    its parameters need one.
    """

    what: str
    name: str
    parameters: tuple[str, ...]
    required: bool = True
    positional: bool = False
    keywords: bool = False


@dataclass(frozen=True)
class Builtin:
    """``ctx``, ``_`` and their members, by path."""

    path: str


@dataclass(frozen=True)
class Record:
    """A value with named attributes."""

    name: str
    fields: tuple[tuple[str, Value], ...]


Value: TypeAlias = Type | Items | Tuple | Enum | Loop | Callable | Builtin | Record

BUILTINS: dict[str, dict[str, Value]] = {
    "ctx": {name: UNKNOWN if name == "tags" else Builtin(f"ctx.{name}") for name in CONTEXT},
    "ctx.client": dict.fromkeys(CONTEXT_CLIENT, STRING),
    "_": {name: Builtin(f"_.{name}") for name in ROLE_FUNCTIONS},
}
"""The members of built-in values, by path."""

_LOOP = frozenset(
    ("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "cycle", "changed")
)
_PYTHON: dict[Type, tuple[str, type]] = {
    STRING: ("a string", str),
    INT: ("an int", int),
    FLOAT: ("a float", float),
    BOOL: ("a bool", bool),
}
_FILTERS_FOR = {"length": "length", "size": "length", "len": "length", "count": "length", "join": "join"}


@dataclass(frozen=True)
class Absent:
    """The result of a lookup of a member that does not exist."""

    message: str
    hint: str | None = None


class Names:
    """The project's names as a template sees them: enums and template strings.  Lookups count as read."""

    def __init__(self, index: Index, symbols: Symbols) -> None:
        self._index = index
        self.symbols = symbols

    def parameters(self, name: str) -> tuple[str, ...] | None:
        """Return the parameters of the template string ``name``, or None."""
        entry = self._index.entries.get(name)
        declaration = entry.declaration if entry is not None else None
        self.symbols.reads.note("declaration", (name,), declaration)
        if not isinstance(declaration, syntax.TemplateString):
            return None
        return tuple(each.name for each in declaration.parameters)

    def is_unread(self, name: str) -> bool:
        """Whether a name is that of an item that could not be parsed."""
        return self.symbols.reads.note("unread", (name,), name in self._index.unread)

    def visible(self) -> list[str]:
        """Return all names that a template can use, for suggestions."""
        return [entry.name for entry in self._index.of(syntax.Enum, syntax.TemplateString)]


def join(values: Iterable[Value]) -> Value:
    """Return the value that may be any of several."""
    found = list(dict.fromkeys(values))
    if len(found) == 1:
        return found[0]
    types = [each for each in found if not isinstance(each, _SPECIAL)]
    return union(types) if types and len(types) == len(found) else UNKNOWN


def element(value: Value, symbols: Symbols) -> Value:
    """Return the value of a loop's variable over a value."""
    match _base(value, symbols):
        case ListType(item) | Items(item):
            return item
        case MapType(key, _):
            return key
        case ClassType():
            return STRING
        case UnionType(parts):
            return join([element(part, symbols) for part in parts if part != NULL])
        case base if base == STRING:
            return STRING
        case _:
            return UNKNOWN


def pair(value: Value, symbols: Symbols) -> Value:
    """Return a key and its value of a map, or a field's name and its value."""
    base = _base(value, symbols)
    if isinstance(base, ClassType):
        return Tuple((STRING, UNKNOWN))
    return Tuple((base.key, base.value)) if isinstance(base, MapType) else UNKNOWN


def subscript(value: Value, symbols: Symbols) -> Value:
    """Return ``value[…]`` for an unknown key."""
    match _base(value, symbols):
        case ListType(item) | Items(item):
            return item
        case MapType(_, item):
            return item
        case _:
            return UNKNOWN


def member(value: Value, name: str, symbols: Symbols) -> Value | Absent:
    """Return ``value.name``, or why it does not exist."""
    base = _base(value, symbols)
    match base:
        case ClassType():
            info = symbols.class_(base.name)
            return _field(info, name, symbols) if info is not None else UNKNOWN
        case EnumType(enum) | VariantType(enum, _):
            return STRING if name == "value" else Absent(f"a variant of `{enum}` has no `{name}`", "it has `value`")
        case Enum(enum):
            enum_info = symbols.enum(enum)
            return _variant(enum_info, name, symbols) if enum_info is not None else UNKNOWN
        case MapType():
            return UNKNOWN if hasattr(dict, name) else base.value
        case UnionType(parts):
            return _of_any([member(part, name, symbols) for part in parts if part != NULL])
        case Loop(item):
            if name in ("previtem", "nextitem"):
                return item
            found = name in _LOOP
            return UNKNOWN if found else Absent(f"`loop` has no `{name}`", _choices(name, _LOOP))
        case Record(owner, fields):
            inside = dict(fields)
            return inside[name] if name in inside else Absent(f"`{owner}` has no `{name}`", _choices(name, inside))
        case Builtin(path) if path in BUILTINS:
            known = BUILTINS[path]
            return known[name] if name in known else Absent(f"`{path}` has no `{name}`", _choices(name, known))
        case ListType() | Items():
            return UNKNOWN if hasattr(list, name) else Absent(f"a list has no `{name}`", _filter_for(name))
        case _ if not isinstance(base, _SPECIAL) and base in _PYTHON:
            what, python = _PYTHON[base]
            return UNKNOWN if hasattr(python, name) else Absent(f"{what} has no `{name}`", _filter_for(name))
        case _:
            return UNKNOWN


def method_result(name: str, holder: Value, symbols: Symbols) -> Value:
    """Return the result of a method of Python's, or of a mapping."""
    if name == "items":
        return Items(pair(holder, symbols))
    if name == "keys":
        return Items(element(holder, symbols))
    if name == "values":
        return Items(subscript(holder, symbols))
    return ListType(STRING) if name in ("split", "splitlines") else UNKNOWN


def has_method(holder: Value, name: str, symbols: Symbols) -> bool:
    """Whether a class has a method of a mapping."""
    return name in MAPPING_METHODS and isinstance(_base(holder, symbols), ClassType)


def listing(value: Value, symbols: Symbols) -> Mapping[str, Value]:
    """Return the members of a value by name, as far as they are known; Python's own are left out."""
    match _base(value, symbols):
        case ClassType(name):
            info = symbols.class_(name)
            return {each.name: each.type for each in info.fields} if info is not None else {}
        case EnumType() | VariantType():
            return {"value": STRING}
        case Enum(name):
            enum = symbols.enum(name)
            return {each.name: EnumType(name) for each in enum.variants} if enum is not None else {}
        case UnionType(parts):
            found: dict[str, Value] = {}
            for part in reversed(parts):
                found |= listing(part, symbols)
            return found
        case Loop(item):
            return dict.fromkeys(sorted(_LOOP), UNKNOWN) | {"previtem": item, "nextitem": item}
        case Record(_, fields):
            return dict(fields)
        case Builtin(path):
            return BUILTINS.get(path, {})
        case _:
            return {}


def truth(value: Value, symbols: Symbols) -> bool:
    """Whether a value may be true or false."""
    if isinstance(value, _SPECIAL):
        return False
    parts = members(symbols.expand(value))
    return any(
        part in (BOOL, UNKNOWN) or (isinstance(part, LiteralType) and isinstance(part.value, bool)) for part in parts
    )


def describe(value: Value) -> str:
    """Return a value's type, for messages."""
    if isinstance(value, Items | Tuple):
        return "list"
    return "value" if isinstance(value, _SPECIAL) else render(value)


def _base(value: Value, symbols: Symbols) -> Value:
    """Return a value without null beside one other type, literals and aliases, which have no members of their own."""
    if isinstance(value, _SPECIAL):
        return value
    value = symbols.expand(value)
    if isinstance(value, UnionType):
        value = union(part for part in value.members if part != NULL)
        parts = {literal_base(part) if isinstance(part, LiteralType) else part for part in members(value)}
        value = union(parts) if len(parts) == 1 else value
    return literal_base(value) if isinstance(value, LiteralType) else value


def _field(info: ClassInfo, name: str, symbols: Symbols) -> Value | Absent:
    place = symbols.places(info).get(name)
    if place is not None:
        return info.fields[place].type
    if has_attribute(info.attributes, "dynamic"):
        return UNKNOWN
    if symbols.method(info.name, name) is not None:
        return Absent(f"class `{info.name}` has no field `{name}`", "a prompt cannot call methods: pass its result")
    return Absent(f"class `{info.name}` has no field `{name}`", _choices(name, [field.name for field in info.fields]))


def _variant(info: EnumInfo, name: str, symbols: Symbols) -> Value | Absent:
    known = symbols.places(info)
    if name in known or has_attribute(info.attributes, "dynamic"):
        return EnumType(info.name)
    return Absent(f"enum `{info.name}` has no variant `{name}`", _choices(name, known))


def _of_any(found: list[Value | Absent]) -> Value | Absent:
    """Return a member of a value of one of several types: absent only if none has it."""
    present = [each for each in found if not isinstance(each, Absent)]
    if present:
        return join(present)
    return found[0] if found else UNKNOWN


def _choices(name: str, known: Iterable[str]) -> str | None:
    names = sorted(known)
    near = did_you_mean(name, names)
    if near is not None or not names or len(names) > 12:
        return near
    return f"it has {', '.join(f'`{each}`' for each in names)}"


def _filter_for(name: str) -> str | None:
    found = _FILTERS_FOR.get(name)
    return f"use the filter: `|{found}`" if found else None


_SPECIAL = (Items, Tuple, Enum, Loop, Callable, Builtin, Record)
