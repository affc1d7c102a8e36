"""``tracing`` of a generated client: tags for the calls that follow, and a decorator that calls through.

The official package sends traces to its own service.  Here a call's records go to collectors and to OpenTelemetry
(:mod:`bamlvm.otel`), so that ``trace`` adds nothing and ``flush`` has nothing to send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bamlvm.compat.options import default_tags

C = TypeVar("C", bound=Callable[..., Any])


def trace(function: C) -> C:
    """Return the function unchanged."""
    return function


def set_tags(**tags: str) -> None:
    """Add tags to every call that this task or thread makes from here on."""
    default_tags.set({**default_tags.get(), **tags})


def flush() -> None:
    """Do nothing: nothing waits to be sent."""


def on_log_event(handler: Callable[[Any], Any] | None) -> None:
    """Raise :class:`NotImplementedError`, unless ``handler`` is None: use a collector."""
    if handler is not None:
        raise NotImplementedError("log events are not offered: pass a Collector in baml_options")
