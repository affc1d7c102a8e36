"""The LLM clients that a host gives to one call: data, checked as if the source declared them.

They are written as BAML and compiled with stubs of the program's clients and retry policies around them, so that what
the compiler says of a client (an unknown provider, an option of a wrong type, a retry policy that does not exist) it
says of these.  Nothing of this reaches the disk: options may hold keys.  What was compiled last is remembered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from bamlvm.compiler.project import compile_project
from bamlvm.errors import HostError
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import in_i64

if TYPE_CHECKING:
    from bamlvm.vm.linker import Program

_KEYS: Final = frozenset({"provider", "options", "retry_policy"})
_REMEMBERED: Final = 64
_DEPTH: Final = 32


def compile_clients(program: Program, given: Mapping[str, Mapping[str, Any]]) -> Mapping[str, ClientInfo]:
    """Return clients by name; each of ``given`` has a ``provider``, ``options`` and perhaps a ``retry_policy``.

    Raises :class:`bamlvm.HostError` with everything that is wrong with them.
    """
    text = "".join(_client(name, each) for name, each in given.items())
    return _compiled(
        text, tuple(given), frozenset(program.clients.keys() - given.keys()), frozenset(program.retry_policies)
    )


@lru_cache(_REMEMBERED)
def _compiled(
    text: str, names: tuple[str, ...], clients: frozenset[str], policies: frozenset[str]
) -> Mapping[str, ClientInfo]:
    stubs = "".join(f'client<llm> {name} {{ provider openai options {{ model "-" }} }}\n' for name in sorted(clients))
    stubs += "".join(f"retry_policy {name} {{ max_retries 1 }}\n" for name in sorted(policies))
    standard = load_standard(True, Cache.default())
    result = compile_project({"clients": text, "program": stubs}, standard)
    if result.unit is None:
        found = dict.fromkeys(
            each.message + (f" ({each.hint})" if each.hint else "")
            for each in result.diagnostics
            if each.severity == "error" and each.span.file == "clients"
        )
        raise HostError("CallContext.clients: " + "; ".join(found))
    return {name: result.unit.clients[name] for name in names}


def _client(name: str, given: Mapping[str, Any]) -> str:
    """Write one client.  Raises :class:`HostError` for what cannot be written."""
    if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
        raise HostError(f"CallContext.clients: a client cannot be called {name!r}")
    if not isinstance(given, Mapping) or not isinstance(given.get("provider"), str):
        raise HostError(f"CallContext.clients: {name} must be a dict with a provider")
    if unknown := given.keys() - _KEYS:
        raise HostError(f"CallContext.clients: {name} has no {min(unknown)!r}: it has {', '.join(sorted(_KEYS))}")
    options = given.get("options") or {}
    if not isinstance(options, Mapping):
        raise HostError(f"CallContext.clients: {name}: options must be a dict")
    policy = given.get("retry_policy")
    lines = [f"  provider {_text(given['provider'])}"]
    if policy is not None:
        if not (isinstance(policy, str) and policy.isascii() and policy.isidentifier()):
            raise HostError(f"CallContext.clients: {name}: retry_policy must be a name, not {policy!r}")
        lines.append(f"  retry_policy {policy}")
    lines.append(f"  options {_value(options, f'{name}: options', 0)}")
    return f"client<llm> {name} {{\n" + "\n".join(lines) + "\n}\n"


def _value(value: Any, where: str, depth: int) -> str:
    """Write a value as configuration has it."""
    if depth > _DEPTH:
        raise HostError(f"CallContext.clients: {where} is nested too deeply")
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() if in_i64(value):
            return str(int(value))
        case float() if math.isfinite(value):
            return repr(float(value))
        case Mapping():
            entries = (
                f"{_text(str(key))} {_value(each, f'{where}.{key}', depth + 1)}"
                for key, each in value.items()
                if each is not None
            )
            return "{\n" + "\n".join(entries) + "\n}"
        case list() | tuple():
            return "[" + ", ".join(_value(each, f"{where}[]", depth + 1) for each in value) + "]"
        case _:
            raise HostError(f"CallContext.clients: {where} cannot be {value!r}")


def _text(text: str) -> str:
    """Write a string literal: JSON's escapes are BAML's but for those by four digits."""
    return "".join(
        f"\\u{{{ord(char):x}}}"
        if ord(char) < 32 and char not in "\n\r\t"
        else json.dumps(char, ensure_ascii=False)[1:-1]
        for char in text
    ).join('""')
