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

import re
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from bamlvm.sysops.parsing import openings, reasoning
from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.evidence import PLAIN, WINDOW
from bamlvm.sysops.parsing.lists import ListBuilder, ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.results import Mismatch, Result, penalty_of
from bamlvm.sysops.parsing.scanner import Scanner
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.vm.values import Instance

INLINE: Final = 0
NAMED: Final = 1
LINE: Final = 2
FIRST: Final = 3
FENCED: Final = 4
_RANKS: Final = ("in a line", "behind a colon", "at a line's beginning", "at the beginning", "in a fence")

_START: Final = re.compile(r"[{\[<\u25c1\uff5b\uff3b]|`{3,}|~{3,}|`{1,2}\Z|~{1,2}\Z")
_INFO: Final = re.compile(r"[^\n`{\[]*")
_LONGEST_MARK: Final = 20
_DATA: Final = frozenset(
    {"", "json", "jsonc", "json5", "jsonl", "ndjson", "baml", "text", "txt", "plaintext", "output"}
)
_MARKUP: Final = " \t\r>*-#`+"
"""What may stand before a candidate that begins a line."""

NO_CANDIDATE: Final = Mismatch("", "")
"""The result of an answer in which nothing looks like an object or list."""


class _Candidate(NamedTuple):
    result: Result
    rank: int


