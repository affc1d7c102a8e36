"""Documents, text with places where a line may end, and the printer that renders them.

Rule: a group is written on one line if it fits there, else each of its own :class:`Line` documents is a line break:
the group is *broken* (Wadler, "A prettier printer").  Indentation is written with the text after it: no line ends in
blank space.  A document with a forced line break is *hard*: it cannot be written on one line, nor can a group around
it.  Widths count Unicode scalars.  Each group is measured only up to the end of the line, so the time is linear in the
document.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

WIDTH: Final = 100
"""The width of a line of code, as far as it can be broken; comments and strings are never cut."""

INDENT: Final = 2
"""The columns of a step of indentation."""


class Verbatim(msgspec.Struct, frozen=True):
    """Text that may hold line breaks, written as it is."""

    text: str
    hard: bool = False


class Space(msgspec.Struct, frozen=True):
    """A space, unless the line ends there."""

    hard: bool = False


class Line(msgspec.Struct, frozen=True):
    """``flat`` in a group on one line; in a broken one, or if ``hard``, a line break, and a second one if ``blank``."""

    flat: str = ""
    hard: bool = False
    blank: bool = False


class Fresh(msgspec.Struct, frozen=True):
    """A line break, unless one was just written.  With ``late`` it is written before the next text, unless a line break
    comes first."""

    late: bool = False
    blank: bool = False
    hard: bool = True


class Remark(msgspec.Struct, frozen=True):
    """A comment at the end of a line, which does not count towards its width."""

    text: str
    hard: bool = False


class Concat(msgspec.Struct, frozen=True):
    parts: tuple[Doc, ...]
    hard: bool


class Indent(msgspec.Struct, frozen=True):
    """A document whose lines are indented by one step more."""

    doc: Doc
    hard: bool


class Group(msgspec.Struct, frozen=True):
    """A document on one line if it fits."""

    doc: Doc
    hard: bool


class IfBroken(msgspec.Struct, frozen=True):
    """``broken`` in a broken group, else ``flat``."""

    broken: str
    flat: str = ""
    hard: bool = False


class Choice(msgspec.Struct, frozen=True):
    """``prefix last suffix`` on one line; else with line breaks in ``last`` only; else ``expanded``."""

    prefix: Doc
    last: Doc
    suffix: Doc
    expanded: Doc
    hard: bool


Doc: TypeAlias = str | Verbatim | Space | Line | Fresh | Remark | Concat | Indent | Group | IfBroken | Choice

SPACE: Final = Space()
SOFT: Final = Line()
LINE: Final = Line(" ")
HARD: Final = Line(hard=True)
FRESH: Final = Fresh()
FRESH_BLANK: Final = Fresh(blank=True)
LATE: Final = Fresh(late=True)
LATE_BLANK: Final = Fresh(late=True, blank=True)


def is_hard(doc: Doc) -> bool:
    """Whether a document cannot be written on one line."""
    return type(doc) is not str and doc.hard  # type: ignore[union-attr]  # no str here


def concat(*parts: Doc) -> Doc:
    """Return documents one after the other."""
    kept = tuple(part for part in parts if part != "")
    if len(kept) < 2:
        return kept[0] if kept else ""
    return Concat(kept, any(map(is_hard, kept)))


def indent(*parts: Doc) -> Doc:
    """Return documents one after the other, indented."""
    doc = concat(*parts)
    return Indent(doc, is_hard(doc))


def group(*parts: Doc) -> Doc:
    """Return documents one after the other, on one line if they fit."""
    doc = concat(*parts)
    return doc if type(doc) in (str, Group, Choice) else Group(doc, is_hard(doc))


def choice(prefix: Doc, last: Doc, suffix: Doc, expanded: Doc) -> Doc:
    """Return a :class:`Choice`."""
    return Choice(prefix, last, suffix, expanded, is_hard(prefix) or is_hard(last) or is_hard(suffix))


def render(doc: Doc, width: int = WIDTH, line_break: str = "\n", step: int = INDENT) -> str:
    """Return the document's text, without a line break at its end; ``step`` are the columns of an indentation."""
    printer = _Printer(width, line_break, step)
    printer.run(doc)
    return "".join(printer.out)


_Command: TypeAlias = tuple[int, bool, Doc]
"""The indentation, whether the group around is broken, and the document to write."""


