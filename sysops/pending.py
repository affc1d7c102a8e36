"""Awaitables that sys-ops return when they must wait, and only then.

A sys-op's :class:`Pending` may be dropped without being awaited (the call ended first), so nothing may be started, and
no coroutine be made, before it is: :class:`Lazy` calls its function only then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from bamlvm.vm.values import Pending


class Lazy:
    """An awaitable that calls ``start`` when it is awaited, and awaits what that returns; any number of times."""

    __slots__ = ("_start",)

    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self._start = start

    def __await__(self) -> Generator[Any, None, Any]:
        return self._start().__await__()


def deferred(result: Any, value: Any = None) -> Any:
    """Return ``value`` for the machine, after a hook that returned ``result``.

    That is ``value`` itself for a plain hook, and a :class:`Pending` for it where the hook must be awaited first.
    """
    if result is None or not isinstance(result, Awaitable):
        return value
    return Pending(Lazy(lambda: _after(result, value)))


async def _after(result: Awaitable[Any], value: Any) -> Any:
    await result
    return value
