"""What the actions that lay out one file share: its text and the comments around its tokens."""

from __future__ import annotations

from typing import TypeAlias

from bamlvm.grammar.formatter.comments import NOTHING, Surroundings
from bamlvm.grammar.formatter.documents import Doc, Verbatim
from bamlvm.grammar.formatter.parts import Part, cat
from bamlvm.grammar.tokens import Token

Child: TypeAlias = Token | Part
"""A rule's child.  A rule of one child and no action passes its token on."""


class LayoutContext:
    """The first argument of every action; it makes parts of tokens."""

    def __init__(self, text: str, surroundings: dict[int, Surroundings]) -> None:
        self.text = text
        self.surroundings = surroundings

    def part(self, child: Child) -> Part:
        """Return a token with what surrounds it; a part is returned as it is."""
        if isinstance(child, Part):
            return child
        around = self.surroundings.get(child.start, NOTHING)
        doc: Doc = Verbatim(child.text) if "\n" in child.text else child.text
        return Part(doc, around.lead, around.trail, around.newline, around.blank, around.gap)

    def row(self, *items: Child | Doc, shape: str = "", hug: bool = False) -> Part:
        """Put children and documents in a row."""
        return cat(*(self.part(item) if isinstance(item, Token) else item for item in items), shape=shape, hug=hug)

    def word(self, token: Token) -> Part:
        """Return a token that is a whole value."""
        part = self.part(token)
        if "\n" not in token.text:
            part.shape = "word"
        return part
