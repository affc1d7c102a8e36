"""What each instruction does: every plain one by examples, every fused one against its parts."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm.machine import Done, Failed
from bamlvm.vm.opcodes import CODES, TABLE, Opcode
from bamlvm.vm.program.types import INT
from bamlvm.vm.values import I64_MAX, EnumValue, Instance

CLASSES = {"P": ("x", "y"), "Empty": ()}
ENUMS = {"Color": ("Red", "Green")}
IF = "\n load_const 1\n return\nT:\n load_const 2\n return"
"""The end of a test of a branch: 1 if it falls through, 2 if it jumps."""

# opcode: (code after `function main` with parameters a b c, arguments, result or the class thrown)
EXAMPLES: dict[str, list[tuple[str, tuple[Any, ...], Any]]] = {
    "load_local": [("load_local b\nreturn", (1, 2), 2)],
    "load_const": [
        ("load_const 1.5\nreturn", (), 1.5),
        ("load_const null\nreturn", (), None),
        ('load_const "é"\nreturn', (), "é"),
    ],
    "store_local": [("load_local a\nstore_local b\nload_local b\nreturn", (7, 8), 7)],
    "add_int": [
        ("load_local a\nload_local b\nadd_int\nreturn", (2, 3), 5),
        ("load_local a\nload_local b\nadd_int\nreturn", (I64_MAX, 1), "IntegerOverflow"),
    ],
    "sub_int": [
        ("load_local a\nload_local b\nsub_int\nreturn", (2, 3), -1),
        ("load_local a\nload_local b\nsub_int\nreturn", (-2, I64_MAX), "IntegerOverflow"),
    ],
    "mul_int": [
        ("load_local a\nload_local b\nmul_int\nreturn", (-2, 3), -6),
        ("load_local a\nload_local b\nmul_int\nreturn", (1 << 32, 1 << 31), "IntegerOverflow"),
    ],
    **{
        name: [
            (f"load_local a\nload_local b\n{name}\nreturn", pair, expected)
            for pair, expected in zip([(1, 2), (2, 2), (3, 2)], results, strict=True)
        ]
        for name, results in {
            "less": (True, False, False),
            "less_equal": (True, True, False),
            "greater": (False, False, True),
            "greater_equal": (False, True, True),
            "equal": (False, True, False),
            "not_equal": (True, False, True),
        }.items()
    },
    "pop_jump_if_false": [
        (f"load_local a\npop_jump_if_false T{IF}", (value,), 1 if value else 2) for value in (True, False)
    ],
    "pop_jump_if_true": [
        (f"load_local a\npop_jump_if_true T{IF}", (value,), 2 if value else 1) for value in (True, False)
    ],
    "jump": [(f"jump T{IF}", (), 2)],
    "loop": [("jump A\nB:\nload_local a\nreturn\nA:\nloop B", (4,), 4)],
    "call": [
        ("load_local a\nload_local b\ncall pair 2\nreturn", (1, 2), [1, 2, None]),
        ("call none 0\nreturn", (), "none"),
        ("load_local a\ncall one 1\nreturn", (5,), [5]),
        (
            "load_const 0\nload_local a\nload_local b\nload_local c\ncall three 3\nalloc_array 2\nreturn",
            (1, 2, 3),
            [0, [3, 2, 1]],
        ),
    ],
    "return": [("load_const 1\nload_const 2\nload_local a\nreturn", (9,), 9)],
    "load_field": [("load_local a\nload_local b\nalloc_instance P 2\nload_field 1\nreturn", (1, 2), 2)],
    "store_field": [
        (
            "load_local a\nload_local a\nalloc_instance P 2\nstore_local c\n"
            "load_local c\nload_local b\nstore_field 0\nload_local c\nload_field 0\nreturn",
            (1, 2, None),
            2,
        )
    ],
    "load_element": [
        ("load_local a\nload_local b\nload_element\nreturn", ([1, 2], 1), 2),
        ("load_local a\nload_local b\nload_element\nreturn", ([1, 2], -2), 1),
        ("load_local a\nload_local b\nload_element\nreturn", ([1, 2], 2), "IndexOutOfBounds"),
        ("load_local a\nload_local b\nload_element\nreturn", ([], -1), "IndexOutOfBounds"),
        ("load_local a\nload_local b\nload_element\nreturn", ({"k": 3}, "k"), 3),
        ("load_local a\nload_local b\nload_element\nreturn", ({"k": 3}, "l"), "MapKeyNotFound"),
    ],
    "store_element": [
        ("load_local a\nload_local b\nload_const 9\nstore_element\nload_local a\nreturn", ([1, 2], -1), [1, 9]),
        (
            "load_local a\nload_local b\nload_const 9\nstore_element\nload_local a\nreturn",
            ([1, 2], 2),
            "IndexOutOfBounds",
        ),
        ("load_local a\nload_local b\nload_const 9\nstore_element\nload_local a\nreturn", ({}, "k"), {"k": 9}),
    ],
    "bin_op": [
        ("load_local a\nload_local b\nbin_op /\nreturn", (-7, 2), -3),
        ("load_local a\nload_local b\nbin_op %\nreturn", (-7, 0), "DivisionByZero"),
        ("load_local a\nload_local b\nbin_op <<\nreturn", (1, -1), "NegativeShift"),
        ("load_local a\nload_local b\nbin_op +\nreturn", ("x", "y"), "xy"),
    ],
    "cmp_op": [
        ("load_local a\nload_local b\ncmp_op ==\nreturn", ([1, [2]], [1, [2]]), True),
        ("load_local a\nload_local b\ncmp_op !=\nreturn", (1, 1.0), True),
        ("load_local a\nload_local b\ncmp_op >=\nreturn", (2, 1.5), True),
    ],
    "unary_op": [
        ("load_local a\nunary_op -\nreturn", (5,), -5),
        ("load_local a\nunary_op !\nreturn", (True,), False),
        ("load_local a\nunary_op ~\nreturn", (5,), -6),
        ("load_local a\nunary_op -\nreturn", (-I64_MAX - 1,), "IntegerOverflow"),
    ],
    "concat": [("load_local a\nload_local b\nconcat\nreturn", ("x", "y"), "xy")],
    "copy": [
        ("load_local a\nload_local b\ncopy 0\nalloc_array 3\nreturn", (1, 2), [1, 2, 2]),
        ("load_local a\nload_local b\ncopy 1\nalloc_array 3\nreturn", (1, 2), [1, 2, 1]),
    ],
    "pop": [("load_local a\nload_local b\npop\nreturn", (1, 2), 1)],
    "is_null": [("load_local a\nis_null\nreturn", (value,), value is None) for value in (None, 0, False, "")],
    "make_cell": [("make_cell a\nload_cell a\nreturn", (3,), 3)],
    "load_cell": [("make_cell a\nload_cell a\nreturn", (3,), 3)],
    "store_cell": [("make_cell a\nload_const 4\nstore_cell a\nload_cell a\nreturn", (3,), 4)],
    "make_closure": [
        ("make_closure none 0\ncall_indirect 0\nreturn", (), "none"),
        ("make_cell a\nload_local a\nmake_closure cell 1\nload_const 5\ncall_indirect 1\nreturn", (3,), [5, 3, None]),
        (
            "make_cell a\nmake_cell b\nload_local a\nload_local b\nmake_closure cells 2\ncall_indirect 0\nreturn",
            (3, 4),
            [3, 4],
        ),
        ("make_closure native.add 0\nload_local a\nload_local b\ncall_indirect 2\nreturn", (3, 4), 7),
        ("make_closure sys.echo 0\nload_local a\ncall_indirect 1\nreturn", (3,), ["scope", 3]),
    ],
    "call_indirect": [
        ("load_const 0\nmake_closure none 0\ncall_indirect 0\nalloc_array 2\nreturn", (), [0, "none"]),
        ("load_const 0\nmake_closure one 0\nload_local a\ncall_indirect 1\nalloc_array 2\nreturn", (1,), [0, [1]]),
        (
            "load_const 0\nmake_closure three 0\nload_local a\nload_local b\nload_local c\ncall_indirect 3\n"
            "alloc_array 2\nreturn",
            (1, 2, 3),
            [0, [3, 2, 1]],
        ),
    ],
    "call_method": [
        ("load_local a\nload_local b\nalloc_instance P 2\ncall_method sum 1\nreturn", (1, 2), 3),
        ("load_const 0\nload_local a\nload_const 5\ncall_method push 2\nalloc_array 2\nreturn", ([1],), [0, 2]),
        ("load_local a\ncall_method length 1\nreturn", ("abc",), 3),
    ],
    "call_native": [
        ("load_const 0\ncall_native native.zero 0\nalloc_array 2\nreturn", (), [0, "zero"]),
        ("load_const 0\nload_local a\ncall_native baml.String.length 1\nalloc_array 2\nreturn", ("ab",), [0, 2]),
        ("load_const 0\nload_local a\nload_local b\ncall_native native.add 2\nalloc_array 2\nreturn", (1, 2), [0, 3]),
        (
            "load_const 0\nload_local a\nload_local b\nload_local c\ncall_native native.three 3\nalloc_array 2\nreturn",
            (1, 2, 3),
            [0, [1, 2, 3]],
        ),
    ],
    "sys_call": [
        ("load_const 0\nsys_call sys.zero 0\nalloc_array 2\nreturn", (), [0, ["scope"]]),
        ("load_const 0\nload_local a\nsys_call sys.echo 1\nalloc_array 2\nreturn", (1,), [0, ["scope", 1]]),
        (
            "load_const 0\nload_local a\nload_local b\nsys_call sys.two 2\nalloc_array 2\nreturn",
            (1, 2),
            [0, ["scope", 1, 2]],
        ),
    ],
    "alloc_array": [
        ("load_const 0\nalloc_array 0\nalloc_array 2\nreturn", (), [0, []]),
        ("load_const 0\nload_local a\nalloc_array 1\nalloc_array 2\nreturn", (1,), [0, [1]]),
        (
            "load_const 0\nload_local a\nload_local b\nload_local c\nalloc_array 3\nalloc_array 2\nreturn",
            (1, 2, 3),
            [0, [1, 2, 3]],
        ),
    ],
    "alloc_map": [
        ("load_const 0\nalloc_map 0\nalloc_array 2\nreturn", (), [0, {}]),
        ("load_const 0\nload_local a\nload_local b\nalloc_map 1\nalloc_array 2\nreturn", ("k", 1), [0, {"k": 1}]),
        (
            'load_const 0\nload_const "z"\nload_local a\nload_const "a"\nload_local b\nalloc_map 2\n'
            "alloc_array 2\nreturn",
            (1, 2),
            [0, {"z": 1, "a": 2}],
        ),
    ],
    "alloc_instance": [
        ("load_const 0\nalloc_instance Empty 0\npop\nreturn", (), 0),
        ("load_local a\nload_local b\nalloc_instance P 2\nload_field 0\nreturn", (1, 2), 1),
    ],
    "append": [("load_const 0\nload_local a\nload_const 2\nappend\nalloc_array 2\nreturn", ([1],), [0, [1, 2]])],
    "extend": [
        ("load_const 0\nload_local a\nload_local b\nextend\nalloc_array 2\nreturn", ([1], [2, 3]), [0, [1, 2, 3]])
    ],
    "insert": [
        (
            'load_const 0\nload_local a\nload_const "k"\nload_const 2\ninsert\nalloc_array 2\nreturn',
            ({"j": 1},),
            [0, {"j": 1, "k": 2}],
        )
    ],
    "update": [
        (
            "load_const 0\nload_local a\nload_local b\nupdate\nalloc_array 2\nreturn",
            ({"j": 1, "k": 1}, {"k": 2}),
            [0, {"j": 1, "k": 2}],
        )
    ],
    "load_field_named": [("load_local a\nload_local b\nalloc_instance P 2\nload_field_named y\nreturn", (1, 2), 2)],
    "store_field_named": [
        (
            "load_local a\nload_local a\nalloc_instance P 2\nstore_local c\n"
            "load_local c\nload_local b\nstore_field_named y\nload_local c\nload_field 1\nreturn",
            (1, 2, None),
            2,
        )
    ],
    "load_variant": [("load_variant Color Green\ndiscriminant\nreturn", (), 1)],
    "load_global": [
        ("load_global LIMIT\nload_global LIMIT\nadd_int\nreturn", (), 14),
        ("load_local a\nload_global LIMIT\nload_local b\nalloc_array 3\nreturn", (1, 2), [1, 7, 2]),
        ("load_global BROKEN\nreturn", (), "Unreachable"),
    ],
    "store_global": [
        (
            "load_const 1\nstore_global LIMIT\nload_const 2\nstore_global LIMIT\n"
            "load_global LIMIT\nalloc_array 3\nreturn",
            (),
            [1, 1, 1],
        ),
    ],
    "discriminant": [("load_variant Color Red\ndiscriminant\nreturn", (), 0)],
    "is_type": [
        ('load_local a\nis_type ["a",["p","int"]]\nreturn', ([1, 2],), True),
        ('load_local a\nis_type ["a",["p","int"]]\nreturn', ([1, True],), False),
    ],
    "type_tag": [
        ("load_local a\ntype_tag\nreturn", (1,), "int"),
        ("load_variant Color Red\ntype_tag\nreturn", (), "Color"),
        ("alloc_instance Empty 0\ntype_tag\nreturn", (), "Empty"),
    ],
    "jump_table": [
        *(
            (f"load_local a\njump_table {{0: T, -3: T, else: E}}\nE:{IF}", (key,), 2 if key in (0, -3) else 1)
            for key in (0, -3, 1)
        ),
        *(
            (f'load_local a\njump_table {{"x y": T, else: E}}\nE:{IF}', (key,), 2 if key == "x y" else 1)
            for key in ("x y", "z")
        ),
    ],
    "load_missing": [("load_missing\nstore_local a\njump_if_supplied a T" + IF, (1,), 1)],
    "jump_if_supplied": [("jump_if_supplied a T" + IF, (1,), 2), ("jump_if_supplied b T" + IF, (1,), 1)],
    "throw": [("alloc_instance Empty 0\nthrow", (), "Empty")],
    "caught_value": [("A:\nload_local a\nthrow\nH:\ncaught_value\nreturn\ncatch A H H 0", (3,), 3)],
    "rethrow": [("A:\nalloc_instance Empty 0\nthrow\nH:\nrethrow\ncatch A H H 0", (), "Empty")],
    "assert": [
        ('load_local a\nassert "so"\nload_const 1\nreturn', (True,), 1),
        ('load_local a\nassert "so"\nload_const 1\nreturn', (False,), "AssertionFailed"),
    ],
    "unreachable": [("unreachable", (), "Unreachable")],
}

OTHERS = """
function none
  load_const "none"
  return
