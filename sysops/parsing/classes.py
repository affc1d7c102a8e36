"""Classes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing.base import COMPLETE, INCOMPLETE, PENDING, Plan, UnwrapBuilder, ValueBuilder
from bamlvm.sysops.parsing.embedded import begins_container, unwrapped, written_as_string
from bamlvm.sysops.parsing.lists import ListBuilder, ListPlan
from bamlvm.sysops.parsing.names import bare
from bamlvm.sysops.parsing.raw import RAW, RawBuilder, RawContainer, aligned, fits, untyped
from bamlvm.sysops.parsing.results import LEFT_OUT, Coerced, Inexact, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ScalarPlan
from bamlvm.vm.program.declarations import has_attribute
from bamlvm.vm.values import MISSING, MOST_EXTENDED, Instance, LoadedClass

STATE_CLASS: Final = "baml.stream.State"
"""What ``@stream.with_state`` wraps partial values in."""


class ClassPlan(Plan):
    """A class.

    A field's *place* is its index.  ``places`` finds it by name or alias, ``every`` has a bit for each, ``done`` for
    those marked ``@stream.done``; ``states`` makes the state of one that is marked ``@stream.with_state``; ``pending``
    has the fields of an object of which nothing was read, where that is not just nulls; ``given`` has the values that
    fields have instead of null.
    """

    takes_object = True

    def __init__(self, cls: LoadedClass, names: Sequence[str]) -> None:
        self.cls = cls
        self.size = len(names)
        self.fields = tuple(names)
        self.expected = cls.name
        self.every = (1 << self.size) - 1
        self.places: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        self.plans: list[Plan] = []
        self.defaults: list[Callable[[], Any] | None] = []
        self.done = 0
        self.all_done = False
        self.not_null: tuple[int, ...] = ()
        self.given: list[tuple[int, Any]] = []
        self.states: list[Callable[[Any, str], Any] | None] = [None] * self.size
        self.pending: list[Any] | None = None
        self.is_dynamic = has_attribute(cls.info.attributes, "dynamic")
        self._without: dict[int, Collection[str]] = {}

    def name(self, key: str, place: int) -> None:
        """Read ``key`` as the field of ``place``, however it is spelled."""
        self.places.setdefault(key, place)
        if bare(key):
            self._folded.setdefault(bare(key), place)

    def find(self, key: str) -> int:
        """The place of a field whose name is spelled otherwise, -1 if there is none."""
        return self._folded.get(bare(key), -1) if len(key) <= 200 else -1

    def place_of(self, key: str) -> int:
        """Return the place of a field by its name or alias, however it is spelled, -1 if there is none."""
        place = self.places.get(key)
        return self.find(key) if place is None else place

    def missing(self, seen: int) -> list[int]:
        """The places whose bits are not in ``seen``."""
        return [place for place in range(self.size) if not seen >> place & 1]

    def is_empty(self, shown: Any) -> bool:
        """Whether a field, as partials show it, has nothing yet."""
        if shown is None:
            return True
        return shown.__class__ is Instance and shown.cls.name == STATE_CLASS and shown.fields[0] is None

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is not dict or len(decoded) != self.size or not self.size or self.is_dynamic:
            raise Inexact
        values: list[Any] = [MISSING] * self.size
        places, plans = self.places, self.plans
        for key, part in decoded.items():
            place = places.get(key)
            if place is None:
                raise Inexact
            values[place] = plans[place].exact(part)
        if MISSING in values:  # a field came by its name and by its alias
            raise Inexact
        for place, given in self.given:
            if values[place] is None:
                values[place] = given
        return Instance(self.cls, values)

    def scalar(self, text: str, quoted: bool) -> Result:
        if quoted and begins_container(text):
            result = written_as_string(text, self)
            if result.__class__ is not Mismatch:
                return result
        if self.size == 1 and isinstance(self.plans[0], ScalarPlan):
            result = self.plans[0].scalar(text, quoted)
            if result.__class__ is not Mismatch:
                builder = ClassBuilder(self)
                builder.place = 0
                builder.put(result, None)
                result = builder.close()
                return result if result.__class__ is Mismatch else Coerced(value_of(result), penalty_of(result) + 5)
        return self._mismatch(text, quoted)

    def open(self, is_object: bool) -> ValueBuilder:
        if is_object:
            return ClassBuilder(self)
        return FieldBuilder(self) if any(map(self.only_needs, self._places_of_lists())) else UnwrapBuilder(self)

    @property
    def names(self) -> Collection[str] | None:  # type: ignore[override]  # computed where others keep it
        return None if self.is_dynamic else self._folded

    def names_without(self, places: int) -> Collection[str]:
        """Return the names, bare, of the fields whose bits are not in ``places``."""
        found = self._without.get(places)
        if found is None:
            found = frozenset(name for name, place in self._folded.items() if not places >> place & 1)
            if len(self._without) < MOST_EXTENDED:
                self._without[places] = found
        return found

    def only_needs(self, place: int) -> bool:
        """Whether an object of this class may have no field but one."""
        return all(default is not None or other == place for other, default in enumerate(self.defaults))

    def _places_of_lists(self) -> list[int]:
        return [place for place, plan in enumerate(self.plans) if plan.takes_list]

    def takes_list_of_scalars(self) -> bool:
        """Whether a list of scalars may be written for an object of this class: it is its only field."""
        plans = [self.plans[place] for place in self._places_of_lists() if self.only_needs(place)]
        return any(getattr(plan, "item", plan).takes_scalar for plan in plans)

    def as_field(self, raw: RawContainer) -> Result:
        """Read an object or list that is not this class as its one field that it fits: the object around it is missing.

        A :class:`Mismatch` if it fits no field, or more than one.
        """
        keys = raw.keys
        places = (
            self._places_of_lists()
            if keys is None
            else [place for place, plan in enumerate(self.plans) if plan.takes_object and _may_have(plan, keys)]
        )
        found = [
            (place, result)
            for place in places
            if self.only_needs(place) and (result := fits(raw, self.plans[place])).__class__ is not Mismatch
        ]
        if len(found) != 1:
            return Mismatch(self.expected, "a list" if keys is None else "an object without its fields", raw=raw)
        builder = ClassBuilder(self)
        builder.place, result = found[0]
        builder.put(result, None)
        result = builder.close()
        return result if result.__class__ is Mismatch else Coerced(value_of(result), penalty_of(result) + 5)

    def refine(self) -> bool:
        self.defaults = [plan.default() for plan in self.plans]
        if self.stateful:
            return False
        self.stateful = any(self.states) or any(plan.stateful for plan in self.plans)
        if self.stateful:
            self.pending = [None if state is None else state(None, PENDING) for state in self.states]
        return self.stateful


class FieldBuilder(RawBuilder):
    """Reads a list where the type wants a class: of the class, or of the class's one field that is a list."""

    __slots__ = ("_fits", "_plan")

    def __init__(self, plan: ClassPlan) -> None:
        super().__init__(False)
        self._plan = plan
        self._fits = False

    def close(self) -> Result:
        parts = self.raw.parts
        result: Result = fits(parts[0], self._plan) if len(parts) == 1 else Mismatch("", "")
        if result.__class__ is Mismatch:
            result = self._plan.as_field(self.raw)
        else:
            result = Coerced(value_of(result), penalty_of(result) + 2)
        self._fits = result.__class__ is not Mismatch
        self.shown = value_of(result) if self._fits else None
        return result

    def evident(self) -> bool:
        return self._fits


