"""``map<K, V>``.

An object with one entry may be one around the map. It is, where the entry is no value as it stands: it fits only when
unwrapped itself, or as a string (``{"result": {"a": "x"}}`` for ``map<string, string>``), or not at all. An object with
more entries is one only if none of them is a value and one is a map that fits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bamlvm.sysops.parsing.base import Plan, UnwrapBuilder, ValueBuilder
from bamlvm.sysops.parsing.embedded import unwrapped, written_as_string
from bamlvm.sysops.parsing.raw import RAW, RawContainer
from bamlvm.sysops.parsing.results import LEFT_OUT, Coerced, Inexact, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ChoicePlan, is_null
from bamlvm.vm.values import Instance


class MapPlan(Plan):
    """``map<K, V>``; ``key`` is None where any string is one."""

    expected = "a map"
    takes_object = True
    key: ChoicePlan | None
    value: Plan

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is not dict:
            raise Inexact
        keys = decoded if self.key is None else map(self.key.exact, decoded)
        return dict(zip(keys, map(self.value.exact, decoded.values()), strict=True))

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

    __slots__ = ("key", "mismatch", "penalty", "plan", "raws", "seen", "showed", "shows", "values")

    def __init__(self, plan: MapPlan) -> None:
        self.plan = plan
        self.values: dict[Any, Any] = {}
        self.shows: dict[Any, Any] = {} if plan.stateful else self.values
        self.seen: set[str] = set()
        self.showed = False  # whether a partial value had an entry that was under way
        self.key: Any = None
        self.penalty = 0
        self.mismatch: Mismatch | None = None
        self.raws: list[Any] = []  # entries that are no values as they stand, as they were written

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
                return RAW
            self.penalty += penalty_of(result)
            found = value_of(result)
        if found in self.values:
            return super().child(key)
        self.key = found
        return self.plan.value

    def put(self, result: Result, shown: Any) -> None:
        key = self.key
        if key is None:
            if result.__class__ is RawContainer:  # the key is none of the map's
                self.raws.append(result)
            return
        self.key = None
        kind = result.__class__
        if kind in (Mismatch, Coerced) and result.raw is not None:
            self.raws.append(result.raw)
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

    def left_out(self) -> None:
        if self.mismatch is None:
            self.mismatch = Mismatch(self.plan.expected, LEFT_OUT)

    def may_go_on(self) -> bool:
        return not self.raws or len(self.seen) > 1

    def close(self) -> Result:
        self.shown = self.shows
        around = self._around()
        if around.__class__ is not Mismatch:
            if not self.showed:
                self.shown = value_of(around)
            return around
        if self.mismatch is not None:
            return self.mismatch
        return self.values if not self.penalty else Coerced(self.values, self.penalty)

    def _around(self) -> Result:
        """Read the object as one around the map; a :class:`Mismatch` if it is not."""
        if not self.raws or (self.values and len(self.seen) > 1):
            return Mismatch(self.plan.expected, "")
        outer = RawContainer(True)
        outer.keys = [""] * len(self.raws)
        outer.parts = self.raws
        result = unwrapped(outer, self.plan)
        return result if result.__class__ is Mismatch else Coerced(value_of(result), penalty_of(result))

    def partial(self, child: Any, begun: bool) -> Any:
        if self.raws and len(self.seen) == 1 and not self.showed:
            return {}  # the entry may be the map itself
        shows = self.shows.copy()
        if child is not None and self.key is not None and (shows or not _is_blank(child)):
            shows[self.key] = child
            self.showed = True
        return shows

    def evident(self) -> bool:
        return bool(self.seen)


def _is_blank(shown: Any) -> bool:
    """Whether nothing of an object was read yet: it may turn out to be the map itself."""
    return shown.__class__ is Instance and all(field is None for field in shown.fields)
