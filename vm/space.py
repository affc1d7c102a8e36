"""One thread's compiled functions.

Translations are shared by all threads; function objects are not.  Their cells ``fuel``, ``turns`` and ``calls`` count
what the thread's own Python stack may still do.  A function is made in a space at its first call there: until then its
name stands for a stub.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import repeat
from operator import length_hint
from sys import getrefcount
from types import CellType, CodeType, FunctionType
from typing import Any, Final, Protocol

from bamlvm.vm import arithmetic, facts
from bamlvm.vm.facts import Fact
from bamlvm.vm.linker import LinkedFunction, Program
from bamlvm.vm.names import Objects
from bamlvm.vm.outcomes import COMPILED_FRAMES
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.spill import (
    CATCHABLE,
    Bail,
    CompiledCode,
    Held,
    Pause,
    Rethrown,
    Suspend,
    ThrownValue,
    activations,
    as_held,
)
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.type_tests import type_tag
from bamlvm.vm.values import MISSING, Caught, Cell, Closure, Instance, Pending, Value, is_panic_value
from bamlvm.vm.work import (
    SEEN,
    Lengthy,
    check_length,
    compares,
    copies,
    extend,
    given,
    looks_up,
    note,
    update,
)

_RESERVE: Final = 220
"""Python frames kept free: for natives, and for calls that do not count themselves."""

MAX_HEIGHT: Final = 48
"""How long a chain of calls that do not count themselves may be."""

MAX_FRAMES: Final = COMPILED_FRAMES - MAX_HEIGHT - 2
"""Frames of counted calls on Python's stack above the interpreter; more are moved to the heap."""


class Tier(Protocol):
    """What a space needs of the program's second tier."""

    program: Program
    objects: Objects
    codes: dict[CodeType, CompiledCode]
    weights: dict[int, int]
    asserts: bool
    weighs: bool

    def function(self, function: LinkedFunction) -> FunctionType | None:
        """Return a function's translation; None if it stays interpreted."""
        ...

    def loop_code(self, loop: tuple[LinkedFunction, int]) -> FunctionType:
        """Return the translation of a loop that is entered in its middle."""
        ...


