"""What a sys-op sees of the call it serves, and what a runtime lends to all its calls.

A :class:`Scope` lives as long as one call.  The machine hands it through untouched as the first argument of every
sys-op.  It joins four things: the :class:`Services` of the runtime (shared by all calls), the call's own environment
and handle owner, the host's :class:`Hooks`, and the call's :class:`AttemptRecord` list (what collectors read).

A hook may be a plain callable or return an awaitable; a sys-op that calls one passes its result through
:func:`bamlvm.sysops.scope.deferred`, so that a plain hook costs no suspension.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from bamlvm.sysops.redaction import NO_SECRETS, Secrets
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.values import Instance, Pending

if TYPE_CHECKING:
    from bamlvm.sysops.batches import Batches
    from bamlvm.sysops.sse import Event as SseEvent


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error as plain data.

    ``type`` is the qualified name of a thrown value's class (``baml.errors.Timeout``), else of the Python exception's;
    ``value`` is the thrown value as dicts, lists, strings and numbers, None for an exception.
    """

    type: str
    message: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class AttemptRecord(msgspec.Struct):
    """One attempt at one client: filled by the sys-ops as they learn it, read by collectors and ``on_attempt``.

    ``ordinal`` counts the attempts of the whole call from 1, ``number`` those of this client from 1.  ``started`` is
    Unix time; the other times are seconds from then: ``first_byte`` to the head of the answer, ``first_partial`` to
    the first partial value, ``duration`` to the end.  ``request`` (``method``, ``url``, ``headers``, ``body``) has its
    secrets hidden.  ``request_model`` was asked for, ``model`` has answered; until one has, they are the same.
    ``text`` is what had been received when the attempt ended.

    Tokens are None where the provider did not say.  ``input_tokens`` and ``output_tokens`` count the whole prompt and
    the whole answer; ``cached_input_tokens`` and ``cache_write_tokens`` are parts of the former, ``reasoning_tokens``
    of the latter.
    """

    function: str
    client: str
    provider: str
    ordinal: int
    number: int
    started: float
    model: str | None = None
    request_model: str | None = None
    request: dict[str, Any] | None = None
    status: int | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    first_byte: float | None = None
    first_partial: float | None = None
    duration: float | None = None
    error: ErrorRecord | None = None
    text: str = ""
    raw_events: list[Any] | None = None

    def __repr__(self) -> str:
        facts = [f"{self.client} ({self.provider}{f' {self.model}' if self.model else ''})"]
        if self.status is not None:
            facts.append(str(self.status))
        if self.error is not None:
            facts.append(f"failed: {self.error.type}")
        elif self.finish_reason is not None:
            facts.append(self.finish_reason)
        if self.input_tokens is not None or self.output_tokens is not None:
            facts.append(f"{self.input_tokens or 0}+{self.output_tokens or 0} tokens")
        facts.append("running" if self.duration is None else f"{self.duration:.3f} s")
        return f"<attempt {self.ordinal} {', '.join(facts)}>"


class AttemptEvent(msgspec.Struct, frozen=True):
    """What ``on_attempt`` receives: an attempt started, failed (``record.error`` says why) or succeeded."""

    kind: Literal["started", "failed", "succeeded"]
    record: AttemptRecord


class Hooks(msgspec.Struct):
    """The host's callbacks, all optional: ``on_partial(value, record)``, ``on_tick(events)``, ``on_attempt(event)``.

    ``describe(value)`` says what a thrown value is, for records.
    """

    on_partial: Callable[[Any, AttemptRecord | None], Any] | None = None
    on_tick: Callable[[list[Any]], Any] | None = None
    on_attempt: Callable[[AttemptEvent], Any] | None = None
    describe: Callable[[Any], ErrorRecord] | None = None


class Schema(Protocol):
    """What sys-ops may ask of the running program; :class:`bamlvm.vm.program.Unit` objects, merged.

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


class Scope(msgspec.Struct):
    """One call.  ``owner`` is its number in the handle table; ``attempt`` the attempt under way, which began at
    ``attempt_clock`` of the monotonic clock and whose text so far ``attempt_text`` gives; nobody may see its
    ``attempt_secrets``; ``keep_raw_events`` is set where a collector asked for them; ``partial`` is the value that a
    stream's parser gave last; ``batches`` are those of its event streams; ``streamed`` is the LLM function that is to
    be streamed when it is called, ``prepared`` one of which only the arguments are wanted."""

    services: Services
    owner: int
    env: Mapping[str, str]
    hooks: Hooks
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    attempts: list[AttemptRecord] = msgspec.field(default_factory=list)
    attempt: AttemptRecord | None = None
    attempt_clock: float = 0.0
    attempt_text: Callable[[], str] | None = None
    attempt_secrets: Secrets = NO_SECRETS
    keep_raw_events: bool = False
    partial: Any = None
    batches: Batches | None = None
    streamed: str | None = None
    prepared: str | None = None

    def __repr__(self) -> str:  # without the environment, which holds keys
        return f"<scope of call {self.owner}>"

    def elapsed(self) -> float:
        """Seconds since the attempt under way began."""
        return time.monotonic() - self.attempt_clock

    def read_batch(self, text: str) -> Sequence[SseEvent]:
        """The events of a batch.  Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if it is none."""
        if self.batches is not None:
            return self.batches.read(text)
        from bamlvm.sysops.batches import read_events  # a call without event streams needs none of it

        return read_events(text)

    def new_instance(self, class_name: str, **fields: Any) -> Instance:
        """A value of a class of the program; fields left out are null."""
        return self.services.schema.new_instance(class_name, fields)


def deferred(result: Any) -> Any:
    """A hook's result for the machine: null for a plain hook, a :class:`Pending` where the hook is to be awaited."""
    if result is None or not isinstance(result, Awaitable):
        return None
    return Pending(_Silently(result))


class _Silently:
    """Awaits a hook's result and gives null."""

    __slots__ = ("_result",)

    def __init__(self, result: Awaitable[Any]) -> None:
        self._result = result

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._result.__await__()
