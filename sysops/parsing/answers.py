"""A whole answer: where in its text the value is, what to show of it meanwhile, and what it comes to.

In the prose around it an object or list is a *candidate* where it begins like one: ``{`` with a key and a colon, ``[``
with an item of the declared kind.  The first candidate that fits and has something of the declared type decides; what
follows it is not read.  One that fits but has nothing of it (``{}``, only foreign keys) is taken if no other fits.
Where a list is declared and objects stand one after the other, each is an item.  Text in ``<think>`` tags is passed
over.  If there is no candidate, the declared type's scalars are looked for in the text as a whole.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bamlvm.sysops.parsing import lookahead
from bamlvm.sysops.parsing.base import Frame, Plan
from bamlvm.sysops.parsing.lists import ListFrame, ListPlan
from bamlvm.sysops.parsing.results import Failure, Result
from bamlvm.sysops.parsing.scanner import Scanner
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.vm.values import Instance

_START: Final = re.compile(r"[{\[<]")
_THINK: Final = re.compile(r"<(think|thinking|reasoning|thought)>")
_THINK_BEGINNINGS: Final = frozenset(
    f"<{tag}>"[:length] for tag in ("think", "thinking", "reasoning", "thought") for length in range(1, len(tag) + 2)
)


class AnswerReader(Scanner):
    """One answer of a declared type that has objects or lists in it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._root = plan
        self._decided = False
        self._result: Result = None
        self._shown: Any = None
        self._weak: tuple[Result, Any] | None = None
        self._doubtful: Result = None
        self._failure: Failure | None = None
        self._came_near = False  # whether the failure's candidate had something of the declared type
        self._thought: list[str] = []
        self._thinks = ""  # the tag that ends the thought under way
        self._may_think = True
        self._emitted: Any = None
        self._stands = True  # False once a candidate failed of which something was shown
        listed = [
            each for each in (plan.members if isinstance(plan, UnionPlan) else (plan,)) if isinstance(each, ListPlan)
        ]
        others_take = isinstance(plan, UnionPlan) and any(
            member.takes_object for member in plan.members if not isinstance(member, ListPlan)
        )
        self._listed = listed[0] if len(listed) == 1 and listed[0].takes_object and not others_take else None
        self._series: ListFrame | None = None
        self._in_series = False

    def partial(self) -> Any:
        """What the text so far gives; None where that is nothing, or nothing that was not shown already."""
        value = self._partial()
        if value is None or same(value, self._emitted):
            return None
        self._emitted = value
        return value

    def result(self) -> Result:
        """What the whole text comes to: a value, or the :class:`Failure` of the candidate that came nearest, or None
        where there was no candidate at all."""
        self.take_end()
        if self._thinks and self._weak is None and self._series is None and not self._decided:
            thought = "".join(self._thought) + self._buffer[self._at :]
            self._thinks = ""
            self._may_think = False
            self._final = False
            self._buffer = ""
            self._at = 0
            self._state = self.outside
            self.take(thought)
            self.take_end()
        if self._decided:
            return self._result
        if self._series is not None and self._series.count:
            return self._series.close()
        if self._weak is not None and not self._came_near:
            return self._weak[0]
        if self._doubtful is not None and not self._came_near:
            return self._doubtful
        return self._failure if self._failure is not None else NO_CANDIDATE

    # --- prose --------------------------------------------------------------------------------------------------------

    def outside(self) -> bool:
        buffer = self._buffer
        if self._decided:
            self._at = len(buffer)
            return False
        if self._thinks:
            return self._think()
        found = _START.search(buffer, self._at)
        if found is None:
            self._at = len(buffer)
            return False
        at = self._at = found.start()
        if buffer[at] == "<":
            tag = _THINK.match(buffer, at) if self._may_think else None
            if tag is not None:
                self._thinks = f"</{tag[1]}>"
                self._at = tag.end()
                return True
            if buffer[at:] in _THINK_BEGINNINGS and self._may_think and not self._final:
                return False
            self._at += 1
            return True
        is_object = buffer[at] == "{"
        begins = self._begins(is_object, at + 1)
        if begins is None:
            return False
        self._at += 1
        if begins:
            self._in_series = is_object and self._listed is not None
            if self._in_series:
                assert self._listed is not None
                if self._series is None:
                    self._series = ListFrame(self._listed)
                self.begin(self._listed.item.open(True))
            else:
                self.begin(self._root.open(is_object))
        return True

    def ended(self, result: Result, frame: Frame) -> None:
        evident = frame.evident()
        failed = result.__class__ is Failure
        if self._in_series:
            assert self._series is not None
            self._in_series = False
            if evident:
                self._series.put(result, frame.shown)
        elif failed:
            if self._failure is None or (evident and not self._came_near):
                self._failure = result
            self._came_near = self._came_near or evident
            self._stands = self._stands and not self._emitted
        elif evident:
            self._decided = True
            self._result = result
            self._shown = frame.shown
        elif isinstance(frame, ListFrame) and frame.doubtful:
            if self._doubtful is None:
                self._doubtful = result
        elif self._weak is None:
            self._weak = result, frame.shown

    def gave_up(self, failure: Failure) -> None:
        self._decided = True
        self._result = failure
        self._stands = False

    def _begins(self, is_object: bool, at: int) -> bool | None:
        """Whether a candidate begins with the bracket before ``at``."""
        root = self._root
        if is_object:
            if not root.takes_object:
                return False
            begins = lookahead.begins_object(self._buffer, at, self._final)
        else:
            if self._series is not None and self._series.count and self._series.failure is None:
                return False
            if root.takes_list:
                item = self._item()
                begins = lookahead.begins_list(
                    self._buffer, at, item.takes_scalar, item.takes_object, item.takes_list, self._final
                )
            elif root.takes_object:
                begins = lookahead.begins_list(self._buffer, at, False, True, False, self._final)
            else:
                return False
        return False if begins is None and self._final else begins

    def _item(self) -> Plan:
        root = self._root
        lists = [root] if isinstance(root, ListPlan) else getattr(root, "members", ())
        found = [member.item for member in lists if isinstance(member, ListPlan)]
        if len(found) == 1:
            return found[0]
        return _ANY_ITEM

    def _think(self) -> bool:
        buffer = self._buffer
        end = buffer.find(self._thinks, self._at)
        if end >= 0:
            self._at = end + len(self._thinks)
            self._thinks = ""
            self._thought.clear()
            return True
        keep = len(self._thinks) - 1 if not self._final else 0
        end = max(self._at, len(buffer) - keep)
        self._thought.append(buffer[self._at : end])
        self._at = end
        return False

    # --- partial values -----------------------------------------------------------------------------------------------

    def _partial(self) -> Any:
        if not self._stands:
            return None
        if self._decided:
            return self._shown
        value: Any = None
        if self._stack and any(frame.evident() for frame in self._stack) | (self._begun and len(self._stack) == 1):
            value = self.growing()
            begun = self._begun
            for frame in reversed(self._stack):
                value = frame.partial(value, begun)
                begun = True
        series = self._series
        if series is not None and (series.count or self._in_series):
            return series.partial(value if self._in_series else None, True)
        if value is None and self._weak is not None:
            return self._weak[1]
        return value


class _AnyItem(Plan):
    takes_scalar = takes_object = takes_list = True


_ANY_ITEM: Final = _AnyItem()
NO_CANDIDATE: Final = Failure("", "")
"""The result of an answer in which nothing looks like an object or list."""


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
