"""The symbol table: the declarations of a project over those of the standard library, which every later stage reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bamlvm.compiler.hir import ERROR
from bamlvm.compiler.incremental import Reads
from bamlvm.compiler.index import Entry
from bamlvm.grammar import syntax
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, Signature, has_attribute
from bamlvm.vm.program.types import (
    MEDIA,
    PRIMITIVES,
    AliasType,
    ClassType,
    ListType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariableType,
    bare,
    is_panic,
    union,
)
from bamlvm.vm.program.unit import Unit

BUILT_IN_SELF: Mapping[str, Type] = {
    **{f"baml.{name.capitalize()}": PRIMITIVES[name] for name in ("string", "int", "float", "bool", *sorted(MEDIA))},
    "baml.Array": ListType(VariableType("T")),
    "baml.Map": MapType(VariableType("K"), VariableType("V")),
}
"""The type of ``self`` in the classes that declare the methods of built-in types."""

BUILT_IN_CLASSES: Mapping[Type, str] = {
    type_: name for name, type_ in BUILT_IN_SELF.items() if isinstance(type_, Primitive)
}
"""The class that declares the methods of a primitive type."""


class DeclaredGlobal(NamedTuple):
    """A constant; ``type`` is the written one, None where its value decides."""

    entry: Entry
    declaration: syntax.Constant
    type: Type | None


class _Members(NamedTuple):
    """What is made once of a class or enum, as every use of a member asks for it."""

    info: ClassInfo | EnumInfo
    shape: object
    places: Mapping[str, int]


@dataclass
class Symbols:
    """All declarations by qualified name.  ``contracts`` holds the throws that functions declare (absent where they
    are inferred), ``contract_parts`` the same as written; ``bodies`` the entries and trees of the functions that have
    one; ``globals`` the constants."""

    standard: Unit
    reads: Reads = field(default_factory=Reads)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    enums: dict[str, EnumInfo] = field(default_factory=dict)
    annotated_aliases: dict[str, Type] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    contracts: dict[str, Type] = field(default_factory=dict)
    contract_parts: dict[str, tuple[Type, ...]] = field(default_factory=dict)
    bodies: dict[str, tuple[Entry, syntax.Function]] = field(default_factory=dict)
    globals: dict[str, DeclaredGlobal] = field(default_factory=dict)
    _members: dict[str, _Members] = field(default_factory=dict)
    _methods: tuple[int, dict[str, list[str]]] | None = None

    def class_(self, name: str) -> ClassInfo | None:
        """Return a class by its qualified name, or None.  Its shape counts as read."""
        found = self.classes.get(name) or self.standard.classes.get(name)
        self.reads.note("class", (name,), self._shape(found))
        return found

    def shape_of(self, name: str) -> object:
        """Return what functions and templates depend on in a class: its fields' names and types, whether it may have
        more; None if there is none."""
        return self._shape(self.classes.get(name) or self.standard.classes.get(name))

    def _shape(self, info: ClassInfo | None) -> object:
        return None if info is None else self._members_of(info).shape

    def places(self, info: ClassInfo | EnumInfo) -> Mapping[str, int]:
        """Return the places of a class's fields, or an enum's variants, by name."""
        return self._members_of(info).places

    def _members_of(self, info: ClassInfo | EnumInfo) -> _Members:
        kept = self._members.get(info.name)
        if kept is None or kept.info is not info:
            kept = self._members[info.name] = _members(info)
        return kept

    def enum(self, name: str) -> EnumInfo | None:
        return self.reads.note("enum", (name,), self.enums.get(name) or self.standard.enums.get(name))

    def signature(self, name: str) -> Signature | None:
        return self.reads.note("signature", (name,), self.signatures.get(name) or self.standard.signatures.get(name))

    def entry_of(self, name: str) -> Entry:
        """Return the entry of what has a body: a function or a constant."""
        found = self.globals.get(name)
        return found.entry if found is not None else self.bodies[name][0]

    def recursive_alias(self, name: str) -> Type:
        """Return the type that a recursive alias names."""
        found = self.annotated_aliases.get(name) or self.standard.annotated_aliases.get(name) or ERROR
        found = bare(found)
        return self.reads.note("recursive_alias", (name,), found)

    @cached_property
    def panics(self) -> tuple[Type, ...]:
        """The classes of the machine's own errors."""
        known = (*self.classes, *self.standard.classes)
        return tuple(filter(is_panic, map(ClassType, known)))

    def method(self, class_name: str, name: str) -> Signature | None:
        return self.signature(f"{class_name}.{name}")

    def methods(self, class_name: str) -> list[str]:
        """Return the names of a class's methods."""
        count = len(self.signatures)
        if self._methods is None or self._methods[0] != count:
            found: dict[str, list[str]] = {}
            for name in (*self.signatures, *self.standard.signatures):
                owner, _, last = name.rpartition(".")
                found.setdefault(owner, []).append(last)
            self._methods = count, found
        return self._methods[1].get(class_name, [])

    def expand(self, type_: Type) -> Type:
        """Return a recursive alias replaced, once, by the type that it names; among the alternatives of a union too."""
        if type(type_) is AliasType:
            return self.expand(self.recursive_alias(type_.name))
        if type(type_) is UnionType and any(type(member) is AliasType for member in type_.members):
            return union(self.expand(member) for member in type_.members)
        return type_


def _members(info: ClassInfo | EnumInfo) -> _Members:
    if isinstance(info, EnumInfo):
        return _Members(info, None, {each.name: place for place, each in enumerate(info.variants)})
    fields = [(each.name, each.type) for each in info.fields]
    shape = fields, has_attribute(info.attributes, "dynamic")
    return _Members(info, shape, {name: place for place, (name, _) in enumerate(fields)})
