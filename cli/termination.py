"""Commands that may run for hours end in good order: SIGTERM, as a scheduler sends it, ends them as Ctrl-C does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Terminated(KeyboardInterrupt):
    """SIGTERM has ended the command."""

    def __init__(self) -> None:
        super().__init__("terminated")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on an event loop of its own, as :func:`asyncio.run` does, and return its result.

    SIGTERM cancels it, once, so that it closes and writes what it has; :class:`Terminated` is raised then.
    """
    is_terminated = False

    async def watched() -> T:
        nonlocal is_terminated
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def terminate() -> None:
            nonlocal is_terminated
            if not is_terminated and task is not None:
                is_terminated = True
                task.cancel()

        # Windows has no such signal, and only the main thread may have handlers.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGTERM, terminate)
        return await work

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if is_terminated:
            raise Terminated from None
        raise
