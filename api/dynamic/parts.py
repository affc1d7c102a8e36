"""The builders of one class, enum, property or value, as a :class:`bamlvm.TypeBuilder` hands them out.

A class or an enum of the program that is not ``@@dynamic`` has a *viewer*, which can be named and listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bamlvm.dynamic.state import Field, FieldType, Part, State, TypeBuilderError, text
from bamlvm.vm.program.declarations import FieldInfo
from bamlvm.vm.program.spelling import suggestion
from bamlvm.vm.program.types import ClassType, EnumType

T = TypeVar("T")

_STREAM_MARKS: Final = ("done", "not_null", "with_state")


class Owner(Protocol):
    """A class or an enum, as its properties or values see it."""

    def get(self, name: str) -> Any: ...


class Parts:
    """The properties of a class, or the values of an enum, as attributes."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        return self._owner.get(name)


class PropertyBuilder:
    """A property of a class."""

    def __init__(self, part: Part, field: Field) -> None:
        self._part = part
        self._field = field

    @property
    def name(self) -> str:
        """Its name."""
        return self._part.name

    def type(self, type: FieldType) -> PropertyBuilder:
        """Set its type.  Raises :class:`TypeBuilderError` for a property that the source declares."""
        self._field.set_type(type)
        return self

    def get_type(self) -> FieldType:
        """Return its type."""
        return self._field.type

    def alias(self, alias: str | None) -> PropertyBuilder:
        """Set the name that models see; None: its own."""
        self._part.put("alias", None if alias is None else (text(alias, "an alias"),))
        return self

    def description(self, description: str | None) -> PropertyBuilder:
        """Set what models are told about it."""
        self._part.put("description", None if description is None else (text(description, "a description"),))
        return self

    def skip(self, skip: bool | None = True) -> PropertyBuilder:
        """Hide it from models; its type must take null."""
        self._part.put("skip", () if skip else None)
        return self

    def stream(self, *marks: str) -> PropertyBuilder:
        """Say how it streams: ``done``, ``not_null``, ``with_state``, as the attributes ``@stream.done`` and so on."""
        for mark in marks:
            if mark not in _STREAM_MARKS:
                raise TypeBuilderError(f"no @stream.{mark} ({suggestion(str(mark), _STREAM_MARKS)})")
        for mark in _STREAM_MARKS:
            self._part.put(f"stream.{mark}", () if mark in marks else None)
        return self


class PropertyViewer:
    """A property of a class that is not dynamic."""

    def __init__(self, field: FieldInfo) -> None:
        self.name: Final = field.name
        self._type = field.type

    def get_type(self) -> FieldType:
        """Return its type."""
        return FieldType(self._type)


class ClassViewer:
    """A class that is not dynamic: it can be named, and its properties be listed."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def type(self) -> FieldType:
        """Return the class as a type."""
        return self._state.named(ClassType(self._name))

    def list_properties(self) -> list[tuple[str, PropertyViewer]]:
        """Return its properties by name, in their order."""
        return [(field.name, PropertyViewer(field)) for field in self._state.declared_class(self._name).fields]

    @property
    def props(self) -> Any:
        """Its properties as attributes."""
        return Parts(self)

    def get(self, name: str) -> PropertyViewer:
        """Return a property.  Raises :class:`AttributeError` if there is none."""
        return _found(self._name, "property", name, dict(self.list_properties()))

    if not TYPE_CHECKING:  # for whom there are no such members

        def __getattr__(self, name: str) -> Any:
            raise _not_dynamic("class", self._name, name)


class ClassBuilder:
    """A class that is made at run time, or one of the program that is dynamic."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def type(self) -> FieldType:
        """Return the class as a type."""
        return self._state.named(ClassType(self._name))

    def add_property(self, name: str, type: FieldType) -> PropertyBuilder:
        """Add a property; one that was added before gets this type.

        Raises :class:`TypeBuilderError` for a name that the source declares, and for a type of another builder.
        """
        fields = self._state.class_state(self._name)
        if not isinstance(name, str) or not name:
            raise TypeBuilderError(f"{self._name}: a property cannot be called {name!r}")
        if name in self._state.declared_fields(self._name):
            raise TypeBuilderError(f"Property {name} already exists: the source declares {self._name}.{name}")
        if not isinstance(type, FieldType):
            raise TypeError(f"{self._name}.{name}: expected a FieldType such as tb.string(), not {type!r}")
        known = fields.get(name)
        if known is None:
            checked = self._state.checked(type, f"{self._name}.{name}")
            known = fields[name] = Field(self._state, self._name, checked, FieldInfo(name, type.baml))
            self._state.changed()
        else:
            known.set_type(type)
        return PropertyBuilder(known.part, known)

    def add_properties(self, source: Any, *, prefix: str = "") -> None:
        """Add the properties of a class of Python, or of an object that a JSON Schema describes.

        ``source`` and ``prefix`` are as :meth:`bamlvm.TypeBuilder.add_type` takes them.  Raises
        :class:`TypeBuilderError`; nothing is added then.
        """
        from bamlvm.dynamic.json_schemas import SchemaReader
        from bamlvm.dynamic.python_types import schema_of

        state, declared = self._state, self._state.declared_fields(self._name)
        reader = SchemaReader(schema_of(source), None, prefix, state.is_declared)
        info, additions = reader.read_fields()
        for field in info.fields:
            if field.name in declared or field.name in state.class_state(self._name):
                raise TypeBuilderError(f"Property {field.name} already exists in {self._name}")
        state.include_new(additions)
        fields = state.class_state(self._name)
        for field in info.fields:
            fields[field.name] = Field(state, self._name, FieldType(field.annotated, state), field)
        state.changed()

    def get(self, name: str) -> PropertyBuilder:
        """Return a property, of the source or added.  Raises :class:`AttributeError` if there is none."""
        fields = self._state.class_state(self._name)
        known = fields.get(name)
        if known is None:
            declared = self._state.declared_fields(self._name)
            info = _found(self._name, "property", name, declared, fields)
            known = fields[name] = Field(self._state, self._name, FieldType(info.annotated), info, declared=True)
        return PropertyBuilder(known.part, known)

    def list_properties(self) -> list[tuple[str, PropertyBuilder]]:
        """Return the properties that were added, by name, in their order."""
        fields = self._state.class_state(self._name)
        return [(name, PropertyBuilder(field.part, field)) for name, field in fields.items() if not field.declared]

    def remove_property(self, name: str) -> None:
        """Take a property away that was added; any other name has no effect."""
        fields = self._state.class_state(self._name)
        if name in fields and not fields[name].declared:
            del fields[name]
            self._state.changed()

    def reset(self) -> None:
        """Take all additions away."""
        self._state.class_state(self._name).clear()
        self._state.changed()

    @property
    def props(self) -> Any:
        """The properties as attributes."""
        return Parts(self)