class _Compiled(dict[LinkedFunction, Callable[..., Value]]):
    """The functions of a space, made when they are asked for."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __missing__(self, function: LinkedFunction) -> Callable[..., Value]:
        return self._space.make(function)


class Space:
    """One thread's compiled functions: their globals, and the cells that count for its stack."""

    def __init__(self, native: Tier) -> None:
        self._native = native
        self._machine: Any = None
        self._fuel = CellType(0)
        self._calls = CellType(0)
        self._loops: dict[tuple[LinkedFunction, int], FunctionType] = {}
        self._known = 0
        self.weighs = native.weighs
        self._turns = CellType(repeat(None, 0))
        self.compiled = _Compiled(self)
        self._globals: dict[str, Any] = {
            "Bail": Bail,
            "CATCHABLE": CATCHABLE,
            "Caught": Caught,
            "Cell": Cell,
            "Closure": Closure,
            "Instance": Instance,
            "MISSING": MISSING,
            "Rethrown": Rethrown,
            "ThrownValue": ThrownValue,
            "assertion_failed": assertion_failed,
            "caught": self._caught,
            "caught_with_trace": self._caught_with_trace,
            "compiled": self.compiled,
            "leave_for_long": self._leave_for_long,
            "references": getrefcount,
            "check_length": self._check_length,
            "divide_float": arithmetic.divide_float,
            "divide_int": arithmetic.divide_int,
            "division_by_zero": arithmetic.division_by_zero,
            "extend": extend,
            "integer_overflow": arithmetic.integer_overflow,
            "method": native.program.method,
            "more": self._more,
            "no_element": no_element,
            "poll": self._poll,
            "remainder_float": arithmetic.remainder_float,
            "remainder_int": arithmetic.remainder_int,
            "rest": self._rest,
            "sys_call": self._sys_call,
            "type_tag": type_tag,
            "unreachable": unreachable,
            "update": update,
            "verify": _verify,
            "weigh_key": self._weigh_key,
            "weigh_texts": self._weigh_texts,
        }
        self.transparent = frozenset(each.__code__ for each in _CALLED) | {_STUB}

    # --- entering and leaving -----------------------------------------------------------------------------------------

    def run(self, machine: Any, function: Callable[..., Value], arguments: list[Value]) -> Value:
        """Let a machine call a compiled function; return its value, or raise what leaves it."""
        # Another machine's code may be below, on this thread's stack.
        fuel, turns, calls = self._fuel, self._turns, self._calls
        outer = self._machine, fuel.cell_contents, turns.cell_contents, calls.cell_contents
        self._machine = machine
        fuel.cell_contents = left = machine.turns_left
        turns.cell_contents = repeat(None, left)
        calls.cell_contents = 0
        try:
            return function(*arguments)
        finally:
            machine.turns_left = min(fuel.cell_contents, length_hint(turns.cell_contents))
            self._machine, fuel.cell_contents, turns.cell_contents, calls.cell_contents = outer

    # --- functions ----------------------------------------------------------------------------------------------------

    def make(self, function: LinkedFunction) -> Callable[..., Value]:
        """Return a function as this space's; if it stays interpreted, one that leaves to the interpreter."""
        shared = self._native.function(function)
        made: Callable[..., Value] = leave if shared is None else self._instance(shared)
        self.compiled[function] = made
        name = self._native.objects.callee_name(function)
        if name is not None:
            self._globals[name] = made
        return made

    def loop(self, loop: tuple[LinkedFunction, int]) -> FunctionType:
        """Return a loop's function as this space's."""
        found = self._loops.get(loop)
        if found is None:
            found = self._loops[loop] = self._instance(self._native.loop_code(loop))
        return found

    def renew(self) -> None:
        """Have all functions made again."""
        self._loops.clear()
        for function in list(self.compiled):
            self.forget(function)

    def forget(self, function: LinkedFunction) -> None:
        """Have a function made again when it is called next."""
        self.compiled.pop(function, None)
        for loop in [each for each in self._loops if each[0] is function]:
            del self._loops[loop]
        name = self._native.objects.callee_name(function)
        if name is not None:
            self._globals[name] = self._stub(function)

    def _instance(self, shared: FunctionType) -> FunctionType:
        self._take_names()
        cells = {"fuel": self._fuel, "turns": self._turns, "calls": self._calls}
        closure = tuple(cells[name] for name in shared.__code__.co_freevars)
        return FunctionType(shared.__code__, self._globals, shared.__name__, None, closure)

    def _take_names(self) -> None:
        """Take over the objects that have got names since; functions that are not made yet as stubs."""
        for name, value in self._native.objects.named[self._known :]:
            self._globals[name] = self.compiled.get(value) or self._stub(value) if name.startswith("F") else value
            self._known += 1

    def _stub(self, function: LinkedFunction) -> Callable[..., Value]:
        """Return what stands for a function until it is called."""

        def stub(*arguments: Value) -> Value:
            return self._run_stub(function, arguments)

        return stub

    def _run_stub(self, function: LinkedFunction, arguments: tuple[Value, ...]) -> Value:
        return self.compiled[function](*arguments)

    # --- what compiled code calls -------------------------------------------------------------------------------------

    def _poll(self) -> None:
        """Look at the outside; the fuel of a chunk of turns is used up."""
        self._fuel.cell_contents = turns = self._machine.turns
        self._turns.cell_contents = repeat(None, turns)
        if self._machine.poll is None or self._machine.poll() or self._native.asserts:
            raise Pause

    def _rest(self) -> None:
        """Look at the outside, unless a loop inside has done so since, and has put a new iterator there."""
        if not length_hint(self._turns.cell_contents):
            self._poll()

    def _more(self) -> None:
        """Grant recursive functions more calls, as many as Python's stack has room for; else move frames to the
        heap."""
        frame, depth, frames, ours = sys._getframe(1), 0, 0, 0
        weights = self._native.weights
        entered = Space.run.__code__
        caller: Any = frame
        while caller is not None:
            if caller.f_code is entered and not ours:
                ours = max(frames, depth)
            frames += weights.get(id(caller.f_code), 0)
            caller, depth = caller.f_back, depth + 1
        room = min(sys.getrecursionlimit() - depth - _RESERVE, MAX_FRAMES - ours)
        if room < 1:
            raise Bail
        self._calls.cell_contents = room
        self._fuel.cell_contents -= room
        if self._fuel.cell_contents < 0:
            self._poll()

    def _leave_for_long(self) -> None:
        """Leave code that does not expect long texts, where one is made."""
        if not SEEN:
            SEEN.append(True)
        raise Bail

    def _check_length(self, a: str, b: str) -> None:
        """Ask the driver before two texts are joined, one of them long, if as much has been copied since the last time.

        Raises :class:`~bamlvm.vm.values.Thrown` if the result is too long.
        """
        check_length(a, b)
        if copies(len(a) + len(b)):
            self._look()

    def _weigh_texts(self, a: str, b: str) -> None:
        """Ask the driver before two long texts are compared, if that is due."""
        if compares(a, b):
            self._look()

    def _weigh_key(self, key: str) -> None:
        """Ask the driver before a long key is looked up, if that is due."""
        if looks_up(key):
            self._look()

    def _look(self) -> None:
        # What interrupts the call must not look like an exception of the instruction: the machine raises it.
        if self._machine.wants_pause():
            raise Pause

    def _sys_call(self, sysop: SysOp, arguments: list[Value]) -> Value:
        result = sysop.call(self._machine.scope, *arguments)
        if note(result):  # what runs here does not expect long texts
            raise Lengthy(given(result))
        if sysop.is_async:
            raise Suspend(sysop, arguments, result)
        if type(result) is Pending:
            raise Suspend(sysop, arguments, result.awaitable)
        return result

    def _caught(self, error: Exception) -> Any:
        """Return what a handler takes that throws nothing again but panics: without a trace if it needs none."""
        if type(error) is ThrownValue and not is_panic_value(error.value):
            return Caught(error.value)
        return self._caught_with_trace(error)

    def _caught_with_trace(self, error: Exception) -> Held:
        """Return what a handler takes. Raises the exception again if it is not BAML's."""
        found = activations(error.__traceback__, self._native.codes, self.transparent)
        held = as_held(error, self._machine, found)
        if held is None:
            try:
                raise error
            finally:
                del error  # which is not to refer to this frame and be referred to by it
        error.__traceback__ = None
        return held


def leave(*arguments: Value) -> Value:
    """Stand for a function that stays interpreted."""
    raise Bail


def _verify(fact: Fact, value: Value) -> None:
    if not facts.holds(fact, value):
        raise AssertionError(f"{value!r} is not {fact}")


_CALLED: Final = (
    *(Space._poll, Space._rest, Space._more, Space._sys_call, Space._run_stub),
    *(Space._leave_for_long, Space._check_length, Space._weigh_texts, Space._weigh_key, Space._look),
)
_STUB: Final = next(each for each in Space._stub.__code__.co_consts if isinstance(each, CodeType))
