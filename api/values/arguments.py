"""Python values → BAML values, checked against the declared types.

Accepted: ``None bool int float str`` as themselves (an ``int`` also where a float is declared, never a ``bool`` where
an int is); a list or tuple for a list; a dict for a map or a class; a class's own Struct or model (any runtime's, by
BAML name); a variant's name or enum member for an enum; :class:`bamlvm.Media`, or a dict with ``url`` or ``base64``
(and ``media_type``), for media.  A class's field may be left out where null is a value of it.  Of a union the member
that fits best is taken.

A node is a generator that yields its parts to the trampoline in :meth:`Arguments._run`, so that a deep argument costs
memory and not Python's stack.  A converted part comes back with a *cost*, 0 for an exact fit: a union's member with the
least cost wins, the first of equals.  The outcome of a container under a type is remembered, so that a part that a
union tries under several types is converted once under each, and what was shared stays shared.
"""

from __future__ import annotations

import enum
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from bamlvm.errors import HostError
from bamlvm.values.checked import WRAPPERS
from bamlvm.values.classes import Types
from bamlvm.values.host_classes import fields_of
from bamlvm.values.results import Opaque
from bamlvm.values.scalars import Converted, Mismatch, is_exact, plain, primitive, shown
from bamlvm.vm.program.declarations import has_attribute
from bamlvm.vm.program.types import (
    MEDIA,
    AliasType,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariableType,
    VariantType,
    members,
)
from bamlvm.vm.values import EnumValue, Media, Value

Node: TypeAlias = Generator[tuple[Any, Type], Converted, Converted]


