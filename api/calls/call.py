"""One call from start to end, as far as it needs no event loop.

A :class:`Call` owns the machine, the scope and everything that can end the call early.  Its machine runs in slices;
after each, :meth:`Call.poll` looks at the token and the deadline.  :func:`run_blocking` runs a call in the calling
thread up to its first wait; whoever must wait goes on in :mod:`bamlvm.calls.drive`, which is only imported then, and
asyncio with it.

However a call ends, :meth:`Call.conclude` is called once, after everything that it left open is closed.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

from bamlvm.calls.engine import Engine
from bamlvm.collector import CallRecord, Observer
from bamlvm.context import CallContext
from bamlvm.errors import BamlError, Cancelled, DeadlineExceeded, HostError, ThrownError
from bamlvm.events import Attempt, Event, Partial, Tick
from bamlvm.sysops import attempts
from bamlvm.sysops.records import AttemptEvent, AttemptRecord, ErrorRecord
from bamlvm.sysops.scope import Hooks, Scope
from bamlvm.values.rebuild import SCALARS
from bamlvm.values.results import Opaque, PartialResults, to_builtins
from bamlvm.vm.machine import Machine
from bamlvm.vm.outcomes import Done, Failed, Suspended
from bamlvm.vm.values import Caught, EnumValue, Instance

Ferry: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...]], Awaitable[Any]]
"""Has a callback called in another thread; the awaitable ends when the callback has."""


class Sink(Protocol):
    """Where a stream takes its events.  ``put`` returns an awaitable if the call is to wait for room."""

    wants_partials: bool
    wants_everything: bool

    def put(self, event: Event) -> Awaitable[None] | None: ...


class Call:
    """One call of a runtime.  ``interruption`` is the exception that ends it early, once there is one; ``wake`` is set
    while somebody waits and ends the wait; ``ferry`` is set while the call runs in another thread than its caller's;
    ``thread`` is the thread that it runs in or is called back in, None on the background loop."""

    __slots__ = (
        "concluded",
        "context",
        "deadline",
        "ferry",
        "function",
        "interruption",
        "machine",
        "observers",
        "runtime",
        "scope",
        "started",
        "thread",
        "token",
        "wake",
    )

    def __init__(
        self, runtime: Engine, function: str, entry: str, arguments: list[Any], context: CallContext, sink: Sink | None
    ) -> None:
        self.runtime = runtime
        self.function = function
        self.context = context
        self.token = context.cancel
        self.started = time.monotonic()
        self.deadline = None if context.timeout is None else self.started + context.timeout
        self.interruption: BaseException | None = None
        self.wake: Callable[[], None] | None = None
        self.ferry: Ferry | None = None
        self.concluded = False
        self.thread: int | None = threading.get_ident()
        env: Mapping[str, str] = ChainMap(dict(context.env), runtime.env) if context.env else runtime.env  # type: ignore[arg-type]  # only read
        self.scope = Scope(
            runtime.services,
            runtime.new_owner(),
            env,
            _hooks(self, sink),
            context.tags,
        )
        observers: tuple[Observer, ...] = (*runtime.collectors, *context.collectors)
        if observers:
            self.scope.keep_raw_events = any(observer.keep_raw_events for observer in observers)
        self.observers = [observer.begin(function, context.tags) for observer in observers]
        self.machine = Machine(runtime.program, self.scope, runtime.step_limit)
        self.machine.start(entry, arguments)
        runtime.active.add(self)

    def poll(self) -> None:
        """Raise what ends the call early, if anything does."""
        if self.interruption is None:
            if self.token is not None and self.token.cancelled:
                self.interruption = Cancelled("the call was cancelled")
            elif self.deadline is not None and time.monotonic() >= self.deadline:
                self.interruption = self.overdue()
            else:
                return
        raise self.interruption

    def interrupt(self, reason: BaseException) -> None:
        """End the call early, from any thread; the first reason counts."""
        if self.interruption is None:
            self.interruption = reason
        wake = self.wake
        if wake is not None:
            wake()

    def cancelled_by_token(self) -> None:
        """What the call's token calls."""
        self.interrupt(Cancelled("the call was cancelled"))

    def remaining(self) -> float:
        """The seconds until the deadline, which there must be."""
        assert self.deadline is not None
        return max(0.0, self.deadline - time.monotonic())

    def overdue(self) -> DeadlineExceeded:
        """The exception of a deadline that has passed."""
        return DeadlineExceeded(self.context.timeout or 0.0)

    def advance(self) -> Done | Suspended | None:
        """Run one slice: the end, a wait, or None where the slice was used up.  Raises :class:`ThrownError`."""
        self.poll()
        outcome = self.machine.run()
        if type(outcome) is Done or type(outcome) is Suspended:
            return outcome
        if type(outcome) is Failed:
            raise thrown_error(self.runtime, outcome.error)
        return None

    def result(self, value: Any) -> Any:
        """What the call gives the host for the value that its function returned."""
        signature = self.runtime.program.signatures.get(self.function)
        return self.runtime.results.to_host(value, None if signature is None else signature.annotated)

    def conclude(self, error: BaseException | None) -> None:
        """Tell the collectors, once."""
        if self.concluded:
            return
        self.concluded = True
        self.runtime.forget(self)
        if not self.observers:
            return
        duration = time.monotonic() - self.started
        ended_by = None if error is None else error_record(self.runtime, error)
        if ended_by is not None:
            attempts.abandon(self.scope, ended_by)
        record = CallRecord(
            function=self.function,
            tags=dict(self.context.tags),
            started=time.time() - duration,
            duration=duration,
            outcome=_outcome(error),
            error=ended_by,
            attempts=tuple(map(copy, self.scope.attempts)),
        )
        for ended in self.observers:
            ended(record)


