"""Enums and aliases of both kinds of Python client: their text, from what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from bamlvm.tools.generate.annotations import Annotations
from bamlvm.tools.generate.writing import description, docstring, quoted
from bamlvm.vm.program.declarations import EnumInfo
from bamlvm.vm.program.types import AliasType, walk

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime


def enum_text(info: EnumInfo, name: str, bases: str, hosts: Mapping[str, str]) -> str:
    """Return the text of an enum's class; ``hosts`` has the Python name of each variant."""
    text = f"class {name}({bases}):\n"
    text += docstring(description(info.attributes, info.doc), "    ")
    text += f"    __baml_name__ = {quoted(info.name)}\n\n"
    for variant in info.variants:
        text += f"    {hosts[variant.name]} = {quoted(variant.name)}\n"
        text += docstring(description(variant.attributes, variant.doc), "    ")
    return text


class Alias(NamedTuple):
    """An alias: its name in Python and the text of its type."""

    name: str
    text: str


class Aliases(NamedTuple):
    """A program's aliases in declared order: those that an alias refers to, which may be recursive, and the others."""

    referred: list[Alias]
    plain: list[Alias]


def aliases_of(runtime: Runtime, names: Mapping[str, str], annotations: Annotations) -> Aliases:
    """Return the aliases that a module writes; ``names`` has their Python names."""
    found = {name: type_ for name, type_ in runtime.engine.program.annotated_aliases.items() if name in names}
    referred = {part.name for type_ in found.values() for part in walk(type_) if isinstance(part, AliasType)}
    every = {name: Alias(names[name], annotations.text(type_)) for name, type_ in found.items()}
    return Aliases(
        [alias for name, alias in every.items() if name in referred],
        [alias for name, alias in every.items() if name not in referred],
    )


def plain_aliases(aliases: Aliases, annotation: str, written: Callable[[str], str]) -> list[str]:
    """Return the text of each alias that no other refers to; ``written`` makes the right side of its type's text."""
    return [f"{alias.name}: {annotation} = {written(alias.text)}\n" for alias in aliases.plain]
