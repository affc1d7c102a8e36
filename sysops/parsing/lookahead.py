"""What may stand where: questions about the text that follows a place, asked before the text is complete.

Each answer is True, False, or None for *it depends on text that has not come*.  An answer is a function of the text
alone: once there is one it stays, whatever follows, so that an answer read in pieces comes out as read whole.  No
question looks further than ``WINDOW`` characters (``LONGEST_KEY`` for a first key); one that is still open there is
answered by the likelier guess.
"""

from __future__ import annotations

import re
import sys
from typing import Final, NamedTuple

WINDOW: Final = 200
LONGEST_KEY: Final = 1000
"""The first key of an object in prose may be this long."""

_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"[\w$@.\- ]*\s*")
_KEY_WORD: Final = re.compile(r"[^\W\d]|[$@]")
_QUOTES: Final = "\"'`\u201c\u2018"
_ITEM_WORD: Final = re.compile(r"[^\"'\n,\[\]{}]*\s*")
_NUMBER_HEAD: Final = re.compile(r"[-+]?[$\u20ac\u00a3\u00a5]?[0-9]{1,3}(?:,[0-9]{3})*")
_GROUP: Final = re.compile(r"[0-9]{3}(?![0-9])")
_LITERAL: Final = re.compile(r"(?i:true|false|null|none|nan)|[-+]?[$\u20ac\u00a3]?[0-9][0-9.,_]*(?:[eE][-+]?[0-9]+)?%?")


class Place(NamedTuple):
    """Where a value stands: in an object or a list, and what else is open around it."""

    in_object: bool
    objects: int
    lists: int


def _past(run: re.Pattern[str], text: str, at: int, end: int = sys.maxsize) -> int:
    """Where a run of characters that begins at ``at``, and may be empty, ends."""
    found = run.match(text, at, end)
    assert found is not None, "it matches the empty string"
    return found.end()


def closes_string(text: str, at: int, place: Place, final: bool) -> bool | None:
    """Whether a quote just before ``at`` ends its string, which is a value; otherwise it belongs to it."""
    end = len(text)
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return True
    if next_at == end:
        return True if final else None
    character = text[next_at]
    if character == "}":
        return bool(place.in_object or place.objects)
    if character == "]":
        return bool(not place.in_object or place.lists)
    if character == ",":
        return after_comma(text, next_at + 1, place.in_object, final)
    broken = "\n" in text[at:next_at]
    if character in _QUOTES:
        if broken and not place.in_object:
            return True
        return _quoted_then(text, next_at, ":=" if place.in_object else ",]", final)
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return next_at > at
    if character == "`":
        return text.startswith("```", next_at)
    if broken:
        if not place.in_object:
            return character in "{[" or character.isdigit()
        if _KEY_WORD.match(character):
            return _word_then_colon(text, next_at, final)
    return False


def after_comma(text: str, at: int, in_object: bool, final: bool) -> bool | None:
    """Whether a comma just before ``at`` separates, by what follows it; otherwise it belongs to the text before it."""
    end = len(text)
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return True
    if next_at == end:
        return True if final else None
    character = text[next_at]
    if character in _QUOTES or character in "}],":
        return True
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    if in_object:
        return _word_then_colon(text, next_at, final) if _KEY_WORD.match(character) else False
    if character in "{[-+$" or character.isdigit():
        return True
    word_end = _past(_ITEM_WORD, text, next_at)
    if word_end == end and word_end - next_at <= WINDOW and not final:
        return None
    return word_end == end or text[word_end] in ",]"


def ends_line(text: str, at: int, place: Place, final: bool) -> bool | None:
    """Whether a line break just before ``at`` ends a bare value of an object."""
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return True
    if next_at == len(text):
        return True if final else None
    character = text[next_at]
    if character in _QUOTES or character in "},]":
        return True
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    return _word_then_colon(text, next_at, final) if _KEY_WORD.match(character) else False


def groups_digits(head: str, text: str, at: int, final: bool) -> bool | None:
    """Whether a comma just before ``at`` groups the thousands of the number that ``head`` begins."""
    if not _NUMBER_HEAD.fullmatch(head):
        return False
    if len(text) - at < 4 and not final and text[at:].isdigit() | (at == len(text)):
        return None
    return _GROUP.match(text, at) is not None


def is_literal(text: str) -> bool:
    """Whether a bare value is a number, bool or null, so that nothing more belongs to it."""
    return _LITERAL.fullmatch(text) is not None


def begins_object(text: str, at: int, final: bool) -> bool | None:
    """Whether what follows a ``{`` just before ``at``, in prose, looks like an object's inside."""
    end = len(text)
    next_at = at
    while next_at < end and (text[next_at].isspace() or text[next_at] == "{"):
        next_at += 1
        if next_at - at > WINDOW:
            return False
    if next_at == end:
        return False if final else None
    character = text[next_at]
    if character == "}":
        return True
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    if character in _QUOTES:
        return _quoted_then(text, next_at, ":=", final, LONGEST_KEY)
    return _word_then_colon(text, next_at, final) if _KEY_WORD.match(character) else False


def begins_list(text: str, at: int, scalars: bool, objects: bool, lists: bool, final: bool) -> bool | None:
    """Whether what follows a ``[`` just before ``at``, in prose, looks like a list's inside, whose items may be so."""
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return False
    if next_at == len(text):
        return False if final else None
    character = text[next_at]
    if character == "]":
        return True
    if character == "{":
        return begins_object(text, next_at + 1, final) if objects else False
    if character == "[":
        return lists
    if character == "/":
        return _is_comment(text, next_at, final)
    return scalars


def _is_comment(text: str, at: int, final: bool) -> bool | None:
    if at + 1 == len(text):
        return False if final else None
    return text[at + 1] in "/*"


def _quoted_then(text: str, at: int, wanted: str, final: bool, window: int = WINDOW) -> bool | None:
    """Whether a short quoted text begins at ``at`` and one of ``wanted`` follows it."""
    quote = {"\u201c": "\u201d", "\u2018": "\u2019"}.get(text[at], text[at])
    close = text.find(quote, at + 1, at + window)
    if close < 0:
        return None if len(text) - at <= window and not final else False
    if wanted == ",]" and "\n" in text[at:close]:
        return False
    next_at = _past(_SPACE, text, close + 1)
    if next_at == len(text):
        return None if len(text) - at <= 2 * window and not final else False
    return text[next_at] in wanted


def _word_then_colon(text: str, at: int, final: bool) -> bool | None:
    word_end = _past(_WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    return text[word_end] in ":=" if word_end < at + WINDOW else False
