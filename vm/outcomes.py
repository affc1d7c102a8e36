"""The outcomes of a run of the machine: final ones, and those after which it goes on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, TypeAlias

import msgspec

from bamlvm.vm.sysop import SysOp
from bamlvm.vm.threads import Thread
from bamlvm.vm.values import Caught, Value

TURNS: Final = 2_000
"""Turns of compiled loops, and calls of recursive functions, between two looks at the outside."""

TRACED: Final = 5
"""A throw costs a step more for each ``1 << TRACED`` frames, whose places it notes."""

MAX_DEPTH: Final = 10_000
"""Frames that calls may be nested, the outermost included."""

COMPILED_FRAMES: Final = 1_000
"""Compiled frames that may be on Python's stack. The last frames below the depth limit, as many as these, are
interpreted, so that the limit is exact."""


class Done(msgspec.Struct, frozen=True):
    """The call returned."""

    value: Value


class Suspended(msgspec.Struct, frozen=True):
    """A thread waits for a sys-op.

    ``awaitable`` is the coroutine of the sys-op, called with the scope and ``arguments``, or that of its ``Pending``.
    ``sysop`` is None where its lengthy work ends in a wait; ``thread`` is None while the call has but one.
    """

    sysop: SysOp | None
    arguments: list[Value]
    awaitable: Awaitable[Value]
    thread: Thread | None = None


class Idle(msgspec.Struct, frozen=True):
    """No thread can run until a sys-op under way has its result, or a cancelled thread is closed."""


class Switched(msgspec.Struct, frozen=True):
    """The running thread waits for another one; never seen outside of the machine."""


class Failed(msgspec.Struct, frozen=True):
    """The call threw, and nothing caught it."""

    error: Caught


class Paused(msgspec.Struct, frozen=True):
    """The slice is used up; :meth:`Machine.run` goes on."""


Outcome: TypeAlias = Done | Suspended | Failed | Paused | Idle

State: TypeAlias = tuple[Any, Any, Any, Any, Any]
"""Between instructions: the next record, the locals, the operand stack, the function, the stack's top."""
