"""What a :class:`bamlvm.TypeBuilder` has: types, properties and values, until a call takes them as data.

The builder and the builders of its classes and enums share one :class:`State`; changing anything makes it forget the
data that it has made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import Additions, Attribute, ClassInfo, EnumInfo, FieldInfo, VariantInfo
from bamlvm.vm.program.types import (
    DEEPEST_TYPE,
    LARGEST_TYPE,
    PRIMITIVES,
    AliasType,
    ClassType,
    EnumType,
    ListType,
    Type,
    VariantType,
    extent,
    optional,
    render,
    walk,
)

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.vm.linker import Program


class TypeBuilderError(HostError, ValueError):
    """A type that cannot be added."""


class FieldType:
    """A type: of a property, of the items of a list, and so on.  Two are equal if they mean the same type."""

    __slots__ = ("_owner", "_type")

    def __init__(self, type_: Type, owner: State | None = None) -> None:
        parts, depth = extent(type_, LARGEST_TYPE)
        if parts > LARGEST_TYPE or depth > DEEPEST_TYPE:
            what = f"has more than {LARGEST_TYPE} parts" if parts > LARGEST_TYPE else f"is deeper than {DEEPEST_TYPE}"
            raise TypeBuilderError(f"the type {what}: make classes of some of its parts")
        self._type = type_
        self._owner = owner

    @property
    def baml(self) -> Type:
        """The type as data."""
        return self._type

    @property
    def owner(self) -> State | None:
        """The state of the builder that has made a class or an enum in it; None if there is none in it."""
        return self._owner

    def list(self) -> FieldType:
        """Return the type of lists of this type."""
        return FieldType(ListType(self._type), self._owner)

    def optional(self) -> FieldType:
        """Return this type or null."""
        return FieldType(optional(self._type), self._owner)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldType) and self._type == other._type

    def __hash__(self) -> int:
        return hash(self._type)

    def __str__(self) -> str:
        return render(self._type)

    def __repr__(self) -> str:
        return f"<FieldType {self}>"


class Part:
    """The attributes of a property, a value or an enum; changing them changes the builder."""

    __slots__ = ("_state", "attributes", "doc", "name")

    def __init__(self, state: State, name: str, attributes: Iterable[Attribute] = (), doc: str = "") -> None:
        self._state = state
        self.name = name
        self.attributes = tuple(attributes)
        self.doc = doc

    def put(self, name: str, arguments: tuple[Any, ...] | None) -> None:
        """Set an attribute, or take it away."""
        others = tuple(each for each in self.attributes if each.name != name)
        self.attributes = others if arguments is None else (*others, Attribute(name, arguments))
        self._state.changed()


class Field:
    """A property as a builder has it; ``declared`` says that it is the program's."""

    __slots__ = ("_state", "declared", "part", "type", "where")

    def __init__(self, state: State, where: str, type_: FieldType, info: FieldInfo, *, declared: bool = False) -> None:
        self._state = state
        self.where = where
        self.type = type_
        self.part = Part(state, info.name, info.attributes, info.doc)
        self.declared = declared

    def set_type(self, type_: FieldType) -> None:
        """Set the type.  Raises :class:`TypeBuilderError` for another type than the source declares."""
        if self.declared and type_ != self.type:
            raise TypeBuilderError(f"{self.where}.{self.part.name} is declared in the source, as {self.type}")
        self.type = self._state.checked(type_, f"{self.where}.{self.part.name}")
        self._state.changed()

    def info(self) -> FieldInfo:
        """Return the property as data."""
        return FieldInfo(self.part.name, self.type.baml, self.part.attributes, self.part.doc)


