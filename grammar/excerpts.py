"""Diagnostics for a terminal: the message, and the lines of source that it is about.

Rule: the layout is that of rustc: a gutter with line numbers, carets below what the diagnostic is about, dashes below
its labels, hints at the end.  Columns are those of a terminal: a tab is four, a wide character two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic, Severity, sort
from bamlvm.grammar.printable import printable
from bamlvm.grammar.source import SourceFile, Span

_RESET: Final = "\x1b[0m"


_COLORS: Final = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "label": "\x1b[1;34m",
    "hint": "\x1b[1;36m",
    "strong": "\x1b[1m",
}


_MAX_RAIL: Final = 6
"""Of a range over more lines than this, only the first two and the last two are shown."""


_MAX_COLUMNS: Final = 160
"""An excerpt's line that is wider is cut around what it is about."""


def render(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], color: bool = False) -> str:
    """Return a diagnostic as text: headline, place, excerpt with carets, labels, hint; without a line break at its end.

    ``sources`` are the files by path; there is no excerpt of one that is missing there.
    """
    return _Renderer(sources, color).render(diagnostic)


def render_all(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], color: bool = False) -> str:
    """Return every diagnostic in order, with a blank line between two, and their number at the end; "" for none."""
    ordered = sort(diagnostics)
    if not ordered:
        return ""
    texts = [render(diagnostic, sources, color) for diagnostic in ordered]
    return "\n\n".join([*texts, summary(ordered)]) + "\n"


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Return ``2 errors, 1 warning``."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    counts = ((severities.count("error"), "error"), (severities.count("warning"), "warning"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count) or "no errors"


class _Mark(msgspec.Struct):
    """Part of a line to underline: columns from 0, as characters of the line."""

    start: int
    end: int
    message: str
    sign: str


class _Rail(msgspec.Struct):
    """A range over lines, shown by a rail at their left: lines from 1, columns from 0, the last one included."""

    first_line: int
    first_column: int
    last_line: int
    last_column: int
    opens_line: bool
    """Whether only blanks are before it on its first line: then the rail begins there, without a row of its own."""

    @property
    def first_lines(self) -> range:
        return range(self.first_line, self.first_line + 2)

    @property
    def last_lines(self) -> range:
        return range(self.last_line - 1, self.last_line + 1)

    def sides(self, line: int) -> tuple[str, str]:
        """Return the margins left of a line and of the marks below it."""
        if line == self.first_line:
            return ("/ ", "| ") if self.opens_line else ("  ", "  ")
        return ("| ", "| ") if self.first_line < line <= self.last_line else ("  ", "  ")

    def column_on(self, line: int) -> int:
        return self.first_column if line == self.first_line else self.last_column

    def turn(self, line: int, columns: int) -> str:
        """Return the row below a line that leads from the range's start to the rail, or from the rail to its end."""
        if line == self.first_line and not self.opens_line:
            return " " + "_" * (columns + 1) + "^"
        return "|" + "_" * (columns + 1) + "^" if line == self.last_line else ""


def _rail(source: SourceFile, span: Span, message: str, sign: str) -> _Rail | None:
    """Return the rail of a range, or None if it is on one line; white space at its end does not count."""
    end = span.start + len(source.text[span.start : span.end].rstrip())
    first_line, first_column = source.position(span.start)
    last_line, last_column = source.position(max(end - 1, span.start))
    if first_line == last_line:
        return None
    opens = not source.line_text(first_line)[: first_column - 1].strip()
    return _Rail(first_line, first_column - 1, last_line, last_column - 1, opens)


