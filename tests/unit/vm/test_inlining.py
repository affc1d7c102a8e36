"""Small functions in place of their calls: which ones, and what the code and its depths are then."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm.inlining import MAX_BODIES_AROUND, PlainCode, SmallFunctions
from bamlvm.vm.opcodes import CODES, TABLE
from tests.support.compiling import compile_text, errors, link

SMALL = """
function one(x: int) -> int { x + 1 }
function sign(x: int) -> int { if (x < 0) { return -1; } if (x == 0) { return 0; } 1 }
function two(x: int) -> int { one(x) + sign(x) }
function three(x: int) -> int { two(x) * one(x) }
function looping(x: int) -> int { let s = x; while (s * s < 9) { s += 1; } s }
function catching(x: int) -> int { one(x) / x catch_all (e) { _ => 0 } }
function waiting(x: int) -> int { baml.sys.sleep(0); x }
function fact(n: int) -> int { if (n < 2) { return 1; } n * fact(n - 1) }
function with_default(x: int, y: int = 3) -> int { x + y }
function long(x: int) -> int {
  [
    x + 0, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7, x + 8, x + 9, x + 10, x + 11, x + 12, x + 13, x + 14, x + 15
  ][0]
}
"""


def code(body: str) -> PlainCode:
    """The plain code of ``main``, with the small functions in place of their calls."""
    made = compile_text(f"{SMALL} function main(x: int) -> int {{ {body} }}")
    assert made.unit is not None, errors(made)
    program: Any = link(made.unit)
    return PlainCode(program.functions["main"].function, SmallFunctions(program))


def nested(found: PlainCode) -> list[list[str]]:
    """The bodies, each with those around it, outermost first."""
    return [[each.linked.name for each in body.around()][::-1] for body in found.bodies]


@pytest.mark.parametrize(
    ("body", "bodies"),
    [
        ("one(x)", [["one"]]),
        ("one(sign(x))", [["sign"], ["one"]]),
        ("two(x)", [["two"], ["two", "one"], ["two", "sign"]]),
        ("with_default(x)", [["with_default"]]),
        ("fact(x)", [["fact"]]),  # one level of what is recursive
        ("three(x)", [["three"], ["three", "one"]]),  # `two` makes calls: not within another body
        ("looping(x)", []),
        (
            "[x].map((y: int) -> int { y + 1 })[0]",
            [["baml.Array.map"]],
        ),  # a loop, but one that calls what is known here
        ("catching(x)", []),
        ("waiting(x)", []),
        ("long(x)", []),
    ],
)
def test_what_is_put_in_place_of_its_call(body: str, bodies: list[list[str]]) -> None:
    assert nested(code(body)) == bodies


def test_a_function_does_not_grow_without_end() -> None:
    found = code(" + ".join(f"two(x + {k})" for k in range(60)))
    assert 0 < len(found.code) < 1500
    assert any(each.name == "call" for each in found.code)
    assert max(len(each) for each in nested(found)) <= MAX_BODIES_AROUND


def test_locals_of_bodies_are_their_own_and_depths_are_kept() -> None:
    found = code("1 + two(2 * one(x))")
    taken = [
        range(each.first_local, each.first_local + each.linked.placed.function.local_count) for each in found.bodies
    ]
    assert len({local for each in taken for local in each}) == sum(map(len, taken))
    assert max(max(each) for each in taken) < found.local_count
    for index, (instruction, depth) in enumerate(zip(found.code, found.depths, strict=True)):
        row = TABLE[CODES[instruction.name]]
        if row.flow == "next" and index + 1 < len(found.code) and not row.per_count:
            assert found.depths[index + 1] == depth - row.pops + row.pushes
        if instruction.name == "jump":
            assert found.depths[instruction.operands[0]] == depth
    assert min(found.depths) >= 0
