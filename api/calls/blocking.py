"""A call in the caller's thread, up to its first wait; the loop, and asyncio with it, is loaded only there."""

from __future__ import annotations

import inspect
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.vm.outcomes import Done, Suspended


def run_blocking(call: Call) -> Any:
    """Run a call to its end and return its value.  A call that never waits stays in this thread, without a loop."""
    outcome: Done | Suspended | None = None
    try:
        while True:
            outcome = call.advance()
            if isinstance(outcome, Done):
                value = call.result(outcome.value)
                break
            if outcome is not None:
                from bamlvm.calls.background import finish_blocking

                return finish_blocking(call, outcome)
    except BaseException as error:
        if type(outcome) is Suspended:
            _forgo(outcome)
        _close_left_open(call)
        call.conclude(error)
        raise
    _close_left_open(call)
    call.conclude(None)
    return value


def _forgo(outcome: Suspended) -> None:
    """Close the coroutine of a wait that was never begun: Ctrl-C came first, or there is nobody who could wait."""
    waiting = outcome.awaitable
    if inspect.iscoroutine(waiting) and inspect.getcoroutinestate(waiting) == inspect.CORO_CREATED:
        waiting.close()


def _close_left_open(call: Call) -> None:
    if call.concluded:  # it went on elsewhere, and ended there
        return
    entries = call.runtime.services.handles.take_all(call.scope.owner)
    if entries:
        from bamlvm.calls.background import close_blocking

        close_blocking(entries)
