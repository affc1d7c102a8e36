"""A function's plain instructions, with small functions in place of their calls.

Fused instructions are taken apart.  A call of a small function becomes stores of its arguments into locals of its own,
its instructions, and a jump to behind the call for each ``return``: a *body* within the caller's.  From an
instruction's body :mod:`bamlvm.vm.spill` knows the interpreter's frames, one for each body around it, so that leaving,
stack traces and the depth limit are as if the call had been made.

What is put in place has no exception table, and leaves nothing on the operand stack but its result.  It has a loop only
if it calls a function value, which is known in its place.  What makes calls itself is put in place only where that is
not in another body: of a recursive function one level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from bamlvm.vm.linker import LinkedFunction, LinkError, Program
from bamlvm.vm.opcodes import CODES, TABLE, plain
from bamlvm.vm.program.code import Function
from bamlvm.vm.stack import depths, instructions

MAX_BODY: Final = 40
"""Plain instructions of the largest function that is put in place of its calls."""

MAX_GROWTH: Final = 160
"""Plain instructions that all bodies within a function may have."""

MAX_BODIES_AROUND: Final = 3

_CALLS: Final = frozenset({"call", "call_indirect", "call_method", "sys_call", "load_global"})
_REFUSED: Final = frozenset({"rethrow", "sys_call", "store_global"})


class Body:
    """The code of ``linked`` in place of the call at the index ``call`` of its ``caller``, another body or None.

    Its locals begin at ``first_local``, and ``depth`` entries of its callers lie below its own.
    """

    __slots__ = ("call", "caller", "depth", "first_local", "linked")

    def __init__(self, linked: LinkedFunction, caller: Body | None, call: int, first_local: int, depth: int) -> None:
        self.linked = linked
        self.caller = caller
        self.call = call
        self.first_local = first_local
        self.depth = depth

    def around(self) -> Iterator[Body]:
        """This body and those around it, innermost first."""
        body: Body | None = self
        while body is not None:
            yield body
            body = body.caller

    @property
    def outermost_call(self) -> int:
        """The index of the call in the function that all the bodies are in."""
        return list(self.around())[-1].call


class Declared(NamedTuple):
    """Where a value's type is declared: a function's parameter by index, or its result (None)."""

    function: str
    parameter: int | None


class Instruction(NamedTuple):
    """A plain instruction; ``place`` is the index, in the code of its ``body``, of the instruction that it is part of.

    A target is the index of a plain instruction.  ``declared`` says what the argument that it stores, or the result
    that it leaves, is known to be.
    """

    name: str
    operands: tuple[int, ...]
    place: int
    body: Body | None = None
    declared: Declared | None = None


class Callees(Protocol):
    """Which functions are put in place of their calls."""

    def small(self, name: str) -> tuple[LinkedFunction, bool] | None:
        """Return a function that may be, and whether it makes no calls; None for any other."""
        ...


class SmallFunctions:
    """The functions of a program that may be put in place of their calls."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._found: dict[str, tuple[LinkedFunction, bool] | None] = {}

    def small(self, name: str) -> tuple[LinkedFunction, bool] | None:
        """See :class:`Callees`."""
        if name not in self._found:
            try:
                self._found[name] = self._look_at(name)
            except LinkError:  # a call of it will say so
                self._found[name] = None
        return self._found[name]

    def _look_at(self, name: str) -> tuple[LinkedFunction, bool] | None:
        placed = self._program.functions.get(name)
        if placed is None:
            return None
        function = placed.function
        if function.handlers or function.capture_count or len(function.code) > MAX_BODY * 3:
            return None
        linked = self._program.function(name)
        decoded = instructions(function.code)
        before, _ = depths(decoded, function.handlers, function.tables)
        names: set[str] = set()
        count = 0
        for (row, _), depth in zip(decoded, before, strict=True):
            parts = plain(row)
            names.update(parts)
            count += len(parts)
            # What lies below the result would have to be dropped.
            if depth is not None and parts[-1] == "return" and depth - row.pops != 0:
                return None
        if count > MAX_BODY or names & _REFUSED or ("loop" in names and "call_indirect" not in names):
            return None
        linked.decode()
        return linked, not names & _CALLS


