"""Attributes as data: their names, and where each may be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bamlvm.compiler.index import Entry
from bamlvm.compiler.reporter import Reporter
from bamlvm.grammar import syntax
from bamlvm.grammar.strings import dedent
from bamlvm.vm.program.spelling import did_you_mean, write_instead
from bamlvm.vm.program.types import Attribute

_SHARED = {"alias", "description", "assert", "check", "stream.done", "stream.not_null", "stream.with_state", "skip"}
PLACES: Final[Mapping[str, frozenset[str]]] = {
    "field": frozenset(_SHARED | {"dynamic"}),
    "variant": frozenset({"alias", "description", "skip"}),
    "class": frozenset({"alias", "description", "assert", "check", "dynamic", "stream.done", "stream.not_null"}),
    "enum": frozenset({"alias", "description", "assert", "check", "dynamic", "skip", "stream.done"}),
    "type": frozenset(_SHARED),
    "test": frozenset({"assert", "check"}),
}
"""The attributes that may be written in each place; ``type`` is a type inside another."""


_FOREIGN = {
    **dict.fromkeys(("desc", "doc", "comment", "help"), "description"),
    **dict.fromkeys(("name", "rename", "key", "json", "map"), "alias"),
    **dict.fromkeys(("validate", "constraint", "ensure"), "assert"),
    **dict.fromkeys(("ignore", "exclude", "hidden"), "skip"),
}
"""The attributes of other languages, by what they are called here."""


def scalar(value: syntax.ConfigScalar, text: str) -> str | int | float | bool | None:
    """Return a scalar's value; a raw string of several lines is dedented as prompts are.  ``text`` is its item's."""
    if value.quoted and isinstance(value.value, str) and "\n" in value.value and text[value.start] == "#":
        return dedent(value.value)
    return value.value


def attributes(
    written: tuple[syntax.Attribute, ...], place: str, entry: Entry, report: Reporter
) -> tuple[Attribute, ...]:
    """Return attributes as data.

    Report E0014 for repeated ones, E0015 for unknown ones, E0016 for those that do not belong to ``place``, E0072 for
    constraints without an expression.
    """
    known = PLACES[place]
    anywhere = frozenset().union(*PLACES.values())
    result = []
    seen: dict[str, syntax.Attribute] = {}
    for each in written:
        if each.name not in anywhere:
            same = write_instead(each.name, _FOREIGN[each.name]) if each.name in _FOREIGN else None
            message = f"unknown attribute `{each.name}`"
            report.error("E0015", each, message, hint=same or did_you_mean(each.name, anywhere))
            continue
        if each.name not in known:
            homes = [home for home, names in PLACES.items() if each.name in names]
            here = "an enum" if place == "enum" else f"a {place}"
            hint = f"it is for: {', '.join(homes)}"
            report.error("E0016", each, f"`{each.name}` does not belong on {here}", hint=hint)
            continue
        unique = _unique(each)
        if unique is not None and unique in seen:
            first = report.label(seen[unique].start, seen[unique].end, "first here")
            report.error("E0014", each, f"{unique} is there twice", hint="keep one of them", labels=[first])
            continue
        if unique is not None:
            seen[unique] = each
        expression = next((a.text for a in each.arguments if isinstance(a, syntax.ConfigExpression)), None)
        if each.name in ("assert", "check") and expression is None:
            sign = "@@" if each.block else "@"
            hint = f"such as `{sign}{each.name}(positive, {{{{ this > 0 }}}})`"
            report.error("E0072", each, f"`{sign}{each.name}` has no expression", hint=hint)
            continue
        if (
            each.name == "check"
            and place != "test"
            and not any(isinstance(a, syntax.ConfigScalar) for a in each.arguments)
        ):
            hint = "the value is reported with its checks by name: `@check(positive, {{ this > 0 }})`"
            report.error("E0072", each, "`@check` has no name", hint=hint)
            continue
        scalars = (scalar(a, entry.item.text) for a in each.arguments if isinstance(a, syntax.ConfigScalar))
        result.append(Attribute(each.name, tuple(value for value in scalars if value is not None), expression))
    return tuple(result)


def _unique(attribute: syntax.Attribute) -> str | None:
    """Return a description of what may be there only once: any attribute but an assert, a check by its name."""
    sign = "@@" if attribute.block else "@"
    if attribute.name == "assert":
        return None
    if attribute.name == "check":
        name = next((each.value for each in attribute.arguments if isinstance(each, syntax.ConfigScalar)), None)
        return f"the check `{name}`" if name is not None else None
    return f"`{sign}{attribute.name}`"
