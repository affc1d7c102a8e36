"""The green threads of one machine: which of them runs, what the others wait for, and how they end.

A machine without threads has no scheduler; it is made by the first ``spawn``.  One thread runs at a time.  It gives way
where it waits, for a sys-op or for another thread, and when it has used up :data:`QUANTUM` slices while others were
ready.  So code between two waits is not interrupted, unless it computes for long.

* A new thread is ready; the one that spawns it goes on.
* A sys-op that waits is handed to the driver (:class:`~bamlvm.vm.outcomes.Suspended`), and the next thread runs: any
  number of sys-ops may be under way.  If no thread is ready, :class:`~bamlvm.vm.outcomes.Idle` says so.
* An error that a thread does not catch settles its future.  It is thrown wherever that is awaited, with the trace of
  the thread and of that place; :meth:`Scheduler.unawaited` returns those that never were.
* A thread that is cancelled, with all that it has spawned, never runs again.  Its sys-op is ended and what it opened is
  closed by the driver (:meth:`Scheduler.take_closing`), which then says so (:meth:`Scheduler.closed`); only then is its
  future settled, with the panic ``Cancelled``.
* If every thread waits for another one, nothing will ever happen: the main thread gets the panic ``Deadlock``.

The call ends with its main thread.  The driver then ends the others; the scheduler has nothing to do with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from bamlvm.vm.opcodes import DISPATCH
from bamlvm.vm.outcomes import Done, Failed, Idle, Outcome, Paused, State, Suspended, Switched
from bamlvm.vm.panics import cancelled, deadlock
from bamlvm.vm.threads import MAIN, Thread
from bamlvm.vm.values import AwaitMany, Caught, Closure, Future, Thrown, Value

QUANTUM: Final = 10
"""Slices after which a thread that does nothing but compute gives way to others."""

_SWITCHED: Final = Switched()
_IDLE: Final = Idle()


class Scheduler:
    """The threads of one machine; ``quantum`` may be set by tests."""

    def __init__(self, machine: Any) -> None:
        self._machine = machine
        self.main = Thread(MAIN, None, machine.frames, None, machine.scope)
        self._current: Thread | None = self.main
        self._ready: deque[Thread] = deque()
        self._unfinished: dict[Thread, None] = {}
        self._suspended = 0
        self._to_close: list[Thread] = []
        self._closing = 0
        self._failures: list[Future] = []
        self._spawned = 0
        self._slices = 0
        self.quantum = QUANTUM

    # --- what sys-ops of the running thread do ------------------------------------------------------------------------

    def spawn(self, closure: Closure) -> Future:
        """Make a thread that calls a function without parameters."""
        machine, function = self._machine, closure.function
        self._spawned += 1
        frames: list[Any] = [([DISPATCH["halt"], None, None], [], [], None)]
        state: State = (function.entry, [*closure.cells, *function.padding], [], function, None)
        parent = self._current
        assert parent is not None
        thread = Thread(self._spawned, parent, frames, state, machine.thread_scope(machine.scope, self._spawned))
        parent.children[thread] = None
        self._unfinished[thread] = None
        self._ready.append(thread)
        assert thread.future is not None
        return thread.future

    def cancel(self, future: Future) -> bool:
        """Cancel a thread and all that it has spawned; return whether it was still running.

        The running thread may be among them: it goes on until it waits.
        """
        thread = future.thread
        if thread is None or thread.status == "closing":
            return False
        waiting = [thread]
        while waiting:
            each = waiting.pop()
            waiting.extend(each.children)
            self._stop(each)
        return True

    def _stop(self, thread: Thread) -> None:
        if thread.status in ("closing", "ended"):
            return
        if thread.status == "waiting":
            self._forget(thread)
        elif thread.status == "suspended":
            self._suspended -= 1
        # What is ready stays in the queue, and is passed over there: its status says that it is not ready any more.
        thread.status = "closing"
        self._closing += 1
        self._to_close.append(thread)

    # --- what the driver does -----------------------------------------------------------------------------------------

    @property
    def alone(self) -> bool:
        """Whether no thread but the main one is left."""
        return not self._unfinished

    @property
    def can_run(self) -> bool:
        """Whether a thread is ready."""
        return any(thread.status == "ready" for thread in self._ready)

    @property
    def threads(self) -> Sequence[Thread]:
        """All threads that have not ended."""
        return (self.main, *self._unfinished)

    @property
    def unfinished(self) -> Sequence[Thread]:
        """The threads that have not ended, the main one aside."""
        return tuple(self._unfinished)

    def unawaited(self) -> list[Future]:
        """Return the futures of the threads that threw something, where nothing awaited it."""
        return [future for future in self._failures if not future.awaited]

    def take_closing(self) -> list[Thread]:
        """Return the threads that have been cancelled since this was asked last; each is to be :meth:`closed`."""
        taken, self._to_close = self._to_close, []
        return taken

    def closed(self, thread: Thread) -> None:
        """End a cancelled thread, whose sys-op has ended and whose resources are closed."""
        if thread in self._unfinished:  # else the call has ended first
            self._closing -= 1
            self._settle(thread, None, Caught(self._machine.instance_of(cancelled())))

    def end(self) -> None:
        """End the threads that are left when the call has ended; a future that outlives it is a cancelled one's."""
        error = Caught(self._machine.instance_of(cancelled()))
        for thread in self._unfinished:
            assert thread.future is not None
            thread.future.thread, thread.future.error = None, error
            thread.frames, thread.state, thread.status = [], None, "ended"
            thread.scope = thread.parent = None
            thread.children.clear()
        self._unfinished.clear()
        self.main.children.clear()

    def resumed(self, thread: Thread, value: Value) -> None:
        """Let a thread go on with the result of its sys-op; nothing happens if it has been cancelled."""
        thread.in_sysop = False
        if thread.status == "suspended":
            step, slots, stack, function, _ = thread.state
            thread.state = (step, slots, stack, function, value)
            self._wake(thread)

    def resumed_with_error(self, thread: Thread, error: Thrown | Caught) -> None:
        """Let a thread go on with the error of its sys-op; nothing happens if it has been cancelled."""
        thread.in_sysop = False
        if thread.status == "suspended":
            thread.thrown = error
            self._wake(thread)

    def _wake(self, thread: Thread) -> None:
        self._suspended -= 1
        thread.status = "ready"
        self._ready.append(thread)

    # --- what the machine does ----------------------------------------------------------------------------------------

    def run(self, outcome: Outcome | Switched | None) -> Outcome:
        """Run threads until there is something for the driver to do; ``outcome`` is that of the running thread."""
        while True:
            if outcome is None:
                if not self._select():
                    if self._suspended or self._closing:
                        return _IDLE
                    self._break_deadlock()
                    continue
                outcome = self._machine.go_on()
            thread = self._current
            assert thread is not None
            kind = type(outcome)
            if kind is Done or kind is Failed:
                if thread is self.main:
                    return outcome  # type: ignore[return-value]  # not Switched
                self._current = None
                if thread.status == "ready":
                    error = outcome.error if kind is Failed else None  # type: ignore[union-attr]  # Failed has one
                    self._settle(thread, None if error else outcome.value, error)  # type: ignore[union-attr]  # a value or an error
            elif kind is Suspended:
                self._leave(thread)
                thread.in_sysop = True
                if thread.status == "ready":  # it may have cancelled itself
                    thread.status = "suspended"
                    self._suspended += 1
                return Suspended(outcome.sysop, outcome.arguments, outcome.awaitable, thread)  # type: ignore[union-attr]  # Suspended, the last kind
            elif kind is Paused:
                self._slices += 1
                if thread.status != "ready" and not self._machine.is_busy:
                    self._leave(thread)
                elif self._ready and self._slices >= self.quantum and not self._machine.is_busy:
                    self._leave(thread)
                    self._ready.append(thread)
                return outcome  # type: ignore[return-value]  # not Switched
            else:
                self._leave(thread)
                if thread.status == "ready":
                    thread.status = "waiting"
                    self._await(thread, begins=True)
            outcome = None

    def wait(self, awaited: Future | AwaitMany) -> Switched:
        """Let the running thread wait for futures, as soon as it has left the loop."""
        assert self._current is not None
        self._current.waits_for = awaited
        return _SWITCHED

    # --- switching ----------------------------------------------------------------------------------------------------

    def _select(self) -> bool:
        """See to it that a thread runs; return False if none can."""
        while self._current is None and self._ready:
            thread = self._ready.popleft()
            if thread.status == "ready":
                self._enter(thread)
        return self._current is not None

    def _enter(self, thread: Thread) -> None:
        self._current = thread
        self._slices = 0
        error, thread.thrown = thread.thrown, None
        self._machine.switch_to(thread.frames, thread.state, thread.scope, error, rethrown=thread.waits_for is not None)
        thread.waits_for = None
        thread.state = None

    def _leave(self, thread: Thread) -> None:
        thread.state = self._machine.switch_away()
        self._current = None

    # --- waiting for threads ------------------------------------------------------------------------------------------

    def _await(self, thread: Thread, *, begins: bool = False) -> None:
        """Let a waiting thread go on if what it waits for is there; if its wait begins, have its futures wake it."""
        awaited = thread.waits_for
        if type(awaited) is Future:
            awaited.awaited = True
            if awaited.thread is thread:
                self._go_on(
                    thread, None, Caught(self._machine.instance_of(deadlock("a thread waits for itself"))), begins
                )
            elif awaited.settled:
                self._go_on(thread, awaited.value, awaited.error, begins)
            else:
                awaited.waiters[thread] = None
            return
        assert type(awaited) is AwaitMany
        found = awaited.found()
        if found is not None:
            if awaited.until != "all":
                self._forget(thread)
            self._go_on(thread, found, None, begins)
        elif begins or awaited.until == "all":
            for future in awaited.awaits():
                future.waiters[thread] = None

    def _go_on(self, thread: Thread, value: Value, error: Caught | None, at_once: bool) -> None:
        step, slots, stack, function, _ = thread.state
        thread.state = (step, slots, stack, function, value)
        thread.thrown = error
        thread.status = "ready"
        if at_once:
            self._ready.appendleft(thread)  # it has not waited
        else:
            self._ready.append(thread)

    def _forget(self, thread: Thread) -> None:
        """Let no future wake a thread."""
        awaited = thread.waits_for
        for future in awaited.futures if type(awaited) is AwaitMany else (awaited,):
            future.waiters.pop(thread, None)  # type: ignore[union-attr]  # a Future, or its like

    def _settle(self, thread: Thread, value: Value, error: Caught | None) -> None:
        """End a thread, and let those that wait for it go on."""
        future, parent = thread.future, thread.parent
        assert future is not None and parent is not None
        future.thread, future.value, future.error = None, value, error
        waiters, future.waiters = future.waiters, {}
        if error is not None and thread.status != "closing" and not future.awaited:
            self._failures.append(future)
        thread.status = "ended"
        thread.frames, thread.state, thread.scope = [], None, None
        del self._unfinished[thread], parent.children[thread]
        for child in thread.children:  # they end with the thread that is cancelled further up
            child.parent = parent
        parent.children.update(thread.children)
        for waiter in waiters:
            self._await(waiter)

    def _break_deadlock(self) -> None:
        main = self.main
        assert main.status == "waiting"
        self._forget(main)
        self._go_on(main, None, Caught(self._machine.instance_of(deadlock(self._circle()))), True)

    def _circle(self) -> str:
        """Return who waits for whom, from the main thread on."""
        parts: list[str] = []
        seen: set[Thread] = set()
        thread: Thread | None = self.main
        while thread is not None and thread not in seen:
            seen.add(thread)
            awaited = thread.waits_for
            futures = [awaited] if type(awaited) is Future else awaited.futures  # type: ignore[union-attr]  # a wait for several
            future = next((each for each in futures if not each.settled), None)
            name = "which" if parts else "the main thread"
            parts.append(f"{name} waits for {'no thread' if future is None else f'thread {future.number}'}")
            thread = None if future is None else future.thread
        return ", ".join(parts)
