"""The machine: runs a linked program until the call is done, has failed, waits or pauses.

It does no I/O and knows no clock.  :meth:`Machine.run` returns

* :class:`Done` with the result,
* :class:`Failed` with the thrown value that nothing caught,
* :class:`Suspended` with a sys-op that waits: the driver awaits it, passes the result to :meth:`Machine.resume` or the
  error to :meth:`Machine.resume_error`, and runs on;
* :class:`Paused` after ``fuel`` steps, so that the driver can look at cancellation;
* :class:`Idle` if each of several threads waits.

A call begins with one thread; :mod:`bamlvm.vm.scheduler` has the others.  While a thread runs, its frames and its state
are the machine's.

A *step* is a call, a turn of a loop or a throw: no code runs forever without taking steps.  Frames are explicit: a call
nested deeper than ``max_depth`` is the panic ``StackOverflow``.  The whole call may take ``budget`` steps, then comes
the panic ``StepLimit``; caught once, it comes again and cannot be caught any more.

A Python exception of a native or a sys-op other than :class:`~bamlvm.vm.values.Thrown` ends the call and leaves ``run``
unchanged.  One of the machine itself means code that the compiler would not make: it becomes a :class:`MachineError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bamlvm.vm.compiled import ENTRY_STEPS, Compiled
from bamlvm.vm.linker import LinkedFunction, Program
from bamlvm.vm.loop import execute
from bamlvm.vm.memory import size_of
from bamlvm.vm.opcodes import DISPATCH
from bamlvm.vm.outcomes import (
    COMPILED_FRAMES,
    MAX_DEPTH,
    TRACED,
    TURNS,
    Done,
    Failed,
    Outcome,
    Paused,
    State,
    Suspended,
    Switched,
)
from bamlvm.vm.panics import no_memory, stack_overflow, step_limit
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.threads import Thread
from bamlvm.vm.unwinding import MachineError as MachineError
from bamlvm.vm.unwinding import Unwinding
from bamlvm.vm.values import MISSING, AwaitMany, Caught, Closure, Future, Pending, Thrown, Value
from bamlvm.vm.work import LONG, UNDIVIDED, Work, copies, looks_up, memory_limit, note

if TYPE_CHECKING:
    from bamlvm.vm.scheduler import Scheduler
    from bamlvm.vm.trace import Tracer

FUEL: Final = 20_000
"""Steps in one slice: some milliseconds."""

_BEGINS_SLICE: Final = 1 << 23
"""Characters whose copying waits for the next slice."""

_UNLIMITED: Final = 1 << 62

_OUTERMOST: Final = ([DISPATCH["halt"], None, None], (), (), None)
"""The frame that a call's first function returns to."""


