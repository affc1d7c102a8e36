"""Operands with operators between them, chains of calls, parentheses and assignments.

Rule: where a line is broken, the next one begins with the operator or the dot.
"""

from __future__ import annotations

from bamlvm.grammar.formatter.brackets import last_comments
from bamlvm.grammar.formatter.comments import leading, on_own_line, trailing
from bamlvm.grammar.formatter.documents import HARD, LINE, SOFT, SPACE, Doc, choice, concat, group, indent
from bamlvm.grammar.formatter.parts import Grouped, Part, cat, inner, led


class Series(Part, kw_only=True):
    """Operands with operators between them: ``a + b - c``, ``A | B``; a broken line begins with its operator."""

    level: str
    """Operators of one level make one series."""
    first: Part
    rest: list[tuple[Part, Part]]
    whole: Doc = ""

    def add(self, operator: Part, operand: Part) -> None:
        self.rest.append((operator, operand))
        self.trail = operand.trail
        self.hug = operand.hug

    def raw(self) -> Doc:
        if self.doc == "":
            docs: list[Doc] = [self.first.settled(), trailing(self.first.trail)]
            for index, (operator, operand) in enumerate(self.rest):
                docs += [LINE, inner(operator), SPACE]
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
        if not last.hug or last.lead:
            return group(whole)
        docs: list[Doc] = [self.first.settled(), trailing(self.first.trail)]
        for operator, operand in self.rest[:-1]:
            docs += [SPACE, inner(operator), SPACE, inner(operand)]
        docs += [SPACE, inner(self.rest[-1][0]), SPACE]
        return choice(concat(*docs), last.raw(), "", whole)


def series(left: Part, operator: Part, right: Part, level: str) -> Series:
    """Add an operand to ``left`` if that is a series of the same level, else begin a series."""
    if isinstance(left, Series) and left.level == level:
        _arrange(left.rest[-1][1], operator, right)
        left.add(operator, right)
        return left
    _arrange(left, operator, right)
    made = Series(level=level, first=left, hug=right.hug, rest=[(operator, right)])
    made.surround(left, right)
    return made


def series_of(operands: list[Part], level: str) -> Part:
    """Return a series of operands whose separators are the operators between them."""
    made, *rest = operands
    operator = made.separator
    made.separator = None
    for operand in rest:
        assert operator is not None, "the grammar has an operator between two operands"
        following, operand.separator = operand.separator, None
        made = series(made, operator, operand, level)
        operator = following
    return made


def _arrange(left: Part, operator: Part, right: Part) -> None:
    """Move the comments after an operator before it, as a line may be broken there: to the end of the line before if
    they were about that, else to lines of their own."""
    after, operator.trail = operator.trail, ()
    own = tuple(comment for comment in right.lead if comment.own)
    if after and after[-1].to_line_end:
        ended = left.trail and left.trail[-1].to_line_end
        if not (ended or operator.newline or operator.lead):
            left.trail, after = left.trail + after, ()
    elif not own:
        right.lead, after = after + right.lead, ()
    if after or own:
        operator.lead, operator.gap = on_own_line((*operator.lead, *after, *own)), False
        right.lead = right.lead[len(own) :]


def parenthesised(opening: Part, value: Part, close: Part, loose: bool = False) -> Part:
    """Return ``(value)``.  A series, or any value if ``loose``, may have lines of its own inside; others never have."""
    if not loose and not isinstance(value, Series) and not (value.lead or close.lead or opening.trail or value.trail):
        return cat(opening, value, close)
    made = Grouped()
    made.surround(opening, close)
    body = concat(leading(value.lead, value.gap), value.raw(), trailing(value.trail))
    made.doc = concat(opening.doc, trailing(opening.trail), indent(SOFT, body, last_comments(close)), SOFT, close.doc)
    return made


def assigned(sign: Part, value: Part) -> Part:
    """Return ``= value`` or ``=> value``; only a word or a string that does not fit begins on the next line."""
    made = Part(hug=value.hug)
    made.surround(sign, value)
    if value.lead or sign.trail or value.shape == "word":
        line = concat(LINE, leading(value.lead, value.gap), value.settled())
        made.doc = concat(sign.doc, trailing(sign.trail), group(indent(line)))
    else:
        made.doc = concat(sign.doc, SPACE, value.settled())
    return made


class Chain(Part, kw_only=True):
    """``head.name(…)[…].name(…)``: if two calls or more do not fit on a line, each has a line of its own."""

    head: list[Part]
    """What the chain begins with, and the arguments and indices directly after it."""
    links: list[list[Part]]
    """Each is ``.name``, and the arguments and indices after it."""

    def raw(self) -> Doc:
        if self.doc == "":
            self.doc = self._build()
        return self.doc

    def _rows(self) -> tuple[list[list[Part]], list[Part]]:
        """Return the rows of the chain: names that are not called are joined to the next one that is; and the rest."""
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
