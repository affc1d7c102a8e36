"""A function's bytecode as structured Python: text, and the site of each line.

The facts at each block's start come from :mod:`bamlvm.vm.inference`, the lines of a block from
:mod:`bamlvm.vm.symbolic`, and :mod:`bamlvm.vm.structure` says where they stand.

A counting loop becomes ``for … in range(…)`` over chunks of at most ``fuel`` turns::

    while v2 < v0:
        if fuel < 1: poll()
        stop = v2 + fuel
        if stop > v0: stop = v0
        if stop > 2147483648 or v1 > 9223372036854745807: raise Bail
        fuel -= stop - v2
        for v2 in range(v2, stop):
            v1 = v1 + v2 * 2 % 7
        v2 += 1

Any other loop takes its turns from the iterator ``turns``, which the loops of a thread share; ``rest`` looks at the
outside and puts a new one in its place::

    while True:
        if v3 > 9223372036854745807: raise Bail
        for _ in turns:
            if v2 == 1:
                break
            v3 = v3 + v2 % 7
        else:
            rest()
            continue
        break

The guards of a chunk, which has at most :data:`~bamlvm.vm.outcomes.TURNS` turns, stand for the checks of its turns: a
counter, or a local that only steps, stays within 2³¹, and a sum that grows by a bounded addend cannot overflow within
the chunk. Where a guard fails, the function is translated again without such guesses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Fact, State
from bamlvm.vm.flow import COUNTED, Flow, Unsupported
from bamlvm.vm.handlers import Handlers
from bamlvm.vm.inference import Analysis, analyse
from bamlvm.vm.inlining import Instruction
from bamlvm.vm.names import Names
from bamlvm.vm.opcodes import CODES, EFFORTS, LONGEST_RUN, TABLE
from bamlvm.vm.operands import Line, Site
from bamlvm.vm.outcomes import TURNS
from bamlvm.vm.structure import Chunk, Context, diverts
from bamlvm.vm.switches import Switches
from bamlvm.vm.symbolic import BlockRun
from bamlvm.vm.values import I64_MAX, I64_MIN

MAX_NESTING: Final = 20
"""Loops and ``try`` that may be nested in CPython's compiler."""

MAX_INDENT: Final = 60
"""Statements of any kind that may be nested (its parser allows 100)."""


class Translation(NamedTuple):
    """``text`` defines ``make(calls, fuel, turns)``, which returns the function; ``sites`` are those of its lines, from
    1."""

    text: str
    sites: dict[int, Site]


def translate(
    flow: Flow,
    names: Names,
    start: State,
    *,
    guess: bool,
    counts_calls: bool,
    enters_loop: bool = False,
    asserts: bool = False,
    weighs: bool = True,
) -> Translation:
    """Translate a function whose facts at its entry are ``start``.

    ``guess`` allows counting loops. ``counts_calls`` makes each call look at the room left on Python's stack.
    ``enters_loop`` says that it is entered at a loop, with the whole frame of the interpreter as its parameters.
    ``asserts`` checks the facts of every store while the function runs, for tests.  ``weighs`` counts what is done with
    texts that may be long.
    Raises :class:`~bamlvm.vm.flow.Unsupported` for code that stays interpreted.
    """
    analysis = analyse(flow, names, start, guess=guess)
    return _Writer(
        flow,
        names,
        analysis,
        guess=guess,
        counts_calls=counts_calls,
        enters_loop=enters_loop,
        asserts=asserts,
        weighs=weighs,
    ).translation()


