"""What a template can name, and what can be reached from it.

A value is a type of the language where it has one; the rest (``ctx``, ``loop``, macros, tuples) has classes here.
``UNKNOWN`` stands for whatever is not known: everything can be reached from it, nothing is reported about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from bamlvm.compiler.symbols import Symbols
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, has_attribute
from bamlvm.vm.program.prompt_names import CONTEXT, CONTEXT_CLIENT, ROLE_FUNCTIONS
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
    """A list whose items are no BAML values."""

    item: Value


@dataclass(frozen=True)
class Tuple:
    items: tuple[Value, ...]


@dataclass(frozen=True)
class Enum:
    """An enum's own name."""

    name: str


@dataclass(frozen=True)
class Loop:
    """``loop``, in a loop over values like ``item``."""

    item: Value


@dataclass(frozen=True)
class Callable:
    """A template string or macro; ``positional`` and ``keywords`` say whether it takes any more, ``required`` whether
    all of its parameters must be given."""

    what: str
    name: str
    parameters: tuple[str, ...]
    required: bool = True
    positional: bool = False
    keywords: bool = False


@dataclass(frozen=True)
class Builtin:
    """``ctx``, ``_`` and what is in them, by the path to it."""

    path: str


@dataclass(frozen=True)
class Record:
    """What has attributes of its own, by their names."""

    name: str
    fields: tuple[tuple[str, Value], ...]


Value: TypeAlias = Type | Items | Tuple | Enum | Loop | Callable | Builtin | Record

BUILTINS: dict[str, dict[str, Value]] = {
    "ctx": {name: UNKNOWN if name == "tags" else Builtin(f"ctx.{name}") for name in CONTEXT},
    "ctx.client": dict.fromkeys(CONTEXT_CLIENT, STRING),
    "_": {name: Builtin(f"_.{name}") for name in ROLE_FUNCTIONS},
}
"""What the attributes of built-in names are; the others are functions, or print."""

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
    """There is no such member."""

    message: str
    hint: str | None = None


def join(values: Iterable[Value]) -> Value:
    """What one of several values is."""
    found = list(dict.fromkeys(values))
    if len(found) == 1:
        return found[0]
    types = [each for each in found if not isinstance(each, _SPECIAL)]
    return union(types) if types and len(types) == len(found) else UNKNOWN


def element(value: Value, symbols: Symbols) -> Value:
    """What a loop over a value gives."""
    match _base(value, symbols):
        case ListType(item) | Items(item):
            return item
        case MapType(key, _):
            return key
        case UnionType(parts):
            return join([element(part, symbols) for part in parts if part != NULL])
        case base if base == STRING:
            return STRING
        case _:
            return UNKNOWN


def pair(value: Value, symbols: Symbols) -> Value:
    """A key and its value of a map."""
    base = _base(value, symbols)
    return Tuple((base.key, base.value)) if isinstance(base, MapType) else UNKNOWN


def subscript(value: Value, symbols: Symbols) -> Value:
    """``value[…]`` with a key that is not known."""
    match _base(value, symbols):
        case ListType(item) | Items(item):
            return item
        case MapType(_, item):
            return item
        case _:
            return UNKNOWN


def member(value: Value, name: str, symbols: Symbols) -> Value | Absent:
    """``value.name``."""
    base = _base(value, symbols)
    match base:
        case ClassType():
            info = symbols.class_(base.name)
            return _field(info, name, symbols) if info is not None else UNKNOWN
        case EnumType(enum) | VariantType(enum, _):
            return STRING if name == "value" else Absent(f"a variant of `{enum}` has no `{name}`", "it has `value`")
        case Enum(enum):
            enum_info = symbols.enum(enum)
            return _variant(enum_info, name) if enum_info is not None else UNKNOWN
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


def truth(value: Value, symbols: Symbols) -> bool:
    """Whether a value may be true or false."""
    if isinstance(value, _SPECIAL):
        return False
    parts = members(symbols.expand(value))
    return any(
        part in (BOOL, UNKNOWN) or (isinstance(part, LiteralType) and isinstance(part.value, bool)) for part in parts
    )


def describe(value: Value) -> str:
    """A value's type, for messages."""
    if isinstance(value, Items | Tuple):
        return "list"
    return "value" if isinstance(value, _SPECIAL) else render(value)


def _base(value: Value, symbols: Symbols) -> Value:
    """A value without what does not matter here: null beside one other type, literals, aliases."""
    if isinstance(value, _SPECIAL):
        return value
    value = symbols.expand(value)
    if isinstance(value, UnionType):
        value = union(part for part in value.members if part != NULL)
        parts = {literal_base(part) if isinstance(part, LiteralType) else part for part in members(value)}
        value = union(parts) if len(parts) == 1 else value
    return literal_base(value) if isinstance(value, LiteralType) else value


def _field(info: ClassInfo, name: str, symbols: Symbols) -> Value | Absent:
    for field in info.fields:
        if field.name == name:
            return field.type
    if has_attribute(info.attributes, "dynamic"):
        return UNKNOWN
    if symbols.method(info.name, name) is not None:
        return Absent(f"class `{info.name}` has no field `{name}`", "a prompt cannot call methods: pass what it gives")
    return Absent(f"class `{info.name}` has no field `{name}`", _choices(name, [field.name for field in info.fields]))


def _variant(info: EnumInfo, name: str) -> Value | Absent:
    known = [variant.name for variant in info.variants]
    if name in known or has_attribute(info.attributes, "dynamic"):
        return EnumType(info.name)
    return Absent(f"enum `{info.name}` has no variant `{name}`", _choices(name, known))


def _of_any(found: list[Value | Absent]) -> Value | Absent:
    """A member of one of several types: absent only if none has it."""
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
