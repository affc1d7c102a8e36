"""The machine's side of the standard library's sources: what they declare is there, and fits."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from bamlvm import stdlib
from bamlvm.compiler.standard import compile_standard
from bamlvm.sysops.table import load
from bamlvm.vm.disassembler import disassemble
from bamlvm.vm.linker import Program
from bamlvm.vm.machine import Done, Machine
from bamlvm.vm.natives import load_natives
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.verifier import verify
from tests.support.assembler import assemble

MINE = ("core", "string", "array", "map", "number", "math", "json", "unstable")


@pytest.fixture(scope="module")
def unit() -> Unit:
    result = compile_standard(stdlib.sources())
    assert result.unit is not None, result.diagnostics
    return result.unit


def test_every_native_is_declared_and_every_declared_one_there(unit: Unit) -> None:
    assert {name for name, each in unit.signatures.items() if each.kind == "native"} == set(load_natives())


def test_natives_take_what_they_are_declared_with(unit: Unit) -> None:
    for name, native in load_natives().items():
        declared = len(unit.signatures[name].parameters)
        try:
            inspect.signature(native).bind(*range(declared))
        except ValueError:  # a function of Python's own that does not tell
            assert name in ("baml.Map.get", "baml.Map.keys", "baml.Int.to_string") or name.startswith("baml.String."), (
                name
            )


def test_everything_declared_is_documented(unit: Unit) -> None:
    ours = [each for name, each in unit.signatures.items() if each.kind == "native" or name.startswith("baml.Array.")]
    assert not [each.name for each in ours if not each.doc]


def test_panics_have_the_fields_that_the_machine_gives_them(unit: Unit, lab: Any) -> None:
    given = lab.program("function main\nunreachable").classes
    for name, info in given.items():
        declared = {field.name for field in unit.classes[name].fields}
        assert declared == {field.name for field in info.fields} or name == "baml.errors.Io", name


def test_the_library_links_and_every_function_can_be_made_ready(unit: Unit) -> None:
    program = Program.link([unit], load_natives(), load())
    for name, placed in unit.functions.items():
        verify(placed.function)
        assert assemble(disassemble(placed.function)) == placed.function
        program.function(name).decode()


@pytest.mark.parametrize(
    ("code", "arguments", "expected"),
    [
        ("load_local a\nmake_closure twice 0\ncall baml.Array.map 2\nreturn", [[1, 2]], [2, 4]),
        ("load_local a\nmake_closure odd 0\ncall baml.Array.filter 2\nreturn", [[1, 2, 3]], [1, 3]),
        ("load_local a\nmake_closure plus 0\nload_const 10\ncall baml.Array.reduce 3\nreturn", [[1, 2]], 13),
        (
            "load_local a\ncall baml.Map.entries 1\nload_const 1\nload_element\nload_field_named value\nreturn",
            [{"a": 1, "b": 2}],
            2,
        ),
        ('load_local a\nload_const "x"\ncall_method includes 2\nreturn', ["axb"], True),
        ('load_local a\nload_const "x"\ncall_method includes 2\nreturn', [["x"]], True),
        ("load_local a\ncall_method abs 1\nreturn", [-2], 2),
        ("load_local a\ncall_method to_string 1\nreturn", [True], "true"),
        ("load_local a\ncall_method to_string 1\nreturn", [0.5], "0.5"),
        ("load_local a\ncall_method length 1\nreturn", [{"a": 1}], 1),
    ],
)
def test_methods_written_in_baml(unit: Unit, lab: Any, code: str, arguments: list[Any], expected: Any) -> None:
    helpers = """
    function twice
      parameters x
      load_local x
      load_const 2
      mul_int
      return
    function odd
      parameters x
      load_local x
      load_const 2
      bin_op %
      load_const 1
      equal
      return
    function plus
      parameters x y
      load_local x
      load_local y
      add_int
      return
    """
    functions = lab.program(f"function main\nparameters a\n{code}\n{helpers}").functions
    machine = Machine(Program.link([unit, Unit(functions=functions)], load_natives(), load()), None)
    machine.start("main", arguments)
    assert lab.finish(machine) == Done(expected)
