"""Actions for items: classes, enums, aliases, functions, prompts, clients, generators, retry policies and tests."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from bamlvm.grammar.actions.context import ActionContext
from bamlvm.grammar.strings import dedent, raw_content
from bamlvm.grammar.syntax import (
    Alias,
    Attribute,
    AttributedTypeExpr,
    Block,
    Class,
    Client,
    ConfigBlock,
    Constant,
    Enum,
    Expr,
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
from bamlvm.grammar.tokens import Token

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_Returns = tuple[TypeExpr | None, TypeExpr | None, int]


# --- classes and enums


def class_(
    c: ActionContext,
    start: Token,
    name: Token,
    type_parameters: list[Token],
    _open: Token,
    members: list[Any],
    close: Token,
) -> Class:
    return _class(c, start, name, type_parameters, members, close, False)


def dynamic_class(
    c: ActionContext,
    start: Token,
    _word: Token,
    name: Token,
    type_parameters: list[Token],
    _open: Token,
    members: list[Any],
    close: Token,
) -> Class:
    return _class(c, start, name, type_parameters, members, close, True)


def _class(
    c: ActionContext,
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
        dynamic,
        c.docs.get(start.start, ""),
    )


def field(c: ActionContext, name: Token, type_: TypeExpr) -> Field:
    type_, attributes = _trailing_attributes(type_)
    end = attributes[-1].end if attributes else type_.end
    return Field(name.start, end, name.text, type_, attributes, c.docs.get(name.start, ""))


def field_colon(c: ActionContext, name: Token, _colon: Token, type_: TypeExpr) -> Field:
    return field(c, name, type_)


def enum(c: ActionContext, start: Token, name: Token, _open: Token, variants: list[Any], close: Token) -> Enum:
    return _enum(c, start, name, variants, close, False)


def dynamic_enum(
    c: ActionContext, start: Token, _word: Token, name: Token, _open: Token, variants: list[Any], close: Token
) -> Enum:
    return _enum(c, start, name, variants, close, True)


def _enum(
    c: ActionContext, start: Token, name: Token, entries: list[Variant | Attribute], close: Token, dynamic: bool
) -> Enum:
    attributes = tuple(entry for entry in entries if type(entry) is Attribute)
    return Enum(
        start.start,
        close.end,
        name.text,
        name.start,
        tuple(entry for entry in entries if type(entry) is Variant),
        attributes,
        dynamic,
        c.docs.get(start.start, ""),
    )


def variant(c: ActionContext, name: Token, attributes: list[Attribute] | None = None) -> Variant:
    end = attributes[-1].end if attributes else name.end
    return Variant(name.start, end, name.text, tuple(attributes or ()), c.docs.get(name.start, ""))


def alias(
    c: ActionContext, start: Token, name: Token, _assign: Token, type_: TypeExpr, _semicolon: Token | None = None
) -> Alias:
    type_, attributes = _trailing_attributes(type_)
    end = attributes[-1].end if attributes else type_.end
    return Alias(start.start, end, name.text, name.start, type_, attributes, c.docs.get(start.start, ""))


def constant(
    c: ActionContext, start: Token, name: Token, _assign: Token, value: Expr, end: Token | None = None
) -> Constant:
    return Constant(start.start, value.end, name.text, name.start, None, value, c.docs.get(start.start, ""))


def constant_typed(
    c: ActionContext,
    start: Token,
    name: Token,
    _colon: Token,
    type_: TypeExpr,
    _assign: Token,
    value: Expr,
    end: Token | None = None,
) -> Constant:
    return Constant(start.start, value.end, name.text, name.start, type_, value, c.docs.get(start.start, ""))


# --- functions


def function(
    c: ActionContext,
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
        c.docs.get(start.start, ""),
    )


def native_body(c: ActionContext, word: Token) -> NativeBody:
    if word.text not in ("native", "sysop"):
        hint = "write `throws`" if word.text in ("raises", "raise", "throw") else None
        message = f"expected the function's body `{{ … }}`, found `{word.text}`"
        c.report("E0010", message, word.start, word.end, hint)
    return NativeBody(word.start, word.end, "sysop" if word.text == "sysop" else "native")


def throws(c: ActionContext, _throws: Token, type_: TypeExpr) -> _Returns:
    return None, type_, type_.end


def parameter_untyped(c: ActionContext, name: Token) -> Parameter:
    if name.text != "self":
        hint = f"write `{name.text}: string`, or the type that it has"
        c.report("E0010", f"the parameter `{name.text}` has no type", name.start, name.end, hint)
    return Parameter(name.start, name.end, name.text, None)


def llm_body(c: ActionContext, start: Token, entries: list[tuple[str, Token, Any]], close: Token) -> LlmBody:
    client: str | None = None
    client_start = 0
    prompt: Prompt | None = None
    seen: set[str] = set()
    for kind, token, value in entries:
        if kind in seen:
            c.report("E0010", f"`{kind}` is given twice", token.start, token.end)
        seen.add(kind)
        if kind == "prompt":
            prompt = value
        else:
            client = c.unquote(value) if value.kind == "STRING" else value.text
            client_start = value.start
    return LlmBody(start.start, close.end, client, client_start, prompt)


def llm_client(c: ActionContext, keyword: Token, value: Token) -> tuple[str, Token, Token]:
    return "client", keyword, value


def llm_prompt(c: ActionContext, keyword: Token, prompt: Prompt) -> tuple[str, Token, Prompt]:
    return "prompt", keyword, prompt


def prompt(c: ActionContext, token: Token) -> Prompt:
    if token.kind == "RAW_STRING":
        raw, start = raw_content(token.text)
        return Prompt(token.start, token.end, dedent(raw), raw, token.start + start)
    text = c.unquote(token)
    return Prompt(token.start, token.end, dedent(text), token.text[1:-1], token.start + 1)


def template_string(
    c: ActionContext,
    start: Token,
    name: Token,
    _open: Token,
    parameters: list[Parameter],
    _close: Token,
    prompt: Prompt,
) -> TemplateString:
    doc = c.docs.get(start.start, "")
    return TemplateString(start.start, prompt.end, name.text, name.start, tuple(parameters), prompt, doc)


def template_string_bare(c: ActionContext, start: Token, name: Token, prompt: Prompt) -> TemplateString:
    return template_string(c, start, name, name, [], name, prompt)


# --- configured items


def client(c: ActionContext, start: Token, name: Token, body: ConfigBlock) -> Client:
    return Client(start.start, body.end, *_named(c, name), body, c.docs.get(start.start, ""))


def client_of(
    c: ActionContext, start: Token, _less: Token, kind: Token, _greater: Token, name: Token, body: ConfigBlock
) -> Client:
    if kind.text != "llm":
        c.report("E0010", f"a client is a `client<llm>`, not a `client<{kind.text}>`", kind.start, kind.end)
    return client(c, start, name, body)


def generator(c: ActionContext, start: Token, name: Token, body: ConfigBlock) -> Generator:
    return Generator(start.start, body.end, *_named(c, name), body, c.docs.get(start.start, ""))


def retry_policy(c: ActionContext, start: Token, name: Token, body: ConfigBlock) -> RetryPolicy:
    return RetryPolicy(start.start, body.end, *_named(c, name), body, c.docs.get(start.start, ""))


def test(c: ActionContext, start: Token, name: Token, body: ConfigBlock) -> Test:
    doc = c.docs.get(start.start, "")
    return Test(start.start, body.end, *_named(c, name), body, tuple(c.types), doc)


def test_call(c: ActionContext, start: Token, name: Token, _open: Token, _close: Token, body: ConfigBlock) -> Test:
    """Build ``test Name() { … }``, which is ``test Name { … }``."""
    return test(c, start, name, body)


def type_builder(
    c: ActionContext, _word: Token, _open: Token, items: list[Class | Enum | Alias], _close: Token
) -> None:
    c.types.extend(items)


def _named(c: ActionContext, name: Token) -> tuple[str, int]:
    if not _NAME.fullmatch(name.text):
        c.report("E0010", f"`{name.text}` is not a name", name.start, name.end)
    return name.text, name.start


def _trailing_attributes(type_: TypeExpr) -> tuple[TypeExpr, tuple[Attribute, ...]]:
    """Take the attributes at the very end of a field's or an alias's type, which are the field's or the alias's own.

    Those inside parentheses stay: there the type ends after its last attribute.
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
