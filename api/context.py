"""The options of one call: :class:`CallContext`, and the :class:`CancelToken` that cancels it from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import msgspec

from bamlvm.errors import HostError


class HasAdditions(Protocol):
    """Types that a call adds: a :class:`bamlvm.TypeBuilder`."""

    def additions(self) -> Additions: ...


TypesSource: TypeAlias = "str | HasAdditions | Additions"

if TYPE_CHECKING:
    from bamlvm.collector import Observer
    from bamlvm.vm.program.declarations import Additions


class CancelToken:
    """Cancels the calls that carry it, from any thread, task or signal handler.  It stays cancelled.

    There is no lock, so that a signal handler may cancel: a subscriber is added before the flag is read, and the flag
    is set before the subscribers are read, so that one of the two sees the other; a callback may run twice.
    """

    __slots__ = ("__weakref__", "_callbacks", "_cancelled")

    def __init__(self) -> None:
        self._cancelled = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Raise :class:`bamlvm.Cancelled` in every call that carries this token."""
        self._cancelled = True
        for callback in list(self._callbacks.values()):
            callback()

    def subscribe(self, key: object, callback: Callable[[], None]) -> None:
        """Have ``callback`` called, in the cancelling thread, when the token is cancelled (at once if it is)."""
        self._callbacks[key] = callback
        if self._cancelled:
            callback()

    def unsubscribe(self, key: object) -> None:
        """Forget the callback of ``key``."""
        self._callbacks.pop(key, None)


class CallContext(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a call.  All are optional, and one context may serve any number of calls.

    ``on_partial(value)`` receives each partial value of the call's main thread; if the callback has a second required
    parameter it receives those of all threads, and the attempt's record, whose ``thread`` tells them apart.
    ``on_tick(events)`` receives each batch of raw events, ``on_attempt(attempt)`` each :class:`bamlvm.Attempt`.
    Callbacks may be plain or ``async``; the call waits for them, and one that raises ends the call with its own
    exception.  A synchronous call runs plain callbacks in the calling thread and awaits ``async`` ones on the
    background loop; an asynchronous call runs both in its own event loop.

    ``timeout`` is in seconds, for the whole call; :class:`bamlvm.DeadlineExceeded` is raised when it passes.
    ``memory`` is how many bytes the call's values may hold (estimated, and measured only once the process has grown);
    more is the panic :class:`bamlvm.errors.MemoryLimit`.  ``env`` overrides variables of the runtime's environment, one
    that is None is unset; ``tags`` go into the records that ``collectors`` receive.

    ``clients`` adds LLM clients to those of the program, or replaces them, for this call:
    ``{"Fast": {"provider": "openai", "options": {"model": "gpt-4o-mini"}, "retry_policy": "Twice"}}``; they are
    checked as the source's are, when a call begins.  ``client`` is the client that LLM functions use instead of their
    own: a name, or ``provider/model``.

    ``types`` adds types for this call: fields and variants to those that are ``@@dynamic``, and new ones; a
    :class:`bamlvm.TypeBuilder`, BAML text (``"dynamic class Resume { email string }"``), or a list of such.

    ``cache`` says how the call uses the runtime's cache of responses: False, not at all; ``"refresh"``, every request
    is sent, and its response kept; ``"only"``, no request is sent: one without a kept response fails.
    """

    on_partial: Callable[..., Any] | None = None
    on_tick: Callable[[list[Any]], Any] | None = None
    on_attempt: Callable[[Any], Any] | None = None
    cancel: CancelToken | None = None
    timeout: float | None = None
    memory: int = 1 << 30
    collectors: Sequence[Observer] = ()
    env: Mapping[str, str | None] = {}
    tags: Mapping[str, str] = {}
    clients: Mapping[str, Mapping[str, Any]] = {}
    client: str | None = None
    types: TypesSource | Sequence[TypesSource] | None = None
    cache: bool | Literal["refresh", "only"] | None = None

    def __post_init__(self) -> None:
        for name in ("on_partial", "on_tick", "on_attempt"):
            callback = getattr(self, name)
            if callback is not None and not callable(callback):
                raise HostError(f"CallContext.{name}: expected a callable, got {type(callback).__name__}")
        if self.timeout is not None and not self.timeout >= 0:
            raise HostError(f"CallContext.timeout: expected seconds from 0 up, got {self.timeout!r}")
        if type(self.memory) is not int or self.memory <= 0:
            raise HostError(f"CallContext.memory: expected a positive number of bytes, got {self.memory!r}")
        if self.cancel is not None and not isinstance(self.cancel, CancelToken):
            raise HostError(f"CallContext.cancel: expected a CancelToken, got {type(self.cancel).__name__}")
        if self.cache not in (None, True, False, "refresh", "only"):
            raise HostError(f'CallContext.cache: expected True, False, "refresh" or "only", got {self.cache!r}')
        if self.client is not None and not isinstance(self.client, str):
            raise HostError(f"CallContext.client: expected a name, got {type(self.client).__name__}")

    @property
    def listens(self) -> bool:
        """Whether something listens to partial values or ticks, so that an LLM function must be streamed."""
        return self.on_partial is not None or self.on_tick is not None

    def __repr__(self) -> str:  # without values of ``env``, which may be keys
        given = [name for name in self.__struct_fields__ if getattr(self, name) not in (None, (), {}, 1 << 30)]
        return f"CallContext({', '.join(given)})"


NO_CONTEXT = CallContext()
"""The context of a call without one."""
