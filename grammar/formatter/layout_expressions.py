"""The layout of expressions and patterns."""

from __future__ import annotations

from typing import Final

from bamlvm.grammar.formatter.brackets import bracketed
from bamlvm.grammar.formatter.context import LayoutContext
from bamlvm.grammar.formatter.documents import LINE, SPACE, Doc, Verbatim, choice, concat
from bamlvm.grammar.formatter.layout_types import DottedNamePart
from bamlvm.grammar.formatter.operands import Chain, assigned, parenthesised, series, series_of
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, inner
from bamlvm.grammar.tokens import Token

_LEVELS: Final = {"==": "equality", "!=": "equality", "<=": "order", ">=": "order", "<": "order", ">": "order"} | {
    "+": "sum",
    "-": "sum",
    "*": "product",
    "/": "product",
    "%": "product",
}
"""Operators that are laid out together with others; each of the rest only with itself."""


class Number(Part):
    """A number: many of them share a line of a list."""


# --- operands


def int_literal(c: LayoutContext, token: Token) -> Part:
    part = c.word(token)
    return Number(part.doc, part.lead, part.trail, part.newline, part.blank, part.gap, "word")


def float_literal(c: LayoutContext, token: Token) -> Part:
    return int_literal(c, token)


def string_literal(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def word_literal(c: LayoutContext, token: Token) -> Part:
    return c.word(token)


def template(c: LayoutContext, start: Token, _parts: list[Part], close: Token) -> Part:
    """Write a backquoted string as it is, expressions in it too."""
    text = c.text[start.start : close.end]
    made = Part(Verbatim(text) if "\n" in text else text, shape="" if "\n" in text else "word")
    made.surround(c.part(start), c.part(close))
    return made


def group(c: LayoutContext, opening: Token, value: Part, close: Token) -> Part:
    return parenthesised(c.part(opening), value, c.part(close))


# --- chains


def path_expression(c: LayoutContext, path: Part) -> Part:
    return path


def call(c: LayoutContext, callee: Part, opening: Token, arguments: list[Part], close: Token) -> Part:
    return _link(callee, call_arguments(c, c.part(opening), arguments, c.part(close)))


def call_path(c: LayoutContext, path: Part, opening: Token, arguments: list[Part], close: Token) -> Part:
    return call(c, path, opening, arguments, close)


def index(c: LayoutContext, value: Part, opening: Token, index: Part, close: Token) -> Part:
    return _link(value, c.row(opening, index, close))


def index_path(c: LayoutContext, path: Part, opening: Token, place: Part, close: Token) -> Part:
    return index(c, path, opening, place, close)


def member(c: LayoutContext, value: Part, dot: Token, name: Token) -> Part:
    return _add(_chain(value), c.row(dot, name))


def optional_chain(c: LayoutContext, links: Part) -> Part:
    return links


def present(c: LayoutContext, value: Part, dot: Token) -> tuple[Part, Part]:
    return value, c.part(dot)


def present_path(c: LayoutContext, path: Part, dot: Token) -> tuple[Part, Part]:
    return present(c, path, dot)


def member_of_present(c: LayoutContext, present: tuple[Part, Part], name: Token) -> Part:
    value, sign = present
    return _add(_chain(value), c.row(sign, name))


def call_of_present(
    c: LayoutContext, present: tuple[Part, Part], opening: Token, arguments: list[Part], close: Token
) -> Part:
    value, sign = present
    return _link(_add(_chain(value), sign), call_arguments(c, c.part(opening), arguments, c.part(close)))


def index_of_present(c: LayoutContext, present: tuple[Part, Part], opening: Token, index: Part, close: Token) -> Part:
    value, sign = present
    return _link(_add(_chain(value), sign), c.row(opening, index, close))


def _add(chain: Chain, link: Part) -> Chain:
    chain.links.append([link])
    chain.trail, chain.hug = link.trail, False
    return chain


def _link(value: Part, bracket: Part) -> Part:
    """Add arguments or an index to a value."""
    chain = _chain(value)
    (chain.links[-1] if chain.links else chain.head).append(bracket)
    chain.trail, chain.hug = bracket.trail, bracket.hug
    return chain


def call_arguments(c: LayoutContext, opening: Part, arguments: list[Part], close: Part) -> Part:
    """Lay out ``(a, b)``; if the last argument ends in brackets, the line may be broken inside them alone."""
    bracket = bracketed(opening, arguments, close)
    if not arguments:
        return bracket
    *others, last = arguments
    separators = [each.separator for each in arguments if each.separator is not None]
    bare = not (opening.trail or last.lead or last.trail or close.lead)
    bare = bare and not any(each.lead or each.trail for each in separators)
    made = Part(hug=last.hug)
    made.surround(opening, close)
    if not last.hug or not bare:
        made.doc = bracket.settled()
        return made
    before: list[Doc] = [opening.doc]
    for other in others:
        before += [inner(other), ",", SPACE]
    made.doc = choice(concat(*before), last.raw(), close.doc, bracket.doc)
    return made


def argument(c: LayoutContext, value: Part) -> Part:
    return value


def argument_named(c: LayoutContext, name: Token, sign: Token, value: Part) -> Part:
    return c.row(name, SPACE, sign, SPACE, value, hug=value.hug)


# --- collections


def list_literal_empty(c: LayoutContext, opening: Token, close: Token) -> Part:
    return bracketed(c.part(opening), [], c.part(close))


def list_literal(c: LayoutContext, opening: Token, items: list[Part], *rest: Token) -> Part:
    _close_list(c, items, rest)
    numbers = all(isinstance(item, Number) for item in items)
    forced = items[0].newline and not numbers
    return bracketed(c.part(opening), items, c.part(rest[-1]), forced=forced, fill=numbers)


def _close_list(c: LayoutContext, items: list[Part], rest: tuple[Token, ...]) -> None:
    if len(rest) > 1:
        items[-1].separator = c.part(rest[0])


def spread(c: LayoutContext, dots: Token, value: Part) -> Part:
    return c.row(dots, value, hug=value.hug)


def object_literal(c: LayoutContext, path: Part, opening: Token, *rest: Token | list[Part]) -> Part:
    *before, close = rest
    assert isinstance(close, Token)
    fields = before[0] if before and isinstance(before[0], list) else []
    if len(before) > 1 and isinstance(before[1], Token):
        fields[-1].separator = c.part(before[1])
    bracket = _fields(c.part(opening), fields, c.part(close))
    made = Grouped(cat(path, SPACE, Part(bracket.raw(), bracket.lead)).doc, hug=bracket.hug)
    made.surround(path, bracket)
    return made


def _fields(opening: Part, fields: list[Part], close: Part) -> Part:
    return bracketed(opening, fields, close, pad=LINE, forced=bool(fields) and fields[0].newline)


def field_init(c: LayoutContext, name: Token, colon: Token, value: Part) -> Part:
    return c.row(name, colon, SPACE, value)


def field_init_short(c: LayoutContext, name: Token) -> Part:
    return c.part(name)


def map_literal_empty(c: LayoutContext, opening: Token, close: Token) -> Part:
    return bracketed(c.part(opening), [], c.part(close))


def map_literal(c: LayoutContext, opening: Token, entries: list[Part], *rest: Token) -> Part:
    _close_list(c, entries, rest)
    return _fields(c.part(opening), entries, c.part(rest[-1]))


def map_entry(c: LayoutContext, key: Part, colon: Token, value: Part) -> Part:
    return c.row(key, colon, SPACE, value)


# --- functions as values


def parameter(c: LayoutContext, name: Token, colon: Token, type_: Part) -> Part:
    return c.row(name, colon, SPACE, type_)


def parameter_default(c: LayoutContext, name: Token, colon: Token, type_: Part, sign: Token, default: Part) -> Part:
    return c.row(name, colon, SPACE, type_, SPACE, sign, SPACE, default)


def lambda_0(c: LayoutContext, opening: Token, close: Token, body: Part) -> Part:
    return lambda_(c, opening, [], close, body)


def lambda_0_typed(c: LayoutContext, opening: Token, close: Token, arrow: Token, type_: Part, body: Part) -> Part:
    return lambda_typed(c, opening, [], close, arrow, type_, body)


def lambda_(c: LayoutContext, opening: Token, parameters: list[Part], close: Token, body: Part) -> Part:
    head = bracketed(c.part(opening), parameters, c.part(close), comma=False)
    return with_body(c, cat(head, SPACE), body)


def lambda_typed(
    c: LayoutContext, opening: Token, parameters: list[Part], close: Token, arrow: Token, type_: Part, body: Part
) -> Part:
    head = bracketed(c.part(opening), parameters, c.part(close), comma=False)
    return with_body(c, c.row(head, SPACE, arrow, SPACE, type_, SPACE), body)


def lambda_0_arrow(c: LayoutContext, opening: Token, close: Token, arrow: Token, body: Part) -> Part:
    return lambda_arrow(c, opening, [], close, arrow, body)


def lambda_arrow(
    c: LayoutContext, opening: Token, parameters: list[Part], close: Token, arrow: Token, body: Part
) -> Part:
    head = bracketed(c.part(opening), parameters, c.part(close), comma=False)
    return with_body(c, c.row(head, SPACE, arrow, SPACE), body)


def lambda_name_typed(
    c: LayoutContext, opening: Token, name: Part, close: Token, arrow: Token, type_: Part, body: Part
) -> Part:
    return lambda_typed(c, opening, [name], close, arrow, type_, body)


def lambda_name_arrow(c: LayoutContext, opening: Token, name: Part, close: Token, arrow: Token, body: Part) -> Part:
    return lambda_arrow(c, opening, [name], close, arrow, body)


def lambda_parameter_untyped(c: LayoutContext, name: Token) -> Part:
    return c.part(name)


def with_body(c: LayoutContext, head: Part, body: Part) -> Part:
    """Put a head and the braces after it on one line, or break the lines of the braces."""
    made = Grouped(cat(head, Part(body.raw(), body.lead, gap=body.gap)).doc, hug=True)
    made.surround(head, body)
    return made


# --- operators


def binary(c: LayoutContext, left: Part, operator: Token, right: Part) -> Part:
    return series(left, c.part(operator), right, _LEVELS.get(operator.text, operator.text))


def shift_right(c: LayoutContext, left: Part, first: Token, second: Token, right: Part) -> Part:
    return series(left, c.row(first, second), right, ">>")


def type_test(c: LayoutContext, operand: Part, word: Token, type_: Part) -> Part:
    return series(operand, c.part(word), type_, "is")


def pattern_test(c: LayoutContext, operand: Part, word: Token, pattern: Part) -> Part:
    return series(operand, c.part(word), pattern, "is")


def unary(c: LayoutContext, operator: Token, operand: Part) -> Part:
    return c.row(operator, operand, hug=operand.hug)


def await_(c: LayoutContext, word: Token, operand: Part) -> Part:
    return c.row(word, SPACE, operand, hug=operand.hug)


def spawn(c: LayoutContext, word: Token, body: Part) -> Part:
    return with_body(c, c.row(word, SPACE), body)


def return_(c: LayoutContext, word: Token, value: Part | None = None) -> Part:
    return c.part(word) if value is None else c.row(word, SPACE, value, hug=value.hug)


def break_(c: LayoutContext, word: Token) -> Part:
    return c.part(word)


def continue_(c: LayoutContext, word: Token) -> Part:
    return c.part(word)


def throw(c: LayoutContext, word: Token, value: Part) -> Part:
    return c.row(word, SPACE, value, hug=value.hug)


# --- patterns


def or_pattern(c: LayoutContext, alternatives: list[Part]) -> Part:
    return series_of(alternatives, "pattern")


def bind(c: LayoutContext, name: Token, colon: Token, type_: Part) -> Part:
    return c.row(name, colon, SPACE, type_)


def bind_let(c: LayoutContext, word: Token, name: Token, colon: Token, type_: Part) -> Part:
    return c.row(word, SPACE, name, colon, SPACE, type_)


def bind_let_bare(c: LayoutContext, word: Token, name: Token) -> Part:
    return c.row(word, SPACE, name)


def bind_structured(c: LayoutContext, word: Token, name: Token, colon: Token, inner: Part) -> Part:
    return c.row(word, SPACE, name, colon, SPACE, inner)


def class_pattern(c: LayoutContext, path: Part, opening: Token, *rest: Token | list[Part]) -> Part:
    return object_literal(c, path, opening, *rest)


def let_class_pattern(c: LayoutContext, word: Token, pattern: Part) -> Part:
    return c.row(word, SPACE, pattern)


def field_pattern(c: LayoutContext, name: Token, colon: Token, pattern: Part) -> Part:
    return c.row(name, colon, SPACE, pattern)


def field_pattern_short(c: LayoutContext, name: Token) -> Part:
    return c.part(name)


def list_pattern(c: LayoutContext, opening: Token, *rest: Token | list[Part]) -> Part:
    *before, close = rest
    assert isinstance(close, Token)
    items = before[0] if before and isinstance(before[0], list) else []
    if len(before) > 1 and isinstance(before[1], Token):
        items[-1].separator = c.part(before[1])
    return bracketed(c.part(opening), items, c.part(close))


def rest_pattern(c: LayoutContext, dots: Token, let: Token | None = None, name: Token | None = None) -> Part:
    return c.part(dots) if let is None or name is None else c.row(dots, let, SPACE, name)


def type_pattern(c: LayoutContext, type_: Part) -> Part:
    return type_


def float_pattern(c: LayoutContext, first: Token, number: Token | None = None) -> Part:
    return c.part(first) if number is None else c.row(first, number)


# --- arms


def arm_head(c: LayoutContext, pattern: Part, arrow: Token) -> tuple[Part, Token]:
    return pattern, arrow


def arm_head_guarded(c: LayoutContext, pattern: Part, word: Token, guard: Part, arrow: Token) -> tuple[Part, Token]:
    return c.row(pattern, SPACE, word, SPACE, guard), arrow


def arm(c: LayoutContext, head: tuple[Part, Token], body: Part, comma: Token | None = None) -> Part:
    pattern, arrow = head
    made = cat(pattern, SPACE, assigned(c.part(arrow), body))
    if comma is not None:
        made.separator = c.part(comma)
    return made


def _chain(value: Part) -> Chain:
    """Return a value as the beginning of a chain; the last name of a path is a link, since it is called or indexed."""
    if isinstance(value, Chain):
        return value
    head, links = [value], []
    if isinstance(value, DottedNamePart) and value.before is not None and value.name is not None:
        head, links = [value.before], [[value.name]]
    made = Chain(head=head, links=links)
    made.surround(value, value)
    return made
