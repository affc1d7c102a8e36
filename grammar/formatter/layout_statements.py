"""The layout of blocks, statements and branches."""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import braces
from bamlvm.grammar.formatter.context import Child, LayoutContext
from bamlvm.grammar.formatter.documents import LINE, SPACE, Doc, group
from bamlvm.grammar.formatter.layout_expressions import with_body
from bamlvm.grammar.formatter.operands import assigned, parenthesised
from bamlvm.grammar.formatter.parts import Grouped, Part, cat
from bamlvm.grammar.tokens import Token


class Branches(Part, kw_only=True):
    """``if … else if … else …``: all of it on one line, or the lines of every block end."""

    items: list[Part | Doc]

    def raw(self) -> Doc:
        if self.doc == "":
            self.doc = cat(*map(_opened, self.items)).doc
        return self.doc

    def settled(self) -> Doc:
        return group(self.raw())


def _opened(item: Part | Doc) -> Part | Doc:
    """Return a part without the group around it."""
    return Part(item.raw(), item.lead, item.trail, gap=item.gap) if isinstance(item, Part) else item


# --- blocks


def empty_block(c: LayoutContext, opening: Token, close: Token) -> Part:
    return braces(c.part(opening), [], c.part(close))


def block(c: LayoutContext, opening: Token, statements: list[Part], close: Token) -> Part:
    """Lay out a block; a semicolon after a statement that needs none stays with it, a second one is dropped."""
    kept: list[Part] = []
    for statement in statements:
        if statement.shape == "empty" and kept and not statement.lead:
            if kept[-1].separator is None:
                kept[-1].separator = statement
                continue
            if not statement.trail:
                continue
        kept.append(statement)
    return braces(c.part(opening), kept, c.part(close))


def block_last(c: LayoutContext, opening: Token, statements: list[Part], last: Part, close: Token) -> Part:
    return block(c, opening, [*statements, last], close)


def block_only(c: LayoutContext, opening: Token, last: Part, close: Token) -> Part:
    return block(c, opening, [last], close)


# --- statements


def expression_statement(c: LayoutContext, value: Part, semicolon: Token) -> Part:
    value.separator = c.part(semicolon)
    return value


def bare_expression(c: LayoutContext, value: Part) -> Part:
    return value


def empty_statement(c: LayoutContext, semicolon: Token) -> Part:
    part = c.part(semicolon)
    part.shape = "empty"
    return part


def assert_(c: LayoutContext, word: Token, condition: Part) -> Part:
    return c.row(word, SPACE, condition, shape="simple")


def let(c: LayoutContext, word: Token, name: Token, sign: Token, value: Part) -> Part:
    return c.row(word, SPACE, name, SPACE, assigned(c.part(sign), value), shape="simple")


def destructure(c: LayoutContext, word: Token, pattern: Part, sign: Token, value: Part) -> Part:
    return c.row(word, SPACE, pattern, SPACE, assigned(c.part(sign), value), shape="simple")


def let_typed(c: LayoutContext, word: Token, name: Token, colon: Token, type_: Part, sign: Token, value: Part) -> Part:
    ending = assigned(c.part(sign), value)
    return c.row(word, SPACE, name, colon, SPACE, type_, SPACE, ending, shape="simple")


def watch_let(c: LayoutContext, word: Token, let_word: Token, name: Token, sign: Token, value: Part) -> Part:
    return c.row(word, SPACE, let(c, let_word, name, sign, value), shape="simple")


def watch_let_typed(
    c: LayoutContext, word: Token, let_word: Token, name: Token, colon: Token, type_: Part, sign: Token, value: Part
) -> Part:
    return c.row(word, SPACE, let_typed(c, let_word, name, colon, type_, sign, value), shape="simple")


def assign(c: LayoutContext, target: Part, sign: Token, value: Part) -> Part:
    return cat(target, SPACE, assigned(c.part(sign), value), shape="simple")


