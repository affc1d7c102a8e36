"""The Python classes of a program's classes and enums: ``runtime.types.Resume``.

A BAML class becomes a :class:`msgspec.Struct` with keyword fields (one whose type includes null defaults to None), an
enum a Python :class:`enum.Enum` whose values are the variants' names.  Each is made once, when first used, unless one
is bound (``bind``): a generated client has its own.  The class has its BAML name in ``__baml_name__``, by which another
runtime's class is recognised; a field whose name is not free in Python (:mod:`bamlvm.values.identifiers`) has its BAML
name in ``__struct_encode_fields__``.

The values of these classes can be copied and pickled, though the classes cannot be imported.  Where they are unpickled
they are of a class made for that: of the same names and ``__baml_name__``, so that any runtime takes them as arguments.

A name with a namespace is reached by attribute or by key: ``types.baml.errors.Timeout`` or
``types["baml.errors.Timeout"]``.

:class:`PartialTypes` has a second class for every BAML class, ``runtime.partial_types.Resume``: that of partial values.
Every field may be None, unless it is ``@stream.not_null``; one with ``@stream.done`` is whole or None;
one with ``@stream.with_state`` is a :class:`bamlvm.StreamState`.  A class with ``@@stream.done`` has no partial form.
A field whose type has checks is a :class:`bamlvm.Checked`, here and there.
"""

from __future__ import annotations

import enum
import operator
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache, reduce
from typing import Any, Literal, Self

import msgspec

from bamlvm.values.checked import Checked, StreamState, Wrappers
from bamlvm.values.host_classes import HostClass, host_class
from bamlvm.values.identifiers import host_names
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, has_attribute
from bamlvm.vm.program.types import (
    AliasType,
    AttributedType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
    members,
)
from bamlvm.vm.values import Media

_PRIMITIVES: dict[str, Any] = {
    "int": int,
    "float": float,
    "string": str,
    "bool": bool,
    "null": None,
    "image": Media,
    "audio": Media,
    "pdf": Media,
    "video": Media,
}


# Generic types as values: they get their arguments at run time.
_CHECKED: Any = Checked
_STATE: Any = StreamState
_LIST: Any = list
_DICT: Any = dict


class BamlEnum(enum.Enum):
    """Base of the enums made from a program."""

    def __str__(self) -> str:
        return str(self.value)


