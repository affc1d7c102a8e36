"""The standard library's native functions: Python that needs nothing but its arguments, called without leaving the
machine.

Each module declares a table, ``NATIVES``, of functions by the path of their declaration in ``stdlib/*.baml``.  A native
throws by raising :class:`~bamlvm.vm.values.Thrown`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bamlvm.vm.natives import base64, core, json, lists, maps, math, media, numbers, patterns, strings

MODULES = (core, strings, patterns, lists, maps, numbers, math, json, base64, media)


def load_natives() -> dict[str, Callable[..., Any]]:
    """Return every native function by path."""
    table: dict[str, Callable[..., Any]] = {}
    for module in MODULES:
        table.update(module.NATIVES)
    return table
