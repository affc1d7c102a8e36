"""What the grammar's rules build: the actions named in ``baml.lark``.

Rule: one method for each name behind ``->``, called with the rule's children in order, tokens included, so that every
node knows its range.  The children of a list are collected in one Python list that grows in place.  What the grammar
cannot say is checked here and reported, not raised.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from bamlvm.grammar.actions.expressions import ExpressionActions
from bamlvm.grammar.strings import dedent, raw_content
from bamlvm.grammar.syntax import (
    Alias,
    Attribute,
    AttributedTypeExpr,
    Block,
    Class,
    Client,
    ConfigBlock,
    Declaration,
    Enum,
    Field,
    Function,
    FunctionTypeExpr,
    Generator,
    LlmBody,
    NativeBody,
    Parameter,
    Prompt,
    RetryPolicy,
    TemplateString,
    Test,
    TypeExpr,
    UnionTypeExpr,
    Variant,
)
from bamlvm.grammar.tokens import Lexed, Token

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_Returns = tuple[TypeExpr | None, TypeExpr | None, int]


class Actions(ExpressionActions):
    """The actions for items; one instance builds one item."""

    def __init__(self, lexed: Lexed) -> None:
        super().__init__(lexed)
        self.types: list[Class | Enum | Alias] = []

    # --- classes and enums

    def class_(
        self, start: Token, name: Token, type_parameters: list[Token], _open: Token, members: list[Any], close: Token
    ) -> Class:
        return self._class(start, name, type_parameters, members, close, False)

    def dynamic_class(
        self,
        start: Token,
        _class: Token,
        name: Token,
        type_parameters: list[Token],
        _open: Token,
        members: list[Any],
        close: Token,
    ) -> Class:
        return self._class(start, name, type_parameters, members, close, True)

    def _class(
        self,
        start: Token,
        name: Token,
        type_parameters: list[Token],
        members: list[Field | Function | Attribute],
        close: Token,
        dynamic: bool,
    ) -> Class:
        attributes = tuple(member for member in members if type(member) is Attribute)
        return Class(
            start.start,
            close.end,
            name.text,
            name.start,
            tuple(member for member in members if type(member) is Field),
            tuple(member for member in members if type(member) is Function),
            attributes,
            tuple(parameter.text for parameter in type_parameters),
            dynamic or any(attribute.name == "dynamic" for attribute in attributes),
            self.docs.get(start.start, ""),
        )

    def field(self, name: Token, type_: TypeExpr) -> Field:
        type_, attributes = _trailing_attributes(type_)
        end = attributes[-1].end if attributes else type_.end
        return Field(name.start, end, name.text, type_, attributes, self.docs.get(name.start, ""))

    def field_colon(self, name: Token, _colon: Token, type_: TypeExpr) -> Field:
        return self.field(name, type_)

    def enum(self, start: Token, name: Token, _open: Token, variants: list[Any], close: Token) -> Enum:
        return self._enum(start, name, variants, close, False)

    def dynamic_enum(
        self, start: Token, _enum: Token, name: Token, _open: Token, variants: list[Any], close: Token
    ) -> Enum:
        return self._enum(start, name, variants, close, True)

    def _enum(self, start: Token, name: Token, entries: list[Variant | Attribute], close: Token, dynamic: bool) -> Enum:
        attributes = tuple(entry for entry in entries if type(entry) is Attribute)
        return Enum(
            start.start,
            close.end,
            name.text,
            name.start,
            tuple(entry for entry in entries if type(entry) is Variant),
            attributes,
            dynamic or any(attribute.name == "dynamic" for attribute in attributes),
            self.docs.get(start.start, ""),
        )

    def variant(self, name: Token, attributes: list[Attribute] | None = None) -> Variant:
        end = attributes[-1].end if attributes else name.end
        return Variant(name.start, end, name.text, tuple(attributes or ()), self.docs.get(name.start, ""))

    def alias(
        self, start: Token, name: Token, _assign: Token, type_: TypeExpr, _semicolon: Token | None = None
    ) -> Alias:
        type_, attributes = _trailing_attributes(type_)
        end = attributes[-1].end if attributes else type_.end
        return Alias(start.start, end, name.text, name.start, type_, attributes, self.docs.get(start.start, ""))

    # --- functions

    def function(
        self,
        start: Token,
        name: Token,
        type_parameters: list[Token],
        _open: Token,
        parameters: list[Parameter],
        _close: Token,
        *rest: Any,
    ) -> Function:
        body: Block | LlmBody | NativeBody = rest[-1]
        returns: _Returns = rest[0] if len(rest) > 1 else (None, None, 0)
        return Function(
            start.start,
            body.end,
            name.text,
            name.start,
            tuple(parameters),
            returns[0],
            returns[1],
            body,
            tuple(parameter.text for parameter in type_parameters),
            self.docs.get(start.start, ""),
        )

    def native_body(self, word: Token) -> NativeBody:
        if word.text not in ("native", "sysop"):
            self.report("E0010", f"expected the function's body `{{ … }}`, found `{word.text}`", word.start, word.end)
        return NativeBody(word.start, word.end, "sysop" if word.text == "sysop" else "native")

    def throws(self, _throws: Token, type_: TypeExpr) -> _Returns:
        return None, type_, type_.end

    def parameter_untyped(self, name: Token) -> Parameter:
        if name.text != "self":
            hint = f"write `{name.text}: string`, or the type that it has"
            self.report("E0010", f"the parameter `{name.text}` has no type", name.start, name.end, hint)
        return Parameter(name.start, name.end, name.text, None)

    def llm_body(self, start: Token, entries: list[tuple[str, Token, Any]], close: Token) -> LlmBody:
        client: str | None = None
        client_start = 0
        prompt: Prompt | None = None
        seen: set[str] = set()
        for kind, token, value in entries:
            if kind in seen:
                self.report("E0010", f"`{kind}` is given twice", token.start, token.end)
            seen.add(kind)
            if kind == "prompt":
                prompt = value
            else:
                client = self.unquote(value) if value.kind == "STRING" else value.text
                client_start = value.start
        return LlmBody(start.start, close.end, client, client_start, prompt)

    def llm_client(self, keyword: Token, value: Token) -> tuple[str, Token, Token]:
        return "client", keyword, value

    def llm_prompt(self, keyword: Token, prompt: Prompt) -> tuple[str, Token, Prompt]:
        return "prompt", keyword, prompt

    def prompt(self, token: Token) -> Prompt:
        if token.kind == "RAW_STRING":
            raw, start = raw_content(token.text)
            return Prompt(token.start, token.end, dedent(raw), raw, token.start + start)
        text = self.unquote(token)
        return Prompt(token.start, token.end, dedent(text), token.text[1:-1], token.start + 1)

    def template_string(
        self, start: Token, name: Token, _open: Token, parameters: list[Parameter], _close: Token, prompt: Prompt
    ) -> TemplateString:
        doc = self.docs.get(start.start, "")
        return TemplateString(start.start, prompt.end, name.text, name.start, tuple(parameters), prompt, doc)

    def template_string_bare(self, start: Token, name: Token, prompt: Prompt) -> TemplateString:
        return self.template_string(start, name, name, [], name, prompt)

    # --- configured items

    def client(self, start: Token, name: Token, body: ConfigBlock) -> Client:
        return Client(start.start, body.end, *self._named(name), body, self.docs.get(start.start, ""))

    def client_of(
        self, start: Token, _less: Token, kind: Token, _greater: Token, name: Token, body: ConfigBlock
    ) -> Client:
        if kind.text != "llm":
            self.report("E0010", f"a client is a `client<llm>`, not a `client<{kind.text}>`", kind.start, kind.end)
        return self.client(start, name, body)

    def generator(self, start: Token, name: Token, body: ConfigBlock) -> Generator:
        return Generator(start.start, body.end, *self._named(name), body, self.docs.get(start.start, ""))

    def retry_policy(self, start: Token, name: Token, body: ConfigBlock) -> RetryPolicy:
        return RetryPolicy(start.start, body.end, *self._named(name), body, self.docs.get(start.start, ""))

    def test(self, start: Token, name: Token, body: ConfigBlock) -> Test:
        doc = self.docs.get(start.start, "")
        return Test(start.start, body.end, *self._named(name), body, tuple(self.types), doc)

    def test_call(self, start: Token, name: Token, _open: Token, _close: Token, body: ConfigBlock) -> Test:
        """``test Name() { … }``: the parentheses mean nothing."""
        return self.test(start, name, body)

    def type_builder(self, _word: Token, _open: Token, items: list[Class | Enum | Alias], _close: Token) -> None:
        self.types.extend(items)

    def _named(self, name: Token) -> tuple[str, int]:
        if not _NAME.fullmatch(name.text):
            self.report("E0010", f"`{name.text}` is not a name", name.start, name.end)
        return name.text, name.start


def _trailing_attributes(type_: TypeExpr) -> tuple[TypeExpr, tuple[Attribute, ...]]:
    """Attributes at the very end of a field's or an alias's type are the field's or the alias's own.

    Inside parentheses they stay where they are: there the type ends behind its last attribute.
    """
    if type(type_) is AttributedTypeExpr and type_.end == type_.attributes[-1].end:
        return type_.item, type_.attributes
    if type(type_) is UnionTypeExpr and type_.members[-1].end == type_.end:
        last, attributes = _trailing_attributes(type_.members[-1])
        if attributes:
            return UnionTypeExpr(type_.start, last.end, (*type_.members[:-1], last)), attributes
    if type(type_) is FunctionTypeExpr:
        part = "throws" if type_.throws is not None else "result"
        inner: TypeExpr = type_.throws if type_.throws is not None else type_.result
        if inner.end == type_.end:
            last, attributes = _trailing_attributes(inner)
            if attributes:
                return msgspec.structs.replace(type_, end=last.end, **{part: last}), attributes
    return type_, ()


__all__ = ["Actions", "Declaration"]
