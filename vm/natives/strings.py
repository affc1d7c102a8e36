"""Methods of strings.  Positions and lengths count Unicode scalars, as Python's do."""

from __future__ import annotations

import operator
from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import panic

_WHITE_SPACE: Final = "".join(
    map(
        chr,
        [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000],
    )
)
"""Unicode's property White_Space; Python's :meth:`str.strip` takes the separators U+001C to U+001F too."""

LONGEST: Final = 1 << 30
"""The greatest number of characters that ``repeat`` makes."""

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
        raise panic("UserPanic", f"a string of more than {LONGEST} characters")
    return text * count


@NATIVES.native("baml.String.to_string")
def to_string(text: str) -> str:
    """Return the text itself."""
    return text
