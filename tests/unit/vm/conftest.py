"""A laboratory for the machine: functions written in the assembler's language, linked and run without the compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Failed, Machine, Outcome, Paused
from bamlvm.vm.program.code import Placed
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, Parameter, Signature, VariantInfo
from bamlvm.vm.program.types import NEVER, UNKNOWN, Type
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.values import Instance
from bamlvm.vm.verifier import verify
from tests.support.assembler import assemble_all
from tests.support.translation import as_translated

PANICS: Mapping[str, Sequence[str]] = {
    "AssertionFailed": (),
    "DivisionByZero": (),
    "IntegerOverflow": (),
    "IndexOutOfBounds": ("index", "length"),
    "MapKeyNotFound": ("key",),
    "NegativeShift": ("count",),
    "StackOverflow": ("limit",),
    "Unreachable": (),
    "UserPanic": (),
    "StepLimit": ("limit",),
}


def class_info(name: str, fields: Sequence[str]) -> ClassInfo:
    return ClassInfo(name, tuple(FieldInfo(field, UNKNOWN) for field in fields))


def signature(name: str, kind: Any, arity: int) -> Signature:
    return Signature(name, kind, tuple(Parameter(f"p{n}", UNKNOWN) for n in range(arity)), UNKNOWN, NEVER)


class Laboratory:
    """Links and runs assembled functions.  Every program has the panics' classes and ``baml.errors.Io``."""

    def program(
        self,
        text: str,
        *,
        classes: Mapping[str, Sequence[str]] | None = None,
        enums: Mapping[str, Sequence[str]] | None = None,
        aliases: Mapping[str, Type] | None = None,
        natives: Mapping[str, tuple[int, Callable[..., Any]]] | None = None,
        sysops: Mapping[str, tuple[int, Callable[..., Any], bool]] | None = None,
        constants: Mapping[str, Type] | None = None,
        checked: bool = True,
    ) -> Program:
        functions = assemble_all(text)
        if checked:
            for function in functions:
                verify(function)
        standard = {f"baml.panics.{name}": ("message", *fields) for name, fields in PANICS.items()}
        standard["baml.errors.Io"] = ("message", "path")
        natives, sysops = natives or {}, sysops or {}
        signatures = [signature(name, "native", arity) for name, (arity, _) in natives.items()]
        signatures += [signature(name, "sysop", arity) for name, (arity, _, _) in sysops.items()]
        unit = Unit(
            functions={function.name: Placed(function, "main.baml", 10, 4) for function in functions},
            signatures={each.name: each for each in signatures},
            classes={name: class_info(name, fields) for name, fields in {**standard, **(classes or {})}.items()},
            enums={name: EnumInfo(name, tuple(map(VariantInfo, names))) for name, names in (enums or {}).items()},
            annotated_aliases=dict(aliases or {}),
            globals=dict(constants or {}),
        )
        return as_translated(
            Program.link(
                [unit],
                {name: function for name, (_, function) in natives.items()},
                {name: SysOp(name, call, is_async) for name, (_, call, is_async) in sysops.items()},
            )
        )

    def outcome(self, program: Program | str, *arguments: Any, name: str = "main", fuel: int = 1000) -> Outcome:
        """The outcome of a call, other than :class:`Paused`."""
        machine = Machine(self.program(program) if isinstance(program, str) else program, None)
        machine.start(name, list(arguments))
        return self.finish(machine, fuel)

    def finish(self, machine: Machine, fuel: int = 1000) -> Outcome:
        outcome = machine.run(fuel)
        while isinstance(outcome, Paused):
            outcome = machine.run(fuel)
        return outcome

    def value(self, program: Program | str, *arguments: Any, name: str = "main") -> Any:
        """The result of a call that must return."""
        outcome = self.outcome(program, *arguments, name=name)
        assert isinstance(outcome, Done), outcome
        return outcome.value

    def thrown(self, program: Program | str, *arguments: Any, name: str = "main") -> Instance:
        """What a call that must fail throws: an instance."""
        outcome = self.outcome(program, *arguments, name=name)
        assert isinstance(outcome, Failed), outcome
        assert isinstance(outcome.error.value, Instance)
        return outcome.error.value


@pytest.fixture(scope="session")
def lab() -> Laboratory:
    return Laboratory()
