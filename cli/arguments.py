"""A function's arguments from the words of a command line.

``NAME=VALUE`` is text where the parameter is a ``string`` (or ``string?``); for any other type it is read as JSON, and
what is no JSON is passed on as text, which is how an enum's variant or a string literal is written.  Whether the value
fits its parameter is for the runtime to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

_TEXT_TYPES = ("string", "string?")


class Parameter(Protocol):
    """What is used of a parameter."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> object: ...

    @property
    def has_default(self) -> bool: ...


class Signature(Protocol):
    """What is used of a signature."""

    @property
    def name(self) -> str: ...

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    @property
    def result(self) -> object: ...


class ArgumentsError(Exception):
    """The words make no arguments; the message says which and why."""


def gather(parameters: Sequence[Parameter], named: Sequence[str], json_object: str | None) -> dict[str, Any]:
    """The arguments of ``--args`` and those of ``-a``, which count where both give one."""
    arguments = dict(_parse_object(json_object)) if json_object is not None else {}
    types = {parameter.name: str(parameter.type) for parameter in parameters}
    given: dict[str, Any] = {}
    for word in named:
        name, equals, text = word.partition("=")
        if not equals:
            raise ArgumentsError(f"-a {word}: expected NAME=VALUE")
        if name in given:
            raise ArgumentsError(f"-a {name}: given twice")
        if name not in types:
            raise ArgumentsError(f"-a {name}: there is no such parameter{_hint(name, list(types))}")
        given[name] = text if types[name] in _TEXT_TYPES else _json_or_text(text)
    return {**arguments, **given}


def signature_text(signature: Signature) -> str:
    """A function's face in one line: ``f(a: int, b: string = …) -> string``."""
    shown = [f"{p.name}: {p.type}{' = …' if p.has_default else ''}" for p in signature.parameters]
    return f"{signature.name}({', '.join(shown)}) -> {signature.result}"


def _parse_object(text: str) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ArgumentsError(f"--args: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ArgumentsError('--args: expected a JSON object, such as {"name": "world"}')
    return value


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def _hint(name: str, known: list[str]) -> str:
    from bamlvm.vm.program.spelling import suggestion  # only an error pays for it

    return f" ({suggestion(name, known) or 'the function has none'})"
