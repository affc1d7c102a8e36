"""Objects and lists inside a text that is complete: JSON written as a string, and a whole answer that is one."""

from __future__ import annotations

import re
from typing import Any, Final

from bamlvm.sysops.parsing import passages
from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.raw import RawBuilder, RawContainer, fits
from bamlvm.sysops.parsing.results import Coerced, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scanner import Scanner

_TAGS: Final = re.compile(r"(?:\s*</[\w:.-]{1,40}>){1,4}\Z")

_SCHEMA_KEYS: Final = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})


class _OneContainer(Scanner):
    """Reads the object or list that a text is; ``raw`` is None if there is more in the text, or it is not one."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: RawContainer | None = None

    def outside(self) -> bool:
        self._at = len(self._buffer)
        return False

    def ended(self, result: Result, builder: ValueBuilder) -> None:
        if not self._buffer[self._at :].strip():
            self.raw = result

    def gave_up(self, mismatch: Mismatch) -> None:
        self.raw = None

    def read(self, text: str) -> RawContainer | None:
        text = _bare(text)
        if text[:1] not in ("{", "["):
            return None
        self.begin(RawBuilder(text[0] == "{"))
        self.take(text[1:])
        self.take_end()
        return self.raw


def _bare(text: str) -> str:
    """Return a text without the code fence that it is, and without tags at its end."""
    text = text.strip()
    if text.startswith("```"):
        fences = passages.fenced(text)
        return fences[0] if len(fences) == 1 and text.endswith("```") else text
    return text[: tags.start()] if text.endswith(">") and (tags := _TAGS.search(text)) else text


def begins_container(text: str) -> bool:
    """Whether a text may be an object or a list, in a code fence or not."""
    text = text.lstrip()
    return text[:1] in ("{", "[") or text.startswith("```")


def read_container(text: str) -> RawContainer | None:
    """Return the object or list that a text is, nothing else around it; None if it is not one."""
    return _OneContainer().read(text)


def written_as_string(text: str, plan: Plan) -> Result:
    """Read a string that is itself an object or list as ``plan``; a :class:`Mismatch` for any other."""
    raw = read_container(text)
    result: Any = Mismatch(plan.expected, "a string") if raw is None else fits(raw, plan)
    return result if result.__class__ is Mismatch else Coerced(value_of(result), penalty_of(result) + 3)


def unwrapped(foreign: RawContainer, plan: Plan) -> Result:
    """Read the one part of an object that is itself what was asked for: ``{"result": {…}}``.

    An empty list is one where a list is asked for and the object has no other list.  A :class:`Mismatch` if no part of
    it fits ``plan``, or more than one.
    """
    containers = [
        part
        for part in foreign.parts
        if isinstance(part, RawContainer) or (part.quoted and begins_container(part.text))
    ]
    if _is_schema(foreign):
        return Mismatch(plan.expected, "a JSON Schema")
    found = [result for part in containers if (result := fits(part, plan)).__class__ is not Mismatch]
    if not found and plan.takes_list and [part for part in containers if part.__class__ is RawContainer] == containers:
        lists = [part for part in containers if part.keys is None]
        if len(lists) == 1 and not lists[0].parts:
            found = [[]]
    if len(found) != 1:
        return Mismatch(plan.expected, f"an object with {len(found)} of them" if found else "an object without one")
    return Coerced(value_of(found[0]), penalty_of(found[0]) + 2, foreign)


def _is_schema(raw: RawContainer) -> bool:
    """Whether an object describes values instead of being one: ``{"type": "object", "properties": {…}}``."""
    parts = dict(zip(raw.keys or (), raw.parts, strict=False))
    properties = parts.get("properties")
    if not isinstance(properties, RawContainer) or not properties.keys:
        return False
    return all(
        isinstance(part, RawContainer) and part.keys is not None and not _SCHEMA_KEYS.isdisjoint(part.keys)
        for part in properties.parts
    )
