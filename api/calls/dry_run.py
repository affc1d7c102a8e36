"""The parts of an LLM call on their own: its prompt, its request, and what an answer is parsed to.

Nothing here touches the network, and nothing waits, so that each has one form for synchronous and asynchronous code.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from bamlvm.calls.blocking import run_without_waiting
from bamlvm.calls.call import Call
from bamlvm.calls.errors import thrown_error
from bamlvm.calls.prepare import prepare_part
from bamlvm.errors import HostError
from bamlvm.sysops.redaction import Secrets
from bamlvm.values.partials import PartialResults
from bamlvm.vm.values import Caught, Instance, Thrown, Value

if TYPE_CHECKING:
    from bamlvm.calls.engine import Engine
    from bamlvm.context import CallContext
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
    """Text or media, and the keyword arguments of its role (``cache_control`` and the like)."""

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


class DryRun:
    """A call of an LLM function that is not made.  Its parts raise as the call would."""

    def __init__(self, engine: Engine, function: str, args: Mapping[str, Any], context: CallContext) -> None:
        self._engine = engine
        self._function = function
        self._args = args
        self._context = context
        self._secrets: set[str] = set()

    def messages(self) -> tuple[PromptMessage, ...]:
        """Return the messages that the call would send first."""
        prompt = self._made("baml.llm.render_prompt")
        return tuple(
            PromptMessage(message.role, tuple(PromptPart(part.content, part.metadata) for part in message.parts))
            for message in prompt.messages
        )

    def request(self, stream: bool) -> HttpRequest:
        """Return the request that the call would send first; ``stream`` says whether its answer would be streamed."""
        made = self._made("baml.llm.build_request", stream)
        return HttpRequest(made.method, made.url, made.headers, made.body)

    def secrets(self) -> Secrets:
        """Return the secrets in all that was made, as records would hide them."""
        return Secrets(self._secrets)

    def _made(self, entry: str, *rest: Value) -> Any:
        prepared = prepare_part(self._engine, self._function, entry, self._args, *rest, context=self._context)
        call = Call(self._engine, prepared, self._context)
        try:
            return run_without_waiting(call)
        finally:
            self._secrets |= call.scope.read_secrets


def parse(engine: Engine, function: str, text: str, types: Any = None) -> Any:
    """Return the value of a whole answer; ``types`` are those of a context.

    Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``).
    """
    from bamlvm.sysops.llm_parsing import enforced, text_output
    from bamlvm.sysops.parsing import final_parse

    type_ = _answer_type(engine, function)
    border = engine.borders.of(types)
    readers = border.added or engine.services.readers
    try:
        parsed = final_parse(text_output(readers, function, type_), text, trace=engine.services.trace.parse)
        value = enforced(readers, type_, parsed, text)
    except Thrown as thrown:
        raise _thrown_by(engine, thrown) from None
    return border.results.to_host(value, type_)


class ParseStream:
    """The value of ``runtime.parse_stream(…)``: an answer that comes in pieces of text.

    Iterating yields the partial values; :meth:`final` reads the rest and returns the checked value.  Over an
    asynchronous iterable iterate with ``async for`` and ``await stream.final()``.
    """

    def __init__(
        self, engine: Engine, function: str, pieces: Iterable[str] | AsyncIterable[str], types: Any = None
    ) -> None:
        self._engine = engine
        border = engine.borders.of(types)
        self._results = border.results
        self._readers = border.added or engine.services.readers
        self._type = _answer_type(engine, function)
        from bamlvm.sysops.llm_parsing import text_output

        try:
            self._parser: StreamParser = text_output(self._readers, function, self._type).stream()
        except Thrown as thrown:
            raise _thrown_by(engine, thrown) from None
        self._partials = PartialResults(border.results)
        self._async = aiter(pieces) if isinstance(pieces, AsyncIterable) else None
        self._sync = iter(()) if isinstance(pieces, AsyncIterable) else iter(pieces)

    def __iter__(self) -> Iterator[Any]:
        if self._async is not None:
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
        """Return the value of the whole answer; an awaitable of it where the pieces come asynchronously.

        Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``).
        """
        if self._async is not None:
            return self._final(self._async)
        for piece in self._sync:
            self._parser.feed(piece)
        return self._finish()

    async def _final(self, pieces: AsyncIterator[str]) -> Any:
        async for piece in pieces:
            self._parser.feed(piece)
        return self._finish()

    def _finish(self) -> Any:
        from bamlvm.sysops.llm_parsing import enforced
        from bamlvm.sysops.parsing import finished

        try:
            value = enforced(self._readers, self._type, finished(self._parser), self._parser.text())
        except Thrown as thrown:
            raise _thrown_by(self._engine, thrown) from None
        return self._results.to_host(value, self._type)


def _answer_type(engine: Engine, function: str) -> Type:
    """Return the type that an LLM function's answers are parsed to.

    Raises :class:`bamlvm.HostError` for a function that is not an LLM function.
    """
    signature = engine.signature(function)
    if signature.kind != "llm":
        raise HostError(f"{function} is not an LLM function: it has no answer to parse")
    return signature.annotated


def _thrown_by(engine: Engine, thrown: Thrown) -> Exception:
    """Return the exception for an error of a sys-op that no program has called."""
    value: Instance = engine.program.new_instance(thrown.class_name, thrown.fields)
    return thrown_error(engine.results, Caught(value, ()))
