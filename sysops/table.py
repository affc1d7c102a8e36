"""The table of sys-ops: the Python function that serves each declaration of the standard library.

A function becomes a sys-op by its decorator, ``@sysop("baml.http.fetch")``, which only marks it; :func:`load` collects
the marks module by module.  What a sys-op does and throws is documented where it is declared.

The modules of :data:`MODULES` are imported by every runtime, so they import neither httpx nor asyncio nor jinja2.
Those of :data:`DEFERRED` are imported by the first call of one of their sys-ops, and import at their top what they
need.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final, TypeVar

from bamlvm.sysops.errors import raise_failure
from bamlvm.vm.sysop import SysOp

__all__ = ["SysOp", "load", "sysop"]

MODULES: Final = (
    "bamlvm.sysops.http",
    "bamlvm.sysops.stream",
    "bamlvm.sysops.future",
    "bamlvm.sysops.system",
    "bamlvm.sysops.log",
    "bamlvm.sysops.environment",
    "bamlvm.sysops.files",
    "bamlvm.sysops.network",
    "bamlvm.sysops.llm",
)

DEFERRED: Final[Mapping[str, tuple[str, ...]]] = {
    "bamlvm.sysops.llm_clients": (
        "baml.llm.Client.primitive",
        "baml.llm.PrimitiveClient.authorize",
        "baml.llm.PrimitiveClient.build_request",
        "baml.llm.PrimitiveClient.build_request_stream",
        "baml.llm.PrimitiveClient.check_finish_reason",
        "baml.llm.PrimitiveClient.new_stream_accumulator",
        "baml.llm.PrimitiveClient.parse",
        "baml.llm.PrimitiveClient.render_prompt",
        "baml.llm.PrimitiveClient.specialize_prompt",
        "baml.llm.get_client",
        "baml.llm.get_jinja_template",
        "baml.llm.get_return_type",
        "baml.llm.jittered",
        "baml.llm.reported_failure",
        "baml.llm.resolve_client",
        "baml.llm.round_robin_next",
        "baml.llm.round_robin_peek",
        "baml.llm.status_failure",
    ),
    "bamlvm.sysops.llm_parsing": (
        "baml.llm.PrimitiveClient.final_parse",
        "baml.llm.PrimitiveClient.new_stream_parser",
        "baml.llm.PrimitiveClient.partial_parse",
        "baml.llm.StreamParser.finish",
        "baml.llm.check_return_type",
        "baml.llm.read_as",
    ),
}
"""Modules and the paths of their sys-ops, none of which is a coroutine."""

_MARK: Final = "__sysop__"
_GENERATED: Final = "GENERATED"
"""A module's sys-ops that have no name of their own."""

_COROUTINE: Final = 0x80
"""The code flag of ``async def`` (``inspect.CO_COROUTINE``)."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def sysop(path: str) -> Callable[[FunctionT], FunctionT]:
    """Mark a function as the sys-op declared under ``path``; an ``async def`` suspends the machine."""

    def mark(function: FunctionT) -> FunctionT:
        setattr(function, _MARK, path)
        return function

    return mark


def load(modules: Iterable[str] = MODULES, deferred: Mapping[str, tuple[str, ...]] = DEFERRED) -> dict[str, SysOp]:
    """Return every sys-op of ``modules`` and ``deferred`` by path.

    Raises :class:`ValueError` if two functions have one path.
    """
    table: dict[str, SysOp] = {}
    for name in modules:
        for path, function in marked(importlib.import_module(name)):
            is_async = bool(function.__code__.co_flags & _COROUTINE)
            _add(table, SysOp(path, _bounded(path, function) if is_async else function, is_async))
    for name, paths in deferred.items():
        for path in paths:
            _add(table, SysOp(path, _importing(name, path), False))
    return table


def marked(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the paths and functions of the sys-ops that a module defines."""
    for function in (*vars(module).values(), *getattr(module, _GENERATED, ())):
        path = getattr(function, _MARK, None)
        if path is not None and function.__module__ == module.__name__:
            yield path, function


def _importing(module: str, path: str) -> Callable[..., Any]:
    """Return a function that imports the module of a sys-op at its first call and calls the sys-op."""
    found: Callable[..., Any] | None = None

    def call(*arguments: Any) -> Any:
        nonlocal found
        if found is None:
            found = dict(marked(importlib.import_module(module)))[path]
        try:
            return found(*arguments)
        except Exception as error:
            raise_failure(error, path)

    return call


def _bounded(path: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a sys-op that waits with :func:`bamlvm.sysops.errors.failure` behind it."""

    async def call(*arguments: Any) -> Any:
        try:
            return await function(*arguments)
        except Exception as error:
            raise_failure(error, path)

    return call


def _add(table: dict[str, SysOp], entry: SysOp) -> None:
    if entry.name in table:
        raise ValueError(f"two sys-ops have the path {entry.name}")
    table[entry.name] = entry
