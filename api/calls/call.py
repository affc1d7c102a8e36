"""One call from start to end, as far as it needs no event loop.

A :class:`Call` owns the machine and the scope.  Its machine runs in slices (:meth:`Call.advance`), between which the
call may be interrupted (:mod:`bamlvm.calls.interruption`).  :func:`bamlvm.calls.blocking.run_blocking` runs a call in
the calling thread up to its first wait; :func:`bamlvm.calls.drive.drive` runs one on an event loop.  Only a call that
must wait loads asyncio.

However a call ends, :meth:`Call.conclude` is called once, after everything that it left open is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec

from bamlvm.calls.border import Border
from bamlvm.calls.engine import Engine
from bamlvm.calls.errors import converted_error, error_record, recorded_error
from bamlvm.calls.hooks import CallInCallerThread, Sink, hooks_of
from bamlvm.calls.interruption import Interruption
from bamlvm.collector import CallRecord, Observer, UnawaitedError
from bamlvm.context import NO_CONTEXT, CallContext
from bamlvm.errors import Cancelled, ThrownError
from bamlvm.sysops import attempts
from bamlvm.sysops.records import ErrorRecord
from bamlvm.sysops.scope import NO_HOOKS, NO_THREADS, Scope
from bamlvm.sysops.system import held_bytes, monotonic, unix_time
from bamlvm.vm.builtins import SCALARS, name_and_message
from bamlvm.vm.handles import Entry
from bamlvm.vm.machine import Machine
from bamlvm.vm.outcomes import MAX_DEPTH, Done, Failed, Idle, Suspended
from bamlvm.vm.program.types import Type
from bamlvm.vm.threads import Thread
from bamlvm.vm.values import Caught, Value
from bamlvm.vm.work import ResultT, Work

if TYPE_CHECKING:
    from bamlvm.vm.program.llm import ClientInfo
    from bamlvm.vm.scheduler import Scheduler

_CANCELLED: Final = ErrorRecord("baml.panics.Cancelled", "the thread was cancelled")

_SCOPE_OF_THREAD: Final = Scope.of_thread

_NONE_RECORDED: Final[Mapping[int, ErrorRecord]] = {}

_HASTILY_RECORDED: Final = 1000
"""Errors that are recorded at the end of a call that is interrupted."""

_LOGGED: Final = 100
"""Errors of one call that are logged one by one."""

SLICE_SECONDS: Final = 0.003
"""Time that compiled code takes before it lets other tasks of its event loop run."""


MEMORY_SECONDS: Final = 0.02
"""Time between two looks at how much the process has grown."""


class Binding(msgspec.Struct, frozen=True):
    """A function that binds an LLM function's arguments: it returns all of them by name, with the defaults."""

    function: str
    arguments: Sequence[Value]


class PreparedCall(msgspec.Struct, frozen=True):
    """A call that has not begun: ``entry`` is what the machine runs for ``function``, with ``arguments``.

    ``border`` has converted them, and converts what comes out: of the type ``attributed``, if an attribute is written
    in the result's.  With a ``binding`` that runs first, and its result becomes the second argument of ``entry``.
    """

    function: str
    entry: str
    arguments: Sequence[Value]
    border: Border
    attributed: Type | None = None
    binding: Binding | None = None


