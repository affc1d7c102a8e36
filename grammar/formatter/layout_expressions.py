"""The layout of expressions and patterns: the actions of ``baml.lark``, as in ``actions_expressions.py``."""

from __future__ import annotations

from typing import Final

from bamlvm.grammar.formatter.brackets import bracketed
from bamlvm.grammar.formatter.documents import LINE, SPACE, Doc, Verbatim, choice, concat
from bamlvm.grammar.formatter.layout_types import Path, TypeLayout
from bamlvm.grammar.formatter.operands import Chain, assigned, parenthesised, series
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


class ExpressionLayout(TypeLayout):
    """Actions for expressions and patterns."""

    # --- operands

    def int_literal(self, token: Token) -> Part:
        part = self.word(token)
        return Number(part.doc, part.lead, part.trail, part.newline, part.blank, part.gap, "word")

    def float_literal(self, token: Token) -> Part:
        return self.int_literal(token)

    def string_literal(self, token: Token) -> Part:
        return self.word(token)

    def word_literal(self, token: Token) -> Part:
        return self.word(token)

    def template(self, start: Token, _parts: list[Part], close: Token) -> Part:
        """A backquoted string is written as it is, expressions in it too."""
        text = self.text[start.start : close.end]
        made = Part(Verbatim(text) if "\n" in text else text, shape="" if "\n" in text else "word")
        made.surround(self.part(start), self.part(close))
        return made

    def group(self, opening: Token, value: Part, close: Token) -> Part:
        return parenthesised(self.part(opening), value, self.part(close))

    # --- chains

    def path_expression(self, path: Part) -> Part:
        return path

    def call(self, callee: Part, opening: Token, arguments: list[Part], close: Token) -> Part:
        return self._link(callee, self.arguments(self.part(opening), arguments, self.part(close)))

    def call_path(self, path: Part, opening: Token, arguments: list[Part], close: Token) -> Part:
        return self.call(path, opening, arguments, close)

    def index(self, value: Part, opening: Token, index: Part, close: Token) -> Part:
        return self._link(value, self.row(opening, index, close))

    def index_path(self, path: Part, opening: Token, index: Part, close: Token) -> Part:
        return self.index(path, opening, index, close)

    def member(self, value: Part, dot: Token, name: Token) -> Part:
        chain = _chain(value)
        link = self.row(dot, name)
        chain.links.append([link])
        chain.trail, chain.hug = link.trail, False
        return chain

    def _link(self, value: Part, bracket: Part) -> Part:
        """Arguments or an index behind a value."""
        chain = _chain(value)
        (chain.links[-1] if chain.links else chain.head).append(bracket)
        chain.trail, chain.hug = bracket.trail, bracket.hug
        return chain

    def arguments(self, opening: Part, arguments: list[Part], close: Part) -> Part:
        """``(a, b)``; a last argument that ends in brackets may end the line with what is before it."""
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

    def argument(self, value: Part) -> Part:
        return value

    def argument_named(self, name: Token, sign: Token, value: Part) -> Part:
        return self.row(name, SPACE, sign, SPACE, value, hug=value.hug)

    # --- collections

    def list_literal_empty(self, opening: Token, close: Token) -> Part:
        return bracketed(self.part(opening), [], self.part(close))

    def list_literal(self, opening: Token, items: list[Part], *rest: Token) -> Part:
        self._close_list(items, rest)
        numbers = all(isinstance(item, Number) for item in items)
        forced = items[0].newline and not numbers
        return bracketed(self.part(opening), items, self.part(rest[-1]), forced=forced, fill=numbers)

    def _close_list(self, items: list[Part], rest: tuple[Token, ...]) -> None:
        if len(rest) > 1:
            items[-1].separator = self.part(rest[0])

    def spread(self, dots: Token, value: Part) -> Part:
        return self.row(dots, value, hug=value.hug)

    def object_literal(self, path: Part, opening: Token, *rest: Token | list[Part]) -> Part:
        *before, close = rest
        assert isinstance(close, Token)
        fields = before[0] if before and isinstance(before[0], list) else []
        if len(before) > 1 and isinstance(before[1], Token):
            fields[-1].separator = self.part(before[1])
        bracket = self._fields(self.part(opening), fields, self.part(close))
        made = Grouped(cat(path, SPACE, Part(bracket.raw(), bracket.lead)).doc, hug=bracket.hug)
        made.surround(path, bracket)
        return made

    def _fields(self, opening: Part, fields: list[Part], close: Part) -> Part:
        return bracketed(opening, fields, close, pad=LINE, forced=bool(fields) and fields[0].newline)

    def field_init(self, name: Token, colon: Token, value: Part) -> Part:
        return self.row(name, colon, SPACE, value)

    def field_init_short(self, name: Token) -> Part:
        return self.part(name)

    def map_literal_empty(self, opening: Token, close: Token) -> Part:
        return bracketed(self.part(opening), [], self.part(close))

    def map_literal(self, opening: Token, entries: list[Part], *rest: Token) -> Part:
        self._close_list(entries, rest)
        return self._fields(self.part(opening), entries, self.part(rest[-1]))

    def map_entry(self, key: Part, colon: Token, value: Part) -> Part:
        return self.row(key, colon, SPACE, value)

    # --- functions as values

    def parameter(self, name: Token, colon: Token, type_: Part) -> Part:
        return self.row(name, colon, SPACE, type_)

    def parameter_default(self, name: Token, colon: Token, type_: Part, sign: Token, default: Part) -> Part:
        return self.row(name, colon, SPACE, type_, SPACE, sign, SPACE, default)

    def lambda_0(self, opening: Token, close: Token, body: Part) -> Part:
        return self.lambda_(opening, [], close, body)

    def lambda_0_typed(self, opening: Token, close: Token, arrow: Token, type_: Part, body: Part) -> Part:
        return self.lambda_typed(opening, [], close, arrow, type_, body)

    def lambda_(self, opening: Token, parameters: list[Part], close: Token, body: Part) -> Part:
        head = bracketed(self.part(opening), parameters, self.part(close), comma=False)
        return self.with_body(cat(head, SPACE), body)

    def lambda_typed(
        self, opening: Token, parameters: list[Part], close: Token, arrow: Token, type_: Part, body: Part
    ) -> Part:
        head = bracketed(self.part(opening), parameters, self.part(close), comma=False)
        return self.with_body(self.row(head, SPACE, arrow, SPACE, type_, SPACE), body)

    def with_body(self, head: Part, body: Part) -> Part:
        """A head and the braces behind it: on one line, or the braces' lines end."""
        made = Grouped(cat(head, Part(body.raw(), body.lead, gap=body.gap)).doc, hug=True)
        made.surround(head, body)
        return made

    # --- operators

    def binary(self, left: Part, operator: Token, right: Part) -> Part:
        return series(left, self.part(operator), right, _LEVELS.get(operator.text, operator.text))

    def shift_right(self, left: Part, first: Token, second: Token, right: Part) -> Part:
        return series(left, self.row(first, second), right, ">>")

    def type_test(self, operand: Part, word: Token, type_: Part) -> Part:
        return series(operand, self.part(word), type_, "is")

    def unary(self, operator: Token, operand: Part) -> Part:
        return self.row(operator, operand, hug=operand.hug)

    def return_(self, word: Token, value: Part | None = None) -> Part:
        return self.part(word) if value is None else self.row(word, SPACE, value, hug=value.hug)

    def break_(self, word: Token) -> Part:
        return self.part(word)

    def continue_(self, word: Token) -> Part:
        return self.part(word)

    def throw(self, word: Token, value: Part) -> Part:
        return self.row(word, SPACE, value, hug=value.hug)

    # --- patterns

    def or_pattern(self, left: Part, pipe: Token, right: Part) -> Part:
        return series(left, self.part(pipe), right, "pattern")

    def bind(self, name: Token, colon: Token, type_: Part) -> Part:
        return self.row(name, colon, SPACE, type_)

    def bind_let(self, word: Token, name: Token, colon: Token, type_: Part) -> Part:
        return self.row(word, SPACE, name, colon, SPACE, type_)

    def bind_let_bare(self, word: Token, name: Token) -> Part:
        return self.row(word, SPACE, name)

    def type_pattern(self, type_: Part) -> Part:
        return type_

    def float_pattern(self, first: Token, number: Token | None = None) -> Part:
        return self.part(first) if number is None else self.row(first, number)

    # --- arms

    def arm_head(self, pattern: Part, arrow: Token) -> tuple[Part, Token]:
        return pattern, arrow

    def arm_head_guarded(self, pattern: Part, word: Token, guard: Part, arrow: Token) -> tuple[Part, Token]:
        return self.row(pattern, SPACE, word, SPACE, guard), arrow

    def arm(self, head: tuple[Part, Token], body: Part, comma: Token | None = None) -> Part:
        pattern, arrow = head
        made = cat(pattern, SPACE, assigned(self.part(arrow), body))
        if comma is not None:
            made.separator = self.part(comma)
        return made


def _chain(value: Part) -> Chain:
    """A value as the beginning of a chain; the last name of a path is a link, since it is called or indexed."""
    if isinstance(value, Chain):
        return value
    head, links = [value], []
    if isinstance(value, Path) and value.before is not None and value.name is not None:
        head, links = [value.before], [[value.name]]
    made = Chain(head=head, links=links)
    made.surround(value, value)
    return made