class _MadeEnum(BamlEnum):
    """Base of the enums made at run time."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        cls: Any = type(self)
        members = tuple((member.name, member.value) for member in cls)
        return _restored_member, (cls.__baml_name__, members, self.value)


def _reduce(self: Any) -> tuple[Any, ...]:
    names = self.__struct_fields__
    values = tuple(getattr(self, name) for name in names)
    return _restored_struct, (self.__baml_name__, self.__module__, names, self.__struct_encode_fields__, values)


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    return type(self)(**{name: deepcopy(getattr(self, name), memo) for name in self.__struct_fields__})


def _restored_struct(
    name: str, module: str, fields: tuple[str, ...], encoded: tuple[str, ...], values: tuple[Any, ...]
) -> Any:
    """Return an instance of a class of another process."""
    return _restored_class(name, module, fields, encoded)(**dict(zip(fields, values, strict=True)))


def _restored_member(name: str, members: tuple[tuple[str, str], ...], value: str) -> Any:
    """Return a member of an enum of another process."""
    return _restored_enum(name, members)(value)


class Types:
    """The classes and enums of one program, as Python classes."""

    _home = "types"

    def __init__(
        self, classes: Mapping[str, ClassInfo], enums: Mapping[str, EnumInfo], aliases: Mapping[str, Type]
    ) -> None:
        self._classes = classes
        self._enums = enums
        self._aliases = aliases
        self._made: dict[str, Any] = {}
        self._described: dict[str, HostClass] = {}
        self.wrappers = Wrappers()
        self._open: set[str] = set()
        self._lock = threading.RLock()

    def bind(self, made: Iterable[Any], wrappers: Wrappers | None = None) -> None:
        """Use these classes for the program's of the same names (``__baml_name__``), and these wrappers."""
        self._made.update((each.__baml_name__, each) for each in made)
        if wrappers is not None:
            self.wrappers = wrappers

    def __getitem__(self, name: str) -> Any:
        """Return the Python class of a qualified name.

        Raises :class:`KeyError` if the program has no such class or enum.
        """
        made = self._made.get(name)
        return made if made is not None else self._make(name)

    def __getattr__(self, name: str) -> Any:
        return _member(self, "", name)

    def host(self, name: str) -> HostClass:
        """Describe the Python class of a BAML class."""
        described = self._described.get(name)
        if described is None:
            described = self._described[name] = host_class(self[name])
        return described

    def __contains__(self, name: object) -> bool:
        return name in self._classes or name in self._enums

    def __iter__(self) -> Iterator[str]:
        yield from self._classes
        yield from self._enums

    def __dir__(self) -> list[str]:
        return sorted({name.partition(".")[0] for name in self})

    def forked(self) -> None:
        """Start afresh in a child process: a thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    def annotation(self, type_: Type) -> Any:
        """Return the Python type of a BAML type's values.

        ``Any`` is that of a type which Python cannot express, and of a class inside its own definition.
        """
        match type_:
            case AttributedType(item, attributes):
                inner = self.annotation(item)
                return _CHECKED[inner] if has_attribute(attributes, "check") else inner
            case Primitive(name):
                return _PRIMITIVES.get(name, Any)
            case LiteralType(value):
                return Literal[value]
            case ListType(item):
                return _LIST[self.annotation(item)]
            case MapType(key, value):
                return _DICT[self.annotation(key), self.annotation(value)]
            case UnionType(parts):
                annotations = [self.annotation(part) for part in parts]
                return Any if Any in annotations else reduce(operator.or_, annotations)
            case ClassType(name, _) | EnumType(name) if name not in self._open and name in self:
                attributes = (self._classes.get(name) or self._enums[name]).attributes
                made = self[name]
                return _CHECKED[made] if has_attribute(attributes, "check") else made
            case VariantType(enum_, _) if enum_ in self:
                return self[enum_]
            case _:
                return Any

    def nullable(self, type_: Type) -> bool:
        """Whether null is a value of the type; aliases are followed."""
        seen: set[str] = set()
        waiting = [type_]
        while waiting:
            each = waiting.pop()
            if each in (_PRIMITIVE_NULL, _PRIMITIVE_UNKNOWN):
                return True
            if type(each) is AliasType:
                if each.name not in seen and each.name in self._aliases:
                    seen.add(each.name)
                    waiting.append(self._aliases[each.name])
            elif type(each) is UnionType:
                waiting.extend(members(each))
        return False

    def _make(self, name: str) -> Any:
        with self._lock:
            if name not in self._made:
                if name in self._classes:
                    self._made[name] = self._struct(self._classes[name])
                else:
                    self._made[name] = _enum(self._enums[name])
            return self._made[name]

    def _struct(self, info: ClassInfo) -> Any:
        names = field_names(info)
        self._open.add(info.name)
        try:
            fields = [self._field(field, names[field.name]) for field in info.fields]
        finally:
            self._open.discard(info.name)
        return _new_struct(info.name, "bamlvm." + self._home, fields, tuple(names), info.doc)

    def _field(self, field: FieldInfo, name: str) -> Any:
        annotation = self._whole(field)
        return (name, annotation, None) if self.may_be_left_out(field) else (name, annotation)

    def may_be_left_out(self, field: FieldInfo) -> bool:
        """Whether a field has None as its default; one with checks is never None itself."""
        whole = field.annotated
        is_checked = has_attribute(field.attributes, "check")
        is_checked = is_checked or (type(whole) is AttributedType and has_attribute(whole.attributes, "check"))
        return not is_checked and self.nullable(field.type)

    def _whole(self, field: FieldInfo) -> Any:
        annotation = self.annotation(field.annotated)
        return _CHECKED[annotation] if has_attribute(field.attributes, "check") else annotation


class PartialTypes(Types):
    """The classes of one program's partial values; ``whole`` are those of its complete values."""

    _home = "partial_types"

    def __init__(self, whole: Types) -> None:
        super().__init__(whole._classes, whole._enums, whole._aliases)
        self.whole = whole

    def _make(self, name: str) -> Any:
        info = self._classes.get(name)
        if info is None or has_attribute(info.attributes, "stream.done"):
            return self.whole[name]
        return super()._make(name)

    def _field(self, field: FieldInfo, name: str) -> Any:
        annotation = self.whole._whole(field) if has_attribute(field.attributes, "stream.done") else self._whole(field)
        if has_attribute(field.attributes, "stream.with_state"):
            return (name, _STATE[_or_none(annotation)])
        if has_attribute(field.attributes, "stream.not_null"):
            return super()._field(field, name)
        return (name, _or_none(annotation), None)


