"""The facts at the start of each block, found by running the blocks symbolically until nothing changes.

A loop's facts widen at their second change (:func:`bamlvm.vm.facts.widen`) to the next constant that the function
compares something with, and at their third to the end, so that a counter does not climb step by step.  That a loop
counts is assumed first and tested against the facts that follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final, NamedTuple, TypeAlias

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Fact, State, Thresholds
from bamlvm.vm.flow import COUNTED, Counting, Flow, Stepping, Unsupported
from bamlvm.vm.names import Names
from bamlvm.vm.operands import Temporaries
from bamlvm.vm.symbolic import BlockRun

MAX_STEPS: Final = 4_000
"""Blocks that the search for facts runs before it gives up."""


Stepped: TypeAlias = Mapping[int, Mapping[int, Stepping]]
"""The locals of each loop, by its header, that are guessed to stay small because they only step."""


class Analysis(NamedTuple):
    """The facts at the start of each block, the counting loops, what is known of each one's step, and the locals that
    step."""

    states: dict[int, State]
    counting: dict[int, Counting]
    steps: dict[int, Fact]
    stepped: Stepped


def start_state(flow: Flow, names: Names) -> State:
    """Return the facts at a function's first instruction."""
    function = flow.function
    known = len(function.parameters) + function.capture_count
    locals_: list[Fact | None] = [ANY] * known + [None] * (flow.local_count - known)
    for index in range(len(function.parameters)):
        locals_[index] = names.argument(function.name, index)
    return State(locals_, [])


def analyse(flow: Flow, names: Names, start: State, *, guess: bool) -> Analysis:
    """Return the facts of every block, found by abstract interpretation."""
    counting: dict[int, Counting] = {}
    stepping: Stepped = {}
    if guess:
        counting = {header: found for header in flow.loops if (found := flow.counting(header)) is not None}
        stepping = {header: flow.stepping(header) for header in flow.loops}
    while True:
        # A loop's own counter is not among those that step: what is guessed of it is another thing.
        stepped = {
            header: {k: each for k, each in found.items() if header not in counting or k != counting[header].counter}
            for header, found in stepping.items()
        }
        states, steps = _fixpoint(flow, names, start, counting, stepped)
        refuted = [
            header for header in counting if not _counts(counting[header], states.get(header), steps.get(header))
        ]
        if not refuted:
            return Analysis(states, counting, steps, stepped)
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
    flow: Flow, names: Names, start: State, counting: dict[int, Counting], stepped: Stepped
) -> tuple[dict[int, State], dict[int, Fact]]:
    limits = facts.thresholds(flow.compared_constants(), COUNTED)
    ends = facts.thresholds((), COUNTED)
    states = {flow.entry: _guessed(start, stepped.get(flow.entry, {}))}
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
            state = _guessed(state, stepped.get(target, {}))
            if old is not None:
                state = _merged(old, state)
                if state == old:
                    continue
                visits[target] = visits.get(target, 0) + 1
                # Loops widen at the second change, so that a counter does not climb step by step, and all the way at
                # the third, so that it does not climb from constant to constant either.
                first = 2 if target in flow.loops else 9
                if visits[target] >= first:
                    further = _widened(old, state, limits if visits[target] == first else ends)
                    state = _guessed(further, stepped.get(target, {}))
            states[target] = state
            if flow.number[target] not in waiting:
                heappush(waiting, flow.number[target])
    return states, steps


def _guessed(state: State, stepped: Mapping[int, Stepping]) -> State:
    """The facts at a loop's header, with the locals that step as small as they are guessed to be there."""
    if not stepped:
        return state
    locals_ = list(state.locals)
    for local in stepped:
        fact = locals_[local]
        if fact is not None and fact.is_int:
            locals_[local] = Fact("int", min(max(fact.low, -COUNTED), COUNTED), max(min(fact.high, COUNTED), -COUNTED))
    return state._replace(locals=locals_)


def _merged(one: State, other: State) -> State:
    return State(
        [facts.join(a, b) for a, b in zip(one.locals, other.locals, strict=True)],
        [facts.join(a, b) or ANY for a, b in zip(one.stack, other.stack, strict=True)],
        one.copies
        if one.copies == other.copies
        else tuple(a if a == b else None for a, b in zip(one.copies, other.copies, strict=False)),
    )


def _widened(old: State, new: State, limits: Thresholds) -> State:
    return State(
        [facts.widen(a, b, limits) for a, b in zip(old.locals, new.locals, strict=True)],
        [facts.widen(a, b, limits) or ANY for a, b in zip(old.stack, new.stack, strict=True)],
        new.copies,
    )
