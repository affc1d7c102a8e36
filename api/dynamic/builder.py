"""``TypeBuilder``: types that are made at run time, for the calls of one program.

    types = bamlvm.TypeBuilder(runtime)
    types.Category.add_value("Refund").description("money back")
    address = types.add_class("Address")
    address.add_property("street", types.string())
    types.Resume.add_property("address", address.type().optional())
    runtime.call_function_sync("Extract", {"text": text}, bamlvm.CallContext(types=types))

What does not fit the program is refused where it is added: a name that is taken, a class that is not ``@@dynamic``.  A
builder may be used for any number of calls, and changed between them; a call has what the builder has when it begins.
The names, and what they do, are those of ``baml_py``'s TypeBuilder.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bamlvm.build.types import compile_types
from bamlvm.dynamic.baml_text import baml_text
from bamlvm.dynamic.parts import ClassBuilder, ClassViewer, EnumBuilder, EnumViewer
from bamlvm.dynamic.state import FieldType, State, TypeBuilderError, field_type, text
from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import Additions, has_attribute
from bamlvm.vm.program.spelling import suggestion
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    EnumType,
    LiteralType,
    MapType,
    VariantType,
    bare,
    members,
    union,
)

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime


class TypeBuilder:
    """Types to be added to a program; the module says how."""

    __slots__ = ("_state",)

    def __init__(self, runtime: Runtime) -> None:
        self._state = State(runtime)

    # --- types --------------------------------------------------------------------------------------------------------

    def string(self) -> FieldType:
        """Return the type of texts."""
        return FieldType(STRING)

    def int(self) -> FieldType:
        """Return the type of integers."""
        return FieldType(INT)

    def float(self) -> FieldType:
        """Return the type of floating-point numbers."""
        return FieldType(FLOAT)

    def bool(self) -> FieldType:
        """Return the type of booleans."""
        return FieldType(BOOL)

    def null(self) -> FieldType:
        """Return the type of null."""
        return FieldType(NULL)

    def literal_string(self, value: str) -> FieldType:
        """Return the type of one text."""
        return self._literal(value, str)

    def literal_int(self, value: builtins.int) -> FieldType:
        """Return the type of one integer."""
        return self._literal(value, builtins.int)

    def literal_bool(self, value: builtins.bool) -> FieldType:
        """Return the type of one boolean."""
        return self._literal(value, builtins.bool)

    def list(self, inner: FieldType) -> FieldType:
        """Return the type of lists."""
        return field_type(inner, "list").list()

    def optional(self, inner: FieldType) -> FieldType:
        """Return a type or null."""
        return field_type(inner, "optional").optional()

    def map(self, key: FieldType, value: FieldType) -> FieldType:
        """Return the type of maps.  Raises :class:`TypeBuilderError` for a key that is no text and no enum."""
        field_type(key, "map")
        field_type(value, "map")
        for part in members(bare(key.baml)):
            is_text = part == STRING or (isinstance(part, LiteralType) and isinstance(part.value, str))
            if not is_text and not isinstance(part, EnumType | VariantType | AliasType):
                raise TypeBuilderError(f"a map's key is a string or an enum, not {part}")
        return FieldType(MapType(key.baml, value.baml), self._common((key, value)))

    def union(self, types: Iterable[FieldType], *more: FieldType) -> FieldType:
        """Return the type of values of any of several types: a list of them, or each as an argument."""
        every = [types, *more] if isinstance(types, FieldType) else [*types, *more]
        for each in every:
            field_type(each, "union")
        if not every:
            raise TypeBuilderError("a union of no types has no values")
        return FieldType(union(each.baml for each in every), self._common(every))

    # --- classes and enums --------------------------------------------------------------------------------------------

    def add_class(self, name: str) -> ClassBuilder:
        """Add a class.  Raises :class:`TypeBuilderError` for a name that is taken."""
        self._state.refuse_taken(name)
        self._state.class_state(name)
        self._state.changed()
        return ClassBuilder(self._state, name)

    def add_enum(self, name: str) -> EnumBuilder:
        """Add an enum.  Raises :class:`TypeBuilderError` for a name that is taken."""
        self._state.refuse_taken(name)
        self._state.enum_state(name)
        self._state.changed()
        return EnumBuilder(self._state, name)

    def add_baml(self, baml: str) -> None:
        """Add what a text declares: ``class``, ``enum``, ``type``, and ``dynamic class`` and ``dynamic enum``, which
        add to types of the program.

        Raises :class:`bamlvm.HostError` with everything that is wrong with it; nothing is added then.
        """
        try:
            added = compile_types(self._state.program, text(baml, "BAML"), (self.additions(),))
        except HostError as error:
            raise HostError(f"add_baml: {error}") from None
        self._state.include(added)

    def add_type(self, source: Any, name: str | None = None, *, prefix: str = "") -> FieldType:
        """Add a type of Python, or one that a JSON Schema describes, and return it.

        ``source`` is a Pydantic model, a dataclass, a TypedDict, a msgspec Struct, a type made of such
        (``list[Model]``, ``A | B``), or a schema (:mod:`bamlvm.dynamic.json_schemas` says what is understood).
        ``name`` is what its own class is called, instead of its name or title; ``prefix`` begins the names of all
        classes and enums that are added.

        Raises :class:`TypeBuilderError`, beginning with the path of what cannot be; nothing is added then.
        """
        from bamlvm.dynamic.json_schemas import SchemaReader
        from bamlvm.dynamic.python_types import schema_of

        reader = SchemaReader(schema_of(source), name, prefix, self._state.is_declared)
        type_, additions = reader.read()
        self._state.include_new(additions)
        return FieldType(type_, self._state)

    def __getitem__(self, name: str) -> Any:
        """Return a class or an enum of the program, or one that was added, to be named or added to.

        Raises :class:`KeyError` if there is none.
        """
        state, program = self._state, self._state.program
        new_classes, new_enums = state.added_names()
        if name in program.classes:
            is_dynamic = has_attribute(program.classes[name].attributes, "dynamic")
            return ClassBuilder(state, name) if is_dynamic else ClassViewer(state, name)
        if name in program.enums:
            is_dynamic = has_attribute(program.enums[name].attributes, "dynamic")
            return EnumBuilder(state, name) if is_dynamic else EnumViewer(state, name)
        if name in new_classes:
            return ClassBuilder(state, name)
        if name in new_enums:
            return EnumBuilder(state, name)
        own = [each for each in (*program.classes, *program.enums, *new_classes, *new_enums) if "." not in each]
        raise KeyError(f"there is no class or enum {name!r} ({suggestion(str(name), own) or 'there are none'})")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def reset(self) -> None:
        """Take all additions away."""
        self._state.reset()

    def additions(self) -> Additions:
        """Return what has been added, as a call takes it."""
        return self._state.additions()

    def __str__(self) -> str:
        """Return what has been added, as BAML."""
        program = self._state.program
        return baml_text(self.additions(), {**program.classes, **program.enums})

    def __repr__(self) -> str:
        additions = self.additions()
        return f"<TypeBuilder with {len(additions.classes)} classes and {len(additions.enums)} enums>"

    def _literal(self, value: Any, kind: type[builtins.str | builtins.int]) -> FieldType:
        if type(value) is not kind:
            raise TypeError(f"expected a literal {kind.__name__}, not {value!r}")
        return FieldType(LiteralType(value))

    def _common(self, types: Iterable[FieldType]) -> State | None:
        owners = [each.owner for each in types if each.owner is not None]
        for owner in owners:
            if owner is not owners[0]:
                raise TypeBuilderError("these types belong to different TypeBuilders")
        return owners[0] if owners else None
