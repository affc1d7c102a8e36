"""The base of every type: a :class:`Plan`, made once for it, and a :class:`ValueBuilder`, which reads a container."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from bamlvm.sysops.parsing.results import Coerced, Inexact, Mismatch, Result, excerpt, penalty_of, value_of

COMPLETE: Final = "Complete"
INCOMPLETE: Final = "Incomplete"
PENDING: Final = "Pending"


class ValueBuilder:
    """Builds the value of one object or list from its parts; this one skips them.

    ``names`` are the declared keys, bare (:func:`.names.bare`), None where any key may come.  ``doubtful`` counts the
    items of a list that are words without quotes.  ``shown`` is what partials show of it once it is closed.
    """

    __slots__ = ("doubtful", "shown")
    is_object = True
    names: Collection[str] | None = None
    doubtful: int
    shown: Any

    def expected_names(self) -> Collection[str] | None:
        """Return those of ``names`` that the object has not had yet: a name does not come twice."""
        return self.names

    def child(self, key: str) -> Plan:
        """Return the plan of the next part; of a list the key is empty."""
        return SKIP

    def put(self, result: Result, shown: Any) -> None:
        """Take the part whose plan :meth:`child` returned."""

    def close(self) -> Result:
        """Return the value, and set ``shown``."""
        self.shown = None
        return None

    def adopt(self, orphans: dict[str, Any]) -> None:
        """Take the raw parts of a closed inner object that may be fields of this one."""

    def orphans(self) -> dict[str, Any]:
        """Return the raw parts of undeclared keys, which may belong to the object around this one."""
        return {}

    def reopened(self) -> ValueBuilder | None:
        """Return a builder of the list that the last part is, or is the first item of; None if it is neither.

        The list lacks its brackets, or has them more than once: ``"items": {…}, {…}``, ``"items": ["a"], ["b"]``.  The
        builder's result is put in the place of the part.
        """
        return None

    def unmatched(self) -> Any:
        """Return the object as it was written if no key of it is declared, else None."""
        return None

    def left_out(self) -> None:
        """Note an ellipsis where a part is expected: the model left out what stands there."""

    def may_go_on(self) -> bool:
        """Whether pairs behind the end of this object may belong to it: it is certain which value it is."""
        return self.unmatched() is None

    def cut_short(self) -> None:
        """Note that the text ended, or a fence closed, before the bracket of this container came."""

    def partial(self, child: Any, begun: bool) -> Any:
        """Return the value so far, None where there is nothing to show.

        ``child`` is the part under way, None where it has nothing to show; ``begun``: a part is under way at all.
        """
        return None

    def ending(self) -> Any:
        """Return the value so far of a container that is complete unless more of it follows behind its end."""
        return self.partial(None, False)

    def evident(self) -> bool:
        """Whether something was read that belongs to the type."""
        return True


class SkippedList(ValueBuilder):
    """Reads a list and keeps nothing of it."""

    __slots__ = ()
    is_object = False


class Plan:
    """How one type is read.

    ``grows``: text in quotes is a value at every moment.  ``stateful``: partials wrap something in it in a state.
    ``takes_…``: the type has a place for this without wrapping or unwrapping anything.  ``names`` are the declared keys
    of its objects, bare, None where any key may come.  ``may_be_hasty``, of a return type's plan: some union in it
    chooses before it has seen all.
    """

    expected = "anything"
    may_be_hasty = False
    grows = False
    stateful = False
    keeps_raw = False
    takes_scalar = False
    takes_object = False
    takes_list = False
    names: Collection[str] | None = None

    def scalar(self, text: str, quoted: bool) -> Result:
        """Return the value of a scalar."""
        return None

    def exact(self, decoded: Any) -> Any:
        """Return the value of what a JSON decoder has made of a text.  Raises :class:`Inexact` if the type does not
        plainly have it; the text may still be read as the type."""
        raise Inexact

    def open(self, is_object: bool) -> ValueBuilder:
        """Return the builder of an object or a list."""
        return ValueBuilder() if is_object else SkippedList()

    def default(self) -> Callable[[], Any] | None:
        """Return the function that makes the value of a missing field, None if the field may not be missing."""
        return None

    def may_grow(self, text: str) -> bool:
        """Whether more text may make a whole answer another value: its last word may go on."""
        return True

    def refine(self) -> bool:
        """Work out ``takes_…`` and what follows from other plans; return whether anything changed."""
        return False

    def _mismatch(self, text: str, quoted: bool) -> Mismatch:
        return Mismatch(self.expected, excerpt(text) if quoted else text[:120] or "nothing")


SKIP: Final = Plan()
"""The plan of a part that is not kept."""


class UnwrapBuilder(ValueBuilder):
    """Reads a list where the type wants one value: it may have one item."""

    __slots__ = ("_count", "_plan", "_result", "_show")
    is_object = False

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 0
        self._result: Result = None
        self._show: Any = None

    def child(self, key: str) -> Plan:
        return self._plan if not self._count else super().child(key)

    def put(self, result: Result, shown: Any) -> None:
        if not self._count:
            self._result = result
            self._show = shown
        self._count += 1

    def close(self) -> Result:
        self.shown = self._show
        if self._count != 1:
            return Mismatch(self._plan.expected, f"a list of {self._count}")
        result = self._result
        return result if result.__class__ is Mismatch else Coerced(value_of(result), penalty_of(result) + 2)

    def left_out(self) -> None:
        self._count += 1

    def partial(self, child: Any, begun: bool) -> Any:
        return self._show if self._count else child

    def evident(self) -> bool:
        return self._count > 0
