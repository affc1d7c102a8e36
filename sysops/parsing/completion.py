"""A whole answer: where in its text the value is, what to show of it meanwhile, and what it comes to.

In the prose around it an object or list is a *candidate* where it begins like one: ``{`` with a key and a colon, ``[``
with an item of the declared kind.  Of the candidates that fit and have something of the declared type, one counts:

    FENCED   it begins a code fence without a language, or with one of data: of several, the last
    FIRST    the answer begins with it
    LINE     it begins a line: of several, the first
    NAMED    it stands in a line of prose behind a colon: of several, the first
    INLINE   it stands anywhere else: of several, the first

After those come one that fits but has nothing of the type (``{}``), and a list of bare words or of one number, of
which prose is full (``[sic]``, ``[1]``).  Where a list is declared, objects of one rank that stand one after the other
are its items.  Reasoning in tags is passed over, and all before an end tag alone is reasoning (:mod:`.reasoning`).

Partial values are those of the first candidate that is not INLINE, and nothing of them is taken back: if another one
counts in the end, they stop.  An INLINE candidate is not shown, because the answer often follows such an example.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from bamlvm.sysops.parsing import openings
from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.evidence import PLAIN, SPACE, past
from bamlvm.sysops.parsing.lists import ListBuilder, ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.prose import FENCED, FIRST, INLINE, LINE, RANKS, ProseReader
from bamlvm.sysops.parsing.results import Mismatch, Result, penalty_of
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.vm.values import Instance

NO_CANDIDATE: Final = Mismatch("", "")
"""The result of an answer in which nothing looks like an object or list."""


class _Candidate(NamedTuple):
    """``shown`` is what partial values show of it; ``run`` has its items once others directly follow it."""

    result: Result
    rank: int
    number: int
    shown: Any
    run: ListBuilder | None = None


class CompletionReader(ProseReader):
    """Reads one answer of a declared type that has objects or lists in it."""

    def __init__(self, plan: Plan, trace: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self._root = plan
        self._trace = trace
        members = plan.members if isinstance(plan, UnionPlan) else (plan,)
        listed = [each for each in members if isinstance(each, ListPlan)]
        others_take = any(each.takes_object for each in members if not isinstance(each, ListPlan))
        self._listed = listed[0] if len(listed) == 1 and listed[0].takes_object and not others_take else None
        self._list = listed[0] if len(listed) == 1 else None
        self._item: Plan = _ANY_ITEM if self._list is None else self._list.item
        # a class whose one field is a list of scalars may be written as the list
        self._in_list = isinstance(plan, ClassPlan) and plan.takes_list_of_scalars()
        self._has_maps = any(isinstance(each, MapPlan) for each in (*members, *(each.item for each in listed)))
        # the candidates so far
        self._best: _Candidate | None = None
        self._series: dict[int, ListBuilder] = {}
        self._weak: Result = None
        self._doubtful: Result = None
        self._mismatch: Mismatch | None = None
        self._came_near = False  # whether the mismatch's candidate had something of the declared type
        self.chosen_rank = -1
        self.has_failed = False  # whether a candidate did not fit
        # the candidate under way, and what was shown
        self._rank = INLINE
        self._joined: ListBuilder | None = None  # the items before it, if it is one more of them
        self._in_series = False
        self._number = 0
        self._owner: int | None = None  # the candidate whose partial values are shown
        self._last: tuple[int, Any] | None = None  # a closed candidate and its partial value
        self._emitted: Any = None

    # --- results ------------------------------------------------------------------------------------------------------

    def partial(self) -> Any:
        """Return what the text so far comes to, or None if nothing new is to be seen."""
        value = self._partial()
        if value is None or same(value, self._emitted):
            return None
        self._emitted = value
        return value

    def result(self, cut_by: str | None = None) -> Result:
        """Return what the whole text comes to: a value, or the :class:`Mismatch` of the candidate that came nearest.

        ``cut_by`` is the finish reason of an answer that the token limit cut: a value that is open then does not count,
        nor does one that it could have replaced.
        """
        is_open = len(self._stack) > self._at_end  # a bracket that may come too early ends the value if nothing follows
        open_rank = self._rank if is_open else -2
        if not is_open and self._best is None and self._series:
            open_rank = max(self._series)  # nothing closes a list of objects that stand one after the other
        if cut_by is not None and self._drop_unfinished():
            open_rank = -2
        is_reasoning = self._thought is not None
        self.take_end()
        if self._given_up:
            assert self._mismatch is not None
            return self._mismatch
        result, rank = self._chosen()
        self.chosen_rank = rank
        if cut_by is not None and open_rank >= rank:
            return Mismatch(self._root.expected, f"a part of it: the answer was cut (finish reason {cut_by!r})")
        if result is NO_CANDIDATE and is_reasoning:
            return Mismatch(self._root.expected, "reasoning that does not end")
        if self._trace is not None:
            outcome = f"mismatch: {result}" if result.__class__ is Mismatch else f"penalty {penalty_of(result)}"
            self._trace(f"chosen: {'none' if rank < 0 else RANKS[rank]}, {outcome}")
        return result

    def _drop_unfinished(self) -> bool:
        """Drop the item under way of a list whose items are marked ``@stream.done``; return whether there is one."""
        for depth, builder in enumerate(self._stack):
            if isinstance(builder, ListBuilder) and builder.plan.item_done:
                self.drop_inside(depth)
                return True
        return False

    def _chosen(self) -> tuple[Result, int]:
        best = self._best
        series = max(self._series, default=-1)
        if best is not None and best.rank >= series:
            return best.result if best.run is None else best.run.close(), best.rank
        if series >= 0:
            return self._series[series].close(), series
        if self._weak is not None and not self._came_near:
            return self._weak, -1
        if self._doubtful is not None and not self._came_near:
            return self._doubtful, -1
        return self._mismatch if self._mismatch is not None else NO_CANDIDATE, -1

    # --- candidates ---------------------------------------------------------------------------------------------------

    def begins(self, is_object: bool, at: int) -> bool | None:
        root = self._root
        if is_object:
            if not root.takes_object:
                return False
            begins = openings.begins_object(self._buffer, at, self._has_maps, self._final, root.names)
        elif root.takes_list:
            item = self._item
            begins = openings.begins_list(
                self._buffer, at, item.takes_scalar, item.takes_object, item.takes_list, self._final
            )
        elif root.takes_object:
            begins = openings.begins_list(self._buffer, at, self._in_list, True, False, self._final)
        else:
            return False
        return False if begins is None and self._final else begins

    def begin_candidate(self, is_object: bool) -> None:
        follows = not self._between  # nothing but a comma is between it and the candidate before it
        number, before = self._number, self._rank
        self._rank = self.leave(is_object)
        in_series = follows and number < 0
        listed = self._listed if is_object else self._list if self._begins_row(in_series) else None
        best = self._best
        taking = self._listed if is_object else self._list
        if follows and taking is not None and best is not None and best.number == number:
            # More of the list that has just ended: `["a"], ["b"]`.
            if best.run is None:
                run = ListBuilder(taking)
                run.extend(best.result, best.shown)
                best = self._best = best._replace(run=run)
            self._joined, self._in_series = best.run, False
            self._rank, self._number = best.rank, number
            self.begin(taking.open(is_object))
        elif listed is not None:
            # An item of a list without its brackets. All those of one rank are one candidate.
            self._rank = before if in_series else LINE if self._rank == FIRST else self._rank
            self._joined, self._in_series = self._series.get(self._rank), True
            self._number = -2 - self._rank
            self.begin(listed.open(is_object))
        else:
            self._joined, self._in_series = None, False
            self._number = self.steps
            self.begin(self._root.open(is_object))
        if self._trace is not None:
            self._trace(f"candidate: an {'object' if is_object else 'list'} {RANKS[self._rank]}")

    def _begins_row(self, in_series: bool) -> bool:
        """Whether the list that begins here has no list in it where a list of lists is declared: it is an item.

        An empty one is an item only ``in_series``, directly behind another.
        """
        if self._list is None or not isinstance(self._list.item, ListPlan):
            return False
        at = past(SPACE, self._buffer, self._at)
        following = self._buffer[at : at + 1].translate(PLAIN)
        return following not in ("[", "]", "/", "#", "") or (following == "]" and in_series)

    def first_names(self) -> Collection[str] | None:
        return self._root.names

    def forget(self) -> None:
        self._best = self._weak = self._doubtful = self._mismatch = self._last = None
        self._series = {}
        self._came_near = False
        if self._emitted is not None:
            self._owner = -1  # no candidate goes on where this one stops
        if self._trace is not None:
            self._trace("an end tag alone: all before it is reasoning")

    def ended(self, result: Result, builder: ValueBuilder) -> None:
        rank = self._rank
        # A list without items has nothing of the type in it, but alone in a fence it is the answer.
        evident = builder.evident() or (rank == FENCED and isinstance(builder, ListBuilder) and not builder.count)
        failed = result.__class__ is Mismatch
        if self._trace is not None:
            outcome = (
                str(result) if failed else f"fits, penalty {penalty_of(result)}" if evident else "has nothing of it"
            )
            self._trace(f"candidate {RANKS[rank]}: {outcome}")
        is_list = not isinstance(builder, ListBuilder) or self._is_list(builder)
        joined = self._joined
        is_more = evident or isinstance(builder, ListBuilder)  # an empty list may be a row
        if is_list and (is_more if joined is not None else evident and self._in_series):
            self._join(result, builder)
            return
        if joined is not None:  # it belongs to something else
            self.has_failed = self.has_failed or failed
            self._note(joined.shows.copy())
            return
        if failed:
            self.has_failed = True
            if self._mismatch is None or (evident and not self._came_near):
                self._mismatch = result
            self._came_near = self._came_near or evident
            if self._owner == self._number:
                self._owner = -1
            self._last = None
        elif not is_list:
            if self._doubtful is None:
                self._doubtful = result
                if not self._in_series:  # the items that follow are none of it
                    self._note(builder.shown)
        elif evident:
            self._note(builder.shown)
            if self._best is None or rank > self._best.rank or rank == FENCED == self._best.rank:
                self._best = _Candidate(result, rank, self._number, builder.shown)
        elif self._weak is None:
            self._weak = result
            self._note(builder.shown)

    def _note(self, shown: Any) -> None:
        """Note what partial values show of the candidate that was closed."""
        if self._rank != INLINE:
            self._last = self._number, shown

    def _is_list(self, builder: ListBuilder) -> bool:
        """Whether a list is more than a word or number in brackets, of which prose is full."""
        if builder.doubtful and builder.parts() <= builder.doubtful:
            return False
        return not (self._rank == INLINE and len(builder.items) == 1 and type(builder.items[0]) in (int, float))

    def _join(self, result: Result, builder: ValueBuilder) -> None:
        """Add the items of a list, or the object that a list has as its only item, to the items before it."""
        joined = self._joined
        if joined is None:
            assert self._list is not None
            joined = self._series[self._rank] = ListBuilder(self._list)
        if result.__class__ is Mismatch:
            self.has_failed = True
            mismatch = Mismatch(result.expected, result.got, result.path[1:], result.raw, result.reason)
            shown = builder.shown or []
            joined.put(mismatch, shown[0] if shown else None)
            joined.shows += shown[1:]
        elif self._in_series and isinstance(builder, ListBuilder) and not builder.count:
            joined.put([], [])
        else:
            joined.extend(result, builder.shown)
        self._note(joined.shows.copy())

    def gave_up(self, mismatch: Mismatch) -> None:
        self._given_up = True
        self._mismatch = mismatch
        self._owner = -1

    # --- partial values -----------------------------------------------------------------------------------------------

    def _partial(self) -> Any:
        if self._stack:
            if self._rank == INLINE or self._given_up:
                return None
            number = self._number
            value = self._open_value()
        elif self._last is not None:
            number, value = self._last
        else:
            return None
        if value is None or (self._owner not in (None, number) and not _gives_way(self._emitted, value)):
            return None
        self._owner = number
        return value

    def _open_value(self) -> Any:
        """Return the value so far of the candidate under way."""
        value: Any = None
        stack = self._stack
        joined = self._joined
        if joined is not None and not stack[0].evident():  # it may be no item
            return joined.shows.copy()
        if stack[0].evident() or (self._begun and len(stack) == 1) or any(builder.evident() for builder in stack):
            if self._at_end:
                value = stack[-1].ending()
                inner, begun = stack[:-1], True
            else:
                value = self.growing()
                inner, begun = stack, self._begun
            for builder in reversed(inner):
                value = builder.partial(value, begun)
                begun = True
        return value if joined is None else joined.shows + (value or [])


class _AnyItem(Plan):
    takes_scalar = takes_object = takes_list = True


_ANY_ITEM: Final = _AnyItem()


def _gives_way(shown: Any, value: Any) -> bool:
    """Whether a partial value shows nothing yet, so that another candidate's value takes nothing of it back."""
    if shown is None:
        return True
    if shown.__class__ is not Instance or value.__class__ is not Instance or shown.cls is not value.cls:
        return False
    return all(field is None for field in shown.fields)


def same(a: Any, b: Any) -> bool:
    """Whether two partials of one answer, the older one second, show the same.  Only what was open can differ."""
    if a is b:
        return True
    kind = a.__class__
    if kind is not b.__class__:
        return False
    if kind is Instance:
        return a.cls is b.cls and all(map(same, a.fields, b.fields))
    if kind is list:
        return len(a) == len(b) and (not a or same(a[-1], b[-1]))
    if kind is dict:
        return len(a) == len(b) and (not a or same(next(reversed(a.values())), next(reversed(b.values()))))
    return bool(a == b)
