"""The runtime: a compiled program, ready to be called.

A runtime holds the linked program and what its calls share: the handle table, the HTTP clients, the round-robin
counters.  Everything of one call is in its :class:`bamlvm.calls.call.Call`.  Runtimes know nothing of each other;
one may be used from any number of threads and tasks at once.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import AsyncIterable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from bamlvm.build.cache import Cache
from bamlvm.build.loading import Loaded, load
from bamlvm.build.sources import read_sources
from bamlvm.calls.blocking import run_blocking
from bamlvm.calls.call import Call, Sink
from bamlvm.calls.engine import Engine
from bamlvm.calls.engine import hint_for as _hint_for
from bamlvm.context import NO_CONTEXT, CallContext
from bamlvm.errors import Cancelled, HostError
from bamlvm.sysops.scope import Services
from bamlvm.sysops.table import load as load_sysops
from bamlvm.sysops.tracing import VARIABLE as TRACE_VARIABLE
from bamlvm.sysops.tracing import new_trace
from bamlvm.values.arguments import Arguments
from bamlvm.values.classes import PartialTypes, Types
from bamlvm.values.results import Results
from bamlvm.vm.handles import CLOSE_SECONDS, HandleTable
from bamlvm.vm.linker import Program
from bamlvm.vm.natives import load_natives
from bamlvm.vm.program.declarations import Signature
from bamlvm.vm.values import MISSING, Value

if TYPE_CHECKING:
    import httpx

    from bamlvm.calls.dry_run import HttpRequest, ParseStream, PromptMessage
    from bamlvm.calls.streams import Stream
    from bamlvm.collector import Observer
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.sysops.web.clients import Clients
    from bamlvm.test_case import Case
    from bamlvm.vm.program.types import Type

CAPABILITIES: Final = frozenset({"shell", "fs", "net", "http", "env"})
"""What ``denied`` may name."""

_STREAM_LLM: Final = "baml.llm.stream_llm_function"

_RUNTIMES: Final[weakref.WeakSet[Runtime]] = weakref.WeakSet()  # only to be told of a fork


class Runtime:
    """A program that can be called; make one with :meth:`from_directory` or :meth:`from_files`.

    Options: ``transport`` is an ``httpx.AsyncBaseTransport`` to use instead of the network (the runtime closes it);
    ``denied`` names capabilities that the program may not use (``shell fs net http env``); ``env`` is its environment
    instead of ``os.environ``; ``collectors`` are told of every call; ``step_limit`` bounds the steps of a call
    (``baml.panics.StepLimit``); the ``max_open``s bound how many connections, files and so on may be open;
    ``optimize`` False compiles without the optimiser.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        denied: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        step_limit: int | None = None,
        max_open_per_call: int = 256,
        max_open: int = 4096,
        collectors: Iterable[Observer] = (),
    ) -> None:
        refused = frozenset(denied)
        if unknown := refused - CAPABILITIES:
            raise HostError(f"unknown capability {min(unknown)!r}: one of {', '.join(sorted(CAPABILITIES))}")
        try:
            trace = new_trace(os.environ.get(TRACE_VARIABLE))
        except ValueError as error:
            raise HostError(str(error)) from None
        program = Program.link([loaded.standard, loaded.unit], load_natives(), load_sysops())
        self.diagnostics: tuple[Diagnostic, ...] = loaded.diagnostics
        self.types = Types(program.classes, program.enums, program.aliases)
        self.partial_types = PartialTypes(self.types)
        self.functions = Functions(self)
        self._arguments = Arguments(program, self.types)
        self._tests = loaded.unit.tests
        self.generators = loaded.unit.generators
        self._transport = transport
        self._clients: Clients | None = None
        self._closed = False
        limits = (max_open_per_call, max_open)
        schema: Any = program  # Schema as sys-ops see it
        services = Services(schema, HandleTable(*limits), self._http_client, denied=refused, trace=trace)
        results = Results(self.types, self.partial_types, services)
        own = frozenset(loaded.unit.signatures)
        self.engine = Engine(program, services, results, os.environ if env is None else env, step_limit, own, limits)
        self.engine.collectors = tuple(collectors)
        _RUNTIMES.add(self)

    @classmethod
    def from_directory(cls, path: str | os.PathLike[str], *, optimize: bool = True, **options: Any) -> Self:
        """The program of every ``.baml`` file below a folder (or of one file).

        Raises :class:`bamlvm.CompileError`, and :class:`bamlvm.HostError` if there is no such file.
        """
        return cls.from_files(read_sources(path), optimize=optimize, **options)

    @classmethod
    def from_files(cls, files: Mapping[str, str], *, optimize: bool = True, **options: Any) -> Self:
        """The program of these sources, by file name.  Raises :class:`bamlvm.CompileError`."""
        return cls(load(files, optimize, Cache.default()), **options)

    def call_function_sync(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> Any:
        """Call a function and wait for its value.

        A function that does nothing but compute runs in this thread; one that must wait goes on in the background loop.
        An LLM function is streamed if the context has somebody to tell of partials or ticks.
        Raises :class:`bamlvm.ThrownError`, :class:`bamlvm.Cancelled`, :class:`bamlvm.HostError`, or what a callback
        raised.
        """
        context = ctx or NO_CONTEXT
        return run_blocking(self._prepare(name, args, context)(None))

    async def call_function(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> Any:
        """The same in the running event loop, as part of the calling task.  Cancelling the task ends the call."""
        from bamlvm.calls.drive import drive

        context = ctx or NO_CONTEXT
        return await drive(self._prepare(name, args, context)(None))

    def stream(self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None) -> Stream:
        """Call a function and read what it emits while it runs; see :class:`bamlvm.Stream`.

        An LLM function is streamed; any other function streams what it streams inside.  Arguments are checked at once.
        """
        from bamlvm.calls.streams import Stream

        return Stream(self._prepare(name, args, ctx or NO_CONTEXT, stream=True))

    def render_prompt(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> tuple[PromptMessage, ...]:
        """The messages that a call of an LLM function would send first.  Raises as a call does."""
        from bamlvm.calls.dry_run import messages

        return messages(run_blocking(self._piece(name, args, ctx, "baml.llm.render_prompt")(None)))

    def request(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        ctx: CallContext | None = None,
        *,
        stream: bool = False,
    ) -> HttpRequest:
        """The HTTP request that a call of an LLM function would send first; nothing is sent.  Raises as a call does."""
        from bamlvm.calls.dry_run import http_request

        return http_request(run_blocking(self._piece(name, args, ctx, "baml.llm.build_request", stream)(None)))

    def parse(self, name: str, text: str) -> Any:
        """What a call of an LLM function returns when its model answers ``text``.

        Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``).
        """
        from bamlvm.calls.dry_run import parse

        return parse(self.engine, name, text)

    def parse_stream(self, name: str, pieces: Iterable[str] | AsyncIterable[str]) -> ParseStream:
        """The same for an answer in pieces: partial values, and the final one; see :class:`bamlvm.ParseStream`."""
        from bamlvm.calls.dry_run import ParseStream

        return ParseStream(self.engine, name, pieces)

    def json_schema(self, type_name: str, *, aliases: bool = False) -> dict[str, Any]:
        """The JSON Schema (2020-12) of ``to_builtins`` of a type's values: a class, enum or alias, or a function's
        result; ``[]`` and ``?`` may follow.  With ``aliases`` it is of what models are told, by ``@alias``.

        Raises :class:`bamlvm.HostError` if there is no such type.
        """
        from bamlvm.values.json_schema import json_schema

        return json_schema(self.program, self.types, type_name, aliases=aliases)

    def signature(self, name: str) -> Signature:
        """A function's parameters, result and documentation.  Raises :class:`bamlvm.HostError` if it is unknown."""
        return self.engine.signature(name)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions of the program's own sources that can be called, in their order."""
        return self.engine.function_names

    program = property(lambda self: self.engine.program)
    services = property(lambda self: self.engine.services)
    results = property(lambda self: self.engine.results)
    env = property(lambda self: self.engine.env)
    step_limit = property(lambda self: self.engine.step_limit)
    active = property(lambda self: self.engine.active)

    @property
    def collectors(self) -> Any:
        return self.engine.collectors

    @collectors.setter
    def collectors(self, value: Any) -> None:
        self.engine.collectors = value

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every function of every ``test`` block, to be run by :func:`bamlvm.tools.test_runner.run_case`."""
        from bamlvm.test_case import cases

        return cases(self._tests)

    @property
    def handles(self) -> int:
        """How many connections, files and so on are open."""
        return len(self.services.handles)

    def close(self) -> None:
        """Cancel what still runs and close all connections.  Calls are refused from now on."""
        self._shut()
        here = threading.get_ident()  # what this very thread is in the middle of cannot end before close() returns
        until = time.monotonic() + CLOSE_SECONDS
        while any(call.thread != here for call in tuple(self.active)) and time.monotonic() < until:
            time.sleep(0.001)
        if self._clients is not None:
            self._clients.close()

    async def aclose(self) -> None:
        """The same in an event loop."""
        import asyncio

        self._shut()
        until = time.monotonic() + CLOSE_SECONDS
        while self.active and time.monotonic() < until:  # noqa: ASYNC110 (calls end on other threads too)
            await asyncio.sleep(0.001)
        if self._clients is not None:
            await self._clients.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def forked(self) -> None:
        """In a child process."""
        self.engine.forked()
        self.types.forked()
        self.partial_types.forked()
        if self._clients is not None:
            self._clients.forked()

    def _prepare(
        self, name: str, args: Mapping[str, Any] | None, context: CallContext, stream: bool = False
    ) -> _Prepared:
        if self._closed:
            raise HostError("the runtime is closed")
        signature = self.signature(name)
        values = self._convert(signature, args or {})
        listened = stream or context.on_partial is not None or context.on_tick is not None
        if signature.kind == "llm" and listened and any(value is MISSING for value in values):
            # Only the function itself knows its defaults: it is called, and finds out that it is streamed.
            return _Prepared(self, name, name, values, context, streamed=name)
        if signature.kind == "llm" and listened:
            return _Prepared(self, name, _STREAM_LLM, [name, self._by_name(signature, values)], context)
        return _Prepared(self, name, name, values, context)

    def _piece(
        self, name: str, args: Mapping[str, Any] | None, ctx: CallContext | None, entry: str, *rest: Value
    ) -> _Prepared:
        signature = self.signature(name)
        if signature.kind != "llm":
            raise HostError(f"{name} is no LLM function: it sends no prompt")
        context = ctx or NO_CONTEXT
        values = self._convert(signature, args or {})
        if MISSING in values:
            from bamlvm.calls.dry_run import with_defaults

            named = with_defaults(_Prepared(self, name, name, values, context)(None))
        else:
            named = dict(zip((parameter.name for parameter in signature.parameters), values, strict=True))
        return _Prepared(self, entry, entry, [name, named, *rest], context)

    def _convert(self, signature: Signature, args: Mapping[str, Any]) -> list[Value]:
        values: list[Value] = []
        used = 0
        for parameter in signature.parameters:
            if parameter.name in args:
                used += 1
                value = self._arguments.convert(args[parameter.name], parameter.type, parameter.name)
                self._demand(value, parameter.name, parameter.annotated)
                values.append(value)
            elif parameter.has_default:
                values.append(MISSING)
            elif self.types.nullable(parameter.type):
                values.append(None)
            else:
                raise HostError(f"{signature.name}: the argument {parameter.name!r} ({parameter.type}) is missing")
        if used != len(args):
            known = [parameter.name for parameter in signature.parameters]
            extra = next(name for name in args if name not in known)
            raise HostError(f"{signature.name}: no parameter {extra!r}{_hint_for(str(extra), known)}")
        return values

    def _demand(self, value: Value, name: str, type_: Type) -> None:
        """What a parameter's type asserts."""
        if not self.results.constraints.concern("assert", type_):
            return
        from bamlvm.sysops.constraints import AssertionFailed

        try:
            self.results.constraints.demand(value, type_)
        except AssertionFailed as failed:
            raise HostError(str(failed.at(name).at("args."))) from None

    def _by_name(self, signature: Signature, values: list[Value]) -> dict[str, Value]:
        named = {}
        for parameter, value in zip(signature.parameters, values, strict=True):
            if value is MISSING:
                raise HostError(
                    f"{signature.name}: the argument {parameter.name!r} is missing; "
                    "its default is only known when the function is called"
                )
            named[parameter.name] = value
        return named

    def _http_client(self) -> Any:
        if self._closed:
            raise HostError("the runtime is closed")
        if self._clients is None:
            from bamlvm.sysops.web.clients import Clients

            with self.program.lock:
                if self._clients is None:
                    self._clients = Clients(self._transport)
                    weakref.finalize(self, self._clients.drop).atexit = False
        return self._clients.current()

    def _shut(self) -> None:
        self._closed = True
        for call in tuple(self.active):
            call.interrupt(Cancelled("the runtime was closed"))


class _Prepared:
    """A call with its arguments converted; calling it, with a sink or None, begins the call."""

    __slots__ = ("_arguments", "_context", "_entry", "_name", "_runtime", "_streamed")

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        entry: str,
        arguments: list[Value],
        context: CallContext,
        streamed: str | None = None,
    ) -> None:
        self._runtime = runtime
        self._name = name
        self._entry = entry
        self._arguments = arguments
        self._context = context
        self._streamed = streamed

    def __call__(self, sink: Sink | None) -> Call:
        call = Call(self._runtime.engine, self._name, self._entry, self._arguments, self._context, sink)
        call.scope.streamed = self._streamed
        return call


class Functions:
    """``runtime.functions.Name(x=…)``: the program's functions as callables."""

    __slots__ = ("_runtime",)

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> BoundFunction:
        try:
            return BoundFunction(self._runtime, self._runtime.signature(name))
        except HostError as error:
            raise AttributeError(str(error)) from None

    def __getitem__(self, name: str) -> BoundFunction:
        return BoundFunction(self._runtime, self._runtime.signature(name))

    def __dir__(self) -> list[str]:
        return list(self._runtime.function_names)


class BoundFunction:
    """One function of a runtime; called, it runs :meth:`Runtime.call_function_sync`."""

    __slots__ = ("_runtime", "signature")

    def __init__(self, runtime: Runtime, signature: Signature) -> None:
        self._runtime = runtime
        self.signature = signature

    def __call__(self, *values: Any, **named: Any) -> Any:
        parameters = [parameter.name for parameter in self.signature.parameters]
        if len(values) > len(parameters):
            raise HostError(f"{self.signature.name}: {len(values)} arguments given, at most {len(parameters)} taken")
        args = dict(zip(parameters, values, strict=False))
        if twice := args.keys() & named.keys():
            raise HostError(f"{self.signature.name}: the argument {min(twice)!r} is given twice")
        return self._runtime.call_function_sync(self.signature.name, {**args, **named})

    def __repr__(self) -> str:
        return f"<BAML function {self.signature.name}>"


def _after_fork() -> None:
    for runtime in tuple(_RUNTIMES):
        runtime.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