class _Renderer:
    """Renders one diagnostic."""

    def __init__(self, sources: Mapping[str, SourceFile], color: bool) -> None:
        self.sources = sources
        self.color = color

    def paint(self, text: str, style: str) -> str:
        return f"{_COLORS[style]}{text}{_RESET}" if self.color and text else text

    def render(self, diagnostic: Diagnostic) -> str:
        headline = self.paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
        lines = [headline + self.paint(f": {printable(diagnostic.message)}", "strong")]
        main = diagnostic.span.file
        marks: dict[str, list[tuple[Span, str, str]]] = {main: [(diagnostic.span, "", "^")]}
        for label in diagnostic.labels:
            marks.setdefault(label.span.file, []).append((label.span, printable(label.message), "-"))
        places = [span for group in marks.values() for span, _, _ in group]
        # The gutter is as wide as the largest line number: of the range's end, and of the start of each label.
        places.append(Span(main, max(diagnostic.span.end - 1, diagnostic.span.start), diagnostic.span.end))
        width = max(len(str(self.line_of(span))) for span in places)
        gutter = " " * (width + 1) + self.paint("|", "label")
        for path, group in marks.items():
            arrow = "-->" if path == main else ":::"
            first = group[0][0]
            lines.append(f"{' ' * width}{self.paint(arrow, 'label')} {printable(self.place(first))}")
            lines += self.excerpt(path, group, width, gutter, diagnostic.severity)
        if diagnostic.hint is not None:
            head, *rest = printable(diagnostic.hint).split("\n")
            lines.append(f"{' ' * (width + 1)}{self.paint('= hint:', 'hint')} {head}")
            lines += [f"{' ' * (width + 8)} {line}" for line in rest]
        return "\n".join(lines)

    def line_of(self, span: Span) -> int:
        source = self.sources.get(span.file)
        return source.position(span.start)[0] if source else 0

    def place(self, span: Span) -> str:
        source = self.sources.get(span.file)
        if source is None:
            return span.file
        line, column = source.position(span.start)
        return f"{span.file}:{line}:{column}"

    def excerpt(
        self, path: str, group: list[tuple[Span, str, str]], width: int, gutter: str, severity: Severity
    ) -> list[str]:
        """Return the lines that ``group`` is about, each with its marks below it.

        If the diagnostic's own range goes over several lines they are beside a rail, and the middle of a long one is
        left out.  Labels are marked on their first line only.
        """
        source = self.sources.get(path)
        if source is None:
            return [f"{gutter} {message}" for _, message, _ in group if message]
        rail = _rail(source, *group[0]) if group[0][2] == "^" else None
        by_line: dict[int, list[_Mark]] = {}
        for span, message, sign in group[1:] if rail else group:
            line, column = source.position(span.start)
            length = len(source.line_text(line))
            start = column - 1
            end = min(start + max(span.end - span.start, 1), max(length, start + 1))
            by_line.setdefault(line, []).append(_Mark(start, end, message, sign))
        shown = set(by_line)
        if rail:
            few = rail.last_line - rail.first_line < _MAX_RAIL
            shown |= {*range(rail.first_line, rail.last_line + 1)} if few else {*rail.first_lines, *rail.last_lines}
        lines = [gutter]
        previous = 0
        for line in sorted(shown | {line + 1 for line in shown if line + 2 in shown}):
            if previous and line > previous + 1:
                inside = rail is not None and rail.first_line < line <= rail.last_line
                lines.append(self.paint("." * (width + 1), "label") + (self.paint(" |", severity) if inside else ""))
            marks = by_line.get(line, [])
            text, marks = _clipped(printable(source.line_text(line)), marks)
            sides = rail.sides(line) if rail else ("", "")
            lines += self.source_line(line, text, width, self.paint(sides[0], severity))
            below = self.underline(text, marks, severity) if marks else []
            lines += [f"{gutter} {self.paint(sides[1], severity)}{row}" for row in below]
            if rail and (row := rail.turn(line, _columns(text[: rail.column_on(line)]))):
                lines.append(f"{gutter} {self.paint(row, severity)}")
            previous = line
        return [*lines, gutter]

    def source_line(self, number: int, text: str, width: int, side: str = "") -> list[str]:
        number_text = self.paint(f"{number:>{width}} |", "label")
        return [f"{number_text} {side}{_expanded(text)}".rstrip()]

    def underline(self, text: str, marks: list[_Mark], severity: Severity) -> list[str]:
        """Return the rows below a line: all underlines with the last one's message, then the others, last first."""
        marks = sorted(marks, key=lambda mark: (mark.start, mark.sign == "^"))
        row = ""
        column = 0
        for mark in marks:
            start = max(_columns(text[: mark.start]), column)
            end = max(_columns(text[: mark.end]), start + 1, _columns(text[: mark.start]) + mark.end - mark.start)
            row += " " * (start - column) + self.mark(mark.sign * (end - start), mark, severity)
            column = end
        last = marks[-1]
        rows = [f"{row} {self.mark(last.message, last, severity)}" if last.message else row]
        waiting = [mark for mark in marks[:-1] if mark.message]
        while waiting:
            mark = waiting.pop()
            prefix, column = "", 0
            for other in waiting:
                start = _columns(text[: other.start])
                if start >= column:
                    prefix += " " * (start - column) + self.mark("|", other, severity)
                    column = start + 1
            start = _columns(text[: mark.start])
            rows.append(prefix + " " * max(start - column, 0) + self.mark(mark.message, mark, severity))
        return rows

    def mark(self, text: str, mark: _Mark, severity: Severity) -> str:
        return self.paint(text, severity if mark.sign == "^" else "label")


def _expanded(text: str) -> str:
    """Return a line for the terminal: tabs as four columns, other control characters as their pictures."""
    shown = text.replace("\t", "    ")
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else chr(0x2400 + ord(c)) if ord(c) < 0x20 else "\ufffd" for c in shown)


def _columns(text: str) -> int:
    """Return the number of columns of a terminal that a text takes."""
    if text.isascii():
        return len(text) + 3 * text.count("\t")
    return sum(4 if c == "\t" else _width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):  # accents, and what chooses between pictures and text
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _clipped(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """Cut a line that is too wide to the surroundings of its first mark, and move the marks along."""
    if len(text) <= _MAX_COLUMNS:
        return text, marks
    first = min((mark.start for mark in marks), default=0)
    left = max(0, min(first - 40, len(text) - _MAX_COLUMNS))
    right = left + _MAX_COLUMNS
    shown = ("…" if left else "") + text[left:right] + ("…" if right < len(text) else "")
    shift = left - (1 if left else 0)
    moved = [
        _Mark(min(mark.start - shift, len(shown) - 1), min(mark.end - shift, len(shown)), mark.message, mark.sign)
        for mark in marks
    ]
    return shown, [_Mark(max(m.start, 0), max(m.end, m.start + 1, 1), m.message, m.sign) for m in moved]
