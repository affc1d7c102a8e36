"""Source files and places in them.

Rule: an offset counts Unicode scalars from the start of the file's text (a Python string index).  Lines and columns are
for people: they start at 1 and are computed on demand.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import msgspec


class Span(msgspec.Struct, frozen=True, order=True):
    """A half-open range of characters ``[start, end)`` of the file with the path ``file``."""

    file: str
    start: int
    end: int

    def shifted(self, file: str, offset: int) -> Span:
        """Return the range in ``file``, in which the text that it is relative to begins at ``offset``."""
        return Span(file, self.start + offset, self.end + offset)


class SourceFile:
    """A path and its text.  The path is a label: nothing here reads a disk."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def __repr__(self) -> str:
        return f"SourceFile({self.path!r}, {len(self.text)} characters)"

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        position = find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1; the column counts Unicode scalars.  Offsets are clamped."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Return the text of ``line`` (from 1) without its line break."""
        start = self._line_starts[line - 1]
        end = self._line_starts[line] - 1 if line < len(self._line_starts) else len(self.text)
        return self.text[start:end].removesuffix("\r")
