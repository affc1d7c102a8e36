"""The layout of top-level items: the actions of ``baml.lark``, as in ``actions.py``."""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import Braces, braces, bracketed
from bamlvm.grammar.formatter.comments import leading, trailing
from bamlvm.grammar.formatter.documents import HARD, LINE, SPACE, Doc, IfBroken, concat, group, indent
from bamlvm.grammar.formatter.layout_statements import StatementLayout
from bamlvm.grammar.formatter.layout_types import Piece, Returns, own_attributes, with_attributes
from bamlvm.grammar.formatter.operands import Series, assigned
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, led
from bamlvm.grammar.tokens import Token


class ItemLayout(StatementLayout):
    """The actions for items; one instance lays out one item."""

    # --- classes and enums

    def class_(
        self, word: Piece, name: Token, type_parameters: list[Part], opening: Token, members: list[Part], close: Token
    ) -> Part:
        body = braces(self.part(opening), members, self.part(close), forced=True)
        return self.row(word, SPACE, name, *type_parameters, SPACE, body, shape="tall")

    def dynamic_class(
        self,
        dynamic: Token,
        word: Token,
        name: Token,
        type_parameters: list[Part],
        opening: Token,
        members: list[Part],
        close: Token,
    ) -> Part:
        item = self.class_(self._no_item(dynamic, word), name, type_parameters, opening, members, close)
        return self.row(dynamic, SPACE, item, shape="tall")

    def enum(self, word: Piece, name: Token, opening: Token, variants: list[Part], close: Token) -> Part:
        body = braces(self.part(opening), variants, self.part(close), forced=True)
        return self.row(word, SPACE, name, SPACE, body, shape="tall")

    def dynamic_enum(
        self, dynamic: Token, word: Token, name: Token, opening: Token, variants: list[Part], close: Token
    ) -> Part:
        item = self.enum(self._no_item(dynamic, word), name, opening, variants, close)
        return self.row(dynamic, SPACE, item, shape="tall")

    def _no_item(self, dynamic: Token, word: Token) -> Part:
        """The word behind ``dynamic``; if a comment puts it on a line of its own, that must not look like an item."""
        part = self.part(word)
        if any(comment.own for comment in part.lead) or any(each.to_line_end for each in self.part(dynamic).trail):
            part.doc = concat(part.doc, HARD)
        return part

    def field(self, name: Token, type_: Part) -> Part:
        return self._field(self.row(name, SPACE), type_)

    def field_colon(self, name: Token, colon: Token, type_: Part) -> Part:
        return self._field(self.row(name, colon, SPACE), type_)

    def _field(self, name: Part, type_: Part) -> Part:
        type_, attributes = own_attributes(type_)
        made = with_attributes(cat(name, type_), attributes)
        made.shape = "field"
        return made

    def variant(self, name: Token, attributes: list[Part] | None = None) -> Part:
        return with_attributes(self.part(name), attributes or [])

    def alias(self, word: Token, name: Token, sign: Token, type_: Part, semicolon: Token | None = None) -> Part:
        """A union that was written on several lines stays so."""
        type_, attributes = own_attributes(type_)
        head = self.row(word, SPACE, name, SPACE)
        sign_ = self.part(sign)
        ending = _members(sign_, type_) if isinstance(type_, Series) else assigned(sign_, type_)
        made = with_attributes(cat(head, ending), attributes)
        if semicolon is None:
            return made
        end = self.part(semicolon)
        if made.trail or end.lead:
            return cat(made, end)
        made.trail = end.trail
        return made

    # --- functions

    def function(
        self,
        word: Token,
        name: Token,
        type_parameters: list[Part],
        opening: Token,
        parameters: list[Part],
        close: Token,
        *rest: Part,
    ) -> Part:
        """A signature that is too long first ends its line before ``throws``, then in its parameters."""
        returns, body = rest[0] if len(rest) > 1 else None, rest[-1]
        throws: Part | None = None
        types: Part = bracketed(self.part(opening), parameters, self.part(close))
        if isinstance(returns, Returns):
            throws = returns.throws
            types = _with_result(types, returns.result)
        head = self.row(word, SPACE, name, *type_parameters, types)
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

    def native_body(self, word: Token) -> Part:
        part = self.part(word)
        part.shape = "native"
        return part

    def parameter_untyped(self, name: Token) -> Part:
        return self.part(name)

    def llm_body(self, opening: Token, entries: list[Part], close: Token) -> Part:
        return braces(self.part(opening), entries, self.part(close), forced=True)

    def llm_client(self, word: Token, value: Token) -> Part:
        return self.row(word, SPACE, value)

    def llm_prompt(self, word: Token, prompt: Part) -> Part:
        return self.row(word, SPACE, prompt)

    def prompt(self, token: Token) -> Part:
        return self.part(token)

    def template_string(
        self, word: Token, name: Token, opening: Token, parameters: list[Part], close: Token, prompt: Part
    ) -> Part:
        bracket = bracketed(self.part(opening), parameters, self.part(close))
        return self.row(word, SPACE, name, bracket, SPACE, prompt)

    def template_string_bare(self, word: Token, name: Token, prompt: Part) -> Part:
        return self.row(word, SPACE, name, SPACE, prompt)

    # --- configured items

    def client(self, word: Token, name: Token, body: Part) -> Part:
        return self.row(word, SPACE, name, SPACE, _forced(body))

    def client_of(self, word: Token, less: Token, kind: Token, greater: Token, name: Token, body: Part) -> Part:
        return self.row(word, less, kind, greater, SPACE, name, SPACE, _forced(body))

    def generator(self, word: Token, name: Token, body: Part) -> Part:
        return self.client(word, name, body)

    def retry_policy(self, word: Token, name: Token, body: Part) -> Part:
        return self.client(word, name, body)

    def test(self, word: Token, name: Token, body: Part) -> Part:
        return self.client(word, name, body)

    def test_call(self, word: Token, name: Token, opening: Token, close: Token, body: Part) -> Part:
        return self.row(word, SPACE, name, opening, close, SPACE, _forced(body))

    def type_builder(self, word: Token, opening: Token, items: list[Part], close: Token) -> Part:
        return self.row(word, SPACE, braces(self.part(opening), items, self.part(close), forced=True))


def _members(sign: Part, union: Series) -> Part:
    """``= A | B``, or a member a line, the first one with a bar too."""
    line = HARD if union.rest[0][0].newline else LINE
    docs = (line, leading(union.lead, union.gap), IfBroken("| "), union.raw())
    made = Part(concat(sign.doc, trailing(sign.trail), group(indent(*docs))))
    made.surround(sign, union)
    return made


def _with_result(parameters: Part, result: Part | None) -> Part:
    """Parameters and ``-> T``: what is too long ends its lines in the parameters first."""
    if result is None:
        return parameters
    made = Grouped(cat(Part(parameters.raw(), trail=parameters.trail), SPACE, result).doc)
    made.surround(parameters, result)
    return made


def _forced(body: Part) -> Part:
    """An item's braces, one entry a line."""
    if isinstance(body, Braces):
        body.forced = True
    return body
