"""``ctx.output_format``: the return type, described to the model.

The wording is the official runtime's ("ctx.output_format" in its documents), checked against it.  A description is a
*prefix* (``Answer as an ``), hoisted definitions above it, and the type itself.  Enums whose variants are described, or
that have more than six, are hoisted; others stand in place as ``'A' or 'B'``.

Classes, lists, maps and unions of other things come with structured output: :func:`describe` is where they will join.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bamlvm.sysops.prompts.views import alias_of, attribute_text
from bamlvm.vm.program import EnumInfo
from bamlvm.vm.templates import OUTPUT_FORMAT_OPTIONS
from bamlvm.vm.types import BOOL, FLOAT, INT, NULL, STRING, EnumType, LiteralType, Type, UnionType, VariantType, render

INLINE_LIMIT: Final = 6
"""An enum of more variants than this is hoisted."""


@dataclass(frozen=True, slots=True)
class Options:
    """The keywords of ``ctx.output_format(…)``; ``prefix`` is absent where the template gave none."""

    prefix: str | None = None
    has_prefix: bool = False
    or_splitter: str = " or "
    always_hoist_enums: bool = False
    enum_value_prefix: str = "- "


@dataclass(frozen=True, slots=True)
class Description:
    """A described type: its default prefix, the definitions above, and its own text."""

    prefix: str
    hoisted: tuple[str, ...]
    text: str


class OutputFormat:
    """``ctx.output_format``: prints as the description, and can be called with :data:`OUTPUT_FORMAT_OPTIONS`."""

    def __init__(self, type_: Type, enums: Callable[[str], EnumInfo]) -> None:
        self._type = type_
        self._enums = enums

    def __str__(self) -> str:
        return self._render(Options())

    def __call__(self, **keywords: Any) -> str:
        """Raises :class:`TypeError` for a keyword that is none."""
        for name in keywords:
            if name not in OUTPUT_FORMAT_OPTIONS:
                known_names = ", ".join(OUTPUT_FORMAT_OPTIONS)
                raise TypeError(f"ctx.output_format() has no option {name!r}; there are {known_names}")
        known = {name: value for name, value in keywords.items() if name in Options.__dataclass_fields__}
        return self._render(Options(**known, has_prefix="prefix" in keywords))

    def _render(self, options: Options) -> str:
        description = describe(self._type, self._enums, options)
        if not options.has_prefix:
            if self._type == STRING:
                return ""
            prefix = description.prefix
        elif options.prefix:
            prefix = options.prefix
        else:
            prefix = ""
            if self._type == STRING:
                return ""
        return "\n\n".join((*description.hoisted, prefix + description.text))


def describe(type_: Type, enums: Callable[[str], EnumInfo], options: Options) -> Description:
    """The description of a type.  Raises :class:`TypeError` for one that cannot be described yet."""
    if isinstance(type_, EnumType):
        return Description("Answer with any of the categories:\n", (), definition(enums(type_.name), options))
    if type_ in (STRING, INT, FLOAT, BOOL):
        article = "an" if type_ == INT else "a"
        return Description(f"Answer as {article} ", (), render(type_))
    if type_ == NULL:
        return Description("Answer ONLY with null:\n", (), "null")
    if isinstance(type_, (LiteralType, VariantType)):
        return Description("Answer using this specific value:\n", (), _inline(type_, enums, options, []))
    if isinstance(type_, UnionType):
        hoisted: list[str] = []
        members = [member for member in type_.members if member != NULL]
        parts = [_inline(member, enums, options, hoisted) for member in members]
        if len(members) < len(type_.members):
            parts.append("null")
        schemas = "this schema" if len(members) == 1 else "any of these schemas"
        return Description(f"Answer in JSON using {schemas}:\n", tuple(hoisted), options.or_splitter.join(parts))
    raise TypeError(f"the type {render(type_)} cannot be described to a model yet")


def _inline(type_: Type, enums: Callable[[str], EnumInfo], options: Options, hoisted: list[str]) -> str:
    """A type inside another; an enum to be hoisted is added to ``hoisted`` and named."""
    if isinstance(type_, LiteralType):
        return json.dumps(type_.value, ensure_ascii=False)
    if isinstance(type_, VariantType):
        return f"'{_variant_names(enums(type_.enum))[type_.variant]}'"
    if isinstance(type_, EnumType):
        info = enums(type_.name)
        if options.always_hoist_enums or _is_described(info) or len(variant_aliases(info)) > INLINE_LIMIT:
            text = definition(info, options)
            if text not in hoisted:
                hoisted.append(text)
            return enum_alias(info)
        return options.or_splitter.join(f"'{alias}'" for alias in variant_aliases(info).values())
    if type_ in (STRING, INT, FLOAT, BOOL, NULL):
        return render(type_)
    raise TypeError(f"the type {render(type_)} cannot be described to a model yet")


def definition(info: EnumInfo, options: Options) -> str:
    """An enum's definition: its name, a line, and its variants with their descriptions."""
    lines = [enum_alias(info), "----"]
    aliases = variant_aliases(info)
    for variant in info.variants:
        if variant.name in aliases:
            description = attribute_text(variant.attributes, "description")
            suffix = f": {description}" if description else ""
            lines.append(f"{options.enum_value_prefix}{aliases[variant.name]}{suffix}")
    return "\n".join(lines)


def enum_alias(info: EnumInfo) -> str:
    """What the model is told an enum is called."""
    return alias_of(info.attributes) or info.name.rpartition(".")[2]


def variant_aliases(info: EnumInfo) -> dict[str, str]:
    """What the model is told each variant is called, by variant; without those marked ``@skip``."""
    skipped = {variant.name for variant in info.variants if any(mark.name == "skip" for mark in variant.attributes)}
    return {name: alias for name, alias in _variant_names(info).items() if name not in skipped}


def _variant_names(info: EnumInfo) -> dict[str, str]:
    return {variant.name: alias_of(variant.attributes) or variant.name for variant in info.variants}


def _is_described(info: EnumInfo) -> bool:
    return any(attribute_text(variant.attributes, "description") for variant in info.variants)
