"""Where a text occurs in another, in pieces (:mod:`bamlvm.vm.work`) and in linear time.

CPython's search is linear from left to right, and reads all of what it looks for before it begins.  So a short one is
looked for window by window.  A long one is looked for by its first characters, the *seed*, and compared where these
are found.  If the seed repeats itself, it is found again and again within one *run* of the same period; a run is
measured once, and the whole text can begin at one place of it alone, as its own first run must end where this ends.

From right to left CPython's search may be quadratic: what is long is looked for in the reversed text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bamlvm.vm.work import TEXT_PIECE, Work

_SEED: Final = 1 << 13
"""Characters of the seed: a text has few places where as many are found that are no part of one run."""

SHORT: Final = 32
"""Characters that are looked for from right to left as fast as in the other direction."""


def places(text: str, wanted: str) -> Iterator[int | None]:
    """Return the places of a text from left to right, none within another; None after a piece of work.

    ``wanted`` has at least one character.
    """
    if len(wanted) > TEXT_PIECE:
        yield from _places_of_long(text, wanted)
        return
    begin = found = 0
    while begin < len(text):
        # One piece looks for a match that begins in its window.
        end = min(begin + TEXT_PIECE, len(text))
        place = text.find(wanted, begin, end + len(wanted) - 1)
        if place < 0:
            begin = end
            yield None
        else:
            yield place
            begin = place + len(wanted)
            found += 1
            if found % 1024 == 0:
                yield None


def _places_of_long(text: str, wanted: str) -> Iterator[int | None]:
    seed = wanted[:_SEED]
    period = _period(seed)
    yield None
    first_run = yield from _end_of_run(wanted, 0, period)
    last = len(text) - len(wanted)
    begin = run_end = 0
    while begin <= last:
        end = min(begin + TEXT_PIECE, last + 1)
        place = text.find(seed, begin, end + _SEED - 1)
        yield None
        if place < 0:
            begin = end
            continue
        if run_end < place + _SEED:
            run_end = yield from _end_of_run(text, place, period)
        start = place if first_run == len(wanted) else run_end - first_run
        if start >= place and text.startswith(wanted, start):
            yield start
            begin = start + len(wanted)
        else:
            begin = run_end - _SEED + 1


def _period(text: str) -> int:
    """Return the smallest distance at which a text repeats itself to its end (Knuth, Morris and Pratt's table)."""
    borders = [0]
    length = 0
    for character in text[1:]:
        while length and text[length] != character:
            length = borders[length - 1]
        if text[length] == character:
            length += 1
        borders.append(length)
    return len(text) - length


def _end_of_run(text: str, start: int, period: int) -> Work[int]:
    """Return the first place from which on, seen from ``start``, a text does not repeat itself at a distance."""
    at = start + period
    while at < len(text):
        length = min(TEXT_PIECE, len(text) - at)
        if text[at : at + length] != text[at - period : at - period + length]:
            same, other = 0, length  # so many characters are equal, so many are not
            while other - same > 1:
                middle = (same + other) // 2
                if text[at : at + middle] == text[at - period : at - period + middle]:
                    same = middle
                else:
                    other = middle
            return at + same
        at += length
        yield None
    return len(text)


def first(text: str, wanted: str) -> Work[int]:
    """Return the first place of a text, -1 if there is none."""
    for place in places(text, wanted):
        if place is not None:
            return place
        yield None
    return -1


def last(text: str, wanted: str) -> Work[int]:
    """Return the last place of a text, -1 if there is none."""
    if len(wanted) > SHORT:
        text, wanted = (yield from _reversed(text)), (yield from _reversed(wanted))
        place = yield from first(text, wanted)
        return place if place < 0 else len(text) - place - len(wanted)
    for end in range(len(text), 0, -TEXT_PIECE):
        place = text.rfind(wanted, max(0, end - TEXT_PIECE), end + len(wanted) - 1)
        if place >= 0:
            return place
        yield None
    return -1


def _reversed(text: str) -> Work[str]:
    made = ""
    for end in range(len(text), 0, -TEXT_PIECE):
        made += text[max(0, end - TEXT_PIECE) : end][::-1]
        yield made
    return made
