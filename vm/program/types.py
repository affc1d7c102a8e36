"""Types as data: the one representation that the checker, the bytecode, prompts, parsers and the host's API share.

A type is an immutable, hashable msgspec struct, so it can be a constant of a program, a key of a cache and a message on
disk.  This module builds and prints types; the algebra over them (assignability, narrowing) is the
checker's, and testing a value against one is the machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

DEEPEST_TYPE: Final = 256
"""The deepest nesting of a type, its aliases put in: the same as may be written in one type."""

LARGEST_TYPE: Final = 10_000
"""The parts of a type once its aliases are put in: whatever is done to a type takes time by them."""


class _TypeNode(msgspec.Struct, frozen=True, array_like=True, tag=True, tag_field="t", gc=False):
    """Base of all types."""

    def __str__(self) -> str:
        return render(self)  # type: ignore[arg-type]  # every concrete subclass is a member of Type


class Primitive(_TypeNode, frozen=True, tag="p"):
    """A type with no parts: ``int float string bool null image audio pdf video unknown never handle``."""

    name: str


class LiteralType(_TypeNode, frozen=True, tag="l"):
    """One string, integer or boolean as a type."""

    value: str | int | bool

    # 1 == True in Python; as BAML types they differ, so equality and hash include the Python type.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiteralType) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


class ListType(_TypeNode, frozen=True, tag="a"):
    """``T[]``."""

    item: Type


class MapType(_TypeNode, frozen=True, tag="m"):
    """``map<K, V>``."""

    key: Type
    value: Type


class UnionType(_TypeNode, frozen=True, tag="u"):
    """``A | B``; ``T?`` is ``T | null``.  Build it with :func:`union`, which flattens and removes duplicates."""

    members: tuple[Type, ...]


class ClassType(_TypeNode, frozen=True, tag="c"):
    """A class by its qualified name; ``arguments`` only for the standard library's generic built-ins."""

    name: str
    arguments: tuple[Type, ...] = ()


class EnumType(_TypeNode, frozen=True, tag="e"):
    """An enum by its qualified name."""

    name: str


class VariantType(_TypeNode, frozen=True, tag="v"):
    """One variant of an enum as a type (the type of ``Color.Red`` before it is widened to ``Color``)."""

    enum: str
    variant: str


class AliasType(_TypeNode, frozen=True, tag="n"):
    """A *recursive* alias by name; any other alias is replaced by its definition."""

    name: str


class FunctionType(_TypeNode, frozen=True, tag="f"):
    """``(A, B) -> R``; ``throws`` is what calling it may throw."""

    parameters: tuple[Type, ...]
    result: Type
    throws: Type = msgspec.field(default_factory=lambda: NEVER)


class VariableType(_TypeNode, frozen=True, tag="x"):
    """A type variable of a generic signature of the standard library (``T`` in ``T[]``)."""

    name: str


class Attribute(msgspec.Struct, frozen=True, array_like=True):
    """``@name(arguments)`` as written; a ``{{ … }}`` argument is its Jinja text, marked by ``expression``."""

    name: str
    arguments: tuple[str | int | float | bool, ...] = ()
    expression: str | None = None


class AttributedType(_TypeNode, frozen=True, tag="@"):
    """``T @name(…)``: a type with attributes.

    Only what is *read* from a model is described by such types (``annotated`` in :mod:`bamlvm.vm.program.unit`); the
    types that programs compute with have none: :func:`bare` removes them.
    """

    item: Type
    attributes: tuple[Attribute, ...]


Type: TypeAlias = (
    Primitive
    | LiteralType
    | ListType
    | MapType
    | UnionType
    | ClassType
    | EnumType
    | VariantType
    | AliasType
    | FunctionType
    | VariableType
    | AttributedType
)

INT = Primitive("int")
FLOAT = Primitive("float")
STRING = Primitive("string")
BOOL = Primitive("bool")
NULL = Primitive("null")
UNKNOWN = Primitive("unknown")
NEVER: Primitive = Primitive("never")
HANDLE = Primitive("handle")
TYPE = Primitive("type")
"""The type of a type as a value."""
MEDIA = frozenset({"image", "audio", "pdf", "video"})
PANICS = "baml.panics."
"""The prefix of the classes of the machine's own errors."""

FUTURE = "baml.future.Future"
"""The class of futures, `Future<T, E>`: T is what the thread returns, E what it throws."""

PRIMITIVES: dict[str, Primitive] = {
    name: Primitive(name)
    for name in ("int", "float", "string", "bool", "null", "unknown", "never", "image", "audio", "pdf", "video")
}


def is_never(type_: Type) -> bool:
    """Whether no value is of a type."""
    return type(type_) is Primitive and type_.name == "never"


def members(type_: Type) -> tuple[Type, ...]:
    """Return the alternatives of a type: a union's members, none for ``never``, else the type itself."""
    if type(type_) is UnionType:
        return type_.members
    return () if is_never(type_) else (type_,)


def is_panic(type_: Type) -> bool:
    """Whether a type is one of the machine's own errors."""
    return isinstance(type_, ClassType) and type_.name.startswith(PANICS)


