"""What a piece of text ahead looks like: a key, a comment, a quoted text. The evidence that :mod:`.lookahead` weighs.

Each answer is True, False, or None for *it depends on text that has not come*; see there.
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

BLANK: Final = r"[\s\u200b\u2060\ufeff]+|\\(?:[nrt](?![A-Za-z]))?"
"""What means nothing outside of strings: space, also without width, a backslash, and the escape of a space."""

SPACE: Final = re.compile(f"(?:{BLANK})*")
WORD: Final = re.compile(r"[\w$@.\- ]*\s*")
KEY_WORD: Final = re.compile(r"[^\W\d]|[$@]")
IDENTIFIER: Final = re.compile(r"[^\W\d][\w.\-]*")
FILLER: Final = re.compile(r"[\w ]{1,40} (?=[\"\u201c])")
LOST_COLON: Final = re.compile(r"([\w$@.\- ]{1,60}?)\s*[:\uff1a]\s*")
"""The beginning of a key in quotes that lacks its second quote: the colon is inside."""

PAIRS: Final = (
    *(('"', '"\u201d'), ("'", "'"), ("`", "`"), ("\u201c", '\u201d"'), ("\u201d", '\u201d"'), ("\u2018", "\u2019'")),
    *(("\u2019", "\u2019'"), ("\u201e", '\u201c\u201d"'), ("\u300c", "\u300d"), ("\u300e", "\u300f")),
    ("\uff02", "\uff02"),
)
QUOTED: Final = {
    opening: re.compile(rf"{opening}((?:[^{closing}\\]|\\.){{0,{LONGEST_KEY}}})(?:[{closing}]|(?P<open>\Z))", re.DOTALL)
    for opening, closing in PAIRS
}
"""A text in quotes, by the quote that opens it; ``open`` if it goes on beyond what is known."""

_VALUE_CHARACTERS: Final = re.compile(r"[-+.\w]*")
_VALUE: Final = re.compile(r"(?i:true|false|null|none)|[-+]?\.?[0-9][-+.\w]*")
"""A number or word that is a value."""

_SPACE_ON_LINE: Final = re.compile(r"[ \t]*")

_STRAIGHT: Final = re.compile(rf'"((?:[^"\\]|\\.){{0,{LONGEST_KEY}}})(?:"|(?P<open>\Z))', re.DOTALL)
"""A text in straight quotes that curly ones do not end."""


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


def past(run: re.Pattern[str], text: str, at: int, end: int = sys.maxsize) -> int:
    """Return where a run of characters that begins at ``at``, and may be empty, ends."""
    found = run.match(text, at, end)
    assert found is not None, "it matches the empty string"
    return found.end()


def is_comment(text: str, at: int, final: bool) -> bool | None:
    if at + 1 == len(text):
        return False if final else None
    return text[at + 1] in "/*"


def negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def number_key(text: str, at: int, place: Place, final: bool) -> bool | None:
    """Whether a key that is a number with a sign begins at ``at``."""
    if at + 1 == len(text):
        return False if final else None
    return text[at + 1].isdigit() and word_key(text, at + 1, place, True, final)


def is_declared(key: str, place: Place) -> bool:
    return place.names is not None and len(key) <= WINDOW and bare(key) in place.names


def quoted_key(text: str, at: int, place: Place, declared: bool, final: bool) -> bool | None:
    """Whether a key in quotes begins at ``at``: a short text with a colon after it.

    If ``declared``, and names are known, it must be one of them.  A declared name is one also if its second quote is
    missing, or the colon.
    """
    if text[at + 1 : at + 2] == text[at] and text[at + 2 : at + 3].isalnum():  # `""age": 3`: a quote too many
        at += 1
    found = quoted_then(text, at, ":=\uff1a", final)
    if place.names is None:
        match = QUOTED[text[at]].match(text, at, at + WINDOW)
        if found is not False or match is None or match["open"] is not None:
            return found
        return LOST_COLON.fullmatch(match[1]) is not None  # `"b: "c"`
    if found:
        match = QUOTED[text[at]].match(text, at)
        return not declared or (match is not None and is_declared(match[1], place))
    if found is None:  # what it is depends on its second quote
        return None
    half = LOST_COLON.match(text, at + 1, at + WINDOW)
    if half is not None and is_declared(half[1], place):
        return True
    if found is False:
        match = QUOTED[text[at]].match(text, at, at + WINDOW)
        if match is not None and match["open"] is None and is_declared(match[1], place):
            value = past(SPACE, text, match.end())
            return value < len(text) and (text[value].isdigit() or text[value] in '"{[\u201c')
    return found


def quoted_then(
    text: str, at: int, wanted: str, final: bool, window: int = WINDOW, spaced: bool = False
) -> bool | None:
    """Whether a short quoted text begins at ``at`` and one of ``wanted`` follows it, or, over a space, another one."""
    found = _then(text, at, QUOTED[text[at]], wanted, final, window, spaced)
    if found is False and text[at] == '"':
        straight = _STRAIGHT.match(text, at, at + window)
        if straight is not None and "\u201d" in straight[1]:  # it may belong to it
            return _then(text, at, _STRAIGHT, wanted, final, window, False)
    return found


def _then(
    text: str, at: int, quoted: re.Pattern[str], wanted: str, final: bool, window: int, spaced: bool
) -> bool | None:
    match = quoted.match(text, at, at + window)
    if match is None or match["open"] is not None:
        return None if len(text) - at <= window and not final else False
    if wanted == ",]" and "\n" in match[1]:
        return False
    next_at = past(SPACE, text, match.end())
    if text[match.end() : match.end() + 1] == text[at] and ":" in wanted:  # `"age"": 3`
        next_at = past(SPACE, text, match.end() + 1)
    if next_at == len(text):
        return None if len(text) - at <= 2 * window and not final else False
    return text[next_at].translate(PLAIN) in wanted or (spaced and next_at > match.end() and text[next_at] == text[at])


def key_with_quotes(text: str, at: int, final: bool) -> bool | None:
    """Whether a key that has quotes in it begins at ``at``: on its line a quote with a colon after it follows."""
    quote = re.escape(text[at])
    if re.compile(rf"[^\n{{}}]*?{quote}[ \t]*[:\uff1a]").match(text, at + 1, at + WINDOW):
        return True
    rest = text[at : at + WINDOW]
    return None if len(rest) < WINDOW and not final and not any(end in rest for end in "\n{}") else False


def value_follows(text: str, at: int, final: bool) -> bool | None:
    """Whether a value of JSON follows the key in quotes at ``at``: a string may speak of a key, ``see "a": it is``.

    A number or word is a value only if it ends as one, at a bracket, at its line's end or before another key:
    ``set "a": 3 of them``.
    """
    match = QUOTED[text[at]].match(text, at, at + WINDOW)
    if match is None or match["open"] is not None or ":" in match[1]:  # its second quote is missing
        return True
    colon = past(SPACE, text, match.end())
    if text[colon : colon + 1] not in (":", "=", "\uff1a"):  # `"the "a"", "b": 1`
        return False
    value = past(SPACE, text, colon + 1)
    if value >= len(text):
        return True if final else None
    if text[value] in '"{[\u201c':
        return True
    end = past(_VALUE_CHARACTERS, text, value, value + WINDOW)
    if end == len(text) and not final:
        return None
    if not _VALUE.fullmatch(text, value, end):
        return False
    behind = past(_SPACE_ON_LINE, text, end, end + WINDOW)
    comma = text[behind : behind + 1].translate(PLAIN) == ","
    next_at = past(SPACE, text, behind + 1) if comma else behind
    if next_at >= len(text):
        return True if final else None
    return text[next_at].translate(PLAIN) in "}]\n\r/#" or (comma and text[next_at] in QUOTES)


def word_key(text: str, at: int, place: Place, separated: bool, final: bool, half: bool = True) -> bool | None:
    """Whether a key without quotes begins at ``at``; ``half``: it may have its second quote.

    A declared name is one wherever a colon follows; another word only if it is ``separated`` from what is before it by
    a line break or comma, and a value follows the colon on its line.
    """
    word_end = past(WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    if word_end >= at + WINDOW:
        return False
    character = text[word_end].translate(PLAIN)
    if (
        half and character in QUOTES and word_end > at and not text[word_end - 1].isspace()
    ):  # `age": 3`: a quote is missing
        colon = past(SPACE, text, word_end + 1)
        if colon == len(text):
            return False if final else None
        if text[colon] in ":\uff1a":
            return separated or is_declared(text[at:word_end], place)
    if character in '"\u201c' and (separated or place.names is not None):  # `and also "b": 2`
        return quoted_key(text, word_end, place, True, final) if FILLER.match(text, at) else False
    if character not in ":=":
        return False
    key = text[at:word_end].strip()
    if is_declared(key, place):
        return True
    if not separated or (place.names is not None and not IDENTIFIER.fullmatch(key)):
        return False
    if character == "=" and (" " in key or (place.names is not None and not place.equals)):
        return False  # `x = 1`, `class="a"`
    if word_end + 1 == len(text):
        return False if final else None
    following = text[word_end + 1]
    if key.isdigit() and not following.isspace() and following not in QUOTES + "{[":
        return False  # 12:30
    return following not in "/:=" and not (place.names is not None and following in "\r\n")


def declared_key(text: str, at: int, place: Place, final: bool) -> bool | None:
    word_end = past(WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    return text[word_end] in ":=\uff1a" and is_declared(text[at:word_end].strip(), place)


def word_then_colon(text: str, at: int, final: bool) -> bool | None:
    word_end = past(WORD, text, at, at + WINDOW)
    if word_end == len(text):
        return False if final else None
    if text[word_end] in QUOTES:  # a key without its first quote
        word_end = past(SPACE, text, word_end + 1)
        if word_end == len(text):
            return False if final else None
    return text[word_end] in ":=\uff1a" if word_end < at + WINDOW else False