def assign_compound(c: LayoutContext, target: Part, sign: Token, value: Part) -> Part:
    return assign(c, target, sign, value)


# --- loops


def while_(c: LayoutContext, word: Token, opening: Token, condition: Part, close: Token, body: Part) -> Part:
    return with_body(c, _head(c, word, opening, condition, close), body)


def _head(c: LayoutContext, word: Token, opening: Token, value: Part, close: Token, loose: bool = False) -> Part:
    """Return ``word (value)`` and the space after it."""
    return c.row(word, SPACE, parenthesised(c.part(opening), value, c.part(close), loose), SPACE)


def for_in(
    c: LayoutContext,
    word: Token,
    opening: Token,
    let: Token,
    name: Child,
    in_: Token,
    iterable: Part,
    close: Token,
    body: Part,
) -> Part:
    turn = c.row(let, SPACE, name, SPACE, in_, SPACE, iterable)
    return with_body(c, _head(c, word, opening, turn, close), body)


for_in_pattern = for_in


def for_(
    c: LayoutContext,
    word: Token,
    opening: Token,
    init: Part | None,
    first: Token,
    condition: Part | None,
    second: Token,
    step: Part | None,
    close: Token,
    body: Part,
) -> Part:
    items: list[Token | Part | Doc] = [first] if init is None else [init, first]
    items += [second] if condition is None else [LINE, condition, second]
    items += [] if step is None else [LINE, step]
    return with_body(c, _head(c, word, opening, c.row(*items), close, loose=True), body)


# --- branches


def if_(c: LayoutContext, word: Token, opening: Token, condition: Part, close: Token, then: Part) -> Part:
    return _branches([_head(c, word, opening, condition, close), then], then)


def if_else(
    c: LayoutContext,
    word: Token,
    opening: Token,
    condition: Part,
    close: Token,
    then: Part,
    else_: Token,
    otherwise: Part,
) -> Part:
    rest: list[Part | Doc] = otherwise.items if isinstance(otherwise, Branches) else [otherwise]
    if isinstance(otherwise, Branches) and isinstance(rest[0], Part):
        rest[0].lead, rest[0].gap = otherwise.lead, otherwise.gap
    head = _head(c, word, opening, condition, close)
    return _branches([head, then, SPACE, c.part(else_), SPACE, *rest], otherwise)


def _branches(items: list[Part | Doc], last: Part) -> Part:
    made = Branches(items=items, hug=True)
    assert isinstance(items[0], Part)
    made.surround(items[0], last)
    return made


def match(
    c: LayoutContext, word: Token, opening: Token, value: Part, close: Token, brace: Token, arms: list[Part], end: Token
) -> Part:
    return with_body(c, _head(c, word, opening, value, close), _arms(c, brace, arms, end))


def match_typed(
    c: LayoutContext,
    word: Token,
    opening: Token,
    value: Part,
    colon: Token,
    type_: Part,
    close: Token,
    brace: Token,
    arms: list[Part],
    end: Token,
) -> Part:
    return match(c, word, opening, c.row(value, colon, SPACE, type_), close, brace, arms, end)


def _arms(c: LayoutContext, brace: Token, arms: list[Part], close: Token) -> Part:
    return braces(c.part(brace), arms, c.part(close), comma=True)


def handler(c: LayoutContext, word: Token, brace: Token, arms: list[Part], close: Token) -> Part:
    return with_body(c, c.row(word, SPACE), _arms(c, brace, arms, close))


def handler_named(
    c: LayoutContext, word: Token, opening: Token, name: Token, end: Token, brace: Token, arms: list[Part], close: Token
) -> Part:
    return with_body(c, c.row(word, SPACE, opening, name, end, SPACE), _arms(c, brace, arms, close))


def catch(c: LayoutContext, operand: Part, handler: Part) -> Part:
    made = Grouped(cat(operand, SPACE, Part(handler.raw(), handler.lead, gap=handler.gap)).doc, hug=True)
    made.surround(operand, handler)
    return made
