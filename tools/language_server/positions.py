"""Places of the protocol ↔ places of a text.

Rule: inside the server a place is an offset in Unicode scalars, as everywhere in bamlvm.  The protocol counts lines
from 0, which end with ``\\n``, ``\\r\\n`` or ``\\r``, and columns in the code units that the client and the server
agreed on (LSP 3.17, "Position").  A place outside of the text, or inside a character, is moved to the nearest one
before it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_LONE_HALF: Final = re.compile("[\ud800-\udfff]")
_CODECS: Final = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
"""The codec of an encoding, and the bytes of one of its units."""


class Place(NamedTuple):
    """A line and a column as the protocol counts them."""

    line: int
    column: int


class Text:
    """A text and the index of its lines, for one encoding of columns."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.text = text
        self._encoding = encoding

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    @cached_property
    def _is_ascii(self) -> bool:
        return self.text.isascii()

    @property
    def line_count(self) -> int:
        return len(self._starts)

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins; the end of the text for one after the last."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def line_end(self, line: int) -> int:
        """Return the offset at which the content of a line ends, before its line end."""
        start, end = self.line_start(line), self.line_start(line + 1)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return end

    def line_of(self, offset: int) -> int:
        """Return the line of an offset."""
        return bisect_right(self._starts, offset) - 1

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place."""
        if line >= len(self._starts):
            return len(self.text)
        start, end = self.line_start(line), self.line_end(line)
        if self._is_ascii or self._encoding == "utf-32":
            return min(start + column, end)
        codec, size = _CODECS[self._encoding]
        units = self.text[start:end].encode(codec)
        return start + len(units[: column * size].decode(codec, "ignore"))

    def place(self, offset: int) -> Place:
        """Return the place of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = self.line_of(offset)
        start = self._starts[line]
        if offset < len(self.text) and self.text[offset] == "\n":
            offset = min(offset, self.line_end(line))  # inside ``\r\n``
        if self._is_ascii or self._encoding == "utf-32":
            return Place(line, offset - start)
        return Place(line, self.width(start, offset))

    def width(self, start: int, end: int) -> int:
        """Return how many units a part of the text has."""
        part = self.text[start:end]
        if part.isascii() or self._encoding == "utf-32":
            return len(part)
        codec, size = _CODECS[self._encoding]
        return len(part.encode(codec)) // size

    def edited(self, start: Place, end: Place, replacement: str) -> Text:
        """Return the text with the range between two places replaced."""
        first = self.offset(*start)
        last = max(self.offset(*end), first)
        return Text(self.text[:first] + replacement + self.text[last:], self._encoding)


def clean(text: str) -> str:
    """Return a text without halves of characters, which JSON can hold: each becomes U+FFFD, as long in every
    encoding."""
    return text if text.isascii() else _LONE_HALF.sub("\ufffd", text)
