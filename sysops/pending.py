"""Awaitables that sys-ops return when they must wait, and only then."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any

from bamlvm.vm.values import Pending

if TYPE_CHECKING:
    pass


def deferred(result: Any) -> Any:
    """A hook's result for the machine: null for a plain hook, a :class:`Pending` where the hook is to be awaited."""
    if result is None or not isinstance(result, Awaitable):
        return None
    return Pending(_Silently(result))


class _Silently:
    """Awaits a hook's result and gives null."""

    __slots__ = ("_result",)

    def __init__(self, result: Awaitable[Any]) -> None:
        self._result = result

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._result.__await__()
