"""The pieces of an LLM call on their own: its prompt, its request, and what an answer is read as.  Nothing here touches
the network, and nothing waits, so there is one form of each for synchronous and asynchronous code."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from bamlvm.calls.call import thrown_error
from bamlvm.errors import HostError
from bamlvm.values.results import PartialResults
from bamlvm.vm.outcomes import Done
from bamlvm.vm.values import Caught, Instance, Thrown, Value

if TYPE_CHECKING:
    from bamlvm.calls.call import Call
    from bamlvm.calls.engine import Engine
    from bamlvm.sysops.parsing import StreamParser
    from bamlvm.vm.program.types import Type


class HttpRequest(msgspec.Struct, frozen=True):
    """An HTTP request as it would be sent.

    ``headers`` and ``url`` are complete, keys included; printing the request shows none of these.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        from bamlvm.sysops.redaction import redacted_headers, redacted_url

        headers = redacted_headers(self.headers)
        return f"HttpRequest({self.method} {redacted_url(self.url)}, headers={headers}, {len(self.body)} characters)"

    __str__ = __repr__


class PromptPart(msgspec.Struct, frozen=True):
    """Text or media, and the keywords that its role was given (``cache_control`` and the like)."""

    content: Any
    metadata: dict[str, Any]


class PromptMessage(msgspec.Struct, frozen=True):
    """A chat message."""

    role: str
    parts: tuple[PromptPart, ...]

    @property
    def text(self) -> str:
        """The text of all parts."""
        return "".join(part.content for part in self.parts if isinstance(part.content, str))


def http_request(value: Any) -> HttpRequest:
    """A ``baml.http.Request`` as the host sees it."""
    return HttpRequest(value.method, value.url, value.headers, value.body)


def messages(value: Any) -> tuple[PromptMessage, ...]:
    """A ``baml.llm.Prompt`` as the host sees it."""
    return tuple(
        PromptMessage(message.role, tuple(PromptPart(part.content, part.metadata) for part in message.parts))
        for message in value.messages
    )


def with_defaults(call: Call) -> Value:
    """The arguments of a call of an LLM function, by name, with the defaults of those left out; nothing is sent.

    Raises as a call does, and :class:`HostError` for a default that must be waited for.
    """
    call.scope.prepared = call.function
    try:
        while True:
            outcome = call.advance()
            if isinstance(outcome, Done):
                break
            if outcome is not None:
                if inspect.iscoroutine(outcome.awaitable):
                    outcome.awaitable.close()
                raise HostError(f"{call.function}: the default of an argument must be waited for: pass the argument")
    except BaseException as error:
        call.conclude(error)
        raise
    call.conclude(None)
    return outcome.value


def parse(runtime: Engine, function: str, text: str) -> Any:
    """The value of a whole answer.  Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``)."""
    from bamlvm.sysops.llm_support import final_value

    type_ = read_type(runtime, function)
    try:
        value = final_value(runtime.services, type_, text)
    except Thrown as thrown:
        raise thrown_by(runtime, thrown) from None
    return runtime.results.to_host(value, type_)


def read_type(runtime: Engine, function: str) -> Type:
    """What an LLM function's answers are read as.  Raises :class:`HostError` if it is none."""
    signature = runtime.signature(function)
    if signature.kind != "llm":
        raise HostError(f"{function} is no LLM function: only what a model answers is parsed")
    return signature.annotated


def thrown_by(runtime: Engine, thrown: Thrown) -> Exception:
    """What the host gets for an error of a sys-op that no program called."""
    value: Instance = runtime.program.new_instance(thrown.class_name, thrown.fields)
    return thrown_error(runtime, Caught(value, ()))


class ParseStream:
    """What ``runtime.parse_stream(…)`` gives: iterating yields the partial values of an answer that comes in pieces,
    :meth:`final` reads the rest and gives the checked value.

    Over an asynchronous iterable iterate with ``async for`` and ``await stream.final()``.
    """

    def __init__(self, runtime: Engine, function: str, pieces: Iterable[str] | AsyncIterable[str]) -> None:
        from bamlvm.sysops.llm_support import output_for

        self._runtime = runtime
        self._type = read_type(runtime, function)
        try:
            self._parser: StreamParser = output_for(runtime.services, self._type).stream()
        except Thrown as thrown:
            raise thrown_by(runtime, thrown) from None
        self._pieces = pieces
        self._partials = PartialResults(runtime.results)
        self._sync: Iterator[str] | None = None
        self._async: AsyncIterator[str] | None = None
        if isinstance(pieces, AsyncIterable):
            self._async = aiter(pieces)
        else:
            self._sync = iter(pieces)

    def __iter__(self) -> Iterator[Any]:
        if self._sync is None:
            raise HostError("the pieces come asynchronously: use async for")
        for piece in self._sync:
            partial = self._parser.feed(piece)
            if partial is not None:
                yield self._partials.to_host(partial)

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self._async is None:
            for partial in self:
                yield partial
            return
        async for piece in self._async:
            partial = self._parser.feed(piece)
            if partial is not None:
                yield self._partials.to_host(partial)

    def final(self) -> Any:
        """The value of the whole answer; an awaitable of it where the pieces come asynchronously.

        Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``).
        """
        if self._async is not None:
            return self._final(self._async)
        assert self._sync is not None
        for piece in self._sync:
            self._parser.feed(piece)
        return self._finish()

    async def _final(self, pieces: AsyncIterator[str]) -> Any:
        async for piece in pieces:
            self._parser.feed(piece)
        return self._finish()

    def _finish(self) -> Any:
        from bamlvm.sysops.llm_support import enforced
        from bamlvm.sysops.parsing import finished

        try:
            value = enforced(self._runtime.services, self._type, finished(self._parser), self._parser.text())
        except Thrown as thrown:
            raise thrown_by(self._runtime, thrown) from None
        return self._runtime.results.to_host(value, self._type)
