"""Actions for lists, types, attributes and configuration values; see ``actions.py``."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.strings import raw_content, unescape
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
from bamlvm.grammar.tokens import Lexed, Token

MAX_PATH: Final = 100
"""How many names a dotted name may have; one that has more is refused (E0010)."""

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


class LongPathError(Exception):
    """A dotted name has more than MAX_PATH names.  Carries its range."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class Path(msgspec.Struct, frozen=True, gc=False):
    """A dotted name: its text, its range, and where each of its names begins."""

    text: str
    start: int
    end: int
    starts: tuple[int, ...]


def integer(text: str) -> int:
    """The value of a decimal literal; one that is absurdly long is only known to be out of range."""
    return int(text[:40])


class TypeActions:
    """Actions for lists, types, attributes and configuration values."""

    def __init__(self, lexed: Lexed) -> None:
        self.docs = lexed.docs
        self.headers = list(lexed.headers)
        self.diagnostics: list[Diagnostic] = []

    def report(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        self.diagnostics.append(error(code, message, Span("", start, end), (), hint))

    def unquote(self, token: Token) -> str:
        """The value of a STRING or RAW_STRING token."""
        if token.kind == "RAW_STRING":
            return raw_content(token.text)[0]
        text = token.text
        closed = len(text) > 1 and text.endswith('"')
        return self.unescape(text[1:-1] if closed else text[1:], token.start + 1)

    def unescape(self, content: str, offset: int) -> str:
        def bad(start: int, end: int, text: str) -> None:
            hint = r"escapes are \n \r \t \\ \" \0 and \u{1F600}"
            self.report("E0010", f"`{text}` is not an escape", offset + start, offset + end, hint)

        return unescape(content, bad)

    # --- lists and plumbing

    def nothing(self) -> list[Any]:
        return []

    def none(self) -> None:
        return None

    def first(self, value: Any) -> list[Any]:
        return [value]

    def pair(self, left: Any, _comma: Token, right: Any) -> list[Any]:
        return [left, right]

    def append(self, values: list[Any], _comma: Token, value: Any) -> list[Any]:
        values.append(value)
        return values

    def extend(self, values: list[Any], value: Any, _comma: Token | None = None) -> list[Any]:
        values.append(value)
        return values

    def extend_middle(self, values: list[Any], _open: Token, value: Any, _close: Token) -> list[Any]:
        values.append(value)
        return values

    def left(self, value: Any, _end: Token) -> Any:
        return value

    def right(self, _start: Token, value: Any) -> Any:
        return value

    def middle(self, _open: Token, value: Any, _close: Token) -> Any:
        return value

    def middle_of_named(self, _name: Token, _colon: Token, value: Any) -> Any:
        return value

    def path(self, name: Token) -> Path:
        return Path(name.text, name.start, name.end, (name.start,))

    def path_append(self, path: Path, _dot: Token, name: Token) -> Path:
        if len(path.starts) >= MAX_PATH:
            raise LongPathError(path.start, name.end)
        return Path(f"{path.text}.{name.text}", path.start, name.end, (*path.starts, name.start))

    # --- types

    def union(self, left: TypeExpr, _pipe: Token, right: TypeExpr) -> TypeExpr:
        members = left.members if type(left) is UnionTypeExpr else (left,)
        return UnionTypeExpr(left.start, right.end, (*members, right))

    def annotated(self, item: TypeExpr, attributes: list[Attribute]) -> TypeExpr:
        return AttributedTypeExpr(item.start, attributes[-1].end, item, tuple(attributes))

    def list_type(self, item: TypeExpr, _open: Token, close: Token) -> TypeExpr:
        return ListTypeExpr(item.start, close.end, item)

    def optional_type(self, item: TypeExpr, mark: Token) -> TypeExpr:
        return OptionalTypeExpr(item.start, mark.end, item)

    def generic_type(self, path: Path, _less: Token, arguments: list[TypeExpr], greater: Token) -> TypeExpr:
        return NamedType(path.start, greater.end, path.text, tuple(arguments))

    def named_type(self, path: Path) -> TypeExpr:
        return NamedType(path.start, path.end, path.text)

    def map_type(
        self, start: Token, _less: Token, key: TypeExpr, _comma: Token, value: TypeExpr, greater: Token
    ) -> TypeExpr:
        return MapTypeExpr(start.start, greater.end, key, value)

    def string_type(self, token: Token) -> TypeExpr:
        return LiteralTypeExpr(token.start, token.end, self.unquote(token))

    def int_type(self, token: Token) -> TypeExpr:
        return LiteralTypeExpr(token.start, token.end, integer(token.text))

    def negative_type(self, minus: Token, token: Token) -> TypeExpr:
        return LiteralTypeExpr(minus.start, token.end, -integer(token.text))

    def word_type(self, token: Token) -> TypeExpr:
        value = _WORDS[token.text]
        if value is None:
            return NamedType(token.start, token.end, "null")
        return LiteralTypeExpr(token.start, token.end, value)

    def group_type(self, start: Token, type_: TypeExpr, end: Token) -> TypeExpr:
        return msgspec.structs.replace(type_, start=start.start, end=end.end)

    def returns(self, _arrow: Token, type_: TypeExpr) -> tuple[TypeExpr, TypeExpr | None, int]:
        return type_, None, type_.end

    def returns_throws(
        self, _arrow: Token, type_: TypeExpr, _throws: Token, error_: TypeExpr
    ) -> tuple[TypeExpr, TypeExpr | None, int]:
        return type_, error_, error_.end

    def function_type(
        self, start: Token, parameters: list[TypeExpr], _close: Token, returns: tuple[TypeExpr, TypeExpr | None, int]
    ) -> TypeExpr:
        result, throws, end = returns
        return FunctionTypeExpr(start.start, end, tuple(parameters), result, throws)

    def function_type_0(self, start: Token, close: Token, returns: tuple[TypeExpr, TypeExpr | None, int]) -> TypeExpr:
        return self.function_type(start, [], close, returns)

    def function_type_1(
        self, start: Token, parameter: TypeExpr, close: Token, returns: tuple[TypeExpr, TypeExpr | None, int]
    ) -> TypeExpr:
        return self.function_type(start, [parameter], close, returns)

    # --- attributes and configuration

    def attribute(
        self,
        word: Token,
        _open: Token | None = None,
        arguments: Any = None,
        last: Token | None = None,
        close: Token | None = None,
    ) -> Attribute:
        """``@name``, ``@name()``, ``@name(a)`` or ``@name(a,)``."""
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

    def config_block(self, start: Token, entries: list[ConfigEntry | Attribute | None], close: Token) -> ConfigBlock:
        return ConfigBlock(
            start.start,
            close.end,
            tuple(entry for entry in entries if type(entry) is ConfigEntry),
            tuple(entry for entry in entries if type(entry) is Attribute),
        )

    def entry(self, key: Token, value: ConfigValue) -> ConfigEntry:
        text = self.unquote(key) if key.kind == "STRING" else key.text
        return ConfigEntry(key.start, value.end, text, key.end, value)

    def entry_colon(self, key: Token, _colon: Token, value: ConfigValue) -> ConfigEntry:
        return self.entry(key, value)

    def config_string(self, token: Token) -> ConfigValue:
        return ConfigScalar(token.start, token.end, self.unquote(token), True)

    def config_int(self, token: Token) -> ConfigValue:
        return ConfigScalar(token.start, token.end, integer(token.text))

    def config_float(self, token: Token) -> ConfigValue:
        return ConfigScalar(token.start, token.end, float(token.text))

    def config_word(self, token: Token) -> ConfigValue:
        value = token.text if token.kind == "WORD" else _WORDS[token.text]
        return ConfigScalar(token.start, token.end, value)

    def config_env(self, token: Token) -> ConfigValue:
        return ConfigEnv(token.start, token.end, token.text[4:])

    def config_expression(self, token: Token) -> ConfigValue:
        return ConfigExpression(token.start, token.end, token.text[2:-2])

    def config_list_empty(self, start: Token, close: Token) -> ConfigValue:
        return ConfigList(start.start, close.end, ())

    def config_list(self, start: Token, items: list[ConfigValue], *rest: Token) -> ConfigValue:
        return ConfigList(start.start, rest[-1].end, tuple(items))
