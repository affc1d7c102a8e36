"""Makes the interpreter's loop, ``vm/loop.py``, from the opcode table and :mod:`bamlvm.vm.semantics`.

``python -m bamlvm.vm.make_loop`` writes it; a test says that it is up to date.

An instruction's number is its row in the table, and its handler is found by comparing that number: the table's first
:data:`~bamlvm.vm.opcodes.HOT` rows, which are executed most often, have a balanced tree of their own (five
comparisons), all others share a second one (seven or eight).  The lines of a handler are made by
:mod:`bamlvm.vm.compose`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bamlvm.vm.compose import Handler
from bamlvm.vm.opcodes import DISPATCH, HOT, PSEUDO, TABLE, plain

LOOP: Final = Path(__file__).resolve().parent / "loop.py"

_HEAD: Final = '''\
# Made by `python -m bamlvm.vm.make_loop`; do not edit.
# ruff: noqa
# fmt: off
"""The interpreter's loop: one handler an opcode, found through a tree of comparisons of its number.

The machine pays for steps by ``fuel``; it runs out at a call, at a ``loop`` and at a throw only.  A ``try`` costs
nothing while nothing is raised, so it is around the inner loop, and a throw re-enters that.
"""

from __future__ import annotations

from typing import Any

from bamlvm.vm.arithmetic import integer_overflow
from bamlvm.vm.type_tests import type_tag
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.values import MISSING, Cell, Closure, Instance, Pending, Thrown
from bamlvm.vm.work import SEEN as seen, Lengthy, check_length, extend, note, update


# The machine and its outcome are not annotated: the machine imports the loop, not the loop the machine.

def execute(machine: Any, fuel: int) -> Any:
    """Run until the machine has an outcome, and return that.

    Between instructions the state is in locals; the machine has it before, and again where an outcome keeps it.
    """
    step: Any
    top: Any
    slots: Any
    stack: Any
    function: Any
    values: Any
    frames: Any = machine.frames
    program = machine.program
    step, slots, stack, function, top = machine.state
    op = -1  # of the instruction that runs, for `broken`
    while True:
        try:
            # Reached at the start and after a throw, which may have used up the grant.
            if fuel < 0:
                fuel = machine.refuel(len(frames), False) - 1
                if fuel < 0:
                    return machine.pause(step, slots, stack, function, top)
            while True:
                op, arg, step = step
'''

_STEP: Final = """\
                op, arg, step = step
"""

_TRACE: Final = f"""\
                if step[0] < {len(TABLE)}:  # not a pseudo-instruction
                    machine.watch(function, step, slots, stack, top, frames)
"""

_EPILOGUE: Final = """\
        except Lengthy as lengthy:
            return machine.work_on(lengthy.work, step, slots, stack, function, fuel)
        except (Thrown, MemoryError) as thrown:
            fuel = machine.charge(fuel)
            state = machine.unwind(machine.arrived(thrown, step, function), step, slots, stack, function, top)
            if state is None:
                return machine.failed(fuel)
            step, slots, stack, function, top = state
        except Exception as error:
            machine.broken(op, function, step, error)
            raise
"""


def source(traced: bool = False) -> str:
    """Return the text of ``vm/loop.py``; with ``traced``, of the loop that reports to the machine's tracer too.

    The traced loop differs by the lines of :data:`_TRACE` only, and so by nothing in what a program does.
    """
    runs = [plain(row) for row in TABLE] + [(name,) for name in PSEUDO]
    handlers = [Handler(run).lines() for run in runs]
    body = [
        f"{_INDENT}if op < {HOT}:",
        *_tree(handlers, 0, HOT, _INDENT + " "),
        f"{_INDENT}else:",
        *_tree(handlers, HOT, len(handlers), _INDENT + " "),
    ]
    head = _HEAD.replace(_STEP, _TRACE + _STEP) if traced else _HEAD
    return head + "\n".join(body) + "\n" + _EPILOGUE


def _tree(handlers: list[list[str]], first: int, end: int, indent: str) -> list[str]:
    """Return the comparisons that find one of the handlers from ``first`` to before ``end``, and these."""
    if end - first == 1:
        head, *rest = handlers[first]
        return [f"{indent}{head}  # {_NAMES[first]}", *(f"{indent}{line}" for line in rest)]
    middle = (first + end) // 2
    return [
        f"{indent}if op < {middle}:",
        *_tree(handlers, first, middle, indent + " "),
        f"{indent}else:",
        *_tree(handlers, middle, end, indent + " "),
    ]


_NAMES: Final = tuple(DISPATCH)  # in the order of their numbers
_INDENT: Final = " " * 16


if __name__ == "__main__":
    LOOP.write_text(source(), encoding="utf-8")
