"""Run BAML in Python.

    runtime = bamlvm.Runtime.from_directory("baml_src")
    runtime.functions.Extract(text="…")
    for partial in runtime.stream("Extract", {"text": "…"}): …

Importing this package loads nothing else: each public name loads its module at its first use (PEP 562), and the parser,
the compiler, the HTTP client and asyncio are loaded by what needs them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bamlvm import stages, testing
    from bamlvm.calls.dry_run import HttpRequest, ParseStream, PromptMessage, PromptPart
    from bamlvm.calls.streams import Stream
    from bamlvm.checking import CheckReport, check
    from bamlvm.collector import CallRecord, Collector, Observer, Usage
    from bamlvm.context import CallContext, CancelToken
    from bamlvm.errors import BamlError, Cancelled, CompileError, DeadlineExceeded, HostError, ThrownError
    from bamlvm.events import Attempt, Event, Partial, Tick
    from bamlvm.formatting import format_source
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.runtime import Runtime
    from bamlvm.sysops.records import AttemptRecord, ErrorRecord
    from bamlvm.values.checked import Check, Checked, StreamState, all_succeeded, get_checks
    from bamlvm.values.results import to_builtins
    from bamlvm.vm.values import Media

    __version__: str

__all__ = [
    "Attempt",
    "AttemptRecord",
    "BamlError",
    "CallContext",
    "CallRecord",
    "CancelToken",
    "Cancelled",
    "Check",
    "CheckReport",
    "Checked",
    "Collector",
    "CompileError",
    "DeadlineExceeded",
    "Diagnostic",
    "ErrorRecord",
    "Event",
    "HostError",
    "HttpRequest",
    "Media",
    "Observer",
    "ParseStream",
    "Partial",
    "PromptMessage",
    "PromptPart",
    "Runtime",
    "Stream",
    "StreamState",
    "ThrownError",
    "Tick",
    "Usage",
    "__version__",
    "all_succeeded",
    "check",
    "format_source",
    "get_checks",
    "stages",
    "testing",
    "to_builtins",
]

_MODULES = ("stages", "testing")
_HOMES = {
    "get_checks": "values.checked",
    "all_succeeded": "values.checked",
    "StreamState": "values.checked",
    "Checked": "values.checked",
    "Check": "values.checked",
    "PromptPart": "calls.dry_run",
    "PromptMessage": "calls.dry_run",
    "ParseStream": "calls.dry_run",
    "HttpRequest": "calls.dry_run",
    "CallContext": "context",
    "CancelToken": "context",
    "CheckReport": "checking",
    "check": "checking",
    "CallRecord": "collector",
    "Collector": "collector",
    "Usage": "collector",
    "Observer": "collector",
    "AttemptRecord": "sysops.records",
    "ErrorRecord": "sysops.records",
    "BamlError": "errors",
    "Cancelled": "errors",
    "CompileError": "errors",
    "DeadlineExceeded": "errors",
    "HostError": "errors",
    "ThrownError": "errors",
    "Attempt": "events",
    "Event": "events",
    "Partial": "events",
    "Tick": "events",
    "Diagnostic": "grammar.diagnostics",
    "format_source": "formatting",
    "Media": "vm.values",
    "Runtime": "runtime",
    "Stream": "calls.streams",
    "to_builtins": "values.results",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"bamlvm.{name}")
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: object = version("bamlvm")
        except PackageNotFoundError:  # run from its sources without having been installed
            value = "0+unknown"
    elif name in _HOMES:
        value = getattr(import_module(f"bamlvm.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'bamlvm' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
