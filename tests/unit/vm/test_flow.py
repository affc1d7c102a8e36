"""Control flow: loops, merges and counting loops of compiled functions."""

from __future__ import annotations

import pytest

from bamlvm.vm.flow import Flow
from tests.support.compiling import compile_text, errors


def flow(body: str, parameters: str = "n: int") -> Flow:
    made = compile_text(f"function main({parameters}) -> int {{ {body} }}")
    assert made.unit is not None, errors(made)
    return Flow(made.unit.functions["main"].function)


def test_straight_code_has_no_loops_and_no_merges() -> None:
    found = flow("let a = n + 1; a * 2")
    assert (found.loops, found.merges) == ({}, frozenset())


def test_where_branches_meet_is_a_merge_behind_the_branch() -> None:
    found = flow("let a = 0; if (n > 1) { a = 1; } else { a = n; } a")
    (merge,) = found.merges
    assert found.followers[found.dominator[merge]] == [merge]


def test_nested_loops() -> None:
    found = flow("let s = 0; while (s < n) { let k = 0; while (k < s + 1) { k += 2; } s += k; } s")
    small, large = sorted(found.loops.values(), key=len)
    assert small < large
    assert all(header in body for header, body in found.loops.items())


@pytest.mark.parametrize(
    ("loop", "counts"),
    [
        ("for (let i = 0; i < n; i += 1) { s += i; }", True),
        ("for (let i = 0; i <= n; i += 3) { s += i; }", True),
        ("for (let i = 0; i < 10; i += n) { s += i; }", True),
        ("for (let i = 0; i < n; i += 1) { if (s > 9) { break; } s += i; }", True),
        ("for (let i = 0; i < n; i += 1) { i += s; }", False),  # the counter changes
        ("for (let i = 0; i < n; i += 1) { n -= 1; }", False),  # the bound changes
        ("for (let i = 0; i < n; i -= 1) { s += i; }", False),  # downwards
        ("for (let i = n; i > 0; i = i - 1) { s += i; }", False),
        ("while (s < n) { if (s > 4) { s += 2; } else { s += 1; } }", False),  # the addition is not at the loop's end
    ],
)
def test_counting_loops(loop: str, counts: bool) -> None:
    found = flow(f"let s = 0; {loop} s")
    assert [found.counting(header) is not None for header in found.loops] == [counts]


@pytest.mark.parametrize(
    ("loop", "steps"),
    [
        ("while (s * s < n) { s += 2; }", {"s": (0, 2)}),
        ("while (s * s < n) { if (s % 3 == 0) { s += 5; } s -= 1; }", {"s": (1, 5)}),
        ("while (s * s < n) { if (s == 3) { continue; } s += 1; n -= 2; }", {"s": (0, 1), "n": (2, 0)}),
        ("while (s * s < n) { s += n; }", {}),
        ("while (s * s < n) { s += 5000; }", {}),  # a large step
        ("while (s * s < n) { s += 1; s = 0; }", {}),
        ("while (s * s < n) { let k = 0; while (k * k < n) { k += 1; s += 1; } }", {}),  # s: in a loop inside
    ],
)
def test_locals_that_step(loop: str, steps: dict[str, tuple[int, int]]) -> None:
    found = flow(f"let s = 0; {loop} s")
    names = found.function.local_names
    outermost = max(found.loops, key=lambda each: len(found.loops[each]))
    assert {names[k]: each for k, each in found.stepping(outermost).items()} == steps


def test_a_mere_jump_is_passed_over() -> None:
    found = flow("let s = 0; while (s * s < n) { if (s == 9) { break; } s += 1; } s")
    assert all(found.code[found.blocks[block].start].name != "jump" for block in found.order)


def test_constants_that_something_is_compared_with() -> None:
    found = flow("let s = 7; while (s < 500) { s += 3; if (9 >= n) { return 11; } } s")
    assert sorted(each for each in found.compared_constants() if type(each) is int) == [9, 500]
