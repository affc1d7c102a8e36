"""Types without parts: strings, numbers, bools, null, enums and literals.

A plan reads a scalar of a JSON text and a whole answer by the same rules: first as what it should be, then as what a
careful reader finds in the words (:mod:`.names`, :mod:`.numbers`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing import numbers
from bamlvm.sysops.parsing.base import Plan, UnwrapBuilder, ValueBuilder
from bamlvm.sysops.parsing.names import BoolFinder, Named, NameFinder
from bamlvm.sysops.parsing.raw import MismatchBuilder, TextBuilder
from bamlvm.sysops.parsing.results import ELLIPSES, Coerced, Inexact, Mismatch, NoSingleMatch, Result, excerpt

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_PLAIN: Final = 10**18
"""The integers below need no look at their size."""

_FLOAT: Final = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?")
_NUMBER_ONLY: Final = re.compile(r"[\s*_`~\"'()\[\]<>$\u20ac\u00a3\u00a5\u20b9+\u2212%.,\-/0-9eE]*")
_NOT_FINITE: Final = {
    "nan": float("nan"),
    "inf": float("inf"),
    "infinity": float("inf"),
    "-inf": float("-inf"),
    "-infinity": float("-inf"),
}
_ANSWERS: Final = {"true": True, "false": False, "yes": True, "no": False}
_NULLS: Final = frozenset({"", "null", "none", "nil", "n/a", "undefined"})
_NO_STRINGS: Final = frozenset({"null", "None", "undefined", *ELLIPSES})
_BOOLS: Final = BoolFinder()


def is_null(text: str) -> bool:
    """Whether a text is a word for null, or empty."""
    return len(text) < 64 and text not in ELLIPSES and text.strip(" \t\r\n*_`\"'.").casefold() in _NULLS


def null() -> None:
    """Return null: the default of a field that may be missing."""


class ScalarPlan(Plan):
    """A type without parts."""

    takes_scalar = True

    def open(self, is_object: bool) -> ValueBuilder:
        return MismatchBuilder(self.expected, True) if is_object else UnwrapBuilder(self)

    def whole(self, text: str) -> Result:
        """Return the value of a text that is nothing but this value; a :class:`Mismatch` for any other."""
        raise NotImplementedError

    def _mismatch(self, text: str, quoted: bool, reason: Exception | None = None) -> Mismatch:
        got = excerpt(text) if quoted else text[:120] or "nothing"
        return Mismatch(self.expected, got, reason=str(reason or ""))


class StringPlan(ScalarPlan):
    """``string``."""

    expected = "a string"
    grows = True

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is str:
            return decoded
        raise Inexact

    def scalar(self, text: str, quoted: bool) -> Result:
        if quoted:
            return text
        return Mismatch(self.expected, text) if text in _NO_STRINGS else Coerced(text, 2)

    def open(self, is_object: bool) -> ValueBuilder:
        return TextBuilder(is_object)

    def whole(self, text: str) -> Result:
        return Coerced(text, 2)


class _NumberPlan(ScalarPlan):
    def whole(self, text: str) -> Result:
        return self.scalar(text.strip(), False) if _NUMBER_ONLY.fullmatch(text) else self._mismatch(text, False)

    def may_grow(self, text: str) -> bool:
        return text[-1:].isdigit() or text[-1:] in (".", ",", "e", "E", "-", "/")


class IntPlan(_NumberPlan):
    """``int``: whole numbers within 64 bits."""

    expected = "an int"

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is int and -_PLAIN < decoded < _PLAIN:
            return decoded
        raise Inexact

    def scalar(self, text: str, quoted: bool) -> Result:
        if _INTEGER.fullmatch(text):
            return Coerced(int(text), 3) if quoted else int(text)
        try:
            number = numbers.whole_number_in(text)
        except NoSingleMatch as error:
            return self._mismatch(text, quoted, error)
        if not quoted and text.lstrip("-").isdigit():
            return number
        return Coerced(number, 3)


class FloatPlan(_NumberPlan):
    """``float``."""

    expected = "a float"

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is float and decoded - decoded == 0:  # finite
            return decoded
        raise Inexact

    def scalar(self, text: str, quoted: bool) -> Result:
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number - number == 0:  # finite
                return Coerced(number, 3) if quoted else Coerced(number, 1) if _INTEGER.fullmatch(text) else number
        if (word := text.strip().lower()) in _NOT_FINITE:
            return Coerced(_NOT_FINITE[word], 1)
        try:
            return Coerced(float(numbers.number_in(text)), 3)
        except OverflowError:
            return self._mismatch(text, quoted, ValueError("too large"))
        except NoSingleMatch as error:
            return self._mismatch(text, quoted, error)


class BoolPlan(ScalarPlan):
    """``bool``."""

    expected = "a bool"

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is bool:
            return decoded
        raise Inexact

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
            value, _ = _BOOLS.look_up(text)
        except NoSingleMatch as error:
            return self._mismatch(text, quoted, error)
        return Coerced(value, 3)

    def may_grow(self, text: str) -> bool:
        return text.casefold() not in _ANSWERS

    def whole(self, text: str) -> Result:
        try:
            return Coerced(_BOOLS.whole(text), 1)
        except NoSingleMatch as error:
            return self._mismatch(text, False, error)


class NullPlan(ScalarPlan):
    """``null``."""

    expected = "null"

    def exact(self, decoded: Any) -> Any:
        if decoded is None:
            return None
        raise Inexact

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted and text == "null":
            return None
        return Coerced(None, 3 if quoted else 1) if is_null(text) else self._mismatch(text, quoted)

    def whole(self, text: str) -> Result:
        return self.scalar(text, False)

    def default(self) -> Callable[[], Any] | None:
        return null


class ChoicePlan(ScalarPlan):
    """Enums, literals and unions of them; ``exact_texts`` has each value by its text and whether that is in quotes."""

    def __init__(self, found: Sequence[Named]) -> None:
        self._finder = NameFinder(found)
        shown = [
            named.names[0] if isinstance(named.value, (bool, int)) else json.dumps(named.names[0], ensure_ascii=False)
            for named in found
        ]
        self.expected = shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"
        self.exact_texts: dict[tuple[str, bool], Any] = {}
        for rank in range(max((len(named.names) for named in found), default=0)):
            for named in found:
                if rank < len(named.names):
                    quoted = not isinstance(named.value, (bool, int))
                    self.exact_texts.setdefault((named.names[rank], quoted), named.value)

    def exact(self, decoded: Any) -> Any:
        found = self.exact_texts.get((decoded, True), self) if decoded.__class__ is str else self
        if found is self:
            raise Inexact
        return found

    def scalar(self, text: str, quoted: bool) -> Result:
        found = self.exact_texts.get((text, quoted), self)
        if found is not self:
            return found
        try:
            value, is_whole = self._finder.look_up(text)
        except NoSingleMatch as error:
            return self._mismatch(text, quoted, error)
        return Coerced(value, 1 if is_whole else 3)

    def may_grow(self, text: str) -> bool:
        return self._finder.may_grow(text)

    def whole(self, text: str) -> Result:
        try:
            return Coerced(self._finder.whole(text), 1)
        except NoSingleMatch as error:
            return self._mismatch(text, False, error)
