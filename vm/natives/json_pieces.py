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

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_LONGEST_NUMBER: Final = 4000


class InvalidJson(Exception):  # noqa: N818 (as the error it becomes)
    """A text that is not JSON, with the place of the mistake; or a value that has no JSON."""

    def __init__(self, message: str, place: int = 0) -> None:
        super().__init__(message)
        self.place = place


def parsed(text: str) -> Work[Any]:
    """Return the value of a JSON text.  Raises :class:`InvalidJson`."""
    space = _SPACE.match
    open_: list[tuple[Any, str | None]] = []  # the containers around the place, each with the key that is next in it
    place = _after(space(text, 0))
    left = _PARTS
    while True:
        left -= 1
        if left < 0:
            left = _PARTS
            yield open_
        # A value begins here.
        start = text[place : place + 1]
        value: Any
        if start == "[" or start == "{":
            value = [] if start == "[" else {}
            place = _after(space(text, place + 1))
            if text[place : place + 1] != ("]" if start == "[" else "}"):
                if len(open_) >= _DEEPEST:
                    raise InvalidJson("nested too deeply", place)
                key = None
                if start == "{":
                    key, place = _key(text, place)
                open_.append((value, key))
                continue
            place += 1
        else:
            value, place = _scalar(text, place, start)
            if type(value) is str:
                left -= len(value) >> 6
        # A value has ended here: it goes into its container, which may end, too.
        while open_:
            container, key = open_.pop()
            if key is None:
                container.append(value)
            else:
                container[key] = value
            place = _after(space(text, place))
            following = text[place : place + 1]
            if following == ",":
                place = _after(space(text, place + 1))
                if key is not None:
                    key, place = _key(text, place)
                open_.append((container, key))
                break
            if following != ("]" if key is None else "}"):
                raise InvalidJson(_unexpected(following), place)
            place += 1
            value = container
        else:
            place = _after(space(text, place))
            if place < len(text):
                raise InvalidJson("trailing characters", place)
            return value


def _after(match: re.Match[str] | None) -> int:
    return 0 if match is None else match.end()


def _unexpected(found: str) -> str:
    return f"unexpected {found!r}" if found else "Input data was truncated"


def _key(text: str, place: int) -> tuple[str, int]:
    if text[place : place + 1] != '"':
        raise InvalidJson("object keys must be strings" if place < len(text) else "Input data was truncated", place)
    key, place = _string(text, place)
    place = _after(_SPACE.match(text, place))
    if text[place : place + 1] != ":":
        raise InvalidJson(_unexpected(text[place : place + 1]), place)
    return key, _after(_SPACE.match(text, place + 1))


def _string(text: str, place: int) -> tuple[str, int]:
    try:
        found, end = decoder.scanstring(text, place + 1, True)  # type: ignore[attr-defined]
    except ValueError as error:
        raise InvalidJson("invalid string", getattr(error, "pos", place)) from None
    if not found.isascii() and any("\ud800" <= character <= "\udfff" for character in set(found)):
        raise InvalidJson("half a surrogate pair", place)
    return found, end


def _scalar(text: str, place: int, start: str) -> tuple[Any, int]:
    if start == '"':
        return _string(text, place)
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
