"""Actions for lists, dotted names, types, attributes and configuration values."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bamlvm.grammar.actions.context import ActionContext
from bamlvm.grammar.syntax import (
    Attribute,
    AttributedTypeExpr,
    ConfigBlock,
    ConfigEntry,
    ConfigEnv,
    ConfigExpression,
    ConfigList,
    ConfigScalar,
    ConfigValue,
    FunctionTypeExpr,
    ListTypeExpr,
    LiteralTypeExpr,
    MapTypeExpr,
    NamedType,
    OptionalTypeExpr,
    TypeExpr,
    UnionTypeExpr,
)
from bamlvm.grammar.tokens import Token

MAX_PATH: Final = 100
"""The most names that a dotted name may have; one that has more is refused (E0010)."""

WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


class LongPathError(Exception):
    """A dotted name has more than MAX_PATH names.  Carries its range."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class DottedName(msgspec.Struct, frozen=True, gc=False):
    """A dotted name: its text, its range, and where each of its names begins."""

    text: str
    start: int
    end: int
    starts: tuple[int, ...]


_BASES: Final = {"0x": 16, "0o": 8, "0b": 2}


def integer(text: str) -> int:
    """Return the value of an integer literal, which may have a prefix (`0x 0o 0b`) and `_` between its digits.

    Of one with more than 80 digits behind its zeros, which is out of range whatever they are, the first 80 are read.
    """
    digits = text.replace("_", "").lower()
    base = _BASES.get(digits[:2], 10)
    return int((digits if base == 10 else digits[2:]).lstrip("0")[:80] or "0", base)


# --- lists and plumbing


def nothing(c: ActionContext) -> list[Any]:
    return []


def none(c: ActionContext) -> None:
    return None


def first(c: ActionContext, value: Any) -> list[Any]:
    return [value]


def pair(c: ActionContext, left: Any, _comma: Token, right: Any) -> list[Any]:
    return [left, right]


def append(c: ActionContext, values: list[Any], _comma: Token, value: Any) -> list[Any]:
    values.append(value)
    return values


def extend(c: ActionContext, values: list[Any], value: Any, _comma: Token | None = None) -> list[Any]:
    values.append(value)
    return values


def extend_middle(c: ActionContext, values: list[Any], _open: Token, value: Any, _close: Token) -> list[Any]:
    values.append(value)
    return values


def left(c: ActionContext, value: Any, _end: Token) -> Any:
    return value


def right(c: ActionContext, _start: Token, value: Any) -> Any:
    return value


def middle(c: ActionContext, _open: Token, value: Any, _close: Token) -> Any:
    return value


def middle_of_named(c: ActionContext, _name: Token, _colon: Token, value: Any) -> Any:
    return value


def path(c: ActionContext, name: Token) -> DottedName:
    return DottedName(name.text, name.start, name.end, (name.start,))


def path_append(c: ActionContext, path: DottedName, _dot: Token, name: Token) -> DottedName:
    if len(path.starts) >= MAX_PATH:
        raise LongPathError(path.start, name.end)
    return DottedName(f"{path.text}.{name.text}", path.start, name.end, (*path.starts, name.start))


# --- types


def union(c: ActionContext, members: list[TypeExpr]) -> TypeExpr:
    """Build a union; parentheses around its beginning are dropped: ``(A | B) | C`` has three members."""
    first = members[0]
    start, end = first.start, members[-1].end
    if type(first) is UnionTypeExpr:
        members[:1] = first.members
    return UnionTypeExpr(start, end, tuple(members))


def annotated(c: ActionContext, item: TypeExpr, attributes: list[Attribute]) -> TypeExpr:
    return AttributedTypeExpr(item.start, attributes[-1].end, item, tuple(attributes))


def list_type(c: ActionContext, item: TypeExpr, _open: Token, close: Token) -> TypeExpr:
    return ListTypeExpr(item.start, close.end, item)


def optional_type(c: ActionContext, item: TypeExpr, mark: Token) -> TypeExpr:
    return OptionalTypeExpr(item.start, mark.end, item)


def generic_type(
    c: ActionContext, path: DottedName, _less: Token, arguments: list[TypeExpr], greater: Token
) -> TypeExpr:
    return NamedType(path.start, greater.end, path.text, tuple(arguments))


def named_type(c: ActionContext, path: DottedName) -> TypeExpr:
    return NamedType(path.start, path.end, path.text)


def map_type(
    c: ActionContext, start: Token, _less: Token, key: TypeExpr, _comma: Token, value: TypeExpr, greater: Token
) -> TypeExpr:
    return MapTypeExpr(start.start, greater.end, key, value)


