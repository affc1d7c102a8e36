"""What a call reports while it runs: partial values, ticks and attempts, to callbacks and to a stream.

A hook is made only where something listens: a sys-op that finds no hook makes no event.  Of one event the context's
callback comes first, then the stream.  A hook returns an awaitable where the call must wait: for an ``async``
callback, for a callback that runs in the caller's thread, or for room in a stream whose reader has fallen behind.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from bamlvm.events import Attempt, Event, Partial, Tick
from bamlvm.sysops.records import AttemptEvent, AttemptRecord
from bamlvm.sysops.scope import Hooks
from bamlvm.values.partials import PartialResults
from bamlvm.vm.threads import MAIN
from bamlvm.vm.work import Lengthy, Work

if TYPE_CHECKING:
    from bamlvm.calls.interruption import Interruption
    from bamlvm.context import CallContext
    from bamlvm.values.results import Results

CallInCallerThread: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...]], Awaitable[Any]]
"""Calls a callback with its arguments in the caller's thread; the awaitable ends when the callback has."""


class Sink(Protocol):
    """Where a stream takes its events; ``put`` returns an awaitable if the call is to wait for room."""

    wants_partials: bool
    wants_everything: bool

    def put(self, event: Event) -> Awaitable[None] | None: ...


class Caller(Protocol):
    """The part of a call that its hooks need."""

    results: Results
    context: CallContext
    interruption: Interruption
    call_in_caller_thread: CallInCallerThread | None


def hooks_of(call: Caller, sink: Sink | None) -> Hooks:
    """Return the hooks of a call: for the callbacks of its context, and for a stream's sink."""
    context = call.context
    everything = sink if sink is not None and sink.wants_everything else None
    partials = sink if sink is not None and sink.wants_partials else None
    on_partial = on_tick = on_attempt = None
    if context.on_partial is not None or partials is not None:
        on_partial = _partial_hook(call, context.on_partial, partials)
    if context.on_tick is not None or everything is not None:
        on_tick = _hook(call, context.on_tick, everything, Tick, lambda tick: tick.events)
    if context.on_attempt is not None or everything is not None:
        on_attempt = _hook(call, context.on_attempt, everything, _attempt, lambda event: event)
    return Hooks(on_partial, on_tick, on_attempt)


def takes_two(callback: Callable[..., Any]) -> bool:
    """Whether a callback has a second positional parameter without a default."""
    with contextlib.suppress(TypeError, ValueError):  # a builtin without a signature takes one
        positional = [
            parameter
            for parameter in inspect.signature(callback).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        return len(positional) >= 2 and positional[1].default is inspect.Parameter.empty
    return False


def _partial_hook(
    call: Caller, callback: Callable[..., Any] | None, sink: Sink | None
) -> Callable[[Any, AttemptRecord | None, int], Any]:
    """Return the hook for partial values.

    A reader that cannot tell the threads of a call apart gets those of the main one: a callback that takes the value
    alone, and a stream of which nothing but values is read.
    """
    to_host = PartialResults(call.results).to_host_at_once
    wants_record = callback is not None and takes_two(callback)

    def hook(value: Any, record: AttemptRecord | None, thread: int) -> Any:
        calls_back = callback is not None and (thread == MAIN or wants_record)
        streams = sink is not None and (thread == MAIN or sink.wants_everything)
        if not (calls_back or streams):
            return None
        try:
            value = to_host(value)
        except Lengthy as lengthy:
            raise Lengthy(converted(lengthy.work, record, thread, calls_back, streams)) from None
        return deliver(value, record, thread, calls_back, streams)

    def converted(work: Work[Any], *rest: Any) -> Work[Any]:
        return deliver((yield from work), *rest)

    def deliver(value: Any, record: AttemptRecord | None, thread: int, calls_back: bool, streams: bool) -> Any:
        result = None
        if calls_back:
            assert callback is not None
            result = _call_back(call, callback, (value, record) if wants_record else (value,))
        if not streams:
            return result
        assert sink is not None
        put = sink.put
        return _then(result, lambda: put(Partial(value, record, thread)))

    return hook


def _hook(
    call: Caller,
    callback: Callable[[Any], Any] | None,
    sink: Sink | None,
    event_of: Callable[..., Event],
    argument_of: Callable[[Any], Any],
) -> Callable[..., Any]:
    def hook(*given: Any) -> Any:
        event = event_of(*given)
        result = None if callback is None else _call_back(call, callback, (argument_of(event),))
        return result if sink is None else _then(result, lambda: sink.put(event))

    return hook


def _attempt(event: AttemptEvent) -> Attempt:
    return Attempt(event.kind, copy(event.record))


def _call_back(call: Caller, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a callback in the caller's thread.  Return an awaitable where that takes time, else None."""
    elsewhere = call.call_in_caller_thread
    if elsewhere is not None:
        return elsewhere(callback, arguments)
    result = callback(*arguments)
    if result is not None and inspect.isawaitable(result):
        return result
    # The callback may have cancelled the call.  It is asked here, not only after the slice: no event follows.
    call.interruption.poll_token()
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
