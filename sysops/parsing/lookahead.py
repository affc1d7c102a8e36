"""Where a string, a key or a bare value ends: decided by the text that follows.

Each answer is True, False, or None for *it depends on text that has not come*.  An answer is a function of the text
alone: once there is one it stays, whatever follows, so that an answer read in pieces comes out as read whole.  No
question looks further than ``WINDOW`` characters (``LONGEST_KEY`` for a first key); one that is still open there is
answered by the likelier guess.

The evidence is the same everywhere, and its order is:

    1.  A key: a declared name that the object has not had yet, or a text in quotes, with a colon after it.
    2.  A bracket that closes what is open.
    3.  In a list, a comma and the beginning of an item.
    4.  An undeclared word with a colon after it, at the beginning of a line or after a comma.  An equals sign counts
        for a colon there only where the object has them (``class="a"`` in a string is no key).

**A quote in a string** (:func:`closes_string`) ends it where the next character, over spaces, is

    | next      | ends if                                            | otherwise belongs to the string, as in
    | --------- | -------------------------------------------------- | --------------------------------------
    | the end   | always                                             |
    | ``}``     | an object is open                                  | ``["use "x"} twice"]``
    | ``]``     | a list is open                                     | ``{"see": ""[1"] there"}``
    | ``,``     | a key follows; in a list, an item                  | ``"Tags: "a", "b""``
    | a quote   | a key follows; in a list, a line break stands      | ``"say "a" "b""``
    |           | between, or the quoted text ends the item          |
    | a comment | always                                             |
    | a fence   | always                                             |
    | ``+``     | never; a quote behind it goes on with the string   | ``"a" + "b"``
    | a word    | it is a key, after a line break or declared        | ``"a "word" inside"``
    | anything  | up to the object's end there is no other quote, or | ``"a "word", and"}``
    |           | up to the text's, which begins on the next line    |
    | ``{``     | a key follows, after a line break, in a list       | ``"a "{b}" c"``

  While a quotation inside the string is open, a quote ends the string by 1 and 2 only, and by 2 only if no text adjoins
  the bracket: ``"{"s": "v"}"``.  The same holds for a quote of the other kind (curly for straight).

**A quote that begins a key** in a string whose own end is missing (:func:`begins_key`): a declared name in quotes with
a colon after it, behind a comma, or behind a space if a value follows; any text in quotes with a colon after it, at the
beginning of a line.  In a list (:func:`begins_item`) it begins the next item if it stands behind a comma, and after its
text comes another item in quotes or the list's end: ``["a", "b, "c"]``.

Behind ``}, {`` (:func:`begins_object_after`) a declared name begins the next object of the list.

**A comma or line break in a bare value** (:func:`ends_bare`) ends it where a key, a bracket that closes, or nothing
follows.  Inside brackets that the value itself opened, only 1 counts, for declared names, and only if the brackets are
not closed behind it: ``{f: g(a, other: int), other: 3}``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from bamlvm.sysops.parsing.evidence import (
    KEY_WORD,
    PLAIN,
    QUOTED,
    QUOTES,
    SPACE,
    WINDOW,
    Place,
    declared_key,
    is_comment,
    negated,
    number_key,
    past,
    quoted_key,
    quoted_then,
    value_follows,
    word_key,
)
from bamlvm.sysops.parsing.openings import begins_object

_REMARK: Final = {
    quote: re.compile(rf"[^{quote}\"\u201c\u201d{{}}\[\]:=]*") for quote in ('"', "'", "`", "\u201d", "\u2019")
}
"""A run without quotes, brackets and colons, by the quote that ends a string."""

_LINE_END: Final = re.compile(r"[ \t\r]*\n")
_PROSE: Final = re.compile('[^"\u201c\u201d{}]*')

_BEHIND_KEY: Final = ":=\uff1a{[,}]-/#\u201c\uff5b\uff3b"
"""What may follow the quote that ends a key, if no space does."""

_BRACKETS: Final = re.compile(r"[\s\]]*")
_BRACKET: Final = re.compile(r"[()\[\]{}]")
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_ITEM_WORD: Final = re.compile(r"[^\"'\n,\[\]{}]*\s*")
_NUMBER_HEAD: Final = re.compile(r"[-+]?[$\u20ac\u00a3\u00a5]?[0-9]{1,3}(?:,[0-9]{3})*")
_GROUP: Final = re.compile(r"[0-9]{3}(?![0-9])")
_LITERAL: Final = re.compile(r"(?i:true|false|null|none|nan)|[-+]?[$\u20ac\u00a3]?[0-9][0-9.,_]*(?:[eE][-+]?[0-9]+)?%?")

SURE_IN_OBJECT: Final = r'\s{0,40}(?:,\s{0,40}"[^"\\\n\u201c\u201d]{1,60}"\s?:|\})'
SURE_IN_LIST: Final = r'\s{0,40}(?:,\s{0,40}["{\[0-9]|\])'
"""What ends a string or number in nearly every answer, in an object and in a list."""

_SURE_IN_OBJECT: Final = re.compile(SURE_IN_OBJECT)
_SURE_IN_LIST: Final = re.compile(SURE_IN_LIST)


# --- strings ----------------------------------------------------------------------------------------------------------


def surely_closes_string(text: str, at: int, in_object: bool) -> bool:
    """Whether a quote just before ``at`` ends its string, in the usual cases, by one look."""
    return (_SURE_IN_OBJECT if in_object else _SURE_IN_LIST).match(text, at) is not None


def closes_string(text: str, at: int, place: Place, strictly: bool, final: bool, adjoins: bool = False) -> bool | None:
    """Whether a quote just before ``at`` ends its string, which is a value; otherwise it belongs to it.

    ``strictly``: a quotation inside the string is open, or the quote is not of the kind that the string began with.
    ``adjoins``: a word is just before the quote, so that the next key may be just behind it: ``"a"age": 3``.
    """
    if not strictly and surely_closes_string(text, at, place.in_object):
        return True
    closes = _closes_before(text, at, place, strictly, final, adjoins and place.names is not None)
    if closes is False and not strictly and place.in_object:
        return _remark_follows(text, at, final)
    return closes


def joins(text: str, at: int, final: bool) -> int | None:
    """Return where a string goes on whose quote is just before ``at``: behind a plus and the next quote; ``at`` if it
    does not; None to wait."""
    quote = text[at - 1]
    plus = past(SPACE, text, at, at + WINDOW)
    if plus == len(text):
        return at if final else None
    if text[plus] != "+":
        return at
    behind = past(SPACE, text, plus + 1, plus + 1 + WINDOW)
    if behind == len(text):
        return at if final else None
    return behind + 1 if text[behind] == quote else at


def _remark_follows(text: str, at: int, final: bool) -> bool | None:
    """Whether nothing but a remark is between a quote just before ``at`` and the object's end, or the text's, if the
    remark is in lines of its own.

    It has no quote: otherwise the string would have two mistakes, a quote inside and no quote at its end.
    """
    quote = text[at - 1]
    if text[at : at + 1].isalnum():  # an apostrophe
        return False
    if _LINE_END.match(text, at):  # behind an object whose bracket is missing there may be more of the answer
        end = past(_PROSE, text, at, at + WINDOW)
        if end == len(text) and end - at < WINDOW:
            return True if final else None
    end = past(_REMARK[quote] if quote in _REMARK else _REMARK['"'], text, at, at + WINDOW)
    if end == len(text):
        return False if final or end - at >= WINDOW else None
    if text[end] != "}":
        return False
    behind = past(SPACE, text, end + 1)
    if behind == len(text):
        return True if final or behind - end > WINDOW else None
    return text[behind] in ",}]`"


def _closes_before(text: str, at: int, place: Place, strictly: bool, final: bool, adjoins: bool) -> bool | None:
    """Whether a quote just before ``at`` ends its string, by the character that follows."""
    next_at = past(SPACE, text, at)
    if next_at - at > WINDOW:
        return not strictly
    if next_at == len(text):
        return not strictly if final else None
    character = text[next_at].translate(PLAIN)
    if character == "}":
        return _closes_bracket(text, next_at + 1, strictly, final) if place.in_object or place.objects else False
    if character == "]":
        if place.in_object and not place.lists:  # a bracket too many, if the object goes on or ends behind it
            behind = past(_BRACKETS, text, next_at + 1)
            if behind == len(text):
                return True if final else None
            return not strictly and text[behind] in "},\uff5d"
        return _closes_bracket(text, next_at + 1, strictly, final)
    if character in ",;":
        return after_comma(text, next_at + 1, place, strictly, final)
    broken = "\n" in text[at:next_at]
    if character == "`" and not strictly:
        rest = text[next_at : next_at + 3]
        if rest == "```":
            return True
        if len(rest) < 3 and not final and rest == "`" * len(rest):
            return None
    if character in QUOTES:
        if place.in_object:
            return False if strictly and next_at == at else quoted_key(text, next_at, place, strictly, final)
        return True if broken and not strictly else quoted_then(text, next_at, ",]", final, spaced=next_at > at)
    if strictly:
        return False
    if character == "/":
        return is_comment(text, next_at, final)
    if character == "#":
        return next_at > at
    if character == "{" and place.in_object and place.lists and broken:  # the next object, and this one lacks its end
        return begins_object(text, next_at + 1, False, final)
    if not place.in_object:
        return broken and (character in "{[" or character.isdigit())
    if KEY_WORD.match(character):
        return word_key(text, next_at, place, broken, final, half=next_at > at or adjoins)
    return False


def _closes_bracket(text: str, at: int, strictly: bool, final: bool) -> bool | None:
    """Whether a bracket just before ``at`` closes a container; in a quotation only if no text adjoins it."""
    if not strictly:
        return True
    if at == len(text):
        return True if final else None
    return not (text[at].isalnum() or text[at] in '"\u201c\u201d')


def after_comma(text: str, at: int, place: Place, strictly: bool, final: bool) -> bool | None:
    """Whether a comma just before ``at`` separates, by what follows it; otherwise it belongs to the text before it."""
    next_at = past(SPACE, text, at)
    if next_at - at > WINDOW:
        return True
    if next_at == len(text):
        return True if final else None
    character = text[next_at].translate(PLAIN)
    if character in "}]":
        return _closes_bracket(text, next_at + 1, strictly, final)
    if character == ",":
        return True
    if character == "/":
        return is_comment(text, next_at, final)
    if character == "#":
        return True
    if place.in_object:
        if character in QUOTES:
            return quoted_key(text, next_at, place, strictly, final)
        if character == "{":
            return not strictly
        if character == "-" and place.names is None:
            return number_key(text, next_at, place, final)
        if not (KEY_WORD.match(character) or character.isdigit()):
            return False
        return word_key(text, next_at, place, True, final)
    if strictly:
        return character in "{["
    if character in QUOTES:
        return True
    if character in "{[-+$" or character.isdigit():
        return True
    word_end = past(_ITEM_WORD, text, next_at)
    if word_end == len(text) and word_end - next_at <= WINDOW and not final:
        return None
    if word_end < len(text) and text[word_end] == '"' and not text[word_end - 1].isspace():  # `"a", b", "c"`
        return _half_item(text, word_end + 1, final)
    return word_end == len(text) or text[word_end] in ",]"


def _half_item(text: str, at: int, final: bool) -> bool | None:
    """Whether the quote just before ``at`` ends an item that has no other: another item or the end follows."""
    next_at = past(SPACE, text, at)
    if next_at == len(text) and next_at - at < WINDOW:
        return True if final else None
    return next_at < len(text) and text[next_at] in ",]"


def begins_key(text: str, at: int, before: str, place: Place, final: bool) -> bool | None:
    """Whether a quote just before ``at``, behind ``before``, begins a key: the string that it stands in has no end."""
    if not place.in_object or text[at - 1] not in QUOTED:  # a mark that only ends a text: 」
        return False
    separator = before[len(before.rstrip(" \t\r\n,;")) :]
    if not separator or text[at : at + 1] in tuple(" ,;:}]\n"):
        return False
    must_be_declared = not ("\n" in separator or ("," in separator and place.names is None))
    if must_be_declared and place.names is None:
        return False
    begins = quoted_key(text, at - 1, place, must_be_declared, final)
    return value_follows(text, at - 1, final) if begins and not separator.strip(" \t") else begins


def begins_item(text: str, at: int, before: str, final: bool) -> bool | None:
    """Whether a quote just before ``at``, behind ``before`` in a string of a list, begins the next item.

    The string lost its own end: ``["a, "b"]``.  Behind a comma, the quoted text is followed by another quoted item, or
    by the end of the list.
    """
    if text[at - 1] not in QUOTED:
        return False
    if not before.rstrip(" \t\r\n").endswith(",") or not text[at : at + 1].strip():
        return False if text[at : at + 1] or final else None
    match = QUOTED[text[at - 1]].match(text, at - 1, at + WINDOW)
    if match is None or match["open"] is not None:
        return None if len(text) - at <= WINDOW and not final else False
    next_at = past(SPACE, text, match.end())
    if next_at == len(text):
        return None if next_at - at <= 2 * WINDOW and not final else False
    if text[next_at].translate(PLAIN) == ",":
        next_at = past(SPACE, text, next_at + 1)
        if next_at == len(text):
            return None if next_at - at <= 2 * WINDOW and not final else False
        return text[next_at] == text[at - 1]
    return text[next_at].translate(PLAIN) == "]"


def begins_object_after(text: str, at: int, names: Collection[str], final: bool) -> bool | None:
    """Whether a quote just before ``at``, behind ``}, {`` in a string, begins a declared key: the next object's."""
    return text[at - 1] in QUOTED and quoted_key(text, at - 1, Place(True, 1, 1, names), True, final)


def closes_key(text: str, at: int, final: bool) -> bool | None:
    """Whether a quote just before ``at`` ends a key; otherwise it belongs to it."""
    next_at = past(SPACE, text, at)
    if next_at == len(text):
        return True if final or next_at - at > WINDOW else None
    character = text[next_at]
    if character in '"\u201d' and next_at == at:
        colon = past(SPACE, text, at + 1)
        if colon == len(text) and not final:
            return None
        return not (colon < len(text) and text[colon] in ":=\uff1a")
    return next_at > at or character in _BEHIND_KEY


# --- values without quotes --------------------------------------------------------------------------------------------


def ends_bare(text: str, at: int, place: Place, inside: str, final: bool) -> bool | None:
    """Whether a line break or comma just before ``at`` ends a bare value of an object.

    ``inside``: the bracket that the value opened last and did not close yet, if there is one.
    """
    next_at = past(SPACE, text, at)
    if next_at - at > WINDOW:
        return not inside
    if next_at == len(text):
        return True if final else None
    character = text[next_at].translate(PLAIN)
    if inside:
        if place.names is None:
            found: bool | None = character in QUOTES and quoted_key(text, next_at, place, True, final)
        elif character in QUOTES:
            found = quoted_key(text, next_at, place, True, final)
        else:
            found = declared_key(text, next_at, place, final)
        return found and negated(_closes_later(text, next_at, inside, final))
    if character in "},]":
        return True
    if character == "{":  # the next object of the list, and this one was not closed
        return begins_object(text, next_at + 1, False, final) if place.lists else False
    if character in QUOTES:
        return quoted_key(text, next_at, place, False, final)
    if character == "/":
        return is_comment(text, next_at, final)
    if character == "#":
        return True
    if character == "-" and place.names is None:
        return number_key(text, next_at, place, final)
    if KEY_WORD.match(character) or character.isdigit():
        return word_key(text, next_at, place, True, final)
    return False


def _closes_later(text: str, at: int, opened: str, final: bool) -> bool | None:
    """Whether a bracket that ``opened`` before ``at`` is closed behind it, before anything closes that it is not in."""
    depth = 0
    for bracket in _BRACKET.finditer(text, at, at + WINDOW):
        character = bracket[0]
        if character in "([{":
            depth += 1
        elif depth:
            depth -= 1
        elif character != _CLOSERS[opened]:
            return False
        elif character == "}":  # that of the value, or of the object around it
            behind = past(SPACE, text, bracket.end())
            return text[behind] in ",}]" if behind < len(text) else (False if final else None)
        else:
            return True
    return None if len(text) - at < WINDOW and not final else False


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
