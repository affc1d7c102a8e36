"""The layout of lists, types, attributes and configuration: actions of ``baml.lark``, as in ``actions_types.py``."""

from __future__ import annotations

from typing import TypeAlias

from bamlvm.grammar.formatter.brackets import braces, bracketed
from bamlvm.grammar.formatter.comments import NOTHING, Surroundings, trailing
from bamlvm.grammar.formatter.documents import LINE, SPACE, Doc, Verbatim, concat, indent
from bamlvm.grammar.formatter.operands import Series, parenthesised, series
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, inner, led, take_over
from bamlvm.grammar.tokens import Token

Piece: TypeAlias = Token | Part
"""What a rule may get: a rule of one child and no action passes its token on."""


class Returns(Part):
    """``-> T throws E``, either part of it."""

    result: Part | None = None
    throws: Part | None = None


class Path(Part):
    """A dotted name: what is before its last name, and that with its dot."""

    before: Part | None = None
    name: Part | None = None


class Annotated(Part, kw_only=True):
    """A type and its attributes."""

    type_: Part
    attributes: list[Part]


class TypeLayout:
    """Actions for lists, types, attributes and configuration values; one instance lays out one item."""

    def __init__(self, text: str, surroundings: dict[int, Surroundings]) -> None:
        self.text = text
        self.surroundings = surroundings

    def part(self, piece: Piece) -> Part:
        """A token with what surrounds it."""
        if isinstance(piece, Part):
            return piece
        around = self.surroundings.get(piece.start, NOTHING)
        doc: Doc = Verbatim(piece.text) if "\n" in piece.text else piece.text
        return Part(doc, around.lead, around.trail, around.newline, around.blank, around.gap)

    def row(self, *items: Piece | Doc, shape: str = "", hug: bool = False) -> Part:
        """Pieces and documents in a row."""
        return cat(*(self.part(item) if isinstance(item, Token) else item for item in items), shape=shape, hug=hug)

    def word(self, token: Token) -> Part:
        """A token that stands for a value."""
        part = self.part(token)
        if "\n" not in token.text:
            part.shape = "word"
        return part

    # --- lists

    def nothing(self) -> list[Part]:
        return []

    def none(self) -> None:
        return None

    def first(self, value: Piece) -> list[Part]:
        return [self.part(value)]

    def pair(self, left: Piece, comma: Token, right: Piece) -> list[Part]:
        return self.append([self.part(left)], comma, right)

    def append(self, values: list[Part], comma: Token, value: Piece) -> list[Part]:
        values[-1].separator = self.part(comma)
        values.append(self.part(value))
        return values

    def extend(self, values: list[Part], value: Piece, comma: Token | None = None) -> list[Part]:
        values.append(self.part(value))
        if comma is not None:
            values[-1].separator = self.part(comma)
        return values

    def extend_middle(self, values: list[Part], _open: Token, _value: Part, _close: Token) -> list[Part]:
        return values

    def left(self, value: Part | list[Part], end: Token) -> Part | list[Part]:
        last = value[-1] if isinstance(value, list) else value
        last.separator = self.part(end)
        return value

    def right(self, pipe: Token, value: Part) -> Part:
        return take_over(self.part(pipe), value)

    def middle(self, opening: Token, values: list[Part], close: Token) -> list[Part]:
        """Type parameters: one part."""
        return [bracketed(self.part(opening), values, self.part(close), comma=False)]

    def middle_of_named(self, name: Token, colon: Token, value: Part) -> Part:
        return self.row(name, colon, SPACE, value)

    def path(self, name: Token) -> Part:
        return self.word(name)

    def path_append(self, path: Part, dot: Token, name: Token) -> Part:
        last = self.row(dot, name)
        made = Path(cat(path, last).doc, shape="word", before=path, name=last)
        made.surround(path, last)
        return made

    # --- types

    def union(self, left: Part, pipe: Token, right: Part) -> Part:
        return series(left, self.part(pipe), right, "type")

    def annotated(self, item: Part, attributes: list[Part]) -> Part:
        made = Annotated(type_=item, attributes=attributes)
        made.surround(item, attributes[-1])
        made.doc = with_attributes(item, attributes).settled()
        return made

    def list_type(self, item: Part, opening: Token, close: Token) -> Part:
        return self.row(item, opening, close)

    def optional_type(self, item: Part, mark: Token) -> Part:
        """Two marks are kept apart: ``??`` is an operator."""
        return self.row(item, SPACE if item.shape == "optional" else "", mark, shape="optional")

    def generic_type(self, path: Part, less: Token, arguments: list[Part], greater: Token) -> Part:
        return self.row(path, bracketed(self.part(less), arguments, self.part(greater), comma=False))

    def named_type(self, path: Part) -> Part:
        return path

    def map_type(self, word: Token, less: Token, key: Part, comma: Token, value: Part, greater: Token) -> Part:
        return self.generic_type(self.part(word), less, self.append([key], comma, value), greater)

    def string_type(self, token: Token) -> Part:
        return self.word(token)

    def int_type(self, token: Token) -> Part:
        return self.word(token)

    def negative_type(self, minus: Token, token: Token) -> Part:
        return self.row(minus, token, shape="word")

    def word_type(self, token: Token) -> Part:
        return self.word(token)

    def group_type(self, opening: Token, type_: Part, close: Token) -> Part:
        return parenthesised(self.part(opening), type_, self.part(close))

    def returns(self, arrow: Token, type_: Part) -> Part:
        result = self.row(arrow, SPACE, type_)
        made = Returns(doc=result.doc, result=result)
        made.surround(result, result)
        return made

    def returns_throws(self, arrow: Token, type_: Part, word: Token, error: Part) -> Part:
        result, throws = self.row(arrow, SPACE, type_), self.row(word, SPACE, error)
        made = Returns(doc=cat(result, SPACE, throws).doc, result=result, throws=throws)
        made.surround(result, throws)
        return made

    def throws(self, word: Token, error: Part) -> Part:
        throws = self.row(word, SPACE, error)
        made = Returns(doc=throws.doc, throws=throws)
        made.surround(throws, throws)
        return made

    def function_type(self, opening: Token, parameters: list[Part], close: Token, returns: Part) -> Part:
        bracket = bracketed(self.part(opening), parameters, self.part(close), comma=False)
        return self.row(bracket, SPACE, returns)

    def function_type_0(self, opening: Token, close: Token, returns: Part) -> Part:
        return self.function_type(opening, [], close, returns)

    def function_type_1(self, opening: Token, parameter: Part, close: Token, returns: Part) -> Part:
        return self.function_type(opening, [parameter], close, returns)

    # --- attributes and configuration

    def attribute(self, word: Token, *rest: Token | list[Part]) -> Part:
        """``@name``, ``@name()``, ``@name(a)`` or ``@name(a,)``.  One argument clings to its parentheses."""
        if not rest:
            return self.part(word)
        opening, *values, close = rest
        assert isinstance(opening, Token) and isinstance(close, Token)
        arguments = values[0] if values and isinstance(values[0], list) else []
        if len(values) > 1 and isinstance(values[1], Token):
            arguments[-1].separator = self.part(values[1])
        if len(arguments) == 1 and arguments[0].separator is None:
            return self.row(word, opening, arguments[0], close)
        return self.row(word, bracketed(self.part(opening), arguments, self.part(close)))

    def config_block(self, opening: Token, entries: list[Part], close: Token) -> Part:
        return braces(self.part(opening), entries, self.part(close))

    def entry(self, key: Token, value: Part) -> Part:
        return self.row(key, SPACE, value, hug=value.hug)

    def entry_colon(self, key: Token, colon: Token, value: Part) -> Part:
        return self.row(key, colon, SPACE, value, hug=value.hug)

    def config_string(self, token: Token) -> Part:
        return self.word(token)

    def config_int(self, token: Token) -> Part:
        return self.word(token)

    def config_float(self, token: Token) -> Part:
        return self.word(token)

    def config_word(self, token: Token) -> Part:
        return self.word(token)

    def config_env(self, token: Token) -> Part:
        return self.word(token)

    def config_expression(self, token: Token) -> Part:
        return self.word(token)

    def config_list_empty(self, opening: Token, close: Token) -> Part:
        return bracketed(self.part(opening), [], self.part(close))

    def config_list(self, opening: Token, items: list[Part], *rest: Token) -> Part:
        if len(rest) > 1:
            items[-1].separator = self.part(rest[0])
        return bracketed(self.part(opening), items, self.part(rest[-1]), forced=items[0].newline)


def with_attributes(subject: Part, attributes: list[Part]) -> Part:
    """``subject`` and the attributes behind it: all on one line, or one a line."""
    if not attributes:
        return subject
    docs = [concat(LINE, inner(attribute)) for attribute in attributes[:-1]]
    made = Grouped(doc=concat(subject.settled(), trailing(subject.trail), indent(*docs, LINE, led(attributes[-1]))))
    made.surround(subject, attributes[-1])
    return made


def own_attributes(type_: Part) -> tuple[Part, list[Part]]:
    """A type and the attributes at its end, which are its field's: they are laid out beside the whole."""
    if isinstance(type_, Annotated):
        return type_.type_, type_.attributes
    if isinstance(type_, Series):
        operator, last = type_.rest[-1]
        if isinstance(last, Annotated):
            last.type_.lead, last.type_.gap = last.lead, last.gap
            type_.rest[-1] = (operator, last.type_)
            type_.trail = last.type_.trail
            return type_, last.attributes
    return type_, []
