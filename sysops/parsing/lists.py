"""``T[]``: its plan, and the lists, wrapped lists and single values that are read as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.embedded import begins_container, unwrapped, written_as_string
from bamlvm.sysops.parsing.raw import RawBuilder, RawScalar
from bamlvm.sysops.parsing.results import LEFT_OUT, Coerced, Inexact, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scalars import ScalarPlan, is_null

_ITEMS: Final = re.compile(r'[^\\]"\s*,\s*"')
"""What stands between items in quotes."""

_BULLET: Final = re.compile(r"\s*(?:[-*+\u2022]|[0-9]{1,3}[.)])\s+(?=\S)")
_GROUPED: Final = re.compile(r"[^\w,]*[0-9]{1,3}(?:,[0-9]{3})+\W*")
"""A number with commas in it."""

_DEPTHS: Final = {**dict.fromkeys("([{", 1), **dict.fromkeys(")]}", -1)}


def unbracketed(text: str) -> list[RawScalar]:
    """Return the items of a text without quotes and brackets of its own, in the place of a list.

    They are lines that begin with bullets or numbers, or what commas and line breaks separate that are in no quotes and
    brackets: ``disk, full``.  A bracket that closes nothing at the end is that of the list.
    """
    text = text.strip()
    if text[:1] == "(" and text.find(")") == len(text) - 1:  # a tuple of Python
        text = text[1:-1].strip()
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and all(map(_BULLET.match, lines)):
        return [_item(_BULLET.sub("", line, count=1)) for line in lines]
    if ("," not in text and len(lines) < 2) or _GROUPED.fullmatch(text):
        return [_item(text)]
    items: list[RawScalar] = []
    depth = start = 0
    quoted = False
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in ",\n" and depth <= 0:
            items.append(_item(text[start:at]))
            start = at + 1
        else:
            depth += _DEPTHS.get(character, 0)
    end = len(text) - (depth < 0 and text[-1] == "]")
    items.append(_item(text[start:end]))
    return [item for item in items if item.text]


def _item(text: str) -> RawScalar:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]
    return RawScalar(text[1:-1] if quoted else text, quoted)


class ListPlan(Plan):
    """``T[]``."""

    takes_list = True
    item: Plan
    item_done = False

    @property
    def expected(self) -> str:  # type: ignore[override]  # a list of lists would build its text for ever
        return "a list"

    def exact(self, decoded: Any) -> Any:
        if decoded.__class__ is not list:
            raise Inexact
        return list(map(self.item.exact, decoded))

    def scalar(self, text: str, quoted: bool) -> Result:
        if not quoted and is_null(text):
            return Coerced([], 1)
        if quoted and begins_container(text):
            result = written_as_string(text, self)
            if result.__class__ is not Mismatch:
                return result
        if not self.takes_scalar:
            return self._mismatch(text, quoted)
        items = [] if quoted else unbracketed(text)
        if len(items) > 1:
            builder = ListBuilder(self)
            for item in items:
                result = self.item.scalar(item.text, item.quoted)
                builder.put(result, value_of(result))
            result = builder.close()
            if result.__class__ is not Mismatch:
                return Coerced(value_of(result), penalty_of(result) + 2)
        if quoted and _ITEMS.search(text):  # `"tags": "a", "b"`
            result = written_as_string(f'["{text}"]', self)
            if result.__class__ is not Mismatch:
                return result
        return self.only(text, quoted)

    def listed(self, text: str) -> Result:
        """Read a whole text as items, if it has nothing else in it, or as the only item."""
        items = [self.item.whole(item.text) for item in unbracketed(text)] if isinstance(self.item, ScalarPlan) else []
        if len(items) < 2 or any(item.__class__ is Mismatch for item in items):
            return self.only(text, False)
        return Coerced([value_of(item) for item in items], 2)

    def only(self, text: str, quoted: bool) -> Result:
        """Return the list whose only item is a scalar."""
        result = self.item.scalar(text, quoted)
        if result.__class__ is Mismatch:
            return result.at(0)
        return Coerced([value_of(result)], penalty_of(result) + 2, wraps=True)

    def open(self, is_object: bool) -> ValueBuilder:
        if not is_object:
            return RowsBuilder(self) if isinstance(self.item, ListPlan) else ListBuilder(self)
        if not self.takes_object:
            return WrapperBuilder(self)
        return WrapBuilder(self)

    def default(self) -> Callable[[], Any] | None:
        return list

    def refine(self) -> bool:
        before = self.takes_scalar, self.takes_object, self.stateful
        item = self.item
        self.takes_scalar, self.takes_object, self.stateful = item.takes_scalar, item.takes_object, item.stateful
        return before != (self.takes_scalar, self.takes_object, self.stateful)


class ListBuilder(ValueBuilder):
    """Reads a list as a list."""

    __slots__ = ("count", "items", "mismatch", "penalty", "plan", "shows")
    is_object = False

    def __init__(self, plan: ListPlan) -> None:
        self.plan = plan
        self.items: list[Any] = []
        self.shows: list[Any] = [] if plan.stateful else self.items
        self.count = 0
        self.doubtful = 0  # items that are words without quotes
        self.penalty = 0
        self.mismatch: Mismatch | None = None

    def child(self, key: str) -> Plan:
        return self.plan.item

    def put(self, result: Result, shown: Any) -> None:
        kind = result.__class__
        if kind is Mismatch:
            if self.mismatch is None:
                self.mismatch = result.at(self.count)
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

    def left_out(self) -> None:
        if self.mismatch is None:
            self.mismatch = Mismatch(self.plan.item.expected, LEFT_OUT, (self.count,))

    def extend(self, result: Result, shown: list[Any]) -> None:
        """Take the items of another list."""
        self.penalty += penalty_of(result)
        self.items += value_of(result)
        if self.shows is not self.items:
            self.shows += shown
        self.count = len(self.items)

    def close(self) -> Result:
        self.shown = self.shows
        if self.mismatch is not None:
            return self.mismatch
        return self.items if not self.penalty else Coerced(self.items, self.penalty)

    def partial(self, child: Any, begun: bool) -> Any:
        if child is None or self.plan.item_done:
            return self.shows.copy()
        return [*self.shows, child]

    def parts(self) -> int:
        """Return how many parts the text has of it."""
        return self.count

    def evident(self) -> bool:
        return self.parts() > self.doubtful


class RowsBuilder(ListBuilder):
    """Reads a list of lists.  Scalars in it that stand one after the other are one item: ``[1, 2]`` is ``[[1, 2]]``."""

    __slots__ = ("_added", "_row")

    def __init__(self, plan: ListPlan) -> None:
        super().__init__(plan)
        self._added = 0  # scalars that are not the first of their item
        self._row: list[Any] | None = None  # the last item, while scalars may be added to it

    def put(self, result: Result, shown: Any) -> None:
        if result.__class__ is not Coerced or not result.wraps:
            self._row = None
        elif self._row is not None:
            self._row += result.value
            self._added += 1
            self.penalty += result.penalty - 2
            return
        super().put(result, shown)
        if result.__class__ is Coerced and result.wraps:
            self._row = self.items[-1] = self.shows[-1] = result.value.copy()

    def extend(self, result: Result, shown: list[Any]) -> None:
        super().extend(result, shown)
        self._row = None

    def parts(self) -> int:
        return self.count + self._added

    def partial(self, child: Any, begun: bool) -> Any:
        shows = super().partial(child, begun)
        if self._row is not None:
            shows[len(self.shows) - 1] = self._row.copy()
        return shows


class WrapperBuilder(RawBuilder):
    """Reads an object where the type wants a list of what is not an object: it may be around the list."""

    __slots__ = ("_plan",)

    def __init__(self, plan: ListPlan) -> None:
        super().__init__(True)
        self._plan = plan

    def close(self) -> Result:
        result = unwrapped(self.raw, self._plan)
        if result.__class__ is Mismatch:
            self.shown = None
            return Mismatch(self._plan.expected, "an object", raw=self.raw)
        self.shown = value_of(result)
        return result


class WrapBuilder(ValueBuilder):
    """Reads an object where the type wants a list: its only item, or the object around it."""

    __slots__ = ("_inner", "_is_around", "_plan")

    def __init__(self, plan: ListPlan) -> None:
        self._plan = plan
        self._inner = plan.item.open(True)
        self._is_around = False

    @property
    def names(self) -> Collection[str] | None:  # type: ignore[override]  # computed where others keep it
        return self._inner.names

    def expected_names(self) -> Collection[str] | None:
        return self._inner.expected_names()

    def child(self, key: str) -> Plan:
        return self._inner.child(key)

    def put(self, result: Result, shown: Any) -> None:
        self._inner.put(result, shown)

    def adopt(self, orphans: dict[str, Any]) -> None:
        self._inner.adopt(orphans)

    def orphans(self) -> dict[str, Any]:
        return self._inner.orphans()

    def reopened(self) -> ValueBuilder | None:
        return self._inner.reopened()

    def unmatched(self) -> Any:
        return self._inner.unmatched()

    def may_go_on(self) -> bool:
        return self._inner.may_go_on()

    def left_out(self) -> None:
        self._inner.left_out()

    def cut_short(self) -> None:
        self._inner.cut_short()

    def close(self) -> Result:
        around = self._inner.unmatched()
        if around is not None:
            result = unwrapped(around, self._plan)
            if result.__class__ is not Mismatch:
                self._is_around = True
                self.shown = value_of(result)
                return result
        result = self._inner.close()
        if result.__class__ is Mismatch:
            self.shown = [] if self._plan.item_done or self._inner.shown is None else [self._inner.shown]
            return result.at(0)
        self.shown = [self._inner.shown]
        return Coerced([value_of(result)], penalty_of(result) + 2)

    def partial(self, child: Any, begun: bool) -> Any:
        value = self._inner.partial(child, begun)
        return [] if value is None or self._plan.item_done else [value]

    def ending(self) -> Any:
        value = self._inner.ending()
        return [] if value is None or self._plan.item_done else [value]

    def evident(self) -> bool:
        return self._is_around or self._inner.evident()