class CompletionReader(Scanner):
    """Reads one answer of a declared type that has objects or lists in it."""

    def __init__(self, plan: Plan, trace: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self._root = plan
        self._trace = trace
        members = plan.members if isinstance(plan, UnionPlan) else (plan,)
        listed = [each for each in members if isinstance(each, ListPlan)]
        others_take = any(each.takes_object for each in members if not isinstance(each, ListPlan))
        self._listed = listed[0] if len(listed) == 1 and listed[0].takes_object and not others_take else None
        self._item: Plan = listed[0].item if len(listed) == 1 else _ANY_ITEM
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
        self._given_up = False
        self.chosen_rank = -1
        self.has_failed = False  # whether a candidate did not fit
        # the candidate under way, and what was shown
        self._rank = INLINE
        self._in_series = False
        self._number = 0
        self._owner: int | None = None  # the candidate whose partial values are shown
        self._last: tuple[int, Any] | None = None  # a closed candidate and its partial value
        self._emitted: Any = None
        # the prose
        self._fence = ""  # the mark that closes the fence under way
        self._opens_fence = False  # whether nothing but the fence's first line was read of it
        self._is_data = False
        self._line = ""  # what was read of the line, its end only
        self._is_first = True  # whether nothing but spaces was read
        self._between = True  # whether something was read since the last candidate
        self._thought: re.Pattern[str] | None = None  # the tag that ends the reasoning under way
        self._reasoning: list[str] = []
        self.forgotten = 0  # how far the text was reasoning whose end tag came alone

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
        open_rank: float = self._rank if self._stack else -2
        if not self._stack and self._best is None and self._series:
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
            self._trace(f"chosen: {'none' if rank < 0 else _RANKS[rank]}, {outcome}")
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
            return best.result, best.rank
        if series >= 0:
            return self._series[series].close(), series
        if self._weak is not None and not self._came_near:
            return self._weak, -1
        if self._doubtful is not None and not self._came_near:
            return self._doubtful, -1
        return self._mismatch if self._mismatch is not None else NO_CANDIDATE, -1

    def reasoning(self) -> str:
        """Return the text that was passed over as reasoning, behind what was ``forgotten``."""
        return "".join(self._reasoning)

    # --- prose --------------------------------------------------------------------------------------------------------

    def outside(self) -> bool:
        buffer = self._buffer
        if self._given_up:
            self._at = len(buffer)
            return False
        if self._thought is not None:
            return self._think(self._thought)
        if (self._is_first or self._opens_fence) and self._root.names is not None:
            begins = self._begins_without_bracket(self._root.names)
            if begins is None:
                return False
            if begins:
                self._begin_candidate(True)
                return True
        found = _START.search(buffer, self._at)
        if found is None:
            self._pass(len(buffer))
            return False
        at = found.start()
        self._pass(at)
        character = buffer[at].translate(PLAIN)
        if character in "`~":
            return self._at_mark(found)
        if character in reasoning.FIRST:
            tag = reasoning.START.match(buffer, at)
            if tag is not None:
                self._thought = reasoning.end_of(tag[0])
                self._at = tag.end()
                return True
            end = reasoning.END.match(buffer, at)
            if end is not None:
                self._forget()
                self._at = end.end()
                self.forgotten = self.taken - len(buffer) + end.end()
                return True
            if not self._final and reasoning.may_be_tag(buffer, at):
                return False
        if character in "{[":
            begins = self._begins(character == "{", at + 1)
            if begins is None:
                return False
            if begins:
                self._at += 1
                self._begin_candidate(character == "{")
                return True
        self._pass(at + 1)
        return True

    def _begins_without_bracket(self, names: Collection[str]) -> bool | None:
        """Whether the answer, or a fence, begins with the first pair of an object whose bracket is missing."""
        at = len(self._buffer) - len(self._buffer[self._at :].lstrip())
        if at == len(self._buffer):
            return False
        begins = openings.begins_pair(self._buffer, at, names, self._final)
        if begins:
            self._pass(at)
        return begins

    def _pass(self, end: int) -> None:
        """Pass over prose."""
        text = self._buffer[self._at : end]
        self._at = end
        if text:
            _, broken, line = text.rpartition("\n")
            self._line = (line if broken else self._line + line)[-WINDOW:]
            self._between = self._between or bool(text.strip(" \t\r\n,;"))
            if not text.isspace():
                self._is_first = self._opens_fence = False

    def _at_mark(self, found: re.Match[str]) -> bool:
        """At the mark of a code fence: it opens one with the rest of the line, or closes the one that is open."""
        buffer, mark = self._buffer, found[0]
        if found.end() == len(buffer) and not self._final and len(mark) < _LONGEST_MARK:
            return False
        if not 3 <= len(mark) < _LONGEST_MARK:
            self._pass(found.end())
            return True
        self._in_fence = False
        if self._fence:
            if mark.startswith(self._fence):
                self._fence = ""
            self._pass(found.end())
            return True
        info = _INFO.match(buffer, found.end())
        assert info is not None, "it matches the empty string"
        if info.end() == len(buffer) and not self._final and len(info[0]) < WINDOW:
            return False
        opens = info.end() < len(buffer) and buffer[info.end()] in "\n{["
        self._pass(info.end() if opens else found.end())
        if opens:
            self._fence = mark
            self._in_fence = self._opens_fence = True
            self._is_data = info[0].strip().lower().partition(" ")[0] in _DATA
        return True

    def _think(self, end_tag: re.Pattern[str]) -> bool:
        """Inside reasoning."""
        buffer = self._buffer
        end = end_tag.search(buffer, self._at)
        if end is not None:
            self._reasoning.append(buffer[self._at : end.start()])
            self._at = end.end()
            self._thought = None
            self._line = ""
            return True
        keep = 0 if self._final else reasoning.LONGEST_END - 1
        at = max(self._at, len(buffer) - keep)
        self._reasoning.append(buffer[self._at : at])
        self._at = at
        return False

    def _forget(self) -> None:
        """Forget all candidates: what was read so far was reasoning."""
        self._reasoning = []
        self._best = self._weak = self._doubtful = self._mismatch = self._last = None
        self._series = {}
        self._came_near = False
        self._fence = self._line = ""
        self._in_fence = False
        self._is_first = True
        self._last = None
        if self._emitted is not None:
            self._owner = -1  # no candidate goes on where this one stops
        if self._trace is not None:
            self._trace("an end tag alone: all before it is reasoning")

    # --- candidates ---------------------------------------------------------------------------------------------------

    def _begins(self, is_object: bool, at: int) -> bool | None:
        """Whether a candidate begins with the bracket before ``at``."""
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

    def _begin_candidate(self, is_object: bool) -> None:
        begins_line = not self._line.strip(_MARKUP)
        if not begins_line and is_object and (doubled := _DOUBLED.match(self._buffer, self._at)):
            begins_line = "\n" in doubled[0]  # `Let me see: {` and the object on the next line
        if self._fence and self._opens_fence and self._is_data:
            self._rank = FENCED
        elif self._is_first:
            self._rank = FIRST
        else:
            self._rank = LINE if begins_line else NAMED if self._line.rstrip(" *_")[-1:] in (":", "\uff1a") else INLINE
        if not self._between and is_object and self._listed is not None and self._number < 0:
            self._rank = -2 - self._number  # nothing but a comma is between it and the object before it
        self._is_first = self._opens_fence = self._between = False
        self._line = "."
        if self._trace is not None:
            self._trace(f"candidate: an {'object' if is_object else 'list'} {_RANKS[self._rank]}")
        self._in_series = is_object and self._listed is not None
        if self._in_series and self._listed is not None:
            self._rank = LINE if self._rank == FIRST else self._rank
            self._number = -2 - self._rank  # all items of a series are one candidate
            self.begin(self._listed.open(True))
        else:
            self._number = self.steps
            self.begin(self._root.open(is_object))

    def ended(self, result: Result, builder: ValueBuilder) -> None:
        rank = self._rank
        # A list without items has nothing of the type in it, but alone in a fence it is the answer.
        evident = builder.evident() or (rank == FENCED and isinstance(builder, ListBuilder) and not builder.count)
        failed = result.__class__ is Mismatch
        if self._trace is not None:
            outcome = (
                str(result) if failed else f"fits, penalty {penalty_of(result)}" if evident else "has nothing of it"
            )
            self._trace(f"candidate {_RANKS[rank]}: {outcome}")
        if self._in_series and evident and self._listed is not None:
            self._in_series = False
            self._add_to_series(self._listed, result, builder)
            return
        self._in_series = False
        if failed:
            self.has_failed = True
            if self._mismatch is None or (evident and not self._came_near):
                self._mismatch = result
            self._came_near = self._came_near or evident
            if self._owner == self._number:
                self._owner = -1
            self._last = None
        elif isinstance(builder, ListBuilder) and not self._is_list(builder):
            if self._doubtful is None:
                self._doubtful = result
                self._note(builder.shown)
        elif evident:
            self._note(builder.shown)
            if self._best is None or rank > self._best.rank or rank == FENCED == self._best.rank:
                self._best = _Candidate(result, rank)
        elif self._weak is None:
            self._weak = result
            self._note(builder.shown)

    def _note(self, shown: Any) -> None:
        """Note what partial values show of the candidate that was closed."""
        if self._rank != INLINE:
            self._last = self._number, shown

    def _is_list(self, builder: ListBuilder) -> bool:
        """Whether a list is more than a word or number in brackets, of which prose is full."""
        if builder.doubtful and builder.count <= builder.doubtful:
            return False
        return not (self._rank == INLINE and len(builder.items) == 1 and type(builder.items[0]) in (int, float))

    def _add_to_series(self, listed: ListPlan, result: Result, builder: ValueBuilder) -> None:
        """Add the object that a list has as its only item, or the list that it was around, to the items so far."""
        series = self._series.get(self._rank)
        if series is None:
            series = self._series[self._rank] = ListBuilder(listed)
        if result.__class__ is Mismatch:
            mismatch = Mismatch(result.expected, result.got, result.path[1:], result.raw, result.reason)
            self.has_failed = True
            series.put(mismatch, builder.shown[0] if builder.shown else None)
        else:
            series.extend(result, builder.shown)
        self._note(series.shows.copy())

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
        series = self._series.get(self._rank) if self._in_series else None
        if series is not None and not stack[0].evident():  # it may be no item
            return series.shows.copy()
        if stack[0].evident() or (self._begun and len(stack) == 1) or any(builder.evident() for builder in stack):
            value = self.growing()
            begun = self._begun
            for builder in reversed(stack):
                value = builder.partial(value, begun)
                begun = True
        return value if series is None else series.shows + (value or [])


_DOUBLED: Final = re.compile(r"[\s{]*\{")


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
