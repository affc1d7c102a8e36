"""The layout of top-level items."""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import Braces, braces, bracketed
from bamlvm.grammar.formatter.comments import leading, trailing
from bamlvm.grammar.formatter.context import Child, LayoutContext
from bamlvm.grammar.formatter.documents import HARD, LINE, SPACE, Doc, IfBroken, concat, group, indent
from bamlvm.grammar.formatter.layout_types import Returns, own_attributes, with_attributes
from bamlvm.grammar.formatter.operands import Series, assigned
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, led
from bamlvm.grammar.tokens import Token

# --- classes and enums


def class_(
    c: LayoutContext,
    word: Child,
    name: Token,
    type_parameters: list[Part],
    opening: Token,
    members: list[Part],
    close: Token,
) -> Part:
    body = braces(c.part(opening), members, c.part(close), forced=True)
    return c.row(word, SPACE, name, *type_parameters, SPACE, body, shape="tall")


def dynamic_class(
    c: LayoutContext,
    dynamic: Token,
    word: Token,
    name: Token,
    type_parameters: list[Part],
    opening: Token,
    members: list[Part],
    close: Token,
) -> Part:
    item = class_(c, _no_item(c, dynamic, word), name, type_parameters, opening, members, close)
    return c.row(dynamic, SPACE, item, shape="tall")


def enum(c: LayoutContext, word: Child, name: Token, opening: Token, variants: list[Part], close: Token) -> Part:
    body = braces(c.part(opening), variants, c.part(close), forced=True)
    return c.row(word, SPACE, name, SPACE, body, shape="tall")


def dynamic_enum(
    c: LayoutContext, dynamic: Token, word: Token, name: Token, opening: Token, variants: list[Part], close: Token
) -> Part:
    item = enum(c, _no_item(c, dynamic, word), name, opening, variants, close)
    return c.row(dynamic, SPACE, item, shape="tall")


def _no_item(c: LayoutContext, dynamic: Token, word: Token) -> Part:
    """Return the word after ``dynamic``; if a comment puts it on a line of its own, that must not look like an item."""
    part = c.part(word)
    if any(comment.own for comment in part.lead) or any(each.to_line_end for each in c.part(dynamic).trail):
        part.doc = concat(part.doc, HARD)
    return part


def field(c: LayoutContext, name: Token, type_: Part) -> Part:
    return _field(c.row(name, SPACE), type_)


def field_colon(c: LayoutContext, name: Token, colon: Token, type_: Part) -> Part:
    return _field(c.row(name, colon, SPACE), type_)


def _field(name: Part, type_: Part) -> Part:
    type_, attributes = own_attributes(type_)
    made = with_attributes(cat(name, type_), attributes)
    made.shape = "field"
    return made


def variant(c: LayoutContext, name: Token, attributes: list[Part] | None = None) -> Part:
    return with_attributes(c.part(name), attributes or [])


def alias(c: LayoutContext, word: Token, name: Token, sign: Token, type_: Part, semicolon: Token | None = None) -> Part:
    """Lay out an alias; a union that was written on several lines stays so."""
    type_, attributes = own_attributes(type_)
    head = c.row(word, SPACE, name, SPACE)
    sign_ = c.part(sign)
    ending = _members(sign_, type_) if isinstance(type_, Series) else assigned(sign_, type_)
    return _ended(c, with_attributes(cat(head, ending), attributes), semicolon)


def _ended(c: LayoutContext, made: Part, semicolon: Token | None) -> Part:
    """Return an item without the `;` that ends it, unless a comment stands between the two."""
    if semicolon is None:
        return made
    end = c.part(semicolon)
    if made.trail or end.lead:
        return cat(made, end)
    made.trail = end.trail
    return made


def constant(
    c: LayoutContext, word: Token, name: Token, sign: Token, value: Part, semicolon: Token | None = None
) -> Part:
    made = c.row(word, SPACE, name, SPACE, assigned(c.part(sign), value))
    return _ended(c, made, semicolon)


def constant_typed(
    c: LayoutContext,
    word: Token,
    name: Token,
    colon: Token,
    type_: Part,
    sign: Token,
    value: Part,
    semicolon: Token | None = None,
) -> Part:
    made = c.row(word, SPACE, name, colon, SPACE, type_, SPACE, assigned(c.part(sign), value))
    return _ended(c, made, semicolon)


# --- functions


