"""The second tier of a linked program: hot functions as Python functions, made when the interpreter finds them hot.

Translations are shared by all threads; each thread makes its function objects of them (:mod:`bamlvm.vm.space`).

The interpreter asks for fuel every few hundred steps, and each time is a sample (:meth:`Native.sample_call`,
:meth:`Native.sample_loop`). A function with enough samples is translated: ``entry`` becomes the pseudo-instruction
``compiled``. A loop that is running is entered in its middle: its header's record becomes ``compiled_loop``. The
machine enters compiled code through :meth:`Native.call` and :meth:`Native.enter_loop` and gets back what it goes on
with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Final

from bamlvm.vm.facts import ANY, State
from bamlvm.vm.flow import Flow, Unsupported
from bamlvm.vm.inference import Analysis, analyse, start_state
from bamlvm.vm.inlining import Callees, SmallFunctions
from bamlvm.vm.linker import LinkedFunction, LinkError, Program
from bamlvm.vm.names import Names, Objects
from bamlvm.vm.opcodes import DISPATCH, plain
from bamlvm.vm.outcomes import Suspended
from bamlvm.vm.sites import SiteTable
from bamlvm.vm.space import MAX_HEIGHT, Space, leave
from bamlvm.vm.spill import (
    Bail,
    CompiledCode,
    Pause,
    Suspend,
    activations,
    as_held,
    spill,
)
from bamlvm.vm.stack import instructions
from bamlvm.vm.translate import Translation, translate, weight
from bamlvm.vm.values import Value
from bamlvm.vm.work import SEEN, Lengthy

SAMPLES: Final = 2
"""Samples after which a function is hot."""

MAX_SAMPLES: Final = 24
"""Samples of a loop after which nothing more is tried."""

_LONG_CODE: Final = 1024
"""Opcodes and operands of a function that is long: its calls are counted, and it is translated in a thread."""

_NOT_OURS: Final = object()
_FEW_TURNS: Final = 8
_SUSPENSIONS: Final = 16
"""After so many waits, each within so few turns, a loop is interpreted again."""


class Native:
    """The second tier of a program."""

    def __init__(self, program: Program, translation: str = "hot") -> None:
        self.program = program
        self.asserts = translation == "stress"
        self.samples = SAMPLES if translation == "hot" else 1
        self.codes: dict[CodeType, CompiledCode] = {}
        self.weights: dict[int, int] = {}  # by the identity of each of these codes, which is cheaper than its hash
        self.objects = Objects(program.lock)
        self._functions: dict[LinkedFunction, FunctionType | None] = {}
        self._loops: dict[tuple[LinkedFunction, int], FunctionType | None] = {}
        self._originals: dict[LinkedFunction, dict[int, list[Any]]] = {}
        self._kept: list[list[Any]] = []
        self._heat: dict[LinkedFunction, int] = {}
        self._suspensions: dict[tuple[LinkedFunction, int], int] = {}
        self._unguessed: set[LinkedFunction] = set()
        self._heights: dict[str, int] = {}
        self._small = SmallFunctions(program)
        self.weighs = bool(SEEN)
        """Whether code counts what it does with texts that may be long."""
        self._under_way: set[LinkedFunction] = set()
        self._threads = threading.local()

    # --- what the machine calls ---------------------------------------------------------------------------------------

    def call(self, machine: Any, function: LinkedFunction, slots: list[Value]) -> Any:
        """Call a compiled function whose caller is on ``machine.frames``; return the interpreter's next state, or an
        outcome."""
        compiled = self._space().compiled[function]
        if compiled is leave:  # it was translated once, with guesses that do not hold
            return function.records[0], slots, [], function, None
        return self._enter(machine, compiled, slots[: function.arity + function.placed.function.capture_count])

    def enter_loop(
        self, machine: Any, loop: tuple[LinkedFunction, int], slots: list[Value], stack: list[Value], top: Value
    ) -> Any:
        """Go on in a compiled loop at its header; return the interpreter's next state, or an outcome."""
        compiled = self._space().loop(loop)
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
        try:
            value = self.space().run(machine, function, arguments)
        except BaseException as error:
            state = self._land(machine, error)
            if state is _NOT_OURS:
                raise
            error.__traceback__ = None  # its frames are not to outlive the call
            return state
        step, slots, stack, caller = machine.frames.pop()
        return step, slots, stack, caller, value

    def _land(self, machine: Any, error: BaseException) -> Any:
        """Return what becomes of an exception that left compiled code: a state of the interpreter, or an outcome.

        ``_NOT_OURS`` if it is not BAML's, and to be raised again.
        """
        if not isinstance(error, (Exception, Bail, Lengthy)):  # Ctrl-C and the like end the call
            return _NOT_OURS
        found = activations(error.__traceback__, self.codes, self.space().transparent)
        if not found.found:
            return _NOT_OURS
        innermost = found.found[-1]
        if isinstance(error, (Bail, Lengthy)):
            site = innermost.site
            if site is not None and site.kind == "header" and not isinstance(error, Pause | Suspend | Lengthy):
                self._drop_guesses(innermost.code.linked)
            return spill(error, machine, found.found)
        held = as_held(error, machine, found)
        if held is None:
            site = innermost.site
            if site is None or site.kind in ("foreign", "header", "entry") or isinstance(error, LinkError):
                return _NOT_OURS
            name = plain(instructions(innermost.linked.placed.function.code)[site.place][0])[-1]
            raise machine.error(innermost.linked, site.place, name, error) from error
        return machine.throw(held.caught(machine.callers()))

    # --- what is hot --------------------------------------------------------------------------------------------------

    def sample_call(self, function: LinkedFunction) -> None:
        """Note that a function is about to be called."""
        heat = self._heat[function] = self._heat.get(function, 0) + 1
        if heat >= self.samples and function not in self._functions:
            self._soon(function, lambda: self.function(function))

    def sample_loop(self, function: LinkedFunction, header: list[Any]) -> None:
        """Note that a loop begins another turn; ``header`` is the record of its first instruction."""
        heat = self._heat[function] = self._heat.get(function, 0) + 1
        if self.samples <= heat <= MAX_SAMPLES:
            if function not in self._functions:
                self._soon(function, lambda: self.function(function))
            else:
                self._soon(function, lambda: self._replace_header(function, header, heat))

    def _soon(self, function: LinkedFunction, translate: Callable[[], object]) -> None:
        """Have a function translated; a long one in a thread, as that takes tens of milliseconds, while the interpreter
        goes on."""
        if self.samples == 1 or len(function.placed.function.code) <= _LONG_CODE:
            translate()
        elif function not in self._under_way:
            self._under_way.add(function)

            def run() -> None:
                try:
                    translate()
                finally:
                    self._under_way.discard(function)

            threading.Thread(target=run, name="bamlvm-translator", daemon=True).start()

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
        block = flow.block_at.get(flow.first[None, place])
        around = [each for each, body in flow.loops.items() if block in body]
        if not around:
            return
        # The outermost loop is the better entry, unless it has not begun another turn for long.
        outermost = max(around, key=lambda each: len(flow.loops[each]))
        outer_place = flow.code[flow.blocks[outermost].start].place
        chosen = place if outer_place in originals and heat > self.samples + 4 else outer_place
        if chosen in originals or self._loop_code((function, chosen)) is None:
            return
        with self.program.lock:
            if chosen in originals or self._originals.get(function) is not originals:  # another thread was first
                return
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
        if function in self._functions:
            return self._functions[function]
        function.decode()
        weighs = self.weighs
        made = self._made(function, None)
        with self.program.lock:
            if function in self._functions:  # another thread was first
                return self._functions[function]
            if weighs is not self.weighs or self._is_outdated(made, function):
                return None
            self._functions[function] = made
            if made is not None:
                function.entry = [DISPATCH["compiled"], function, None]
            return made

    def _loop_code(self, loop: tuple[LinkedFunction, int]) -> FunctionType | None:
        if loop in self._loops:
            return self._loops[loop]
        weighs = self.weighs
        made = self._made(*loop)
        with self.program.lock:
            if weighs is not self.weighs or self._is_outdated(made, loop[0]):
                return None
            return self._loops.setdefault(loop, made)

    def _is_outdated(self, made: FunctionType | None, function: LinkedFunction) -> bool:
        """Whether a translation rests on guesses, one of which has failed meanwhile."""
        return made is not None and function in self._unguessed and self.codes[made.__code__].guessed

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
            made: FunctionType = namespace["make"](0, 0, 0)
        except (Unsupported, SyntaxError):
            return None
        self.codes[made.__code__] = CompiledCode(function, SiteTable(translation.sites), guess, {})
        self.weights[id(made.__code__)] = weight(translation.sites.values())
        return made

    def translation(self, function: LinkedFunction, place: int | None = None, *, guess: bool = True) -> Translation:
        """Translate a function, or the rest of it from the loop header at ``place`` on.

        Raises :class:`~bamlvm.vm.flow.Unsupported` if it stays interpreted.
        """
        function.decode()
        try:
            return self._translation(function, place, guess, self._small)
        except Unsupported:
            return self._translation(function, place, guess, None)

    def _translation(
        self, function: LinkedFunction, place: int | None, guess: bool, callees: Callees | None
    ) -> Translation:
        code = function.placed.function
        names = Names(self.objects, function)
        flow = Flow(code, place or 0, callees)
        start = start_state(flow, names)
        if place is not None:
            start = _state_at(analyse(whole := Flow(code, 0, callees), names, start, guess=False), whole, place)
        counts_calls = place is None and self._counts_calls(function)
        return translate(
            flow,
            names,
            start,
            guess=guess,
            counts_calls=counts_calls,
            enters_loop=place is not None,
            asserts=self.asserts,
            weighs=self.weighs,
        )

    def _counts_calls(self, function: LinkedFunction) -> bool:
        """Whether calls of a function count themselves: those that may be under way already, and long chains."""
        code = function.placed.function.code
        return len(code) > _LONG_CODE or self._height(function.name, {}) > MAX_HEIGHT

    def _height(self, name: str, under_way: dict[str, None]) -> int:
        """The longest chain of calls from a function on; beyond any limit for recursive and unknown ones."""
        endless = MAX_HEIGHT + 1
        if name in self._heights:
            return self._heights[name]
        if name in under_way or len(under_way) > MAX_HEIGHT:
            return endless
        placed = self.program.functions.get(name)
        if placed is None:  # a call of it will say so
            return 1
        code = placed.function
        height = 1
        under_way[name] = None
        for row, operands in instructions(code.code):
            if row.name in ("call", "load_global"):
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

    def _space(self) -> Space:
        """Return the calling thread's space, whose functions expect long texts if there are any."""
        space = self.space()
        if space.weighs is not self.weighs or (SEEN and not self.weighs):
            with self.program.lock:
                if not self.weighs:
                    self.weighs = True
                    self._functions.clear()
                    self._loops.clear()
            space.weighs = True
            space.renew()
        return space

    def space(self) -> Space:
        """Return the calling thread's space."""
        try:
            space: Space = self._threads.space
        except AttributeError:
            space = self._threads.space = Space(self)
        return space


def _state_at(analysis: Analysis, flow: Flow, place: int) -> State:
    found = analysis.states.get(flow.block_at[flow.first[None, place]])
    if found is None:
        raise Unsupported("it is not reached")
    own = (
        flow.function.local_count
    )  # whatever is known of the locals of bodies, they are set again before they are read
    known = [ANY if each is None else each for each in found.locals[:own]]
    return State([*known, *[None] * (flow.local_count - own)], found.stack)
