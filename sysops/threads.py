"""Work that blocks, on threads of its own.

A process waits for the threads of the event loop's default executor when it ends, and these are few: a disk that does
not answer would stop it, and whatever else the host does there.  So each piece of blocking work gets a daemon thread,
which nothing waits for but the call that it serves; where that ends first, the result is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any, drop: Callable[[T], object] | None = None) -> T:
    """Call a function in a thread and return its result, or raise what it raises.

    If the caller is cancelled, the function goes on to its end; ``drop`` is then called with its result.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: Any, error: BaseException | None) -> None:
        if future.done():  # cancelled
            if error is None and drop is not None:
                drop(result)
        elif error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = function(*arguments)
        except BaseException as error:
            failure = error
        try:
            loop.call_soon_threadsafe(deliver, result, failure)
        except RuntimeError:  # the loop has ended
            if failure is None and drop is not None:
                with contextlib.suppress(Exception):
                    drop(result)

    threading.Thread(target=run, name="bamlvm-blocking", daemon=True).start()
    return await future


async def in_thread_until_cancelled(function: Callable[[], T], abandon: Callable[[], object]) -> T:
    """Do the same with a function that can be made to end early: ``abandon`` is called if the caller is cancelled."""
    try:
        return await in_thread(function)
    except asyncio.CancelledError:
        abandon()
        raise