class State:
    """The additions of one builder to the program of a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._classes: dict[str, dict[str, Field]] = {}
        self._class_attributes: dict[str, tuple[Attribute, ...]] = {}
        self._enums: dict[str, dict[str, Part]] = {}
        self._enum_attributes: dict[str, Part] = {}
        self._aliases: dict[str, Type] = {}
        self._additions: Additions | None = Additions()

    @property
    def program(self) -> Program:
        """The program to which types are added."""
        return self._runtime.engine.program

    def changed(self) -> None:
        """Forget what was made of the additions as they were."""
        self._additions = None

    def named(self, type_: ClassType | EnumType | AliasType) -> FieldType:
        """Return a class or an enum as a type; one that is the program's belongs to no builder."""
        return FieldType(type_, None if self.is_declared(type_.name) else self)

    def checked(self, type_: FieldType, where: str) -> FieldType:
        """Return a type that can be in this builder.

        Raises :class:`TypeBuilderError` for one with a class or an enum that another builder has made.
        """
        field_type(type_, where)
        if type_.owner not in (None, self):
            own = self._classes.keys() | self._enums.keys() | self._aliases.keys()
            for part in walk(type_.baml):
                name = getattr(part, "name", None) or getattr(part, "enum", None)
                named = isinstance(part, ClassType | EnumType | AliasType | VariantType)
                if named and not self.is_declared(str(name)) and name not in own:
                    raise TypeBuilderError(f"{where}: {name} belongs to another TypeBuilder; add it to this one")
        return type_

    def is_declared(self, name: str) -> bool:
        """Whether the program has a type of this name."""
        program = self.program
        return name in program.classes or name in program.enums or name in program.annotated_aliases

    def declared_class(self, name: str) -> ClassInfo:
        """Return a class of the program."""
        return self.program.classes[name]

    def declared_enum(self, name: str) -> EnumInfo:
        """Return an enum of the program."""
        return self.program.enums[name]

    def declared_fields(self, name: str) -> Mapping[str, FieldInfo]:
        """Return the fields that the program declares of a class."""
        info = self.program.classes.get(name)
        return {field.name: field for field in info.fields} if info is not None else {}

    def declared_variants(self, name: str) -> Mapping[str, VariantInfo]:
        """Return the variants that the program declares of an enum."""
        info = self.program.enums.get(name)
        return {variant.name: variant for variant in info.variants} if info is not None else {}

    def class_state(self, name: str) -> dict[str, Field]:
        """Return what this builder has of a class."""
        return self._classes.setdefault(name, {})

    def enum_state(self, name: str) -> dict[str, Part]:
        """Return what this builder has of an enum."""
        return self._enums.setdefault(name, {})

    def enum_attributes(self, name: str) -> Part:
        """Return the attributes that this builder gives to an enum."""
        return self._enum_attributes.setdefault(name, Part(self, name))

    def added_names(self) -> tuple[list[str], list[str]]:
        """Return the names of the classes and of the enums that are new."""
        new = [[name for name in table if not self.is_declared(name)] for table in (self._classes, self._enums)]
        return new[0], new[1]

    def refuse_taken(self, name: str) -> None:
        """Raise :class:`TypeBuilderError` for a name that no new type can have."""
        if not (isinstance(name, str) and name.isidentifier()):
            raise TypeBuilderError(f"a type cannot be called {name!r}")
        program = self.program
        for what, tables in (
            ("Class", (program.classes, self._classes)),
            ("Enum", (program.enums, self._enums)),
            ("Alias", (program.annotated_aliases, self._aliases)),
            ("Built-in type", (PRIMITIVES,)),
        ):
            if any(name in table for table in tables):
                raise TypeBuilderError(f"{what} with name {name} already exists.")

    def reset(self) -> None:
        """Forget all additions."""
        self._classes.clear()
        self._class_attributes.clear()
        self._enums.clear()
        self._enum_attributes.clear()
        self._aliases.clear()
        self.changed()

    def additions(self) -> Additions:
        """Return the additions as data: the same object until they change."""
        if self._additions is None:
            self._additions = self._collected()
        return self._additions

    def include_new(self, additions: Additions) -> None:
        """Add classes, enums and aliases that are new; those that are there already must be the same.

        Raises :class:`TypeBuilderError`.
        """
        now = self.additions()
        known = _by_name(now)
        for name, made in _by_name(additions).items():
            if known.get(name, made) != made:
                raise TypeBuilderError(f"there is another type {name} already: give the new types a prefix")
        self.include(additions)

    def include(self, additions: Additions) -> None:
        """Add what is data already."""
        for info in additions.classes:
            fields = self.class_state(info.name)
            for field in info.fields:
                fields[field.name] = Field(self, info.name, FieldType(field.annotated, self), field)
            if info.attributes:
                self._class_attributes[info.name] = info.attributes
        for enum in additions.enums:
            parts = self.enum_state(enum.name)
            parts.update((each.name, Part(self, each.name, each.attributes, each.doc)) for each in enum.variants)
            for attribute in enum.attributes:
                self.enum_attributes(enum.name).put(attribute.name, attribute.arguments)
        self._aliases.update(additions.annotated_aliases)
        self.changed()

    def _collected(self) -> Additions:
        classes = []
        for name, fields in self._classes.items():
            declared = self.declared_fields(name)
            infos = tuple(info for field in fields.values() if (info := field.info()) != declared.get(info.name))
            attributes = self._class_attributes.get(name, ())
            if infos or attributes or not self.is_declared(name):
                classes.append(ClassInfo(name, infos, attributes))
        enums = []
        for name, parts in self._enums.items():
            known = self.declared_variants(name)
            made = [VariantInfo(each.name, each.attributes, each.doc) for each in parts.values()]
            variants = tuple(variant for variant in made if variant != known.get(variant.name))
            attributes = self._enum_attributes[name].attributes if name in self._enum_attributes else ()
            if variants or attributes or not self.is_declared(name):
                enums.append(EnumInfo(name, variants, attributes))
        return Additions(tuple(classes), tuple(enums), tuple(self._aliases.items()))


def _by_name(additions: Additions) -> dict[str, Any]:
    classes = {info.name: info for info in additions.classes}
    enums = {info.name: info for info in additions.enums}
    return {**classes, **enums, **dict(additions.annotated_aliases)}


def field_type(given: Any, what: str) -> FieldType:
    """Return ``given``.  Raises :class:`TypeError` if it is no type."""
    if not isinstance(given, FieldType):
        raise TypeError(f"{what}: expected a FieldType such as tb.string(), not {given!r}")
    return given


def text(given: Any, what: str) -> str:
    """Return ``given``.  Raises :class:`TypeError` if it is no text."""
    if not isinstance(given, str):
        raise TypeError(f"expected {what} as a string, not {given!r}")
    return given
