"""A sys-op's view of the call that it serves.

A :class:`Scope` lives as long as one thread of a call.  The machine passes it through untouched as the first argument
of every sys-op.  It joins four things: the :class:`Services` of the runtime (shared by all calls), the call's own
environment and handle owner, the host's :class:`Hooks`, and the call's list of :class:`AttemptRecord`\\ s (what
collectors read).

A hook may be a plain callable or return an awaitable; a sys-op that calls one passes its result through
:func:`bamlvm.sysops.pending.deferred`, so that a plain hook costs no suspension.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from bamlvm.sysops.records import AttemptEvent, AttemptRecord
from bamlvm.sysops.redaction import NO_SECRETS, Secrets
from bamlvm.sysops.services import Readers, Services
from bamlvm.sysops.tracing import Trace
from bamlvm.vm.handles import Close
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Closure, Future, Handle, Instance

if TYPE_CHECKING:
    from bamlvm.sysops.providers.options import Options
    from bamlvm.sysops.response_cache import Caching, Kept
    from bamlvm.sysops.web.batches import Batches
    from bamlvm.sysops.web.sse import Event as SseEvent


class Hooks(msgspec.Struct, frozen=True):
    """The host's callbacks, all optional: ``on_partial(value, record, thread)``, ``on_tick(events, thread)``,
    ``on_attempt(event)``."""

    on_partial: Callable[[Any, AttemptRecord | None, int], Any] | None = None
    on_tick: Callable[[list[Any], int], Any] | None = None
    on_attempt: Callable[[AttemptEvent], Any] | None = None


NO_HOOKS: Final = Hooks()
"""Those of a call to which nothing listens."""


class Threads(Protocol):
    """The machine of a call, as far as it makes and ends threads."""

    def spawn(self, closure: Closure) -> Future: ...

    def cancel(self, future: Future) -> bool: ...


class _NoThreads:
    """Stands for the machine where there is none: sys-ops that are called by themselves."""

    def spawn(self, closure: Closure) -> Future:
        raise RuntimeError("no machine runs this call")

    def cancel(self, future: Future) -> bool:
        return False


NO_THREADS: Final[Threads] = _NoThreads()


class Scope(msgspec.Struct):
    """One thread of a call.

    ``owner`` is the call's number in the handle table, ``thread`` that of the thread in the call, and ``threads`` the
    machine.  ``attempt`` is the attempt under way; it began at ``attempt_clock`` of the monotonic clock,
    ``attempt_text()`` and ``attempt_reasoning()`` return its text and reasoning so far, and ``attempt_secrets`` must
    appear in no record.  ``keep_raw_events`` is set where a collector wants them.  ``partial`` is the last value of a
    stream's parser, ``finish_reason`` that of a stream that the program reads outside of any attempt, and ``batches``
    are those of the thread's event streams.  ``clients`` are the LLM clients that the call can name, ``client`` is the
    one that LLM functions use instead of their own, if set.  ``check`` raises what interrupts the call: for long work.
    ``added`` reads and writes values of the program's types with those that the call adds; None where it adds none.
    ``read_secrets`` are the secrets in the variables that the program has read in the call, in any thread, and in
    requests that it has made and not sent.
    ``options`` are those of the client of the attempt under way.
    ``waits`` is unset where nothing may be waited for: what takes long is done in the thread of the call.
    """

    services: Services
    owner: int
    env: Mapping[str, str]
    hooks: Hooks
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    attempts: list[AttemptRecord] = msgspec.field(default_factory=list)
    attempt: AttemptRecord | None = None
    attempt_clock: float = 0.0
    attempt_text: Callable[[], str] | None = None
    attempt_reasoning: Callable[[], str] | None = None
    attempt_secrets: Secrets = NO_SECRETS
    keep_raw_events: bool = False
    partial: Any = None
    finish_reason: str | None = None
    batches: Batches | None = None
    clients: Mapping[str, ClientInfo] = msgspec.field(default_factory=dict)
    client: str | None = None
    thread: int = 0
    threads: Threads = NO_THREADS
    check: Callable[[], None] | None = None
    added: Readers | None = None
    caching: Caching | None = None
    kept: Kept | None = None
    options: Options | None = None
    waits: bool = True
    read_secrets: set[str] = msgspec.field(default_factory=set)

    def __repr__(self) -> str:  # without the environment, which holds keys
        return f"<scope of call {self.owner}>"

    def of_thread(self, number: int) -> Scope:
        """Return the scope of a new thread: that of the same call, without an attempt under way."""
        return Scope(
            self.services,
            self.owner,
            self.env,
            self.hooks,
            self.tags,
            self.attempts,
            keep_raw_events=self.keep_raw_events,
            clients=self.clients,
            client=self.client,
            thread=number,
            threads=self.threads,
            check=self.check,
            added=self.added,
            caching=self.caching,
            waits=self.waits,
            read_secrets=self.read_secrets,
        )

    def open(self, kind: str, resource: Any, close: Close) -> Handle:
        """Put a resource into the handle table, as one that this thread has opened.

        Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if it is one too many; closing it is then still up
        to the caller.
        """
        return self.services.handles.open(kind, self.owner, resource, close, self.thread)

    @property
    def readers(self) -> Readers:
        """What reads and writes values of the types that the call has."""
        return self.added or self.services.readers

    @property
    def trace(self) -> Trace:
        """The trace of the runtime."""
        return self.services.trace

    def elapsed(self) -> float:
        """Return the seconds since the attempt under way began."""
        return time.monotonic() - self.attempt_clock

    def read_batch(self, text: str) -> Sequence[SseEvent]:
        """Return the events of a batch.

        Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if the text is not a batch.
        """
        if self.batches is not None:
            return self.batches.read(text)
        from bamlvm.sysops.web.batches import read_events  # a call without event streams needs none of it

        return read_events(text)

    def new_instance(self, class_name: str, **fields: Any) -> Instance:
        """Return a value of a class of the program; fields left out are null."""
        return self.services.schema.new_instance(class_name, fields)