def _or_none(annotation: Any) -> Any:
    return annotation if annotation is None or annotation is Any else annotation | None


class _Namespace:
    """``types.baml.errors``: what the program declares below a dotted prefix."""

    __slots__ = ("_prefix", "_types")

    def __init__(self, types: Types, prefix: str) -> None:
        self._types = types
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return _member(self._types, self._prefix + ".", name)


_PRIMITIVE_NULL = Primitive("null")
_PRIMITIVE_UNKNOWN = Primitive("unknown")


def _member(types: Types, prefix: str, name: str) -> Any:
    qualified = prefix + name
    if qualified in types:
        return types[qualified]
    if any(each.startswith(qualified + ".") for each in types):
        return _Namespace(types, qualified)
    raise AttributeError(f"the program declares no class or enum {qualified!r}")


def _new_struct(name: str, module: str, fields: Sequence[Any], encoded: Sequence[str], doc: str = "") -> Any:
    """Make a Struct; ``fields`` are those of :func:`msgspec.defstruct`, ``encoded`` their BAML names."""
    namespace: dict[str, Any] = {"__baml_name__": name, "__reduce__": _reduce, "__deepcopy__": _deepcopy}
    if doc:
        namespace["__doc__"] = doc
    hosts = [field if isinstance(field, str) else field[0] for field in fields]
    renamed = {host: own for host, own in zip(hosts, encoded, strict=True) if host != own}
    return msgspec.defstruct(
        name.rpartition(".")[2], fields, namespace=namespace, module=module, kw_only=True, rename=renamed or None
    )


def _new_enum(name: str, members: Iterable[tuple[str, str]], doc: str = "") -> Any:
    """Make an enum of members by their Python names."""
    make: Any = _MadeEnum  # called as enum.Enum is, to make a class
    made = make(name.rpartition(".")[2], list(members), module="bamlvm.values.classes")
    made.__baml_name__ = name
    if doc:
        made.__doc__ = doc
    return made


@cache
def with_more_fields(made: Any, names: tuple[str, ...]) -> Any:
    """Return the Struct of a ``@@dynamic`` class with fields that it does not declare: a subclass, made once."""
    plain = [
        name if name.isidentifier() else "field_" + "".join(c if c.isalnum() else "_" for c in name) for name in names
    ]
    hosts = [host_names([name], made.__struct_fields__)[name] for name in plain]
    while len(set(hosts)) < len(hosts):
        hosts = [f"{host}_" if host in hosts[:place] else host for place, host in enumerate(hosts)]
    renamed = {host: own for host, own in zip(hosts, names, strict=True) if host != own}
    fields = [(host, Any) for host in hosts]
    return msgspec.defstruct(
        made.__name__, fields, bases=(made,), module=made.__module__, kw_only=True, rename=renamed or None
    )


_restored_class = cache(_new_struct)
_restored_enum = cache(_new_enum)


def _enum(info: EnumInfo) -> Any:
    return _new_enum(info.name, [(host, name) for name, host in variant_names(info).items()], info.doc)


def field_names(info: ClassInfo) -> dict[str, str]:
    """Return the Python name of each field of a class."""
    return host_names(field.name for field in info.fields)


def variant_names(info: EnumInfo) -> dict[str, str]:
    """Return the Python name of each variant of an enum; names that :class:`enum.Enum` reserves get an underscore."""
    names = [variant.name for variant in info.variants]
    own = {name for name in names if name == "mro" or (name.startswith("_") and name.endswith("_"))}
    return host_names(names, reserved={*own, "name", "value"}, prefix="v")
