"""The words of BAML that the grammars of editors colour, and how a pattern holds them.

Those of the language stand in ``grammar/tokens.py`` and ``vm/program/types.py``; here they are sorted by their colours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bamlvm.vm.program.types import MEDIA

TYPES: Final = ("bool", "float", "int", "map", "never", "string", "type", "unknown", *sorted(MEDIA))
FLOW: Final = (
    *("assert", "await", "break", "catch", "catch_all", "continue", "else", "for", "if", "in", "match", "return"),
    *("spawn", "throw", "while"),
)
OPERATORS: Final = ("instanceof", "is")
DECLARED: Final = (
    "class",
    "enum",
    "type",
    "function",
    "client",
    "generator",
    "test",
    "retry_policy",
    "template_string",
)
STORAGE: Final = ("const", "dynamic", "let", "throws", "watch")
JINJA_FLOW: Final = (
    *("block", "break", "call", "continue", "elif", "else", "endblock", "endcall", "endfilter", "endfor", "endif"),
    *("endmacro", "endset", "filter", "for", "if", "macro", "recursive", "set", "with", "endwith"),
)
JINJA_OPERATORS: Final = ("and", "in", "is", "not", "or")


def any_of(words: Iterable[str]) -> str:
    """Return the alternatives of a pattern, the longest first."""
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


def whole_words(words: Iterable[str]) -> str:
    """Return a pattern for one of some words."""
    return rf"\b(?:{any_of(words)})\b"
