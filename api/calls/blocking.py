"""A call in the caller's thread, up to its first wait.

Starting bamlvm must not cost what a call that only computes never uses: the background loop, and asyncio with it, is
imported where a call must wait.  These are the only late imports in this package.
"""

from __future__ import annotations

import inspect
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.errors import HostError
from bamlvm.vm.outcomes import Done, Failed, Idle, Suspended
from bamlvm.vm.work import finish


def run_blocking(call: Call) -> Any:
    """Run a call to its end and return its value.  A call that never waits stays in this thread, without a loop."""
    outcome: Done | Failed | Suspended | Idle | None = None
    try:
        while True:
            outcome = call.advance()
            if isinstance(outcome, Done):
                value = outcome.value
                if not call.is_own_result(value):
                    value = finish(call.result(value))
                if call.machine.scheduler is not None:
                    finish(call.unawaited())
                break
            if isinstance(outcome, Failed):
                if call.machine.scheduler is not None:
                    finish(call.unawaited())
                raise finish(call.thrown(outcome.error))
            if outcome is not None:
                from bamlvm.calls.background import finish_blocking

                return finish_blocking(call, outcome)
    except BaseException as error:
        _close_unawaited(outcome)
        _end(call, error)
        raise
    _end(call, None)
    return value


def run_without_waiting(call: Call) -> Any:
    """Run a part of a call (:func:`bamlvm.calls.prepare.prepare_part`) and return its value; it must not wait.

    Raises :class:`bamlvm.HostError` if it would: the only thing in such a part that can wait is a default.
    """
    outcome: Done | Failed | Suspended | Idle | None = None
    call.scope.waits = False
    try:
        while outcome is None:
            outcome = call.advance()
        if isinstance(outcome, Failed):
            raise finish(call.thrown(outcome.error))
        if not isinstance(outcome, Done):
            raise HostError(f"{call.function}: the default of an argument must be waited for: pass the argument")
        value = call.results.to_host(outcome.value)  # which is not of the function's type
    except BaseException as error:
        _close_unawaited(outcome)
        _end(call, error)
        raise
    _end(call, None)
    return value


def _close_unawaited(outcome: Done | Failed | Suspended | Idle | None) -> None:
    """Close the coroutine of a wait that has not begun: Ctrl-C came first, or the call must not wait."""
    waiting = outcome.awaitable if isinstance(outcome, Suspended) else None
    if inspect.iscoroutine(waiting) and inspect.getcoroutinestate(waiting) == inspect.CORO_CREATED:
        waiting.close()


def _end(call: Call, error: BaseException | None) -> None:
    """Close what a call left open, and conclude it."""
    if call.concluded:  # it went on in the background, and ended there
        return
    entries = call.take_open()
    if entries:
        from bamlvm.calls.background import close_blocking

        close_blocking(entries)
    call.conclude(error)
