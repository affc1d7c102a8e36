"""The facts at the start of each block, found by running the blocks symbolically until nothing changes.

A loop's facts widen at their second change (:func:`bamlvm.vm.facts.widen`), so that a counter does not climb step by
step.  That a loop counts is assumed first and tested against the facts that follow from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Fact, State
from bamlvm.vm.flow import COUNTED, Counting, Flow, Unsupported
from bamlvm.vm.names import Names
from bamlvm.vm.operands import Temporaries
from bamlvm.vm.symbolic import BlockRun

MAX_STEPS: Final = 4_000
"""Blocks that the search for facts runs before it gives up."""


class Analysis(NamedTuple):
    """The facts at the start of each block, the counting loops, and what is known of each one's step."""

    states: dict[int, State]
    counting: dict[int, Counting]
    steps: dict[int, Fact]


def start_state(flow: Flow, names: Names) -> State:
    """Return the facts at a function's first instruction."""
    function = flow.function
    known = len(function.parameters) + function.capture_count
    locals_: list[Fact | None] = [ANY] * known + [None] * (function.local_count - known)
    for index in range(len(function.parameters)):
        locals_[index] = names.argument(function.name, index)
    return State(locals_, [])


def analyse(flow: Flow, names: Names, start: State, *, guess: bool) -> Analysis:
    """Return the facts of every block, found by abstract interpretation."""
    counting = {}
    if guess:
        counting = {header: found for header in flow.loops if (found := flow.counting(header)) is not None}
    while True:
        states, steps = _fixpoint(flow, names, start, counting)
        refuted = [
            header for header in counting if not _counts(counting[header], states.get(header), steps.get(header))
        ]
        if not refuted:
            return Analysis(states, counting, steps)
        for header in refuted:
            del counting[header]


def _counts(loop: Counting, state: State | None, step: Fact | None) -> bool:
    """Whether the bound is an int, and the step a positive one."""
    if state is None or step is None:
        return False
    if loop.bound.name == "load_local" and (state.locals[loop.bound.operands[0]] or ANY).kind != "int":
        return False
    return step.is_int and step.low >= 1


def _fixpoint(
    flow: Flow, names: Names, start: State, counting: dict[int, Counting]
) -> tuple[dict[int, State], dict[int, Fact]]:
    limits = facts.thresholds(flow.function.constants, COUNTED)
    states = {flow.entry: start}
    steps: dict[int, Fact] = {}
    latches = {loop.latch: header for header, loop in counting.items()}
    visits: dict[int, int] = {}
    waiting = [flow.number[flow.entry]]
    temporaries = Temporaries()
    ran = 0
    while waiting:
        block = flow.order[heappop(waiting)]
        ran += 1
        if ran > MAX_STEPS:
            raise Unsupported("its facts do not settle")
        run = BlockRun(flow, names, flow.blocks[block], states[block], counting, temporaries)
        run.run()
        if block in latches and run.step is not None:
            steps[latches[block]] = run.step
        for target, state in run.leaving():
            old = states.get(target)
            if old is not None:
                state = _merged(old, state)
                if state == old:
                    continue
                visits[target] = visits.get(target, 0) + 1
                # Loops widen at the second change, so that a counter does not climb step by step.
                if visits[target] > (1 if target in flow.loops else 8):
                    state = _widened(old, state, limits)
            states[target] = state
            if flow.number[target] not in waiting:
                heappush(waiting, flow.number[target])
    return states, steps


def _merged(one: State, other: State) -> State:
    return State(
        [facts.join(a, b) for a, b in zip(one.locals, other.locals, strict=True)],
        [facts.join(a, b) or ANY for a, b in zip(one.stack, other.stack, strict=True)],
    )


def _widened(old: State, new: State, limits: Sequence[int]) -> State:
    return State(
        [facts.widen(a, b, limits) for a, b in zip(old.locals, new.locals, strict=True)],
        [facts.widen(a, b, limits) or ANY for a, b in zip(old.stack, new.stack, strict=True)],
    )
