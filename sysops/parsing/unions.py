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

from bamlvm.sysops.parsing.base import Frame, Misfit, Plan
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.raw import RawContainer, RawFrame, RawScalar, aligned, filled
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of
from bamlvm.sysops.parsing.scalars import ChoicePlan, NullPlan, ScalarPlan, StringPlan, is_null, null

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


class ChoiceFrame(Frame):
    """A container that several members of a union could take.

    Its parts are kept until one member is certain: at a field that tells the members apart, else at the end.
    """

    __slots__ = ("_inner", "_key", "_plan", "_raw", "is_object")

    def __init__(self, plan: UnionPlan, is_object: bool) -> None:
        self.is_object = is_object
        self._plan = plan
        self._raw = RawFrame(is_object)
        self._inner: Frame | None = None
        self._key = ""

    def child(self, key: str) -> Plan:
        if self._inner is not None:
            return self._inner.child(key)
        self._key = key
        return self._raw.child(key)

    def put(self, result: Result, shown: Any) -> None:
        if self._inner is not None:
            self._inner.put(result, shown)
            return
        self._raw.put(result, shown)
        if self.is_object and result.__class__ is RawScalar:
            member = self._plan.told_by(self._key, result)
            if member is not None:
                self._inner = filled(self._raw.raw, member)

    def close(self) -> Result:
        if self._inner is not None:
            result = self._inner.close()
            self.shown = self._inner.shown
            return result
        result, self.shown = self._plan.settle(self._raw.raw)
        return result

    def partial(self, child: Any, begun: bool) -> Any:
        return None if self._inner is None else self._inner.partial(child, begun)

    def evident(self) -> bool:
        return self._raw.evident()
