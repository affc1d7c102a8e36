"""The outcome of reading a part of an answer: a value, a value that fits after a change, or a mismatch.

A result is a BAML value as it is; a :class:`Coerced` value, with the penalty that counts when union members compete;
or a :class:`Mismatch`.  All three are immutable, so that one result may serve several readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

Step: TypeAlias = str | int
"""A field's name, a map's key or a list's index."""

Result: TypeAlias = Any
"""A BAML value, a :class:`Coerced` or a :class:`Mismatch`."""

EXCERPT: Final = 120
"""How many characters of a text an error shows."""


ELLIPSES: Final = ("...", "\u2026")
LEFT_OUT: Final = "an ellipsis: the answer leaves something out"


class NoSingleMatch(Exception):  # noqa: N818 (the callers make a mismatch of it)
    """A text that has none of the looked-for values, or several; the message lists the candidates if several."""


class Inexact(Exception):  # noqa: N818 (the scanner reads the text then)
    """A text, or a decoded value, that is not plainly JSON of a type."""


class Coerced:
    """A value that the text has only after a change; ``penalty`` says how large a change (0 is none).

    ``raw`` is the object that was unwrapped or taken as a string, where it was kept: it may fit as something else.
    ``wraps``: the value is a list, and the text has its only item without brackets.
    """

    __slots__ = ("penalty", "raw", "value", "wraps")

    def __init__(self, value: Any, penalty: int, raw: Any = None, wraps: bool = False) -> None:
        self.value = value
        self.penalty = penalty
        self.raw = raw
        self.wraps = wraps


class Mismatch:
    """A part that does not fit: ``expected`` and ``got`` in words, at ``path`` from the part that was read.

    ``raw`` is the object or list itself, where it was kept: it may fit as something else.  ``reason`` says more of a
    scalar: the candidates in an ambiguous text.
    """

    __slots__ = ("expected", "got", "path", "raw", "reason")

    def __init__(self, expected: str, got: str, path: tuple[Step, ...] = (), raw: Any = None, reason: str = "") -> None:
        self.expected = expected
        self.got = got
        self.path = path
        self.raw = raw
        self.reason = reason

    def at(self, step: Step) -> Mismatch:
        """Return the same, seen from the container that has the part under ``step``."""
        return Mismatch(self.expected, self.got, (step, *self.path), self.raw, self.reason)

    def __str__(self) -> str:
        where = render_path(self.path)
        reason = f" ({self.reason})" if self.reason else ""
        return f"{where}{': ' if where else ''}expected {self.expected}, got {self.got}{reason}"


def render_path(path: tuple[Step, ...]) -> str:
    """Return a path as text: ``items[3].price``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{excerpt(step)}]"
    return text


def excerpt(text: str) -> str:
    """Return the beginning of a text, quoted."""
    text = text.strip()
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "…")


def penalty_of(result: Result) -> int:
    """Return the penalty of a result that is not a mismatch."""
    return result.penalty if result.__class__ is Coerced else 0


def value_of(result: Result) -> Any:
    """Return the value of a result that is not a mismatch."""
    return result.value if result.__class__ is Coerced else result


def only_one(found: Iterable[Any]) -> Any:
    """Return the one distinct value among those that were found.

    Raises :class:`NoSingleMatch` if there is none, or more than one.
    """
    distinct = list(dict.fromkeys(found))
    if len(distinct) == 1:
        return distinct[0]
    raise NoSingleMatch("ambiguous: " + ", ".join(map(str, distinct[:4])) if distinct else "")
