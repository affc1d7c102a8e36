"""``ctx.output_format``: the return type, described to the model.

The wording is the official runtime's ("ctx.output_format" in its documents), held against what it renders.  A
description is, with blank lines between them, the definitions of what it refers to by name (enums, then classes, then
recursive aliases), and a *prefix* (``Answer as an ``) with the type itself::

    Node {                                  a class that leads back to itself is defined above
      value: int,
      next: Node or null,
    }

    Answer in JSON using this schema:       the prefix depends on the kind of the type
    {
      // the list's first node              a field's @description, line by line
      head: Node or null,
      kind: 'open' or 'closed',             an enum in place, by its variants' aliases
    }

Enums whose variants are described, or that have more than six, are defined above; which classes are, beside the
recursive ones, ``hoist_classes`` says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from bamlvm.sysops.prompts.views import alias_of
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, attribute_text, has_attribute
from bamlvm.vm.program.prompt_names import OUTPUT_FORMAT_OPTIONS, fits_option
from bamlvm.vm.program.reach import Declarations, Found, find, shown_fields
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariantType,
    members,
    render,
)

INLINE_LIMIT: Final = 6
"""An enum of more variants than this is defined above."""

_SHORT: Final = 15
"""A list of an enum stands on one line if the enum is no longer than this."""

_KEPT: Final = 256
"""How many descriptions are kept."""

_LONGEST: Final = 1_000_000
"""The longest text of a class's fields, in characters."""

_PRIMITIVES: Final = (STRING, INT, FLOAT, BOOL, NULL)


@dataclass(frozen=True, slots=True)
class Options:
    """The keywords of ``ctx.output_format(…)``; ``has_prefix`` where the template gave one, if only ``none``."""

    prefix: str | None = None
    has_prefix: bool = False
    or_splitter: str = " or "
    always_hoist_enums: bool = False
    enum_value_prefix: str | None = "- "
    hoist_classes: str | bool | tuple[str, ...] = "auto"
    hoisted_class_prefix: str | None = None
    map_style: str = "angle"
    quote_class_fields: bool = False
    render_null_as: str = "null"


_USUAL: Final = Options()


class OutputFormat:
    """``ctx.output_format``: prints as the description, and can be called with :data:`OUTPUT_FORMAT_OPTIONS`.

    Unless it is ``shown`` it is empty, called or not, and false in a condition.
    """

    def __init__(self, type_: Type, declared: Declarations, shown: bool = True) -> None:
        self._type = type_
        self._declared = declared
        self._shown = shown

    def __bool__(self) -> bool:
        return self._shown

    def __str__(self) -> str:
        return described(self._type, self._declared, _USUAL) if self._shown else ""

    def __call__(self, *values: Any, **keywords: Any) -> str:
        """Render it.  Raise :class:`TypeError` for an unknown keyword or a value that the keyword does not take."""
        known = ", ".join(OUTPUT_FORMAT_OPTIONS)
        if values:
            raise TypeError(f"ctx.output_format() takes its options by name; there are {known}")
        for name, value in keywords.items():
            if name not in OUTPUT_FORMAT_OPTIONS:
                raise TypeError(f"ctx.output_format() has no option {name!r}; there are {known}")
            if not fits_option(name, value):
                raise TypeError(f"ctx.output_format({name}=…) takes {OUTPUT_FORMAT_OPTIONS[name]}")
        if isinstance(keywords.get("hoist_classes"), list):
            keywords["hoist_classes"] = tuple(keywords["hoist_classes"])
        options = Options(**keywords, has_prefix="prefix" in keywords)
        return described(self._type, self._declared, options) if self._shown else ""


def described(type_: Type, declared: Declarations, options: Options) -> str:
    """Return what :func:`describe` does, made once for a type and options; raises the same."""
    key = type_, options
    found = declared.texts.get(key)
    if found is None:
        if len(declared.texts) >= _KEPT:  # a template may make options of its arguments
            declared.texts.clear()
        found = declared.texts[key] = describe(type_, declared, options)
    return found


