"""The machine's way into the second tier: what is hot, and the calls of what has been translated.

A program's second tier is made, and its modules are loaded, when something is hot; :mod:`bamlvm.vm.native` is it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

from bamlvm.vm.linker import LinkedFunction, Program
from bamlvm.vm.outcomes import COMPILED_FRAMES, MAX_DEPTH
from bamlvm.vm.values import Value

SAMPLE: Final = 509
"""Steps between two samples of what is hot; a prime, so that loops with a call a turn are found at both."""

ENTRY_STEPS: Final = 8
"""Steps that take as long as entering compiled code and coming back: a loop that does so is soon found hot."""


class Compiled:
    """The part of a machine that runs compiled code, in frames that are at most ``_native_depth``; -1 for never."""

    program: Program
    frames: list[tuple[Any, Any, Any, Any]]
    _unsampled: int
    _native_depth = MAX_DEPTH - COMPILED_FRAMES
    _sampling = SAMPLE

    def _sample(self, function: LinkedFunction, header: list[Any] | None) -> None:
        """Take a function that is about to be called, or to turn at a loop's header, as a sample of what is hot."""
        if self._unsampled < self._sampling or self._native_depth < 0:
            return
        self._unsampled = 0
        if self.program.native is None and _load_next():
            pass
        elif header is None:
            self._native().sample_call(function)
        else:
            self._native().sample_loop(function, header)

    def first_step(self, function: LinkedFunction) -> list[Any]:
        """Return the first record of a function that has not been called before."""
        function.decode()
        if self._native_depth >= 0 and self.program.translation in ("eager", "stress"):
            self._native().function(function)
        return function.entry

    def call_compiled(self, function: LinkedFunction, slots: list[Value]) -> Any:
        """Call a function that the second tier has translated; return the interpreter's next state, or an outcome."""
        if len(self.frames) > self._native_depth:
            return function.records[0], slots, [], function, None
        return self._native().call(self, function, slots)

    def enter_compiled_loop(
        self, original: list[Any], loop: tuple[LinkedFunction, int], slots: Any, stack: Any, function: Any, top: Any
    ) -> Any:
        """Go on in a loop that the second tier has translated; return the interpreter's next state, or an outcome."""
        if len(self.frames) > self._native_depth:
            return original, slots, stack, function, top
        return self._native().enter_loop(self, loop, slots, stack, top)

    def _native(self) -> Any:
        """Return the program's second tier; it is made, and its modules loaded, when something is hot."""
        if self.program.native is None:
            from bamlvm.vm.native import Native

            self.program.native = Native(self.program, self.program.translation)
        return self.program.native


_SECOND_TIER: Final = (
    *("semantics", "facts", "inlining", "flow", "forms", "symbolic"),
    *("inference", "sites", "spill", "space", "translate", "native"),
)
"""The modules of the second tier, each after those that it imports."""


def _load_next() -> bool:
    """Load a module of the second tier; return False if there is none left.

    One at a time, since all together take tens of milliseconds, in which no other task of an event loop has its turn.
    """
    for name in _SECOND_TIER:
        if f"bamlvm.vm.{name}" not in sys.modules:
            import_module(f"bamlvm.vm.{name}")
            return True
    return False
