"""Blocks of configuration: written values as data, and the entries of a block by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bamlvm.compiler.reporter import Reporter
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Severity
from bamlvm.vm.program.declarations import ConfigValue, environment_reference
from bamlvm.vm.program.spelling import did_you_mean

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The bounds of an int."""


def data(value: syntax.ConfigValue) -> ConfigValue:
    """Return a written value as plain data."""
    match value:
        case syntax.ConfigScalar():
            return value.value
        case syntax.ConfigEnv():
            return environment_reference(value.name)
        case syntax.ConfigExpression():
            return value.text
        case syntax.ConfigList():
            return [data(item) for item in value.items]
        case syntax.ConfigBlock():
            return {entry.key: data(entry.value) for entry in value.entries}


def entries(
    body: syntax.ConfigBlock,
    known: Iterable[str],
    code: str,
    what: str,
    report: Reporter,
    severity: Severity = "warning",
    otherwise: str = "",
) -> dict[str, syntax.ConfigEntry]:
    """Return a block's entries by key; report unknown (``code``, with ``severity``) and repeated ones (E0012).
    ``otherwise`` is the hint for a key that resembles none of the known ones, by default these."""
    names = tuple(known)
    found: dict[str, syntax.ConfigEntry] = {}
    for entry in body.entries:
        if entry.key not in names:
            hint = (
                did_you_mean(entry.key, names) or otherwise or f"{what} has {', '.join(f'`{name}`' for name in names)}"
            )
            message = f"{what} has no `{entry.key}`"
            report.error(code, (entry.start, entry.key_end), message, hint=hint, severity=severity)
        elif entry.key in found:
            first = found[entry.key]
            labels = [report.label(first.start, first.key_end, "first set here")]
            report.error("E0012", (entry.start, entry.key_end), f"`{entry.key}` is set twice", labels=labels)
        else:
            found[entry.key] = entry
    return found


def word(entry: syntax.ConfigEntry, report: Reporter, code: str = "E0001") -> str | None:
    """Return the string or word of an entry, or report ``code`` and return None."""
    if isinstance(entry.value, syntax.ConfigScalar) and isinstance(entry.value.value, str):
        return entry.value.value
    report.error(code, entry.value, f"`{entry.key}` is a name or a string")
    return None


def word_range(scalar: syntax.ConfigScalar) -> tuple[int, int]:
    """Return the range of a name in a configuration, without its quotes."""
    return scalar.start + scalar.quoted, scalar.end - scalar.quoted


def is_count(value: ConfigValue) -> bool:
    """Whether a value is a whole number from 0 that fits into 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= HIGHEST


def reached(name: str, strategies: Mapping[str, list[Any]]) -> Iterator[str]:
    """Yield a client's name and those of all clients that it may come to ask, each once,
    however often strategies share it; ``strategies`` has the children of those that are strategies."""
    waiting: list[Any] = [name]
    seen: set[str] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and each not in seen:
            seen.add(each)
            yield each
            waiting += reversed(strategies.get(each, ()))