def describe(type_: Type, declared: Declarations, options: Options) -> str:
    """Return the description of a type, empty for ``string``.

    Raises :class:`TypeError` for a type that no text can be read as (media, functions), and for a class to be hoisted
    that is not in it.
    """
    writer = _Writer(find(type_, declared), declared, options)
    return "" if type_ == STRING and options.prefix is None else writer.whole(type_)


class _Writer:
    """Writes one description."""

    def __init__(self, found: Found, declared: Declarations, options: Options) -> None:
        self._found = found
        self._declared = declared
        self._options = options
        self._classes = self._hoisted_classes()
        self._written: dict[str, str] = {}  # the fields of each class: two that name the next one twice make four

    def _hoisted_classes(self) -> tuple[str, ...]:
        hoist = self._options.hoist_classes
        if isinstance(hoist, tuple):
            short = {name.rpartition(".")[2]: name for name in reversed(self._found.classes)}
            for name in hoist:
                if name not in short and name not in self._found.classes:
                    there = f"; there are {', '.join(short)}" if short else ""
                    raise TypeError(f"ctx.output_format() cannot hoist {name!r}: the type has no such class{there}")
            return tuple(dict.fromkeys((*self._found.recursive, *(short.get(name, name) for name in hoist))))
        if hoist is True:
            return tuple(dict.fromkeys((*self._found.recursive, *self._found.classes)))
        return self._found.recursive

    def whole(self, type_: Type) -> str:
        """Return definitions, prefix and type."""
        if isinstance(type_, EnumType):
            enums: list[str] = []
            text = definition(self._declared.enums[type_.name], self._options)
        else:
            enums = [name for name in self._found.enums if self._is_hoisted(self._declared.enums[name])]
            text = self._text(type_)
        parts = [definition(self._declared.enums[name], self._options) for name in enums]
        parts += [self._definition(name, self._fields(self._declared.classes[name])) for name in self._classes]
        if self._found.aliases:
            parts.append("\n".join(self._alias(name) for name in self._found.aliases))
        prefix = self._options.prefix or "" if self._options.has_prefix else self._prefix(type_)
        return "\n\n".join((*parts, prefix + text))

    def _prefix(self, type_: Type) -> str:
        schema = self._options.hoisted_class_prefix or "schema"
        match type_:
            case EnumType():
                return "Answer with any of the categories:\n"
            case ClassType(name):
                return f"Answer in JSON using this {schema}:{' ' if name in self._classes else chr(10)}"
            case AliasType():
                return f"Answer in JSON using this {schema}: "
            case ListType():
                return "Answer with a JSON Array using this schema:\n"
            case UnionType(parts) if len(parts) - (NULL in parts) > 1:
                return "Answer in JSON using any of these schemas:\n"
            case UnionType() | MapType():
                return "Answer in JSON using this schema:\n"
            case LiteralType() | VariantType():
                return "Answer using this specific value:\n"
            case _ if type_ == NULL:
                return f"Answer ONLY with {self._options.render_null_as}:\n"
            case _:
                return f"Answer as {'an' if type_ == INT else 'a'} "

    def _text(self, type_: Type) -> str:
        """Return a type in its place: its name if it is defined above."""
        options = self._options
        match type_:
            case ClassType(name) if name in self._declared.classes:
                return _short(name) if name in self._classes else self._fields(self._declared.classes[name])
            case EnumType(name):
                info = self._declared.enums[name]
                if self._is_hoisted(info):
                    return enum_alias(info)
                return options.or_splitter.join(f"'{alias}'" for alias in variant_aliases(info).values())
            case AliasType(name):
                return _short(name)
            case LiteralType(value):
                return json.dumps(value, ensure_ascii=False)
            case VariantType(enum, variant):
                return f"'{_variant_names(self._declared.enums[enum])[variant]}'"
            case ListType(item):
                return self._list(item)
            case MapType(key, value):
                shape = "{%s: %s}" if options.map_style == "object" else "map<%s, %s>"
                return shape % (self._text(key), self._text(value))
            case UnionType(parts):
                texts = [self._text(part) for part in parts if part != NULL]
                return options.or_splitter.join(texts + [options.render_null_as] * (NULL in parts))
            case _ if type_ == NULL:
                return options.render_null_as
            case _ if type_ in _PRIMITIVES:
                return render(type_)
            case _:
                raise TypeError(f"a value of type {render(type_)} cannot be read from a model's text")

    def _list(self, item: Type) -> str:
        text = self._text(item)
        match item:
            case UnionType():
                in_place = _has_primitive(item)
                text = f"({text})" if in_place else text
            case EnumType() | VariantType():
                in_place = len(text) <= _SHORT
            case ClassType(name):
                in_place = name in self._classes
            case _:
                in_place = isinstance(item, AliasType) or item in _PRIMITIVES
        return f"{text}[]" if in_place else f"[\n  {_indented(text)}\n]"

    def _fields(self, info: ClassInfo) -> str:
        """Return a class's fields in braces.  Raise :class:`TypeError` for too long a text."""
        if info.name in self._written:
            return self._written[info.name]
        lines = []
        size = 0
        about = attribute_text(info.attributes, "description")
        if about:
            lines += [*_comment(about), ""]
        for field in shown_fields(info):
            description = attribute_text(field.attributes, "description")
            if description is not None:
                lines += _comment(description)
            name = alias_of(field.attributes) or field.name
            label = f'"{name}"' if self._options.quote_class_fields else name
            lines.append(f"  {label}: {_indented(self._text(field.type))},")
            size += len(lines[-1])
            if size > _LONGEST:
                raise TypeError(
                    f"ctx.output_format of {_short(info.name)} is longer than {_LONGEST} characters; "
                    "ctx.output_format(hoist_classes=true) writes each class once"
                )
        text = self._written[info.name] = "\n".join(("{", *lines, "}"))
        return text

    def _definition(self, name: str, text: str) -> str:
        prefix = self._options.hoisted_class_prefix
        return f"{prefix} {_short(name)} {text}" if prefix else f"{_short(name)} {text}"

    def _alias(self, name: str) -> str:
        return self._definition(name, "= " + self._text(self._declared.aliases[name]))

    def _is_hoisted(self, info: EnumInfo) -> bool:
        return (
            self._options.always_hoist_enums
            or any(attribute_text(variant.attributes, "description") for variant in info.variants)
            or len(variant_aliases(info)) > INLINE_LIMIT
        )