class Arguments:
    """The conversion for one program.  ``schema`` makes instances and enum values and has the declarations."""

    def __init__(self, schema: Any, types: Types) -> None:
        self.schema = schema
        self.types = types

    def convert(self, value: Any, type_: Type, name: str) -> Value:
        """Return a value for the parameter ``name``.

        Raises :class:`bamlvm.HostError` with the path of what does not fit.
        """
        if type(type_) is Primitive and is_exact(value, type_.name):
            return value
        try:
            leaf = self._leaf(value, type_)
            return (self._run(value, type_) if leaf is None else leaf)[0]
        except Mismatch as mismatch:
            raise HostError(f"args.{name}{mismatch.path()}: {mismatch.message}") from None

    def _run(self, value: Any, type_: Type) -> Converted:
        # The trampoline: `nodes` is the stack of containers being converted, `reply` what the part came to that the
        # innermost one waits for.  A mismatch is thrown into it, because a union goes on with its next member.
        memory = _Memory()
        nodes: list[Node] = [self._node(value, type_, memory)]
        reply: Converted | Mismatch | None = None
        while True:
            node = nodes[-1]
            try:
                wanted = node.throw(reply) if isinstance(reply, Mismatch) else node.send(reply)  # type: ignore[arg-type]  # a reply is there
            except StopIteration as stop:
                nodes.pop()
                reply = stop.value
            except Mismatch as mismatch:
                nodes.pop()
                reply = mismatch
            else:
                try:
                    reply = self._leaf(*wanted)
                except Mismatch as mismatch:
                    reply = mismatch
                if reply is None:
                    nodes.append(self._node(*wanted, memory))
                continue
            if not nodes:
                if isinstance(reply, Mismatch):
                    raise reply
                return reply

    def _leaf(self, value: Any, type_: Type) -> Converted | None:
        """Convert a value without parts; return None for one that has parts."""
        if type(value) in WRAPPERS:
            value = value.value
        kind = type(type_)
        if kind is Primitive:
            name = type_.name  # type: ignore[union-attr]  # by its kind, here and below
            if name == "unknown":
                return self._scalar(value)
            return (self._media(value, name), 0) if name in MEDIA else primitive(value, name)
        if kind in _COMPOUND:
            return None
        match type_:
            case EnumType(name):
                return self._enum(value, name, None)
            case VariantType(name, variant):
                return self._enum(value, name, variant)
            case LiteralType(expected):
                given = plain(value)
                if type(given) is type(expected) and given == expected:
                    return given, 0
                raise Mismatch(f"expected {type_}, got {shown(value)}")
            case FunctionType():
                if isinstance(value, Opaque):
                    return value.value, 0
                raise Mismatch(f"expected {type_}: a function cannot come from Python, got {shown(value)}")
            case _:  # a type variable
                return self._scalar(value)

    def _node(self, value: Any, type_: Type, memory: _Memory) -> Node:
        if type(value) in WRAPPERS:
            value = value.value
        while type(type_) is AliasType:
            type_ = self.schema.aliases[type_.name]
            leaf = self._leaf(value, type_)
            if leaf is not None:
                return leaf
        if type(type_) is UnionType:
            return (yield from self._union(value, type_))
        key = (id(value), id(type_))
        known = memory.done.get(key)
        if known is not None:
            if isinstance(known, Mismatch):
                raise known.copy()
            return known
        if id(value) in memory.open:
            raise HostError(f"the arguments contain a cycle: a {type(value).__name__} that contains itself")
        memory.open.add(id(value))
        memory.keep.append((value, type_))
        try:
            converted = yield from self._container(value, type_)
        except Mismatch as mismatch:
            memory.done[key] = mismatch.copy()
            raise
        finally:
            memory.open.discard(id(value))
        memory.done[key] = converted
        return converted

    def _container(self, value: Any, type_: Type) -> Node:
        match type_:
            case ListType(item):
                if not isinstance(value, (list, tuple)):
                    raise Mismatch(f"expected {type_}, got {shown(value)}")
                return (yield from self._list(value, item))
            case MapType(key, item):
                if not isinstance(value, Mapping):
                    raise Mismatch(f"expected {type_}, got {shown(value)}")
                return (yield from self._map(value, key, item))
            case ClassType(name, ()) if name in self.types:
                return (yield from self._instance(value, name))
            case Primitive() | VariableType():
                return (yield from self._anything(value))
            case _:
                raise Mismatch(f"a value of type {type_} cannot come from Python")

    def _list(self, value: Iterable[Any], item: Type) -> Node:
        out: list[Value] = []
        cost = 0
        for index, each in enumerate(value):
            try:
                converted, extra = self._leaf(each, item) or (yield each, item)
            except Mismatch as mismatch:
                raise mismatch.at(f"[{index}]")  # noqa: B904 (the same exception, seen from outside)
            out.append(converted)
            cost += extra
        return out, cost

    def _map(self, value: Mapping[Any, Any], key_type: Type | None, item: Type) -> Node:
        out: dict[Value, Value] = {}
        cost = 1  # a class that fits beats a map that fits
        for key, each in value.items():
            try:
                new_key, _ = (yield key, key_type) if key_type is not None else self._free_key(key)
                converted, extra = self._leaf(each, item) or (yield each, item)
            except Mismatch as mismatch:
                raise mismatch.at(f"[{key!r}]")  # noqa: B904 (the same exception, seen from outside)
            out[new_key] = converted
            cost += extra
        return out, cost

    def _instance(self, value: Any, name: str) -> Node:
        given = self._fields(value, name)
        out: dict[str, Value] = {}
        cost = 0
        info = self.schema.classes[name]
        is_dynamic = has_attribute(info.attributes, "dynamic")
        for field in info.fields:
            if field.name not in given:
                if is_dynamic and self.types.is_added(name, field.name):
                    continue  # a value of a call without the addition
                if not self.types.nullable(field.type):
                    raise Mismatch(f"expected {field.type}, but the field is missing").at(f".{field.name}")
                cost += 1
                continue
            try:
                each = given[field.name]
                out[field.name], extra = self._leaf(each, field.type) or (yield each, field.type)
            except Mismatch as mismatch:
                raise mismatch.at(f".{field.name}")  # noqa: B904 (the same exception, seen from outside)
            cost += extra
        if is_dynamic:
            declared = {field.name for field in info.fields}
            for key in given:
                if key not in declared:
                    try:
                        out[key], extra = self._leaf(given[key], _UNKNOWN) or (yield given[key], _UNKNOWN)
                    except Mismatch as mismatch:
                        raise mismatch.at(f".{key}")  # noqa: B904 (the same exception, seen from outside)
                    cost += extra + 1
            return self.schema.open_instance(name, out), cost
        return self.schema.new_instance(name, out), cost

    def _fields(self, value: Any, name: str) -> Mapping[str, Any]:
        if getattr(type(value), "__baml_name__", None) == name:
            own = fields_of(value)
            if own is not None:
                return own
        if not isinstance(value, Mapping):
            raise Mismatch(f"expected {name}, got {shown(value)}")
        info = self.schema.classes[name]
        known = [field.name for field in info.fields]
        is_dynamic = has_attribute(info.attributes, "dynamic")
        for key in value:
            if key not in known and not (is_dynamic and isinstance(key, str)):
                from bamlvm.vm.program.spelling import suggestion  # only an error pays for it

                raise Mismatch(f"class {name} has no field {key!r} ({suggestion(str(key), known) or 'it has none'})")
        return value

    def _union(self, value: Any, type_: UnionType) -> Node:
        best: Converted | None = None
        failures: list[Mismatch] = []
        for member in self._members(type_):
            if not _alike(value, member):
                continue
            try:
                converted = self._leaf(value, member) or (yield value, member)
            except Mismatch as mismatch:
                if type(member) is not LiteralType:  # the message names all literals
                    failures.append(mismatch)
                continue
            if converted[1] == 0:
                return converted
            if best is None or converted[1] < best[1]:
                best = converted
        if best is not None:
            return best
        failures.sort(key=lambda mismatch: -len(mismatch.steps))  # the one that came furthest is the most precise
        if len(failures) == 1 or (failures and len(failures[0].steps) > len(failures[1].steps)):
            raise failures[0]
        raise Mismatch(f"expected {type_}, got {shown(value)}")

    def _members(self, type_: UnionType) -> Iterable[Type]:
        for member in members(type_):
            target: Type = member
            while type(target) is AliasType:
                target = self.schema.aliases[target.name]
            if type(target) is UnionType:
                yield from self._members(target)
            else:
                yield target

    def _anything(self, value: Any) -> Node:
        if isinstance(value, (list, tuple)):
            return (yield from self._list(value, _UNKNOWN))
        if isinstance(value, Mapping):
            return (yield from self._map(value, None, _UNKNOWN))
        name = getattr(type(value), "__baml_name__", None)
        if name in self.schema.classes:
            return (yield from self._instance(value, str(name)))
        own = fields_of(value)
        if own is not None:  # of a class that another call has added
            return (yield from self._map(own, None, _UNKNOWN))
        raise Mismatch(f"a Python {type(value).__name__} has no BAML form")

    def _free_key(self, key: Any) -> Converted:
        converted = self._scalar(key)
        if converted is None or type(converted[0]) not in (str, EnumValue):
            raise Mismatch(f"expected a string or an enum as key, got {shown(key)}")
        return converted

    def _scalar(self, value: Any) -> Converted | None:
        given = plain(value)
        match given:
            case None | bool() | float() | str():
                return given, 0
            case int():
                return primitive(given, "int")
            case Media():
                return self._media(given, given.kind), 0
            case Opaque():
                return given.value, 0
            case enum.Enum():
                name = getattr(type(given), "__baml_name__", None)
                info = self.schema.enums.get(name)
                if info is not None and any(given.value == variant.name for variant in info.variants):
                    return self._enum(given, str(name), None)
                if name is not None and (info is None or has_attribute(info.attributes, "dynamic")):
                    return given.value, 0  # of an enum, or a variant, that another call has added
                raise Mismatch(f"a Python enum {type(given).__name__} has no BAML form")
            case _:
                return None

    def _enum(self, value: Any, name: str, only: str | None) -> Converted:
        variants = [variant.name for variant in self.schema.enums[name].variants]
        own = isinstance(value, enum.Enum) and getattr(type(value), "__baml_name__", None) == name
        given = value.value if own else value
        if isinstance(value, EnumValue) and value.enum == name:
            given = value.variant
        if not isinstance(given, str) or (isinstance(given, enum.Enum) and not own):
            raise Mismatch(f"expected {name}, got {shown(value)}")
        if given not in variants or only not in (None, given):
            wanted = f"{name}.{only}" if only else f"{name} ({', '.join(variants)})"
            is_dynamic = only is None and has_attribute(self.schema.enums[name].attributes, "dynamic")
            hint = "; more variants come from CallContext(types=…)" if is_dynamic else ""
            raise Mismatch(f"expected {wanted}, got {shown(value)}{hint}")
        return self.schema.enum_value(name, str(given)), 0 if own else 1

    def _media(self, value: Any, kind: str) -> Media:
        from bamlvm.values.media import canonical, new_media  # few programs take media

        try:
            if isinstance(value, Media):
                if value.kind == kind:
                    return canonical(value)
                raise Mismatch(f"expected {kind}, got {value.kind}")
            if isinstance(value, Mapping) and set(value) in _MEDIA_KEYS:
                source: Literal["url", "base64"] = "url" if "url" in value else "base64"
                media_type = next((value[key] for key in _MEDIA_TYPE_KEYS if key in value), None)
                if isinstance(value[source], str) and (media_type is None or isinstance(media_type, str)):
                    return new_media(kind, source, value[source], media_type)
        except ValueError as error:
            raise Mismatch(f"expected {kind}, got {error}") from None
        raise Mismatch(
            f'expected {kind}, as Media or {{"url": …}} or {{"base64": …, "media_type": …}}, got {shown(value)}'
        )


