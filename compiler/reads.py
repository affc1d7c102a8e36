"""What a piece of work has read of the project around it, so that its result can be kept until one of these changes.

Every lookup by name, found or not, passes through :meth:`Reads.note`.  A result that was made without a diagnostic is
valid for as long as its own source is the same and each of its reads still gives what it gave
(:class:`bamlvm.compiler.incremental.Memo` checks that).
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Read: TypeAlias = tuple[str, tuple[Any, ...]]
"""A kind of lookup and its arguments."""


class Reads:
    """Records lookups while something is being made."""

    def __init__(self) -> None:
        self._noted: dict[Read, Any] | None = None

    def begin(self) -> dict[Read, Any] | None:
        """Record from here on; gives what was being recorded before, for :meth:`end`."""
        outer, self._noted = self._noted, {}
        return outer

    def end(self, outer: dict[Read, Any] | None) -> dict[Read, Any]:
        """Stop; gives what was read since :meth:`begin`, which whatever encloses it has read too."""
        noted, self._noted = self._noted, outer
        assert noted is not None
        if outer is not None:
            outer.update(noted)
        return noted

    def note(self, kind: str, arguments: tuple[Any, ...], result: T) -> T:
        """Note a lookup; gives its result back."""
        if self._noted is not None:
            self._noted[kind, arguments] = result
        return result
