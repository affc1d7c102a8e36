"""Where a program's time goes, by function and by source line.

A :class:`Profiler` is a tracer (:mod:`bamlvm.vm.trace`) that measures each instruction with a clock from outside, since
the machine knows none, and leaves its own time out::

    profiler = Profiler(time.perf_counter)
    machine = Machine(program, scope, tracer=profiler)
    …                                   # run the machine to its end
    profiler.stop()
    print(profiler.table())

The time from one instruction to the next belongs to the first: so a native's time is on the line that calls it, and so
is the time that a suspended machine waits for a sys-op.  A function's *own* time is that of its instructions; its
*total* adds what it calls, a recursive function's inner calls counted once.

Cheap instructions look dearer than they are, since the traced loop adds its own dispatch to each; a line's share of
the whole is what to look at.  One profiler watches one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from bamlvm.vm.linker import LinkedFunction
from bamlvm.vm.trace import Frames
from bamlvm.vm.values import Value


@dataclass(slots=True)
class LineProfile:
    """A source line of a function: instructions executed, seconds.  ``line`` is 0 where there is no source."""

    function: str
    file: str
    line: int
    instructions: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class FunctionProfile:
    """A function: how often it was called, and the seconds spent in it without (``own``) and with what it called."""

    name: str
    calls: int = 0
    own: float = 0.0
    total: float = 0.0


class Profiler:
    """A tracer that adds up times.  ``clock()`` returns seconds that never fall."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: dict[tuple[str, int], LineProfile] = {}
        self._functions: dict[str, FunctionProfile] = {}
        self._by_place: dict[tuple[LinkedFunction, int], LineProfile] = {}
        self._calls: list[tuple[FunctionProfile, float]] = []  # the frames: whose they are, when they began
        self._running: dict[str, int] = {}  # how many frames a function has now
        self._own_time = 0.0  # the program's seconds so far, without ours
        self._current: tuple[LineProfile, FunctionProfile] | None = None
        self._since = 0.0

    def __call__(
        self,
        function: LinkedFunction,
        place: int,
        slots: Sequence[Value],
        stack: Sequence[Value],
        top: Value,
        frames: Frames,
    ) -> None:
        self._charge()
        depth = len(frames)
        # A call was made if there is a frame more; frames are left by returning and by throwing, several at once.
        while len(self._calls) > depth:
            self._leave()
        if len(self._calls) < depth:
            self._enter(function.name)
        line = self._by_place.get((function, place))
        if line is None:
            line = self._by_place[function, place] = self._line(function, place)
        line.instructions += 1
        self._current = line, self._calls[-1][0]
        self._since = self._clock()

    def stop(self) -> None:
        """Count the time since the last instruction, and end the calls that are still open."""
        self._charge()
        self._current = None
        while self._calls:
            self._leave()

    def functions(self) -> list[FunctionProfile]:
        """Return the functions that ran, the one with the most time of its own first."""
        return sorted(self._functions.values(), key=attrgetter("own"), reverse=True)

    def lines(self) -> list[LineProfile]:
        """Return the source lines that ran, the one with the most time first."""
        return sorted(self._lines.values(), key=attrgetter("seconds"), reverse=True)

    def table(self, limit: int = 20) -> str:
        """Return both as text: at most ``limit`` functions and as many lines, times in milliseconds."""
        whole = sum(each.own for each in self._functions.values()) or 1.0
        functions = [
            [f"{each.calls}", _ms(each.own), f"{each.own / whole:.1%}", _ms(each.total), each.name]
            for each in self.functions()[:limit]
        ]
        lines = [
            [
                f"{each.instructions}",
                _ms(each.seconds),
                f"{each.seconds / whole:.1%}",
                f"{each.file}:{each.line}" if each.line else "-",
                each.function,
            ]
            for each in self.lines()[:limit]
        ]
        return "\n".join(
            [
                *_columns(["calls", "own ms", "share", "total ms", "function"], functions, left=1),
                "",
                *_columns(["instructions", "ms", "share", "line", "function"], lines, left=2),
            ]
        )

    def _charge(self) -> None:
        if self._current is not None:
            seconds = self._clock() - self._since
            line, function = self._current
            line.seconds += seconds
            function.own += seconds
            self._own_time += seconds

    def _enter(self, name: str) -> None:
        function = self._functions.setdefault(name, FunctionProfile(name))
        function.calls += 1
        self._running[name] = self._running.get(name, 0) + 1
        self._calls.append((function, self._own_time))

    def _leave(self) -> None:
        function, began = self._calls.pop()
        self._running[function.name] -= 1
        if not self._running[function.name]:  # else an outer call of the same function counts this time
            function.total += self._own_time - began

    def _line(self, function: LinkedFunction, place: int) -> LineProfile:
        frame = function.position(place)
        return self._lines.setdefault((function.name, frame.line), LineProfile(function.name, frame.file, frame.line))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def _columns(head: list[str], rows: list[list[str]], left: int) -> list[str]:
    """Return lines of aligned columns, the last ``left`` of them to the left."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    numbers = len(head) - left
    return [
        "  ".join(
            cell.rjust(width) if column < numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
