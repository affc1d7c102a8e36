"""``T[]``: its plan, and the lists and single values that are read as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bamlvm.sysops.parsing.base import Frame, Misfit, Plan
from bamlvm.sysops.parsing.results import Coerced, Failure, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import is_null


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
        return Coerced([value_of(result)], penalty_of(result) + 2)

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
