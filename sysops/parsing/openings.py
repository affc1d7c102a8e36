"""What begins an object or a list: in prose, where its bracket is missing, and around a list whose own is.

The answers are those of :mod:`~bamlvm.sysops.parsing.lookahead`: True, False, or None for *it depends on text that has
not come*.

**A bracket in prose** (:func:`begins_object`, :func:`begins_list`) begins a value if what follows it looks like the
inside of one: a key with its colon, an item of the kinds that the list may have, or the bracket that closes it.

**A key behind an object's end** (:func:`begins_more_pairs`) that the object has not had yet shows that the ``}`` came
too early: ``{"a": 1}, "b": 2}``.

**A key of the object around a list** (:func:`begins_key_around`) in the place of an item ends the list, whose bracket
is missing: a declared name and a colon.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from bamlvm.sysops.parsing.evidence import (
    KEY_WORD,
    LONGEST_KEY,
    PLAIN,
    QUOTED,
    QUOTES,
    SPACE,
    WINDOW,
    Place,
    declared_key,
    is_comment,
    key_with_quotes,
    past,
    quoted_key,
    quoted_then,
    value_follows,
    word_then_colon,
)
from bamlvm.sysops.parsing.names import bare

_BRACES: Final = re.compile(r"[\s}]*")
_BRACE: Final = re.compile(r"\s*\{")
_PAIR: Final = re.compile(r'\s*"([^"\\\n]{1,60})"\s*:(\s*(?:"[^"\\]*"|[\w.+-]+)\s*,)?')
_PAIR_BEGINS: Final = re.compile(r'\s*(?:"[^"\\\n]*(?:"\s*)?)?\Z')
_SCALAR_BEGINS: Final = re.compile(r'\s*(?:"[^"\\]*"?|[\w.+-]*)\s*\Z')
_MARK: Final = re.compile(r"\[(?:[0-9]{1,3}(?:\][ \t]*)?)?")
_NAME: Final = re.compile(r"[^\"'`\u201c\u201d:,\[\]{}\n]*")


def begins_object(text: str, at: int, numbers: bool, final: bool, names: Collection[str] | None = None) -> bool | None:
    """Whether what follows a ``{`` just before ``at``, in prose, looks like the inside of an object.

    ``numbers``: a key may be a number.  ``names``: the declared keys, of which one in quotes needs no colon.
    """
    end = len(text)
    next_at = at
    while next_at < end:
        behind = past(SPACE, text, next_at)
        if behind == next_at:
            if text[next_at] not in "{\uff5b,]":
                break
            behind += 1
        next_at = behind
        if next_at - at > WINDOW:
            return False
    if next_at == end:
        return False if final else None
    character = text[next_at]
    if text[next_at - 1] == "\\" and character in QUOTES:
        return False  # JSON written as a string
    if character in "}\uff5d":
        return True
    if character == "/":
        return is_comment(text, next_at, final)
    if character == "#":
        return True
    if character in QUOTES:
        found = quoted_then(text, next_at, ":=\uff1a", final, LONGEST_KEY)
        if found is not False:
            return found
        match = QUOTED[character].match(text, next_at, next_at + WINDOW)
        if names is not None and match is not None and match["open"] is None and bare(match[1].rstrip(": ")) in names:
            return True
        return key_with_quotes(text, next_at, final)
    if KEY_WORD.match(character) or (numbers and character.isdigit()):
        return word_then_colon(text, next_at, final)
    return False


def begins_list(text: str, at: int, scalars: bool, objects: bool, lists: bool, final: bool) -> bool | None:
    """Whether what follows a ``[`` just before ``at``, in prose, looks like the inside of a list of such items."""
    next_at = past(SPACE, text, at)
    if next_at - at > WINDOW:
        return False
    if next_at == len(text):
        return False if final else None
    character = text[next_at].translate(PLAIN)
    if character == "]":
        return True
    if character == "{":
        return begins_object(text, next_at + 1, True, final) if objects else False
    if character == "[":
        return lists and _is_no_heading(text, past(SPACE, text, next_at + 1), final)
    if character == "/":
        return is_comment(text, next_at, final)
    if character == "#":
        return scalars and _is_no_heading(text, next_at, final)
    return scalars


def _is_no_heading(text: str, at: int, final: bool) -> bool | None:
    """Whether what stands at ``at`` does not make a heading, ``[[ ## name ## ]]``, of the brackets before it."""
    if at == len(text) or (text[at] == "#" and at + 1 == len(text)):
        return True if final else None
    return not text.startswith("##", at)


def begins_mark(text: str, at: int, final: bool) -> bool | None:
    """Whether a number in brackets at ``at`` is the mark of what follows it: ``[1] http://a``."""
    mark = past(_MARK, text, at)
    if mark == len(text):
        return None if not final and mark - at < WINDOW else False
    if text[mark - 1] not in " \t" or not text[at + 1].isdigit():
        return False
    return text[mark].isalnum() or text[mark] in "<("


def begins_pair(text: str, at: int, names: Collection[str], final: bool) -> bool | None:
    """Whether a declared name in quotes and a colon begin at ``at``: an object without its bracket."""
    if text[at] not in QUOTES:
        return False
    return quoted_key(text, at, Place(True, 1, 0, names), True, final)


def begins_more_pairs(text: str, at: int, names: Collection[str] | None, final: bool) -> bool | None:
    """Whether more pairs of an object follow the ``}`` just before ``at``: one of ``names``, the keys that the object
    has not had yet, in quotes or behind a comma. Other braces that close nothing may stand before them. Where any key
    may follow, its value must look like one as well.
    """
    next_at = past(_BRACES, text, at, at + WINDOW)
    comma = text[next_at : next_at + 1].translate(PLAIN) == ","
    if comma:
        next_at = past(SPACE, text, next_at + 1)
    if next_at - at > WINDOW:
        return False
    if next_at == len(text):
        return False if final else None
    place = Place(True, 1, 0, names)
    if text[next_at] not in QUOTES:
        return comma and names is not None and declared_key(text, next_at, place, final)
    if names is not None:
        return quoted_key(text, next_at, place, True, final)
    if not comma:
        return False
    found = quoted_then(text, next_at, ":", final)
    return value_follows(text, next_at, final) if found else found


def begins_sibling(
    text: str, at: int, names: Collection[str] | None, others: Collection[str] | None, end: int, final: bool
) -> bool | None:
    """Whether an object at ``at`` has a key of ``names`` before one of ``others`` that is not in both, so that it is an
    item of the list of such objects, and not of the list around it. Looks no further than ``end``, and at scalars.
    """
    if names is None or others is None:
        return False
    waits = not final and len(text) < end
    found = _BRACE.match(text, at)
    if found is None:
        return None if waits and not text[at:].strip() else False
    while True:
        at = found.end()
        found = _PAIR.match(text, at, end)
        if found is None:
            return None if waits and _PAIR_BEGINS.match(text, at) else False
        key = bare(found[1])
        if (key in names) != (key in others):
            return key in names
        if found[2] is None:
            return None if waits and _SCALAR_BEGINS.match(text, found.end()) else False


def begins_key_around(text: str, at: int, names: Collection[str], final: bool) -> bool | None:
    """Whether a declared key of the object around a list, and a colon, begin at ``at``: the list lacks its bracket.

    Waits for more text only while what there is may be the beginning of such a key.
    """
    quote = text[at] if text[at] in QUOTES else ""
    begin = at + len(quote)
    end = past(_NAME, text, begin, begin + WINDOW // 2)
    key = bare(text[begin:end])
    if end == len(text):
        return None if not final and any(name.startswith(key) for name in names) else False
    if not key or key not in names:
        return False
    if quote:
        if text[end] not in QUOTES:
            return False
        end += 1
    colon = past(SPACE, text, end)
    if colon == len(text):
        return None if not final and colon - end < WINDOW else False
    return text[colon] in ":\uff1a"
