"""The second tier of a linked program: hot functions as Python functions, made when the interpreter finds them hot.

Translations are shared by all threads. Function objects are not: each thread has a :class:`Space`, whose cells ``fuel``
and ``calls`` count what its own Python stack may still do. A function is made in a space at its first call there: until
then its name stands for a stub.

The interpreter asks for fuel every few hundred steps, and each time is a sample (:meth:`Native.sample_call`,
:meth:`Native.sample_loop`). A function with enough samples is translated: ``entry`` becomes the pseudo-instruction
``compiled``. A loop that is running is entered in its middle: its header's record becomes ``compiled_loop``. The
machine enters compiled code through :meth:`Native.call` and :meth:`Native.enter_loop` and gets back what it goes on
with.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from bamlvm.vm import arithmetic, facts
from bamlvm.vm.facts import ANY, Fact
from bamlvm.vm.flow import Flow, Unsupported
from bamlvm.vm.linker import Decoder, LinkedFunction, LinkError, Program
from bamlvm.vm.opcodes import CODES, DISPATCH, TABLE, plain
from bamlvm.vm.outcomes import COMPILED_FRAMES, Suspended
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.program.types import ClassType
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
    spill,
)
from bamlvm.vm.stack import instructions
from bamlvm.vm.symbolic import State as FactState
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.translate import Analysis, Translation, analyse, start_state, translate
from bamlvm.vm.type_tests import type_tag
from bamlvm.vm.values import MISSING, Cell, Closure, Instance, Pending, Value
from bamlvm.vm.work import Lengthy, check_length, extend

SAMPLES: Final = 2
"""Samples after which a function is hot."""

MAX_SAMPLES: Final = 24
"""Samples of a loop after which nothing more is tried."""

_FEW_TURNS: Final = 8
_SUSPENSIONS: Final = 16
"""After so many waits, each within so few turns, a loop is interpreted again."""

_RESERVE: Final = 220
"""Python frames kept free: for natives, and for calls that do not count themselves."""

_MAX_HEIGHT: Final = 48
"""How long a chain of calls that do not count themselves may be."""

MAX_FRAMES: Final = COMPILED_FRAMES - _MAX_HEIGHT - 2
"""Frames of counted calls on Python's stack above the interpreter; more are moved to the heap."""


class Names:
    """The names of one function's translation: objects and callees of the program (a
    :class:`~bamlvm.vm.symbolic.Names`)."""

    def __init__(self, native: Native, function: LinkedFunction) -> None:
        self._native = native
        self._program = native.program
        self._decoder = Decoder(function)

    def constant(self, value: Any) -> str:
        if value is None or type(value) in (int, bool, str):
            return repr(value)
        if type(value) is float and value - value == 0.0:
            return repr(value)
        return self._native.name_of(value)

    def callee(self, name: str) -> str:
        return self._native.callee(self._program.function(name))

    def result(self, name: str) -> Fact:
        signature = self._program.signatures.get(name)
        return ANY if signature is None else facts.of_type(signature.result)

    def argument(self, name: str, index: int) -> Fact:
        signature = self._program.signatures.get(name)
        if signature is None or index >= len(signature.parameters) or signature.parameters[index].has_default:
            return ANY
        return facts.of_type(signature.parameters[index].type)

    def parameter(self, name: str, index: int) -> Fact:
        signature = self._program.signatures.get(name)
        if signature is None or index >= len(signature.parameters):
            return ANY
        return facts.of_type(signature.parameters[index].type)

    def linked(self, name: str, operands: Sequence[int]) -> Sequence[Any]:
        return self._decoder.operands(TABLE[CODES[name]], tuple(operands), 0)

    def field(self, fact: Fact, index: int) -> Fact:
        if not isinstance(fact.type, ClassType):
            return ANY
        info = self._program.classes.get(fact.type.name)
        return facts.of_type(info.fields[index].type) if info is not None and index < len(info.fields) else ANY