def function(
    c: LayoutContext,
    word: Token,
    name: Token,
    type_parameters: list[Part],
    opening: Token,
    parameters: list[Part],
    close: Token,
    *rest: Part,
) -> Part:
    """Lay out a function; a signature that is too long is broken before ``throws`` first, then in its parameters."""
    returns, body = rest[0] if len(rest) > 1 else None, rest[-1]
    throws: Part | None = None
    types: Part = bracketed(c.part(opening), parameters, c.part(close))
    if isinstance(returns, Returns):
        throws = returns.throws
        types = _with_result(types, returns.result)
    head = c.row(word, SPACE, name, *type_parameters, types)
    docs: list[Doc] = [head.doc, trailing(head.trail)]
    inside = body.shape == "native"
    ending = led(Part(body.raw(), body.lead, gap=body.gap))
    if throws is None:
        docs += [SPACE, ending]
    else:
        clause = concat(LINE, led(throws), trailing(throws.trail))
        if inside:
            docs.append(group(indent(clause, LINE, ending)))
        else:
            docs += [group(indent(clause), LINE), ending]
    made = Grouped(concat(*docs), shape="" if inside else "tall")
    made.surround(head, body)
    return made


def native_body(c: LayoutContext, word: Token) -> Part:
    part = c.part(word)
    part.shape = "native"
    return part


def parameter_untyped(c: LayoutContext, name: Token) -> Part:
    return c.part(name)


def llm_body(c: LayoutContext, opening: Token, entries: list[Part], close: Token) -> Part:
    return braces(c.part(opening), entries, c.part(close), forced=True)


def llm_client(c: LayoutContext, word: Token, value: Token) -> Part:
    return c.row(word, SPACE, value)


def llm_prompt(c: LayoutContext, word: Token, prompt: Part) -> Part:
    return c.row(word, SPACE, prompt)


def prompt(c: LayoutContext, token: Token) -> Part:
    return c.part(token)


def template_string(
    c: LayoutContext, word: Token, name: Token, opening: Token, parameters: list[Part], close: Token, prompt: Part
) -> Part:
    bracket = bracketed(c.part(opening), parameters, c.part(close))
    return c.row(word, SPACE, name, bracket, SPACE, prompt)


def template_string_bare(c: LayoutContext, word: Token, name: Token, prompt: Part) -> Part:
    return c.row(word, SPACE, name, SPACE, prompt)


# --- configured items


def client(c: LayoutContext, word: Token, name: Token, body: Part) -> Part:
    return c.row(word, SPACE, name, SPACE, _forced(body))


def client_of(c: LayoutContext, word: Token, less: Token, kind: Token, greater: Token, name: Token, body: Part) -> Part:
    return c.row(word, less, kind, greater, SPACE, name, SPACE, _forced(body))


def generator(c: LayoutContext, word: Token, name: Token, body: Part) -> Part:
    return client(c, word, name, body)


def retry_policy(c: LayoutContext, word: Token, name: Token, body: Part) -> Part:
    return client(c, word, name, body)


def test(c: LayoutContext, word: Token, name: Token, body: Part) -> Part:
    return client(c, word, name, body)


def test_call(c: LayoutContext, word: Token, name: Token, opening: Token, close: Token, body: Part) -> Part:
    return c.row(word, SPACE, name, opening, close, SPACE, _forced(body))


def type_builder(c: LayoutContext, word: Token, opening: Token, items: list[Part], close: Token) -> Part:
    return c.row(word, SPACE, braces(c.part(opening), items, c.part(close), forced=True))


def _members(sign: Part, union: Series) -> Part:
    """Lay out ``= A | B`` on one line, or one member a line, the first one with a bar too."""
    line = HARD if union.rest[0][0].newline else LINE
    docs = (line, leading(union.lead, union.gap), IfBroken("| "), union.raw())
    made = Part(concat(sign.doc, trailing(sign.trail), group(indent(*docs))))
    made.surround(sign, union)
    return made


def _with_result(parameters: Part, result: Part | None) -> Part:
    """Put ``-> T`` after parameters; what is too long is broken in the parameters first."""
    if result is None:
        return parameters
    made = Grouped(cat(Part(parameters.raw(), trail=parameters.trail), SPACE, result).doc)
    made.surround(parameters, result)
    return made


def _forced(body: Part) -> Part:
    """Return an item's braces with one entry a line."""
    if isinstance(body, Braces):
        body.forced = True
    return body