class Call:
    """One call of a runtime.

    ``function`` is the one that the host called.  ``thread`` is the thread that the call runs in or is called back in,
    None on the background loop; ``call_in_caller_thread`` is set where callbacks belong to another thread.
    """

    # What a short call does not read stands in the class.
    call_in_caller_thread: CallInCallerThread | None = None
    to_close: Sequence[Thread] = ()
    _started = 0.0  # where something observes the call
    _slice_ends = 0.0
    _memory_due = 0.0
    _memory_held = (0, 0)
    _memory_margin: int | None = None
    _thrown: ErrorRecord | None = None  # of the value that the call has thrown
    _unawaited: Mapping[int, ErrorRecord] = _NONE_RECORDED  # of threads, as far as they are made before the end

    def __init__(self, engine: Engine, prepared: PreparedCall, context: CallContext, sink: Sink | None = None) -> None:
        self.engine = engine
        self.function = function = prepared.function
        border = prepared.border
        self.results = border.results
        self.attributed = prepared.attributed
        self.context = context
        self.concluded = False
        self._observers: Sequence[Callable[[CallRecord], None]] = ()
        self.thread: int | None = get_ident()
        if context is NO_CONTEXT and sink is None:  # as most short calls
            interruption = Interruption(None, None, None)
            env, hooks, caching = engine.env, NO_HOOKS, engine.caching
            clients: Mapping[str, ClientInfo] = engine.program.clients
        else:
            timeout = context.timeout
            interruption = Interruption(context.cancel, timeout, None if timeout is None else monotonic() + timeout)
            env, hooks, caching = engine.environment(context.env), hooks_of(self, sink), engine.caching_of(context)
            clients = engine.clients_of(context)
        self.interruption = interruption
        self.scope = scope = Scope(
            engine.services,
            engine.new_owner(),
            env,
            hooks,
            context.tags,
            clients=clients,
            client=context.client,
            check=interruption.poll,
            added=border.added,
            caching=caching,
        )
        if engine.collectors or context.collectors:
            self._started = monotonic()
            observers: tuple[Observer, ...] = (*engine.collectors, *context.collectors)
            scope.keep_raw_events = any(observer.keep_raw_events for observer in observers)
            self._observers = [observer.begin(function, context.tags) for observer in observers]
        tracer = None if engine.new_tracer is None else engine.new_tracer(scope)
        self.machine = machine = Machine(engine.program, scope, engine.step_limit, MAX_DEPTH, tracer, _SCOPE_OF_THREAD)
        scope.threads = machine
        binding = prepared.binding
        if binding is None:
            self._waiting: PreparedCall | None = None  # for its binding
            machine.start(prepared.entry, prepared.arguments)
        else:
            self._waiting = prepared
            machine.start(binding.function, binding.arguments)
        engine.active.add(self)

    def advance(self) -> Done | Failed | Suspended | Idle | None:
        """Run one slice: return the end, a wait, or None where the slice was used up.  Raises what interrupts the call.

        The end is to be converted for the host: :meth:`result`, :meth:`thrown`.
        """
        interruption = self.interruption
        if interruption.reason is not None or interruption.token is not None or interruption.deadline is not None:
            interruption.poll()
        machine = self.machine
        # A short call reads no clock: its first slice begins at the first look.
        self._slice_ends = monotonic() + SLICE_SECONDS if self._slice_ends else 0.0
        outcome = machine.run(poll=self._look)
        scheduler = machine.scheduler
        if scheduler is not None and not scheduler.alone:
            self._close_cancelled(scheduler)
        if type(outcome) is Done:
            prepared = self._waiting
            if prepared is None:
                return outcome
            # What has ended is the binding of the arguments: now the entry point begins.
            self._waiting = None
            name, *rest = prepared.arguments
            self.machine.start(prepared.entry, [name, outcome.value, *rest])
            return None
        if type(outcome) is Suspended or type(outcome) is Failed or (type(outcome) is Idle and self.to_close):
            return outcome
        if type(outcome) is Idle and scheduler is not None and not scheduler.can_run:
            return outcome
        return None

    def _close_cancelled(self, scheduler: Scheduler) -> None:
        """Close the threads that the program has cancelled; those that must wait for it are for the driver."""
        for thread in scheduler.take_closing():
            if thread.in_sysop or self.engine.services.handles.owns(self.scope.owner, thread.number):
                self.to_close = [*self.to_close, thread]
            else:
                self.abandon(thread)
                scheduler.closed(thread)

    def take_to_close(self) -> Sequence[Thread]:
        """Return the cancelled threads that the driver is to close."""
        taken, self.to_close = self.to_close, ()
        return taken

    def take_open_of(self, thread: Thread) -> list[Entry]:
        """Take what a cancelled thread has opened out of the handle table, for the caller to close."""
        self.abandon(thread)
        return self.engine.services.handles.take_all(self.scope.owner, thread.number)

    def abandon(self, thread: Thread) -> None:
        """Close the record of the attempt that a cancelled thread leaves open."""
        if thread.scope is not None:
            attempts.abandon(thread.scope, _CANCELLED)

    def _look(self) -> bool:
        """Raise what interrupts the call; return whether other tasks of the loop have waited for long."""
        self.interruption.poll()
        now = monotonic()
        if not self._slice_ends:  # the first look of this slice: it begins a moment after the slice
            self._slice_ends = now + SLICE_SECONDS
        if now >= self._memory_due and not self.machine.is_measuring:
            self._look_at_memory(now)
        return now >= self._slice_ends or self.machine.is_measuring

    def _look_at_memory(self, now: float) -> None:
        """Have the machine measure its values if the process has grown by as much as the call may hold.

        The process grows for other reasons, too, so its size decides nothing; and what it grows by may lie in memory
        that it had before, so that its small objects are counted as well.  After a measurement it must grow by half of
        what the call has left, or an eighth of the limit, before the next.
        """
        first = not self._memory_due
        if self._memory_margin is None:
            self._memory_margin = self.context.memory
        self._memory_due = now + MEMORY_SECONDS
        held = held_bytes(now)
        if first:
            self._memory_held = held
            return
        resident, small = self._memory_held
        if max(held[0] - resident, held[1] - small) > self._memory_margin:
            limit = self.context.memory
            self._memory_due = 0.0  # what measuring leaves behind is not to count
            self._memory_margin = limit // 8
            self.machine.measure(limit)

    def interrupt(self, reason: BaseException) -> None:
        """End the call early with an exception, from any thread; the first reason counts."""
        self.interruption.interrupt(reason)

    def is_own_result(self, value: Value) -> bool:
        """Whether a value that the function has returned is its own Python form."""
        return self.attributed is None and type(value) in SCALARS

    def result(self, value: Value) -> Work[Any]:
        """Return the Python form of the value that the function has returned, pausing where other tasks of an event
        loop are to run.  Raises what interrupts the call, and :class:`bamlvm.HostError`."""
        return (yield from self._in_slices(self.results.converting(value, self.attributed)))

    def thrown(self, caught: Caught) -> Work[ThrownError]:
        """Return the exception for what the function has thrown, pausing as :meth:`result` does; raises the same."""
        error = yield from self._in_slices(converted_error(self.results, caught, self.scope.attempts))
        if self._observers or self.scope.trace.calls is not None:
            self._thrown = yield from self._in_slices(recorded_error(error))
        return error

    def _in_slices(self, work: Work[ResultT]) -> Work[ResultT]:
        self._slice_ends = 0.0
        while True:
            try:
                next(work)
            except StopIteration as end:
                return cast(ResultT, end.value)
            if self._look():
                yield None
                self._slice_ends = 0.0

    def take_open(self) -> list[Entry]:
        """Take what the call left open out of the handle table, for the caller to close."""
        return self.engine.services.handles.take_all(self.scope.owner)

    def conclude(self, error: BaseException | None) -> None:
        """Report the end to the collectors, once; ``error`` is what the host gets instead of a value."""
        if self.concluded:
            return
        self.concluded = True
        self.engine.active.discard(self)
        # Nothing is left for the collector of cycles: what the call is made of refers to each other until here.
        scope = self.scope
        scope.threads = NO_THREADS
        scope.hooks = NO_HOOKS
        self.call_in_caller_thread = None
        self.interruption.end()
        unawaited: tuple[UnawaitedError, ...] = ()
        if (scheduler := self.machine.scheduler) is not None:
            for thread in scheduler.unfinished:
                self.abandon(thread)
            unawaited = self._report_unawaited(scheduler)
            scheduler.end()
            self.machine.scheduler, self.machine.scope = None, scope
        if not self._observers and scope.services.trace.calls is None:
            return
        ended_by = None if error is None else self._thrown or error_record(error)
        if ended_by is not None:
            attempts.abandon(self.scope, ended_by)
        if not self._observers:
            return
        duration = monotonic() - self._started
        record = CallRecord(
            function=self.function,
            tags=dict(self.context.tags),
            started=unix_time() - duration,
            duration=duration,
            outcome=_outcome(error),
            error=ended_by,
            attempts=tuple(map(copy, self.scope.attempts)),
            unawaited_errors=unawaited,
        )
        for ended in self._observers:
            ended(record)

    def unawaited(self) -> Work[None]:
        """Convert the errors of threads that nothing has awaited, pausing as :meth:`result` does, so that the end of
        the call need not do it at one go.  Raises what interrupts the call."""
        scheduler = self.machine.scheduler
        if scheduler is not None:
            self._unawaited = made = dict[int, ErrorRecord]()
            yield from self._in_slices(self._record_unawaited(scheduler, made))

    def _record_unawaited(self, scheduler: Scheduler, made: dict[int, ErrorRecord]) -> Work[None]:
        for future in scheduler.unawaited():
            if future.error is not None:
                error = yield from converted_error(self.results, future.error)
                made[future.number] = yield from recorded_error(error)
                yield None

    def _report_unawaited(self, scheduler: Scheduler) -> tuple[UnawaitedError, ...]:
        """Log the errors of threads that nothing awaited, and return them.

        An interrupted call ends at once: of errors that have not been recorded by then, the first are, without their
        values.
        """
        found = []
        left = _HASTILY_RECORDED
        for future in scheduler.unawaited():
            if future.error is not None:
                record = self._unawaited.get(future.number)
                if record is None:
                    if left == 0:
                        break
                    left -= 1
                    record = ErrorRecord(*name_and_message(future.error.value))
                found.append(UnawaitedError(future.number, record))
        if found:
            import logging  # only where there is something to log

            logger = logging.getLogger("bamlvm.calls")
            for each in found[:_LOGGED]:
                logger.warning("%s: nothing awaited thread %d, which threw %s", self.function, each.thread, each.error)
            if len(found) > _LOGGED:
                logger.warning("%s: nothing awaited %d more that threw", self.function, len(found) - _LOGGED)
        return tuple(found)


def _outcome(error: BaseException | None) -> Literal["returned", "thrown", "cancelled", "failed"]:
    if error is None:
        return "returned"
    if isinstance(error, ThrownError):
        return "thrown"
    # asyncio's CancelledError by its name: its module may not be loaded
    if isinstance(error, (Cancelled, KeyboardInterrupt)) or type(error).__name__ == "CancelledError":
        return "cancelled"
    return "failed"
