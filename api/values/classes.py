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

The classes of a call that adds types have those of the program as their ``base``: a class with more fields becomes a
subclass, a Pydantic model keeps them as extra fields, an added variant is a member of an enum of its own with the same
``__baml_name__``.  With ``plain_additions`` (a client with the habits of ``baml_py``) values of new classes are dicts,
added variants strings.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial, reduce
from typing import Any, Literal

from bamlvm.values.checked import Checked, StreamState, Wrappers
from bamlvm.values.host_classes import HostClass, host_class, plain_dict, with_fields
from bamlvm.values.identifiers import host_names
from bamlvm.values.making import BamlEnum as BamlEnum
from bamlvm.values.making import BamlStruct as BamlStruct
from bamlvm.values.making import new_enum, new_struct, with_more_fields
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, has_attribute
from bamlvm.vm.program.types import (
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
    admits_null,
    walk,
)
from bamlvm.vm.values import MOST_EXTENDED, EnumValue, LoadedClass, Media

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


class Types:
    """The classes and enums of one program, as Python classes."""

    _home = "types"

    def __init__(
        self,
        classes: Mapping[str, ClassInfo],
        enums: Mapping[str, EnumInfo],
        aliases: Mapping[str, Type],
        base: Types | None = None,
        changed: Container[str] = (),
    ) -> None:
        self._classes = classes
        self._enums = enums
        self._aliases = aliases
        self._base = base
        self._changed = changed
        self._made: dict[str, Any] = {}
        self._described: dict[str, HostClass] = {}
        self._varied: dict[tuple[str, ...], tuple[str, HostClass]] = {}
        self.wrappers: Wrappers = Wrappers() if base is None else base.wrappers
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
            described = self._described[name] = self._describe(name)
        return described

    def _describe(self, name: str) -> HostClass:
        made = self[name]
        if self._base is None or name not in self._changed:
            return host_class(made)
        info = self._classes[name]
        if made is dict:
            return plain_dict({field.name: self._beginning(field) for field in info.fields})
        described = host_class(made)
        more = [field for field in info.fields if field.name not in described.names]
        if more:  # of a Pydantic model
            described = with_fields(described, {field.name: self._beginning(field) for field in more})
        return described

    def _beginning(self, field: FieldInfo) -> Callable[[], Any] | None:
        """Return what makes an added field's value before it has begun, None where that is None."""
        return None

    def form(self, cls: LoadedClass) -> HostClass:
        """Describe the Python class of a value's class: as declared, with fields that only the value has, or without
        those that were added and that it has not."""
        described = self.host(cls.name)
        if described.names == cls.field_names:
            return described
        varied = self._varied.get(cls.field_names)
        if varied is None or varied[0] != cls.name:
            varied = cls.name, self._variation(described, cls)
            if len(self._varied) < MOST_EXTENDED:
                self._varied[cls.field_names] = varied
        return varied[1]

    def _variation(self, described: HostClass, cls: LoadedClass) -> HostClass:
        base = self._base
        if base is not None and cls.name in base and not set(described.names) <= set(cls.field_names):
            described = base.host(cls.name)  # the value was made without the additions
            if described.names == cls.field_names:
                return described
        more = tuple(name for name in cls.field_names if name not in described.names)
        if more and hasattr(described.made, "__pydantic_fields__"):
            described = with_fields(described, dict.fromkeys(more))
        elif more and described.made is dict:
            return plain_dict(dict.fromkeys(cls.field_names))
        elif more:
            described = host_class(with_more_fields(described.made, more))
        by_name = dict(zip(described.names, described.hosts, strict=True))
        hosts = tuple(by_name[name] for name in cls.field_names)
        return described._replace(hosts=hosts, names=cls.field_names)

    def variant(self, value: EnumValue) -> Any:
        """Return a variant's Python form."""
        base = self._base
        if base is None or value.enum not in self._changed:
            return self[value.enum](value.variant)
        if value.enum in base and any(value.variant == each.name for each in base._enums[value.enum].variants):
            return base.variant(value)
        return value.variant if self.wrappers.plain_additions else self._added(value.enum)(value.variant)

    def _added(self, enum: str) -> Any:
        """Return the Python enum of the variants that are added to an enum."""
        base = self._base
        if base is None or enum not in base:
            return self[enum]
        key = f"{enum} with additions"
        if key not in self._made:
            declared = {variant.name for variant in base._enums[enum].variants}
            info = self._enums[enum]
            more = tuple(variant for variant in info.variants if variant.name not in declared)
            self._made[key] = _enum(EnumInfo(enum, more, info.attributes, info.doc))
        return self._made[key]

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
                literals = tuple(part.value for part in parts if isinstance(part, LiteralType))
                annotations = [self.annotation(part) for part in parts if not isinstance(part, LiteralType)]
                if literals:  # as one: a union of thousands takes a time that is quadratic in them
                    annotations.append(Literal[literals])
                return Any if Any in annotations else reduce(operator.or_, annotations)
            case EnumType(name) if self._base is not None and name in self._changed and name in self._base:
                return self._base[name] | self._added(name)
            case ClassType(name, _) | EnumType(name) if name not in self._open and name in self:
                attributes = (self._classes.get(name) or self._enums[name]).attributes
                made = self[name]
                return _CHECKED[made] if has_attribute(attributes, "check") else made
            case VariantType(enum_, _) if enum_ in self:
                return self[enum_]
            case _:
                return Any

    def is_added(self, name: str, field: str) -> bool:
        """Whether a call has added a field to a class of the program."""
        base = self._base
        if base is None or name not in self._changed or name not in base:
            return False
        return all(field != each.name for each in base._classes[name].fields)

    def nullable(self, type_: Type) -> bool:
        """Whether null is a value of the type; aliases are followed."""
        return admits_null(type_, self._aliases)

    def _make(self, name: str) -> Any:
        """Make a class, and before it those that its fields name, however long a chain of them there is.

        A class that is *open*, as what it needs is being made, has no Python class yet: within those it is ``Any``.
        """
        with self._lock:
            chain: list[tuple[str, Iterator[str]]] = []
            following: str | None = name
            try:
                while following is not None or chain:
                    if following is not None:
                        self._open.add(following)
                        chain.append((following, iter(self._needed(following))))
                    current, needed = chain[-1]
                    following = next((each for each in needed if not (each in self._made or each in self._open)), None)
                    if following is None:
                        if current not in self._made:
                            self._made[current] = self._new(current)
                        chain.pop()
                        self._open.discard(current)
            finally:
                self._open.difference_update(each for each, _ in chain)
            return self._made[name]

    def _needed(self, name: str) -> Iterable[str]:
        """Return the classes that making one looks up."""
        if name not in self._classes or (self._base is not None and self.wrappers.plain_additions):
            return ()
        fields: Iterable[FieldInfo] = self._classes[name].fields
        if self._base is not None and (name not in self._changed or name in self._base):
            fields = self._added_fields(self._base, name)
        types = [type_ for field in fields for type_ in self._looked_up(field)]
        return [part.name for type_ in types for part in walk(type_) if type(part) is ClassType and part.name in self]

    def _looked_up(self, field: FieldInfo) -> Iterable[Type]:
        """Return the type of a field whose classes are looked up here."""
        return (field.annotated,)

    def _new(self, name: str) -> Any:
        if self._base is not None and (name not in self._changed or name in self._base):
            return self._of_base(self._base, name)
        if self._base is not None and self.wrappers.plain_additions:
            return dict if name in self._classes else str
        return self._struct(self._classes[name]) if name in self._classes else _enum(self._enums[name])

    def _of_base(self, base: Types, name: str) -> Any:
        """Return the class of the program, a Struct with the fields that are added to it."""
        made = base[name]
        more = self._added_fields(base, name)
        if not more:
            return made
        annotations = [self._field(field, field.name)[1] for field in more]
        return with_more_fields(made, tuple(field.name for field in more), tuple(annotations))

    def _added_fields(self, base: Types, name: str) -> list[FieldInfo]:
        """Return the fields that are added to a Struct of the program."""
        if name not in self._changed or name not in self._classes:
            return []
        made = base[name]
        if hasattr(made, "__pydantic_fields__"):
            return []
        declared = host_class(made).names
        return [field for field in self._classes[name].fields if field.name not in declared]

    def _struct(self, info: ClassInfo) -> Any:
        names = field_names(info)
        fields = [self._field(field, names[field.name]) for field in info.fields]
        made = new_struct(info.name, "bamlvm." + self._home, fields, tuple(names), info.doc)
        made.__baml_annotations__ = partial(self._annotations, info)
        return made

    def _annotations(self, info: ClassInfo) -> dict[str, Any]:
        """Return the Python types of a class's fields by their BAML names, its own class among them."""
        names = field_names(info)
        return {field.name: self._field(field, names[field.name])[1] for field in info.fields}

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

    def __init__(self, whole: Types, base: PartialTypes | None = None) -> None:
        super().__init__(whole._classes, whole._enums, whole._aliases, base, whole._changed)
        self.whole = whole
        self.wrappers = whole.wrappers
        self._known_whole: dict[str, bool] = {}

    def is_whole(self, name: str) -> bool:
        """Whether partial values of a class are whole ones."""
        known = self._known_whole.get(name)
        if known is None:
            is_done = has_attribute(self._classes[name].attributes, "stream.done")
            known = self._known_whole[name] = is_done or self.whole[name] is self[name] is not dict
        return known

    def _is_shared(self, name: str) -> bool:
        """Whether a name's values have no partial form."""
        info = self._classes.get(name)
        return info is None or has_attribute(info.attributes, "stream.done")

    def _make(self, name: str) -> Any:
        return self.whole[name] if self._is_shared(name) else super()._make(name)

    def _needed(self, name: str) -> Iterable[str]:
        return [each for each in super()._needed(name) if not self._is_shared(each)]

    def _looked_up(self, field: FieldInfo) -> Iterable[Type]:
        return () if has_attribute(field.attributes, "stream.done") else (field.annotated,)

    def _beginning(self, field: FieldInfo) -> Callable[[], Any] | None:
        if has_attribute(field.attributes, "stream.done") or has_attribute(field.attributes, "check"):
            return None
        return {ListType: list, MapType: dict}.get(type(field.annotated))

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


def _member(types: Types, prefix: str, name: str) -> Any:
    qualified = prefix + name
    if qualified in types:
        return types[qualified]
    if any(each.startswith(qualified + ".") for each in types):
        return _Namespace(types, qualified)
    raise AttributeError(f"the program declares no class or enum {qualified!r}")


def _enum(info: EnumInfo) -> Any:
    return new_enum(info.name, [(host, name) for name, host in variant_names(info).items()], info.doc)


def field_names(info: ClassInfo) -> dict[str, str]:
    """Return the Python name of each field of a class."""
    return host_names(field.name for field in info.fields)


def variant_names(info: EnumInfo) -> dict[str, str]:
    """Return the Python name of each variant of an enum; names that :class:`enum.Enum` reserves get an underscore."""
    names = [variant.name for variant in info.variants]
    own = {name for name in names if name == "mro" or (name.startswith("_") and name.endswith("_"))}
    return host_names(names, reserved={*own, "name", "value"}, prefix="v")
