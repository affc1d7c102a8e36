"""Brackets with a list inside: on one line, or one element a line.

Rule: commas and semicolons belong to the list, not to its elements: the layout adds and drops them, and a comment
beside one stays after the element before it or moves before the one after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bamlvm.grammar.formatter.comments import Comment, leading, on_own_line, trailing
from bamlvm.grammar.formatter.documents import HARD, LINE, SOFT, SPACE, Doc, IfBroken, Line, concat, group, indent
from bamlvm.grammar.formatter.parts import Grouped, Part, inner

TRAILING_COMMA: Final = IfBroken(",")


class Separated(msgspec.Struct):
    """One element of a list with its comments arranged around its separator."""

    part: Part
    body: Doc
    """With the block comments after it."""
    after: Doc
    """Comments after its separator."""
    kept: Doc
    """A separator that must stay because a doc comment is before it, with what surrounds it; else ""."""


def separate(elements: Sequence[Part], close: Part, dropping: bool = False) -> list[Separated]:
    """Arrange the comments around the separators of a list.

    Those between an element and its separator, on lines of their own, move to the next element, or to ``close``.  With
    ``dropping`` the separators will be left out, except one that keeps a doc comment from documenting the next element.
    """
    made: list[Separated] = []
    carried: tuple[Comment, ...] = ()
    for part in elements:
        _carry(carried, part)
        separator = part.separator
        queue = list(part.trail)
        if separator is not None:
            if dropping and any(comment.is_doc for comment in (*part.trail, *separator.lead)):
                kept = concat(trailing(part.trail), inner(separator))
                made.append(Separated(part, part.settled(), "", kept))
                carried = ()
                continue
            queue += separator.lead
            count = len(queue)
            queue += separator.trail
        else:
            count = len(queue)
        # The queue holds the comments after the element, before its separator (up to `count`) and after it.  Up to
        # `first` they stay before the separator, up to `second` after it on the same line; the rest moves on.
        first = 0
        while first < count and not queue[first].to_line_end and not queue[first].newline:
            first += 1
        second = first
        while second < len(queue) and not queue[second].newline:
            second += 1
            if queue[second - 1].to_line_end:
                break
        carried = on_own_line(queue[second:])
        body = concat(part.settled(), trailing(queue[:first]))
        made.append(Separated(part, body, trailing(queue[first:second]), ""))
    _carry(carried, close)
    return made


def _carry(comments: tuple[Comment, ...], part: Part) -> None:
    if comments:
        if not part.lead:
            part.gap = part.blank
        part.lead = comments + part.lead
        part.newline, part.blank = True, comments[0].blank


def bracketed(
    opening: Part,
    elements: Sequence[Part],
    close: Part,
    pad: Line = SOFT,
    comma: bool = True,
    forced: bool = False,
    fill: bool = False,
) -> Part:
    """Lay out ``(a, b)``, ``[a, b]``, ``{ a, b }`` on one line, or one element a line.

    ``pad`` is inside the brackets.  With ``comma`` the last element has a comma if there is one element a line, which
    ``forced`` demands.  With ``fill`` a line has as many elements as fit.
    """
    made = Grouped(hug=bool(elements))
    made.surround(opening, close)
    if not elements:
        made.doc = concat(opening.doc, _nothing_between(opening, close), close.doc)
        return made
    docs: list[Doc] = []
    separated = separate(elements, close)
    for index, element in enumerate(separated):
        part = element.part
        line = _between(pad if not index else LINE, part, forced, not index)
        text: Doc = "," if index + 1 < len(separated) else TRAILING_COMMA if comma else ""
        row = (line, leading(part.lead, part.gap), element.body)
        docs += [group(*row) if fill and index else concat(*row), text, element.after]
    made.doc = concat(
        opening.doc, trailing(opening.trail), indent(*docs, last_comments(close)), HARD if forced else pad, close.doc
    )
    return made


def _between(line: Line, part: Part, forced: bool, first: bool) -> Line:
    return Line(line.flat, forced or line.hard, part.blank and not first)


def _nothing_between(opening: Part, close: Part) -> Doc:
    """Lay out the comments between two brackets that have nothing else between them."""
    if close.lead:
        return concat(trailing(opening.trail), indent(HARD, leading(close.lead)), HARD)
    return concat(trailing(opening.trail), SPACE) if opening.trail else ""


def last_comments(close: Part) -> Doc:
    """Lay out the comments before a closing bracket."""
    if not close.lead:
        return ""
    return concat(Line(hard=True, blank=close.blank), leading(close.lead))


class Braces(Part, kw_only=True):
    """``{ … }`` with members, statements, arms or entries in it.

    On one line only if there is at most one, it was written so, and ``forced`` does not forbid it.
    """

    opening: Part
    elements: list[Part]
    close: Part
    comma: bool = False
    """The elements are followed by commas."""
    forced: bool = False

    def raw(self) -> Doc:
        if self.doc == "":
            self.doc = self._build()
        return self.doc

    def settled(self) -> Doc:
        return group(self.raw())

    def _build(self) -> Doc:
        opening, close, elements = self.opening, self.close, self.elements
        if not elements:
            return concat(opening.doc, _nothing_between(opening, close), close.doc)
        forced = self.forced or len(elements) > 1 or elements[0].newline
        docs: list[Doc] = []
        previous: Part | None = None
        separated = separate(elements, close, dropping=not self.comma)
        for index, element in enumerate(separated):
            part = element.part
            blank = part.blank or (previous is not None and "tall" in (previous.shape, part.shape))
            docs += [Line(" ", forced, blank and index > 0), leading(part.lead, part.gap), element.body]
            docs += [element.kept or self._end(part, index + 1 == len(separated)), element.after]
            previous = part
        return concat(
            opening.doc,
            trailing(opening.trail),
            indent(*docs, last_comments(close)),
            HARD if forced else LINE,
            close.doc,
        )

    def _end(self, part: Part, last: bool) -> Doc:
        if self.comma:
            return TRAILING_COMMA if last else ","
        if part.separator is not None and part.separator.doc == ";":
            return ";" if part.shape != "field" else ""
        return IfBroken(";") if part.shape == "simple" else ""


def braces(opening: Part, elements: list[Part], close: Part, *, comma: bool = False, forced: bool = False) -> Braces:
    """Return ``{ … }`` with the surroundings of its brackets."""
    made = Braces(opening=opening, elements=elements, close=close, comma=comma, forced=forced, hug=bool(elements))
    made.surround(opening, close)
    return made
