"""The layout of lists, dotted names, types, attributes and configuration."""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import braces, bracketed
from bamlvm.grammar.formatter.comments import trailing
from bamlvm.grammar.formatter.context import Child, LayoutContext
from bamlvm.grammar.formatter.documents import LINE, SPACE, concat, indent
from bamlvm.grammar.formatter.operands import Series, parenthesised, series_of
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, inner, led, take_over
from bamlvm.grammar.tokens import Token


class Returns(Part):
    """``-> T throws E``, either part of it."""

    result: Part | None = None
    throws: Part | None = None


class DottedNamePart(Part):
    """A dotted name: what is before its last name, and that with its dot."""

    before: Part | None = None
    name: Part | None = None


class AttributedPart(Part, kw_only=True):
    """A type and its attributes."""

    type_: Part
    attributes: list[Part]


# --- lists


def nothing(c: LayoutContext) -> list[Part]:
    return []


def none(c: LayoutContext) -> None:
    return None


def first(c: LayoutContext, value: Child) -> list[Part]:
    return [c.part(value)]


def pair(c: LayoutContext, left: Child, comma: Token, right: Child) -> list[Part]:
    return append(c, [c.part(left)], comma, right)


def append(c: LayoutContext, values: list[Part], comma: Token, value: Child) -> list[Part]:
    values[-1].separator = c.part(comma)
    values.append(c.part(value))
    return values


def extend(c: LayoutContext, values: list[Part], value: Child, comma: Token | None = None) -> list[Part]:
    values.append(c.part(value))
    if comma is not None:
        values[-1].separator = c.part(comma)
    return values


def extend_middle(c: LayoutContext, values: list[Part], _open: Token, _value: Part, _close: Token) -> list[Part]:
    return values


def left(c: LayoutContext, value: Part | list[Part], end: Token) -> Part | list[Part]:
    last = value[-1] if isinstance(value, list) else value
    last.separator = c.part(end)
    return value


def right(c: LayoutContext, pipe: Token, value: Part) -> Part:
    return take_over(c.part(pipe), value)


def middle(c: LayoutContext, opening: Token, values: list[Part], close: Token) -> list[Part]:
    """Return type parameters as one part."""
    return [bracketed(c.part(opening), values, c.part(close), comma=False)]


def middle_of_named(c: LayoutContext, name: Token, colon: Token, value: Part) -> Part:
    return c.row(name, colon, SPACE, value)


def path(c: LayoutContext, name: Token) -> Part:
    return c.word(name)


def path_append(c: LayoutContext, path: Part, dot: Token, name: Token) -> Part:
    last = c.row(dot, name)
    made = DottedNamePart(cat(path, last).doc, shape="word", before=path, name=last)
    made.surround(path, last)
    return made


# --- types


def union(c: LayoutContext, members: list[Part]) -> Part:
    return series_of(members, "type")


def annotated(c: LayoutContext, item: Part, attributes: list[Part]) -> Part:
    made = AttributedPart(type_=item, attributes=attributes)
    made.surround(item, attributes[-1])
    made.doc = with_attributes(item, attributes).settled()
    return made


def list_type(c: LayoutContext, item: Part, opening: Token, close: Token) -> Part:
    return c.row(item, opening, close)


def optional_type(c: LayoutContext, item: Part, mark: Token) -> Part:
    """Lay out ``T?``; two marks are kept apart, as ``??`` is an operator."""
    return c.row(item, SPACE if item.shape == "optional" else "", mark, shape="optional")


def generic_type(c: LayoutContext, path: Part, less: Token, arguments: list[Part], greater: Token) -> Part:
    return c.row(path, bracketed(c.part(less), arguments, c.part(greater), comma=False))


def named_type(c: LayoutContext, path: Part) -> Part:
    return path


def map_type(c: LayoutContext, word: Token, less: Token, key: Part, comma: Token, value: Part, greater: Token) -> Part:
    return generic_type(c, c.part(word), less, append(c, [key], comma, value), greater)