def thrown_error(runtime: Engine, caught: Caught) -> ThrownError:
    """What the host gets for a value that nobody caught."""
    class_name, message = name_and_message(caught.value)
    return ThrownError(host_or_opaque(runtime, caught.value), class_name, message, caught.trace)


def error_record(runtime: Engine, error: Any) -> ErrorRecord:
    """What records say of a thrown value, or of an exception that ended a call."""
    if isinstance(error, ThrownError):
        return ErrorRecord(error.class_name, error.message, to_builtins(error.value))
    if isinstance(error, BaseException):
        kind = type(error)
        module = "bamlvm" if isinstance(error, BamlError) else kind.__module__
        return ErrorRecord(f"{module}.{kind.__qualname__}".removeprefix("builtins."), str(error))
    return ErrorRecord(*name_and_message(error), to_builtins(host_or_opaque(runtime, error)))


def name_and_message(value: Any) -> tuple[str, str]:
    """The qualified name of a thrown value's class, and its message; "" if it has none."""
    message = ""
    if type(value) is Instance:
        class_name = value.class_name
        text = value.get("message") if "message" in value.cls.index else None
        message = text if isinstance(text, str) else ""
    elif type(value) is EnumValue:
        class_name, message = value.enum, value.variant
    else:
        class_name = _BUILTIN_NAMES.get(type(value), "value")
        message = str(value) if type(value) in SCALARS else ""
    return class_name, message


def host_or_opaque(runtime: Engine, value: Any) -> Any:
    """A value for an exception or a record, where one that has no Python form must not raise another exception."""
    try:
        return runtime.results.to_host(value)
    except HostError:
        return Opaque(value)


_BUILTIN_NAMES: Mapping[type, str] = {
    str: "string",
    int: "int",
    float: "float",
    bool: "bool",
    type(None): "null",
    list: "list",
    dict: "map",
}


def _hooks(call: Call, sink: Sink | None) -> Hooks:
    """The hooks of a call: the context's callbacks, then the stream's sink; None where nobody listens, so that nothing
    is made that nobody takes."""
    context = call.context
    everything = sink if sink is not None and sink.wants_everything else None
    partials = sink if sink is not None and sink.wants_partials else None
    hooks = Hooks(describe=partial(error_record, call.runtime))
    if context.on_partial is not None or partials is not None:
        hooks.on_partial = _partial_hook(call, context.on_partial, partials)
    if context.on_tick is not None or everything is not None:
        hooks.on_tick = _hook(call, context.on_tick, everything, lambda events: Tick(events), lambda tick: tick.events)
    if context.on_attempt is not None or everything is not None:

        def attempt(event: AttemptEvent) -> Attempt:
            return Attempt(event.kind, copy(event.record))

        hooks.on_attempt = _hook(call, context.on_attempt, everything, attempt, lambda event: event)
    return hooks


def _partial_hook(
    call: Call, callback: Callable[..., Any] | None, sink: Sink | None
) -> Callable[[Any, AttemptRecord | None], Any]:
    to_host = PartialResults(call.runtime.results).to_host
    if callback is None:
        assert sink is not None
        put = sink.put
        return lambda value, record: put(Partial(to_host(value), record))
    wants_record = takes_two(callback)

    def hook(value: Any, record: AttemptRecord | None) -> Any:
        value = to_host(value)
        result = _call_back(call, callback, (value, record) if wants_record else (value,))
        return result if sink is None else _then(result, lambda: sink.put(Partial(value, record)))

    return hook


def _hook(
    call: Call,
    callback: Callable[[Any], Any] | None,
    sink: Sink | None,
    event_of: Callable[[Any], Event],
    argument_of: Callable[[Any], Any],
) -> Callable[[Any], Any]:
    def hook(given: Any) -> Any:
        event = event_of(given)
        result = None if callback is None else _call_back(call, callback, (argument_of(event),))
        return result if sink is None else _then(result, lambda: sink.put(event))

    return hook


def _call_back(call: Call, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a host's callback, or have it called in the thread it belongs to; an awaitable where that takes time."""
    ferry = call.ferry
    if ferry is not None:
        return ferry(callback, arguments)
    result = callback(*arguments)
    if result is not None and inspect.isawaitable(result):
        return result
    token = call.token
    if call.interruption is not None or (token is not None and token.cancelled):
        call.poll()
    return None


def _then(first: Any, second: Callable[[], Awaitable[None] | None]) -> Awaitable[None] | None:
    if first is None:
        return second()

    async def both() -> None:
        await first
        waiting = second()
        if waiting is not None:
            await waiting

    return both()


def takes_two(callback: Callable[..., Any]) -> bool:
    """Whether a callback has a second positional parameter that must be given."""
    with contextlib.suppress(TypeError, ValueError):  # a builtin without a signature takes one
        positional = [
            parameter
            for parameter in inspect.signature(callback).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        return len(positional) >= 2 and positional[1].default is inspect.Parameter.empty
    return False


def _outcome(error: BaseException | None) -> Literal["returned", "thrown", "cancelled", "failed"]:
    if error is None:
        return "returned"
    if isinstance(error, ThrownError):
        return "thrown"
    if isinstance(error, (Cancelled, KeyboardInterrupt)) or type(error).__name__ == "CancelledError":
        return "cancelled"
    return "failed"
