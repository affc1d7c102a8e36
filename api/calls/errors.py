"""A thrown value as the host gets it: as an exception, and in records.

An exception or a record must be made of every value that can be thrown.  One that has no Python form, because it
contains itself, is there as :class:`bamlvm.values.results.Opaque`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bamlvm.calls.engine import Engine
from bamlvm.errors import BamlError, HostError, ThrownError
from bamlvm.sysops.records import ErrorRecord
from bamlvm.values.rebuild import SCALARS
from bamlvm.values.results import Opaque, to_builtins
from bamlvm.vm.values import Caught, EnumValue, Instance

_BUILTIN_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "int",
    float: "float",
    bool: "bool",
    type(None): "null",
    list: "list",
    dict: "map",
}


def thrown_error(engine: Engine, caught: Caught) -> ThrownError:
    """Return the exception for a value that the program has not caught."""
    class_name, message = name_and_message(caught.value)
    return ThrownError(host_or_opaque(engine, caught.value), class_name, message, caught.trace)


def error_record(engine: Engine, error: Any) -> ErrorRecord:
    """Return the record of a thrown value, or of an exception that ended a call."""
    if isinstance(error, ThrownError):
        return ErrorRecord(error.class_name, error.message, to_builtins(error.value))
    if isinstance(error, BaseException):
        kind = type(error)
        module = "bamlvm" if isinstance(error, BamlError) else kind.__module__
        return ErrorRecord(f"{module}.{kind.__qualname__}".removeprefix("builtins."), str(error))
    return ErrorRecord(*name_and_message(error), to_builtins(host_or_opaque(engine, error)))


def name_and_message(value: Any) -> tuple[str, str]:
    """Return the qualified name of a thrown value's class, and its message ("" if it has none)."""
    message = ""
    if type(value) is Instance:
        class_name = value.class_name
        text = value.get("message") if "message" in value.cls.index else None
        message = text if isinstance(text, str) else ""
    elif type(value) is EnumValue:
        class_name, message = value.enum, value.variant
    else:
        class_name = _BUILTIN_NAMES.get(type(value), "value")
        message = str(value) if type(value) in SCALARS else ""
    return class_name, message


def host_or_opaque(engine: Engine, value: Any) -> Any:
    """Return a value's Python form; one that contains itself as an :class:`Opaque`, instead of raising."""
    try:
        return engine.results.to_host(value)
    except HostError:
        return Opaque(value)