def string_type(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def int_type(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def negative_type(c: LayoutContext, minus: Token, token: Token) -> Part:
    return c.row(minus, token, shape="word")


def word_type(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def group_type(c: LayoutContext, opening: Token, type_: Part, close: Token) -> Part:
    return parenthesised(c.part(opening), type_, c.part(close))


def returns(c: LayoutContext, arrow: Token, type_: Part) -> Part:
    result = c.row(arrow, SPACE, type_)
    made = Returns(doc=result.doc, result=result)
    made.surround(result, result)
    return made


def returns_throws(c: LayoutContext, arrow: Token, type_: Part, word: Token, error: Part) -> Part:
    result, throws = c.row(arrow, SPACE, type_), c.row(word, SPACE, error)
    made = Returns(doc=cat(result, SPACE, throws).doc, result=result, throws=throws)
    made.surround(result, throws)
    return made


def throws(c: LayoutContext, word: Token, error: Part) -> Part:
    throws = c.row(word, SPACE, error)
    made = Returns(doc=throws.doc, throws=throws)
    made.surround(throws, throws)
    return made


def function_type(c: LayoutContext, opening: Token, parameters: list[Part], close: Token, returns: Part) -> Part:
    bracket = bracketed(c.part(opening), parameters, c.part(close), comma=False)
    return c.row(bracket, SPACE, returns)


def function_type_0(c: LayoutContext, opening: Token, close: Token, returns: Part) -> Part:
    return function_type(c, opening, [], close, returns)


def function_type_1(c: LayoutContext, opening: Token, parameter: Part, close: Token, returns: Part) -> Part:
    return function_type(c, opening, [parameter], close, returns)


# --- attributes and configuration


def attribute(c: LayoutContext, word: Token, *rest: Token | list[Part]) -> Part:
    """Lay out ``@name``, ``@name()``, ``@name(a)`` or ``@name(a,)``; one argument is never on a line of its own."""
    if not rest:
        return c.part(word)
    opening, *values, close = rest
    assert isinstance(opening, Token) and isinstance(close, Token)
    arguments = values[0] if values and isinstance(values[0], list) else []
    if len(values) > 1 and isinstance(values[1], Token):
        arguments[-1].separator = c.part(values[1])
    if len(arguments) == 1 and arguments[0].separator is None:
        return c.row(word, opening, arguments[0], close)
    return c.row(word, bracketed(c.part(opening), arguments, c.part(close)))


def config_block(c: LayoutContext, opening: Token, entries: list[Part], close: Token) -> Part:
    return braces(c.part(opening), entries, c.part(close))


def entry(c: LayoutContext, key: Token, value: Part) -> Part:
    return c.row(key, SPACE, value, hug=value.hug)


def entry_colon(c: LayoutContext, key: Token, colon: Token, value: Part) -> Part:
    return c.row(key, colon, SPACE, value, hug=value.hug)


def config_string(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_int(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_float(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_word(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_env(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_expression(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def config_list_empty(c: LayoutContext, opening: Token, close: Token) -> Part:
    return bracketed(c.part(opening), [], c.part(close))


def config_list(c: LayoutContext, opening: Token, items: list[Part], *rest: Token) -> Part:
    if len(rest) > 1:
        items[-1].separator = c.part(rest[0])
    return bracketed(c.part(opening), items, c.part(rest[-1]), forced=items[0].newline)


def with_attributes(subject: Part, attributes: list[Part]) -> Part:
    """Put the attributes after ``subject``, all on its line or one a line."""
    if not attributes:
        return subject
    docs = [concat(LINE, inner(attribute)) for attribute in attributes[:-1]]
    made = Grouped(doc=concat(subject.settled(), trailing(subject.trail), indent(*docs, LINE, led(attributes[-1]))))
    made.surround(subject, attributes[-1])
    return made


def own_attributes(type_: Part) -> tuple[Part, list[Part]]:
    """Take the attributes from the end of a type: they are its field's, and laid out beside the whole."""
    if isinstance(type_, AttributedPart):
        return type_.type_, type_.attributes
    if isinstance(type_, Series):
        operator, last = type_.rest[-1]
        if isinstance(last, AttributedPart):
            last.type_.lead, last.type_.gap = last.lead, last.gap
            type_.rest[-1] = (operator, last.type_)
            type_.trail = last.type_.trail
            return type_, last.attributes
    return type_, []
