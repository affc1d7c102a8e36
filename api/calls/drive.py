"""A call on an event loop.

One call is one task, the caller's own or one on the background loop; no sys-op gets a task of its own.  The driver
awaits each wait of the machine and resumes it with the result or with the error.  What the call left open is closed
before it ends, also when it is cancelled (once more).
"""

from __future__ import annotations

import asyncio
from typing import Any

from bamlvm.calls.call import Call
from bamlvm.calls.closing import close_entries
from bamlvm.calls.interruption import Watch
from bamlvm.vm.outcomes import Done, Suspended
from bamlvm.vm.values import Thrown


async def drive(call: Call, outcome: Suspended | None = None) -> Any:
    """Run a call to its end and return its value.

    ``outcome`` is the wait that a call has reached which began elsewhere.  Raises what the call raises.
    """
    machine = call.machine
    watch: Watch | None = None
    try:
        try:
            while True:
                step = outcome if outcome is not None else call.advance()
                outcome = None
                if isinstance(step, Done):
                    value = call.result(step.value)
                    break
                if watch is None:
                    watch = _watch(call)
                if step is None:  # the slice is used up: other tasks have their turn
                    await asyncio.sleep(0)
                    continue
                try:
                    reply = await step.awaitable
                except Thrown as thrown:
                    machine.resume_error(thrown)
                else:
                    machine.resume(reply)
        except asyncio.CancelledError:
            # If the watch alone has cancelled this task, the reason is raised instead.  If anything else has, the
            # cancellation passes, even where the call is interrupted as well.
            if watch is not None and watch.uncancel() and call.interruption.reason is not None:
                raise call.interruption.reason from None
            raise
        finally:
            # The watch ends first, so that closing is cut short by its own limit alone.
            if watch is not None:
                watch.end()
            entries = call.take_open()
            if entries:
                await close_entries(entries)
    except BaseException as error:
        call.conclude(error)
        raise
    call.conclude(None)
    return value


def _watch(call: Call) -> Watch:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call must be awaited inside a task")
    return Watch(call.interruption, task, asyncio.get_running_loop())
