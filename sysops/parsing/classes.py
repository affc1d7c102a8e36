"""Classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from bamlvm.sysops.parsing import choices
from bamlvm.sysops.parsing.base import COMPLETE, INCOMPLETE, PENDING, Frame, Plan, UnwrapFrame
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ScalarPlan
from bamlvm.vm.values import Instance, LoadedClass

STATE_CLASS: Final = "baml.stream.State"
"""What ``@stream.with_state`` wraps partial values in."""


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


class ClassFrame(Frame):
    """An object read as a class."""

    __slots__ = ("failure", "matched", "penalty", "place", "plan", "seen", "shows", "values")

    def __init__(self, plan: ClassPlan) -> None:
        self.plan = plan
        self.values: list[Any] = [None] * plan.size
        self.shows = list(plan.pending) if plan.pending is not None else self.values
        self.seen = 0
        self.matched = False
        self.place = -1
        self.penalty = 0
        self.failure: Failure | None = None

    def child(self, key: str) -> Plan:
        plan = self.plan
        place = plan.places.get(key)
        if place is None:
            place = plan.find(key)
        self.place = place
        if place < 0:
            self.penalty += 1
            return super().child(key)
        self.matched = True
        if self.seen >> place & 1:  # the first of a key counts
            self.place = -1
            return super().child(key)
        return plan.plans[place]

    def put(self, result: Result, shown: Any) -> None:
        place = self.place
        if place < 0:
            return
        self.place = -1
        self.seen |= 1 << place
        plan = self.plan
        kind = result.__class__
        if kind is Failure:
            if self.failure is None:
                self.failure = result.at(plan.names[place])
        elif kind is Coerced:
            self.penalty += result.penalty
            self.values[place] = result.value
        else:
            self.values[place] = result
        if self.shows is not self.values:
            state = plan.states[place]
            self.shows[place] = shown if state is None else state(shown, COMPLETE)
        elif kind is Failure:
            self.values[place] = None if plan.done >> place & 1 else shown

    def close(self) -> Result:
        plan = self.plan
        seen = self.seen
        if seen != plan.every:
            for place in plan.missing(seen):
                default = plan.defaults[place]
                if default is None:
                    if self.failure is None:
                        self.failure = Failure(plan.plans[place].expected, "nothing", (plan.names[place],))
                else:
                    self.penalty += 1
                    self.values[place] = value = default()
                    if self.shows is not self.values:
                        state = plan.states[place]
                        self.shows[place] = value if state is None else state(value, COMPLETE)
        if self.failure is not None:
            self.shown = self.partial(None, False)
            return self.failure
        instance = Instance(plan.cls, self.values)
        self.shown = instance if self.shows is self.values else Instance(plan.cls, self.shows)
        return instance if not self.penalty else Coerced(instance, self.penalty)

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
            fields[place] = child if state is None else state(child, INCOMPLETE)
        for place in plan.not_null:
            if plan.is_empty(fields[place]):
                return None
        return Instance(plan.cls, fields)

    def evident(self) -> bool:
        return self.matched
