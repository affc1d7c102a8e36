"""``map<K, V>``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bamlvm.sysops.parsing.base import Plan, UnwrapBuilder, ValueBuilder
from bamlvm.sysops.parsing.embedded import written_as_string
from bamlvm.sysops.parsing.raw import fits
from bamlvm.sysops.parsing.results import Coerced, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ChoicePlan, is_null


class MapPlan(Plan):
    """``map<K, V>``; ``key`` is None where any string is one."""

    expected = "a map"
    takes_object = True
    key: ChoicePlan | None
    value: Plan

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted and is_null(text):
            return Coerced({}, 1)
        result = written_as_string(text, self) if quoted else None
        return result if result.__class__ is Coerced else self._mismatch(text, quoted)

    def open(self, is_object: bool) -> ValueBuilder:
        return MapBuilder(self) if is_object else UnwrapBuilder(self)

    def default(self) -> Callable[[], Any] | None:
        return dict

    def refine(self) -> bool:
        before = self.stateful
        self.stateful = self.value.stateful
        return before != self.stateful


class MapBuilder(ValueBuilder):
    """An object read as a map."""

    __slots__ = ("key", "mismatch", "penalty", "plan", "seen", "shows", "values")

    def __init__(self, plan: MapPlan) -> None:
        self.plan = plan
        self.values: dict[Any, Any] = {}
        self.shows: dict[Any, Any] = {} if plan.stateful else self.values
        self.seen: set[str] = set()
        self.key: Any = None
        self.penalty = 0
        self.mismatch: Mismatch | None = None

    def child(self, key: str) -> Plan:
        self.key = None
        if key in self.seen:  # the first of a key counts
            return super().child(key)
        self.seen.add(key)
        found: Any = key
        if self.plan.key is not None:
            result = self.plan.key.scalar(key, True)
            if result.__class__ is Mismatch:
                if self.mismatch is None:
                    self.mismatch = result.at(key)
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
        if kind is Mismatch:
            if self.mismatch is None:
                self.mismatch = result.at(key if isinstance(key, str) else key.variant)
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
        mismatch = self.mismatch
        if mismatch is not None:
            if len(self.seen) == 1 and mismatch.raw is not None:  # it may be an object around the map
                result = fits(mismatch.raw, self.plan)
                if result.__class__ is not Mismatch:
                    self.shown = value_of(result)
                    return Coerced(self.shown, penalty_of(result) + 2)
            return mismatch
        return self.values if not self.penalty else Coerced(self.values, self.penalty)

    def partial(self, child: Any, begun: bool) -> Any:
        shows = self.shows.copy()
        if child is not None and self.key is not None:
            shows[self.key] = child
        return shows

    def evident(self) -> bool:
        return bool(self.seen)