class ValueBuilder:
    """A value of an enum."""

    def __init__(self, part: Part) -> None:
        self._part = part

    @property
    def name(self) -> str:
        """Its name."""
        return self._part.name

    def alias(self, alias: str | None) -> ValueBuilder:
        """Set the name that models see; None: its own."""
        self._part.put("alias", None if alias is None else (text(alias, "an alias"),))
        return self

    def description(self, description: str | None) -> ValueBuilder:
        """Set what models are told about it."""
        self._part.put("description", None if description is None else (text(description, "a description"),))
        return self

    def skip(self, skip: bool | None = True) -> ValueBuilder:
        """Hide it from models."""
        self._part.put("skip", () if skip else None)
        return self


class ValueViewer:
    """A value of an enum that is not dynamic."""

    def __init__(self, name: str) -> None:
        self.name: Final = name


class EnumViewer:
    """An enum that is not dynamic: it can be named, and its values be listed."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def type(self) -> FieldType:
        """Return the enum as a type."""
        return self._state.named(EnumType(self._name))

    def list_values(self) -> list[tuple[str, ValueViewer]]:
        """Return its values by name, in their order."""
        return [(each.name, ValueViewer(each.name)) for each in self._state.declared_enum(self._name).variants]

    @property
    def values(self) -> Any:
        """Its values as attributes."""
        return Parts(self)

    def get(self, name: str) -> ValueViewer:
        """Return a value.  Raises :class:`AttributeError` if there is none."""
        return _found(self._name, "value", name, dict(self.list_values()))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise _not_dynamic("enum", self._name, name)


class EnumBuilder:
    """An enum that is made at run time, or one of the program that is dynamic."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def type(self) -> FieldType:
        """Return the enum as a type."""
        return self._state.named(EnumType(self._name))

    def add_value(self, name: str) -> ValueBuilder:
        """Add a value; raises :class:`TypeBuilderError` if there is one of that name."""
        parts = self._state.enum_state(self._name)
        if not isinstance(name, str) or not name:
            raise TypeBuilderError(f"{self._name}: a value cannot be called {name!r}")
        if name in self._state.declared_variants(self._name):
            raise TypeBuilderError(f"Value {name} already exists: the source declares {self._name}.{name}")
        if name in parts:
            if self._state.is_declared(self._name):
                return ValueBuilder(parts[name])
            raise TypeBuilderError(f"Value {name} already exists in {self._name}")
        part = parts[name] = Part(self._state, name)
        self._state.changed()
        return ValueBuilder(part)

    def get(self, name: str) -> ValueBuilder:
        """Return a value, of the source or added.  Raises :class:`AttributeError` if there is none."""
        parts = self._state.enum_state(self._name)
        part = parts.get(name)
        if part is None:
            declared = self._state.declared_variants(self._name)
            info = _found(self._name, "value", name, declared, parts)
            part = parts[name] = Part(self._state, name, info.attributes, info.doc)
        return ValueBuilder(part)

    def list_values(self) -> list[tuple[str, ValueBuilder]]:
        """Return the values by name: those of the source, and those that were added."""
        names = dict.fromkeys((*self._state.declared_variants(self._name), *self._state.enum_state(self._name)))
        return [(name, self.get(name)) for name in names]

    def alias(self, alias: str | None) -> EnumBuilder:
        """Set the name that models see; None: its own."""
        own = self._state.enum_attributes(self._name)
        own.put("alias", None if alias is None else (text(alias, "an alias"),))
        return self

    def reset(self) -> None:
        """Take all additions away."""
        self._state.enum_state(self._name).clear()
        self._state.changed()

    @property
    def values(self) -> Any:
        """The values as attributes."""
        return Parts(self)


def _found(owner: str, what: str, name: str, known: Mapping[str, T], more: Iterable[str] = ()) -> T:
    """Return what a name means among the properties or values of a class or an enum."""
    if name not in known:
        hint = suggestion(str(name), [*known, *more]) or "it has none"
        raise AttributeError(f"{what.capitalize()} {name} not found: {owner} has no such {what} ({hint})")
    return known[name]


def _not_dynamic(kind: str, owner: str, name: str) -> AttributeError:
    if name.startswith("_"):
        return AttributeError(name)
    return AttributeError(f"no {name}: the {kind} {owner} is not dynamic: add `@@dynamic` to it in the source")
