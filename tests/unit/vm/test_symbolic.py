"""Blocks on symbolic operands: every opcode has a counterpart, evaluation keeps its order, facts narrow."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm.flow import Flow
from bamlvm.vm.inference import analyse, start_state
from bamlvm.vm.names import Names, Objects
from bamlvm.vm.opcodes import TABLE
from bamlvm.vm.operands import Temporaries
from bamlvm.vm.semantics import SEMANTICS, Raw
from bamlvm.vm.symbolic import BlockRun
from tests.support.compiling import compile_text, errors, link


def blocks(source: str, name: str = "main", *, asserts: bool = False) -> list[BlockRun]:
    """The blocks of a function, each run on the facts at its start."""
    made = compile_text(source)
    assert made.unit is not None, errors(made)
    program = link(made.unit)
    function = program.function(name)
    function.decode()
    names = Names(Objects(program.lock), function)
    flow = Flow(function.placed.function)
    found = analyse(flow, names, start_state(flow, names), guess=False)
    runs = []
    for index in flow.order:
        run = BlockRun(
            flow, names, flow.blocks[index], found.states[index], found.counting, Temporaries(), asserts=asserts
        )
        run.run()
        runs.append(run)
    return runs


def lines(source: str, *, asserts: bool = False) -> list[str]:
    return [each.text for run in blocks(source, asserts=asserts) for each in run.lines]


def test_every_opcode_has_a_form_or_a_counterpart() -> None:
    for row in TABLE:
        if not row.parts and isinstance(SEMANTICS[row.name], Raw):
            assert hasattr(BlockRun, f"_do_{row.name}"), row.name


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("let b = a; a = 5; b", ["v3 = v0", "v0 = 5", "return v3"]),
        ("[a, { a = 5; a }]", ["t1 = v0", "v0 = 5", "return [t1, v0]"]),
        ("xs[0] = xs[1]; xs[0]", ["t1 = v1[1]", "v1[0] = t1", "return v1[0]"]),
        ("p.x + { p.x = 2; 1 }", ["t1 = v2.fields[0]", "v2.fields[0] = 2"]),
    ],
)
def test_an_operand_is_evaluated_before_what_changes_it(body: str, expected: list[str]) -> None:
    source = f"class P {{ x int }} function main(a: int, xs: int[], p: P) -> unknown {{ {body} }}"
    assert lines(source)[: len(expected)] == expected


def test_a_sum_goes_straight_into_its_local_only_where_no_handler_sees_it() -> None:
    bare = lines("function main(a: int, b: int) -> int { a = a + b; a }")
    assert bare[0] == "v0 = v0 + v1" and bare[1].startswith("if v0 > ")
    source = """
    function main(a: int, b: int) -> int { { a = a + b; a } catch_all (e) { _ => a } }
    """
    guarded = lines(source)
    assert guarded[0] == "t1 = v0 + v1" and guarded[1].startswith("if t1 > ")


def known(source: str) -> dict[int, Any]:
    """What is known of the local 0 at the start of each block."""
    return {run.block.index: run._at_handler[0] for run in blocks(source)}


def test_a_branch_narrows_the_local_that_it_compares() -> None:
    facts = known("function main(a: int) -> int { if (a < 10) { if (a >= 0) { return a; } } 0 }")
    assert any((fact.low, fact.high) == (0, 9) for fact in facts.values())


def test_a_negated_comparison_narrows_the_other_way() -> None:
    facts = known("function main(a: int) -> int { if (!(a < 10)) { return a; } 0 }")
    assert any(fact.low == 10 for fact in facts.values())
    assert any(fact.high == 9 for fact in facts.values())


def test_assertions_follow_stores_and_results() -> None:
    source = "function f(a: int) -> int { a } function main(a: int) -> int { let b = a / 3; f(b) + f(a) }"
    found = lines(source, asserts=True)
    assert sum(each.startswith("verify(") for each in found) >= 3
    assert not any(each.startswith("verify(") for each in lines(source))


def test_an_index_of_a_list_needs_no_check_for_the_next_one() -> None:
    found = lines("function main(xs: int[], i: int) -> int { let x = xs[i]; i += 1; let y = xs[i]; i -= 1; x + y + i }")
    assert found[:4] == ["v2 = v0[v1]", "v1 = v1 + 1", "v3 = v0[v1]", "v1 = v1 - 1"]


def test_an_index_that_the_element_replaces_is_not_taken_for_one() -> None:
    found = lines("function main(xs: int[], i: int) -> int { i = xs[i]; i += 1; i }")
    assert found[2].startswith("if v1 > 9223372036854775807")
