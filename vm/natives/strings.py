"""Methods of strings.  Positions and lengths count Unicode scalars, as Python's do."""

from __future__ import annotations

import operator
import re
from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import Thrown, in_i64, panic

_WHITE_SPACE: Final = "".join(
    map(
        chr,
        [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000],
    )
)
"""Unicode's property White_Space; Python's :meth:`str.strip` takes the separators U+001C to U+001F too."""

LONGEST: Final = 1 << 30
"""The greatest number of characters that a method makes of a shorter text."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

NATIVES: Final = NativeTable(
    {
        "baml.String.length": len,
        "baml.String.toLowerCase": str.lower,
        "baml.String.to_lower_case": str.lower,
        "baml.String.toUpperCase": str.upper,
        "baml.String.to_upper_case": str.upper,
        "baml.String.includes": operator.contains,
        "baml.String.startsWith": str.startswith,
        "baml.String.starts_with": str.startswith,
        "baml.String.endsWith": str.endswith,
        "baml.String.ends_with": str.endswith,
    }
)


@NATIVES.native("baml.String.trim")
def trim(text: str) -> str:
    """Return the text without the white space at both ends."""
    return text.strip(_WHITE_SPACE)


@NATIVES.native("baml.String.split")
def split(text: str, delimiter: str) -> list[str]:
    """Return the parts between the delimiters; for an empty delimiter, the characters."""
    return text.split(delimiter) if delimiter else list(text)


@NATIVES.native("baml.String.substring")
def substring(text: str, start: int, end: int) -> str:
    """Return the characters from ``start`` to before ``end``, both limited to the text."""
    return text[max(start, 0) : max(end, 0)]


@NATIVES.native("baml.String.replace")
def replace(text: str, old: str, new: str) -> str:
    """Return the text with the first occurrence of ``old`` replaced."""
    return text.replace(old, new, 1)


@NATIVES.native("baml.String.repeat")
def repeat(text: str, count: int) -> str:
    """Return the text ``count`` times over; the empty string for a negative count."""
    if len(text) * count > LONGEST:
        raise _too_long()
    return text * count


@NATIVES.native("baml.String.to_string")
def to_string(text: str) -> str:
    """Return the text itself."""
    return text


@NATIVES.native("baml.String.replace_all")
def replace_all(text: str, old: str, new: str) -> str:
    """Return the text with every occurrence of ``old`` replaced."""
    count = text.count(old)
    if len(text) + count * (len(new) - len(old)) > LONGEST:
        raise _too_long()
    return text.replace(old, new)


@NATIVES.native("baml.String.index_of")
def index_of(text: str, wanted: str) -> int | None:
    """Return the place of the first occurrence; null if there is none."""
    place = text.find(wanted)
    return place if place >= 0 else None


@NATIVES.native("baml.String.last_index_of")
def last_index_of(text: str, wanted: str) -> int | None:
    """Return the place of the last occurrence; null if there is none."""
    place = text.rfind(wanted)
    return place if place >= 0 else None


@NATIVES.native("baml.String.char_at")
def char_at(text: str, index: int) -> str | None:
    """Return a character, counted from the end for a negative index; null if there is none."""
    return text[index] if -len(text) <= index < len(text) else None


@NATIVES.native("baml.String.chars")
def chars(text: str) -> list[str]:
    """Return the characters."""
    return list(text)


@NATIVES.native("baml.String.lines")
def lines(text: str) -> list[str]:
    """Return the lines; a line break at the end begins no other line."""
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return [line.removesuffix("\r") for line in found]


@NATIVES.native("baml.String.pad_start")
def pad_start(text: str, length: int, padding: str = " ") -> str:
    """Return the text with padding before it, up to ``length`` characters."""
    return _padding(text, length, padding) + text


@NATIVES.native("baml.String.pad_end")
def pad_end(text: str, length: int, padding: str = " ") -> str:
    """Return the text with padding after it, up to ``length`` characters."""
    return text + _padding(text, length, padding)


def _padding(text: str, length: int, padding: str) -> str:
    absent = length - len(text)
    if absent <= 0 or not padding:
        return ""
    if length > LONGEST:
        raise _too_long()
    return (padding * (absent // len(padding) + 1))[:absent]


@NATIVES.native("baml.String.trim_start")
def trim_start(text: str) -> str:
    """Return the text without the white space at its start."""
    return text.lstrip(_WHITE_SPACE)


@NATIVES.native("baml.String.trim_end")
def trim_end(text: str) -> str:
    """Return the text without the white space at its end."""
    return text.rstrip(_WHITE_SPACE)


@NATIVES.native("baml.String.parse_int")
def parse_int(text: str) -> int | None:
    """Return the integer that the text is; null if it is none, or out of range."""
    if not _INTEGER.fullmatch(text) or len(text) > 40:
        return None
    number = int(text)
    return number if in_i64(number) else None


@NATIVES.native("baml.String.parse_float")
def parse_float(text: str) -> float | None:
    """Return the number that the text is; null if it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _too_long() -> Thrown:
    return panic("UserPanic", f"a string of more than {LONGEST} characters")
