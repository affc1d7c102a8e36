"""What every type reads with: a :class:`Plan`, made once for a type, and a :class:`Frame`, a container being read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bamlvm.sysops.parsing.results import Coerced, Failure, Result, excerpt, penalty_of, value_of

COMPLETE: Final = "Complete"
INCOMPLETE: Final = "Incomplete"
PENDING: Final = "Pending"


class Frame:
    """A container that is being read as nothing: its parts are skipped.  ``place`` is a class's field under way."""

    __slots__ = ("shown",)
    is_object = True
    shown: Any

    def child(self, key: str) -> Plan:
        """What the next part is read as; of a list the key is empty."""

        return SKIP

    def put(self, result: Result, shown: Any) -> None:
        """Take the part that :meth:`child` was asked for."""

    def close(self) -> Result:
        """The end; sets ``shown``."""
        self.shown = None
        return None

    def partial(self, child: Any, begun: bool) -> Any:
        """The value so far, None where there is none to show.

        ``child`` is the part under way, None where it has nothing to show; ``begun`` whether there is one at all.
        """
        return None

    def evident(self) -> bool:
        """Whether something was read that belongs to the type."""
        return True


class SkippedList(Frame):
    """A list that is being read as nothing."""

    __slots__ = ()
    is_object = False


class Misfit(Frame):
    """A container where the type wants something else."""

    __slots__ = ("_failure",)

    def __init__(self, expected: str, got: str) -> None:
        self._failure = Failure(expected, got)

    def close(self) -> Result:
        self.shown = None
        return self._failure

    def evident(self) -> bool:
        return False


class Plan:
    """How one type is read.

    ``grows``: text in quotes is a value at every moment.  ``stateful``: partials wrap something in it in a state.
    ``takes_…``: what the type has a place for without wrapping or unwrapping anything.
    """

    expected = "anything"
    grows = False
    stateful = False
    keeps_raw = False
    takes_scalar = False
    takes_object = False
    takes_list = False

    def scalar(self, text: str, quoted: bool) -> Result:
        """The value of a scalar."""
        return None

    def open(self, is_object: bool) -> Frame:
        """A frame for an object or a list."""
        return Frame() if is_object else SkippedList()

    def default(self) -> Callable[[], Any] | None:
        """What makes the value of a field that is missing, None if it may not be."""
        return None

    def refine(self) -> bool:
        """Work out ``takes_…`` and what follows from other plans; True if anything changed."""
        return False

    def _misfit(self, text: str, quoted: bool) -> Failure:
        return Failure(self.expected, excerpt(text) if quoted else text[:120] or "nothing")


SKIP: Final = Plan()
"""What nobody asked for."""


class UnwrapFrame(Frame):
    """A list where the type wants one value: it may have one item."""

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
            return Failure(self._plan.expected, f"a list of {self._count}")
        result = self._result
        return result if result.__class__ is Failure else Coerced(value_of(result), penalty_of(result) + 2)

    def partial(self, child: Any, begun: bool) -> Any:
        return self._show if self._count else child

    def evident(self) -> bool:
        return self._count > 0