class _Printer:
    def __init__(self, width: int, line_break: str, step: int) -> None:
        self.width = width
        self.line_break = line_break
        self.step = step
        self.out: list[str] = []
        self.column = 0
        self.at_start = True
        """The line is empty yet; its indentation is written with its first text."""
        self.space = False
        """A space is due before the next text on the line."""
        self.due: Fresh | None = None
        """A line break is due before the next text."""

    def run(self, doc: Doc) -> None:
        stack: list[_Command] = [(0, True, doc)]
        while stack:
            depth, broken, doc = stack.pop()
            kind = type(doc)
            if kind is str:
                self.write(doc, depth)  # type: ignore[arg-type]  # a str by its type above
            elif kind is Concat:
                stack.extend([(depth, broken, part) for part in reversed(doc.parts)])  # type: ignore[union-attr]  # the only one left
            elif kind is Space:
                self.space = True
            elif isinstance(doc, Line):
                if broken or doc.hard:
                    self.end_line(depth, doc.blank)
                elif doc.flat:
                    self.space = True
            elif isinstance(doc, Group):
                flat = not doc.hard and self.fits(stack, [(False, doc.doc)], depth)
                stack.append((depth, not flat, doc.doc))
            elif isinstance(doc, Indent):
                stack.append((depth + self.step, broken, doc.doc))
            elif isinstance(doc, IfBroken):
                text = doc.broken if broken else doc.flat
                if text:
                    self.write(text, depth)
            elif isinstance(doc, Choice):
                self.choose(stack, depth, doc)
            elif isinstance(doc, Fresh):
                if doc.late:
                    self.due = doc
                elif not self.at_start:
                    self.end_line(depth, doc.blank)
            elif isinstance(doc, Verbatim | Remark):
                self.write(doc.text, depth)
                *_, last = doc.text.rsplit("\n", 1)
                if len(last) < len(doc.text):
                    self.column = len(last)

    def write(self, text: str, depth: int) -> None:
        if self.due is not None:
            self.end_line(depth, self.due.blank)
        if self.at_start:
            if self.column:
                self.out.append(" " * self.column)
            self.at_start = False
        elif self.space:
            self.out.append(" ")
            self.column += 1
        self.space = False
        self.out.append(text)
        self.column += len(text)

    def end_line(self, depth: int, blank: bool) -> None:
        if self.due is not None:
            blank = blank or self.due.blank
            self.due = None
        self.out.append(self.line_break * 2 if blank else self.line_break)
        self.column = depth
        self.at_start = True
        self.space = False

    def choose(self, stack: list[_Command], depth: int, doc: Choice) -> None:
        parts = [(False, doc.suffix), (False, doc.last), (False, doc.prefix)]
        if not doc.hard and self.fits(stack, parts, depth):
            stack.extend([(depth, broken, part) for broken, part in parts])
            return
        parts = [(True, doc.suffix), (True, doc.last), (False, doc.prefix)]
        if not is_hard(doc.prefix) and self.fits(stack, parts, depth):
            stack.extend([(depth, broken, part) for broken, part in parts])
        else:
            stack.append((depth, True, doc.expanded))

    def fits(self, stack: list[_Command], parts: list[tuple[bool, Doc]], depth: int) -> bool:
        """Whether ``parts`` (the last one first) and what follows them on the stack fit up to the next line break."""
        # The stack below is only read, from its top down: commands that would follow the parts.
        left = self.width - (self.column if self.due is None else depth)
        space = self.space and not self.at_start and self.due is None
        below = len(stack)
        waiting: list[tuple[bool, Doc, int]] = [(broken, doc, 0) for broken, doc in parts]
        while True:
            if not waiting:
                if not below:
                    return True
                below -= 1
                _, broken, doc = stack[below]
                at = 0
            else:
                broken, doc, at = waiting.pop()
            text = ""
            if type(doc) is str:
                text = doc
            elif isinstance(doc, Concat):
                if at + 1 < len(doc.parts):
                    waiting.append((broken, doc, at + 1))
                if doc.parts:
                    waiting.append((broken, doc.parts[at], 0))
            elif isinstance(doc, Space):
                space = True
            elif isinstance(doc, Line):
                if broken or doc.hard:
                    return True
                space = space or bool(doc.flat)
            elif isinstance(doc, Group | Indent):
                waiting.append((broken, doc.doc, 0))
            elif isinstance(doc, IfBroken):
                text = doc.broken if broken else doc.flat
            elif isinstance(doc, Choice):
                if broken:
                    waiting.append((True, doc.expanded, 0))
                else:
                    waiting += [(False, doc.suffix, 0), (False, doc.last, 0), (False, doc.prefix, 0)]
            elif isinstance(doc, Fresh):
                return True
            elif isinstance(doc, Verbatim):
                first, *rest = doc.text.split("\n", 1)
                if rest:
                    return len(first) + space <= left
                text = first
            if text:
                left -= len(text) + space
                space = False
                if left < 0:
                    return False
