"""``baml.future``: threads of the call.  The machine runs them; here is how a program reaches it."""

from __future__ import annotations

from typing import Any

from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import AwaitMany, Closure, Future, Pending, is_panic_value


@sysop("baml.future.start")
def start(scope: Scope, body: Closure) -> Future:
    """Start a thread that runs ``body``."""
    return scope.threads.spawn(body)


@sysop("baml.future.result")
def result(scope: Scope, future: Future) -> Any:
    """Return the value of a future; wait for it if it has none, or has an error, which the machine throws."""
    if future.settled and future.error is None:
        return future.value
    return Pending(future)


@sysop("baml.future.until_all_settled")
def until_all_settled(scope: Scope, futures: list[Future]) -> Any:
    """Return the number of futures, as soon as all are settled."""
    return _until(AwaitMany(futures, "all"))


@sysop("baml.future.until_one_settled")
def until_one_settled(scope: Scope, futures: list[Future]) -> Any:
    """Return the place of a future that is settled, as soon as one is."""
    return _until(AwaitMany(futures, "one"))


@sysop("baml.future.until_one_failed")
def until_one_failed(scope: Scope, futures: list[Future]) -> Any:
    """Return the place of a future that has thrown, as soon as one has; their number once all have returned."""
    return _until(AwaitMany(futures, "failure"))


def _until(wait: AwaitMany) -> Any:
    found = wait.found()
    return Pending(wait) if found is None else found


@sysop("baml.future.outcome")
def outcome(scope: Scope, future: Future) -> Any:
    """Return a ``Success``, a ``Failure`` or, for a panic, a ``Panicked``."""
    if future.error is None:
        return scope.new_instance("baml.future.Success", value=future.value)
    value = future.error.value
    if is_panic_value(value):
        return scope.new_instance("baml.future.Panicked", panic=value)
    return scope.new_instance("baml.future.Failure", error=value)


@sysop("baml.future.Future.is_settled")
def is_settled(scope: Scope, future: Future) -> bool:
    """Whether the thread has ended."""
    return future.settled


@sysop("baml.future.Future.cancel")
def cancel(scope: Scope, future: Future) -> bool:
    """Cancel the thread; return whether it was still running."""
    return scope.threads.cancel(future)
