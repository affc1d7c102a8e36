"""A unit whose code somebody has changed, as in a cache: it is refused, or its calls end, within their steps.

An input is a list of changes, of five bytes each: which function, what is changed, at which place, and to what.  The
greatest height of the stack is computed anew, as whoever forges a cache would do, so that not everything is refused for
that alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from bamlvm.vm.linker import LinkError
from bamlvm.vm.machine import Machine, MachineError
from bamlvm.vm.outcomes import Paused
from bamlvm.vm.program.code import Function, Handler
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.stack import StackError, depths, instructions
from bamlvm.vm.verifier import VerifyError
from tests.support.compiling import compile_text, link

_SOURCE: Final = """
class Node { value int next Node? }
enum Kind { A B C }
function sum(n: int) -> int { let s = 0; for (let i = 0; i < n; i += 1) { s += i * 2; } s }
function kind(k: Kind) -> int { match (k) { Kind.A => 1, Kind.B => 2, Kind.C => 3 } }
function number(n: int) -> int { match (n) { 0 => 5, 1 => 6, 2 => 7, 3 => 8, _ => 9 } }
function caught(n: int) -> string { { if (n > 1) { throw "much"; } "few" } catch (e) { string => e } }
function nodes(n: int) -> Node { let at = Node { value: 0, next: null }; at.next = Node { value: n, next: at }; at }
function added(n: int) -> int[] { [1, 2, n].map((x: int) -> int { x + n }) }
function main() -> string {
    let m = { "a": [1], "b": [2, 3] };
    m["c"] = [sum(9), kind(Kind.B), number(2)];
    `${m} ${caught(2)} ${added(4)} ${nodes(1).value} ${"a,b".split(",").length()}`
}
"""
_SIZE: Final = 5
_STEPS: Final = 3_000
_SLICES: Final = 200
_REFUSED: Final = (VerifyError, LinkError, MachineError)


@cache
def _unit() -> Unit:
    unit = compile_text(_SOURCE).unit
    assert unit is not None
    return unit


def _changed(function: Function, what: int, place: int, value: int) -> Function:
    code = list(function.code)
    at = place % len(code)
    change: dict[str, Any] = {}
    match what % 9:
        case 0 | 1 | 2:
            code[at] = value
        case 3:
            code[at] = code[value % len(code)]
        case 4:
            del code[at : at + 1 + value % 4]
        case 5:
            code[at:at] = code[value % len(code) :][:4]
        case 6:
            change["local_count"] = value
        case 7:
            change["handlers"] = (*function.handlers, Handler(at, at + value % 8, value % len(code), place % 4))
        case 8:
            change["constants"] = function.constants[: value % (len(function.constants) + 1)]
    change["code"] = tuple(code)
    changed = msgspec.structs.replace(function, **change)
    with contextlib.suppress(StackError, IndexError, KeyError, ValueError):
        _, height = depths(instructions(changed.code), changed.handlers, changed.tables)
        changed = msgspec.structs.replace(changed, max_stack=height)
    return changed


def _units(data: bytes) -> Iterator[Unit]:
    functions = dict(_unit().functions)
    names = sorted(functions)
    for start in range(0, min(len(data), _SIZE * 12) - _SIZE + 1, _SIZE):
        which, what, high, low, value = data[start : start + _SIZE]
        name = names[which % len(names)]
        placed = functions[name]
        if not placed.function.code:
            continue
        function = _changed(placed.function, what, high << 8 | low, value)
        functions[name] = msgspec.structs.replace(placed, function=function)
    yield msgspec.structs.replace(_unit(), functions=functions)


def linking(data: bytes) -> None:
    for unit in _units(data):
        try:
            program = link(unit)
        except _REFUSED:
            return
        machine = Machine(program, None, budget=_STEPS, max_depth=200)
        machine.start("main", [])
        try:
            for _ in range(_SLICES):
                if not isinstance(machine.run(), Paused):
                    return
        except (SystemError, RecursionError, AssertionError):
            raise
        except Exception:  # of a native that was given what it does not take: it ends the call, and no more
            return
        raise AssertionError("the call does not end within its steps")
