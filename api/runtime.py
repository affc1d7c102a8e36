"""The runtime: a compiled program, ready to be called.

A runtime makes the :class:`bamlvm.calls.engine.Engine` that its calls share (the linked program, the handle table, the
HTTP clients, the round-robin counters) and closes it.  Everything of one call is in its
:class:`bamlvm.calls.call.Call`.  Runtimes know nothing of each other; one may be used from any number of threads and
tasks at once.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from bamlvm.build.cache import Cache
from bamlvm.build.loading import Loaded, load
from bamlvm.build.sources import SourcePath, read_sources
from bamlvm.calls.blocking import run_blocking
from bamlvm.calls.border import Border, Borders
from bamlvm.calls.call import Call
from bamlvm.calls.engine import Engine
from bamlvm.calls.prepare import prepare_call
from bamlvm.context import NO_CONTEXT, CallContext
from bamlvm.errors import HostError
from bamlvm.sysops import system, tracing
from bamlvm.sysops.grants import Environment, ProcessEnvironment, Stated, grants_of
from bamlvm.sysops.services import MAX_BYTES, Services
from bamlvm.sysops.table import load as load_sysops
from bamlvm.values.arguments import Arguments
from bamlvm.values.classes import PartialTypes, Types
from bamlvm.values.results import Results
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.linker import Program, Translation
from bamlvm.vm.natives import load_natives
from bamlvm.vm.program.declarations import Additions, Signature

if TYPE_CHECKING:
    import httpx

    from bamlvm.calls.batch import BatchResult, Rows
    from bamlvm.calls.dry_run import HttpRequest, ParseStream, PromptMessage
    from bamlvm.calls.streams import Stream
    from bamlvm.collector import Observer
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.sysops.prices import Prices
    from bamlvm.sysops.web.clients import Clients
    from bamlvm.test_case import Case
    from bamlvm.vm.program.llm import ClientInfo

_RUNTIMES: Final[weakref.WeakSet[Runtime]] = weakref.WeakSet()  # for `_forked`


class Runtime:
    """A program that can be called; make one with :meth:`from_directory` or :meth:`from_files`.

    Options: ``transport`` is an ``httpx.AsyncBaseTransport`` to use instead of the network (the runtime closes it);
    where its attribute ``needs_credentials`` is False, variables that a client needs may be unset;
    ``capabilities`` are those that the program has (``shell fs net http env``; by default all but ``shell``): their
    names, or a mapping in which ``http`` and ``net`` may have a list of hosts (:mod:`bamlvm.sysops.hosts`), ``fs`` of
    folders, ``env`` of variables; of these, ``denied`` names some that it has not.  ``env`` is its environment instead
    of the process's; ``max_bytes`` bounds what one operation may bring in (a response, a file, the output of a
    command; 64 MiB); ``collectors`` get a record of every call; ``step_limit`` bounds the steps of a call
    (``baml.panics.StepLimit``); ``max_open_per_call`` and ``max_open`` bound how many connections, files and other
    resources may be open at once; ``optimize`` False compiles without the optimiser;
    ``translate`` False keeps hot functions interpreted.  ``cache`` keeps the responses of LLMs, so that an equal
    request is answered without being sent: True, a path, or an object with ``get(key)`` and ``put(key, value)``
    (:mod:`bamlvm.sysops.response_cache`).  ``prices`` are those of models, per million tokens
    (``{"gpt-4o": {"input": 2.5, "output": 10}}``), by which collectors know what calls cost; ``from_directory`` takes
    those of the project's settings unless it is given others.

    A runtime can be pickled, as far as its options can be: it is made anew of its sources and options.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        capabilities: Stated | None = None,
        denied: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        step_limit: int | None = None,
        max_bytes: int = MAX_BYTES,
        max_open_per_call: int = 256,
        max_open: int = 4096,
        collectors: Iterable[Observer] = (),
        translate: bool = True,
        cache: Any = None,
        prices: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            grants = grants_of(capabilities, denied)
            trace = tracing.new_trace(system.environment.get(tracing.VARIABLE))
        except ValueError as error:
            raise HostError(str(error)) from None
        program = Program.link([loaded.standard, loaded.unit], load_natives(), load_sysops())
        program.translation = _translation(translate, system.environment.get("BAMLVM_TRANSLATE", ""))
        self.diagnostics: tuple[Diagnostic, ...] = loaded.diagnostics
        self.generators = loaded.unit.generators
        self.types = Types(program.classes, program.enums, program.aliases)
        self.partial_types = PartialTypes(self.types)
        self.functions = Functions(self)
        self._tests = loaded.unit.tests
        self._origin: tuple[dict[str, str], bool, dict[str, Any]] | None = None
        if transport is not None and not callable(getattr(transport, "handle_async_request", None)):
            raise HostError(f"transport must be an httpx.AsyncBaseTransport, not {type(transport).__name__}")
        self._transport = transport
        self._clients: Clients | None = None
        limits = (max_open_per_call, max_open)
        schema: Any = program  # a Schema, as sys-ops see it
        services = Services(
            schema,
            HandleTable(*limits),
            self._http_client,
            grants=grants,
            max_bytes=max_bytes,
            trace=trace,
            is_offline=not getattr(transport, "needs_credentials", True),
            prices=_prices(prices),
        )
        own = Border(Arguments(program, self.types), Results(self.types, self.partial_types, services.readers))
        self.engine = Engine(
            program,
            services,
            Borders(program, own, services.readers, _resolve_types),
            env=Environment({}, system.environment if env is None else env, grants, _is_chosen(env)),
            step_limit=step_limit,
            collectors=tuple(collectors),
            own=frozenset(loaded.unit.signatures),
            limits=limits,
            compile_clients=_compile_clients,
            tape=transport,
            store=_store(cache),
        )
        self._closes_cache = not hasattr(cache, "get")  # it is this runtime's own
        if trace.steps is not None:
            from bamlvm.vm.trace import StepPrinter

            write = trace.steps
            self.engine.new_tracer = lambda scope: StepPrinter(write)
        _RUNTIMES.add(self)

    @classmethod
    def from_directory(cls, path: SourcePath, *, optimize: bool = True, **options: Any) -> Self:
        """Make a runtime of every ``.baml`` file below a folder (or of one file).

        Raises :class:`bamlvm.CompileError`, and :class:`bamlvm.HostError` if there is no such file.
        """
        files = read_sources(path)
        if "prices" not in options:
            from bamlvm.build.prices import found_prices

            options["prices"] = found_prices(path)
        return cls.from_files(files, optimize=optimize, **options)

    @classmethod
    def from_files(cls, files: Mapping[str, str], *, optimize: bool = True, **options: Any) -> Self:
        """Make a runtime of sources by file name.  Raises :class:`bamlvm.CompileError`."""
        made = cls(load(files, optimize, Cache.default()), **options)
        made._origin = (dict(files), optimize, options)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        if self._origin is None:
            raise TypeError("this runtime cannot be pickled: it was made of compiled units, not of sources")
        files, optimize, options = self._origin
        return partial(type(self).from_files, optimize=optimize, **options), (files,)

    def call_function_sync(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> Any:
        """Call a function, wait for its value and return it.

        A function that only computes runs in this thread; one that must wait goes on in the background loop.  An LLM
        function is streamed if the context listens to partial values or ticks.
        Raises :class:`bamlvm.ThrownError`, :class:`bamlvm.Cancelled`, :class:`bamlvm.HostError`, or what a callback
        raised.
        """
        if ctx is None:
            context, listens = NO_CONTEXT, False
        else:
            context, listens = ctx, ctx.listens
        prepared = prepare_call(self.engine, name, args or {}, listens, context)
        return run_blocking(Call(self.engine, prepared, context))

    async def call_function(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> Any:
        """Do the same in the running event loop, as part of the calling task.  Cancelling the task ends the call."""
        from bamlvm.calls.drive import drive

        context = ctx or NO_CONTEXT
        prepared = prepare_call(self.engine, name, args or {}, context.listens, context)
        return await drive(Call(self.engine, prepared, context))

    def stream(self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None) -> Stream:
        """Call a function and read what it emits while it runs; see :class:`bamlvm.Stream`.

        An LLM function is streamed; any other function streams what it streams inside.  Arguments are checked at once.
        """
        from bamlvm.calls.streams import Stream

        context = ctx or NO_CONTEXT
        prepared = prepare_call(self.engine, name, args or {}, True, context)
        return Stream(partial(Call, self.engine, prepared, context))

    def batch(
        self,
        name: str,
        rows: Rows,
        ctx: CallContext | None = None,
        *,
        concurrency: int = 10,
        rate: str | None = None,
        tokens_rate: str | None = None,
        ordered: bool = True,
    ) -> AsyncGenerator[BatchResult, None]:
        """Call a function with each of many rows, ``concurrency`` at a time; iterate over the results.

        A row is a mapping of arguments; ``rows`` is an iterable or an asynchronous one, and is read as calls become
        free.  ``rate`` bounds how many attempts at LLM clients begin (``"500/min"``), ``tokens_rate`` the tokens that
        they cost.  Results come in the order of the rows, or as they are done.  The error of a row is in its result;
        cancelling the context's token ends the batch.  Leaving the iteration cancels the calls that still run.
        Raises :class:`bamlvm.HostError` for an unknown function and for options that make no sense.
        """
        from bamlvm.calls.batch import batch
        from bamlvm.calls.pace import Pace, rate_of

        if concurrency < 1:
            raise HostError(f"concurrency: expected a number from 1 up, got {concurrency!r}")
        self.signature(name)
        pace = None
        if rate is not None or tokens_rate is not None:
            pace = Pace(rate_of("rate", rate), rate_of("tokens_rate", tokens_rate))
        context = ctx or NO_CONTEXT
        return batch(self.engine, name, rows, context, concurrency=concurrency, pacing=pace, ordered=ordered)

    def render_prompt(
        self, name: str, args: Mapping[str, Any] | None = None, ctx: CallContext | None = None
    ) -> tuple[PromptMessage, ...]:
        """Return the messages that a call of an LLM function would send first.  Raises as a call does."""
        from bamlvm.calls.dry_run import DryRun

        return DryRun(self.engine, name, args or {}, ctx or NO_CONTEXT).messages()

    def request(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        ctx: CallContext | None = None,
        *,
        stream: bool = False,
    ) -> HttpRequest:
        """Return the HTTP request that a call of an LLM function would send first; nothing is sent.

        Raises as a call does.
        """
        from bamlvm.calls.dry_run import DryRun

        return DryRun(self.engine, name, args or {}, ctx or NO_CONTEXT).request(stream)

    def parse(self, name: str, text: str, ctx: CallContext | None = None) -> Any:
        """Return what a call of an LLM function returns when its model answers ``text``.

        Of the context the ``types`` count.  Raises :class:`bamlvm.ThrownError` (``baml.errors.ParseFailed``).
        """
        from bamlvm.calls.dry_run import parse

        return parse(self.engine, name, text, (ctx or NO_CONTEXT).types)

    def parse_stream(
        self, name: str, pieces: Iterable[str] | AsyncIterable[str], ctx: CallContext | None = None
    ) -> ParseStream:
        """Do the same for an answer in pieces: partial values, and the final one; see :class:`bamlvm.ParseStream`."""
        from bamlvm.calls.dry_run import ParseStream

        return ParseStream(self.engine, name, pieces, (ctx or NO_CONTEXT).types)

    def json_schema(self, type_name: str, *, aliases: bool = False) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of ``to_builtins`` of a type's values.

        ``type_name`` is a class, an enum, an alias, or a function for its result; ``[]`` and ``?`` may follow.  With
        ``aliases`` the schema has the names that models see, by ``@alias``.  Raises :class:`bamlvm.HostError` if there
        is no such type.
        """
        from bamlvm.values.json_schema import json_schema

        return json_schema(self.engine.program, self.types, type_name, aliases=aliases)

    def signature(self, name: str) -> Signature:
        """Return a function's parameters, result and documentation.

        Raises :class:`bamlvm.HostError` if there is no such function.
        """
        return self.engine.signature(name)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions of the program's own sources that can be called, in their order."""
        return self.engine.function_names

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every function of every ``test`` block, to be run by :func:`bamlvm.tools.test_runner.run_case`."""
        from bamlvm.test_case import cases

        return cases(self._tests)

    @property
    def collectors(self) -> tuple[Observer, ...]:
        """The collectors of every call; setting them concerns the calls that begin afterwards."""
        return self.engine.collectors

    @collectors.setter
    def collectors(self, collectors: Iterable[Observer]) -> None:
        self.engine.collectors = tuple(collectors)

    @property
    def handles(self) -> int:
        """How many connections, files and other resources are open."""
        return len(self.engine.services.handles)

    def close(self) -> None:
        """Cancel what still runs and close all connections.  Later calls raise :class:`bamlvm.HostError`."""
        self.engine.close()
        self.engine.wait_idle()
        if self._clients is not None:
            self._clients.close()
        self._close_cache()

    async def aclose(self) -> None:
        """Do the same in an event loop."""
        from bamlvm.calls.closing import wait_idle

        self.engine.close()
        await wait_idle(self.engine)
        if self._clients is not None:
            await self._clients.aclose()
        self._close_cache()

    def _close_cache(self) -> None:
        if self._closes_cache and self.engine.store is not None:
            self.engine.store.close()

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
        """Start afresh in a child process, which has none of its parent's calls, threads and connections."""
        self.engine.forked()
        self.types.forked()
        self.partial_types.forked()
        if self._clients is not None:
            self._clients.forked()

    def _http_client(self) -> Any:
        """Return the HTTP client of the running event loop."""
        if self.engine.closed:
            raise HostError("the runtime is closed")
        if self._clients is None:
            from bamlvm.sysops.web.clients import Clients

            with self.engine.program.lock:
                if self._clients is None:
                    granted = self.engine.services.grants.http
                    self._clients = Clients(self._transport, None if isinstance(granted, bool) else granted)
                    weakref.finalize(self, self._clients.drop).atexit = False
        return self._clients.current()


def _is_chosen(env: Mapping[str, str] | None) -> bool:
    """Whether the host has chosen the variables of an environment itself."""
    return env is not None and env is not system.environment and not isinstance(env, ProcessEnvironment)


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


def _compile_clients(program: Program, given: Mapping[str, Mapping[str, Any]]) -> Mapping[str, ClientInfo]:
    from bamlvm.build.clients import compile_clients  # and with it the compiler: few calls have clients of their own

    return compile_clients(program, given)


def _resolve_types(program: Program, given: Any) -> Sequence[Additions]:
    if isinstance(given, Additions):
        return (given,)
    from bamlvm.build.types import resolve_types  # few calls add types

    return resolve_types(program, given)


def _prices(table: Mapping[str, Any] | None) -> Prices | None:
    """Return a host's prices.  Raises :class:`bamlvm.HostError`."""
    if not table:
        return None
    from bamlvm.sysops.prices import prices_from

    try:
        return prices_from(table)
    except ValueError as error:
        raise HostError(str(error)) from None


def _store(cache: Any) -> Any:
    """Return the store of responses that a host's ``cache`` means.  Raises :class:`bamlvm.HostError`."""
    if cache is None or cache is False:
        return None
    from bamlvm.sysops.response_cache import store_of

    try:
        return store_of(cache)
    except TypeError as error:
        raise HostError(str(error)) from None


def _translation(wanted: bool, variable: str) -> Translation:
    """Return which functions become Python functions; the variable is for tests and support."""
    if not wanted or variable == "0":
        return "off"
    return "eager" if variable == "eager" else "stress" if variable == "stress" else "hot"


def _forked() -> None:
    for runtime in tuple(_RUNTIMES):
        runtime.forked()


system.after_fork(_forked)
