"""The runtime part of generated clients with the habits of ``baml_py``: calls, streams, requests, answers.

A client has a :class:`Caller`: the program, and options that every call gets.  Each way in which a call can fail passes
:func:`_translating`, so that the host gets the exceptions of :mod:`bamlvm.compat.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from bamlvm.client import AsyncStream, Project, SyncStream, given
from bamlvm.compat.collector import HTTPBody, HTTPRequest
from bamlvm.compat.errors import translated
from bamlvm.compat.options import NO_OPTIONS, BamlCallOptions, context_of
from bamlvm.context import CallContext

P = TypeVar("P")
F = TypeVar("F")


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        other = translated(error)
        if other is error:
            raise
        raise other from error


class BamlSyncStream(SyncStream[P, F]):
    """A running call outside an event loop: iterate for its partial values."""

    def __iter__(self) -> Iterator[P]:
        with _translating():
            yield from super().__iter__()

    def get_final_response(self) -> F:
        """Return the checked final value.  Raises what the call raised."""
        with _translating():
            return super().final()

    final = get_final_response


class BamlStream(AsyncStream[P, F]):
    """A running call inside an event loop: ``async for`` for its partial values."""

    async def __aiter__(self) -> AsyncIterator[P]:
        with _translating():
            async for partial in super().__aiter__():
                yield partial

    async def get_final_response(self) -> F:
        """Return the checked final value.  Raises what the call raised."""
        with _translating():
            return await super().final()

    final = get_final_response


class Caller:
    """A program, and options for every call; ``baml_options`` of a call take precedence.

    It can be pickled as far as its options can be.
    """

    def __init__(self, project: Project, options: BamlCallOptions = NO_OPTIONS) -> None:
        self._project = project
        self._options = options

    def with_options(self, options: BamlCallOptions) -> Caller:
        """Return a caller with these options beside its own."""
        return Caller(self._project, {**self._options, **options})

    def call(self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions) -> Any:
        """Call a function, wait for its value and return it."""
        with _translating():
            return self._project.call(name, arguments, self._context(name, options))

    async def call_async(self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions) -> Any:
        """Do the same in the running event loop."""
        with _translating():
            return await self._project.call_async(name, arguments, self._context(name, options))

    def stream(self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions) -> BamlSyncStream[Any, Any]:
        """Call a function and read its partial values, outside an event loop."""
        with _translating():
            return BamlSyncStream(self._project.stream(name, arguments, self._context(name, options)))

    def stream_async(self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions) -> BamlStream[Any, Any]:
        """Do the same in the running event loop."""
        with _translating():
            return BamlStream(self._project.stream(name, arguments, self._context(name, options)))

    def request(
        self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions, *, stream: bool
    ) -> HTTPRequest:
        """Return the HTTP request of a call; nothing is sent."""
        with _translating():
            context = self._context(name, options)
            made = self._project.runtime.request(name, given(arguments), context, stream=stream)
        return HTTPRequest(str(uuid4()), made.url, made.method, made.headers, HTTPBody(made.json()))

    async def request_async(
        self, name: str, arguments: Mapping[str, Any], options: BamlCallOptions, *, stream: bool
    ) -> HTTPRequest:
        """Return the same; nothing waits."""
        return self.request(name, arguments, options, stream=stream)

    def parse(self, name: str, text: str, options: BamlCallOptions = NO_OPTIONS) -> Any:
        """Return the value of a whole answer."""
        with _translating():
            return self._project.runtime.parse(name, text, self._context(name, options))

    def parse_stream(self, name: str, text: str, options: BamlCallOptions = NO_OPTIONS) -> Any:
        """Return the partial value of an answer that has arrived so far; None if nothing can be said yet."""
        with _translating():
            *_, partial = None, *self._project.runtime.parse_stream(name, [text], self._context(name, options))
        return partial

    def _context(self, name: str, options: BamlCallOptions) -> CallContext:
        return context_of(name, {**self._options, **options})
