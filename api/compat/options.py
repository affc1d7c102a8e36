"""``baml_options``: what a call of a generated client takes, and the :class:`bamlvm.CallContext` that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final, TypedDict, cast

from bamlvm.compat.collector import Collector, FunctionLog, LiveLog
from bamlvm.compat.errors import BamlAbortError, BamlInvalidArgumentError
from bamlvm.context import CallContext, CancelToken
from bamlvm.dynamic.builder import TypeBuilder


class ClientRegistry:
    """LLM clients that are made at run time, and the choice of the one that LLM functions use."""

    def __init__(self) -> None:
        self.clients: dict[str, dict[str, Any]] = {}
        self.primary: str | None = None

    def add_llm_client(
        self, name: str, provider: str, options: Mapping[str, Any], retry_policy: str | None = None
    ) -> None:
        """Add a client, or replace one of that name; it is checked when a call uses it."""
        self.clients[name] = {"provider": provider, "options": dict(options), "retry_policy": retry_policy}

    def set_primary(self, name: str) -> None:
        """Have LLM functions use this client instead of their own: a name, or ``provider/model``."""
        self.primary = name


class AbortController:
    """Aborts the calls that carry it; it stays aborted.

    With ``timeout_ms`` each call is aborted that many milliseconds after it began.
    """

    def __init__(self, timeout_ms: int | None = None) -> None:
        self.token = CancelToken()
        self.timeout_ms = timeout_ms

    def abort(self) -> None:
        """Abort all calls that carry this controller."""
        self.token.cancel()

    @property
    def aborted(self) -> bool:
        """Whether :meth:`abort` was called."""
        return self.token.cancelled


class BamlCallOptions(TypedDict, total=False):
    """The options of one call, all of them optional."""

    client: str
    client_registry: ClientRegistry
    collector: Collector | list[Collector]
    env: Mapping[str, str | None]
    tags: Mapping[str, str]
    on_tick: Callable[[str, FunctionLog], Any]
    abort_controller: AbortController
    tb: TypeBuilder


def given_options(**options: Any) -> BamlCallOptions:
    """Return the options that are not None."""
    return cast(BamlCallOptions, {name: value for name, value in options.items() if value is not None})


_KNOWN = frozenset(BamlCallOptions.__annotations__)
NO_OPTIONS: Final[BamlCallOptions] = {}

default_tags: Final[ContextVar[Mapping[str, str]]] = ContextVar("bamlvm_tags", default=MappingProxyType({}))
"""Tags of every call of this task or thread: see :mod:`bamlvm.compat.tracing`."""


def context_of(name: str, options: BamlCallOptions) -> CallContext:
    """Return the context of a call of the function ``name``.

    Raises :class:`BamlInvalidArgumentError` for an unknown option, :class:`BamlAbortError` for an aborted controller.
    """
    tags = {**default_tags.get(), **(options.get("tags") or {})}
    if unknown := options.keys() - _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        raise BamlInvalidArgumentError(f"baml_options has no {min(unknown)!r}: it has {known}")
    registry = options.get("client_registry")
    collector = options.get("collector")
    controller = options.get("abort_controller")
    if controller is not None and controller.aborted:
        raise BamlAbortError("the call was aborted before it began")
    timeout = None if controller is None or controller.timeout_ms is None else controller.timeout_ms / 1000
    collectors = [] if collector is None else collector if isinstance(collector, list) else [collector]
    types = options.get("tb")
    if types is not None and not isinstance(types, TypeBuilder):
        raise BamlInvalidArgumentError(f"baml_options: tb must be a TypeBuilder, not {type(types).__name__}")
    on_tick = options.get("on_tick")
    live = LiveLog(name, tags, on_tick) if on_tick is not None else None
    return CallContext(
        client=options.get("client") or (registry.primary if registry is not None else None),
        clients=registry.clients if registry is not None else {},
        collectors=collectors if live is None else [*collectors, live],
        env=options.get("env") or {},
        tags=tags,
        cancel=controller.token if controller is not None else None,
        timeout=timeout,
        on_tick=live.tick if live is not None else None,
        on_attempt=live.attempt if live is not None else None,
        types=types,
    )
