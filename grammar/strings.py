r"""The value of a string literal: escapes, raw strings, and the text of a prompt.

Escapes are those of the language page, ``\n \r \t \\ \" \0 \u{1F600}``, and what the official runtime reads besides:
``\b \f \/``, the other quotes and ``$``, ``\x41`` up to ``\x7F``, and JSON's ``\u0041`` with its pairs of surrogates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-7][0-9a-fA-F])|u([0-9a-fA-F]{4})(?:(?<=[dD][89abAB]..)\\u([dD][c-fC-F][0-9a-fA-F]{2}))?"
    r"|(.)|\Z)",
    re.DOTALL,
)
_SIMPLE: Final = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "0": "\0",
    **{itself: itself for itself in "\\\"`$'/"},
}


def unescape(content: str, invalid: Callable[[int, int, str], None]) -> str:
    """Replace the escapes of ``content``.

    ``invalid(start, end, text)`` is called for each invalid escape, with its place in ``content``; it stays as it is.
    """
    if "\\" not in content:
        return content

    def replace(found: re.Match[str]) -> str:
        braced, byte, unit, low, letter = found.groups()
        code = braced or byte or unit
        if code is not None:
            number = int(code, 16)
            if low is not None:
                number = 0x10000 + ((number - 0xD800) << 10) + int(low, 16) - 0xDC00
            if number < 0x110000 and not 0xD800 <= number < 0xE000:
                return chr(number)
        elif letter in _SIMPLE:
            return _SIMPLE[letter]
        invalid(found.start(), found.end(), found.group())
        return found.group()

    return _ESCAPE.sub(replace, content)


def raw_content(text: str) -> tuple[str, int]:
    """Return the content of a raw string token and its start in the token; an unclosed one reaches to its end.

    The lexer reads a template string as one where none may stand, and reports it.
    """
    if text[0] == "`":
        return text[1:-1], 1
    hashes = text.index('"')
    start = hashes + 1
    closed = len(text) > 2 * hashes + 1 and text.endswith('"' + "#" * hashes)
    return text[start : -start if closed else None], start


def dedent(content: str) -> str:
    """Return a prompt's text: without the indentation that all its lines share, and without blank space around it.

    Text right after the opening quote has no indentation, so that its lines share none, as in the official runtime.
    """
    lines = content.replace("\r\n", "\n").split("\n")
    if lines[0].strip():
        return "\n".join([lines[0], *(line if line.strip() else "" for line in lines[1:])]).strip()
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip()]
    width = min(indents, default=0)
    return "\n".join(line[width:] if line.strip() else "" for line in lines[1:]).strip()
