"""Closing what is left open, on an event loop.

A call that ends, however it ends, takes its resources out of the handle table and closes them before its caller hears
of the end.  Closers run newest first; one that fails keeps no other from closing.  All together have ``CLOSE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Iterable

from bamlvm.calls.engine import Engine
from bamlvm.vm.handles import CLOSE_SECONDS, Entry


async def close_entries(entries: Iterable[Entry]) -> None:
    """Close resources.  A cancellation that comes meanwhile is raised at the end."""
    closing = start_closing(entries)
    if not closing:
        return
    loop = asyncio.get_running_loop()
    until = loop.time() + CLOSE_SECONDS
    cancellation: asyncio.CancelledError | None = None
    while closing and loop.time() < until:
        # A task of its own, so that a cancellation of this one does not reach the closers.  But a loop that ends
        # cancels every task, also one that has not begun: then the closers are still to be awaited, by another.
        task = asyncio.ensure_future(finish_closing(closing))
        while not task.done() and loop.time() < until:
            try:
                await asyncio.wait({task}, timeout=until - loop.time())
            except asyncio.CancelledError as error:
                cancellation = error
        task.cancel()
        closing = [each for each in closing if task.done() and _is_unstarted(each)]
    if cancellation is not None:
        raise cancellation


async def wait_for_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for tasks that are about to end.  A cancellation that comes meanwhile is raised at the end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CLOSE_SECONDS
    cancellation: asyncio.CancelledError | None = None
    left = {task for task in tasks if not task.done()}
    while left and loop.time() < until:
        try:
            _, left = await asyncio.wait(left, timeout=until - loop.time())
        except asyncio.CancelledError as error:
            cancellation = error
            left = {task for task in left if not task.done()}
    if cancellation is not None:
        raise cancellation


def close_unstarted(awaitable: object) -> None:
    """Close the coroutine of a wait that has not begun."""
    if _is_unstarted(awaitable):
        awaitable.close()  # type: ignore[attr-defined]  # a coroutine


def _is_unstarted(awaitable: object) -> bool:
    return inspect.iscoroutine(awaitable) and inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED


def start_closing(entries: Iterable[Entry]) -> list[Awaitable[None]]:
    """Call the closers.  Return the awaitables of those that must wait."""
    closing = []
    for entry in entries:
        with contextlib.suppress(Exception):
            waiting = entry.close()
            if waiting is not None and inspect.isawaitable(waiting):
                closing.append(waiting)
    return closing


async def finish_closing(closing: Iterable[Awaitable[None]]) -> None:
    """Await what :func:`start_closing` returned."""
    await asyncio.gather(*closing, return_exceptions=True)


async def wait_idle(engine: Engine) -> None:
    """Wait until no call is under way, at most ``CLOSE_SECONDS``."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CLOSE_SECONDS
    while engine.active and loop.time() < until:  # noqa: ASYNC110 (calls end on other threads too)
        await asyncio.sleep(0.001)
