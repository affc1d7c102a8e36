"""What a rule of the grammar is laid out as: a document, and the comments around it that are not part of it yet.

Rule: the comments before a part's first token and behind its last are kept apart until the part is put inside another,
so that they never force a line break into it; :func:`cat`, which puts parts together, writes those in the middle.
"""

from __future__ import annotations

import msgspec

from bamlvm.grammar.formatter.comments import Comment, leading, on_own_line, trailing
from bamlvm.grammar.formatter.documents import SPACE, Doc, concat, group


class Part(msgspec.Struct):
    """A document and its surroundings in the source."""

    doc: Doc = ""
    lead: tuple[Comment, ...] = ()
    trail: tuple[Comment, ...] = ()
    newline: bool = False
    """It began a line in the source."""
    blank: bool = False
    """An empty line stood before it."""
    gap: bool = False
    """An empty line stood between its comments and it."""
    shape: str = ""
    """What it is, where that makes a difference to what is around it: a ``word`` or string, a ``field``, a ``simple``
    statement, an ``empty`` one, a ``native`` body, or a member with lines of its own (``tall``)."""
    hug: bool = False
    """It ends in brackets with something in them, which can end a line: ``f(P {``."""
    separator: Part | None = None
    """The comma or semicolon behind it."""

    def raw(self) -> Doc:
        """Its document without the group around it."""
        return self.doc

    def settled(self) -> Doc:
        """Its document, as it stands inside another."""
        return self.raw()

    def surround(self, first: Part, last: Part) -> None:
        """Take over what stands before ``first`` and behind ``last``."""
        self.lead, self.newline, self.blank, self.gap = first.lead, first.newline, first.blank, first.gap
        self.trail = last.trail


class Grouped(Part):
    """A part that is written on one line if it fits."""

    def settled(self) -> Doc:
        return group(self.raw())


def led(part: Part) -> Doc:
    """A part with the comments before it."""
    return concat(leading(part.lead, part.gap), part.settled()) if part.lead else part.settled()


def inner(part: Part) -> Doc:
    """A part with the comments around it."""
    if part.lead or part.trail:
        return concat(leading(part.lead, part.gap), part.settled(), trailing(part.trail))
    return part.settled()


def cat(*items: Part | Doc, shape: str = "", hug: bool = False) -> Part:
    """Parts and documents in a row.  What surrounds the first and the last item stays around the whole."""
    docs: list[Doc] = []
    made = Part(shape=shape, hug=hug)
    last = len(items) - 1
    for index, item in enumerate(items):
        if not isinstance(item, Part):
            docs.append(item)
            continue
        if index == 0:
            made.lead, made.newline, made.blank, made.gap = item.lead, item.newline, item.blank, item.gap
        elif item.lead:
            docs += ["" if item.lead[0].own else SPACE, leading(item.lead, item.gap)]
        docs.append(item.settled())
        if index == last:
            made.trail = item.trail
        elif item.trail:
            docs += [trailing(item.trail), SPACE]
    made.doc = concat(*docs)
    return made


def take_over(dropped: Part, part: Part) -> Part:
    """``part`` with the comments around a token before it that is left out."""
    if dropped.lead or dropped.trail:
        part.gap = part.gap if part.lead else dropped.gap
        part.lead = (*dropped.lead, *on_own_line(dropped.trail), *part.lead)
    part.newline, part.blank = dropped.newline, dropped.blank
    return part
