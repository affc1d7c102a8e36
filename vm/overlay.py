"""A program's declarations with the types that one call adds to them.

An :class:`Overlay` is to sys-ops what the program is, a schema, and shares with it everything that it does not change:
classes, variants, tests of types.  The program itself never changes, so calls with and without additions run side by
side.  The machine runs the program's code: that code knows a class by its declared fields, which come first in an
overlay's class of the same name, and its methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import Additions, ClassInfo, EnumInfo, FieldInfo, VariantInfo, has_attribute
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import (
    PRIMITIVES,
    STRING,
    AliasType,
    ClassType,
    EnumType,
    LiteralType,
    MapType,
    Type,
    VariantType,
    bare,
    members,
    walk,
)
from bamlvm.vm.type_tests import Tester, tester
from bamlvm.vm.values import EnumValue, Instance, LoadedClass, Value, open_instance


class AdditionError(Exception):
    """Types that do not fit the program; the message says which, and what may be meant."""


class Overlay:
    """A program with additions.  ``changed`` are the names of classes and enums that the program has not, or has
    otherwise."""

    def __init__(self, program: Program, additions: Iterable[Additions]) -> None:
        """Raises :class:`AdditionError` for additions that do not fit the program or each other."""
        self.program = program
        self.signatures = program.signatures
        self.llm_functions = program.llm_functions
        self.clients = program.clients
        self.retry_policies = program.retry_policies
        self.templates = program.templates
        self.classes: dict[str, ClassInfo] = dict(program.classes)
        self.enums: dict[str, EnumInfo] = dict(program.enums)
        self.annotated_aliases: dict[str, Type] = dict(program.annotated_aliases)
        self._merge(additions)
        self.aliases = program.aliases
        if len(self.annotated_aliases) > len(program.annotated_aliases):
            self.aliases = {name: bare(type_) for name, type_ in self.annotated_aliases.items()}
        self.changed = frozenset(
            [name for name, info in self.classes.items() if program.classes.get(name) is not info]
            + [name for name, info in self.enums.items() if program.enums.get(name) is not info]
        )
        self._check()
        self._loaded: dict[str, LoadedClass] = {}
        self._declared: dict[str, LoadedClass] = {}  # without what was added to them
        self._variants: dict[str, dict[str, EnumValue]] = {}
        self._testers: dict[Type, Tester] = {}

    # --- merging ------------------------------------------------------------------------------------------------------

    def _merge(self, additions: Iterable[Additions]) -> None:
        for each in additions:
            for info in each.classes:
                self._add_class(info)
            for enum in each.enums:
                self._add_enum(enum)
            for name, type_ in each.annotated_aliases:
                if self.annotated_aliases.get(name) != type_:
                    self._refuse_taken(name)
                    self.annotated_aliases[name] = type_

    def _add_class(self, info: ClassInfo) -> None:
        known = self.classes.get(info.name)
        if known is None:
            self._refuse_taken(info.name)
            self.classes[info.name] = info
        elif info.name in self.program.classes:
            _demand_dynamic(known)
            fields: dict[str, FieldInfo] = {field.name: field for field in known.fields}
            for field in info.fields:
                old = fields.get(field.name)
                if old is not None and old.annotated != field.annotated:
                    raise AdditionError(f"{info.name}.{field.name} is there already, as {old.type}")
                fields[field.name] = field
            self.classes[info.name] = msgspec.structs.replace(
                known,
                fields=tuple(fields.values()),
                attributes=known.attributes + tuple(each for each in info.attributes if each not in known.attributes),
            )
        elif known != info:
            raise AdditionError(f"the class {info.name} is added twice, in different ways")

    def _add_enum(self, info: EnumInfo) -> None:
        known = self.enums.get(info.name)
        if known is None:
            self._refuse_taken(info.name)
            self.enums[info.name] = info
        elif info.name in self.program.enums:
            _demand_dynamic(known)
            variants: dict[str, VariantInfo] = {variant.name: variant for variant in known.variants}
            variants.update((variant.name, variant) for variant in info.variants)
            attributes = {each.name: each for each in (*known.attributes, *info.attributes)}
            self.enums[info.name] = msgspec.structs.replace(
                known, variants=tuple(variants.values()), attributes=tuple(attributes.values())
            )
        elif known != info:
            raise AdditionError(f"the enum {info.name} is added twice, in different ways")

    def _refuse_taken(self, name: str) -> None:
        tables: Mapping[str, Mapping[str, Any]] = {
            "a class": self.classes,
            "an enum": self.enums,
            "an alias": self.annotated_aliases,
            "a built-in type": PRIMITIVES,
        }
        for what, table in tables.items():
            if name in table:
                raise AdditionError(f"{name} is {what} already")

    # --- checking -----------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        for name in self.changed & self.classes.keys():
            for field in self.classes[name].fields:
                self._check_names(field.type, f"{name}.{field.name}")
        for name, type_ in self.annotated_aliases.items():
            if name not in self.program.annotated_aliases:
                self._check_names(type_, name)
        for name in self.changed & self.enums.keys():
            if not self.enums[name].variants:
                raise AdditionError(f"the enum {name} has no variants")
        self._check_cycles()

    def _check_names(self, type_: Type, where: str) -> None:
        """Raise :class:`AdditionError` for a name in a type that means nothing, and for keys that a map cannot have."""
        tables: Mapping[type, Mapping[str, Any]] = {
            ClassType: self.classes,
            EnumType: self.enums,
            AliasType: self.annotated_aliases,
        }
        for part in walk(type_):
            if isinstance(part, VariantType):
                info = self.enums.get(part.enum)
                if info is None or all(variant.name != part.variant for variant in info.variants):
                    raise AdditionError(f"{where}: unknown variant {part}")
            elif isinstance(part, ClassType | EnumType | AliasType) and part.name not in tables[type(part)]:
                hint = did_you_mean(part.name, [name for name in tables[type(part)] if "." not in name])
                raise AdditionError(f"{where}: unknown type {part.name}" + (f" ({hint})" if hint else ""))
            elif isinstance(part, MapType):
                for key in members(bare(part.key)):
                    is_text = isinstance(key, LiteralType) and isinstance(key.value, str)
                    if key != STRING and not is_text and not isinstance(key, EnumType | VariantType | AliasType):
                        raise AdditionError(f"{where}: a map's key is a string or an enum, not {key}")

    def _check_cycles(self) -> None:
        """Raise :class:`AdditionError` for a class whose values would need a value of itself."""
        done: set[str] = set()
        for start in sorted(self.changed & self.classes.keys()):
            path: dict[str, None] = {start: None}
            stack = [self._needed(start)] if start not in done else []
            while stack:
                following = next((name for name in stack[-1] if name not in done), None)
                if following is None:
                    stack.pop()
                    done.add(path.popitem()[0])
                elif following in path:
                    names = [*path]
                    cycle = " → ".join([*names[names.index(following) :], following])
                    raise AdditionError(f"no value of {following} can be made: {cycle} (make a field optional)")
                else:
                    path[following] = None
                    stack.append(self._needed(following))

    def _needed(self, name: str) -> list[str]:
        """Return the classes that every value of a class has a value of."""
        info = self.classes.get(name)
        return [field.type.name for field in info.fields if isinstance(field.type, ClassType)] if info else []

    # --- a schema -----------------------------------------------------------------------------------------------------

    def loaded_class(self, name: str) -> LoadedClass:
        """Return a class by qualified name, one object per overlay."""
        if name not in self.changed:
            return self.program.loaded_class(name)
        loaded = self._loaded.get(name)
        if loaded is None:
            loaded = LoadedClass(self.classes[name])
            if name in self.program.classes:
                loaded.methods = self.program.loaded_class(name).methods
            loaded = self._loaded.setdefault(name, loaded)
        return loaded

    def new_instance(self, class_name: str, fields: Mapping[str, Value]) -> Instance:
        """Return an instance of a class by qualified name; fields left out are null."""
        if class_name not in self.changed:
            return self.program.new_instance(class_name, fields)
        cls = self.loaded_class(class_name)
        values: list[Value] = [None] * len(cls.field_names)
        for name, value in fields.items():
            values[cls.index[name]] = value
        return Instance(cls, values)

    def open_instance(self, class_name: str, fields: Mapping[str, Value]) -> Instance:
        """Return an instance of a ``@@dynamic`` class: of the fields that the program declares, and of others given.

        Prompts print the others by their names, not their aliases, as the official runtime does.
        """
        known = {field.name: field for field in self.classes[class_name].fields}
        unnamed = {
            name: msgspec.structs.replace(
                field, attributes=tuple(each for each in field.attributes if each.name != "alias")
            )
            for name, field in known.items()
        }
        declared = self._declared.get(class_name)
        if declared is None:
            names = self.program.loaded_class(class_name).field_names if class_name in self.program.classes else known
            info = msgspec.structs.replace(self.classes[class_name], fields=tuple(known[name] for name in names))
            declared = LoadedClass(info)
            declared.methods = self.loaded_class(class_name).methods
            declared = self._declared.setdefault(class_name, declared)
        return open_instance(declared, fields, unnamed)

    def enum_value(self, enum: str, variant: str) -> EnumValue:
        """Return a variant, always the same object; the program's own are the program's."""
        if enum not in self.changed:
            return self.program.enum_value(enum, variant)
        variants = self._variants.get(enum)
        if variants is None:
            declared = {each.name for each in self.program.enums[enum].variants} if enum in self.program.enums else ()
            made = {
                info.name: (
                    self.program.enum_value(enum, info.name)
                    if info.name in declared
                    else EnumValue(enum, info.name, place)
                )
                for place, info in enumerate(self.enums[enum].variants)
            }
            variants = self._variants.setdefault(enum, made)
        return variants[variant]

    def tester(self, type_: Type) -> Tester:
        """Return the test of whether a value is of a type."""
        if self.aliases is self.program.aliases:
            return self.program.tester(type_)
        found = self._testers.get(type_)
        if found is None:
            found = self._testers[type_] = tester(type_, self.aliases)
        return found


def _demand_dynamic(info: ClassInfo | EnumInfo) -> None:
    if not has_attribute(info.attributes, "dynamic"):
        kind = "class" if isinstance(info, ClassInfo) else "enum"
        raise AdditionError(
            f"the {kind} {info.name} is not dynamic: nothing can be added to it (write `@@dynamic` in the source)"
        )