class Native:
    """The second tier of a program."""

    def __init__(self, program: Program, translation: str = "hot") -> None:
        self.program = program
        self.asserts = translation == "stress"
        self.samples = SAMPLES if translation == "hot" else 1
        self.codes: dict[CodeType, CompiledCode] = {}
        self.objects: list[tuple[str, Any]] = []
        self._names: dict[int, str] = {}
        self._callees: dict[str, str] = {}
        self._functions: dict[LinkedFunction, FunctionType | None] = {}
        self._loops: dict[tuple[LinkedFunction, int], FunctionType | None] = {}
        self._originals: dict[LinkedFunction, dict[int, list[Any]]] = {}
        self._kept: list[list[Any]] = []
        self._heat: dict[LinkedFunction, int] = {}
        self._suspensions: dict[tuple[LinkedFunction, int], int] = {}
        self._unguessed: set[LinkedFunction] = set()
        self._heights: dict[str, int] = {}
        self._threads = threading.local()

    # --- what the machine calls ---------------------------------------------------------------------------------------

    def call(self, machine: Any, function: LinkedFunction, slots: list[Value]) -> Any:
        """Call a compiled function whose caller is on ``machine.frames``; return the interpreter's next state, or an
        outcome."""
        compiled = self.space().compiled[function]
        if compiled is _leave:  # it was translated once, with guesses that do not hold
            return function.records[0], slots, [], function, None
        return self._enter(machine, compiled, slots[: function.arity + function.placed.function.capture_count])

    def enter_loop(
        self, machine: Any, loop: tuple[LinkedFunction, int], slots: list[Value], stack: list[Value], top: Value
    ) -> Any:
        """Go on in a compiled loop at its header; return the interpreter's next state, or an outcome."""
        compiled = self.space().loop(loop)
        operands = [*stack[1:], top] if stack else []
        turns = machine.turns_left
        state = self._enter(machine, compiled, [*slots, *operands])
        if type(state) is Suspended and 0 <= turns - machine.turns_left < _FEW_TURNS and not self.asserts:
            self._note_suspension(loop)
        return state

    def _note_suspension(self, loop: tuple[LinkedFunction, int]) -> None:
        """Note that a loop waited after a few turns; one that does so again and again is interpreted from then on.

        To suspend, compiled code is moved to the interpreter's frames, which costs more than the turns have saved: a
        loop that reads a stream waits once for each event.
        """
        count = self._suspensions[loop] = self._suspensions.get(loop, 0) + 1
        if count == _SUSPENSIONS:
            function, place = loop
            with self.program.lock:
                original = self._originals.get(function, {}).get(place)  # it stays there: not to be replaced again
                if original is not None:
                    function.records[place][:] = original

    def _enter(self, machine: Any, function: Callable[..., Value], arguments: list[Value]) -> Any:
        space = self.space()
        outer = space.begin(machine)
        try:
            value = function(*arguments)
        except BaseException as error:
            state = self._land(machine, error)
            error.__traceback__ = None  # its frames are not to outlive the call
            return state
        finally:
            space.end(outer)
        step, slots, stack, caller = machine.frames.pop()
        return step, slots, stack, caller, value

    def _land(self, machine: Any, error: BaseException) -> Any:
        """Return what becomes of an exception that left compiled code: a state of the interpreter, or an outcome.

        Raises the exception itself if it is not BAML's.
        """
        if not isinstance(error, (Exception, Bail, Lengthy)):  # Ctrl-C and the like end the call
            raise error
        found = activations(error.__traceback__, self.codes, self.space().transparent)
        if not found.found:
            raise error
        innermost = found.found[-1]
        if isinstance(error, (Bail, Lengthy)):
            site = innermost.site
            if site is not None and site.kind == "header" and not isinstance(error, Pause | Suspend | Lengthy):
                self._drop_guesses(innermost.linked)
            return spill(error, machine, found.found)
        held = as_held(error, machine, found)
        if held is None:
            site = innermost.site
            if site is None or site.kind in ("foreign", "header", "entry") or isinstance(error, LinkError):
                raise error
            name = plain(instructions(innermost.linked.placed.function.code)[site.place][0])[-1]
            raise machine.error(innermost.linked, site.place, name, error) from error
        return machine.throw(held.caught(machine.callers()))

    # --- what is hot --------------------------------------------------------------------------------------------------

    def sample_call(self, function: LinkedFunction) -> None:
        """Note that a function is about to be called."""
        heat = self._heat[function] = self._heat.get(function, 0) + 1
        if heat >= self.samples and function not in self._functions:
            self.function(function)

    def sample_loop(self, function: LinkedFunction, header: list[Any]) -> None:
        """Note that a loop begins another turn; ``header`` is the record of its first instruction."""
        heat = self._heat[function] = self._heat.get(function, 0) + 1
        if self.samples <= heat <= MAX_SAMPLES:
            with self.program.lock:
                self.function(function)
                self._replace_header(function, header, heat)

    def _replace_header(self, function: LinkedFunction, header: list[Any], heat: int) -> None:
        """Translate the loop around a header, and let the interpreter enter it there."""
        originals = self._originals.setdefault(function, {})
        place = function.place(header)
        if place < 0 or place in originals:
            return
        try:
            flow = Flow(function.placed.function)
        except Unsupported:
            return
        block = flow.block_at.get(flow.first[place])
        around = [each for each, body in flow.loops.items() if block in body]
        if not around:
            return
        # The outermost loop is the better entry, unless it has not begun another turn for long.
        outermost = max(around, key=lambda each: len(flow.loops[each]))
        outer_place = flow.code[flow.blocks[outermost].start].place
        chosen = place if outer_place in originals and heat > self.samples + 4 else outer_place
        if chosen not in originals and self._loop_code((function, chosen)) is not None:
            record = function.records[chosen]
            originals[chosen] = original = list(record)
            self._kept.append(original)  # it may be the next record of a frame for as long as the program lives
            function.alias(original, record)
            record[:] = [DISPATCH["compiled_loop"], (original, (function, chosen)), original[2]]

    def _drop_guesses(self, function: LinkedFunction) -> None:
        """A guess of a function did not hold: translate it again without guesses, when it is hot again.

        Another thread may run what has the guess; it comes here by itself when the guess fails there.
        """
        with self.program.lock:
            if function not in self._unguessed:
                self._unguessed.add(function)
                for place, original in self._originals.pop(function, {}).items():
                    function.records[place][:] = original
                for key in [key for key in self._loops if key[0] is function]:
                    del self._loops[key]
                self._heat.pop(function, None)
                self._functions.pop(function, None)
                function.entry = function.records[0]
        self.space().forget(function)

    # --- translations -------------------------------------------------------------------------------------------------

    def function(self, function: LinkedFunction) -> FunctionType | None:
        """Return a function's translation, made now if need be; None if the function stays interpreted."""
        with self.program.lock:
            if function in self._functions:
                return self._functions[function]
            function.decode()
            made = self._functions[function] = self._made(function, None)
            if made is not None:
                function.entry = [DISPATCH["compiled"], function, None]
            return made

    def _loop_code(self, loop: tuple[LinkedFunction, int]) -> FunctionType | None:
        with self.program.lock:
            if loop not in self._loops:
                self._loops[loop] = self._made(*loop)
            return self._loops[loop]

    def loop_code(self, loop: tuple[LinkedFunction, int]) -> FunctionType:
        """Return the translation of a loop that is entered in its middle."""
        made = self._loop_code(loop)
        assert made is not None
        return made

    def _made(self, function: LinkedFunction, place: int | None) -> FunctionType | None:
        guess = function not in self._unguessed
        try:
            translation = self.translation(function, place, guess=guess)
            namespace: dict[str, Any] = {}
            code = compile(translation.text, f"<bamlvm {function.name}>", "exec", dont_inherit=True)
            exec(code, namespace)
            made: FunctionType = namespace["make"](0, 0)
        except (Unsupported, SyntaxError):
            return None
        self.codes[made.__code__] = CompiledCode(function, translation.sites, translation.text, guess)
        return made

    def translation(self, function: LinkedFunction, place: int | None = None, *, guess: bool = True) -> Translation:
        """Translate a function, or the rest of it from the loop header at ``place`` on.

        Raises :class:`~bamlvm.vm.flow.Unsupported` if it stays interpreted.
        """
        function.decode()
        code = function.placed.function
        names = Names(self, function)
        flow = Flow(code, place or 0)
        start = start_state(flow, names)
        if place is not None:
            start = _state_at(analyse(whole := Flow(code), names, start, guess=False), whole, place)
        counts_calls = place is None and self._counts_calls(function)
        return translate(flow, names, start, guess=guess, counts_calls=counts_calls, asserts=self.asserts)

    def _counts_calls(self, function: LinkedFunction) -> bool:
        """Whether calls of a function count themselves: those that may be under way already, and long chains."""
        return self._height(function.name, {}) > _MAX_HEIGHT

    def _height(self, name: str, under_way: dict[str, None]) -> int:
        """The longest chain of calls from a function on; beyond any limit for recursive and unknown ones."""
        endless = _MAX_HEIGHT + 1
        if name in self._heights:
            return self._heights[name]
        if name in under_way or len(under_way) > _MAX_HEIGHT:
            return endless
        placed = self.program.functions.get(name)
        if placed is None:  # a call of it will say so
            return 1
        code = placed.function
        height = 1
        under_way[name] = None
        for row, operands in instructions(code.code):
            if row.name == "call":
                height = max(height, 1 + self._height(code.names[operands[0]], under_way))
            elif row.name in ("call_indirect", "call_method"):
                height = endless
            if height >= endless:
                height = endless
                break
        del under_way[name]
        if not under_way or height < endless:
            self._heights[name] = height
        return height

    # --- names --------------------------------------------------------------------------------------------------------

    def name_of(self, value: Any) -> str:
        """Return the global name of an object."""
        with self.program.lock:
            name = self._names.get(id(value))
            if name is None:
                name = f"K{len(self.objects)}"
                self.objects.append((name, value))  # which also keeps its identity its own
                self._names[id(value)] = name
            return name

    def callee(self, function: LinkedFunction) -> str:
        """Return the global name under which compiled code calls a function."""
        with self.program.lock:
            name = self._callees.get(function.name)
            if name is None:
                name = f"F{len(self.objects)}"
                self.objects.append((name, function))
                self._callees[function.name] = name
            return name

    def callee_name(self, function: LinkedFunction) -> str | None:
        """Return that name if there is one."""
        return self._callees.get(function.name)

    def space(self) -> Space:
        """Return the calling thread's space."""
        try:
            space: Space = self._threads.space
        except AttributeError:
            space = self._threads.space = Space(self)
        return space


