"""The runtime part of generated clients: their project, their typed streams, arguments that are left out.

A generated package has the sources of its program inside.  They are compiled, or read from the cache, at the first
call; results are instances of the package's own classes.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib import import_module
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from bamlvm.errors import HostError

if TYPE_CHECKING:
    from bamlvm.calls.streams import Stream
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime
    from bamlvm.values.checked import Wrappers

P = TypeVar("P")
F = TypeVar("F")


class Default(enum.Enum):
    """The type of :data:`DEFAULT`."""

    DEFAULT = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.DEFAULT
"""An argument left out: the function's own default is used."""


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that were not left out."""
    return {name: value for name, value in arguments.items() if value is not DEFAULT}


class Project:
    """The program of a generated client: its sources by file name, the modules of its types, and their wrappers.

    ``at`` is a module of the client and, as seen from its folder, where the sources were when it was generated: if they
    are there and others by now, the first call warns (:mod:`bamlvm.build.staleness`).

    It can be pickled, as far as its options can be; its runtime is then made anew.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        types: ModuleType,
        partial_types: ModuleType,
        wrappers: Wrappers | None = None,
        *,
        at: tuple[str, str] | None = None,
    ) -> None:
        self._files = files
        self._types = types
        self._partial_types = partial_types
        self._wrappers = wrappers
        self._at = at
        self._options: dict[str, Any] = {}
        self._runtime: Runtime | None = None
        self._lock = threading.Lock()

    def configure(self, **options: Any) -> None:
        """Set options of :class:`bamlvm.Runtime` (``env``, ``transport``, ``collectors`` …), before the first call.

        Raises :class:`bamlvm.HostError` after it.
        """
        with self._lock:
            if self._runtime is not None:
                raise HostError("the client is in use already: configure it before its first call")
            self._options = options

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored_project, (
            self._files,
            self._types.__name__,
            self._partial_types.__name__,
            self._options,
            self._wrappers is not None,
        )

    @property
    def runtime(self) -> Runtime:
        """The runtime, made at its first use."""
        if self._runtime is None:
            from bamlvm.runtime import Runtime

            with self._lock:
                if self._runtime is None:
                    if self._at is not None:
                        from bamlvm.build.staleness import warn_if_stale

                        warn_if_stale(*self._at, self._files)
                    made = Runtime.from_files(self._files, **self._options)
                    made.types.bind(_classes(self._types), self._wrappers)
                    made.partial_types.bind(_classes(self._partial_types))
                    self._runtime = made
        return self._runtime

    def call(self, name: str, arguments: Mapping[str, Any], ctx: CallContext | None) -> Any:
        """Call a function, wait for its value and return it."""
        return self.runtime.call_function_sync(name, given(arguments), ctx)

    async def call_async(self, name: str, arguments: Mapping[str, Any], ctx: CallContext | None) -> Any:
        """Do the same in the running event loop."""
        return await self.runtime.call_function(name, given(arguments), ctx)

    def stream(self, name: str, arguments: Mapping[str, Any], ctx: CallContext | None) -> Stream:
        """Call a function and read its partial values."""
        return self.runtime.stream(name, given(arguments), ctx)


def _classes(module: ModuleType) -> list[Any]:
    found = (each for each in vars(module).values() if isinstance(each, type))
    return [each for each in found if each.__module__ == module.__name__ and hasattr(each, "__baml_name__")]


def _restored_project(
    files: Mapping[str, str], types: str, partial_types: str, options: Mapping[str, Any], has_models: bool = False
) -> Project:
    """Return the project of another process; the package of its types must be there, too."""
    wrappers = import_module("bamlvm.compat.models").MODELS if has_models else None
    project = Project(files, import_module(types), import_module(partial_types), wrappers)
    project.configure(**options)
    return project


class SyncStream(Generic[P, F]):
    """A running call outside an event loop: iterate for its partial values, :meth:`final` for its value.

    :attr:`raw` is the :class:`bamlvm.Stream` behind it, with its events.
    """

    def __init__(self, raw: Stream) -> None:
        self.raw = raw

    def __iter__(self) -> Iterator[P]:
        return iter(self.raw)

    def final(self) -> F:
        """Return the checked final value, blocking this thread until it is there.  Raises what the call raised."""
        value: F = self.raw.wait()
        return value

    def close(self) -> None:
        """End the call if it still runs."""
        self.raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(Generic[P, F]):
    """A running call inside an event loop: ``async for`` for its partial values, ``await final()`` for its value."""

    def __init__(self, raw: Stream) -> None:
        self.raw = raw

    def __aiter__(self) -> AsyncIterator[P]:
        return aiter(self.raw)

    async def final(self) -> F:
        """Return the checked final value.  Raises what the call raised."""
        value: F = await self.raw.final()
        return value

    async def close(self) -> None:
        """End the call if it still runs, and wait until everything is closed."""
        await self.raw.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
