"""What reading a part of an answer gives: a value, a value that fits after a change, or a reason why there is none.

A result is a BAML value as it is; a :class:`Coerced` value, with what the change counts when union members compete; or
a :class:`Failure`.  All three are immutable, so that one result may serve several readers.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Step: TypeAlias = str | int
"""A field's name, a map's key or a list's index."""

Result: TypeAlias = Any
"""A BAML value, a :class:`Coerced` or a :class:`Failure`."""

EXCERPT: Final = 120
"""How much of a text an error shows."""


class Coerced:
    """A value that the text gives only after a change; ``penalty`` says how far it was stretched (0 is not at all)."""

    __slots__ = ("penalty", "value")

    def __init__(self, value: Any, penalty: int) -> None:
        self.value = value
        self.penalty = penalty


class Failure:
    """What does not fit: ``expected`` and ``got`` in words, at ``path`` from the part that was read."""

    __slots__ = ("expected", "got", "path")

    def __init__(self, expected: str, got: str, path: tuple[Step, ...] = ()) -> None:
        self.expected = expected
        self.got = got
        self.path = path

    def at(self, step: Step) -> Failure:
        """The same, seen from the container that has it under ``step``."""
        return Failure(self.expected, self.got, (step, *self.path))

    def __str__(self) -> str:
        where = render_path(self.path)
        return (
            f"{where}: expected {self.expected}, got {self.got}"
            if where
            else f"expected {self.expected}, got {self.got}"
        )


def render_path(path: tuple[Step, ...]) -> str:
    """``items[3].price``."""
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
    """A text's beginning, quoted."""
    text = text.strip()
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "…")


def penalty_of(result: Result) -> int:
    """What a result that is no failure counts."""
    return result.penalty if result.__class__ is Coerced else 0


def value_of(result: Result) -> Any:
    """The value of a result that is no failure."""
    return result.value if result.__class__ is Coerced else result
