"""Unions: which member an answer's part is.

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

from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing.frames import Frame, Misfit
from bamlvm.sysops.parsing.plans import (
    ChoicePlan,
    ClassPlan,
    ListPlan,
    MapPlan,
    NullPlan,
    Plan,
    ScalarPlan,
    StringPlan,
    is_null,
    null,
)
from bamlvm.sysops.parsing.raw import ChoiceFrame, RawContainer, RawScalar, aligned
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of

_NONE: Final = Failure("", "")


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
        return null if self.nullable else None

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
