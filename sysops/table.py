"""The table of sys-ops: which Python function serves which declaration of the standard library.

A function becomes a sys-op by its decorator, ``@sysop("baml.http.fetch")``, which only marks it; :func:`load` collects
the marks module by module.  What a sys-op does and throws is said where it is declared.  The modules listed here import
neither httpx nor asyncio nor jinja2: whatever is heavy is imported by the function that needs it, at its first call.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from bamlvm.vm.sysop import SysOp

__all__ = ["SysOp", "load", "sysop"]

MODULES: Final = (
    "bamlvm.sysops.http",
    "bamlvm.sysops.stream",
    "bamlvm.sysops.system",
    "bamlvm.sysops.environment",
    "bamlvm.sysops.files",
    "bamlvm.sysops.network",
    "bamlvm.sysops.llm",
)
"""Where sys-ops are."""

_MARK: Final = "__sysop__"
_COROUTINE: Final = 0x80
"""The code flag of ``async def`` (``inspect.CO_COROUTINE``)."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def sysop(path: str) -> Callable[[FunctionT], FunctionT]:
    """Mark a function as the sys-op declared under ``path``; an ``async def`` suspends the machine."""

    def mark(function: FunctionT) -> FunctionT:
        setattr(function, _MARK, path)
        return function

    return mark


def load(modules: Iterable[str] = MODULES) -> dict[str, SysOp]:
    """Every sys-op of ``modules`` by path.  Raises :class:`ValueError` if two functions claim one path."""
    table: dict[str, SysOp] = {}
    for name in modules:
        for function in vars(importlib.import_module(name)).values():
            path = getattr(function, _MARK, None)
            if path is None or function.__module__ != name:
                continue
            if path in table:
                raise ValueError(f"two sys-ops claim {path}")
            table[path] = SysOp(path, function, bool(function.__code__.co_flags & _COROUTINE))
    return table
