"""A thrown value as the host gets it: as an exception, and in records.

An exception or a record must be made of every value that can be thrown.  One that has no Python form, because it
contains itself, is there as :class:`bamlvm.values.results.Opaque`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bamlvm.calls.engine import Engine
from bamlvm.errors import BamlError, HostError, ThrownError, thrown_class
from bamlvm.sysops.records import AttemptRecord, ErrorRecord
from bamlvm.values.results import Opaque, to_builtins
from bamlvm.vm.builtins import name_and_message
from bamlvm.vm.values import Caught


def thrown_error(engine: Engine, caught: Caught, attempts: Sequence[AttemptRecord] = ()) -> ThrownError:
    """Return the exception for a value that the program has not caught; ``attempts`` are those of the call."""
    class_name, message = name_and_message(caught.value)
    value = _host_or_opaque(engine, caught.value)
    return thrown_class(class_name)(value, class_name, message, caught.trace, attempts)


def error_record(error: BaseException) -> ErrorRecord:
    """Return the record of an exception that ended a call."""
    if isinstance(error, ThrownError):
        return ErrorRecord(error.class_name, error.message, to_builtins(error.value))
    kind = type(error)
    module = "bamlvm" if isinstance(error, BamlError) else kind.__module__
    return ErrorRecord(f"{module}.{kind.__qualname__}".removeprefix("builtins."), str(error))


def _host_or_opaque(engine: Engine, value: Any) -> Any:
    """Return a value's Python form; one that contains itself as an :class:`Opaque`, instead of raising."""
    try:
        return engine.results.to_host(value)
    except HostError:
        return Opaque(value)
