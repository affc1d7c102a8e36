"""Makes the interpreter's loop, ``vm/loop.py``, and its instruction numbers, ``vm/dispatch.py``, from the opcode table
and :mod:`bamlvm.vm.semantics`.

``python -m bamlvm.vm.make_loop`` writes both; a test says that they are up to date.

Dispatch is a binary tree of comparisons shaped by the instructions' weights (Huffman's), so that a frequent one is
found after a few and a rare one still after about ten; instructions are renumbered for it (``DISPATCH``).

A handler is composed from its parts: a pure operand is put in where it is used, so that a fused instruction never
touches the operand stack between its parts; what is left at the end is pushed.  The stack's last entry lives in
``top``: with ``n`` entries on the stack, ``stack`` holds ``n`` values too, the first of them meaningless.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bamlvm.vm.opcodes import CODES, TABLE, plain
from bamlvm.vm.semantics import (
    COMPOUND,
    ENDS,
    LINKED_OPERANDS,
    PSEUDO,
    SEMANTICS,
    WEIGHTS,
    Expression,
    Raw,
    Semantics,
    Statement,
)

LOOP: Final = Path(__file__).resolve().parent / "loop.py"
DISPATCH: Final = LOOP.with_name("dispatch.py")

_HEAD: Final = '''\
# Made by `python -m bamlvm.vm.make_loop` from vm/opcodes.py and vm/semantics.py; do not edit.
# ruff: noqa
# fmt: off
"""The interpreter's loop: one handler an opcode, found through a tree of comparisons."""

from __future__ import annotations

from typing import Any

from bamlvm.vm.arithmetic import integer_overflow
from bamlvm.vm.type_tests import type_tag
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.values import MISSING, Cell, Closure, Instance, Pending, Thrown


# The machine and its outcome are not annotated: the loop is imported by the machine and must not know it.

def execute(machine: Any, fuel: int) -> Any:
    """Run until the machine has an outcome.  Its state is taken from it here, and given back with the outcome."""
    step: Any
    top: Any
    slots: Any
    stack: Any
    function: Any
    values: Any
    frames: Any = machine.frames
    program = machine.program
    step, slots, stack, function, top = machine.state
    op = -1
    while True:
        try:
            if fuel < 0:
                fuel = machine.refuel(len(frames), False) - 1
                if fuel < 0:
                    return machine.pause(step, slots, stack, function, top)
            while True:
                op, arg, step = step
