"""Watching the machine run: the loop that calls a tracer, and the tracer that prints steps.

A *tracer* is called before every instruction with the running function, the instruction's index in it, its locals in
``slots``, the operand stack as the loop keeps it (it is empty if ``stack`` is, or else ``[*stack[1:], top]``), and the
``frames`` of the thread: below those of the callers, each ``(step, slots, stack, function)`` as of its return, is one
whose function is None::

    machine = Machine(program, scope, tracer=StepPrinter(lambda line: print(line, file=sys.stderr)))

Rule: the loop that runs without a tracer knows nothing of this.  A machine with a tracer runs a second loop, made from
the same semantics by :mod:`bamlvm.vm.make_loop` when it is first needed, in some 10 ms.  A tracer must not change what
it is given, and what it keeps of it goes on changing.

Two things are not to be seen, because they are not executed: a ``jump`` behind an instruction that cannot throw (the
linker has made its target that instruction's next), and the linker's pseudo-instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from bamlvm.vm import make_loop
from bamlvm.vm.disassembler import instruction_texts
from bamlvm.vm.linker import LinkedFunction
from bamlvm.vm.opcodes import DISPATCH
from bamlvm.vm.rendering import glimpse
from bamlvm.vm.values import TraceFrame, Value

Frames: TypeAlias = Sequence[tuple[Any, Sequence[Value], Sequence[Value], LinkedFunction | None]]

Tracer: TypeAlias = Callable[[LinkedFunction, int, Sequence[Value], Sequence[Value], Value, Frames], None]
"""``tracer(function, place, slots, stack, top, frames)``, as the head comment says."""

_SHOWN: Final = 60
"""Characters of the top of the stack that are printed."""

_CALLS: Final = frozenset(DISPATCH[name] for name in ("call", "load_global", "call_indirect", "call_method"))


@cache
def traced_loop() -> Callable[[Any, int], Any]:
    """Return the loop that reports to the machine's :class:`Watch`; else it is :func:`bamlvm.vm.loop.execute`."""
    names: dict[str, Any] = {"__name__": "bamlvm.vm.traced_loop"}
    exec(compile(make_loop.source(traced=True), "<traced loop>", "exec"), names)  # our own text
    loop: Callable[[Any, int], Any] = names["execute"]
    return loop


class Watch:
    """Between the traced loop and a tracer: records become indexes, and a call is reported once.

    A call that finds the loop's grant of steps used up is executed again with the next grant; the record is then the
    same, at the same depth, with no instruction in between, which is not so for any other call.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._call: list[Any] | None = None
        self._depth = 0

    def __call__(
        self, function: LinkedFunction, record: list[Any], slots: Any, stack: Any, top: Value, frames: Any
    ) -> None:
        depth = len(frames)
        if record is self._call and depth == self._depth:
            return
        self._call = record if record[0] in _CALLS else None
        self._depth = depth
        self._tracer(function, function.place(record), slots, stack, top, frames)


class StepPrinter:
    """A tracer that writes a line a step: depth, function, index, file:line:column, instruction, top of the stack.

    ``write`` takes one line, without its line feed.  A line looks like::

        2 user.count     1 main.baml:12:5  add_const 3                          | 42
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._texts: dict[LinkedFunction, list[str]] = {}

    def __call__(
        self,
        function: LinkedFunction,
        place: int,
        slots: Sequence[Value],
        stack: Sequence[Value],
        top: Value,
        frames: Frames,
    ) -> None:
        texts = self._texts.get(function)
        if texts is None:
            # The record behind the last instruction has an index too.
            texts = self._texts[function] = [*instruction_texts(function.placed.function), "unreachable"]
        shown = glimpse(top, _SHOWN) if stack else ""
        where = location(function.position(place))
        self._write(f"{len(frames):>3} {function.name} {place:>3} {where:<20} {texts[place]:<36} | {shown}".rstrip())


def location(frame: TraceFrame) -> str:
    """Return a frame's place as ``file:line:column``, or ``-`` where there is no source."""
    return f"{frame.file}:{frame.line}:{frame.column}" if frame.line else "-"
