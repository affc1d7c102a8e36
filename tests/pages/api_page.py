"""``docs/api.md``: what a host imports, from the signatures and docstrings of the package.

What is exported and in none of :data:`SECTIONS` comes last, as "More".
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

import bamlvm
import bamlvm.media
import bamlvm.mock
import bamlvm.otel
import bamlvm.replay
import bamlvm.stages
import bamlvm.testing
from bamlvm import errors

SECTIONS: dict[str, tuple[str, ...]] = {
    "Programs": ("Runtime", "check", "CheckReport", "Diagnostic", "format_source"),
    "Calls": ("CallContext", "CancelToken", "Stream", "Event", "Partial", "Tick", "Attempt", "BatchResult"),
    "A call in parts": ("PromptMessage", "PromptPart", "HttpRequest", "ParseStream"),
    "Values": (
        *("Media", "Image", "Audio", "Pdf", "Video", "to_builtins"),
        *("Checked", "Check", "StreamState", "get_checks", "all_succeeded"),
    ),
    "Records of calls": (
        *("Collector", "Observer", "CallRecord", "AttemptRecord", "ErrorRecord", "UnawaitedError", "Usage"),
    ),
    "Types at run time": ("TypeBuilder",),
    "Kept responses": ("ResponseCache", "ResponseCacheWarning"),
    "As a service": ("asgi",),
    "Errors": ("BamlError", "CompileError", "ThrownError", "Cancelled", "DeadlineExceeded", "HostError"),
}
"""The names of ``bamlvm`` by section; its modules have sections of their own."""
MODULES = {
    "bamlvm.errors": "The classes of `baml.errors` and `baml.panics` as exceptions are in this module, too.",
    "bamlvm.stages": "",
    "bamlvm.testing": "",
    "bamlvm.mock": "",
    "bamlvm.replay": "",
    "bamlvm.otel": "",
}
_HEAD = """\
# The Python API

Everything that `import bamlvm` offers, from its signatures and docstrings.

This page is made from the package by `make docs`.
"""


def page() -> str:
    """``docs/api.md``."""
    listed = {name for names in SECTIONS.values() for name in names}
    modules = {name.rpartition(".")[2] for name in MODULES}
    others = sorted({*bamlvm.__all__} - listed - modules - {"__version__"})
    parts = [_HEAD]
    for section, names in (*SECTIONS.items(), *([("More", others)] if others else [])):
        parts.append(f"## {section}\n")
        parts += ["\n".join(_entry(name, getattr(bamlvm, name))) + "\n" for name in names]
    for name, about in MODULES.items():
        parts.append("\n".join(_module(name, about)) + "\n")
    return "\n".join(parts)


def _module(name: str, about: str) -> Iterator[str]:
    module = __import__(name, fromlist=["*"])
    yield f"## {name}"
    yield ""
    yield about or _prose(module)
    if module is errors:
        yield ""
        yield from _tree()
        return
    for each, value in sorted(vars(module).items()):
        own = getattr(value, "__module__", None) == name or (name == "bamlvm.mock" and inspect.isclass(value))
        if not each.startswith("_") and own and (inspect.isclass(value) or inspect.isfunction(value)):
            yield ""
            yield from _entry(each, value)


def _tree() -> Iterator[str]:
    """The tree of the exceptions, as the head of their module draws it."""
    yield "```text"
    lines = (inspect.getdoc(errors) or "").splitlines()
    yield from (line[4:] for line in lines[2 : lines.index("", 3)])
    yield "```"


def _entry(name: str, value: Any) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    if not inspect.isclass(value):
        if callable(value):
            yield f"```text\n{name}{_signature(value)}\n```\n"
        yield _prose(value) if callable(value) else f"`{_clean(str(value))}`"
        return
    yield _prose(value)
    fields = getattr(value, "__struct_fields__", None) or tuple(getattr(value, "_fields", ()))
    if fields:
        yield ""
        yield f"Fields: {', '.join(f'`{each}: {_clean(_annotation(value, each))}`' for each in fields)}."
    if issubclass(value, enum.Enum):
        yield ""
        yield f"Members: {', '.join(f'`{each.name}`' for each in value)}."
    for each in vars(value):
        member = inspect.getattr_static(value, each)
        if not each.startswith("_") and each not in fields and inspect.getdoc(getattr(value, each)):
            yield from _member(each, member)


def _member(name: str, member: Any) -> Iterator[str]:
    function = member
    kind = ""
    if isinstance(member, property):
        yield from ("", f"**`{name}`**\\", _prose(member))
        return
    if isinstance(member, (classmethod, staticmethod)):
        function, kind = member.__func__, "classmethod " if isinstance(member, classmethod) else ""
    if not inspect.isfunction(function):
        return
    word = "async " if inspect.iscoroutinefunction(function) else ""
    yield from ("", f"**`{kind}{word}{name}{_signature(function)}`**\\", _prose(function))


def _signature(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(…)"
    parameters = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    return _clean(str(signature.replace(parameters=parameters)))


def _annotation(value: Any, field: str) -> str:
    for each in value.__mro__:
        found = inspect.get_annotations(each).get(field)
        if found is not None:
            name = getattr(found, "__forward_arg__", None) or getattr(found, "__name__", None)
            return found if isinstance(found, str) else name or str(found)
    return "Any"


def _clean(text: str) -> str:
    return re.sub(r"'([^']*)'", r"\1", re.sub(r"\b(?:bamlvm|typing|collections)\.(?:\w+\.)*", "", text))


def _prose(value: Any) -> str:
    """Return a docstring as Markdown: roles and double backticks become code, indented lines a block."""
    text = inspect.getdoc(value) or ""
    text = re.sub(r":\w+:`~?(?:bamlvm\.)?([^`]*)`", r"`\1`", text).replace("``", "`")
    found = []
    for part in text.split("\n\n"):
        lines = part.split("\n")
        start = next((place for place, line in enumerate(lines) if line.startswith("    ")), None)
        if start is None:
            found.append(part)
            continue
        found += [*(["\n".join(lines[:start])] if start else [])]
        block = "\n".join(line[4:] if line.startswith("    ") else line for line in lines[start:])
        found.append(f"```text\n{block}\n```")
    return "\n\n".join(found)
