"""Objects and lists inside a text that is complete: JSON written as a string, and a whole answer that is one."""

from __future__ import annotations

from typing import Any

from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.raw import RawBuilder, RawContainer, fits
from bamlvm.sysops.parsing.results import Coerced, Mismatch, Result, penalty_of, value_of
from bamlvm.sysops.parsing.scanner import Scanner


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
        text = text.strip()
        if text[:1] not in ("{", "["):
            return None
        self.begin(RawBuilder(text[0] == "{"))
        self.take(text[1:])
        self.take_end()
        return self.raw


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
        if isinstance(part, RawContainer) or (part.quoted and part.text[:1] in ("{", "["))
    ]
    found = [result for part in containers if (result := fits(part, plan)).__class__ is not Mismatch]
    if not found and plan.takes_list and [part for part in containers if part.__class__ is RawContainer] == containers:
        lists = [part for part in containers if part.keys is None]
        if len(lists) == 1 and not lists[0].parts:
            found = [[]]
    if len(found) != 1:
        return Mismatch(plan.expected, f"an object with {len(found)} of them" if found else "an object without one")
    return Coerced(value_of(found[0]), penalty_of(found[0]) + 2, foreign)
