"""Methods of strings.  Positions and lengths count Unicode scalars, as Python's do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from bamlvm.vm.natives.occurrences import SHORT, first, last, places
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import in_i64
from bamlvm.vm.work import (
    FREE,
    MOVED,
    PIECE,
    TEXT_PIECE,
    Lengthy,
    Work,
    check_length,
    check_size,
    compares,
    copies,
    due,
    later,
    moved,
)

_WHITE_SPACE: Final = "".join(
    map(
        chr,
        [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000],
    )
)
"""Unicode's property White_Space; Python's :meth:`str.strip` takes the separators U+001C to U+001F too."""

_AT_ONCE: Final = 1 << 14
"""Characters that are read at once; more is lengthy work."""

_FREE: Final = 256
"""Characters whose work is not counted."""

_OBJECTS_AT_ONCE: Final = 1 << 11
"""Characters at once, where each may become an object."""

_SPLIT_PIECE: Final = 1 << 13
"""Characters that are split at once."""

_CODED_AT_ONCE: Final = 1 << 18
"""Characters of several bytes whose bytes are counted at once."""

_LONGEST_NUMBER: Final = 1 << 16

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

NATIVES: Final = NativeTable(
    {
        "baml.String.length": len,
        "baml.String.is_ascii": str.isascii,
    }
)


@NATIVES.native("baml.String.startsWith", "baml.String.starts_with")
def starts_with(text: str, start: str) -> bool:
    """Whether the text begins with another."""
    if len(start) > FREE and compares(text, start):
        raise Lengthy(later(str.startswith, text, start))
    return text.startswith(start)


@NATIVES.native("baml.String.endsWith", "baml.String.ends_with")
def ends_with(text: str, end: str) -> bool:
    """Whether the text ends with another."""
    if len(end) > FREE and compares(text, end):
        raise Lengthy(later(str.endswith, text, end))
    return text.endswith(end)


@NATIVES.native("baml.String.trim")
def trim(text: str) -> str:
    """Return the text without the white space at both ends."""
    if len(text) > _FREE and copies(len(text)):
        raise Lengthy(_stripped(text, start=True, end=True))
    return text.strip(_WHITE_SPACE)


def _stripped(text: str, start: bool, end: bool) -> Work[str]:
    """Return a text without white space at its start and its end, which is looked for in pieces."""
    first, last = 0, len(text)
    while start and first < last:
        found = len(text[first : first + TEXT_PIECE].lstrip(_WHITE_SPACE))
        first += min(TEXT_PIECE, last - first) - found
        if found:
            break
        yield None
    while end and first < last:
        found = len(text[max(first, last - TEXT_PIECE) : last].rstrip(_WHITE_SPACE))
        last -= min(TEXT_PIECE, last - first) - found
        if found:
            break
        yield None
    return (yield from moved((text, first, last)))


@NATIVES.native("baml.String.split")
def split(text: str, delimiter: str) -> list[str]:
    """Return the parts between the delimiters; for an empty delimiter, the characters."""
    if not delimiter:
        return chars(text)
    if len(text) <= _OBJECTS_AT_ONCE:
        if len(text) > _FREE and due(len(text)):
            raise Lengthy(later(split, text, delimiter))
        return text.split(delimiter)
    raise Lengthy(_split(text, delimiter))


def _split(text: str, delimiter: str) -> Work[list[str]]:
    made: list[str] = []
    if len(delimiter) > TEXT_PIECE:
        begin = 0
        for place in places(text, delimiter):
            if place is not None:
                made.append(text[begin:place])
                begin = place + len(delimiter)
            yield made
        made.append(text[begin:])
        return made
    window = max(_SPLIT_PIECE, 2 * len(delimiter))
    start = at = 0  # of the part at hand, and of what has not been searched
    while True:
        end = at + window
        parts = text[at:end].split(delimiter)
        last = parts.pop()  # goes on in the next window
        if parts:
            if start < at:
                parts[0] = text[start : at + len(parts[0])]
            made += parts
            start = at = min(end, len(text)) - len(last)
        if end >= len(text):
            made.append(text[start:])
            return made
        if not parts:  # a delimiter may begin in this window and end in the next
            at = end - len(delimiter) + 1
        yield made


def _find(text: str, wanted: str) -> int:
    """Return :meth:`str.find`, or raise its work."""
    if len(text) <= _AT_ONCE or not wanted:
        if len(text) > _FREE and due(len(text) >> 3):
            raise Lengthy(later(_find, text, wanted))
        return text.find(wanted)
    raise Lengthy(first(text, wanted))


def _then(function: Callable[[str, str], int], text: str, wanted: str, make: Callable[[int], Any]) -> Any:
    """Return ``make`` of the place that ``function`` returns, or raise the work that does."""
    try:
        place = function(text, wanted)
    except Lengthy as lengthy:
        raise Lengthy(_made(lengthy.work, make)) from None
    return make(place)


def _made(work: Work[int], make: Callable[[int], Any]) -> Work[Any]:
    return make((yield from work))


@NATIVES.native("baml.String.includes")
def includes(text: str, wanted: str) -> bool:
    """Whether the text contains another."""
    return wanted in text if len(text) <= _FREE else bool(_then(_find, text, wanted, lambda place: place >= 0))


@NATIVES.native("baml.String.toLowerCase", "baml.String.to_lower_case")
def to_lower_case(text: str) -> str:
    """Return the text in lower case."""
    if len(text) <= _AT_ONCE:
        if len(text) > _FREE and due(len(text) >> 1):
            raise Lengthy(later(to_lower_case, text))
        return text.lower()
    raise Lengthy(_cased(text, str.lower))


@NATIVES.native("baml.String.toUpperCase", "baml.String.to_upper_case")
def to_upper_case(text: str) -> str:
    """Return the text in upper case."""
    if len(text) <= _AT_ONCE:
        if len(text) > _FREE and due(len(text) >> 1):
            raise Lengthy(later(to_upper_case, text))
        return text.upper()
    raise Lengthy(_cased(text, str.upper))


def _cased(text: str, function: Callable[[str], str]) -> Work[str]:
    made = ""
    start = 0
    while start < len(text):
        end = start + TEXT_PIECE
        # A final sigma is one by its neighbours: a piece that has one ends behind a space, which parts words.
        if "Σ" in text[start : end + 1]:
            end = (text.rfind(" ", start, end) + 1) or (text.find(" ", end) + 1) or len(text)
        made += function(text[start:end])
        start = end
        yield made
    return made


@NATIVES.native("baml.String.substring")
def substring(text: str, start: int, end: int) -> str:
    """Return the characters from ``start`` to before ``end``, both limited to the text."""
    start, end = max(start, 0), min(max(end, 0), len(text))
    if copies(end - start):
        raise Lengthy(moved((text, start, end)))
    return text[start:end]


@NATIVES.native("baml.String.replace")
def replace(text: str, old: str, new: str) -> str:
    """Return the text with the first occurrence of ``old`` replaced."""
    length = len(text) + len(new)
    if length <= _AT_ONCE:
        if length > _FREE and due(length >> 3):
            raise Lengthy(later(replace, text, old, new))
        return text.replace(old, new, 1)
    raise Lengthy(_exchanged(text, old, new))


def _exchanged(text: str, old: str, new: str) -> Work[str]:
    place = (yield from first(text, old)) if old else 0
    if place < 0:
        return text
    check_length(text, new)
    return (yield from moved((text, 0, place), (new, 0, len(new)), (text, place + len(old), len(text))))


@NATIVES.native("baml.String.repeat")
def repeat(text: str, count: int) -> str:
    """Return the text ``count`` times over; the empty string for a negative count."""
    check_size(text, count)
    if copies(len(text) * count):
        raise Lengthy(_repeated(text, len(text) * count))
    return text * count


def _repeated(text: str, length: int) -> Work[str]:
    """Return so many characters of a text repeated without end."""
    block = text * (MOVED // len(text) or 1)
    whole, rest = divmod(length, len(block))
    return (yield from moved(*[(block, 0, len(block))] * whole, (block, 0, rest)))


@NATIVES.native("baml.String.to_string")
def to_string(text: str) -> str:
    """Return the text itself."""
    return text


@NATIVES.native("baml.String.replace_all")
def replace_all(text: str, old: str, new: str) -> str:
    """Return the text with every occurrence of ``old`` replaced."""
    if len(text) <= _AT_ONCE and len(new) <= 8:
        if len(text) > _FREE and due(len(text) >> 1):
            raise Lengthy(later(replace_all, text, old, new))
        return text.replace(old, new)
    raise Lengthy(_replaced(text, old, new))


def _replaced(text: str, old: str, new: str) -> Work[str]:
    made = ""
    parts: list[str] = []
    start = 0
    for place in places(text, old) if old else _between(text):
        if place is not None:
            parts += (text[start:place], new)
            start = place + len(old)
        if place is None or len(parts) * len(new) > TEXT_PIECE:
            piece = "".join(parts)
            parts.clear()
            check_length(made, piece)
            made += piece
            yield made
    piece = text[start:]
    check_length(made, piece)
    made += "".join(parts)
    made += piece
    return made


def _between(text: str) -> Iterator[int | None]:
    """Return the places before, between and behind all characters."""
    for place in range(len(text) + 1):
        yield place
        if place % 1024 == 1023:
            yield None


@NATIVES.native("baml.String.index_of")
def index_of(text: str, wanted: str) -> int | None:
    """Return the place of the first occurrence; null if there is none."""
    found: int | None = _then(_find, text, wanted, _place)
    return found


@NATIVES.native("baml.String.last_index_of")
def last_index_of(text: str, wanted: str) -> int | None:
    """Return the place of the last occurrence; null if there is none."""
    found: int | None = _then(_find_last, text, wanted, _place)
    return found


def _find_last(text: str, wanted: str) -> int:
    """Return :meth:`str.rfind`, or raise its work."""
    if not wanted or (len(text) <= _AT_ONCE and len(wanted) <= SHORT):
        if len(text) > _FREE and due(len(text) >> 1):
            raise Lengthy(later(_find_last, text, wanted))
        return text.rfind(wanted)
    raise Lengthy(last(text, wanted))


def _place(found: int) -> int | None:
    return found if found >= 0 else None


@NATIVES.native("baml.String.char_at", "baml.String.at")
def char_at(text: str, index: int) -> str | None:
    """Return a character, counted from the end for a negative index; null if there is none."""
    return text[index] if -len(text) <= index < len(text) else None


@NATIVES.native("baml.String.code_point_at")
def code_point_at(text: str, index: int) -> int | None:
    """Return the number of a character, counted from the end for a negative index; null if there is none."""
    return ord(text[index]) if -len(text) <= index < len(text) else None


@NATIVES.native("baml.String.byte_length")
def byte_length(text: str) -> int:
    """Return the number of bytes in UTF-8."""
    if text.isascii():
        return len(text)
    if len(text) > _FREE and (due(len(text) >> 3) or len(text) > _CODED_AT_ONCE):
        raise Lengthy(_byte_length(text))
    return len(text.encode())


def _byte_length(text: str) -> Work[int]:
    length = 0
    for place in range(0, len(text), TEXT_PIECE):
        yield None
        length += len(text[place : place + TEXT_PIECE].encode())
    return length


@NATIVES.native("baml.String.chars")
def chars(text: str) -> list[str]:
    """Return the characters."""
    if len(text) <= _OBJECTS_AT_ONCE:
        if len(text) > _FREE and due(len(text)):
            raise Lengthy(later(chars, text))
        return list(text)
    raise Lengthy(_characters(text))


def _characters(text: str) -> Work[list[str]]:
    made: list[str] = []
    for place in range(0, len(text), PIECE):
        made.extend(text[place : place + PIECE])
        yield made
    return made


@NATIVES.native("baml.String.lines")
def lines(text: str) -> list[str]:
    """Return the lines; a line break at the end begins no other line."""
    if len(text) > _OBJECTS_AT_ONCE or (len(text) > _FREE and due(len(text))):
        raise Lengthy(_lines(text))
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return [line.removesuffix("\r") for line in found]


def _lines(text: str) -> Work[list[str]]:
    made = yield from _split(text, "\n")
    if not made[-1]:
        made.pop()
    for start in range(0, len(made), PIECE):
        made[start : start + PIECE] = [line.removesuffix("\r") for line in made[start : start + PIECE]]
        yield made
    return made


@NATIVES.native("baml.String.pad_start")
def pad_start(text: str, length: int, padding: str = " ") -> str:
    """Return the text with padding before it, up to ``length`` characters."""
    return _padded(text, length, padding, before=True)


@NATIVES.native("baml.String.pad_end")
def pad_end(text: str, length: int, padding: str = " ") -> str:
    """Return the text with padding after it, up to ``length`` characters."""
    return _padded(text, length, padding, before=False)


def _padded(text: str, length: int, padding: str, before: bool) -> str:
    absent = length - len(text)
    if absent <= 0 or not padding:
        return text
    check_size(padding, absent // len(padding) + 1)
    if copies(length):
        raise Lengthy(_padded_in_pieces(text, absent, padding, before))
    made = padding * (absent // len(padding))
    made += padding[: absent % len(padding)]
    return made + text if before else text + made


def _padded_in_pieces(text: str, absent: int, padding: str, before: bool) -> Work[str]:
    made = yield from _repeated(padding, absent)
    parts = (made, 0, absent), (text, 0, len(text))
    return (yield from moved(*(parts if before else parts[::-1])))


@NATIVES.native("baml.String.trim_start")
def trim_start(text: str) -> str:
    """Return the text without the white space at its start."""
    if len(text) > _FREE and copies(len(text)):
        raise Lengthy(_stripped(text, start=True, end=False))
    return text.lstrip(_WHITE_SPACE)


@NATIVES.native("baml.String.trim_end")
def trim_end(text: str) -> str:
    """Return the text without the white space at its end."""
    if len(text) > _FREE and copies(len(text)):
        raise Lengthy(_stripped(text, start=False, end=True))
    return text.rstrip(_WHITE_SPACE)


@NATIVES.native("baml.String.parse_int")
def parse_int(text: str) -> int | None:
    """Return the integer that the text is; null if it is none, or out of range."""
    if len(text) > 40 or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if in_i64(number) else None


@NATIVES.native("baml.String.parse_float")
def parse_float(text: str) -> float | None:
    """Return the number that the text is; null if it is none, or has more than 65,536 characters."""
    if _FREE < len(text) <= _LONGEST_NUMBER and due(len(text) >> 3):
        raise Lengthy(later(parse_float, text))
    return float(text) if len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) else None
