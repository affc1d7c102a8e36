"""``baml.stream``: a streaming call's events for its host.  Nothing is converted where no hook is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bamlvm.sysops.pending import deferred
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.equality import deep_copy_at_once
from bamlvm.vm.work import Lengthy, Work


@sysop("baml.stream.emit_partial")
def emit_partial(scope: Scope, value: Any) -> Any:
    """``on_partial(value, attempt, thread)``.  The host may keep the value: the program cannot change it any more.

    The value that the call's parser returned last is passed on uncopied, so that it costs nothing: the standard library
    does not keep it.  Any other is copied.
    """
    attempt = scope.attempt
    if attempt is not None and attempt.first_partial is None:
        attempt.first_partial = scope.elapsed()
    listener = scope.hooks.on_partial
    if listener is None:
        return None
    if value is not scope.partial:
        try:
            value = deep_copy_at_once(value)
        except Lengthy as lengthy:
            raise Lengthy(_emitted_copy(scope, listener, lengthy.work)) from None
    try:
        return deferred(listener(value, attempt, scope.thread))
    except Lengthy as lengthy:
        raise Lengthy(_hooked(lengthy.work)) from None


def _emitted_copy(scope: Scope, listener: Callable[..., Any], copying: Work[Any]) -> Work[Any]:
    value = yield from copying
    try:
        return deferred(listener(value, scope.attempt, scope.thread))
    except Lengthy as lengthy:
        return (yield from _hooked(lengthy.work))


def _hooked(work: Work[Any]) -> Work[Any]:
    return deferred((yield from work))


@sysop("baml.stream.emit_tick")
def emit_tick(scope: Scope, events: str) -> Any:
    """``on_tick(events, thread)`` with the batch as dicts; kept with the attempt where a collector wants it."""
    listener = scope.hooks.on_tick
    if listener is None and not scope.keep_raw_events:
        return None
    batch = [msgspec.structs.asdict(event) for event in scope.read_batch(events)]
    if scope.attempt_secrets:
        batch = scope.attempt_secrets.hide_in(batch)
    attempt = scope.attempt
    if scope.keep_raw_events and attempt is not None:
        if attempt.raw_events is None:
            attempt.raw_events = []
        attempt.raw_events += batch
    return None if listener is None else deferred(listener(batch, scope.thread))
