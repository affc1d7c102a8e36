"""``map<K, V>``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bamlvm.sysops.parsing.base import Frame, Plan, UnwrapFrame
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ChoicePlan, is_null


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
