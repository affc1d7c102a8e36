"""Numbers as models write them.

A number is a word of the text: what stands between spaces, without quotes, brackets, markdown and final punctuation
around it.  Its thousands may be grouped by commas or underscores, it may have a currency sign before it or a per cent
sign after it, and of ``answer=42`` or ``"value":42`` the part after the sign counts.  A word that is more than a number
(``gpt-4``, ``12:30``, ``2024-01-05``, ``3.10.2``) is none.

If a text has several numbers, one that stands alone in bold or in ``\\boxed{…}`` is the answer; otherwise the text is
ambiguous.
"""

from __future__ import annotations

import math
import re
from typing import Final

from bamlvm.vm.values import in_i64

_NUMBER: Final = re.compile(
    r"""(?x)
    (?P<sign>[-+\u2212]?) [$\u20ac\u00a3\u00a5\u20b9]? (?P<inner>[-\u2212]?)
    (?P<whole> [0-9]{1,3} (?: ,[0-9]{3} )+ | [0-9]+ (?: _[0-9]+ )* )?
    (?P<fraction> \.[0-9]+ )? \.?
    (?P<exponent> [eE][-+]?[0-9]{1,6} )?
    (?: / (?P<divisor> [0-9]+ ) )? [%\u20ac\u00a3]?"""
)
_WRAPPING: Final = "*_`~\"'\u201c\u201d\u2018\u2019()[]{}<>,;:!?\\|#"
_EMPHASISED: Final = re.compile(r"\*\*([^*\n]+)\*\*|__([^_\n]+)__|\\boxed\{([^}\n]+)\}")
_LABEL: Final = re.compile(r"[^\W\d_].*[:=]")


class NotOne(Exception):  # noqa: N818 (not an error: callers turn it into one)
    """A text without a number, or with several."""


def number_in(text: str) -> float:
    """The number in a text: an int if it is written as one.  Raises :class:`NotOne`, saying why."""
    found = _numbers(text)
    if len(found) > 1:
        marked: list[float] = []
        for groups in _EMPHASISED.findall(text):
            marked += _numbers("".join(groups))
        found = list(dict.fromkeys(marked)) or found
    if not found:
        raise NotOne("")
    if len(found) > 1:
        raise NotOne("ambiguous: " + ", ".join(map(str, found[:4])))
    return found[0]


def whole_number_in(text: str) -> int:
    """The number in a text, which must be a whole one within 64 bits.  Raises :class:`NotOne`."""
    number = number_in(text)
    if isinstance(number, float):
        if not number.is_integer():
            raise NotOne(f"{number} is not a whole number")
        number = int(number)
    if not in_i64(number):
        raise NotOne(f"{number} does not fit in 64 bits")
    return number


def _numbers(text: str) -> list[float]:
    found: dict[float, None] = {}
    for word in text.split():
        number = _number(word)
        if number is not None:
            found[number] = None
    return list(found)


def _number(word: str) -> float | None:
    bare = word.strip(_WRAPPING).rstrip("." + _WRAPPING)
    label = _LABEL.match(bare)
    if label:
        bare = bare[label.end() :].strip(_WRAPPING)
    match = _NUMBER.fullmatch(bare)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    digits = re.sub("[,_]", "", match["whole"] or "0")
    if len(digits) > 400:
        return None
    negative = "-" if (match["sign"] or match["inner"]) in ("-", "\u2212") else ""
    if not (match["fraction"] or match["exponent"] or match["divisor"]):
        return int(negative + digits)
    number = float(f"{negative}{digits}{match['fraction'] or ''}{match['exponent'] or ''}")
    if match["divisor"]:
        divisor = int(match["divisor"][:400])
        if not divisor:
            return None
        number /= divisor
    return number if math.isfinite(number) else None
