"""What a sys-op sees of the call it serves, and what a runtime lends to all its calls.

A :class:`Scope` lives as long as one call.  The machine hands it through untouched as the first argument of every
sys-op.  It joins four things: the :class:`Services` of the runtime (shared by all calls), the call's own environment
and handle owner, the host's :class:`Hooks`, and the call's :class:`AttemptRecord` list (what collectors read).

A hook may be a plain callable or return an awaitable; a sys-op that calls one passes its result through
:func:`bamlvm.sysops.pending.deferred`, so that a plain hook costs no suspension.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bamlvm.sysops.records import AttemptEvent, AttemptRecord
from bamlvm.sysops.redaction import NO_SECRETS, Secrets
from bamlvm.sysops.tracing import NO_TRACE, Trace
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.values import Instance

if TYPE_CHECKING:
    from bamlvm.sysops.web.batches import Batches
    from bamlvm.sysops.web.sse import Event as SseEvent


class Hooks(msgspec.Struct):
    """The host's callbacks, all optional: ``on_partial(value, record)``, ``on_tick(events)``, ``on_attempt(event)``."""

    on_partial: Callable[[Any, AttemptRecord | None], Any] | None = None
    on_tick: Callable[[list[Any]], Any] | None = None
    on_attempt: Callable[[AttemptEvent], Any] | None = None


class Schema(Protocol):
    """What sys-ops may ask of the running program; :class:`bamlvm.vm.program.unit.Unit` objects, merged.

    ``new_instance`` makes a value of a class by qualified name; fields left out are null.
    """

    @property
    def classes(self) -> Mapping[str, Any]: ...

    @property
    def enums(self) -> Mapping[str, Any]: ...

    @property
    def aliases(self) -> Mapping[str, Any]: ...

    @property
    def annotated_aliases(self) -> Mapping[str, Any]: ...

    @property
    def signatures(self) -> Mapping[str, Any]: ...

    @property
    def llm_functions(self) -> Mapping[str, Any]: ...

    @property
    def clients(self) -> Mapping[str, Any]: ...

    @property
    def retry_policies(self) -> Mapping[str, Any]: ...

    @property
    def templates(self) -> Mapping[str, Any]: ...

    def new_instance(self, class_name: str, fields: Mapping[str, Any]) -> Instance: ...

    def enum_value(self, enum: str, variant: str) -> Any: ...

    def tester(self, type_: Any) -> Callable[[Any], bool]: ...


class Services(msgspec.Struct):
    """What one runtime lends to all of its calls.

    ``http_client`` gives the shared ``httpx.AsyncClient`` of the running event loop, made at its first use;
    ``round_robin`` holds each strategy client's counter; ``denied`` names the capabilities the embedder refused
    (``shell fs net http env``).
    """

    schema: Schema
    handles: HandleTable
    http_client: Callable[[], Any]
    round_robin: dict[str, int] = msgspec.field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    compiled_templates: dict[str, Any] = msgspec.field(default_factory=dict)
    trace: Trace = NO_TRACE


class Scope(msgspec.Struct):
    """One call.  ``owner`` is its number in the handle table; ``attempt`` the attempt under way, which began at
    ``attempt_clock`` of the monotonic clock and whose text and reasoning so far ``attempt_text`` and
    ``attempt_reasoning`` return; ``attempt_secrets`` must not be shown to anyone; ``keep_raw_events`` is set where a
    collector asked for them; ``partial`` is the value that a stream's parser returned last; ``batches`` are those of
    its event streams."""

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
    batches: Batches | None = None

    def __repr__(self) -> str:  # without the environment, which holds keys
        return f"<scope of call {self.owner}>"

    @property
    def trace(self) -> Trace:
        """The trace of the runtime."""
        return self.services.trace

    def elapsed(self) -> float:
        """Seconds since the attempt under way began."""
        return time.monotonic() - self.attempt_clock

    def read_batch(self, text: str) -> Sequence[SseEvent]:
        """The events of a batch.  Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if it is none."""
        if self.batches is not None:
            return self.batches.read(text)
        from bamlvm.sysops.web.batches import read_events  # a call without event streams needs none of it

        return read_events(text)

    def new_instance(self, class_name: str, **fields: Any) -> Instance:
        """A value of a class of the program; fields left out are null."""
        return self.services.schema.new_instance(class_name, fields)
