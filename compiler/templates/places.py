"""The map from offsets in a template's text to offsets in its item.

A prompt's text is its raw content without indentation and surrounding blanks; the other characters are the same, in the
same order.  So the n-th non-blank character of the text is the n-th of the raw content.
"""

from __future__ import annotations

import re

from bamlvm.grammar import syntax

_ESCAPE = re.compile(
    r"\\(?:u\{[0-9a-fA-F]{1,6}\}|x[0-7][0-9a-fA-F]|u[dD][89abAB]..\\u[dD][c-fC-F]..|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_LINE_END = re.compile(r"\r\n?")


def text_of(prompt: syntax.Prompt) -> str:
    """Return a prompt's text with line feeds only, as Jinja reads it."""
    return _LINE_END.sub("\n", prompt.text)


class Places:
    """The map of one prompt."""

    def __init__(self, prompt: syntax.Prompt) -> None:
        self._prompt = prompt
        self._text = text_of(prompt)
        text = [place for place, character in enumerate(self._text) if not character.isspace()]
        quoted = prompt.content_start - prompt.start == 1
        raw = _quoted_places(prompt.raw) if quoted else [i for i, each in enumerate(prompt.raw) if not each.isspace()]
        self._raw = dict(zip(text, raw, strict=True)) if len(text) == len(raw) else {}

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the item that ``text[start:end]`` was made from; the whole prompt if that is not
        known."""
        while start < end and self._text[start].isspace():
            start += 1
        while end > start + 1 and self._text[end - 1].isspace():
            end -= 1
        if start not in self._raw or end - 1 not in self._raw:
            return self._prompt.start, self._prompt.end
        base = self._prompt.content_start
        return base + self._raw[start], base + self._raw[end - 1] + 1


def _quoted_places(raw: str) -> list[int]:
    """Return the places of the non-blank characters of a quoted string; an escape is one character."""
    places = []
    place = 0
    while place < len(raw):
        escape = _ESCAPE.match(raw, place)
        if escape is None:
            if not raw[place].isspace():
                places.append(place)
            place += 1
        else:
            if escape[0] not in (r"\n", r"\r", r"\t", r"\f"):
                places.append(place)
            place = escape.end()
    return places
