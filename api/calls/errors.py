"""A thrown value as the host gets it: as an exception, and in records.

An exception or a record must be made of every value that can be thrown.  One that has no Python form, because it
contains itself, is there as :class:`bamlvm.values.results.Opaque`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bamlvm.errors import BamlError, HostError, ThrownError, thrown_class
from bamlvm.sysops.records import AttemptRecord, ErrorRecord
from bamlvm.values.results import Opaque, Results, building
from bamlvm.vm.builtins import name_and_message
from bamlvm.vm.values import Caught
from bamlvm.vm.work import Work, finish


def thrown_error(results: Results, caught: Caught, attempts: Sequence[AttemptRecord] = ()) -> ThrownError:
    """Return the exception for a value that the program has not caught; ``attempts`` are those of the call."""
    return finish(converted_error(results, caught, attempts))


def converted_error(results: Results, caught: Caught, attempts: Sequence[AttemptRecord] = ()) -> Work[ThrownError]:
    """Return the same, in pieces."""
    class_name, message = name_and_message(caught.value)
    try:
        value = yield from results.converting(caught.value)
    except HostError:
        value = Opaque(caught.value)
    return thrown_class(class_name)(value, class_name, message, caught.trace, attempts)


def error_record(error: BaseException) -> ErrorRecord:
    """Return the record of an exception that ended a call."""
    if isinstance(error, ThrownError):
        return finish(recorded_error(error))
    kind = type(error)
    module = "bamlvm" if isinstance(error, BamlError) else kind.__module__
    return ErrorRecord(f"{module}.{kind.__qualname__}".removeprefix("builtins."), str(error))


def recorded_error(error: ThrownError) -> Work[ErrorRecord]:
    """Return the record of a thrown value, in pieces."""
    return ErrorRecord(error.class_name, error.message, (yield from building(error.value)))
