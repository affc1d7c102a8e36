"""Whether a value that is written as configuration fits a type, as the host checks it (:mod:`bamlvm.values.arguments`).

An int is accepted as a float, a variant's name as the variant, a block as a class, a map or media, and ``{ file "…" }``
as a string.  A value that is known only when the program runs (``env.X``, ``{{ … }}``) fits wherever a string may.
"""

from __future__ import annotations

from typing import NamedTuple

from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax
from bamlvm.vm.program.declarations import EnumInfo, has_attribute
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    MEDIA,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    VariantType,
    members,
)

_MEDIA_KEYS = frozenset({"file", "url", "base64", "media_type"})


class Misfit(NamedTuple):
    """A value that does not fit; ``near`` if it is of the right kind and only a part of it does not."""

    value: syntax.Node
    message: str
    near: bool = False
    hint: str | None = None


def misfit_of(value: syntax.ConfigValue, type_: Type, path: str, symbols: Symbols) -> Misfit | None:
    """Return the part of ``value`` that does not fit, or None; ``path`` is what messages call the value."""
    tried = [_single(value, part, path, symbols) for part in members(symbols.expand(type_))]
    if None in tried or not tried:
        return None
    near = [each for each in tried if each is not None and each.near]
    if len(near) == 1 or len(tried) == 1:
        return near[0] if near else tried[0]
    return Misfit(value, f"`{path}` is to be `{type_}`, not {_shown(value)}")


def _single(value: syntax.ConfigValue, type_: Type, path: str, symbols: Symbols) -> Misfit | None:
    misfit = Misfit(value, f"`{path}` is to be `{type_}`, not {_shown(value)}")
    if type_ == UNKNOWN or isinstance(value, syntax.ConfigExpression):
        return None
    if isinstance(type_, Primitive) and type_.name in MEDIA:
        if isinstance(value, syntax.ConfigBlock) and {entry.key for entry in value.entries} <= _MEDIA_KEYS:
            return None
        return misfit._replace(hint='write `{ url "…" }`, `{ file "…" }` or `{ base64 "…"  media_type "…" }`')
    if type_ == Primitive("string") and isinstance(value, syntax.ConfigBlock):
        return None if [entry.key for entry in value.entries] == ["file"] else misfit  # the text in a file
    match value, type_:
        case syntax.ConfigList(), ListType(item):
            for place, each in enumerate(value.items):
                inner = misfit_of(each, item, f"{path}[{place}]", symbols)
                if inner is not None:
                    return inner._replace(near=True)
            return None
        case syntax.ConfigBlock(), MapType(_, item):
            for entry in value.entries:
                inner = misfit_of(entry.value, item, f"{path}.{entry.key}", symbols)
                if inner is not None:
                    return inner._replace(near=True)
            return None
        case syntax.ConfigBlock(), ClassType(name):
            return _class_misfit(value, name, path, symbols)
        case syntax.ConfigEnv(), _:
            text = type_ == STRING or isinstance(type_, EnumType | VariantType)
            return None if text or (isinstance(type_, LiteralType) and isinstance(type_.value, str)) else misfit
        case syntax.ConfigScalar(), _:
            return _scalar_misfit(value, type_, path, symbols, misfit)
        case _:
            return misfit


def _class_misfit(value: syntax.ConfigBlock, name: str, path: str, symbols: Symbols) -> Misfit | None:
    info = symbols.class_(name)
    if info is None:
        return None
    fields = {field.name: field.type for field in info.fields}
    given = {entry.key for entry in value.entries}
    for entry in value.entries:
        if entry.key in fields:
            inner = misfit_of(entry.value, fields[entry.key], f"{path}.{entry.key}", symbols)
            if inner is not None:
                return inner._replace(near=True)
        elif not has_attribute(info.attributes, "dynamic"):
            at = syntax.ConfigScalar(entry.start, entry.key_end, entry.key)
            hint = did_you_mean(entry.key, fields)
            return Misfit(at, f"`{path}`: `{name}` has no field `{entry.key}`", bool(given & fields.keys()), hint)
    missing = [f"`{each}`" for each, type_ in fields.items() if each not in given and not takes_null(type_, symbols)]
    if missing:
        return Misfit(value, f"`{path}`: `{name}` is missing {', '.join(missing)}", bool(given & fields.keys()))
    return None


def _scalar_misfit(
    value: syntax.ConfigScalar, type_: Type, path: str, symbols: Symbols, misfit: Misfit
) -> Misfit | None:
    written = value.value
    match type_:
        case LiteralType(expected):
            fits = type(written) is type(expected) and written == expected
        case EnumType(name) | VariantType(name, _):
            info = symbols.enum(name)
            if not isinstance(written, str) or info is None:
                return misfit
            known = [each.name for each in info.variants] if isinstance(type_, EnumType) else [type_.variant]
            if written in known or has_attribute(info.attributes, "dynamic"):
                return None
            hint = did_you_mean(written, known) or _some(info)
            return Misfit(value, f"`{path}`: `{name}` has no variant `{written}`", True, hint)
        case _:
            kinds: dict[type, tuple[Type, ...]] = {
                str: (STRING,),
                bool: (BOOL, STRING),
                int: (INT, FLOAT, STRING),
                float: (FLOAT, STRING),
                type(None): (NULL,),
            }
            fits = type_ in kinds[type(written)]
    if fits:
        return None
    return misfit


def _some(info: EnumInfo) -> str | None:
    names = [f"`{each.name}`" for each in info.variants]
    return f"it has {', '.join(names)}" if 0 < len(names) <= 12 else None


def takes_null(type_: Type, symbols: Symbols) -> bool:
    """Whether null is of a type."""
    parts = members(symbols.expand(type_))
    return NULL in parts or UNKNOWN in parts


def _shown(value: syntax.ConfigValue) -> str:
    match value:
        case syntax.ConfigScalar(value=str(text)):
            return f"`{text}`" if not value.quoted else "a string"
        case syntax.ConfigScalar(value=None):
            return "null"
        case syntax.ConfigScalar(value=found):
            return f"`{str(found).lower() if isinstance(found, bool) else found}`"
        case syntax.ConfigList():
            return "a list"
        case syntax.ConfigEnv(name=name):
            return f"the text of `env.{name}`"
        case _:
            return "a block"
