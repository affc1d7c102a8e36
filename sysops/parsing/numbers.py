"""Numbers as models write them.

A number is a word of the text: what stands between spaces, without quotes, brackets, markdown and final punctuation
around it.  Its thousands may be grouped by commas or underscores, or by dots and spaces before a comma
(``1.234,56``), apostrophes and narrow spaces (``1'234.5``); it may have a currency sign before it or a per cent
sign after it, and of ``answer=42`` or ``"value":42`` the part after the sign counts.  A word that is more than a number
(``gpt-4``, ``12:30``, ``2024-01-05``, ``3.10.2``) is not a number; a word of scale (``3 million``) multiplies the one
before it.

The evidence, strongest first, as for names (:mod:`.names`): the text is a number; a number in bold, in a code span or
in ``\\boxed{…}``; a number that is the first line, the last line, or what follows the last colon or equals sign; the
only number anywhere in the text.  Several of one kind are ambiguous, and the mismatch lists them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from bamlvm.sysops.parsing import passages
from bamlvm.sysops.parsing.results import NoSingleMatch, only_one
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
_SPACED_FRACTION: Final = re.compile(r"(?<![\w/.,])([0-9]{1,15})(?: /|/ | / )([0-9]{1,15})(?![\w/]|[.,][0-9])")
_GROUPED: Final = re.compile(
    r"""(?x)(?<![\w.,'])
    (?: ([0-9]{1,3} (?: \.[0-9]{3} )+ | [0-9]{1,3} (?: [ ][0-9]{3} )+ ) , ([0-9]{1,2})  # 1.234,56  1 234,56
    |   ([0-9]{1,3} (?: [\u00a0\u2009\u202f'\u2019][0-9]{3} )+ ) (?: [.,] ([0-9]{1,2}) )?  # 1'234.50
    ) (?![\w'] | [.,][0-9])"""
)
_SCALES: Final = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_LABEL: Final = re.compile(r"[^\W\d_].*[:=]")


def number_in(text: str) -> float:
    """Return the number that a text means: an int if it is written as one.

    Raises :class:`NoSingleMatch`, listing the candidates if there are several.
    """
    text = _SPACED_FRACTION.sub(r"\1/\2", _GROUPED.sub(_ungrouped, text))
    found = _numbers(text)
    if len(found) != 1:
        alone = (passages.first_line(text), passages.last_line(text), passages.after_label(text))
        for group in (passages.emphasised(text), iter(alone)):
            numbers = [number for passage in group if (number := _number(passage.strip())) is not None]
            if numbers:
                found = numbers
                break
    found_one: float = only_one(found)
    return found_one


def _ungrouped(found: re.Match[str]) -> str:
    """Return a number as everyone reads it: without groups, and with a point."""
    fraction = found[2] or found[4]
    return re.sub(r"[^0-9]", "", found[1] or found[3]) + (f".{fraction}" if fraction else "")


def whole_number_in(text: str) -> int:
    """Return the number that a text means, which must be a whole one within 64 bits.  Raises :class:`NoSingleMatch`."""
    number = number_in(text)
    if isinstance(number, float):
        if not number.is_integer():
            raise NoSingleMatch(f"{number} is not a whole number")
        number = int(number)
    if not in_i64(number):
        raise NoSingleMatch(f"{number} does not fit in 64 bits")
    return number


def _numbers(text: str) -> list[float]:
    """Return the distinct numbers of a text, those with a word of scale after them multiplied."""
    found: dict[float, None] = {}
    words = text.split()
    for place, word in enumerate(words):
        number = _number(word)
        if number is None:
            continue
        scale = _SCALES.get(words[place + 1].strip(_WRAPPING + ".").lower()) if place + 1 < len(words) else None
        if scale is not None:
            scaled = number * scale
            number = int(scaled) if isinstance(number, int) or scaled.is_integer() else scaled
        found[number] = None
    return list(found)


def _number(word: str) -> float | None:
    if len(word) == 1 and not word.isascii() and word.isnumeric():
        return unicodedata.numeric(word)
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
