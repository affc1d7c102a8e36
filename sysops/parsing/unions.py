"""Unions: which member an answer's part is.

How a union chooses, lowest penalty first and then in declared order:

    0   as it stands
    1   another spelling of a name; a key that the class lacks; a field that takes its default; an int for a float
    2   a number, bool or bare word as a string; a scalar or object as the only item of a list, and the reverse
    3   a number, bool or null in quotes; a number in words; a name inside a longer text
    5   a scalar as the only field of a class
    10  an object or list as a string

An object goes to the members that take objects.  Which of several classes it is, is certain as soon as

    - a field that all of them declare with literals or enums of their own has been read; or
    - its keys so far are all declared by one of them only, and the value of the last key begins like that field's.

Otherwise its parts are kept as they were written, and the choice is made when the object is complete.

What seems certain may turn out wrong: the member does not fit, or keys follow that only another one declares.  The
object is a mismatch then, and the whole answer is read once more at its end, by plans that are not ``eager``: these
choose only among complete objects, and an object may be the only item of a list (:mod:`.structured`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.classes import ClassBuilder, ClassPlan
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.names import bare
from bamlvm.sysops.parsing.raw import RAW, MismatchBuilder, RawBuilder, RawContainer, RawScalar, aligned, filled
from bamlvm.sysops.parsing.results import Coerced, Inexact, Mismatch, Result, penalty_of
from bamlvm.sysops.parsing.scalars import ChoicePlan, NullPlan, ScalarPlan, StringPlan, is_null, null

_NONE: Final = Mismatch("", "")
_NOTHING: Final = 100
"""The penalty of a member of which the object has nothing."""


class UnionPlan(Plan):
    """A union, ``T?`` included.  Its literals and enums are one member."""

    members: Sequence[Plan]

    def __init__(self, eager: bool = True) -> None:
        self.eager = eager
        self.members = ()
        self.nullable = False
        self._only: Plan | None = None  # the one member beside null
        self._scalars: list[Plan] = []
        self._objects: list[Plan] = []
        self._lists: list[Plan] = []
        self._around_objects: Sequence[Plan] | None = None  # worked out when all plans are made
        self._wrapping: list[Plan] = []
        self._tags: dict[str, list[tuple[ClassPlan, ChoicePlan]]] = {}
        self.all_classes = False
        self.names: Collection[str] | None = None

    @property
    def expected(self) -> str:  # type: ignore[override]  # a recursive type would build its text for ever
        return " or ".join(dict.fromkeys(member.expected for member in self.members if member is not self))

    def exact(self, decoded: Any) -> Any:
        if decoded is None and self.nullable:
            return None
        if self._only is None:
            raise Inexact
        return self._only.exact(decoded)

    def scalar(self, text: str, quoted: bool) -> Result:
        if quoted:
            if self.grows:
                return text
        elif self.nullable and text == "null":
            return None
        result = self._best(self._scalars, text, quoted)
        if result.__class__ is not Mismatch:
            return result
        if self.nullable and is_null(text):
            return Coerced(None, 3)
        if not self._scalars or not quoted:
            wrapped = self._best(self._wrapping, text, quoted)
            if wrapped.__class__ is not Mismatch:
                return wrapped
        if quoted and text.lstrip()[:1] in ("{", "["):
            written = self._best([*self._objects, *self._lists], text, quoted)
            if written.__class__ is not Mismatch:
                return written
        reason = result.reason
        return Mismatch(self.expected, self._mismatch(text, quoted).got, reason=reason)

    def whole(self, text: str) -> Result:
        """Return the value of a text that is nothing but one of the scalars; a :class:`Mismatch` for any other."""
        if self.nullable and is_null(text):
            return Coerced(None, 1)
        best: Result = Mismatch(self.expected, text[:120] or "nothing")
        for member in self._scalars:
            assert isinstance(member, ScalarPlan)
            result = member.whole(text)
            if (
                result.__class__ is not Mismatch
                and (best.__class__ is Mismatch or penalty_of(result) < penalty_of(best))
            ) or (result.__class__ is Mismatch and best.__class__ is Mismatch and result.reason):
                best = result
        return best

    def may_grow(self, text: str) -> bool:
        return any(member.may_grow(text) for member in self._scalars)

    def scalars_only(self) -> UnionPlan | None:
        """Return the union of the members without parts, None if there are none."""
        members = [member for member in self.members if isinstance(member, ScalarPlan)]
        if not members:
            return None
        made = UnionPlan(self.eager)
        made.members = members
        made.refine()
        return made

    def open(self, is_object: bool) -> ValueBuilder:
        members = self.openable(is_object)
        if not members:
            return MismatchBuilder(self.expected, is_object)
        return members[0].open(is_object) if len(members) == 1 else UnionBuilder(self, is_object, members)

    def settle(self, raw: RawContainer) -> tuple[Result, Any]:
        """Read a container as the member that it fits best; return the result, and what partials show of it."""
        best: tuple[Result, Any] | None = None
        least = 0
        failures: list[Mismatch] = []
        for member in self.openable(raw.keys is not None):
            result, shown, evident = aligned(raw, member)
            if result.__class__ is Mismatch:
                failures.append(result)
                continue
            penalty = penalty_of(result) + (0 if evident else _NOTHING)
            if best is None or penalty < least:
                best, least = (result, shown), penalty
        if best is None:
            deepest = max(failures, key=lambda failure: len(failure.path), default=None)
            got = "an object" if raw.keys is not None else "a list"
            reason = f"{got} ({deepest})" if deepest is not None else got
            best = Mismatch(self.expected, reason), None
        return best

    def tagged(self, key: str, raw: RawScalar) -> Plan | None:
        """Return the one member that a field's value says the object is, or None."""
        rows = self._tags.get(key)
        if rows is None:
            return None
        fitting = [member for member, plan in rows if plan.scalar(raw.text, raw.quoted).__class__ is not Mismatch]
        return fitting[0] if len(fitting) == 1 else None

    def default(self) -> Callable[[], Any] | None:
        return null if self.nullable else None

    def refine(self) -> bool:
        members = self.members
        before = self.takes_scalar, self.takes_object, self.takes_list, self.stateful
        self.nullable = any(isinstance(member, NullPlan) for member in members)
        others = [member for member in members if not isinstance(member, NullPlan)]
        self._only = others[0] if len(others) == 1 else None
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
        self.all_classes = all(type(member) is ClassPlan for member in self._objects)
        if self._objects and self.all_classes:
            self.names = frozenset(name for member in self._objects for name in member.names or ())
        self._tags = self._find_tags()
        return before != (self.takes_scalar, self.takes_object, self.takes_list, self.stateful)

    def _best(self, members: Sequence[Plan], text: str, quoted: bool) -> Result:
        best: Result = _NONE
        for member in members:
            result = member.scalar(text, quoted)
            kind = result.__class__
            if kind is Mismatch:
                if best.__class__ is Mismatch and result.reason:
                    best = result
                continue
            if kind is not Coerced:
                return result
            if best.__class__ is Mismatch or result.penalty < best.penalty:
                best = result
        return best

    def may_choose(self) -> bool:
        """Whether an object or list may be several of the members."""
        return len(self._objects) + len(self._lists) > 1

    def openable(self, is_object: bool) -> Sequence[Plan]:
        """The members that an object or a list may be."""
        listed = self._wrapping_objects() if is_object else self._lists
        direct: Sequence[Plan] = [*self._objects, *listed]
        if self.eager:
            direct = (self._objects if is_object else listed) or direct
        if direct:
            return direct
        for member in self._scalars:
            if type(member) is StringPlan:
                return [member]
        return self._scalars if not is_object else ()

    def _wrapping_objects(self) -> Sequence[Plan]:
        """The lists that may have an object as their only item; not those that may be in themselves, which would have
        it in any number of lists."""
        if self._around_objects is None:
            listed = [member for member in self._lists if member.takes_object]
            self._around_objects = [member for member in listed if not _may_be_in_itself(member)]
        return self._around_objects

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
                values += set(plan.exact_texts.values())
            else:
                if len(values) == len(set(values)):
                    tags[key] = rows
        return tags


