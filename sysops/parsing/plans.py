"""Types made ready for reading: one :class:`Plan` for each, made once and shared by all answers.

A plan reads a scalar at once (:meth:`Plan.scalar`: its text, and whether it stood in quotes) and opens a
:class:`bamlvm.sysops.parsing.frames.Frame` for an object or a list.

How a union chooses, lowest penalty first and then in declared order:

    0   as it stands
    1   another spelling of a name; a key that the class lacks; a field that takes its default; an int for a float
    2   a number, bool or bare word as a string; a scalar or object as the only item of a list, and the reverse
    3   a number, bool or null in quotes; a number in words; a name inside a longer text
    5   a scalar as the only field of a class
    10  an object or list as a string

An object goes to the members that take objects; while these are several classes, a field that all of them declare with
literals or enums of their own tells which one it is, as soon as it is read.  Otherwise the choice is made at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.choices import Choice, Choices
from bamlvm.sysops.parsing.frames import (
    ChoiceFrame,
    ClassFrame,
    Frame,
    ListFrame,
    MapFrame,
    Misfit,
    RawContainer,
    RawFrame,
    RawScalar,
    SkippedList,
    TextFrame,
    UnwrapFrame,
    WrapFrame,
    aligned,
)
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, excerpt, penalty_of
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
        return _null


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
        return Coerced([result.value if result.__class__ is Coerced else result], penalty_of(result) + 2)

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
                return result if result.__class__ is Failure else Coerced(_value(result), penalty_of(result) + 5)
        return self._misfit(text, quoted)

    def open(self, is_object: bool) -> Frame:
        return ClassFrame(self) if is_object else UnwrapFrame(self)

    def refine(self) -> bool:
        self.defaults = [plan.default() for plan in self.plans]
        if self.stateful:
            return False
        self.stateful = any(self.states) or any(plan.stateful for plan in self.plans)
        if self.stateful:
            self.pending = [None if state is None else state(None, "Pending") for state in self.states]
        return self.stateful


class UnionPlan(Plan):
    """A union, ``T?`` included.  Its literals and enums are one member."""

    members: Sequence[Plan]

    def __init__(self) -> None:
        self.members = ()
        self.nullable = False
        self._scalars: list[Plan] = []
        self._objects: list[Plan] = []
        self._lists: list[Plan] = []
        self._wrapping: list[Plan] = []
        self._tags: dict[str, list[tuple[ClassPlan, ChoicePlan]]] = {}

    @property
    def expected(self) -> str:  # type: ignore[override]  # a recursive type would build its text for ever
        return " or ".join(dict.fromkeys(member.expected for member in self.members if member is not self))

    def scalar(self, text: str, quoted: bool) -> Result:
        if quoted:
            if self.grows:
                return text
        elif self.nullable and text == "null":
            return None
        result = self._best(self._scalars, text, quoted)
        if result.__class__ is not Failure:
            return result
        if self.nullable and is_null(text):
            return Coerced(None, 3)
        if not self._scalars or not quoted:
            wrapped = self._best(self._wrapping, text, quoted)
            if wrapped.__class__ is not Failure:
                return wrapped
        return Failure(self.expected, self._misfit(text, quoted).got)

    def open(self, is_object: bool) -> Frame:
        members = self.openable(is_object)
        if not members:
            return Misfit(self.expected, "an object" if is_object else "a list")
        return members[0].open(is_object) if len(members) == 1 else ChoiceFrame(self, is_object)

    def settle(self, raw: RawContainer) -> tuple[Result, Any]:
        """The best member's reading of a container, and how partials show it."""
        best: tuple[Result, Any] | None = None
        least = 0
        failures: list[Failure] = []
        for member in self.openable(raw.keys is not None):
            result, shown = aligned(raw, member)
            if result.__class__ is Failure:
                failures.append(result)
                continue
            penalty = penalty_of(result)
            if best is None or penalty < least:
                best, least = (result, shown), penalty
        if best is None:
            deepest = max(failures, key=lambda failure: len(failure.path), default=None)
            got = "an object" if raw.keys is not None else "a list"
            reason = f"{got} ({deepest})" if deepest is not None else got
            best = Failure(self.expected, reason), None
        return best

    def told_by(self, key: str, raw: RawScalar) -> Plan | None:
        """The one member that a field's value tells it is, if it does."""
        rows = self._tags.get(key)
        if rows is None:
            return None
        fitting = [member for member, plan in rows if plan.scalar(raw.text, raw.quoted).__class__ is not Failure]
        return fitting[0] if len(fitting) == 1 else None

    @property
    def is_told(self) -> bool:
        """Whether there is a field that tells the members apart."""
        return bool(self._tags)

    def default(self) -> Callable[[], Any] | None:
        return _null if self.nullable else None

    def refine(self) -> bool:
        members = self.members
        before = self.takes_scalar, self.takes_object, self.takes_list, self.stateful
        self.nullable = any(isinstance(member, NullPlan) for member in members)
        self._scalars = [
            member for member in members if isinstance(member, ScalarPlan) and type(member) is not NullPlan
        ]
        self._objects = [member for member in members if isinstance(member, (ClassPlan, MapPlan))]
        self._lists = [member for member in members if isinstance(member, ListPlan)]
        self._wrapping = [member for member in self._lists if member.takes_scalar]
        if not self._wrapping:
            self._wrapping = [member for member in members if isinstance(member, ClassPlan)]
        self.grows = any(type(member) is StringPlan for member in members) and not any(
            isinstance(member, ChoicePlan) for member in members
        )
        self.takes_scalar = bool(self._scalars) or any(member.takes_scalar for member in members)
        self.takes_object = any(member.takes_object for member in members)
        self.takes_list = any(member.takes_list for member in members)
        self.stateful = any(member.stateful for member in members)
        self._tags = self._find_tags()
        return before != (self.takes_scalar, self.takes_object, self.takes_list, self.stateful)

    def _best(self, members: Sequence[Plan], text: str, quoted: bool) -> Result:
        best: Result = _NONE
        for member in members:
            result = member.scalar(text, quoted)
            kind = result.__class__
            if kind is Failure:
                continue
            if kind is not Coerced:
                return result
            if best.__class__ is Failure or result.penalty < best.penalty:
                best = result
        return best

    def openable(self, is_object: bool) -> Sequence[Plan]:
        """The members that an object or a list may be."""
        if is_object:
            direct = self._objects or [member for member in self._lists if member.takes_object]
        else:
            direct = self._lists or list(self._objects)
        if direct:
            return direct
        for member in self._scalars:
            if type(member) is StringPlan:
                return [member]
        return self._scalars if not is_object else ()

    def _find_tags(self) -> dict[str, list[tuple[ClassPlan, ChoicePlan]]]:
        classes = self._objects
        if len(classes) < 2 or not all(isinstance(member, ClassPlan) for member in classes):
            return {}
        tags: dict[str, list[tuple[ClassPlan, ChoicePlan]]] = {}
        for key in classes[0].places:  # type: ignore[attr-defined]  # all of them are ClassPlans
            rows = []
            values: list[Any] = []
            for member in classes:
                assert isinstance(member, ClassPlan)
                plan = member.plans[member.places[key]] if key in member.places else None
                if not isinstance(plan, ChoicePlan):
                    break
                rows.append((member, plan))
                values += set(plan.exact.values())
            else:
                if len(values) == len(set(values)):
                    tags[key] = rows
        return tags


_NONE: Final = Failure("", "")


def _null() -> None:
    return None


def _value(result: Result) -> Any:
    return result.value if result.__class__ is Coerced else result
