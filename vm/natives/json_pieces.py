"""JSON of any size in pieces (:mod:`bamlvm.vm.work`): slower than the C libraries, but it lets others have their turn.

Both directions keep a stack of their own.  They do what :mod:`bamlvm.vm.natives.json` does to small values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from json import decoder
from json.encoder import encode_basestring
from math import isfinite
from typing import Any, Final

from bamlvm.vm.rendering import json_float_text
from bamlvm.vm.values import EnumValue, Instance, Media, in_i64
from bamlvm.vm.work import TEXT_PIECE, Work, check_length

_DEEPEST: Final = 990
_PARTS: Final = 512

_RUN: Final = 1 << 16
"""Characters of white space, or of a string, that one match or search reads."""

_SPACE: Final = re.compile(rf"[ \t\n\r]{{0,{_RUN}}}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,4000})(\.[0-9]{1,4000})?([eE][-+]?[0-9]{1,4000})?")
_LONGEST_NUMBER: Final = 4000
_WORDS: Final = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}

_HALF: Final = re.compile("[\ud800-\udfff]")


class InvalidJson(Exception):  # noqa: N818 (as the error it becomes)
    """A text that is not JSON, with the place of the mistake; or a value that has no JSON."""

    def __init__(self, message: str, place: int = 0) -> None:
        super().__init__(message)
        self.place = place


def parsed(text: str) -> Work[Any]:
    """Return the value of a JSON text.  Raises :class:`InvalidJson`."""
    open_: list[tuple[Any, str]] = []  # the containers around the place, each with the key that is next in a map
    expected = _VALUE
    value: Any = None
    place = 0
    left = _PARTS
    while True:
        left -= 1
        if left < 0:
            left = _PARTS
            yield open_
        # White space may stand before everything that is expected.
        start = place
        place = _SPACE.match(text, start).end()  # type: ignore[union-attr]  # it matches the empty string
        if place - start == _RUN:
            yield open_
            continue
        found = text[place : place + 1]
        if expected is _VALUE or (expected is _FIRST_ITEM and found != "]"):
            if found == "[" or found == "{":
                if len(open_) >= _DEEPEST:
                    raise InvalidJson("nested too deeply", place)
                open_.append(([] if found == "[" else {}, ""))
                expected = _FIRST_ITEM if found == "[" else _FIRST_KEY
                place += 1
                continue
            if found == '"':
                value, place = _short_string(text, place) or (yield from _long_string(text, place, open_))
                left -= len(value) >> 6
            else:
                value, place = _scalar(text, place, found)
        elif expected is _KEY or (expected is _FIRST_KEY and found != "}"):
            if found != '"':
                raise InvalidJson("object keys must be strings" if found else "Input data was truncated", place)
            key, place = _short_string(text, place) or (yield from _long_string(text, place, open_))
            open_[-1] = (open_[-1][0], key)
            left -= len(key) >> 6
            expected = _COLON
            continue
        elif expected is _COLON:
            if found != ":":
                raise InvalidJson(_unexpected(found), place)
            expected = _VALUE
            place += 1
            continue
        elif not open_:
            if found:
                raise InvalidJson("trailing characters", place)
            return value
        elif found == "," and expected is _FURTHER:
            expected = _VALUE if type(open_[-1][0]) is list else _KEY
            place += 1
            continue
        elif found == ("]" if type(open_[-1][0]) is list else "}"):
            value, _ = open_.pop()
            place += 1
        else:
            raise InvalidJson(_unexpected(found), place)
        # A value has ended here: it goes into its container.
        if open_:
            container, key = open_[-1]
            if type(container) is list:
                container.append(value)
            else:
                container[key] = value
        expected = _FURTHER


# What a text may go on with: a value; a list's first item or its end; a map's first key or its end; a key; a colon; a
# comma or the end of a container, or that of the text.
_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _COLON, _FURTHER = range(6)


def _unexpected(found: str) -> str:
    return f"unexpected {found!r}" if found else "Input data was truncated"


def _short_string(text: str, place: int) -> tuple[str, int] | None:
    """Return the string that begins at a place, and its end; None if its end is not near for sure."""
    end = text.find('"', place + 1, place + _RUN)
    while end > 0 and text[end - 1] == "\\":
        end = text.find('"', end + 1, place + _RUN)
    return None if end < 0 else _scanned(text, place + 1, place + 1)


def _long_string(text: str, place: int, open_: Any) -> Work[tuple[str, int]]:
    made = ""
    at = place + 1
    while True:
        end = _cut(text, at)
        piece, read = _scanned(text[at:end] + '"', 0, at)
        check_length(made, piece)
        made += piece
        if read <= end - at:
            return made, at + read
        if end == len(text):
            raise InvalidJson("invalid string", place)
        at = end
        yield (open_, made)


def _cut(text: str, at: int) -> int:
    """Return where a piece that begins at ``at``, within a string, ends: neither within an escape, nor between the two
    of a surrogate pair."""
    end = at + _RUN
    if end >= len(text):
        return len(text)
    for _ in range(2):
        slash = text.rfind("\\", end - 6, end)
        before = text[at : slash + 1]
        if slash < 0 or (len(before) - len(before.rstrip("\\"))) % 2 == 0:  # escaped itself
            break
        escape = text[slash : slash + 4].lower()
        size = 2 if escape[1] != "u" else 7 if escape[2:] in ("d8", "d9", "da", "db") else 6
        if slash + size <= end:
            break
        end = slash
    return end


def _scanned(text: str, at: int, place: int) -> tuple[str, int]:
    """Return what stands from ``at`` to the end of a string, and where that is.  ``place`` is where the text of an
    error has ``at``."""
    found: str
    try:
        found, end = decoder.scanstring(text, at, True)  # type: ignore[attr-defined]  # not in typeshed
    except ValueError as error:
        raise InvalidJson("invalid string", place + getattr(error, "pos", at) - at) from None
    if not found.isascii() and _HALF.search(found):
        raise InvalidJson("half a surrogate pair", place)
    return found, end


def _scalar(text: str, place: int, start: str) -> tuple[Any, int]:
    if start in _WORDS:
        word, value = _WORDS[start]
        if text.startswith(word, place):
            return value, place + len(word)
        raise InvalidJson("invalid character", place)
    number = _NUMBER.match(text, place)
    if number is None:
        raise InvalidJson("invalid character" if start else "Input data was truncated", place)
    if number.end() - place > _LONGEST_NUMBER:
        raise InvalidJson("a number with thousands of digits", place)
    if number[1] is not None or number[2] is not None:
        real = float(number[0])
        if not isfinite(real):
            raise InvalidJson("number out of range", place)
        return real, number.end()
    whole = int(number[0])
    if not in_i64(whole):
        raise InvalidJson(f"the integer {whole} is out of range", place)
    return whole, number.end()


def written(value: Any, plain: Callable[[Any], Any]) -> Work[str]:
    """Return a value as compact JSON; ``plain`` returns what is written for a value that is neither scalar, list nor
    map.  Raises :class:`InvalidJson`."""
    made = ""
    parts: list[str] = []
    open_: list[tuple[int, Iterator[Any], str]] = []  # each container's id, what is left of it, and its end
    above: set[int] = set()
    left = 0
    size = 0
    item = value
    while True:
        left -= 1
        if left < 0 or size > TEXT_PIECE:
            left, size = _PARTS, 0
            piece = "".join(parts)
            parts.clear()
            check_length(made, piece)
            made += piece
            yield made
        kind = type(item)
        below = plain(item) if kind is Instance or kind is EnumValue or kind is Media else item
        kind = type(below)
        if kind is list or kind is dict:
            if id(item) in above:
                raise InvalidJson("a value inside itself")
            if len(open_) >= _DEEPEST:
                raise InvalidJson("a value nested so deeply")
            above.add(id(item))
            rest: Iterator[Any] = iter(below) if kind is list else iter(below.items())
            parts.append("[" if kind is list else "{")
            open_.append((id(item), rest, "]" if kind is list else "}"))
            first = True
        else:
            first = False
            if kind is str and len(below) > TEXT_PIECE:
                parts.append('"')
                for place in range(0, len(below), TEXT_PIECE):
                    parts.append(encode_basestring(below[place : place + TEXT_PIECE])[1:-1])
                    piece = "".join(parts)
                    parts.clear()
                    check_length(made, piece)
                    made += piece
                    yield made
                parts.append('"')
            else:
                parts.append(_scalar_text(below, plain))
                size += len(parts[-1])
        while open_:
            identity, rest, end = open_[-1]
            following = next(rest, _END)
            if following is not _END:
                if not first:
                    parts.append(",")
                if end == "}":
                    key, item = following
                    parts.append(encode_basestring(key.variant if type(key) is EnumValue else key) + ":")
                    size += len(parts[-1])
                else:
                    item = following
                break
            open_.pop()
            above.discard(identity)
            parts.append(end)
            first = False
        else:
            piece = "".join(parts)
            check_length(made, piece)
            made += piece
            return made


_END: Final[Any] = object()


def _scalar_text(value: Any, plain: Callable[[Any], Any]) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is str:
        return encode_basestring(value)
    if type(value) is int:
        return str(value)
    if type(value) is float:
        if not isfinite(value):
            raise InvalidJson("a float that is not finite")
        return json_float_text(value)
    return _scalar_text(plain(value), plain)  # raises for what has no JSON