class PlainCode:
    """The plain instructions of a function with its bodies.

    ``first`` is the index of the first one of each place of each body (and of its end), ``depths`` the operand stack's
    depth before each, and ``local_count`` the number of locals, those of the bodies included.
    """

    def __init__(self, function: Function, callees: Callees | None) -> None:
        self.code: list[Instruction] = []
        self.depths: list[int] = []
        self.first: dict[tuple[Body | None, int], int] = {}
        self.local_count = function.local_count
        self.bodies: list[Body] = []
        self._callees = callees
        self._left = MAX_GROWTH
        self._write(function, None)
        self.code = [self._aimed(each) for each in self.code]

    def _aimed(self, instruction: Instruction) -> Instruction:
        """An instruction whose target is an index of this code instead of a place."""
        kinds = TABLE[CODES[instruction.name]].operands
        if "target" not in kinds:
            return instruction
        at = kinds.index("target")
        operands = list(instruction.operands)
        operands[at] = self.first[instruction.body, operands[at]]
        return instruction._replace(operands=tuple(operands))

    def _write(self, function: Function, body: Body | None) -> None:
        decoded = instructions(function.code)
        before, _ = depths(decoded, function.handlers, function.tables)
        below = 0 if body is None else body.depth
        for place, (row, operands) in enumerate(decoded):
            self.first[body, place] = len(self.code)
            depth = below + (before[place] or 0)
            offset = 0
            for name in plain(row):
                part = TABLE[CODES[name]]
                taken = operands[offset : offset + len(part.operands)]
                offset += len(part.operands)
                if name == "call" and before[place] is not None and self._inline(function, body, place, taken, depth):
                    continue
                if name == "return" and body is not None:
                    name, taken, declared = "jump", (len(decoded),), Declared(function.name, None)
                    self._add(Instruction(name, taken, place, body, declared), depth)
                    continue
                self._add(Instruction(name, _moved(part.operands, taken, body), place, body), depth)
                pops = part.pops
                if part.per_count:
                    pops += part.per_count * taken[part.operands.index("count")]
                depth += part.pushes - pops
        self.first[body, len(decoded)] = len(self.code)

    def _add(self, instruction: Instruction, depth: int) -> None:
        self.code.append(instruction)
        self.depths.append(depth)

    def _inline(self, function: Function, body: Body | None, place: int, operands: Sequence[int], depth: int) -> bool:
        """Whether a call has been replaced by the code of its function."""
        if self._callees is None:
            return False
        found = self._callees.small(function.names[operands[0]])
        if found is None:
            return False
        linked, is_leaf = found
        callee = linked.placed.function
        around = 0 if body is None else len(list(body.around()))
        size = len(callee.code)
        if linked.arity != operands[1] or size > self._left or around >= (MAX_BODIES_AROUND if is_leaf else 1):
            return False
        self._left -= size
        inner = Body(linked, body, place, self.local_count, depth - linked.arity)
        self.local_count += callee.local_count
        self.bodies.append(inner)
        for index in reversed(range(linked.arity)):
            stored = (inner.first_local + index,)
            self._add(Instruction("store_local", stored, place, body, Declared(linked.name, index)), depth)
            depth -= 1
        self._write(callee, inner)
        return True


def _moved(kinds: Sequence[str], operands: Sequence[int], body: Body | None) -> tuple[int, ...]:
    """Operands whose locals are those of a body."""
    if body is None:
        return tuple(operands)
    return tuple(
        each + body.first_local if kind == "local" else each for kind, each in zip(kinds, operands, strict=True)
    )
