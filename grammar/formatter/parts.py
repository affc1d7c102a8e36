"""What a rule of the grammar is laid out as: a document, and the comments around it that are not part of it yet.

Rule: the comments before a part's first token and behind its last are kept apart until the part is put inside another,
so that they never force a line break into it; :func:`cat`, which puts parts together, writes those in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bamlvm.grammar.formatter.comments import Comment, leading, on_own_line, trailing
from bamlvm.grammar.formatter.documents import (
    HARD,
    LINE,
    SOFT,
    SPACE,
    Doc,
    IfBroken,
    Line,
    choice,
    concat,
    group,
    indent,
)

TRAILING_COMMA: Final = IfBroken(",")


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
        part.lead = (*dropped.lead, *on_own_line(dropped.trail), *part.lead)
    part.newline, part.blank = dropped.newline, dropped.blank
    return part


class Separated(msgspec.Struct):
    """One element of a list, ready to be written: its comments stand on the right side of its separator."""

    part: Part
    body: Doc
    """With the block comments behind it."""
    behind: Doc
    """Comments behind its separator."""
    kept: Doc
    """A separator that must stay since a doc comment stands before it; else ""."""


def separate(elements: Sequence[Part], close: Part, dropping: bool = False) -> list[Separated]:
    """The elements of a list; comments that stood between an element and its separator on lines of their own go to the
    element behind it, or to ``close``.  ``dropping`` if the separators will be left out."""
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
    """``(a, b)``, ``[a, b]``, ``{ a, b }``: on one line, or one element a line.

    ``pad`` stands inside the brackets; ``comma`` says whether the last element has a comma if the lines end; ``forced``
    ends them in any case; with ``fill`` as many elements stand on a line as fit.
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
        docs += [group(*row) if fill and index else concat(*row), text, element.behind]
    made.doc = concat(
        opening.doc, trailing(opening.trail), indent(*docs, _last_comments(close)), HARD if forced else pad, close.doc
    )
    return made


def _between(line: Line, part: Part, forced: bool, first: bool) -> Line:
    return Line(line.flat, forced or line.hard, part.blank and not first)


def _nothing_between(opening: Part, close: Part) -> Doc:
    """The comments between two brackets with nothing else between them."""
    if close.lead:
        return concat(trailing(opening.trail), indent(HARD, leading(close.lead)), HARD)
    return concat(trailing(opening.trail), LINE) if opening.trail else ""


def _last_comments(close: Part) -> Doc:
    """The comments before a closing bracket."""
    if not close.lead:
        return ""
    return concat(Line(hard=True, blank=close.blank), leading(close.lead))