function one
  parameters x
  load_local x
  alloc_array 1
  return
function pair
  parameters x y
  locals 3 x y z
  load_local x
  load_local y
  load_local z
  alloc_array 3
  return
function three
  parameters x y z
  load_local z
  load_local y
  load_local x
  alloc_array 3
  return
function cell
  parameters x
  captures 1
  locals 3 x c z
  load_local x
  load_cell c
  load_local z
  alloc_array 3
  return
function cells
  captures 2
  locals 2 c d
  load_cell c
  load_cell d
  alloc_array 2
  return
function LIMIT
  load_const 7
  store_global LIMIT
  return
function BROKEN
  unreachable
function P.sum
  parameters self
  load_local self
  load_field 0
  load_local self
  load_field 1
  add_int
  return
"""

NATIVES = {
    "baml.String.length": (1, len),
    "baml.Array.push": (2, lambda items, item: items.append(item) or len(items)),
    "native.zero": (0, lambda: "zero"),
    "native.add": (2, lambda a, b: a + b),
    "native.three": (3, lambda a, b, c: [a, b, c]),
}


def echo(scope: Any, *arguments: Any) -> Any:
    return ["scope" if scope is None else scope, *arguments]


SYSOPS = {"sys.zero": (0, echo, False), "sys.echo": (1, echo, False), "sys.two": (2, echo, False)}


def examples() -> list[Any]:
    return [
        pytest.param(code, arguments, expected, id=f"{name}-{number}")
        for name, cases in EXAMPLES.items()
        for number, (code, arguments, expected) in enumerate(cases)
    ]


def test_every_plain_instruction_has_an_example() -> None:
    assert set(EXAMPLES) == {row.name for row in TABLE if not row.parts}
    for name, cases in EXAMPLES.items():
        assert all(name in code for code, _, _ in cases)


@pytest.mark.parametrize(("code", "arguments", "expected"), examples())
def test_what_it_does(lab: Any, code: str, arguments: tuple[Any, ...], expected: Any) -> None:
    program = lab.program(
        f"function main\nparameters a b c\nlocals 3 a b c\n{code}\n{OTHERS}",
        classes=CLASSES,
        enums=ENUMS,
        constants={"LIMIT": INT, "BROKEN": INT},
        natives=NATIVES,
        sysops=SYSOPS,
    )
    outcome = lab.outcome(program, *arguments)
    if isinstance(outcome, Failed):
        assert outcome.error.value.class_name.removeprefix("baml.panics.") == expected
    else:
        assert isinstance(outcome, Done)
        assert outcome.value == expected and type(outcome.value) is type(expected)


def test_facts_of_panics(lab: Any) -> None:
    thrown = lab.thrown("function main\nparameters a b\nload_local a\nload_local b\nload_element\nreturn", [1, 2], 5)
    assert (thrown.get("index"), thrown.get("length")) == (5, 2)
    assert thrown.get("message") == "index 5 of a list of length 2"
    thrown = lab.thrown("function main\nparameters a b\nload_local a\nload_local b\nload_element\nreturn", {}, "k")
    assert thrown.get("message") == 'the map has no key "k"' and thrown.get("key") == "k"
    assert lab.thrown('function main\nload_const false\nassert "x > 0"\nunreachable').get("message") == "x > 0"


def test_enum_values_are_one_object(lab: Any) -> None:
    program = lab.program("function main\nload_variant Color Red\nreturn", enums=ENUMS)
    value = lab.value(program)
    assert type(value) is EnumValue and value is program.enum_value("Color", "Red") is lab.value(program)


# --- fused instructions ---------------------------------------------------------------------------------------------

SAMPLES: dict[str, list[tuple[Any, Any, Any]]] = {
    "integers": [(3, 5, 4), (5, 3, 5), (4, 4, 4), (I64_MAX, 1, 0), (-I64_MAX, 2, 2), (1 << 40, 1 << 40, -1)],
    "strings": [("x", "y", "z"), ("", "", ""), ("aé", "aé", "b")],
    "booleans": [(True, False, True), (False, True, False)],
    "nulls": [(None, 1, None), (0, None, 1), (False, "", None)],
    "elements": [([7, 8], 1, 0), ([7, 8], -1, 2), ([], 0, 0), ({1: 2}, 1, 1)],
    "instances": [("P", 1, 2)],
}


def samples(row: Opcode) -> list[tuple[Any, Any, Any]]:
    if "concat" in row.parts:
        return SAMPLES["strings"]
    if "load_element" in row.parts:
        return SAMPLES["elements"]
    if "load_field" in row.parts:
        return SAMPLES["instances"]
    if "is_null" in row.parts:
        return SAMPLES["nulls"]
    if row.parts[-1].startswith("pop_jump") and len(row.parts) == 2 and row.parts[0] == "load_local":
        return SAMPLES["booleans"]
    if "less" in row.parts or "equal" in row.parts:
        return [*SAMPLES["integers"], *SAMPLES["strings"]]
    return SAMPLES["integers"]


def surrounded(row: Opcode, instructions: str) -> str:
    """A function that shows all that instructions do: to the stack, to the locals, and where they go on."""
    ending = "load_local a\nload_local b\nload_local c\nalloc_array 4\nreturn"
    inputs = ["load_local a", "load_local b"][2 - row.pops :]
    lines = ["load_const 77", *inputs, instructions]
    shown = f"alloc_array {row.pushes + 1}\n{ending}"
    if row.flow != "end":
        if row.flow in ("next", "branch"):
            lines.append(shown)
        lines.append(f"T:\n{shown}\n")
    if row.flow == "next":
        lines[-1] = ""
    return "function main\nparameters a b c\nlocals 3 a b c\n" + "\n".join(lines)


def spelled(name: str, operands: list[str]) -> str:
    return " ".join([name, *operands])


def variants(row: Opcode, sample: tuple[Any, Any, Any]) -> list[list[str]]:
    """Operands for a fused row: distinct locals, and the same local throughout."""
    constant = {str: '"k"', int: "3"}.get(type(sample[2]), "3")

    def operands(locals_: list[str]) -> list[str]:
        places = iter(locals_)
        return [
            {"local": lambda: next(places), "const": lambda: constant, "field": lambda: "1", "target": lambda: "T"}[
                kind
            ]()
            for kind in row.operands
        ]

    return [operands(["a", "b", "c", "a"]), operands(["b", "b", "b", "b"]), operands(["c", "a", "c", "b"])]


def parts_of(row: Opcode, operands: list[str]) -> str:
    lines, offset = [], 0
    for name in row.parts:
        width = len(TABLE[CODES[name]].operands)
        lines.append(spelled(name, operands[offset : offset + width]))
        offset += width
    return "\n".join(lines)


def result(lab: Any, text: str, arguments: list[Any]) -> Any:
    outcome = lab.outcome(lab.program(text, classes=CLASSES), *arguments)
    if isinstance(outcome, Failed):
        return outcome.error.value.class_name
    assert isinstance(outcome, Done)
    return outcome.value


@pytest.mark.parametrize("row", [row for row in TABLE if row.parts], ids=lambda row: row.name)
def test_a_fused_instruction_does_what_its_parts_do(lab: Any, row: Opcode) -> None:
    compared = 0
    for sample in samples(row):
        for operands in variants(row, sample):
            arguments = list(sample)
            if sample[0] == "P":
                program = lab.program(
                    "function main\nparameters a b\nload_local a\nload_local b\nalloc_instance P 2\nreturn",
                    classes=CLASSES,
                )
                instance = lab.value(program, 1, 2)
                assert isinstance(instance, Instance)
                arguments = [instance] * 3
            if "load_element" in row.parts and operands != ["a", "b"]:
                continue
            compared += 1
            fused = result(lab, surrounded(row, spelled(row.name, operands)), list(arguments))
            assert fused == result(lab, surrounded(row, parts_of(row, operands)), list(arguments)), (operands, sample)
    assert compared
