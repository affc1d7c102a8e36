"""Python scalars → BAML scalars, and the report of a value that does not fit."""

from __future__ import annotations

import enum
from typing import Any, Final, TypeAlias

from bamlvm.vm.values import I64_MAX, I64_MIN, Value, in_i64
from bamlvm.vm.work import LONG, note

Converted: TypeAlias = tuple[Value, int]
"""A converted value and its cost, 0 for an exact fit."""

_EXACT: Final[dict[str, type]] = {"string": str, "bool": bool, "float": float, "null": type(None)}
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_SHOWN_STEPS: Final = 12
_SHOWN_LENGTH: Final = 40
_SHOWN_INTEGER: Final = 10**_SHOWN_LENGTH  # Python refuses to print one of thousands of digits


class Mismatch(Exception):  # noqa: N818 (the inside of a HostError)
    """A value does not fit; ``steps`` is the path to it, innermost first."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[str] = []

    def at(self, step: str) -> Mismatch:
        """Add a step of the path, from the part to its container, and return this mismatch."""
        self.steps.append(step)
        return self

    def copy(self) -> Mismatch:
        """Return a mismatch that can be raised at another place."""
        other = Mismatch(self.message)
        other.steps = list(self.steps)
        return other

    def path(self) -> str:
        """Return the path from the argument to the value; of a long one, both ends."""
        steps = self.steps
        if len(steps) > 2 * _SHOWN_STEPS:
            steps = [*steps[:_SHOWN_STEPS], "…", *steps[-_SHOWN_STEPS:]]
        return "".join(reversed(steps))


def is_exact(value: Any, name: str) -> bool:
    """Whether a value is one of ``int float string bool null`` as it is; False where that takes a longer look."""
    kind: type = type(value)
    if kind is int:
        return name == "int" and I64_MIN <= value <= I64_MAX
    return kind is _EXACT.get(name) and (kind is not str or value.isascii())


def primitive(value: Any, name: str) -> Converted:
    """Convert a value for ``int float string bool null``.  Raises :class:`Mismatch`."""
    if is_exact(value, name):
        return value, 0
    given = plain(value)
    kind = type(given)
    if name == "int" and kind is int:
        if in_i64(given):
            return given, 0
        raise Mismatch(f"{shown(given)} is out of the range of int, which has 64 bits")
    if name == "float" and kind is float:
        return given, 0
    if name == "float" and kind is int:
        try:
            return float(given), 1
        except OverflowError:
            raise Mismatch(f"{shown(given)} is out of the range of float") from None
    if kind is _EXACT.get(name):
        return given, 0
    raise Mismatch(f"expected {name}, got {shown(value)}")


def plain(value: Any) -> Any:
    """Return an instance of a subclass of str, int or float as the plain type: no other object enters the machine.

    Raises :class:`Mismatch` for a string that is no text: one with half of a character, which could not be sent.
    """
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return _whole(value if type(value) is str else str.__str__(value))
    if type(value) in _PLAIN or isinstance(value, enum.Enum):
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value


def _whole(text: str) -> str:
    if len(text) > LONG:
        note(text)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = f"U+{ord(text[error.start]):04X} at {error.start}"
            raise Mismatch(
                f"the string has half of a character ({half}), as one has that was cut inside an emoji"
            ) from None
    return text


def shown(value: Any) -> str:
    """Return a Python value as a message has it: its type, and itself where that is short."""
    if value is None:
        return "None"
    kind = getattr(type(value), "__baml_name__", None) or type(value).__name__
    if isinstance(value, (bool, int, float, str)) and not (isinstance(value, int) and abs(value) > _SHOWN_INTEGER):
        text = repr(value)
        return f"{kind} {text}" if len(text) <= _SHOWN_LENGTH else str(kind)
    return str(kind)
