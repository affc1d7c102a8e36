"""What a program declares: classes, enums, signatures, tests and generators, with their attributes; and the types that
calls and tests add to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from bamlvm.vm.program.types import Attribute as Attribute
from bamlvm.vm.program.types import Type, bare

ConfigValue: TypeAlias = Any
"""Client options: strings, numbers, booleans, lists and string-keyed dicts; ``env.X`` is
:func:`environment_reference`."""


def has_attribute(attributes: Iterable[Attribute], name: str) -> bool:
    """Whether one of the attributes has this name."""
    return any(attribute.name == name for attribute in attributes)


def attribute_text(attributes: Iterable[Attribute], name: str) -> str | None:
    """Return the first argument of the attribute ``name`` as text; None if there is no such attribute or argument."""
    for attribute in attributes:
        if attribute.name == name and attribute.arguments:
            return str(attribute.arguments[0])
    return None


class FieldInfo(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """A field; ``annotated`` is its type with the attributes written inside it."""

    name: str
    annotated: Type
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""

    @cached_property
    def type(self) -> Type:
        """The type without attributes: ``annotated`` itself if it has none."""
        return bare(self.annotated)


class ClassInfo(msgspec.Struct, frozen=True, array_like=True):
    """A class: its fields in declared order (an instance stores their values by this index).

    Only classes of the standard library have type parameters.
    """

    name: str
    fields: tuple[FieldInfo, ...]
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""
    type_parameters: tuple[str, ...] = ()


class VariantInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class EnumInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    variants: tuple[VariantInfo, ...]
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class Parameter(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """A parameter; ``annotated`` is its type with the attributes written in it."""

    name: str
    annotated: Type
    has_default: bool = False

    @cached_property
    def type(self) -> Type:
        """The type without attributes: ``annotated`` itself if it has none."""
        return bare(self.annotated)


Kind: TypeAlias = Literal["function", "llm", "native", "sysop", "template"]


class Signature(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """A callable as its callers see it.  ``kind`` says what a call of it compiles to; ``throws`` is declared or
    inferred; ``annotated`` is the result's type with the attributes written in it."""

    name: str
    kind: Kind
    parameters: tuple[Parameter, ...]
    annotated: Type
    throws: Type
    type_parameters: tuple[str, ...] = ()
    doc: str = ""

    @cached_property
    def result(self) -> Type:
        """The result's type without attributes: ``annotated`` itself if it has none."""
        return bare(self.annotated)

    def __str__(self) -> str:
        """Render the signature on one line: ``f(a: int, b: string = …) -> string``."""
        shown = [f"{each.name}: {each.type}{' = …' if each.has_default else ''}" for each in self.parameters]
        return f"{self.name}({', '.join(shown)}) -> {self.result}"


class Additions(msgspec.Struct, frozen=True, array_like=True):
    """Types that a call, or a test, adds to its program; ``annotated_aliases`` are pairs of a name and its type.

    A class or an enum whose name the program declares adds to that one, which must be ``@@dynamic``: its fields
    (variants) come behind those declared, and one that is declared already takes the place of that declaration, with
    other attributes.  Any other name is a new type.
    """

    classes: tuple[ClassInfo, ...] = ()
    enums: tuple[EnumInfo, ...] = ()
    annotated_aliases: tuple[tuple[str, Type], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.classes or self.enums or self.annotated_aliases)


NO_ADDITIONS: Final = Additions()


class TestInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``test``: the functions that it calls, each with ``arguments``, and the assertions about their results.

    ``constraints`` are its ``@@assert``s and ``@@check``s in written order.  ``line`` counts from 0.  ``types`` are
    those of its ``type_builder``.
    """

    __test__ = False  # else pytest collects it as a class of tests

    name: str
    functions: tuple[str, ...]
    arguments: dict[str, ConfigValue]
    constraints: tuple[Attribute, ...]
    file: str
    line: int
    types: Additions = NO_ADDITIONS


class GeneratorInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``generator``: its properties, and the file that declares it (``output_dir`` is relative to that)."""

    name: str
    properties: dict[str, ConfigValue]
    file: str


class Declared(Protocol):
    """The part of a program that types refer to, by qualified name; ``aliases`` are without attributes."""

    @property
    def classes(self) -> Mapping[str, ClassInfo]: ...

    @property
    def enums(self) -> Mapping[str, EnumInfo]: ...

    @property
    def aliases(self) -> Mapping[str, Type]: ...


def environment_reference(name: str) -> dict[str, str]:
    """Return ``env.NAME`` as it is written inside client options."""
    return {"$env": name}


def referenced_environment(value: ConfigValue) -> str | None:
    """Return the variable's name if ``value`` is an environment reference, else None."""
    if isinstance(value, dict) and len(value) == 1:
        name = value.get("$env")
        return name if isinstance(name, str) else None
    return None
