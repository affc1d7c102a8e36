"""A call on an event loop.

One call is one task, the caller's own or one on the background loop.  The driver awaits each wait of the machine and
resumes it with the result or with the error; only where a call has several threads do its sys-ops get tasks of their
own (:mod:`bamlvm.calls.waits`).  What the call left open is closed before it ends, also when it is cancelled (once
more).
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from bamlvm.calls.call import Call
from bamlvm.calls.closing import close_entries
from bamlvm.calls.interruption import Watch
from bamlvm.calls.waits import Waits
from bamlvm.vm.outcomes import Done, Failed, Idle, Suspended
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import ResultT, Work


async def drive(call: Call, outcome: Suspended | Idle | None = None) -> Any:
    """Run a call to its end and return its value.

    ``outcome`` is the wait that a call has reached which began elsewhere.  Raises what the call raises.
    """
    machine = call.machine
    watch: Watch | None = None
    waits: Waits | None = None
    try:
        try:
            while True:
                step = outcome if outcome is not None else call.advance()
                outcome = None
                if isinstance(step, Done):
                    value = step.value
                    if not call.is_own_result(value):
                        value = await _in_turns(call.result(value))
                    if machine.scheduler is not None:
                        await _in_turns(call.unawaited())
                    break
                if isinstance(step, Failed):
                    if machine.scheduler is not None:
                        await _in_turns(call.unawaited())
                    raise await _in_turns(call.thrown(step.error))
                if watch is None:
                    watch = _watch(call)
                if waits is None and (machine.scheduler is not None and not machine.scheduler.alone):
                    waits = Waits(call)
                if waits is not None and call.to_close:
                    waits.close(call.take_to_close())
                if step is None:  # the slice is used up: other tasks have their turn
                    await asyncio.sleep(0)
                    if waits is not None:
                        waits.poll()
                elif isinstance(step, Idle):
                    assert waits is not None
                    await waits.next()
                elif waits is not None and machine.scheduler is not None and not machine.scheduler.alone:
                    waits.start(step)
                else:
                    try:
                        reply = await step.awaitable
                    except Thrown as thrown:
                        machine.resume_error(thrown, step.thread)
                    else:
                        machine.resume(reply, step.thread)
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
            try:
                if waits is not None:
                    await waits.end()
            finally:
                entries = call.take_open()
                if entries:
                    await close_entries(entries)
    except BaseException as error:
        call.conclude(error)
        raise
    call.conclude(None)
    return value


async def _in_turns(work: Work[ResultT]) -> ResultT:
    """Return the result of work; other tasks have their turn meanwhile."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast(ResultT, end.value)
        await asyncio.sleep(0)


def _watch(call: Call) -> Watch:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call must be awaited inside a task")
    return Watch(call.interruption, task, asyncio.get_running_loop())