'''

_EPILOGUE: Final = """\
        except Thrown as thrown:
            fuel = machine.charge(fuel)
            state = machine.unwind(machine.arrived(thrown, step, function), step, slots, stack, function, top)
            if state is None:
                return machine.failed(fuel)
            step, slots, stack, function, top = state
        except Exception as error:
            machine.broken(op, function, step, error)
            raise
"""


class Handler:
    """Composes one handler's lines from its parts."""

    def __init__(self, names: Sequence[str]) -> None:
        self._lines: list[str] = []
        self._symbols: list[str] = []
        self._top_is_free = False
        self._temporaries = 0
        counts = [linked_operands(name) for name in names]
        total = sum(counts)
        self._operands = ["arg"] if total == 1 else [f"x{index}" for index in range(total)]
        if total > 1:
            self._lines.append(f"{', '.join(self._operands)} = arg")
        place = offset = 0
        while place < len(names):
            run = next((run for run in COMPOUND if tuple(names[place : place + len(run)]) == run), (names[place],))
            semantics: Semantics = COMPOUND[run] if run in COMPOUND else SEMANTICS[names[place]]
            width = sum(counts[place : place + len(run)])
            place += len(run)
            self._part(semantics, self._operands[offset : offset + width], place == len(names), run)
            offset += width

    def lines(self) -> list[str]:
        """The handler, which is never empty."""
        return self._lines or ["pass"]

    def _part(self, semantics: Semantics, operands: list[str], last: bool, run: tuple[str, ...]) -> None:
        if isinstance(semantics, Raw):
            self._finish()
            self._emit(_with_operands(semantics.text, operands))
            return
        text = _with_operands(semantics.text, operands)
        text = self._with_inputs(text, semantics.inputs, getattr(semantics, "result", ""))
        if isinstance(semantics, Expression):
            self._symbols.append(text)
        else:
            self._statement(semantics, text, last)
        if last and run[-1] not in ENDS:
            self._finish()

    def _statement(self, semantics: Statement, text: str, last: bool) -> None:
        result = semantics.result
        if result and not last:
            self._temporaries += 1
            name = f"{result}{self._temporaries}"
            text = _renamed(text, result, name)
            self._symbols.append(name)
        elif result and result not in semantics.inputs:
            # What is below goes onto the stack first, and then the result can come into being in `top`.
            self._push_symbols()
            if not self._top_is_free:
                self._lines.append("stack.append(top)")
            text = _renamed(text, result, "top")
            self._top_is_free = False
        elif result:
            self._symbols.append(result)
        self._emit(text)

    def _with_inputs(self, text: str, inputs: tuple[str, ...], result: str) -> str:
        taken: list[tuple[str, str]] = []
        for name in reversed(inputs):
            if self._symbols:
                taken.append((name, self._symbols.pop()))
            elif not self._top_is_free:
                self._top_is_free = True
                taken.append((name, "top"))
            else:
                taken.append((name, "stack.pop()"))
        several = sum(source == "stack.pop()" for _, source in taken) > 1
        for name, source in taken:
            uses = len(re.findall(rf"\b{name}\b", text))
            simple = re.fullmatch(r"\w+", source) is not None
            pops = source == "stack.pop()"
            if name == result or (not simple and uses != 1) or (pops and several):
                if uses or pops:
                    self._lines.append(f"{name} = {source}")
            else:
                text = _renamed(text, name, source)
        return text

    def _push_symbols(self) -> None:
        for place, symbol in enumerate(self._symbols):
            if place == 0 and not self._top_is_free:
                self._lines.append("stack.append(top)")
            if place == len(self._symbols) - 1:
                self._lines.append(f"top = {symbol}")
            else:
                self._lines.append(f"stack.append({symbol})")
        if self._symbols:
            self._top_is_free = False
        self._symbols = []

    def _finish(self) -> None:
        """Bring ``stack`` and ``top`` into the state that holds between instructions."""
        self._push_symbols()
        if self._top_is_free:
            self._lines.append("top = stack.pop()")
            self._top_is_free = False

    def _emit(self, text: str) -> None:
        before, release, after = text.partition("release\n")
        self._lines.extend(line for line in before.split("\n") if line and line != "top = top")
        if release:
            if self._top_is_free and not re.search(r"\btop\b", after):
                self._finish()
            self._emit(after)


def linked_operands(name: str) -> int:
    """How many operands a plain instruction has once linked."""
    return LINKED_OPERANDS[name] if name in LINKED_OPERANDS else len(TABLE[CODES[name]].operands)


def _with_operands(text: str, operands: list[str]) -> str:
    return re.sub(r"\$(\d)", lambda match: operands[int(match[1])], text)


def _renamed(text: str, name: str, replacement: str) -> str:
    return re.sub(rf"\b{name}\b", lambda _: replacement, text)


# --- the dispatch tree ------------------------------------------------------------------------------------------------


class _Leaf(NamedTuple):
    name: str
    leaves: int = 1


class _Fork(NamedTuple):
    left: _Leaf | _Fork
    right: _Leaf | _Fork
    leaves: int


def _tree(names: Sequence[str]) -> _Leaf | _Fork:
    """Huffman's tree: the two lightest become one, until one is left.  The side with fewer leaves goes left."""
    heap: list[tuple[float, int, _Leaf | _Fork]] = [
        (WEIGHTS.get(name, 0.5), order, _Leaf(name)) for order, name in enumerate(names)
    ]
    heapq.heapify(heap)
    order = len(heap)
    while len(heap) > 1:
        light, _, one = heapq.heappop(heap)
        heavy, _, other = heapq.heappop(heap)
        left, right = (one, other) if one.leaves <= other.leaves else (other, one)
        heapq.heappush(heap, (light + heavy, order, _Fork(left, right, left.leaves + right.leaves)))
        order += 1
    return heap[0][2]


def _order(tree: _Leaf | _Fork) -> list[str]:
    return [tree.name] if isinstance(tree, _Leaf) else _order(tree.left) + _order(tree.right)


def _branches(tree: _Leaf | _Fork, first: int, depth: int, handlers: dict[str, list[str]]) -> list[str]:
    indent = " " * depth
    if isinstance(tree, _Leaf):
        head, *rest = handlers[tree.name]
        return [f"{indent}{head}  # {tree.name}", *(f"{indent}{line}" for line in rest)]
    middle = first + tree.left.leaves
    return [
        f"{indent}if op < {middle}:",
        *_branches(tree.left, first, depth + 1, handlers),
        f"{indent}else:",
        *_branches(tree.right, middle, depth + 1, handlers),
    ]


_DISPATCH_HEAD: Final = '''\
# Made by `python -m bamlvm.vm.make_loop` from vm/opcodes.py and vm/semantics.py; do not edit.
"""The numbers by which the loop dispatches."""

from __future__ import annotations

from typing import Final

DISPATCH: Final[dict[str, int]] = {
'''

_DISPATCH_TAIL: Final = '''
}
"""The number in a linked record by the opcode's name."""
'''


def sources() -> dict[Path, str]:
    """The texts of ``vm/loop.py`` and ``vm/dispatch.py``, by file."""
    handlers = {row.name: Handler(plain(row)).lines() for row in TABLE}
    handlers.update((name, Handler([name]).lines()) for name in PSEUDO)
    tree = _tree(list(handlers))
    numbers = "\n".join(f'    "{name}": {number},' for number, name in enumerate(_order(tree)))
    body = "\n".join(_branches(tree, 0, 16, handlers))
    return {LOOP: _HEAD + body + "\n" + _EPILOGUE, DISPATCH: _DISPATCH_HEAD + numbers + _DISPATCH_TAIL}


if __name__ == "__main__":
    for file, text in sources().items():
        file.write_text(text, encoding="utf-8")
