"""Run BAML in Python.

    runtime = bamlvm.Runtime.from_directory("baml_src")
    runtime.functions.Extract(text="…")
    for partial in runtime.stream("Extract", {"text": "…"}): …

Importing this package loads nothing else: each public name loads its module at its first use (PEP 562), and the parser,
the compiler, the HTTP client and asyncio are loaded by what needs them.  Type checkers read ``__init__.pyi``.
"""

import sys as _sys

if _sys.version_info < (3, 11):  # noqa: UP036 (run from its sources: an installer refuses before)
    raise ImportError(f"bamlvm needs Python 3.11 or later, and this is Python {_sys.version.split()[0]}")

_MODULES = ("errors", "stages", "testing")
_NAMES = {
    "calls.batch": ("BatchResult",),
    "calls.dry_run": ("HttpRequest", "ParseStream", "PromptMessage", "PromptPart"),
    "calls.streams": ("Stream",),
    "checking": ("CheckReport", "check"),
    "collector": ("CallRecord", "Collector", "Observer", "UnawaitedError", "Usage"),
    "context": ("CallContext", "CancelToken"),
    "errors": ("BamlError", "Cancelled", "CompileError", "DeadlineExceeded", "HostError", "ThrownError"),
    "events": ("Attempt", "Event", "Partial", "Tick"),
    "formatting": ("format_source",),
    "grammar.diagnostics": ("Diagnostic",),
    "media": ("Audio", "Image", "Pdf", "Video"),
    "runtime": ("Runtime",),
    "dynamic.builder": ("TypeBuilder",),
    "sysops.records": ("AttemptRecord", "ErrorRecord"),
    "sysops.response_store": ("ResponseCache", "ResponseCacheWarning"),
    "tools.server.asgi": ("asgi",),
    "values.checked": ("Check", "Checked", "StreamState", "all_succeeded", "get_checks"),
    "values.results": ("to_builtins",),
    "vm.values": ("Media",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted((*_HOMES, *_MODULES, "__version__"))


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