def _has_primitive(type_: Type) -> bool:
    """Whether a union has a primitive, or a list of them, among its members: then it is short enough for a line."""
    return any(
        member in _PRIMITIVES or (isinstance(member, ListType) and _has_primitive(member.item))
        for member in members(type_)
    )


def _comment(text: str) -> list[str]:
    return [f"  // {line}" for line in text.split("\n")]


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def definition(info: EnumInfo, options: Options) -> str:
    """Return an enum's definition: its name, a line, and its variants with their descriptions."""
    lines = [enum_alias(info), "----"]
    aliases = variant_aliases(info)
    for variant in info.variants:
        if variant.name in aliases:
            description = attribute_text(variant.attributes, "description")
            suffix = f": {_indented(description)}" if description else ""
            lines.append(f"{options.enum_value_prefix or ''}{aliases[variant.name]}{suffix}")
    return "\n".join(lines)


def enum_alias(info: EnumInfo) -> str:
    """Return the name of an enum in prompts."""
    return alias_of(info.attributes) or _short(info.name)


def variant_aliases(info: EnumInfo) -> dict[str, str]:
    """Return the name of each variant in prompts, by variant, without those marked ``@skip``."""
    skipped = {variant.name for variant in info.variants if has_attribute(variant.attributes, "skip")}
    return {name: alias for name, alias in _variant_names(info).items() if name not in skipped}


def _variant_names(info: EnumInfo) -> dict[str, str]:
    return {variant.name: alias_of(variant.attributes) or variant.name for variant in info.variants}
