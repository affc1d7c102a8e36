r"""The value of a string literal: escapes, raw strings, and the text of a prompt.

Escapes are those of the language page, ``\n \r \t \\ \" \0 \u{1F600}``; the other quotes and ``$`` may be escaped too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.)|\Z)", re.DOTALL)
_SIMPLE: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "0": "\0", "`": "`", "$": "$", "'": "'"}


def unescape(content: str, invalid: Callable[[int, int, str], None]) -> str:
    """Replace the escapes of ``content``.

    ``invalid(start, end, text)`` is called for each invalid escape, with its place in ``content``; it stays as it is.
    """
    if "\\" not in content:
        return content

    def replace(found: re.Match[str]) -> str:
        code, letter = found.groups()
        if code is not None:
            number = int(code, 16)
            if number < 0x110000 and not 0xD800 <= number < 0xE000:
                return chr(number)
        elif letter in _SIMPLE:
            return _SIMPLE[letter]
        invalid(found.start(), found.end(), found.group())
        return found.group()

    return _ESCAPE.sub(replace, content)


def raw_content(text: str) -> tuple[str, int]:
    """Return the content of a raw string token and its start in the token; an unclosed one reaches to its end."""
    hashes = text.index('"')
    start = hashes + 1
    closed = len(text) > 2 * hashes + 1 and text.endswith('"' + "#" * hashes)
    return text[start : -start if closed else None], start


def dedent(content: str) -> str:
    """Return a prompt's text: without the indentation that all its lines share, and without blank space around it.

    The first line has no indentation that could be shared: it begins after the opening quote.
    """
    lines = content.replace("\r\n", "\n").split("\n")
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip()]
    width = min(indents, default=0)
    return "\n".join([lines[0], *(line[width:] if line.strip() else "" for line in lines[1:])]).strip()