class Braces(Part, kw_only=True):
    """``{ … }`` with members, statements, arms or entries in it.

    On one line only if there is at most one, it was written so, and whoever is around does not forbid it.
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
            docs += [element.kept or self._end(part, index + 1 == len(separated)), element.behind]
            previous = part
        return concat(
            opening.doc,
            trailing(opening.trail),
            indent(*docs, _last_comments(close)),
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
    """``{ … }`` with the surroundings of its brackets."""
    made = Braces(opening=opening, elements=elements, close=close, comma=comma, forced=forced, hug=bool(elements))
    made.surround(opening, close)
    return made


class Series(Part, kw_only=True):
    """Operands with operators between them: ``a + b - c``, ``A | B``; where lines end, they begin with the operator."""

    level: str
    """Operators of one level are laid out alike."""
    first: Part
    rest: list[tuple[Part, Part]]
    forced: bool = False
    """Written on several lines, so it stays."""
    whole: Doc = ""

    def add(self, operator: Part, operand: Part) -> None:
        self.rest.append((operator, operand))
        self.trail = operand.trail
        self.hug = operand.hug

    def raw(self) -> Doc:
        if self.doc == "":
            docs: list[Doc] = [self.first.settled(), trailing(self.first.trail)]
            for index, (operator, operand) in enumerate(self.rest):
                docs += [HARD if self.forced else LINE, inner(operator), SPACE]
                docs.append(inner(operand) if index + 1 < len(self.rest) else led(operand))
            self.doc = concat(*docs)
        return self.doc

    def settled(self) -> Doc:
        if self.whole == "":
            self.whole = self._build()
        return self.whole

    def _build(self) -> Doc:
        whole = indent(self.raw())
        last = self.rest[-1][1]
        if not last.hug or last.lead or self.forced:
            return group(whole)
        docs: list[Doc] = [self.first.settled(), trailing(self.first.trail)]
        for operator, operand in self.rest[:-1]:
            docs += [SPACE, inner(operator), SPACE, inner(operand)]
        docs += [SPACE, inner(self.rest[-1][0]), SPACE]
        return choice(concat(*docs), last.raw(), "", whole)


def series(left: Part, operator: Part, right: Part, level: str) -> Series:
    """One more operand behind ``left``, which is taken apart if it is a series of the same level."""
    if isinstance(left, Series) and left.level == level:
        left.add(operator, right)
        return left
    made = Series(level=level, first=left, hug=right.hug, rest=[(operator, right)])
    made.surround(left, right)
    return made


def parenthesised(opening: Part, value: Part, close: Part, loose: bool = False) -> Part:
    """``(value)``: a series, or any value if ``loose``, may have lines of its own inside; others cling to their
    parentheses."""
    if not loose and not isinstance(value, Series) and not (value.lead or close.lead or opening.trail or value.trail):
        return cat(opening, value, close)
    made = Grouped()
    made.surround(opening, close)
    body = concat(leading(value.lead, value.gap), value.raw(), trailing(value.trail))
    made.doc = concat(opening.doc, trailing(opening.trail), indent(SOFT, body, _last_comments(close)), SOFT, close.doc)
    return made


def assigned(sign: Part, value: Part) -> Part:
    """``= value``, ``=> value``: only a word or a string that does not fit begins on the next line."""
    made = Part(hug=value.hug)
    made.surround(sign, value)
    if value.lead or sign.trail or value.shape == "word":
        line = concat(LINE, leading(value.lead, value.gap), value.settled())
        made.doc = concat(sign.doc, trailing(sign.trail), group(indent(line)))
    else:
        made.doc = concat(sign.doc, SPACE, value.settled())
    return made


class Chain(Part, kw_only=True):
    """``head.name(…)[…].name(…)``: if two calls or more do not fit on a line, each stands on a line of its own."""

    head: list[Part]
    """In a row: what the chain begins with, and what follows it without a name."""
    links: list[list[Part]]
    """Each begins with ``.name``; what follows it are arguments and indices."""

    def raw(self) -> Doc:
        if self.doc == "":
            self.doc = self._build()
        return self.doc

    def _rows(self) -> tuple[list[list[Part]], list[Part]]:
        """The links with names that are not called put before those that are, and the names at the end."""
        rows: list[list[Part]] = []
        names: list[Part] = []
        for link in self.links:
            names += link
            if len(link) > 1:
                rows.append(names)
                names = []
        return rows, names

    def _build(self) -> Doc:
        links, names = self._rows()
        first = cat(*self.head)
        if len(links) < 2:
            return cat(first, *(part for link in links for part in link), *names).doc
        rows = [cat(*link) for link in links[:-1]]
        rows.append(cat(*links[-1], *names))
        docs: list[Doc] = [first.doc, trailing(first.trail)]
        for index, row in enumerate(rows):
            docs += [indent(HARD, led(row)), trailing(row.trail) if index + 1 < len(rows) else ""]
        expanded = concat(*docs)
        last = links[-1][-1]
        if names or not last.hug or last.lead:
            return choice(cat(first, *rows).doc, "", "", expanded)
        before = cat(first, *rows[:-1], *links[-1][:-1])
        return choice(concat(before.doc, trailing(before.trail)), last.settled(), "", expanded)