def _state_at(analysis: Analysis, flow: Flow, place: int) -> FactState:
    found = analysis.states.get(flow.block_at[flow.first[place]])
    if found is None:
        raise Unsupported("it is not reached")
    return FactState([ANY if each is None else each for each in found.locals], found.stack)


class _Compiled(dict[LinkedFunction, Callable[..., Value]]):
    """The functions of a space, made when they are asked for."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def __missing__(self, function: LinkedFunction) -> Callable[..., Value]:
        return self._space.make(function)


class Space:
    """One thread's compiled functions: their globals, and the cells that count for its stack."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._machine: Any = None
        self._fuel = CellType(0)
        self._calls = CellType(0)
        self._loops: dict[tuple[LinkedFunction, int], FunctionType] = {}
        self._known = 0
        self.compiled = _Compiled(self)
        self._globals: dict[str, Any] = {
            "Bail": Bail,
            "CATCHABLE": CATCHABLE,
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
            "check_length": check_length,
            "divide_float": arithmetic.divide_float,
            "division_by_zero": arithmetic.division_by_zero,
            "extend": extend,
            "integer_overflow": arithmetic.integer_overflow,
            "method": native.program.method,
            "more": self._more,
            "no_element": no_element,
            "poll": self._poll,
            "remainder_float": arithmetic.remainder_float,
            "sys_call": self._sys_call,
            "type_tag": type_tag,
            "unreachable": unreachable,
            "verify": _verify,
        }
        self.transparent = frozenset(
            each.__code__ for each in (Space._poll, Space._more, Space._sys_call, Space._run_stub)
        ) | {_STUB}

    # --- entering and leaving -----------------------------------------------------------------------------------------

    def begin(self, machine: Any) -> tuple[Any, int, int]:
        """Let a machine run compiled code; return what :meth:`end` restores: another machine's code may be below."""
        outer = self._machine, self._fuel.cell_contents, self._calls.cell_contents
        self._machine = machine
        self._fuel.cell_contents = machine.turns_left
        self._calls.cell_contents = 0
        return outer

    def end(self, outer: tuple[Any, int, int]) -> None:
        """End what :meth:`begin` began."""
        self._machine.turns_left = self._fuel.cell_contents
        self._machine, self._fuel.cell_contents, self._calls.cell_contents = outer

    # --- functions ----------------------------------------------------------------------------------------------------

    def make(self, function: LinkedFunction) -> Callable[..., Value]:
        """Return a function as this space's; if it stays interpreted, one that leaves to the interpreter."""
        shared = self._native.function(function)
        made: Callable[..., Value] = _leave if shared is None else self._instance(shared)
        self.compiled[function] = made
        name = self._native.callee_name(function)
        if name is not None:
            self._globals[name] = made
        return made

    def loop(self, loop: tuple[LinkedFunction, int]) -> FunctionType:
        """Return a loop's function as this space's."""
        found = self._loops.get(loop)
        if found is None:
            found = self._loops[loop] = self._instance(self._native.loop_code(loop))
        return found

    def forget(self, function: LinkedFunction) -> None:
        """Have a function made again when it is called next."""
        self.compiled.pop(function, None)
        for loop in [each for each in self._loops if each[0] is function]:
            del self._loops[loop]
        name = self._native.callee_name(function)
        if name is not None:
            self._globals[name] = self._stub(function)

    def _instance(self, shared: FunctionType) -> FunctionType:
        self._take_names()
        cells = {"fuel": self._fuel, "calls": self._calls}
        closure = tuple(cells[name] for name in shared.__code__.co_freevars)
        return FunctionType(shared.__code__, self._globals, shared.__name__, None, closure)

    def _take_names(self) -> None:
        """Take over the objects that have got names since; functions that are not made yet as stubs."""
        for name, value in self._native.objects[self._known :]:
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
        self._fuel.cell_contents = self._machine.turns
        if self._machine.poll is None or self._machine.poll() or self._native.asserts:
            raise Pause

    def _more(self) -> None:
        """Grant recursive functions more calls, as many as Python's stack has room for; else move frames to the
        heap."""
        frame, depth, ours = sys._getframe(1), 0, 0
        entered = Native._enter.__code__
        caller: Any = frame
        while caller is not None:
            if caller.f_code is entered and not ours:
                ours = depth
            caller, depth = caller.f_back, depth + 1
        room = min(sys.getrecursionlimit() - depth - _RESERVE, MAX_FRAMES - ours)
        if room < 1:
            raise Bail
        self._calls.cell_contents = room
        self._fuel.cell_contents -= room
        if self._fuel.cell_contents < 0:
            self._poll()

    def _sys_call(self, sysop: SysOp, arguments: list[Value]) -> Value:
        result = sysop.call(self._machine.scope, *arguments)
        if sysop.is_async:
            raise Suspend(sysop, arguments, result)
        if type(result) is Pending:
            raise Suspend(sysop, arguments, result.awaitable)
        return result

    def _caught(self, error: Exception) -> Any:
        """Return what a handler takes, where nothing rethrows it: without a trace if it needs none."""
        if type(error) is ThrownValue:
            error.__traceback__ = None
            return error
        return self._caught_with_trace(error)

    def _caught_with_trace(self, error: Exception) -> Held:
        """Return what a handler takes. Raises the exception again if it is not BAML's."""
        found = activations(error.__traceback__, self._native.codes, self.transparent)
        held = as_held(error, self._machine, found)
        if held is None:
            raise error
        error.__traceback__ = None
        return held


def _leave(*arguments: Value) -> Value:
    raise Bail


def _verify(fact: Fact, value: Value) -> None:
    if not facts.holds(fact, value):
        raise AssertionError(f"{value!r} is not {fact}")


_STUB: Final = next(each for each in Space._stub.__code__.co_consts if isinstance(each, CodeType))
