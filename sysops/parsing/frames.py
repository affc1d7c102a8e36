"""Containers that are being read: an object, a list, and what stands in for one where the type wants something else.

A frame gets its parts one after the other.  :meth:`Frame.child` says what the next part is read as, :meth:`Frame.put`
takes it once it is complete, :meth:`Frame.close` gives the result.  :meth:`Frame.partial` gives the value so far, with
the part that is being read now inside it.  A finished part is never looked into again, and every partial has the same
finished parts; what a partial does not share with the frame is its outermost list, map or list of fields.

``shown`` is a part as partials show it.  It differs from the value only where ``@stream.with_state`` wraps something,
and where the part failed: then it is what was last seen of it, so that a partial takes nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of, value_of
from bamlvm.vm.values import Instance

if TYPE_CHECKING:
    from bamlvm.sysops.parsing.plans import ClassPlan, ListPlan, MapPlan, Plan

COMPLETE: Final = "Complete"
INCOMPLETE: Final = "Incomplete"
PENDING: Final = "Pending"


class Frame:
    """A container that is being read as nothing: its parts are skipped.  ``place`` is a class's field under way."""

    __slots__ = ("shown",)
    is_object = True
    shown: Any

    def child(self, key: str) -> Plan:
        """What the next part is read as; of a list the key is empty."""
        from bamlvm.sysops.parsing.plans import SKIP

        return SKIP

    def put(self, result: Result, shown: Any) -> None:
        """Take the part that :meth:`child` was asked for."""

    def close(self) -> Result:
        """The end; sets ``shown``."""
        self.shown = None
        return None

    def partial(self, child: Any, begun: bool) -> Any:
        """The value so far, None where there is none to show.

        ``child`` is the part under way, None where it has nothing to show; ``begun`` whether there is one at all.
        """
        return None

    def evident(self) -> bool:
        """Whether something was read that belongs to the type."""
        return True


class SkippedList(Frame):
    """A list that is being read as nothing."""

    __slots__ = ()
    is_object = False


class Misfit(Frame):
    """A container where the type wants something else."""

    __slots__ = ("_failure",)

    def __init__(self, expected: str, got: str) -> None:
        self._failure = Failure(expected, got)

    def close(self) -> Result:
        self.shown = None
        return self._failure

    def evident(self) -> bool:
        return False


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


class ListFrame(Frame):
    """A list read as a list.  ``doubtful`` counts the items that are words without quotes: ``[sic]`` is no list."""

    __slots__ = ("count", "doubtful", "failure", "items", "penalty", "plan", "shows")
    is_object = False

    def __init__(self, plan: ListPlan) -> None:
        self.plan = plan
        self.items: list[Any] = []
        self.shows: list[Any] = [] if plan.stateful else self.items
        self.count = 0
        self.doubtful = 0
        self.penalty = 0
        self.failure: Failure | None = None

    def child(self, key: str) -> Plan:
        return self.plan.item

    def put(self, result: Result, shown: Any) -> None:
        kind = result.__class__
        if kind is Failure:
            if self.failure is None:
                self.failure = result.at(self.count)
            if shown is not None and not self.plan.item_done:
                self.shows.append(shown)
        else:
            if kind is Coerced:
                self.penalty += result.penalty
                result = result.value
            self.items.append(result)
            if self.shows is not self.items:
                self.shows.append(shown)
        self.count += 1

    def close(self) -> Result:
        self.shown = self.shows
        if self.failure is not None:
            return self.failure
        return self.items if not self.penalty else Coerced(self.items, self.penalty)

    def partial(self, child: Any, begun: bool) -> Any:
        if child is None or self.plan.item_done:
            return self.shows.copy()
        return [*self.shows, child]

    def evident(self) -> bool:
        return self.count > self.doubtful


class MapFrame(Frame):
    """An object read as a map."""

    __slots__ = ("failure", "key", "penalty", "plan", "seen", "shows", "values")

    def __init__(self, plan: MapPlan) -> None:
        self.plan = plan
        self.values: dict[Any, Any] = {}
        self.shows: dict[Any, Any] = {} if plan.stateful else self.values
        self.seen: set[str] = set()
        self.key: Any = None
        self.penalty = 0
        self.failure: Failure | None = None

    def child(self, key: str) -> Plan:
        self.key = None
        if key in self.seen:  # the first of a key counts
            return super().child(key)
        self.seen.add(key)
        found: Any = key
        if self.plan.key is not None:
            result = self.plan.key.scalar(key, True)
            if result.__class__ is Failure:
                if self.failure is None:
                    self.failure = result.at(key)
                return super().child(key)
            self.penalty += penalty_of(result)
            found = value_of(result)
        if found in self.values:
            return super().child(key)
        self.key = found
        return self.plan.value

    def put(self, result: Result, shown: Any) -> None:
        key = self.key
        if key is None:
            return
        self.key = None
        kind = result.__class__
        if kind is Failure:
            if self.failure is None:
                self.failure = result.at(key if isinstance(key, str) else key.variant)
            if shown is not None:
                self.shows[key] = shown
            return
        if kind is Coerced:
            self.penalty += result.penalty
            result = result.value
        self.values[key] = result
        if self.shows is not self.values:
            self.shows[key] = shown

    def close(self) -> Result:
        self.shown = self.shows
        if self.failure is not None:
            return self.failure
        return self.values if not self.penalty else Coerced(self.values, self.penalty)

    def partial(self, child: Any, begun: bool) -> Any:
        shows = self.shows.copy()
        if child is not None and self.key is not None:
            shows[self.key] = child
        return shows

    def evident(self) -> bool:
        return bool(self.seen)


class UnwrapFrame(Frame):
    """A list where the type wants one value: it may have one item."""

    __slots__ = ("_count", "_plan", "_result", "_show")
    is_object = False

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 0
        self._result: Result = None
        self._show: Any = None

    def child(self, key: str) -> Plan:
        return self._plan if not self._count else super().child(key)

    def put(self, result: Result, shown: Any) -> None:
        if not self._count:
            self._result = result
            self._show = shown
        self._count += 1

    def close(self) -> Result:
        self.shown = self._show
        if self._count != 1:
            return Failure(self._plan.expected, f"a list of {self._count}")
        result = self._result
        return result if result.__class__ is Failure else Coerced(value_of(result), penalty_of(result) + 2)

    def partial(self, child: Any, begun: bool) -> Any:
        return self._show if self._count else child

    def evident(self) -> bool:
        return self._count > 0


class WrapFrame(Frame):
    """An object where the type wants a list: its only item."""

    __slots__ = ("_inner", "_item_done")

    def __init__(self, inner: Frame, item_done: bool) -> None:
        self._inner = inner
        self._item_done = item_done

    def child(self, key: str) -> Plan:
        return self._inner.child(key)

    def put(self, result: Result, shown: Any) -> None:
        self._inner.put(result, shown)

    def close(self) -> Result:
        result = self._inner.close()
        if result.__class__ is Failure:
            self.shown = [] if self._item_done or self._inner.shown is None else [self._inner.shown]
            return result.at(0)
        self.shown = [self._inner.shown]
        return Coerced([value_of(result)], penalty_of(result) + 2)

    def partial(self, child: Any, begun: bool) -> Any:
        value = self._inner.partial(child, begun)
        return [] if value is None or self._item_done else [value]

    def evident(self) -> bool:
        return self._inner.evident()
