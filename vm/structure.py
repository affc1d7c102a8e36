"""Structured control flow: where each block's code stands among nested Python blocks, and how jumps reach it.

The blocks are written in the order of the dominator tree (:mod:`bamlvm.vm.flow`): a loop becomes ``while True``, a
merge follows the code that leads to it, and a jump becomes ``continue``, ``break`` or nothing.  A jump out of several
Python loops at once sets ``br`` and breaks; behind each loop ``br`` is tested.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bamlvm.vm.facts import Fact
from bamlvm.vm.flow import COUNTED, Flow, Unsupported
from bamlvm.vm.operands import Line, Site, Temporaries


@dataclass
class Enclosing:
    """A place that jumps may go to from inside: the header of a Python loop (``continue``), what follows one
    (``break``), or a merge that comes next. ``is_loop`` says whether a Python loop stands there."""

    label: int
    after: int | None
    is_loop: bool
    continues: bool = False
    needed: bool = False
    broken: bool = False
    exits: dict[int, int] = field(default_factory=dict)


@dataclass
class Chunk(Enclosing):
    """A loop whose turns are taken in chunks; ``guards`` holds, by local, the addend whose sum is checked once a
    chunk. ``flow`` is None where nothing is guessed."""

    flow: Flow | None = None
    guards: dict[int, Fact] = field(default_factory=dict)

    def accumulate(self, local: int, addend: Fact, block: int) -> bool:
        """Whether a sum is checked once a chunk: its addend is small, and nothing else in the loop stores into it."""
        if self.flow is None:
            return False
        body = self.flow.loops[self.label]
        if not (addend.low >= -COUNTED and addend.high <= COUNTED) or self.flow.innermost(block) != self.label:
            return False
        stores = sum(
            each.name in ("store_local", "make_cell") and each.operands[0] == local
            for _, each in self.flow.instructions_of(body)
        )
        if stores != 1:
            return False
        self.guards[local] = addend
        return True


Context = list[Enclosing]
_Write = Callable[[Context, "int | None", int], None]
"""Writes code in a context, knowing the block that follows it (falling through leads there), at an indent."""


class Structure(ABC):
    """The lines that are being written, and what they are nested in."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._temporaries = Temporaries()
        self._exits = 0
        self._lines: list[Line] = []

    @abstractmethod
    def _loop(self, header: int, context: Context, following: int | None, indent: int) -> None:
        """Write a loop."""

    @abstractmethod
    def _block(self, index: int, context: Context, following: int | None, indent: int) -> None:
        """Write a block, and what it leads to."""

    # --- lines --------------------------------------------------------------------------------------------------------

    def _emit(self, indent: int, text: str, site: Site | None = None) -> None:
        self._lines.append(Line(indent, text, site))

    def _captured(self, write: Callable[[], None]) -> list[Line]:
        """Return the lines that ``write`` writes, without keeping them."""
        saved, self._lines = self._lines, []
        write()
        written, self._lines = self._lines, saved
        return written

    def _shifted(self, lines: Sequence[Line], by: int) -> None:
        self._lines += [Line(each.indent + by, each.text, each.site) for each in lines]

    # --- structure ----------------------------------------------------------------------------------------------------

    def _node(self, block: int, context: Context, following: int | None, indent: int) -> None:
        """Write a block and all that it dominates."""
        flow = self._flow
        followers = flow.followers[block]
        if block in flow.loops:
            body = flow.loops[block]
            outside = [each for each in followers if each not in body]
            self._before_followers(
                self._latest_first(outside), lambda c, f, i: self._loop(block, c, f, i), context, following, indent
            )
        else:
            self._before_followers(
                self._latest_first(followers), lambda c, f, i: self._block(block, c, f, i), context, following, indent
            )

    def _latest_first(self, blocks: Sequence[int]) -> list[int]:
        return sorted(blocks, key=lambda each: -self._flow.number[each])

    def _before_followers(
        self, followers: Sequence[int], inner: _Write, context: Context, following: int | None, indent: int
    ) -> None:
        """Write ``inner``, then each follower. A follower that is reached from below other code than what leads up
        to it needs a Python loop around that code, to ``break`` out of."""
        if not followers:
            inner(context, following, indent)
            return
        follower, rest = followers[0], followers[1:]
        exits = [(each, dict(each.exits), each.broken) for each in context]
        place = Enclosing(follower, None, is_loop=False)
        lines = self._captured(lambda: self._before_followers(rest, inner, [*context, place], follower, indent))
        if place.needed:
            # What was written is written again: the places around forget the jumps that it had.  Their codes are not
            # given again, so that a code that is left in ``br`` never means another jump.
            for each, codes, broken in exits:
                each.exits, each.broken = codes, broken
            place = Enclosing(follower, follower, is_loop=True)
            lines = self._captured(lambda: self._before_followers(rest, inner, [*context, place], follower, indent + 1))
            if place.exits:
                self._emit(indent, "br = 0")
            self._emit(indent, "while True:")
            self._lines += lines
            if not diverts(lines):
                self._emit(indent + 1, "break")
            self._leave(place, context, follower, indent)
        else:
            self._lines += lines
        self._node(follower, context, following, indent)

    def _leave(self, place: Enclosing, context: Context, following: int | None, indent: int) -> None:
        """Behind a Python loop: go on to where jumps out of it wanted to go."""
        for code, target in place.exits.items():
            self._emit(indent, f"if br == {code}:")
            lines = self._captured(partial(self._jump, target, context, following, indent + 1))
            self._lines += lines or [Line(indent + 1, "pass")]

    def _jump(self, target: int, context: Context, following: int | None, indent: int) -> None:
        """Write a jump to the start of a merge or of a loop around."""
        if target == following:
            return
        crossed: list[Enclosing] = []
        for place in reversed(context):
            if not place.is_loop:
                if place.label == target:  # only to be had with a loop around it: written again, with one
                    place.needed = True
                    self._emit(indent, "pass")
                    return
                continue
            word = "continue" if place.continues and place.label == target else ""
            if not word and place.after == target:
                word = "break"
                place.broken = True
            if word and not crossed:
                self._emit(indent, word)
                return
            if word:
                break
            crossed.append(place)
        else:
            raise Unsupported(f"no way to block {target}")
        inner = crossed[0]
        code = next((code for code, goal in inner.exits.items() if goal == target), None)
        if code is None:
            self._exits += 1
            code = self._exits
            inner.exits[code] = target
        inner.broken = True
        self._emit(indent, f"br = {code}")
        self._emit(indent, "break")

    def _edge(self, source: int, target: int, context: Context, following: int | None, indent: int) -> None:
        """Write what an edge leads to: a jump, or the block itself where no other edge enters it."""
        if target in self._flow.merges or self._flow.is_back_edge(source, target):
            self._jump(target, context, following, indent)
        else:
            self._node(target, context, following, indent)

    def _if(self, condition: str, holding: list[Line], failing: list[Line], indent: int) -> None:
        """Write a branch; a side that diverts needs no ``else`` after it."""
        if diverts(holding):
            self._emit(indent, f"if {condition}:")
            self._lines += holding
            self._shifted(failing, -1)
        elif diverts(failing):
            self._emit(indent, f"if {_negated(condition)}:")
            self._lines += failing
            self._shifted(holding, -1)
        elif holding:
            self._emit(indent, f"if {condition}:")
            self._lines += holding
            if failing:
                self._emit(indent, "else:")
                self._lines += failing
        elif failing:
            self._emit(indent, f"if {_negated(condition)}:")
            self._lines += failing


def _negated(condition: str) -> str:
    name, is_not, other = condition.partition(" is not ")
    return f"{name} is {other}" if is_not and name.isalnum() else f"not ({condition})"


def diverts(lines: Sequence[Line]) -> bool:
    """Whether control never reaches the end of some lines: their last statement leaves."""
    if not lines:
        return False
    last = lines[-1]
    return last.indent == lines[0].indent and last.text.startswith(("return", "raise", "break", "continue"))
