"""What is thrown, on its way through the interpreter's frames: its trace, and the handler that takes it.

The exceptions that Python code raises become BAML values here, and those that no verified program raises a
:class:`MachineError`.
"""

from __future__ import annotations

from typing import Any, Final

from bamlvm.vm.linker import LinkedFunction, LinkError, Program
from bamlvm.vm.opcodes import DISPATCH
from bamlvm.vm.outcomes import State
from bamlvm.vm.panics import no_memory
from bamlvm.vm.values import Caught, Instance, Thrown, TraceFrame, Value

_FOREIGN: Final = frozenset(DISPATCH[name] for name in ("call_native", "sys_call", "compiled", "compiled_loop"))


class MachineError(Exception):
    """Code or a value that no verified program has."""


class Unwinding:
    """The part of a machine that unwinds its frames."""

    program: Program
    frames: list[tuple[Any, Any, Any, Any]]
    _uncaught: Caught | None
    _limit_hits = 0

    def callers(self) -> tuple[TraceFrame, ...]:
        """Return the stack trace of the frames in the interpreter, innermost first."""
        return tuple(each.frame(place) for place, _, _, each in reversed(self.frames) if each is not None)

    def instance_of(self, thrown: Thrown | MemoryError) -> Instance:
        """Return what Python code throws as an instance of its class."""
        if isinstance(thrown, MemoryError):
            thrown = no_memory()
        names = self.program.loaded_class(thrown.class_name).index
        fields = {name: value for name, value in thrown.fields.items() if name in names}
        return self.program.new_instance(thrown.class_name, fields)

    def caught(self, value: Value, step: Any, function: LinkedFunction) -> Caught:
        """Return a value that the instruction before ``step`` throws, with the frames of this moment."""
        return Caught(value, (function.frame(step), *self.callers()))

    def arrived(self, thrown: Thrown | MemoryError, step: Any, function: LinkedFunction) -> Caught:
        """Return what Python code throws at the instruction before ``step``, as an instance of its class."""
        return self.caught(self.instance_of(thrown), step, function)

    def unwind(self, error: Caught, step: Any, slots: Any, stack: Any, function: Any, top: Any) -> State | None:
        """Leave frames until one has a handler for ``error``; return the state in which it goes on, or None.

        The arguments are the state of the innermost frame, whose instruction before ``step`` throws.
        """
        catchable = self._limit_hits < 2  # a program must not catch its way past the budget
        while True:
            if function.handlers and catchable:
                place = function.index(step)
                for handler in function.handlers:  # innermost first
                    if handler.start <= place < handler.end:
                        # With the error in `top`, `stack` must hold depth + 1 values, the first of them
                        # meaningless: those below the error.  The throwing instruction has popped some of its
                        # operands or none, so `stack` has at least `depth`; if just that, the last is in `top`.
                        if len(stack) == handler.depth:
                            stack.append(top)
                        else:
                            del stack[handler.depth + 1 :]
                        return function.records[handler.target], slots, stack, function, error
            # A caller's state has no top: all its entries lie in `stack`.  Its `step` is the record after the call.
            step, slots, stack, function = self.frames.pop()
            if function is None:  # the outermost frame's: nothing catches the error
                self._uncaught = error
                return None

    def broken(self, operation: int, function: LinkedFunction, step: Any, error: Exception) -> None:
        """Raise :class:`MachineError` for an exception of the machine's own; return if it comes from elsewhere."""
        if operation in _FOREIGN or isinstance(error, LinkError):
            return
        name = next(name for name, number in DISPATCH.items() if number == operation)
        raise self.error(function, function.index(step), name, error) from error

    def error(self, function: LinkedFunction, place: int, name: str, error: Exception) -> MachineError:
        """Return the error of the machine itself at an instruction."""
        return MachineError(f"{function.name}: instruction {place}: `{name}`: {type(error).__name__}: {error}")
