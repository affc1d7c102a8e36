"""The layout of blocks, statements and branches: the actions of ``baml.lark``, as in ``actions_expressions.py``."""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import braces
from bamlvm.grammar.formatter.documents import LINE, SPACE, Doc, group
from bamlvm.grammar.formatter.layout_expressions import ExpressionLayout
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
    """A part without the group around it."""
    return Part(item.raw(), item.lead, item.trail, gap=item.gap) if isinstance(item, Part) else item


class StatementLayout(ExpressionLayout):
    """Actions for blocks, statements and branches."""

    # --- blocks

    def empty_block(self, opening: Token, close: Token) -> Part:
        return braces(self.part(opening), [], self.part(close))

    def block(self, opening: Token, statements: list[Part], close: Token) -> Part:
        """A semicolon behind a statement that needs none stays with it; one behind another goes."""
        kept: list[Part] = []
        for statement in statements:
            if statement.shape == "empty" and kept and not statement.lead:
                if kept[-1].separator is None:
                    kept[-1].separator = statement
                    continue
                if not statement.trail:
                    continue
            kept.append(statement)
        return braces(self.part(opening), kept, self.part(close))

    def block_last(self, opening: Token, statements: list[Part], last: Part, close: Token) -> Part:
        return self.block(opening, [*statements, last], close)

    def block_only(self, opening: Token, last: Part, close: Token) -> Part:
        return self.block(opening, [last], close)

    # --- statements

    def expression_statement(self, value: Part, semicolon: Token) -> Part:
        value.separator = self.part(semicolon)
        return value

    def bare_expression(self, value: Part) -> Part:
        return value

    def empty_statement(self, semicolon: Token) -> Part:
        part = self.part(semicolon)
        part.shape = "empty"
        return part

    def assert_(self, word: Token, condition: Part) -> Part:
        return self.row(word, SPACE, condition, shape="simple")

    def let(self, word: Token, name: Token, sign: Token, value: Part) -> Part:
        return self.row(word, SPACE, name, SPACE, assigned(self.part(sign), value), shape="simple")

    def let_typed(self, word: Token, name: Token, colon: Token, type_: Part, sign: Token, value: Part) -> Part:
        ending = assigned(self.part(sign), value)
        return self.row(word, SPACE, name, colon, SPACE, type_, SPACE, ending, shape="simple")

    def watch_let(self, word: Token, let: Token, name: Token, sign: Token, value: Part) -> Part:
        return self.row(word, SPACE, self.let(let, name, sign, value), shape="simple")

    def watch_let_typed(
        self, word: Token, let: Token, name: Token, colon: Token, type_: Part, sign: Token, value: Part
    ) -> Part:
        return self.row(word, SPACE, self.let_typed(let, name, colon, type_, sign, value), shape="simple")

    def assign(self, target: Part, sign: Token, value: Part) -> Part:
        return cat(target, SPACE, assigned(self.part(sign), value), shape="simple")

    def assign_compound(self, target: Part, sign: Token, value: Part) -> Part:
        return self.assign(target, sign, value)

    # --- loops

    def while_(self, word: Token, opening: Token, condition: Part, close: Token, body: Part) -> Part:
        return self.with_body(self._head(word, opening, condition, close), body)

    def _head(self, word: Token, opening: Token, value: Part, close: Token, loose: bool = False) -> Part:
        """``word (value)`` and the space behind it."""
        return self.row(word, SPACE, parenthesised(self.part(opening), value, self.part(close), loose), SPACE)

    def for_in(
        self,
        word: Token,
        opening: Token,
        let: Token,
        name: Token,
        in_: Token,
        iterable: Part,
        close: Token,
        body: Part,
    ) -> Part:
        turn = self.row(let, SPACE, name, SPACE, in_, SPACE, iterable)
        return self.with_body(self._head(word, opening, turn, close), body)

    def for_(
        self,
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
        return self.with_body(self._head(word, opening, self.row(*items), close, loose=True), body)

    # --- branches

    def if_(self, word: Token, opening: Token, condition: Part, close: Token, then: Part) -> Part:
        return self._branches([self._head(word, opening, condition, close), then], then)

    def if_else(
        self, word: Token, opening: Token, condition: Part, close: Token, then: Part, else_: Token, otherwise: Part
    ) -> Part:
        rest: list[Part | Doc] = otherwise.items if isinstance(otherwise, Branches) else [otherwise]
        if isinstance(otherwise, Branches) and isinstance(rest[0], Part):
            rest[0].lead, rest[0].gap = otherwise.lead, otherwise.gap
        head = self._head(word, opening, condition, close)
        return self._branches([head, then, SPACE, self.part(else_), SPACE, *rest], otherwise)

    def _branches(self, items: list[Part | Doc], last: Part) -> Part:
        made = Branches(items=items, hug=True)
        assert isinstance(items[0], Part)
        made.surround(items[0], last)
        return made

    def match(
        self, word: Token, opening: Token, value: Part, close: Token, brace: Token, arms: list[Part], end: Token
    ) -> Part:
        return self.with_body(self._head(word, opening, value, close), self._arms(brace, arms, end))

    def match_typed(
        self,
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
        return self.match(word, opening, self.row(value, colon, SPACE, type_), close, brace, arms, end)

    def _arms(self, brace: Token, arms: list[Part], close: Token) -> Part:
        return braces(self.part(brace), arms, self.part(close), comma=True)

    def handler(self, word: Token, brace: Token, arms: list[Part], close: Token) -> Part:
        return self.with_body(self.row(word, SPACE), self._arms(brace, arms, close))

    def handler_named(
        self, word: Token, opening: Token, name: Token, end: Token, brace: Token, arms: list[Part], close: Token
    ) -> Part:
        return self.with_body(self.row(word, SPACE, opening, name, end, SPACE), self._arms(brace, arms, close))

    def catch(self, operand: Part, handler: Part) -> Part:
        made = Grouped(cat(operand, SPACE, Part(handler.raw(), handler.lead, gap=handler.gap)).doc, hug=True)
        made.surround(operand, handler)
        return made