class _Memory:
    """The state of one conversion: the outcomes of containers, by container and type; the containers being converted;
    and references to both, because an id is only good while its object lives."""

    __slots__ = ("done", "keep", "open")

    def __init__(self) -> None:
        self.done: dict[tuple[int, int], Converted | Mismatch] = {}
        self.open: set[int] = set()
        self.keep: list[Any] = []


_UNKNOWN: Final = Primitive("unknown")
_COMPOUND: Final = frozenset({ListType, MapType, ClassType, UnionType, AliasType})
_FORMS: Final[dict[str, type | tuple[type, ...]]] = {
    "int": int,
    "float": (int, float),
    "string": str,
    "bool": bool,
    "null": type(None),
}
_MEDIA_TYPE_KEYS: Final = ("media_type", "mime", "mime_type")
_MEDIA_KEYS: Final = tuple(
    {source, *key} for source in ("url", "base64") for key in ((), *((name,) for name in _MEDIA_TYPE_KEYS))
)


def _alike(value: Any, type_: Type) -> bool:
    """Whether a value has a type's outer form, so that the type is worth trying and its mismatch worth a message."""
    match type_:
        case Primitive(name):
            forms = _FORMS.get(name)
            return forms is None or isinstance(value, forms)
        case ListType():
            return isinstance(value, (list, tuple))
        case ClassType(name):
            return isinstance(value, Mapping) or getattr(type(value), "__baml_name__", None) == name
        case MapType():
            return isinstance(value, Mapping)
        case EnumType() | VariantType():
            return isinstance(value, (str, enum.Enum, EnumValue))
        case LiteralType(expected):
            return isinstance(value, type(expected))
        case _:
            return True
