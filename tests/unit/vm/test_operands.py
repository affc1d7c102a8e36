"""Operands put into texts: parentheses where they are needed, evaluation before what would change them."""

from __future__ import annotations

import pytest

from bamlvm.vm.facts import ANY, INT
from bamlvm.vm.operands import Operand, Operands, Temporaries, form


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", "(v0 < 1) < (v1 - 2)"),
        ("a == b", "(v0 < 1) == (v1 - 2)"),
        ("a <= b", "(v0 < 1) <= (v1 - 2)"),
        ("$0(a, b)", "K3(v0 < 1, v1 - 2)"),
        ("result = a", "result = v0 < 1"),
        ("a[b] = a", "(v0 < 1)[v1 - 2] = v0 < 1"),
        ("{a}", "{v0 < 1}"),
        ("not a", "not (v0 < 1)"),
        ("slots[$1] = b", "v7 = v1 - 2"),
        ("slots[$0].value = b", "v5.value = v1 - 2"),
    ],
)
def test_an_operand_gets_parentheses_within_a_larger_expression(text: str, expected: str) -> None:
    inputs = {"a": Operand("v0 < 1", ANY), "b": Operand("v1 - 2", INT)}
    assert form(text, ("a", "b")).filled(inputs, (5, 7), lambda number: f"K{number + 3}") == expected


def test_the_text_of_an_operand_is_put_in_as_it_is() -> None:
    inputs = {"a": Operand("'$0 b slots[$0]'", ANY), "b": Operand("2", INT)}
    assert form("a + b", ("a", "b")).filled(inputs) == "'$0 b slots[$0]' + 2"


@pytest.mark.parametrize(
    ("text", "is_atom"),
    [
        *[(each, True) for each in ("v0", "17", "1.5", "v0.fields[1]", "K3(v0)", "len(v1)", "v0.value", "'a b'")],
        *[(each, False) for each in ("-1", "v0 + 1", "not v0", "'a' + 'b'", "-v0", "[v0]", "v0 if v1 else v2")],
    ],
)
def test_what_needs_parentheses(text: str, is_atom: bool) -> None:
    assert Operand(text, ANY).is_atom is is_atom


def run() -> Operands:
    return Operands([INT], [7], Temporaries())


def written(operands: Operands) -> list[str]:
    return [each.text for each in operands.lines]


def test_an_operand_is_a_copy_of_a_local_until_that_is_stored_into() -> None:
    operands = run()
    assert operands.stack[0].local == 7
    operands._before_store(6)
    assert operands.stack[0].local == 7
    operands._before_store(7)
    assert operands.stack[0].local is None and not operands.lines


def test_what_reads_a_local_is_evaluated_before_a_store_into_it() -> None:
    operands = run()
    for local in (1, 2):
        operands._push(f"v{local} + 1", INT, [Operand(f"v{local}", INT, locals=frozenset({local}))])
    operands._before_store(1)
    assert written(operands) == ["t1 = v1 + 1"]
    assert [each.text for each in operands.stack] == ["s0", "t1", "v2 + 1"]


def test_what_reads_the_heap_is_evaluated_before_an_effect() -> None:
    operands = run()
    operands._push("v1.fields[0]", ANY, reads_heap=True)
    operands._push("s0 + 1", INT, [operands.stack[0]])
    operands._before_effect()
    assert written(operands) == ["t1 = v1.fields[0]"]


def test_the_stack_moves_into_its_names_at_once() -> None:
    operands = run()
    operands.stack.insert(0, Operand("1", INT))
    operands._settle_stack()
    assert written(operands) == ["s0, s1 = 1, s0"]