class _UndecidedPlan(Plan):
    """The plan of a part of an object that may still be several classes: it decides where its value can be of one."""

    keeps_raw = True

    def __init__(self, builder: UnionBuilder, field: Plan, key: str) -> None:
        self._builder = builder
        self._field = field
        self._key = key

    def scalar(self, text: str, quoted: bool) -> Result:
        return RawScalar(text, quoted)

    def open(self, is_object: bool) -> ValueBuilder:
        if self._field.takes_object if is_object else self._field.takes_list:
            return self._builder.decide(self._key).open(is_object)
        return RAW.open(is_object)


def _may_be_in_itself(listed: Plan) -> bool:
    """Whether the items of a list may be that list, or lists that it may be in."""
    waiting: list[Plan] = [listed]
    seen = set[int]()
    while waiting:
        plan = waiting.pop()
        inner = plan.members if isinstance(plan, UnionPlan) else [plan.item] if isinstance(plan, ListPlan) else []
        if listed in inner:
            return True
        waiting += [each for each in inner if id(each) not in seen]
        seen.update(map(id, inner))
    return False


class UnionBuilder(ValueBuilder):
    """Reads a container that several members of a union could take, until one member is certain."""

    __slots__ = ("_fitting", "_inner", "_is_eager", "_key", "_plan", "_raw", "_tagged", "is_object")

    def __init__(self, plan: UnionPlan, is_object: bool, members: Sequence[Plan]) -> None:
        self.is_object = is_object
        self._plan = plan
        self._raw = RawBuilder(is_object)
        self._inner: ValueBuilder | None = None
        self._key = ""
        self._fitting = members if plan.all_classes and is_object and plan.eager else ()
        self._is_eager = plan.eager
        self._tagged = False  # whether a field of its own says which member it is

    @property
    def names(self) -> Collection[str] | None:  # type: ignore[override]  # computed where others keep it
        return self._plan.names if self._inner is None else self._inner.names

    def expected_names(self) -> Collection[str] | None:
        return self._plan.names if self._inner is None else self._inner.expected_names()

    def child(self, key: str) -> Plan:
        if self._inner is not None:
            return self._inner.child(key)
        self._key = key
        found = self._raw.child(key)
        if self._fitting:
            fitting = [member for member in self._fitting if member.place_of(key) >= 0]  # type: ignore[attr-defined]  # ClassPlans
            self._fitting = fitting or self._fitting
            if len(fitting) == 1:
                member: ClassPlan = fitting[0]  # type: ignore[assignment]  # as above
                field = member.plans[member.place_of(key)]
                return self.decide(key) if type(field) is StringPlan else _UndecidedPlan(self, field, key)
        return found

    def decide(self, key: str) -> Plan:
        """Settle on the one member that declares all the keys; return the plan of the part under ``key``."""
        raw = self._raw.raw
        assert raw.keys is not None
        del raw.keys[len(raw.parts) :]
        self._inner = filled(raw, self._fitting[0])
        return self._inner.child(key)

    def put(self, result: Result, shown: Any) -> None:
        if self._inner is not None:
            self._inner.put(result, shown)
            return
        self._raw.put(result, shown)
        if not self.is_object or not self._is_eager or result.__class__ is not RawScalar:
            return
        member = self._plan.tagged(self._key, result)
        self._tagged = member is not None
        if member is None and len(self._fitting) == 1:
            only: ClassPlan = self._fitting[0]  # type: ignore[assignment]  # ClassPlans, see above
            place = only.place_of(self._key)
            if place >= 0 and aligned(result, only.plans[place])[2]:
                member = only
        if member is not None:
            self._inner = filled(self._raw.raw, member)

    def adopt(self, orphans: dict[str, Any]) -> None:
        if self._inner is not None:
            self._inner.adopt(orphans)

    def orphans(self) -> dict[str, Any]:
        return {} if self._inner is None else self._inner.orphans()

    def reopened(self) -> ValueBuilder | None:
        return None if self._inner is None else self._inner.reopened()

    def unmatched(self) -> Any:
        if self._inner is not None:
            return self._inner.unmatched()
        names = self._plan.names
        raw = self._raw.raw
        if names is None or raw.keys is None or any(bare(key) in names for key in raw.keys):
            return None
        return raw

    def may_go_on(self) -> bool:
        return self._inner is not None and self._inner.may_go_on()

    def left_out(self) -> None:
        (self._raw if self._inner is None else self._inner).left_out()

    def cut_short(self) -> None:
        if self._inner is not None:
            self._inner.cut_short()

    def close(self) -> Result:
        if self._inner is not None:
            result = self._inner.close()
            self.shown = self._inner.shown
            return result if self._tagged or result.__class__ is Mismatch else self._unless_several(result)
        result, self.shown = self._plan.settle(self._raw.raw)
        return result

    def _unless_several(self, result: Result) -> Result:
        """Return the result, or a :class:`Mismatch` if the object has keys that only another member declares."""
        assert isinstance(self._inner, ClassBuilder)
        keys = () if self._inner.foreign is None else self._inner.foreign.keys or ()
        others = [key for key in keys if bare(key) in (self._plan.names or ())]
        return Mismatch(self._plan.expected, f"an object with {others[0]!r} of another one") if others else result

    def partial(self, child: Any, begun: bool) -> Any:
        return None if self._inner is None else self._inner.partial(child, begun)

    def ending(self) -> Any:
        return None if self._inner is None else self._inner.ending()

    def evident(self) -> bool:
        return self._raw.evident() if self._inner is None else self._inner.evident()