def string_type(c: ActionContext, token: Token) -> TypeExpr:
    return LiteralTypeExpr(token.start, token.end, c.unquote(token))


def int_type(c: ActionContext, token: Token) -> TypeExpr:
    return LiteralTypeExpr(token.start, token.end, integer(token.text))


def negative_type(c: ActionContext, minus: Token, token: Token) -> TypeExpr:
    return LiteralTypeExpr(minus.start, token.end, -integer(token.text))


def word_type(c: ActionContext, token: Token) -> TypeExpr:
    value = WORDS[token.text]
    if value is None:
        return NamedType(token.start, token.end, "null")
    return LiteralTypeExpr(token.start, token.end, value)


def group_type(c: ActionContext, start: Token, type_: TypeExpr, end: Token) -> TypeExpr:
    return msgspec.structs.replace(type_, start=start.start, end=end.end)


def returns(c: ActionContext, _arrow: Token, type_: TypeExpr) -> tuple[TypeExpr, TypeExpr | None, int]:
    return type_, None, type_.end


def returns_throws(
    c: ActionContext, _arrow: Token, type_: TypeExpr, _throws: Token, error_: TypeExpr
) -> tuple[TypeExpr, TypeExpr | None, int]:
    return type_, error_, error_.end


def function_type(
    c: ActionContext,
    start: Token,
    parameters: list[TypeExpr],
    _close: Token,
    returns: tuple[TypeExpr, TypeExpr | None, int],
) -> TypeExpr:
    result, throws, end = returns
    return FunctionTypeExpr(start.start, end, tuple(parameters), result, throws)


def function_type_0(
    c: ActionContext, start: Token, close: Token, returns: tuple[TypeExpr, TypeExpr | None, int]
) -> TypeExpr:
    return function_type(c, start, [], close, returns)


def function_type_1(
    c: ActionContext, start: Token, parameter: TypeExpr, close: Token, returns: tuple[TypeExpr, TypeExpr | None, int]
) -> TypeExpr:
    return function_type(c, start, [parameter], close, returns)


# --- attributes and configuration


def attribute(
    c: ActionContext,
    word: Token,
    _open: Token | None = None,
    arguments: Any = None,
    last: Token | None = None,
    close: Token | None = None,
) -> Attribute:
    """Build ``@name``, ``@name()``, ``@name(a)`` or ``@name(a,)``."""
    block = word.kind == "BLOCK_ATTRIBUTE"
    name = word.text[2 if block else 1 :]
    values: tuple[ConfigValue, ...] = ()
    end = word.end
    if type(arguments) is list:
        values = tuple(arguments)
        end = (close or last or word).end
    elif arguments is not None:
        end = arguments.end
    return Attribute(word.start, end, name, block, values)


def config_block(
    c: ActionContext, start: Token, entries: list[ConfigEntry | Attribute | None], close: Token
) -> ConfigBlock:
    return ConfigBlock(
        start.start,
        close.end,
        tuple(entry for entry in entries if type(entry) is ConfigEntry),
        tuple(entry for entry in entries if type(entry) is Attribute),
    )


def entry(c: ActionContext, key: Token, value: ConfigValue) -> ConfigEntry:
    text = c.unquote(key) if key.kind == "STRING" else key.text
    return ConfigEntry(key.start, value.end, text, key.end, value)


def entry_colon(c: ActionContext, key: Token, _colon: Token, value: ConfigValue) -> ConfigEntry:
    return entry(c, key, value)


def config_string(c: ActionContext, token: Token) -> ConfigValue:
    return ConfigScalar(token.start, token.end, c.unquote(token), True)


def config_int(c: ActionContext, token: Token) -> ConfigValue:
    return ConfigScalar(token.start, token.end, integer(token.text))


def config_float(c: ActionContext, token: Token) -> ConfigValue:
    return ConfigScalar(token.start, token.end, float(token.text))


def config_word(c: ActionContext, token: Token) -> ConfigValue:
    value = token.text if token.kind == "WORD" else WORDS[token.text]
    return ConfigScalar(token.start, token.end, value)


def config_env(c: ActionContext, token: Token) -> ConfigValue:
    return ConfigEnv(token.start, token.end, token.text[4:])


def config_expression(c: ActionContext, token: Token) -> ConfigValue:
    return ConfigExpression(token.start, token.end, token.text[2:-2])


def config_list_empty(c: ActionContext, start: Token, close: Token) -> ConfigValue:
    return ConfigList(start.start, close.end, ())


def config_list(c: ActionContext, start: Token, items: list[ConfigValue], *rest: Token) -> ConfigValue:
    return ConfigList(start.start, rest[-1].end, tuple(items))
