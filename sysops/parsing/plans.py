"""Types made ready for reading: one :class:`Plan` for each, made once and shared by all answers.

A plan reads a scalar at once (:meth:`Plan.scalar`: its text, and whether it stood in quotes) and opens a
:class:`bamlvm.sysops.parsing.frames.Frame` for an object or a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.choices import Choice, Choices
from bamlvm.sysops.parsing.frames import (
    PENDING,
    ClassFrame,
    Frame,
    ListFrame,
    MapFrame,
    Misfit,
    SkippedList,
    UnwrapFrame,
    WrapFrame,
)
from bamlvm.sysops.parsing.raw import RawFrame, RawScalar, TextFrame
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, excerpt, penalty_of, value_of
from bamlvm.vm.values import Instance, LoadedClass

STATE_CLASS: Final = "baml.stream.State"
"""What ``@stream.with_state`` wraps partial values in."""

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


class Plan:
    """How one type is read.

    ``grows``: text in quotes is a value at every moment.  ``stateful``: partials wrap something in it in a state.
    ``takes_…``: what the type has a place for without wrapping or unwrapping anything.
    """

    expected = "anything"
    grows = False
    stateful = False
    keeps_raw = False
    takes_scalar = False
    takes_object = False
    takes_list = False

    def scalar(self, text: str, quoted: bool) -> Result:
        """The value of a scalar."""
        return None

    def open(self, is_object: bool) -> Frame:
        """A frame for an object or a list."""
        return Frame() if is_object else SkippedList()

    def default(self) -> Callable[[], Any] | None:
        """What makes the value of a field that is missing, None if it may not be."""
        return None

    def refine(self) -> bool:
        """Work out ``takes_…`` and what follows from other plans; True if anything changed."""
        return False

    def _misfit(self, text: str, quoted: bool) -> Failure:
        return Failure(self.expected, excerpt(text) if quoted else text[:120] or "nothing")


class _RawPlan(Plan):
    keeps_raw = True

    def scalar(self, text: str, quoted: bool) -> Result:
        return RawScalar(text, quoted)

    def open(self, is_object: bool) -> Frame:
        return RawFrame(is_object)


SKIP: Final = Plan()
"""What nobody asked for."""
RAW: Final = _RawPlan()
"""What is kept as it was written."""


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


class ListPlan(Plan):
    """``T[]``."""

    takes_list = True
    item: Plan
    item_done = False

    @property
    def expected(self) -> str:  # type: ignore[override]  # a list of lists would build its text for ever
        return "a list"

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted and is_null(text):
            return Coerced([], 1)
        if not self.takes_scalar:
            return self._misfit(text, quoted)
        result = self.item.scalar(text, quoted)
        if result.__class__ is Failure:
            return result.at(0)
        return Coerced([value_of(result)], penalty_of(result) + 2)

    def open(self, is_object: bool) -> Frame:
        if not is_object:
            return ListFrame(self)
        if not self.takes_object:
            return Misfit(self.expected, "an object")
        return WrapFrame(self.item.open(True), self.item_done)

    def default(self) -> Callable[[], Any] | None:
        return list

    def refine(self) -> bool:
        before = self.takes_scalar, self.takes_object, self.stateful
        item = self.item
        self.takes_scalar, self.takes_object, self.stateful = item.takes_scalar, item.takes_object, item.stateful
        return before != (self.takes_scalar, self.takes_object, self.stateful)


class MapPlan(Plan):
    """``map<K, V>``; ``key`` is None where any string is one."""

    expected = "a map"
    takes_object = True
    key: ChoicePlan | None
    value: Plan

    def scalar(self, text: str, quoted: bool) -> Result:
        return Coerced({}, 1) if not quoted and is_null(text) else self._misfit(text, quoted)

    def open(self, is_object: bool) -> Frame:
        return MapFrame(self) if is_object else UnwrapFrame(self)

    def default(self) -> Callable[[], Any] | None:
        return dict

    def refine(self) -> bool:
        before = self.stateful
        self.stateful = self.value.stateful
        return before != self.stateful


class ClassPlan(Plan):
    """A class.

    A field's *place* is its index.  ``places`` finds it by name or alias, ``every`` has a bit for each, ``done`` for
    those marked ``@stream.done``; ``states`` makes the state of one that is marked ``@stream.with_state``; ``pending``
    has the fields of an object of which nothing was read, where that is not just nulls.
    """

    takes_object = True

    def __init__(self, cls: LoadedClass, names: Sequence[str]) -> None:
        self.cls = cls
        self.size = len(names)
        self.names = tuple(names)
        self.expected = cls.name
        self.every = (1 << self.size) - 1
        self.places: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        self.plans: list[Plan] = []
        self.defaults: list[Callable[[], Any] | None] = []
        self.done = 0
        self.all_done = False
        self.not_null: tuple[int, ...] = ()
        self.states: list[Callable[[Any, str], Any] | None] = [None] * self.size
        self.pending: list[Any] | None = None

    def name(self, key: str, place: int) -> None:
        """Read ``key`` as the field of ``place``, however it is spelled."""
        self.places.setdefault(key, place)
        if choices.bare(key):
            self._folded.setdefault(choices.bare(key), place)

    def find(self, key: str) -> int:
        """The place of a field whose name is spelled otherwise, -1 if there is none."""
        return self._folded.get(choices.bare(key), -1) if len(key) <= 200 else -1

    def missing(self, seen: int) -> list[int]:
        """The places whose bits are not in ``seen``."""
        return [place for place in range(self.size) if not seen >> place & 1]

    def is_empty(self, shown: Any) -> bool:
        """Whether a field, as partials show it, has nothing yet."""
        if shown is None:
            return True
        return shown.__class__ is Instance and shown.cls.name == STATE_CLASS and shown.fields[0] is None

    def scalar(self, text: str, quoted: bool) -> Result:
        if self.size == 1 and isinstance(self.plans[0], ScalarPlan):
            result = self.plans[0].scalar(text, quoted)
            if result.__class__ is not Failure:
                frame = ClassFrame(self)
                frame.place = 0
                frame.put(result, None)
                result = frame.close()
                return result if result.__class__ is Failure else Coerced(value_of(result), penalty_of(result) + 5)
        return self._misfit(text, quoted)

    def open(self, is_object: bool) -> Frame:
        return ClassFrame(self) if is_object else UnwrapFrame(self)

    def refine(self) -> bool:
        self.defaults = [plan.default() for plan in self.plans]
        if self.stateful:
            return False
        self.stateful = any(self.states) or any(plan.stateful for plan in self.plans)
        if self.stateful:
            self.pending = [None if state is None else state(None, PENDING) for state in self.states]
        return self.stateful


def null() -> None:
    """What makes null."""
