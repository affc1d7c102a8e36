"""Text of programs and servers as terminals, logs and reports may show it.

Such a text must not move a cursor, set a window's title, or seem to be another text (ECMA-48; the directional
overrides of Unicode's annex 9).  Control characters become visible: those of ASCII as their pictures in Unicode, others
as a replacement character, as do halves of characters, which no file takes (a name that is not UTF-8 has them, PEP
383).  Line breaks and tabs stay.
"""

from __future__ import annotations

from typing import Final

_PICTURES: Final[dict[int, int | str]] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
}
_ON_ONE_LINE: Final = {
    **_PICTURES,
    ord("\n"): "\N{SYMBOL FOR NEWLINE}",
    ord("\t"): "\N{SYMBOL FOR HORIZONTAL TABULATION}",
}
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _PICTURES if code >= 0x7F}


def printable(text: str) -> str:
    """Return a text with its control characters visible, but line breaks and tabs."""
    return text if text.isprintable() else _whole(text.replace("\r\n", "\n").translate(_PICTURES))


def printable_line(text: str) -> str:
    """Return a text with all of its control characters visible, on one line."""
    return text if text.isprintable() else _whole(text.translate(_ON_ONE_LINE))


def printable_json(text: str) -> str:
    """Return a JSON text with the control characters in its strings escaped that JSON itself leaves as they are."""
    return text if text.isascii() and "\x7f" not in text else text.translate(_IN_JSON)


def _whole(text: str) -> str:
    """Return a text whose halves of characters are replaced."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