class Machine(Unwinding, Compiled):
    """One call.

    ``scope`` is the first argument of every sys-op; the machine does not look into it.  ``budget`` is the number of
    steps that the call may take (None: any), ``max_depth`` the number of frames of a thread.  ``tracer`` is called
    before every instruction (:mod:`bamlvm.vm.trace`); without one nothing is paid for it.  ``thread_scope`` returns the
    scope of a new thread, from that of the thread that spawns it and its number.  ``scheduler`` is None until something
    is spawned.

    What a short call does not read stands in the class: it takes as long as it takes to make its machine.
    """

    memory = 0
    poll: Callable[[], bool] | None = None
    turns_left = 0
    _budget: int | None = None
    _max_depth = MAX_DEPTH
    _slice_left = 0
    _limit_hit = False
    _is_rested = False
    _memory_limit = 0
    _making: Value = None  # what the work is making

    def __init__(
        self,
        program: Program,
        scope: Any,
        budget: int | None = None,
        max_depth: int = MAX_DEPTH,
        tracer: Tracer | None = None,
        thread_scope: Callable[[Any, int], Any] = lambda scope, number: scope,
    ) -> None:
        self.program = program
        self.thread_scope = thread_scope
        self.scope = scope
        self._traced: Callable[[Any, int], Any] | None = None  # the loop that shows each step
        self.frames: list[tuple[Any, Any, Any, Any]] = []
        self.state: Any = None  # a State while there is a call
        self.scheduler: Scheduler | None = None
        self.turns = TURNS
        self._steps_left = _UNLIMITED
        self._granted = 0
        self._unsampled = 0
        self._waiting = False
        self._thrown: Thrown | Caught | None = None
        self._uncaught: Caught | None = None
        self._interrupted: BaseException | None = None
        self._measuring: Work[int] | None = None
        self._work: Work[Value] | None = None  # of the instruction before the state's step
        if budget is not None:
            self._budget = self._steps_left = budget
        if max_depth != MAX_DEPTH:
            self._max_depth = max_depth
            self._native_depth = max_depth - COMPILED_FRAMES
        if program.translation == "stress":
            self.turns = self._sampling = 1
        # The interpreter alone counts steps exactly, shows them to a tracer, and runs the last frames below the limit.
        if budget is not None or tracer is not None or program.translation == "off":
            self._native_depth = -1
        if tracer is not None:
            from bamlvm.vm.trace import Watch, traced_loop  # only who watches pays for the second loop

            self.watch = Watch(tracer)
            self._traced = traced_loop()

    def start(self, function_name: str, arguments: Sequence[Value]) -> None:
        """Make the machine ready to call a function; arguments left out at the end take their defaults.

        Raises :class:`~bamlvm.vm.linker.LinkError` if there is no such function, :class:`ValueError` for too many
        arguments, :class:`RuntimeError` if a call is under way.
        """
        if self.state is not None:
            raise RuntimeError("the machine is running a call already")
        function = self.program.function(function_name)
        omitted = function.arity - len(arguments)
        if omitted < 0:
            raise ValueError(f"{function_name} takes {function.arity} arguments, not {len(arguments)}")
        slots = (
            [*arguments, *function.padding] if not omitted else [*arguments, *[MISSING] * omitted, *function.padding]
        )
        self.frames.append(_OUTERMOST)
        self.state = (function.entry, slots, [], function, None)

    def run(self, fuel: int = FUEL, poll: Callable[[], bool] | None = None) -> Outcome:
        """Run for at most ``fuel`` steps.

        ``poll`` raises what ends the call, or returns whether to pause.  The interpreter calls it every few hundred
        steps, compiled code, which counts none, every few thousand turns, and lengthy work after every piece; without
        it the latter two pause there.

        Raises :class:`MachineError`, :class:`~bamlvm.vm.linker.LinkError` if a function called for the first time
        refers to something that does not exist, and any exception of a native or sys-op other than ``Thrown``; the call
        is then over.  Raises :class:`RuntimeError` if there is no call to run, or it waits.
        """
        if self.scheduler is None and (self.state is None or self._waiting):
            raise RuntimeError("the machine waits for a sys-op" if self._waiting else "the machine has no call to run")
        self._slice_left = fuel if fuel > 0 else 1
        self._granted = 0
        self.turns_left = self.turns
        self.poll = poll
        outcome: Outcome | Switched | None = None
        try:
            if self.scheduler is None:
                outcome = self.go_on()
                if self.scheduler is None:
                    return outcome  # type: ignore[return-value]  # nothing has switched
            return self.scheduler.run(outcome)
        except BaseException:
            self._end()
            raise
        finally:
            self.poll = None

    def go_on(self) -> Outcome | Switched:
        """Run the thread whose state the machine has, until it has an outcome."""
        while True:
            if self._measuring is not None and not self._is_measured(self._measuring):
                return Paused()
            outcome: Outcome | Switched | None = None
            if self._work is not None and self._thrown is None:
                outcome = self._go_on_working(self._work)
                if outcome is not None:
                    return outcome
            if self._thrown is not None and not self._deliver(self._thrown):
                return self.failed(0)
            outcome = execute(self, 0) if self._traced is None else self._traced(self, 0)
            if self._interrupted is not None:
                raise self._interrupted
            if outcome is not None:
                return outcome

    @property
    def is_busy(self) -> bool:
        """Whether the running thread is in the middle of lengthy work, or its values of being measured: no other may
        run meanwhile."""
        return self._work is not None or self._measuring is not None

    def resume(self, value: Value, thread: Thread | None = None) -> None:
        """Set the result of the sys-op for which a thread waits.  Raises :class:`RuntimeError` if it does not wait."""
        if thread is not None and self.scheduler is not None:
            note(value)
            self.scheduler.resumed(thread, value)
            return
        note(value)
        step, slots, stack, function, _ = self._awaited()
        self.state = (step, slots, stack, function, value)

    def resume_error(self, error: Thrown | Caught, thread: Thread | None = None) -> None:
        """Throw into a thread at the sys-op for which it waits.  Raises :class:`RuntimeError` if it does not wait."""
        note(error)
        if thread is not None and self.scheduler is not None:
            self.scheduler.resumed_with_error(thread, error)
            return
        self._awaited()
        self._thrown = error

    # --- threads ------------------------------------------------------------------------------------------------------

    def spawn(self, closure: Closure) -> Future:
        """Make a thread of the call that runs a function without parameters; called by a sys-op."""
        return self._with_threads().spawn(closure)

    def _with_threads(self) -> Scheduler:
        if self.scheduler is None:
            from bamlvm.vm.scheduler import Scheduler  # only a call with threads pays for it

            self.scheduler = Scheduler(self)
        return self.scheduler

    def cancel(self, future: Future) -> bool:
        """Cancel a thread and all that it has spawned; return whether it was still running; called by a sys-op."""
        return self.scheduler is not None and self.scheduler.cancel(future)

    def switch_away(self) -> State:
        """Return the state of the running thread, which the machine does not keep."""
        state: State = self.state
        self.state = None
        self._waiting = False
        return state

    def switch_to(
        self, frames: list[Any], state: State, scope: Any, error: Caught | Thrown | None, rethrown: bool
    ) -> None:
        """Let a thread run, which begins by throwing ``error`` if there is one.

        The trace of what is ``rethrown`` goes on with the place that has waited for it.
        """
        self.frames = frames
        self.state = state
        self.scope = scope
        if rethrown and isinstance(error, Caught):
            step, _, _, function, _ = state
            error = Caught(error.value, (*error.trace, *self.caught(None, step, function).trace))
        self._thrown = error

    def _deliver(self, error: Thrown | Caught) -> bool:
        """Unwind to the handler of an error that came from outside; return False if nothing catches it."""
        assert self.state is not None
        step, slots, stack, function, top = self.state
        self._thrown = None
        # A Thrown gets the trace of the place that waited; a Caught keeps the one that it has.
        if isinstance(error, Thrown):
            error = self.arrived(error, step, function)
        elif not error.trace:
            error = self.caught(error.value, step, function)
        self.state = self.unwind(error, step, slots, stack, function, top)
        return self.state is not None

    def _awaited(self) -> State:
        if not self._waiting or self.state is None:
            raise RuntimeError("the machine does not wait for a sys-op")
        self._waiting = False
        state: State = self.state
        return state

    def measure(self, limit: int) -> None:
        """Have the memory that the call's values hold measured at the next run: the panic ``MemoryLimit`` comes if it
        is more than ``limit`` bytes; ``memory`` is the figure afterwards.  As that of steps, it can be caught once."""
        if self.state is not None and self._measuring is None and self._making is not UNDIVIDED:
            self._memory_limit = limit
            roots = [self._making, *_values(self.frames, self.state)]
            if self.scheduler is not None:
                for thread in self.scheduler.threads:
                    roots += _values(thread.frames, thread.state)
            self._measuring = size_of(roots, limit)

    @property
    def is_measuring(self) -> bool:
        """Whether a measurement is under way."""
        return self._measuring is not None

    def _is_measured(self, measuring: Work[int]) -> bool:
        """Go on measuring; return whether that is done."""
        poll = self.poll
        try:
            while True:
                next(measuring)
                if poll is None or poll():
                    return False
        except StopIteration as end:
            self.memory = end.value
        self._measuring = None
        if self.memory > self._memory_limit and self.state is not None and not self._waiting:
            self._limit_hits += 1
            self._end_work()
            limit = self._memory_limit
            self._thrown = memory_limit(f"the call's values take more than {limit} bytes", limit)
        return True

    def _end_work(self) -> None:
        self._making = None
        if self._work is not None:
            self._work.close()
            self._work = None

    def _go_on_working(self, work: Work[Value]) -> Outcome | Switched | None:
        """Go on with lengthy work; return None if it is done, and its result or its error in its place.

        The work of a sys-op may end in a wait.
        """
        state: State = self.state
        done: Value = None
        step, slots, stack, function, _ = state
        poll = self.poll
        try:
            while True:
                # The work grows its text in place where nothing else refers to that.
                self._making = None
                self._making = next(work)
                if poll is None or poll():
                    return Paused()
        except StopIteration as end:
            done = end.value
        except (Thrown, MemoryError) as thrown:
            self._thrown = no_memory() if isinstance(thrown, MemoryError) else thrown
        self._work = self._making = None
        if type(done) is str:
            note(done)
        if type(done) is Pending:
            return self._wait_for(None, [], done.awaitable)
        self.state = (step, slots, stack, function, done)
        return None

    # --- what the loop calls ------------------------------------------------------------------------------------------

    def refuel(
        self, depth: int, calling: bool, function: LinkedFunction | None = None, header: list[Any] | None = None
    ) -> int:
        """Return more steps for the loop, whose grant is used up; 0 if the slice is used up, too.

        ``depth`` is the number of frames below the running one, and ``calling`` whether another is about to come on
        top.  A grant never reaches beyond the depth limit (each frame costs a step), so checking it here is enough.
        ``function`` is about to be called, or about to turn at the loop ``header``: a sample for the second tier, if
        enough steps have been taken since the last.
        """
        self._settle(0)
        if function is not None:
            self._sample(function, header)
        if calling and depth >= self._max_depth:
            raise stack_overflow(self._max_depth)
        if self._steps_left <= 0:
            self._limit_hits += 1
            self._limit_hit = True
            raise step_limit(self._budget or 0)
        if self.poll is not None and self._slice_left > 0 and self._must_pause(self.poll):
            self._slice_left = 0
        if self._slice_left <= 0:
            if not calling:  # a call is made again later, and counted then
                self._steps_left -= 1
            return 0
        self._granted = min(self._slice_left, self._steps_left, max(1, self._max_depth - depth), self._sampling)
        return self._granted

    def _must_pause(self, poll: Callable[[], bool]) -> bool:
        """Whether the driver wants a pause; what it raises comes out of :meth:`run`, not out of the loop."""
        try:
            return poll()
        except BaseException as error:
            self._interrupted = error
            return True

    def after_compiled(self, fuel: int) -> int:
        """Return the loop's fuel after compiled code, which may have left more frames than the grant was made for."""
        self._settle(fuel)
        self._unsampled += ENTRY_STEPS
        return 0

    def throw(self, error: Caught) -> Any:
        """Throw out of compiled code into its caller; return the interpreter's next state, or an outcome."""
        step, slots, stack, function = self.frames.pop()
        if function is None:
            self._uncaught = error
            return self.failed(0)
        state = self.unwind(error, step, slots, stack, function, None)
        return self.failed(0) if state is None else state

    def charge(self, fuel: int) -> int:
        """Return the loop's fuel after a throw, which is a step; reaching the limit is not, so it can be caught."""
        if not self._limit_hit:
            return fuel - 1 - (len(self.frames) >> TRACED)
        self._limit_hit = False
        return 0

    def pause(self, step: Any, slots: Any, stack: Any, function: Any, top: Any) -> Paused:
        """Keep the state and return the outcome of a slice used up."""
        self.state = (step, slots, stack, function, top)
        return Paused()

    def tires(self, a: str, b: str) -> bool:
        """Count the copying of two long texts; return whether the driver wants a pause before."""
        length = len(a) + len(b)
        if not copies(length) or self._is_rested:
            self._is_rested = False
            return False
        # The longest take nearly all of the time that other tasks may have to wait: they begin a slice.
        self._is_rested = self.poll is not None and (length > _BEGINS_SLICE or self._must_pause(self.poll))
        return self._is_rested

    def weighs(self, key: Any) -> bool:
        """Count the look-up of a long text; return whether the driver wants a pause before."""
        return type(key) is str and len(key) > LONG and looks_up(key) and self.wants_pause()

    def wants_pause(self) -> bool:
        """Whether the driver wants a pause."""
        return self.poll is not None and self._must_pause(self.poll)

    def pause_before(self, step: Any, slots: Any, stack: Any, function: Any, top: Any, fuel: int) -> Paused:
        """Keep the state before the instruction before ``step``, which is to be executed again."""
        self._settle(fuel)
        return self.pause(function.before(step), slots, stack, function, top)

    def work_on(self, work: Work[Value], step: Any, slots: Any, stack: Any, function: Any, fuel: int) -> None:
        """Keep lengthy work, whose result will be the stack's top, and the state after it."""
        self._settle(fuel)
        self.state = (step, slots, stack, function, None)
        self._work = work

    def suspend(
        self,
        sysop: SysOp,
        arguments: list[Value],
        awaitable: Awaitable[Value],
        step: Any,
        slots: Any,
        stack: Any,
        function: Any,
        fuel: int,
    ) -> Suspended | Switched:
        """Keep the state and return the outcome of a sys-op that waits; its result will be the stack's top."""
        self._settle(fuel)
        self.state = (step, slots, stack, function, None)
        return self._wait_for(sysop, arguments, awaitable)

    def _wait_for(
        self, sysop: SysOp | None, arguments: list[Value], awaitable: Awaitable[Value] | Future | AwaitMany
    ) -> Suspended | Switched:
        if isinstance(awaitable, Future | AwaitMany):
            return self._with_threads().wait(awaitable)
        self._waiting = True
        return Suspended(sysop, arguments, awaitable)

    def done(self, value: Value, fuel: int) -> Done:
        """Return the outcome of a call that returned."""
        if self._granted:
            self._settle(fuel)
        self._end()
        return Done(value)

    def failed(self, fuel: int) -> Failed:
        """Return the outcome of a call that threw, after :meth:`unwind` found no handler."""
        assert self._uncaught is not None
        error = self._uncaught
        self._settle(fuel)
        self._end()
        return Failed(error)

    def _settle(self, fuel: int) -> None:
        used = self._granted - max(fuel, 0)
        self._granted = 0
        self._unsampled += used
        self._slice_left -= used
        self._steps_left -= used

    def _end(self) -> None:
        self.state = None
        self.frames.clear()
        self._waiting = False
        if self._thrown or self._uncaught or self._interrupted or self._measuring:
            self._thrown = self._uncaught = self._interrupted = self._measuring = None
        if self._work is not None:
            self._end_work()


def _values(frames: Iterable[Any], state: State | None) -> list[Value]:
    """Return what a thread holds: its locals and operands."""
    return [*(state or ()), *(each for _, slots, stack, _ in frames for each in (slots, stack))]
