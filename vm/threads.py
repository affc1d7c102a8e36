"""A green thread: what a machine keeps of one body of code while it runs another (:mod:`bamlvm.vm.scheduler`)."""

from __future__ import annotations

from typing import Any, Final, Literal

from bamlvm.vm.values import AwaitMany, Caught, Future, Thrown

MAIN: Final = 0
"""The number of the thread that a call begins with."""


class Thread:
    """A thread of a call.

    ``future`` is what it settles, None for the main thread; ``children`` are the unfinished ones that it has spawned.
    ``frames`` and ``state`` are the machine's while it runs.  ``status``:

    * ``ready``: it runs, or waits for its turn; ``thrown`` is an error that it gets first;
    * ``waiting`` for the futures of ``waits_for``;
    * ``suspended``: a sys-op of it is under way;
    * ``closing``: it has been cancelled, and its sys-op and its resources are not closed yet;
    * ``ended``.

    ``in_sysop``: a sys-op of it is under way, although it may have been cancelled since.
    """

    __slots__ = (
        *("children", "frames", "future", "in_sysop", "number", "parent", "scope", "state", "status", "thrown"),
        "waits_for",
    )

    def __init__(self, number: int, parent: Thread | None, frames: list[Any], state: Any, scope: Any) -> None:
        self.number = number
        self.parent = parent
        self.frames = frames
        self.state = state
        self.scope = scope
        self.future: Future | None = None if parent is None else Future(number, self)
        self.children: dict[Thread, None] = {}
        self.status: Literal["ready", "waiting", "suspended", "closing", "ended"] = "ready"
        self.waits_for: Future | AwaitMany | None = None
        self.in_sysop = False
        self.thrown: Thrown | Caught | None = None

    def __repr__(self) -> str:
        return f"<thread {self.number}: {self.status}>"