def union(types: Iterable[Type]) -> Type:
    """Return the union of ``types``: nested unions flattened, duplicates and ``never`` dropped, order kept.

    A member that another member already covers goes too: a literal beside its primitive, a variant beside its enum.
    With ``unknown`` among them the union is ``unknown``, without any member it is ``never``.
    """
    flat: dict[Type, None] = {}
    for each in types:
        for member in members(each):
            flat[member] = None
    if len(flat) == 1:
        return next(iter(flat))
    if UNKNOWN in flat:
        return UNKNOWN
    kept = [member for member in flat if not _covered(member, flat)]
    if not kept:
        return NEVER
    return kept[0] if len(kept) == 1 else UnionType(tuple(kept))


def optional(type_: Type) -> Type:
    """Return ``T?``."""
    return union((type_, NULL))


def admits_null(type_: Type, aliases: Mapping[str, Type]) -> bool:
    """Whether null is a value of a type; ``aliases`` are those that it may name."""
    seen: set[str] = set()
    waiting = [type_]
    while waiting:
        each = waiting.pop()
        if each in (NULL, UNKNOWN):
            return True
        if type(each) is AliasType:
            if each.name not in seen and each.name in aliases:
                seen.add(each.name)
                waiting.append(aliases[each.name])
        elif type(each) is UnionType:
            waiting.extend(each.members)
    return False


def literal_base(type_: LiteralType) -> Primitive:
    """Return the primitive that a literal type belongs to."""
    value = type_.value
    if isinstance(value, bool):
        return BOOL
    return INT if isinstance(value, int) else STRING


def extent(type_: Type, most: int) -> tuple[int, int]:
    """Return how many parts a type has, each counted as often as it is met, and how deep they lie.

    Counting ends when they are more than ``most``.
    """
    parts = deepest = 0
    waiting: list[tuple[Type, int]] = [(type_, 0)]
    while waiting and parts <= most:
        each, depth = waiting.pop()
        parts += 1
        deepest = max(deepest, depth)
        match each:
            case ListType(item) | AttributedType(item, _):
                waiting.append((item, depth + 1))
            case MapType(key, value):
                waiting += ((key, depth + 1), (value, depth + 1))
            case UnionType(inner):
                waiting += [(one, depth + 1) for one in inner]
            case ClassType(_, arguments):
                waiting += [(one, depth) for one in arguments]
            case FunctionType(parameters, result, throws):
                waiting += [(one, depth + 1) for one in (*parameters, result, throws)]
            case _:
                pass
    return parts, deepest


def walk(type_: Type) -> Iterator[Type]:
    """Yield the type and every type inside it, outermost first."""
    yield type_
    match type_:
        case ListType(item):
            yield from walk(item)
        case MapType(key, value):
            yield from walk(key)
            yield from walk(value)
        case UnionType(parts) | ClassType(_, parts):
            for part in parts:
                yield from walk(part)
        case FunctionType(parameters, result, _):
            for part in parameters:
                yield from walk(part)
            yield from walk(result)
        case AttributedType(item, _):
            yield from walk(item)
        case _:
            pass


def bare(type_: Type) -> Type:
    """Return the type without the attributes on it and in it; itself if it has none."""
    match type_:
        case AttributedType(item, _):
            return bare(item)
        case ListType(item):
            inner = bare(item)
            return type_ if inner is item else ListType(inner)
        case MapType(key, value):
            bare_key, bare_value = bare(key), bare(value)
            return type_ if bare_key is key and bare_value is value else MapType(bare_key, bare_value)
        case UnionType(parts):
            bare_parts = [bare(part) for part in parts]
            same = all(one is other for one, other in zip(parts, bare_parts, strict=True))
            return type_ if same else union(bare_parts)
        case FunctionType(parameters, result, throws):
            if not any(type(each) is AttributedType for each in walk(type_)):
                return type_
            return FunctionType(tuple(map(bare, parameters)), bare(result), throws)
        case _:
            return type_


def render(type_: Type) -> str:
    """Return a type as its source text."""
    match type_:
        case VariableType(name) if name.startswith("?"):
            return "_"  # the checker does not know it yet
        case Primitive(name) | EnumType(name) | AliasType(name) | VariableType(name):
            return name
        case ClassType(name, arguments):
            return f"{name}<{', '.join(map(render, arguments))}>" if arguments else name
        case VariantType(enum, variant):
            return f"{enum}.{variant}"
        case LiteralType(value):
            if isinstance(value, bool):
                return "true" if value else "false"
            return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()
        case ListType(item):
            return f"{_grouped(item)}[]"
        case MapType(key, value):
            return f"map<{render(key)}, {render(value)}>"
        case UnionType(parts):
            return _render_union(parts)
        case AttributedType(item, attributes):
            return " ".join((_grouped(item), *(f"@{attribute.name}" for attribute in attributes)))
        case FunctionType(parameters, result, throws):
            suffix = "" if throws == NEVER or type(throws) is VariableType else f" throws {render(throws)}"
            return f"({', '.join(map(render, parameters))}) -> {render(result)}{suffix}"


def _render_union(parts: tuple[Type, ...]) -> str:
    if NULL in parts:
        rest = [part for part in parts if part != NULL]
        if len(rest) == 1:
            return f"{_grouped(rest[0])}?"
    return " | ".join(_grouped(part) if type(part) is FunctionType else render(part) for part in parts)


def _grouped(type_: Type) -> str:
    text = render(type_)
    return f"({text})" if type(type_) in (UnionType, FunctionType, AttributedType) else text


def _covered(member: Type, others: dict[Type, None]) -> bool:
    if type(member) is LiteralType:
        return literal_base(member) in others
    if type(member) is VariantType:
        return EnumType(member.enum) in others
    return False
