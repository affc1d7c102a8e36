"""The text that a string was written as: escapes, and blocks in triple quotes or code fences.

An escape is what JSON says it is, but for those that make a character no text has: a backspace or form feed (``\\b``
in ``\\beta``), and a tab or line break where a command of LaTeX is written (``\\theta``, ``\\rho``, ``\\neq``). Of
these, and of what is not an escape, the backslash stays.
"""

from __future__ import annotations

import re
import textwrap
from typing import Final

_HEX4: Final = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES: Final = {'"': '"', "'": "'", "`": "`", "\\": "\\", "/": "/", "n": "\n", "r": "\r", "t": "\t", "\n": "\n"}
_COMMANDS: Final = (
    *("tau", "theta", "times", "text", "textbf", "textit", "textrm", "texttt", "tfrac", "tilde", "therefore"),
    *("triangle", "nabla", "neq", "notin", "nleq", "ngeq", "nmid", "rho", "right", "rightarrow", "rangle", "rceil"),
    *("rfloor", "rbrace"),
)
"""The commands of LaTeX that begin like an escape, and of which the rest is no word."""

_LATEX: Final = re.compile(rf"\\(?:{'|'.join(_COMMANDS)})(?![a-z])")
_LONGEST_LATEX: Final = max(map(len, _COMMANDS)) + 1
_INFO_LINE: Final = re.compile(
    r"(?:[\w+#.\-:/]+(?:[ \t]+(?:[\w\-]+=(?:\"[^\"\n]*\"|[^\s\"]+)|\{[^}\n]*\}))*)?[ \t]*\r?\n"
)


def decoded(buffer: str, at: int, final: bool) -> tuple[str, int] | None:
    """Return the text of the escape at a backslash and its length; None if that depends on text that has not come."""
    have = len(buffer) - at
    if have < 2:
        return ("\\", 1) if final else None
    letter = buffer[at + 1]
    if letter in "trn":
        if have <= _LONGEST_LATEX and not final and any(name.startswith(buffer[at + 1 :]) for name in _COMMANDS):
            return None
        if _LATEX.match(buffer, at):
            return "\\", 1
    plain = _ESCAPES.get(letter)
    if plain is not None:
        return plain, 2
    if letter != "u":
        return "\\", 1
    if have < 6 and not final:
        return None
    if not _HEX4.match(buffer, at + 2):
        return "\\", 1
    code = int(buffer[at + 2 : at + 6], 16)
    if not 0xD800 <= code < 0xE000:
        return chr(code), 6
    if have < 12 and not final and "\\u".startswith(buffer[at + 6 : at + 8]):  # the second half of a pair may follow
        return None
    low = int(buffer[at + 8 : at + 12], 16) if _HEX4.match(buffer, at + 8) else 0
    if code < 0xDC00 and buffer.startswith("\\u", at + 6) and 0xDC00 <= low < 0xE000:
        return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), 12
    return "\ufffd", 6


def block(text: str, is_code: bool) -> str:
    """Return the text of a block in triple quotes or a code fence: dedented, without the fence's first line."""
    if is_code:
        info = _INFO_LINE.match(text)
        text = text[info.end() :] if info else text
        text = text[: len(text.rstrip(" \t"))].removesuffix("\n").removesuffix("\r")
        return textwrap.dedent(text)
    if text.startswith(("\n", "\r\n")):
        return textwrap.dedent(text.removeprefix("\r").removeprefix("\n")).rstrip(" \t").removesuffix("\n")
    return text
