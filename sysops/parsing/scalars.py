"""Types without parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.base import Frame, Misfit, Plan, UnwrapFrame
from bamlvm.sysops.parsing.choices import Choice, Choices
from bamlvm.sysops.parsing.raw import TextFrame
from bamlvm.sysops.parsing.results import Coerced, Failure, Result

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?")
_NOT_FINITE: Final = {
    "nan": float("nan"),
    "inf": float("inf"),
    "infinity": float("inf"),
    "-inf": float("-inf"),
    "-infinity": float("-inf"),
}
_ANSWERS: Final = {"true": True, "false": False, "yes": True, "no": False}
_NULLS: Final = frozenset({"", "null", "none", "nil", "n/a"})
_TRUTH: Final = Choices((Choice(True, ("true",)), Choice(False, ("false",))))


def is_null(text: str) -> bool:
    """Whether a text says *null*."""
    return len(text) < 64 and text.strip(" \t\r\n*_`\"'.").casefold() in _NULLS


def null() -> None:
    """What makes null."""


class ScalarPlan(Plan):
    """A type without parts."""

    takes_scalar = True

    def open(self, is_object: bool) -> Frame:
        return Misfit(self.expected, "an object") if is_object else UnwrapFrame(self)


class StringPlan(ScalarPlan):
    """``string``."""

    expected = "a string"
    grows = True

    def scalar(self, text: str, quoted: bool) -> Result:
        if quoted:
            return text
        return Failure(self.expected, text) if text in ("null", "None") else Coerced(text, 2)

    def open(self, is_object: bool) -> Frame:
        return TextFrame(is_object)


class IntPlan(ScalarPlan):
    """``int``: whole numbers within 64 bits."""

    expected = "an int"

    def scalar(self, text: str, quoted: bool) -> Result:
        if _INTEGER.fullmatch(text):
            return Coerced(int(text), 3) if quoted else int(text)
        try:
            number = numbers.whole_number_in(text)
        except numbers.NotOne:
            return self._misfit(text, quoted)
        if not quoted and text.lstrip("-").isdigit():
            return number
        return Coerced(number, 3)


class FloatPlan(ScalarPlan):
    """``float``."""

    expected = "a float"

    def scalar(self, text: str, quoted: bool) -> Result:
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number - number == 0:  # finite
                return Coerced(number, 3) if quoted else Coerced(number, 1) if _INTEGER.fullmatch(text) else number
        if (word := text.lower()) in _NOT_FINITE:
            return Coerced(_NOT_FINITE[word], 1)
        try:
            return Coerced(float(numbers.number_in(text)), 3)
        except (numbers.NotOne, OverflowError):
            return self._misfit(text, quoted)


class BoolPlan(ScalarPlan):
    """``bool``."""

    expected = "a bool"

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted:
            if text == "true":
                return True
            if text == "false":
                return False
        answer = _ANSWERS.get(text.strip().casefold())
        if answer is not None:
            return Coerced(answer, 3 if quoted else 1)
        try:
            return Coerced(_TRUTH.find(text), 3)
        except choices.NotOne:
            return self._misfit(text, quoted)


class NullPlan(ScalarPlan):
    """``null``."""

    expected = "null"

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted and text == "null":
            return None
        return Coerced(None, 3 if quoted else 1) if is_null(text) else self._misfit(text, quoted)

    def default(self) -> Callable[[], Any] | None:
        return null


class ChoicePlan(ScalarPlan):
    """Enums, literals and unions of them.  ``exact`` has each value by its text and whether that wants quotes."""

    def __init__(self, found: Sequence[Choice], names: Sequence[str]) -> None:
        self._choices = Choices(tuple(found))
        self.expected = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
        self.exact: dict[tuple[str, bool], Any] = {}
        for choice in found:
            quoted = not isinstance(choice.value, (bool, int))
            for name in choice.names:
                self.exact.setdefault((name, quoted), choice.value)

    def scalar(self, text: str, quoted: bool) -> Result:
        found = self.exact.get((text, quoted), self)
        if found is not self:
            return found
        try:
            value, is_whole = self._choices.look_up(text)
        except choices.NotOne:
            return self._misfit(text, quoted)
        return Coerced(value, 1 if is_whole else 3)
