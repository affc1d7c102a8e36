"""Did you mean …?  The known name that an unknown one is probably a misspelling of, and the hint that says so.

Rule: every room asks here, so that a typing mistake is recognised alike in a source, a prompt, an argument and on the
command line, and the hint has one wording.  Only an error pays: :mod:`difflib` is imported when a name is compared.
(The grammar stands beside `vm` and may not import it: :mod:`bamlvm.grammar.syntax_errors` compares keywords itself.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import islice
from typing import Final

_CUTOFF = 0.7  # of difflib's ratio; lower values propose names that merely share a few letters


_COMPARED = 200
"""The names that one name is compared with; of more, those that begin most like it."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` may be a misspelling of, or None.

    In this order: one that differs in upper and lower case only; one that is a single slip of the keyboard away (for
    names of three letters or more); one that has most of its letters in common.
    """
    ordered = sorted(known)
    if len(ordered) > _COMPARED:
        spellings = dict.fromkeys((name, name.lower(), name.upper(), name.capitalize(), name.title()))
        ordered = sorted({each for spelling in spellings for each in _around(spelling, ordered)})
    return _nearest(name, tuple(ordered))


def _around(name: str, ordered: list[str]) -> list[str]:
    place = bisect_left(ordered, name)
    return ordered[max(0, place - _COMPARED // 4) : place + _COMPARED // 4]


@lru_cache(maxsize=64)  # a misspelt name tends to be reported at each of its uses
def _nearest(name: str, ordered: tuple[str, ...]) -> str | None:
    folded = name.casefold()
    for candidate in ordered:
        if candidate.casefold() == folded:
            return candidate
    if len(name) > 2:
        for candidate in ordered:
            if _one_slip_apart(name, candidate):
                return candidate
    from difflib import get_close_matches

    close = get_close_matches(name, ordered, n=1, cutoff=_CUTOFF)
    return close[0] if close else None


def _one_slip_apart(one: str, other: str) -> bool:
    """Whether one letter was left out, added or replaced, or two neighbours were exchanged."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    left, right = one[same:], other[same:]
    exchanged = left[1::-1] == right[:2] and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or exchanged


class Suggestion(str):
    """A hint that says what to write: ``replacement`` in place of ``name``."""

    __slots__ = ("name", "replacement")

    name: str
    replacement: str

    def __new__(cls, text: str, name: str, replacement: str) -> Suggestion:
        made = super().__new__(cls, text)
        made.name = name
        made.replacement = replacement
        return made


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known name, a :class:`Suggestion`, or None if none is near."""
    found = nearest(name, known)
    return Suggestion(f"did you mean `{found}`?", name, found) if found else None


_LISTED: Final = 12


def listed(names: Collection[str]) -> str:
    """Return names as code with commas between them, the first twelve if there are more."""
    shown = ", ".join(f"`{name}`" for name in islice(names, _LISTED))
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"


def write_instead(name: str, replacement: str) -> Suggestion:
    """Return a hint to write ``replacement`` in place of ``name``."""
    return Suggestion(f"write `{replacement}`", name, replacement)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known name, or else all of them in their order; None if there are none."""
    names = list(known)
    return did_you_mean(name, names) or (f"there are {', '.join(f'`{each}`' for each in names)}" if names else None)
