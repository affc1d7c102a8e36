"""What Prometheus reads at ``/metrics``: requests, calls, first partial values, attempts, tokens and errors.

Every label has few values, whatever clients send: a function that does not exist is ``""``, an LLM client that a
request brought along is ``(request)``.

Several workers share one page: where ``PROMETHEUS_MULTIPROC_DIR`` is set (``bamlvm serve --workers`` sets it), each
process keeps its numbers in files of that folder, and whichever answers adds them up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from bamlvm.tools.server.replies import CLIENT_GONE

if TYPE_CHECKING:
    from bamlvm.collector import CallRecord

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_FROM_REQUEST: Final = "(request)"


class Metrics:
    """The numbers of one application.

    ``clients`` are the LLM clients of the program.
    """

    def __init__(self, clients: Collection[str]) -> None:
        self._clients = clients
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "bamlvm_requests",
            f"Requests that have ended, by HTTP status ({CLIENT_GONE}: the client left)",
            ("route", "function", "status"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "bamlvm_requests_in_flight",
            "Requests under way, those in the queue included",
            ("route",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.queued = Gauge(
            "bamlvm_requests_queued",
            "Requests that wait for their turn",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.duration = Histogram(
            "bamlvm_request_duration_seconds",
            "From a request's arrival to the last byte of its response",
            ("route", "function"),
            registry=registry,
            buckets=_SECONDS,
        )
        self.first_partial = Histogram(
            "bamlvm_first_partial_seconds",
            "From a request's arrival to its first partial value",
            ("function",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.errors = Counter(
            "bamlvm_errors",
            "Calls that ended with an error, by its class; where every attempt failed, that of the last one",
            ("function", "class_name"),
            registry=registry,
        )
        self.attempts = Counter(
            "bamlvm_attempts",
            "Attempts at LLM clients, by how they ended: succeeded, or the class of the error",
            ("client", "provider", "outcome"),
            registry=registry,
        )
        self.tokens = Counter(
            "bamlvm_tokens",
            "Tokens as the providers counted them; cached and reasoning tokens are parts of input and output",
            ("client", "kind"),
            registry=registry,
        )

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`bamlvm.Observer`."""
        return self._ended

    @property
    def keep_raw_events(self) -> bool:
        """See :class:`bamlvm.Observer`."""
        return False

    def _ended(self, record: CallRecord) -> None:
        if record.error is not None:
            self.errors.labels(record.function, _cause(record)).inc()
        for attempt in record.attempts:
            client = attempt.client if attempt.client in self._clients else _FROM_REQUEST
            outcome = "succeeded" if attempt.error is None else attempt.error.type
            self.attempts.labels(client, attempt.provider, outcome).inc()
            for kind in ("input", "output", "cached_input", "cache_write", "reasoning"):
                count = getattr(attempt, f"{kind}_tokens")
                if count:
                    self.tokens.labels(client, kind).inc(count)

    def page(self) -> bytes:
        """Return all numbers in Prometheus's text format, those of every worker."""
        if not (folder := os.environ.get(_SHARED)):
            return generate_latest(self.registry)
        for dead in _dead_processes(folder):
            mark_process_dead(dead)  # type: ignore[no-untyped-call]  # untyped
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]  # untyped
        return generate_latest(together)


def _cause(record: CallRecord) -> str:
    error, attempts = record.error, record.attempts
    assert error is not None
    if error.type == "baml.errors.AllAttemptsFailed" and attempts and attempts[-1].error is not None:
        return attempts[-1].error.type
    return error.type


def _dead_processes(folder: str) -> set[int]:
    """Return the processes whose gauges are in the folder though they have ended."""
    found = set()
    for name in os.listdir(folder):
        kind, _, process = name.removesuffix(".db").rpartition("_")
        if kind.startswith("gauge_live") and process.isdigit() and not _is_alive(int(process)):
            found.add(int(process))
    return found


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
