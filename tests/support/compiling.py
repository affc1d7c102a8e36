"""Compiling and running programs for the compiler's tests: the machine alone, without a host around it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from bamlvm import stdlib
from bamlvm.compiler.project import Stages, compile_project
from bamlvm.compiler.standard import compile_standard
from bamlvm.sysops.table import load as load_sysops
from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Failed, Machine, Paused
from bamlvm.vm.natives import load_natives
from bamlvm.vm.outcomes import COMPILED_FRAMES
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.values import EnumValue, Instance, Thrown
from bamlvm.vm.verifier import verify
from tests.support.translation import as_translated

BUDGET = 5_000
"""Steps that a program may take: enough for every loop that ends, reached soon by one that does not."""


class Outcome(NamedTuple):
    """How a run ended: with a ``value``, or with something ``thrown`` (class and message, or the value); as data."""

    kind: str
    data: Any


@cache
def standard(optimize: bool = True) -> Unit:
    """The standard library, compiled here."""
    unit = compile_standard(stdlib.sources(), optimize=optimize).unit
    assert unit is not None
    return unit


def compile_text(source: str, *, optimize: bool = True) -> Stages:
    """Compile one file against the standard library."""
    return compile_project({"main.baml": source}, standard(), optimize=optimize)


def errors(result: Stages) -> list[str]:
    return [f"{each.code} {each.message}" for each in result.diagnostics if each.severity == "error"]


def link(unit: Unit, *, optimize: bool = True) -> Program:
    """A runnable program, its functions verified once more."""
    for placed in unit.functions.values():
        verify(placed.function)
    return as_translated(Program.link([standard(optimize), unit], load_natives(), _refusing_sysops()))


@cache
def _refusing_sysops() -> Mapping[str, SysOp]:
    """Every sys-op, refusing to do anything: programs under test see no world."""

    def refuse(_scope: Any, *_arguments: Any) -> Any:
        raise Thrown("baml.errors.Io", {"message": "there is no world here"})

    return {name: SysOp(name, refuse, False) for name in load_sysops()}


def run(program: Program, *arguments: Any, name: str = "main", budget: int = BUDGET) -> Outcome:
    """The outcome of a call that needs no world.  Raises what the machine raises.

    A budget keeps the call in the interpreter.  Where this run of the tests translates, it is made again without one,
    and must end the same.
    """
    translates = program.translation in ("eager", "stress")
    again = deepcopy(arguments) if translates else ()
    depth = COMPILED_FRAMES + 200 if translates else 200
    machine = Machine(program, None, budget, depth)
    machine.start(name, list(arguments))
    outcome = _finished(machine)
    if translates and not machine._limit_hits:
        machine = Machine(program, None, None, depth)
        machine.start(name, list(again))
        assert _finished(machine) == outcome, "the second tier differs from the interpreter"
    return outcome


def _finished(machine: Machine) -> Outcome:
    while True:
        match machine.run():
            case Done(value):
                return Outcome("value", frozen(value))
            case Failed(error):
                value = error.value
                if isinstance(value, Instance) and "message" in value.cls.index:
                    return Outcome("thrown", (value.class_name, value.get("message")))
                return Outcome("thrown", frozen(value))
            case Paused():
                continue
            case other:
                raise AssertionError(f"a program without sys-ops ended in {other}")


def run_text(source: str, *, optimize: bool = True, arguments: Mapping[str, Any] | None = None) -> Outcome:
    """Compile, link and run one file; raises :class:`AssertionError` if it does not compile."""
    result = compile_text(source, optimize=optimize)
    assert result.unit is not None, errors(result)
    return run(link(result.unit, optimize=optimize), *(arguments or {}).values())


def frozen(value: Any, around: tuple[int, ...] = ()) -> Any:
    """A value as data that compares by type, content and order; a cycle as how far out it leads."""
    if id(value) in around:
        return ("cycle", len(around) - around.index(id(value)))
    inside = (*around, id(value))
    match value:
        case list():
            return ("list", *(frozen(each, inside) for each in value))
        case dict():
            return ("map", *((frozen(key), frozen(each, inside)) for key, each in value.items()))
        case Instance():
            return (value.class_name, *(frozen(each, inside) for each in value.fields))
        case EnumValue():
            return ("variant", value.enum, value.variant)
        case None | bool() | int() | float() | str():
            return (type(value).__name__, repr(value))
        case _:
            return ("function",)
