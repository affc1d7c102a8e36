"""The table in which a module of natives declares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class NativeTable(dict[str, Callable[..., Any]]):
    """Functions by path."""

    def native(self, *paths: str) -> Callable[[FunctionT], FunctionT]:
        """Decorate a function as the native of these paths (several if it has several spellings)."""

        def register(function: FunctionT) -> FunctionT:
            for path in paths:
                self[path] = function
            return function

        return register