def _may_have(plan: Plan, keys: Sequence[str], depth: int = 3) -> bool:
    """Whether an object with these keys may be read as a type that has objects."""
    if isinstance(plan, ClassPlan):
        return plan.is_dynamic or any(plan.find(key) >= 0 for key in keys)
    inner = getattr(plan, "members", None) or [each for each in (getattr(plan, "item", None),) if each is not None]
    return any(_may_have(each, keys, depth - 1) for each in inner) if inner and depth else not inner


class ClassBuilder(ValueBuilder):
    """Reads an object as a class."""

    __slots__ = (
        "adopted",
        "foreign",
        "is_cut",
        "is_partial",
        "key",
        "last",
        "matched",
        "mismatch",
        "more",
        "penalty",
        "place",
        "plan",
        "seen",
        "shows",
        "values",
        "wrapped",
    )

    def __init__(self, plan: ClassPlan) -> None:
        self.plan = plan
        self.values: list[Any] = [None] * plan.size
        self.shows = list(plan.pending) if plan.pending is not None else self.values
        self.seen = 0
        self.matched = False
        self.place = -1
        self.penalty = 0
        self.mismatch: Mismatch | None = None
        self.key: str | None = None  # of an undeclared part under way
        self.foreign: RawContainer | None = None
        self.adopted: dict[int, Any] | None = None
        self.is_cut = False
        self.is_partial = False  # whether an ellipsis stands for fields
        self.more: dict[str, Any] = {}  # the unknown fields of a dynamic class
        self.last = -1  # the place of the last field
        self.wrapped: tuple[Any, Any] | None = None  # its result and what is shown of it, if it is a list

    @property
    def names(self) -> Collection[str] | None:  # type: ignore[override]  # computed where others keep it
        return self.plan.names

    def expected_names(self) -> Collection[str] | None:
        if self.plan.is_dynamic:
            return None
        had = self.seen | (1 << self.place if self.place >= 0 else 0)
        return self.plan.names_without(had)

    def child(self, key: str) -> Plan:
        plan = self.plan
        place = plan.places.get(key)
        if place is None:
            place = plan.find(key)
        self.place = place
        if place < 0:
            self.penalty += 1
            self.key = key
            return RAW
        self.key = None
        self.matched = True
        if self.seen >> place & 1:  # the first of a key counts
            self.place = -1
            if plan.is_dynamic and key not in plan.places:
                self.key = key
                return RAW
            return super().child(key)
        return plan.plans[place]

    def put(self, result: Result, shown: Any) -> None:
        place = self.place
        if place < 0:
            self.wrapped = None
            if self.key is not None:
                self._keep_foreign(self.key, result)
            return
        self.place = -1
        self.last = place
        self.seen |= 1 << place
        plan = self.plan
        kind = result.__class__
        self.wrapped = (result, shown) if value_of(result).__class__ is list else None
        if kind is Mismatch:
            if self.mismatch is None:
                self.mismatch = result.at(plan.fields[place])
        elif kind is Coerced:
            self.penalty += result.penalty
            self.values[place] = result.value
        else:
            self.values[place] = result
        if self.shows is not self.values:
            state = plan.states[place]
            self.shows[place] = shown if state is None else state(shown, COMPLETE)
        elif kind is Mismatch and shown is not None and not plan.done >> place & 1:
            self.values[place] = shown

    def _keep_foreign(self, key: str, raw: Any) -> None:
        if self.foreign is None:
            self.foreign = RawContainer(True)
        assert self.foreign.keys is not None
        self.foreign.keys.append(key)
        self.foreign.parts.append(raw)
        self.key = None
        if self.plan.is_dynamic:
            self.more[key] = untyped(raw)

    def adopt(self, orphans: dict[str, Any]) -> None:
        for key, raw in orphans.items():
            place = self.plan.find(key)
            if place < 0:
                self._keep_foreign(key, raw)
            elif not self.seen >> place & 1:
                self.adopted = self.adopted or {}
                self.adopted.setdefault(place, raw)

    def orphans(self) -> dict[str, Any]:
        foreign = self.foreign
        if foreign is None or not self.matched or self.plan.is_dynamic:
            return {}
        return dict(zip(foreign.keys or (), foreign.parts, strict=True))

    def reopened(self) -> ValueBuilder | None:
        place = self.last
        plan = self.plan.plans[place]
        if place < 0 or not isinstance(plan, ListPlan) or self.wrapped is None:
            return None
        builder = plan.open(False)
        assert isinstance(builder, ListBuilder)
        builder.extend(*self.wrapped)
        self.wrapped = None
        self.place = place
        self.seen &= ~(1 << place)
        return builder

    def unmatched(self) -> Any:
        return None if self.matched else self.foreign

    def left_out(self) -> None:
        self.is_partial = True

    def cut_short(self) -> None:
        self.is_cut = True

    def close(self) -> Result:
        plan = self.plan
        if self.foreign is not None and not self.matched and not (plan.is_dynamic and None not in plan.defaults):
            return self._close_foreign(self.foreign)
        if self.is_cut and self.adopted:
            # No bracket came for this object, so that of the inner one, before the keys that it lacks, is missing.
            for place, raw in self.adopted.items():
                if not self.seen >> place & 1:
                    self.place = place
                    self.put(*aligned(raw, plan.plans[place])[:2])
        seen = self.seen
        if seen != plan.every:
            for place in plan.missing(seen):
                default = plan.defaults[place]
                if default is None or self.is_partial:
                    if self.mismatch is None:
                        got = LEFT_OUT if self.is_partial else "nothing"
                        self.mismatch = Mismatch(plan.plans[place].expected, got, (plan.fields[place],))
                else:
                    self.penalty += 1
                    self.values[place] = value = default()
                    if self.shows is not self.values:
                        state = plan.states[place]
                        self.shows[place] = value if state is None else state(value, COMPLETE)
        for place, value in plan.given:
            if self.values[place] is None:
                self.values[place] = value
                if self.shows is not self.values:
                    state = plan.states[place]
                    self.shows[place] = value if state is None else state(value, COMPLETE)
        if self.mismatch is not None:
            self.shown = self.partial(None, False)
            return self.mismatch
        cls = plan.cls
        if plan.is_dynamic and self.foreign is not None:
            cls = plan.cls.extended(tuple(self.more))
            if self.shows is not self.values:
                self.shows = [*self.shows, *self.more.values()]
            self.values = [*self.values, *self.more.values()]
        instance = Instance(cls, self.values)
        self.shown = instance if self.shows is self.values or not plan.stateful else Instance(cls, self.shows)
        return instance if not self.penalty else Coerced(instance, self.penalty)

    def _close_foreign(self, foreign: RawContainer) -> Result:
        """Close an object none of whose keys is declared: one around what was asked for, or in its place."""
        result = unwrapped(foreign, self.plan)
        if result.__class__ is Mismatch:
            result = self.plan.as_field(foreign)
        if result.__class__ is Mismatch:
            self.shown = self.partial(None, False)
        else:
            self.matched = True
            self.shown = value_of(result)
        return result

    def partial(self, child: Any, begun: bool) -> Any:
        plan = self.plan
        if plan.all_done:
            return None
        fields = self.shows.copy()
        place = self.place
        if place >= 0 and begun:
            if plan.done >> place & 1:
                child = None
            state = plan.states[place]
            if state is not None:
                fields[place] = state(child, INCOMPLETE)
            elif child is not None:
                fields[place] = child
        for place in plan.not_null:
            if plan.is_empty(fields[place]):
                return None
        if self.more:
            return Instance(plan.cls.extended(tuple(self.more)), [*fields, *self.more.values()])
        return Instance(plan.cls, fields)

    def ending(self) -> Any:
        if not self.plan.stateful:
            for place in self.plan.missing(self.seen):
                default = self.plan.defaults[place]
                if default is not None and self.values[place] is None:
                    self.values[place] = default()
        shown = self.partial(None, False)
        if shown is not None and not self.plan.stateful:
            for place, value in self.plan.given:
                if shown.fields[place] is None:
                    shown.fields[place] = value
        return shown

    def evident(self) -> bool:
        return self.matched
