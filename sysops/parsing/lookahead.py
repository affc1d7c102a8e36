"""Where a string, a key or a bare value ends, and what begins an object or a list: decided by the text that follows.

Each answer is True, False, or None for *it depends on text that has not come*.  An answer is a function of the text
alone: once there is one it stays, whatever follows, so that an answer read in pieces comes out as read whole.  No
question looks further than ``WINDOW`` characters (``LONGEST_KEY`` for a first key); one that is still open there is
answered by the likelier guess.

The evidence is the same everywhere, and its order is:

    1.  A key: a declared name, or a text in quotes, with a colon after it.  Nothing else looks so.
    2.  A bracket that closes what is open.
    3.  In a list, a comma and the beginning of an item.
    4.  An undeclared word with a colon after it, at the beginning of a line or after a comma.

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
    | a word    | it is a key, after a line break or declared        | ``"a "word" inside"``

  While a quotation inside the string is open, a quote ends the string by 1 and 2 only, and by 2 only if no text adjoins
  the bracket: ``"{"s": "v"}"``.  The same holds for a quote of the other kind (curly for straight).

**A quote that begins a key** in a string whose own end is missing (:func:`begins_key`): a declared name in quotes with
a colon after it, behind a comma or space; any text in quotes with a colon after it, at the beginning of a line.

**A comma or line break in a bare value** (:func:`ends_bare`) ends it where a key, a bracket that closes, or nothing
follows.  Inside brackets that the value itself opened, only 1 counts, for declared names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from typing import Final, NamedTuple

from bamlvm.sysops.parsing.names import bare

WINDOW: Final = 200
LONGEST_KEY: Final = 1000
"""The first key of an object in prose may be this long."""

QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019\u201e\u300c\u300e\uff02"
"""What begins a string."""

PLAIN: Final = {
    ord(wide): plain
    for wide, plain in zip("\uff5b\uff5d\uff3b\uff3d\uff0c\uff1a\uff1b\u3001\uff1d", "{}[],:;,=", strict=True)
}
"""Full-width punctuation by what it stands for."""

_SPACE: Final = re.compile(r"[\s\\]*")  # a backslash outside of strings means nothing
_BRACKETS: Final = re.compile(r"[\s\]]*")
_BRACKET: Final = re.compile(r"[()\[\]{}]")
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_NAME: Final = re.compile(r"[^\"'`\u201c\u201d:,\[\]{}\n]*")
_WORD: Final = re.compile(r"[\w$@.\- ]*\s*")
_KEY_WORD: Final = re.compile(r"[^\W\d]|[$@]")
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w.\-]*")
_ITEM_WORD: Final = re.compile(r"[^\"'\n,\[\]{}]*\s*")
_FILLER: Final = re.compile(r"[\w ]{1,40} (?=[\"\u201c])")
_NUMBER_HEAD: Final = re.compile(r"[-+]?[$\u20ac\u00a3\u00a5]?[0-9]{1,3}(?:,[0-9]{3})*")
_GROUP: Final = re.compile(r"[0-9]{3}(?![0-9])")
_LITERAL: Final = re.compile(r"(?i:true|false|null|none|nan)|[-+]?[$\u20ac\u00a3]?[0-9][0-9.,_]*(?:[eE][-+]?[0-9]+)?%?")
LOST_COLON: Final = re.compile(r"([\w$@.\- ]{1,60}?)\s*[:\uff1a]\s*")
"""The beginning of a key in quotes that lacks its second quote: the colon is inside."""

SURE_IN_OBJECT: Final = r'\s{0,40}(?:,\s{0,40}"[^"\\\n\u201c\u201d]{1,60}"\s?:|\})'
SURE_IN_LIST: Final = r'\s{0,40}(?:,\s{0,40}["{\[0-9]|\])'
"""What ends a string or number in nearly every answer, in an object and in a list."""

_SURE_IN_OBJECT: Final = re.compile(SURE_IN_OBJECT)
_SURE_IN_LIST: Final = re.compile(SURE_IN_LIST)
_PAIRS: Final = (
    *(('"', '"\u201d'), ("'", "'"), ("`", "`"), ("\u201c", '\u201d"'), ("\u201d", '\u201d"'), ("\u2018", "\u2019'")),
    *(("\u2019", "\u2019'"), ("\u201e", '\u201c\u201d"'), ("\u300c", "\u300d"), ("\u300e", "\u300f")),
    ("\uff02", "\uff02"),
)
_QUOTED: Final = {
    opening: re.compile(rf"{opening}((?:[^{closing}\\]|\\.){{0,{LONGEST_KEY}}})(?:[{closing}]|(?P<open>\Z))", re.DOTALL)
    for opening, closing in _PAIRS
}
"""A text in quotes, by the quote that opens it; ``open`` if it goes on beyond what is known."""


class Place(NamedTuple):
    """The place of a value: in an object or a list, the containers that are open around it, and the declared names.

    ``names`` are those of the innermost object that it has not had yet, bare (see :func:`.names.bare`), None where any
    key may follow.  ``equals``: the object has ``=`` for a colon.
    """

    in_object: bool
    objects: int
    lists: int
    names: Collection[str] | None
    equals: bool = False


def _past(run: re.Pattern[str], text: str, at: int, end: int = sys.maxsize) -> int:
    """Return where a run of characters that begins at ``at``, and may be empty, ends."""
    found = run.match(text, at, end)
    assert found is not None, "it matches the empty string"
    return found.end()


# --- strings ----------------------------------------------------------------------------------------------------------


def surely_closes_string(text: str, at: int, in_object: bool) -> bool:
    """Whether a quote just before ``at`` ends its string, in the usual cases, by one look."""
    return (_SURE_IN_OBJECT if in_object else _SURE_IN_LIST).match(text, at) is not None


def closes_string(text: str, at: int, place: Place, strictly: bool, final: bool) -> bool | None:
    """Whether a quote just before ``at`` ends its string, which is a value; otherwise it belongs to it.

    ``strictly``: a quotation inside the string is open, or the quote is not of the kind that the string began with.
    """
    if not strictly and surely_closes_string(text, at, place.in_object):
        return True
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return not strictly
    if next_at == len(text):
        return not strictly if final else None
    character = text[next_at].translate(PLAIN)
    if character == "}":
        return _closes_bracket(text, next_at + 1, strictly, final) if place.in_object or place.objects else False
    if character == "]":
        if place.in_object and not place.lists:  # a bracket too many, if the object goes on or ends behind it
            behind = _past(_BRACKETS, text, next_at + 1)
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
            return False if strictly and next_at == at else _quoted_key(text, next_at, place, strictly, final)
        return True if broken and not strictly else _quoted_then(text, next_at, ",]", final, spaced=next_at > at)
    if strictly:
        return False
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return next_at > at
    if not place.in_object:
        return broken and (character in "{[" or character.isdigit())
    if _KEY_WORD.match(character):
        return _word_key(text, next_at, place, broken, final, half=next_at > at)
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
    next_at = _past(_SPACE, text, at)
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
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    if place.in_object:
        if character in QUOTES:
            return _quoted_key(text, next_at, place, strictly, final)
        if character == "{":
            return not strictly
        if character == "-" and place.names is None:
            return _number_key(text, next_at, place, final)
        if not (_KEY_WORD.match(character) or character.isdigit()):
            return False
        return _word_key(text, next_at, place, True, final)
    if strictly:
        return character in "{["
    if character in QUOTES:
        return True
    if character in "{[-+$" or character.isdigit():
        return True
    word_end = _past(_ITEM_WORD, text, next_at)
    if word_end == len(text) and word_end - next_at <= WINDOW and not final:
        return None
    if word_end < len(text) and text[word_end] == '"' and not text[word_end - 1].isspace():  # `"a", b", "c"`
        return _half_item(text, word_end + 1, final)
    return word_end == len(text) or text[word_end] in ",]"


def _half_item(text: str, at: int, final: bool) -> bool | None:
    """Whether the quote just before ``at`` ends an item that has no other: another item or the end follows."""
    next_at = _past(_SPACE, text, at)
    if next_at == len(text) and next_at - at < WINDOW:
        return True if final else None
    return next_at < len(text) and text[next_at] in ",]"


def begins_key(text: str, at: int, before: str, place: Place, final: bool) -> bool | None:
    """Whether a quote just before ``at``, behind ``before``, begins a key: the string that it stands in has no end."""
    if not place.in_object:
        return False
    separator = before[len(before.rstrip(" \t\r\n,;")) :]
    if not separator or text[at : at + 1] in tuple(" ,;:}]\n"):
        return False
    must_be_declared = not ("\n" in separator or ("," in separator and place.names is None))
    return (
        _quoted_key(text, at - 1, place, must_be_declared, final)
        if place.names is not None or not must_be_declared
        else False
    )


def begins_item(text: str, at: int, before: str, final: bool) -> bool | None:
    """Whether a quote just before ``at``, behind ``before`` in a string of a list, begins the next item.

    The string lost its own end: ``["a, "b"]``.  Behind a comma, the quoted text is followed by another quoted item, or
    by the end of the list.
    """
    if not before.rstrip(" \t\r\n").endswith(",") or not text[at : at + 1].strip():
        return False if text[at : at + 1] or final else None
    match = _QUOTED[text[at - 1]].match(text, at - 1, at + WINDOW)
    if match is None or match["open"] is not None:
        return None if len(text) - at <= WINDOW and not final else False
    next_at = _past(_SPACE, text, match.end())
    if next_at == len(text):
        return None if next_at - at <= 2 * WINDOW and not final else False
    if text[next_at].translate(PLAIN) == ",":
        next_at = _past(_SPACE, text, next_at + 1)
        if next_at == len(text):
            return None if next_at - at <= 2 * WINDOW and not final else False
        return text[next_at] == text[at - 1]
    return text[next_at].translate(PLAIN) == "]"


def closes_key(text: str, at: int, final: bool) -> bool | None:
    """Whether a quote just before ``at`` ends a key; otherwise it belongs to it."""
    next_at = _past(_SPACE, text, at)
    if next_at == len(text):
        return True if final or next_at - at > WINDOW else None
    character = text[next_at]
    if character in '"\u201d' and next_at == at:
        colon = _past(_SPACE, text, at + 1)
        if colon == len(text) and not final:
            return None
        return not (colon < len(text) and text[colon] in ":=\uff1a")
    return next_at > at or not (character.isalnum() or character in "'\u2019_-")


# --- values without quotes --------------------------------------------------------------------------------------------


def ends_bare(text: str, at: int, place: Place, inside: str, final: bool) -> bool | None:
    """Whether a line break or comma just before ``at`` ends a bare value of an object.

    ``inside``: the bracket that the value opened last and did not close yet, if there is one.
    """
    next_at = _past(_SPACE, text, at)
    if next_at - at > WINDOW:
        return not inside
    if next_at == len(text):
        return True if final else None
    character = text[next_at].translate(PLAIN)
    if inside:
        if place.names is None:
            found: bool | None = character in QUOTES and _quoted_key(text, next_at, place, True, final)
        elif character in QUOTES:
            found = _quoted_key(text, next_at, place, True, final)
        else:
            found = _declared_key(text, next_at, place, final)
        return found and _negated(_closes_later(text, next_at, inside, final))
    if character in "},]":
        return True
    if character == "{":  # the next object of the list, and this one was not closed
        return begins_object(text, next_at + 1, False, final) if place.lists else False
    if character in QUOTES:
        return _quoted_key(text, next_at, place, False, final)
    if character == "/":
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    if character == "-" and place.names is None:
        return _number_key(text, next_at, place, final)
    if _KEY_WORD.match(character) or character.isdigit():
        return _word_key(text, next_at, place, True, final)
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
            behind = _past(_SPACE, text, bracket.end())
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


# --- brackets in prose ------------------------------------------------------------------------------------------------


def begins_object(text: str, at: int, numbers: bool, final: bool, names: Collection[str] | None = None) -> bool | None:
    """Whether what follows a ``{`` just before ``at``, in prose, looks like the inside of an object.

    ``numbers``: a key may be a number.  ``names``: the declared keys, of which one in quotes needs no colon.
    """
    end = len(text)
    next_at = at
    while next_at < end and (text[next_at].isspace() or text[next_at] in "{\uff5b,]\\"):
        next_at += 1
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
        return _is_comment(text, next_at, final)
    if character == "#":
        return True
    if character in QUOTES:
        found = _quoted_then(text, next_at, ":=\uff1a", final, LONGEST_KEY)
        if found is not False:
            return found
        match = _QUOTED[character].match(text, next_at, next_at + WINDOW)
        if names is not None and match is not None and match["open"] is None and bare(match[1].rstrip(": ")) in names:
            return True
        return _key_with_quotes(text, next_at, final)
    if _KEY_WORD.match(character) or (numbers and character.isdigit()):
        return _word_then_colon(text, next_at, final)
    return False


def begins_list(text: str, at: int, scalars: bool, objects: bool, lists: bool, final: bool) -> bool | None:
    """Whether what follows a ``[`` just before ``at``, in prose, looks like the inside of a list of such items."""
    next_at = _past(_SPACE, text, at)
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
        return lists
    if character == "/":
        return _is_comment(text, next_at, final)
    return scalars


def begins_pair(text: str, at: int, names: Collection[str], final: bool) -> bool | None:
    """Whether a declared name in quotes and a colon begin at ``at``: an object without its bracket."""
    if text[at] not in QUOTES:
        return False
    return _quoted_key(text, at, Place(True, 1, 0, names), True, final)


def begins_key_around(text: str, at: int, names: Collection[str], final: bool) -> bool | None:
    """Whether a declared key of the object around a list, and a colon, begin at ``at``: the list lacks its bracket.

    Waits for more text only while what there is may be the beginning of such a key.
    """
    quote = text[at] if text[at] in QUOTES else ""
    begin = at + len(quote)
    end = _past(_NAME, text, begin, begin + WINDOW // 2)
    key = bare(text[begin:end])
    if end == len(text):
        return None if not final and any(name.startswith(key) for name in names) else False
    if not key or key not in names:
        return False
    if quote:
        if text[end] not in QUOTES:
            return False
        end += 1
    colon = _past(_SPACE, text, end)
    if colon == len(text):
        return None if not final and colon - end < WINDOW else False
    return text[colon] in ":\uff1a"


# --- the evidence -----------------------------------------------------------------------------------------------------


def _is_comment(text: str, at: int, final: bool) -> bool | None:
    if at + 1 == len(text):
        return False if final else None
    return text[at + 1] in "/*"


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _number_key(text: str, at: int, place: Place, final: bool) -> bool | None:
    """Whether a key that is a number with a sign begins at ``at``."""
    if at + 1 == len(text):
        return False if final else None
    return text[at + 1].isdigit() and _word_key(text, at + 1, place, True, final)


def _is_declared(key: str, place: Place) -> bool:
    return place.names is not None and len(key) <= WINDOW and bare(key) in place.names


def _quoted_key(text: str, at: int, place: Place, declared: bool, final: bool) -> bool | None:
    """Whether a key in quotes begins at ``at``: a short text with a colon after it.

    If ``declared``, and names are known, it must be one of them.  A declared name is one also if its second quote is
    missing, or the colon.
    """
    if text[at + 1 : at + 2] == text[at] and text[at + 2 : at + 3].isalnum():  # `""age": 3`: a quote too many
        at += 1
    found = _quoted_then(text, at, ":=\uff1a", final)
    if place.names is None:
        return found
    if found:
        match = _QUOTED[text[at]].match(text, at)
        return not declared or (match is not None and _is_declared(match[1], place))
    half = LOST_COLON.match(text, at + 1, at + WINDOW)
    if half is not None and _is_declared(half[1], place):
        return True
    if found is False:
        match = _QUOTED[text[at]].match(text, at, at + WINDOW)
        if match is not None and match["open"] is None and _is_declared(match[1], place):
            value = _past(_SPACE, text, match.end())
            return value < len(text) and (text[value].isdigit() or text[value] in '"{[\u201c')
    return found


def _quoted_then(
    text: str, at: int, wanted: str, final: bool, window: int = WINDOW, spaced: bool = False
) -> bool | None:
    """Whether a short quoted text begins at ``at`` and one of ``wanted`` follows it, or, over a space, another one."""
    match = _QUOTED[text[at]].match(text, at, at + window)
    if match is None or match["open"] is not None:
        return None if len(text) - at <= window and not final else False
    if wanted == ",]" and "\n" in match[1]:
        return False
    next_at = _past(_SPACE, text, match.end())
    if text[match.end() : match.end() + 1] == text[at] and ":" in wanted:  # `"age"": 3`
        next_at = _past(_SPACE, text, match.end() + 1)
    if next_at == len(text):
        return None if len(text) - at <= 2 * window and not final else False
    return text[next_at].translate(PLAIN) in wanted or (spaced and next_at > match.end() and text[next_at] == text[at])


def _key_with_quotes(text: str, at: int, final: bool) -> bool | None:
    """Whether a key that has quotes in it begins at ``at``: on its line a quote with a colon after it follows."""
    quote = re.escape(text[at])
    if re.compile(rf"[^\n{{}}]*?{quote}[ \t]*[:\uff1a]").match(text, at + 1, at + WINDOW):
        return True
    rest = text[at : at + WINDOW]
    return None if len(rest) < WINDOW and not final and not any(end in rest for end in "\n{}") else False


def _word_key(text: str, at: int, place: Place, separated: bool, final: bool, half: bool = True) -> bool | None:
    """Whether a key without quotes begins at ``at``; ``half``: it may have its second quote.

    A declared name is one wherever a colon follows; another word only if it is ``separated`` from what is before it by
    a line break or comma, and a value follows the colon on its line.
    """
    word_end = _past(_WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    if word_end >= at + WINDOW:
        return False
    character = text[word_end].translate(PLAIN)
    if (
        half and character in QUOTES and word_end > at and not text[word_end - 1].isspace()
    ):  # `age": 3`: a quote is missing
        colon = _past(_SPACE, text, word_end + 1)
        if colon == len(text):
            return False if final else None
        if text[colon] in ":\uff1a":
            return separated or _is_declared(text[at:word_end], place)
    if character in '"\u201c' and (separated or place.names is not None):  # `and also "b": 2`
        return _quoted_key(text, word_end, place, True, final) if _FILLER.match(text, at) else False
    if character not in ":=":
        return False
    key = text[at:word_end].strip()
    if _is_declared(key, place):
        return True
    if not separated or (place.names is not None and not _IDENTIFIER.fullmatch(key)):
        return False
    if character == "=" and (" " in key or (place.names is not None and not place.equals)):
        return False  # `x = 1`, `class="a"`
    if word_end + 1 == len(text):
        return False if final else None
    following = text[word_end + 1]
    if key.isdigit() and not following.isspace() and following not in QUOTES + "{[":
        return False  # 12:30
    return following not in "/:=" and not (place.names is not None and following in "\r\n")


def _declared_key(text: str, at: int, place: Place, final: bool) -> bool | None:
    word_end = _past(_WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    return text[word_end] in ":=\uff1a" and _is_declared(text[at:word_end].strip(), place)


def _word_then_colon(text: str, at: int, final: bool) -> bool | None:
    word_end = _past(_WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    if text[word_end] in QUOTES:  # a key without its first quote
        word_end = _past(_SPACE, text, word_end + 1)
        if word_end == len(text):
            return False if final else None
    return text[word_end] in ":=\uff1a" if word_end < at + WINDOW else False