class _Writer(Switches):
    def __init__(
        self,
        flow: Flow,
        names: Names,
        analysis: Analysis,
        *,
        guess: bool,
        counts_calls: bool,
        enters_loop: bool,
        asserts: bool,
        weighs: bool,
    ) -> None:
        super().__init__(flow, names)
        self._weighs = weighs
        self._guess = guess
        self._analysis = analysis
        self._counts_calls = counts_calls
        self._enters_loop = enters_loop
        self._asserts = asserts
        self._unset: set[int] = set()
        self._runs: dict[int, tuple[BlockRun, int | None]] = {}  # by block; and the loop whose chunks it is in
        self._uses_fuel = False
        self._handlers = Handlers(flow)

    def translation(self) -> Translation:
        flow = self._flow
        self._node(flow.entry, [], None, 0)
        function = flow.function
        entered = flow.blocks[flow.entry]
        taken = len(function.parameters) + function.capture_count
        parameters = [f"v{k}" for k in range(taken)]
        if self._enters_loop:
            parameters = [f"v{k}" for k in range(function.local_count)] + [f"s{d}" for d in range(entered.depth)]
            self._unset = set()
        head = [Line(0, "def make(calls, fuel, turns):"), Line(1, f"def function({', '.join(parameters)}):")]
        if self._uses_fuel:
            head.append(Line(2, "nonlocal fuel"))
        if self._counts_calls:
            head += [
                Line(2, "nonlocal calls"),
                Line(2, f"calls -= {max(weight(each.site for each in self._lines), self._effort() // LONGEST_RUN)}"),
                Line(2, "if calls < 0: more()", Site(0, "entry")),
            ]
        if any(local >= function.local_count for local in self._unset):
            raise Unsupported("a body in place of a call reads what it has not set")
        head += [Line(2, f"v{k} = None") for k in sorted(self._unset)]
        body = [Line(each.indent + 2, each.text, each.site) for each in self._lines]
        lines = [*head, *body, Line(1, "return function")]
        if max(each.indent for each in lines) > MAX_INDENT or _nesting(lines) > MAX_NESTING:
            raise Unsupported("blocks nested too deep")
        sites = {number: each.site for number, each in enumerate(lines, 1) if each.site is not None}
        return Translation("".join(f"{' ' * each.indent}{each.text}\n" for each in lines), sites)

    def _effort(self) -> int:
        """How long a call takes at most, its loops' turns and other calls left aside."""
        return sum(EFFORTS[CODES[each.name]] for each in self._flow.code)

    # --- loops --------------------------------------------------------------------------------------------------------

    def _loop(self, header: int, context: Context, following: int | None, indent: int) -> None:
        body = self._flow.loops[header]
        inside = self._latest_first([each for each in self._flow.followers[header] if each in body])
        if header in self._analysis.counting:
            self._counting_loop(header, inside, context, following, indent)
            return
        place = Chunk(header, following, is_loop=True, continues=True, flow=self._flow if self._guess else None)
        lines = self._captured(
            lambda: self._before_followers(
                inside, lambda c, f, i: self._block(header, c, f, i), [*context, place], header, indent + 2
            )
        )
        begun = self._flow.blocks[header]
        below = tuple(f"s{depth}" for depth in range(begun.depth))
        first = self._flow.code[begun.start]
        site = Site(first.place, "header", below, body=first.body)
        if place.exits:
            self._emit(indent, "br = 0")
        self._emit(indent, "while True:")
        self._guard(indent + 1, self._guards(header, place), site)
        self._emit(indent + 1, "for _ in turns:")
        cost = self._cost(header)
        if cost > 1:
            self._uses_fuel = True
            self._emit(indent + 2, "if fuel < 0: poll()", site)
            self._emit(indent + 2, f"fuel -= {cost}")
        self._lines += lines
        if place.broken:
            self._emit(indent + 1, "else:")
            self._emit(indent + 2, "rest()", site)
            self._emit(indent + 2, "continue")
            self._emit(indent + 1, "break")
        else:
            self._emit(indent + 1, "rest()", site)
        self._leave(place, context, following, indent)

    def _cost(self, header: int) -> int:
        """What a turn of a loop takes of the fuel: more than one where it takes long."""
        effort = sum(
            EFFORTS[CODES[each.name]]
            for block in self._flow.loops[header]
            for each in self._flow.code[self._flow.blocks[block].start : self._flow.blocks[block].end]
        )
        return 2 * effort // LONGEST_RUN if effort > LONGEST_RUN else 1

    def _guards(self, header: int, place: Chunk) -> list[str]:
        """What must not be at the start of a chunk for the facts of its turns to hold."""
        guards = []
        known = self._analysis.states[header].locals
        for local, step in self._analysis.stepped.get(header, {}).items():
            fact = known[local]
            if fact is not None and fact.is_int:
                guards += [f"v{local} > {COUNTED - step.up * TURNS}"] * (fact.high >= COUNTED)
                guards += [f"v{local} < {step.down * TURNS - COUNTED}"] * (fact.low <= -COUNTED)
        for local, addend in place.guards.items():
            guards += [f"v{local} > {I64_MAX - addend.high * TURNS}"] * (addend.high > 0)
            guards += [f"v{local} < {I64_MIN - addend.low * TURNS}"] * (addend.low < 0)
        return guards

    def _guard(self, indent: int, guards: Sequence[str], site: Site) -> None:
        if guards:
            self._emit(indent, f"if {' or '.join(guards)}: raise Bail", site)

    def _counting_loop(
        self, header: int, inside: list[int], context: Context, following: int | None, indent: int
    ) -> None:
        flow, loop = self._flow, self._analysis.counting[header]
        self._uses_fuel = True
        block = flow.blocks[header]
        exit_, first = block.successors
        begun = flow.code[block.start]
        site = Site(begun.place, "header", body=begun.body)
        known = self._analysis.states[header].locals
        for local in (
            loop.counter,
            *(each.operands[0] for each in (loop.bound, loop.step) if each.name == "load_local"),
        ):
            if known[local] is None:
                self._unset.add(local)
        counter = f"v{loop.counter}"
        bound, bound_fact = self._load(loop.bound, known)
        step, _ = self._load(loop.step, known)
        step_fact = self._analysis.steps[header]
        place = Chunk(header, following, is_loop=True, continues=True, flow=flow)
        lines = self._captured(
            lambda: self._before_followers(
                inside, lambda c, f, i: self._edge(header, first, c, f, i), [*context, place], header, indent + 2
            )
        )
        guards = [f"stop > {COUNTED}"] * (bound_fact.high > COUNTED) + [f"{step} > {COUNTED}"] * (
            step_fact.high > COUNTED
        )
        guards += self._guards(header, place)
        by_one = step == "1"
        if place.exits:
            self._emit(indent, "br = 0")
        self._emit(indent, f"while {counter} {'<=' if loop.inclusive else '<'} {bound}:")
        cost = self._cost(header)
        count = "fuel" if cost == 1 else f"(fuel // {cost} or 1)"
        self._emit(indent + 1, "if fuel < 1: poll()", site)
        self._emit(indent + 1, f"stop = {counter} + {count}" + ("" if by_one else f" * {step}"))
        self._emit(indent + 1, f"if stop > {bound}: stop = {bound}" + (" + 1" if loop.inclusive else ""))
        self._guard(indent + 1, guards, site)
        if by_one:
            used = f"stop - {counter}" if cost == 1 else f"(stop - {counter}) * {cost}"
            self._emit(indent + 1, f"fuel -= {used}")
            self._emit(indent + 1, f"for {counter} in range({counter}, stop):")
        else:
            used = f"(stop - {counter}) // {step}" + ("" if cost == 1 else f" * {cost}")
            self._emit(indent + 1, f"fuel -= {used}")
            self._emit(indent + 1, f"for {counter} in range({counter}, stop, {step}):")
        self._lines += lines or [Line(indent + 2, "pass")]
        # ``for`` leaves the counter at its last turn; ``else`` is for a chunk that ran to its end.
        if place.broken:
            self._emit(indent + 1, "else:")
            self._emit(indent + 2, f"{counter} += {step}")
            self._emit(indent + 2, "continue")
            self._emit(indent + 1, "break")
        else:
            self._emit(indent + 1, f"{counter} += {step}")
        if exit_ != following:
            tail = self._captured(lambda: self._edge(header, exit_, context, following, indent + 1))
            if tail and not place.broken:
                self._shifted(tail, -1)
                return
            if tail:
                self._emit(indent, "else:")
                self._lines += tail
        self._leave(place, context, following, indent)

    def _load(self, instruction: Instruction, known: Sequence[Fact | None]) -> tuple[str, Fact]:
        """A bound's or step's text and what is known of it."""
        operand = instruction.operands[0]
        if instruction.name == "load_const":
            value = self._flow.function_of(instruction).constants[operand]
            return repr(value), facts.of_constant(value)
        return f"v{operand}", known[operand] or ANY

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _block(self, index: int, context: Context, following: int | None, indent: int) -> None:
        block = self._flow.blocks[index]
        run = self._run(index, context)
        lines = [Line(each.indent + indent, each.text, each.site) for each in run.lines]
        if self._asserts:
            lines = [*self._assertions(index, indent), *lines]
        end = self._captured(lambda: self._terminator(index, run, context, following, indent))
        raises = any(each.site is not None and each.site.kind != "plain" for each in lines)
        if block.protection is None or not raises:
            self._lines += lines
            if run.caught and block.protection is not None:
                self._edge(index, block.protection.handler, context, following, indent)
            self._lines += end
            return
        handler, depth = block.protection

        def handle() -> None:
            catch = "caught" if self._handlers.rethrows_panics_alone(handler) else "caught_with_trace"
            self._emit(indent + 1, f"s{depth} = {catch}(error)")
            if not run.caught:
                self._edge(index, handler, context, following, indent + 1)

        handled = self._captured(handle)
        self._emit(indent, "try:")
        self._shifted(lines, 1)
        self._emit(indent, "except CATCHABLE as error:")
        self._lines += handled
        if run.caught:
            self._edge(index, handler, context, following, indent)
        elif end and diverts(handled):
            self._lines += end
        elif end:
            self._emit(indent, "else:")
            self._shifted(end, 1)

    def _run(self, index: int, context: Context) -> BlockRun:
        """A block's lines; made once, since a block's place may be written several times."""
        found = next((each for each in reversed(context) if each.is_loop and each.continues), None)
        chunk = found if isinstance(found, Chunk) else None
        run, label = self._runs.get(index, (None, -1))
        if run is None or label != (None if chunk is None else chunk.label):
            run = BlockRun(
                self._flow,
                self._names,
                self._flow.blocks[index],
                self._analysis.states[index],
                self._analysis.counting,
                self._temporaries,
                chunk,
                asserts=self._asserts,
                weighs=self._weighs,
                catching=self._handlers,
            )
            run.run(emit_latch=False)
            self._runs[index] = run, None if chunk is None else chunk.label
            self._unset |= run.unset
        elif chunk is not None:  # which is another than last time, of the same loop
            chunk.guards |= run.accumulated
        return run

    def _assertions(self, index: int, indent: int) -> list[Line]:
        """Checks of what is known of the locals at a block's start."""
        first = self._flow.code[self._flow.blocks[index].start]
        known = enumerate(self._analysis.states[index].locals)
        return [
            Line(indent, f"verify({self._names.constant(fact)}, v{local})", Site(first.place, "plain", body=first.body))
            for local, fact in known
            if fact is not None and facts.is_checkable(fact)
        ]

    def _terminator(self, index: int, run: BlockRun, context: Context, following: int | None, indent: int) -> None:
        if run.ended:
            return
        block = self._flow.blocks[index]
        last = self._flow.code[block.end - 1]
        if last.name == "loop" and self._flow.is_back_edge(index, block.successors[0]):
            self._jump(block.successors[0], context, following, indent)
        elif last.name == "jump_table":
            self._switch(index, run.key, run.key_fact, context, following, indent)
        elif run.condition is not None:
            target, onward = block.successors
            holding, failing = (onward, target) if run.condition.negated else (target, onward)
            self._if(
                run.condition.text,
                self._captured(lambda: self._edge(index, holding, context, following, indent + 1)),
                self._captured(lambda: self._edge(index, failing, context, following, indent + 1)),
                indent,
            )
        elif TABLE[CODES[last.name]].flow in ("next", "jump"):
            self._edge(index, block.successors[0], context, following, indent)
        else:
            raise Unsupported(last.name)


def weight(sites: Iterable[Site | None]) -> int:
    """The most frames of the interpreter that an activation stands for while it calls another function."""
    calls = (each.body for each in sites if each is not None and each.kind == "call")
    return max((1 if body is None else 1 + len(list(body.around())) for body in calls), default=1)


def _nesting(lines: Sequence[Line]) -> int:
    """How many loops and ``try`` are nested."""
    deepest = 0
    around: list[int] = []
    for line in lines:
        while around and around[-1] >= line.indent:
            around.pop()
        if line.text.startswith(("while ", "for ", "try:", "except ", "else:")):
            around.append(line.indent)
            deepest = max(deepest, len(around))
    return deepest
