"""The engine: what a call needs of its runtime.

A call knows an :class:`Engine` and nothing of :class:`bamlvm.Runtime`, which makes one and keeps it.  The engine also
knows the calls under way, so that closing the runtime can end them and wait for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import msgspec

from bamlvm.errors import Cancelled, HostError
from bamlvm.sysops.system import monotonic, pause
from bamlvm.vm.handles import CLOSE_SECONDS, HandleTable
from bamlvm.vm.program.declarations import Parameter, Signature
from bamlvm.vm.program.types import Type

if TYPE_CHECKING:
    from bamlvm.calls.border import Borders
    from bamlvm.collector import Observer
    from bamlvm.context import CallContext
    from bamlvm.sysops.grants import Environment
    from bamlvm.sysops.response_cache import Caching, Mode
    from bamlvm.sysops.scope import Scope
    from bamlvm.sysops.services import Services
    from bamlvm.values.results import Results
    from bamlvm.vm.linker import Program
    from bamlvm.vm.program.llm import ClientInfo
    from bamlvm.vm.trace import Tracer

_CALLABLE: Final = ("function", "llm")


CompileClients: TypeAlias = "Callable[[Program, Mapping[str, Mapping[str, Any]]], Mapping[str, ClientInfo]]"


class ActiveCall(Protocol):
    """A call under way; ``thread`` is the one that it runs in, None on the background loop."""

    thread: int | None

    def interrupt(self, reason: BaseException) -> None: ...


class Callee(msgspec.Struct, frozen=True):
    """What every call takes of its function; ``attributed`` is the type of its result if an attribute is written in
    it."""

    signature: Signature
    parameters: tuple[Parameter, ...]
    attributed: Type | None
    is_llm: bool


class Callees(dict[str, Callee]):
    """The functions that have been called, by name.  Raises :class:`bamlvm.HostError` for what is none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __missing__(self, name: str) -> Callee:
        signature = self._engine.signature(name)
        attributed = None if signature.annotated is signature.result else signature.annotated
        found = self[name] = Callee(signature, signature.parameters, attributed, signature.kind == "llm")
        return found


class Engine:
    """A linked program, its services, the borders of its calls, and those under way.

    ``own`` names the functions of the program's own sources, ``limits`` are the handle table's: open resources a call,
    and altogether.  ``compile_clients`` checks the clients that a host gives to a call.  ``tape`` is the runtime's
    transport: one that records may have ``note_call(function, arguments)``, one that replays
    ``recorded_arguments(function)`` (:mod:`bamlvm.replay`).  ``store`` keeps responses
    (:mod:`bamlvm.sysops.response_cache`).
    """

    def __init__(
        self,
        program: Program,
        services: Services,
        borders: Borders,
        *,
        env: Environment,
        step_limit: int | None,
        collectors: tuple[Observer, ...],
        own: frozenset[str],
        limits: tuple[int, int],
        compile_clients: CompileClients,
        tape: object = None,
        store: Any = None,
    ) -> None:
        self.program = program
        self.services = services
        self.borders = borders
        self.env = env
        self.step_limit = step_limit
        self.collectors = collectors
        self.new_tracer: Callable[[Scope], Tracer | None] | None = None  # makes the tracer of a call's machine
        self._compile_clients = compile_clients
        self.active: set[ActiveCall] = set()
        self.closed = False
        self.callees = Callees(self)
        self._own = own
        self._limits = limits
        self._note_call: Callable[[str, Mapping[str, Any]], None] | None = getattr(tape, "note_call", None)
        self._recorded: Callable[[str], Mapping[str, Any]] | None = getattr(tape, "recorded_arguments", None)
        self.has_tape = self._note_call is not None or self._recorded is not None
        self.new_owner: Callable[[], int] = count(1).__next__
        """Returns the number of a new call in the handle table."""
        self.store = store
        self.caching = None if store is None else _caching(store, "use")  # of a call that says nothing of it

    @property
    def results(self) -> Results:
        """The conversion of values of the program's own types."""
        return self.borders.own.results

    def clients_of(self, context: CallContext) -> Mapping[str, ClientInfo]:
        """Return the LLM clients that a call can name.

        Raises :class:`bamlvm.HostError` for a client of the context that the source could not have, and for the name
        of a client that does not exist.
        """
        known: Mapping[str, ClientInfo] = self.program.clients
        if context.clients:
            known = {**known, **self._compile_clients(self.program, context.clients)}
        if context.client is not None and context.client not in known and "/" not in context.client:
            raise HostError(f"there is no client {context.client!r}{hint_for(context.client, known)}")
        return known

    def environment(self, context: Mapping[str, str | None]) -> Environment:
        """Return the environment of a call whose context gives it these variables."""
        return self.env.given(context) if context else self.env

    def caching_of(self, context: CallContext) -> Caching | None:
        """Return how a call uses the cache of responses, or None where it does not.

        Raises :class:`bamlvm.HostError` for a context that needs a cache where the runtime has none.
        """
        wanted = context.cache
        if wanted is None:
            return self.caching
        if wanted is False:
            return None
        if self.store is None:
            raise HostError(f"CallContext(cache={wanted!r}): the runtime has no cache; make it with Runtime(cache=…)")
        return self.caching if wanted is True else _caching(self.store, wanted)

    def signature(self, name: str) -> Signature:
        """Return a function's signature.  Raise :class:`bamlvm.HostError` if there is no such function."""
        found = self.program.signatures.get(name)
        if found is None or found.kind not in _CALLABLE:
            raise HostError(f"the program has no function {name!r}{hint_for(name, self.function_names)}")
        return found

    def taped(self, signature: Signature, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments of a call, those left out as they were recorded; note the call where it is recorded."""
        if self._recorded is not None:
            known = {parameter.name for parameter in signature.parameters}
            recorded = self._recorded(signature.name)
            args = {**{name: value for name, value in recorded.items() if name in known}, **args}
        if self._note_call is not None:
            self._note_call(signature.name, args)
        return args

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions of the program's own sources that can be called, in their order."""
        found = self.program.signatures.items()
        return tuple(name for name, each in found if name in self._own and each.kind in _CALLABLE)

    def close(self) -> None:
        """Refuse new calls and interrupt those under way."""
        self.closed = True
        for call in tuple(self.active):
            call.interrupt(Cancelled("the runtime was closed"))

    def wait_idle(self) -> None:
        """Wait until no other thread's call is under way, at most ``CLOSE_SECONDS``.

        This thread's own calls cannot end before this returns: they are further up its stack.
        """
        here = threading.get_ident()
        until = monotonic() + CLOSE_SECONDS
        while any(call.thread != here for call in tuple(self.active)) and monotonic() < until:
            pause(0.001)

    def forked(self) -> None:
        """Start afresh in a child process: its parent's calls do not run here, and a lock of theirs may be held."""
        self.active = set()
        self.services.handles = HandleTable(*self._limits)
        self.services.round_robin_lock = threading.Lock()
        self.program.lock = threading.RLock()
        self.borders.forked()


def hint_for(name: str, known: Iterable[str]) -> str:
    """Return the parenthesis that ends a message about an unknown name: the nearest known one, or all of them."""
    from bamlvm.vm.program.spelling import suggestion  # only an error pays for it

    return f" ({suggestion(name, known) or 'there are none'})"


def _caching(store: Any, mode: Mode) -> Caching:
    from bamlvm.sysops.response_cache import Caching

    return Caching(store, mode)
