"""Parts: the layout of a rule's tokens, a document with the comments around it that are not part of it yet.

Rule: the comments before a part's first token and after its last are kept apart until the part is put inside another,
so that they never force a line break into it; :func:`cat`, which puts parts together, writes those in the middle.
"""

from __future__ import annotations

import msgspec

from bamlvm.grammar.formatter.comments import Comment, leading, on_own_line, trailing
from bamlvm.grammar.formatter.documents import SPACE, Doc, concat, group


class Part(msgspec.Struct):
    """A document and its surroundings in the source; see :class:`bamlvm.grammar.formatter.comments.Surroundings`."""

    doc: Doc = ""
    lead: tuple[Comment, ...] = ()
    trail: tuple[Comment, ...] = ()
    newline: bool = False
    blank: bool = False
    gap: bool = False
    shape: str = ""
    """A property that what is around it depends on: a ``word`` or string, a ``field``, a ``simple`` statement, an
    ``empty`` one, an ``optional`` type, a ``native`` body, or a member with lines of its own (``tall``)."""
    hug: bool = False
    """It ends in brackets that are not empty, so that a line can end in its opening one: ``f(P {``."""
    separator: Part | None = None
    """The comma or semicolon after it."""

    def raw(self) -> Doc:
        """Return its document without the group around it."""
        return self.doc

    def settled(self) -> Doc:
        """Return its document for use inside another."""
        return self.raw()

    def surround(self, first: Part, last: Part) -> None:
        """Take the surroundings of the whole from its first and its last part."""
        self.lead, self.newline, self.blank, self.gap = first.lead, first.newline, first.blank, first.gap
        self.trail = last.trail


class Grouped(Part):
    """A part that is written on one line if it fits."""

    def settled(self) -> Doc:
        return group(self.raw())


def led(part: Part) -> Doc:
    """Return a part's document with the comments before it."""
    return concat(leading(part.lead, part.gap), part.settled()) if part.lead else part.settled()


def inner(part: Part) -> Doc:
    """Return a part's document with the comments around it."""
    if part.lead or part.trail:
        return concat(leading(part.lead, part.gap), part.settled(), trailing(part.trail))
    return part.settled()


def cat(*items: Part | Doc, shape: str = "", hug: bool = False) -> Part:
    """Put parts and documents in a row; the comments before the first and after the last stay around the whole."""
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
    """Return ``part`` with the comments around a token before it that is left out."""
    if dropped.lead or dropped.trail:
        part.gap = part.gap if part.lead else dropped.gap
        part.lead = (*dropped.lead, *on_own_line(dropped.trail), *part.lead)
    part.newline, part.blank = dropped.newline, dropped.blank
    return part
