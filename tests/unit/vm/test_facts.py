"""Facts: what they claim holds, and each specialisation does what the general operator does."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm import arithmetic, facts
from bamlvm.vm.arithmetic import BINARY_FUNCTIONS, COMPARE_FUNCTIONS, UNARY_FUNCTIONS
from bamlvm.vm.facts import FLOAT, INT, STRING, Fact
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.values import I64_MAX, I64_MIN, Thrown

SCOPE = {"divide_float": arithmetic.divide_float, "remainder_float": arithmetic.remainder_float}
INTEGERS = st.integers(I64_MIN, I64_MAX) | st.integers(-70, 70)
VALUES = INTEGERS | st.floats() | st.text(max_size=3) | st.booleans() | st.none()


def fact_of(value: Any, data: st.DataObject) -> Fact:
    """A fact that holds of a value: its kind, and for an int some interval around it."""
    if type(value) is int:
        low = data.draw(st.integers(I64_MIN, value) | st.just(value) | st.integers(max(value - 9, I64_MIN), value))
        high = data.draw(st.integers(value, I64_MAX) | st.just(value) | st.integers(value, min(value + 9, I64_MAX)))
        return Fact("int", low, high)
    return facts.of_constant(value)


def outcome(function: Any, *values: Any) -> Any:
    try:
        return function(*values)
    except Thrown as thrown:
        return thrown.class_name
    except ZeroDivisionError:
        return "baml.panics.DivisionByZero"


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))


@given(a=VALUES, b=VALUES, operator=st.sampled_from((*BINARY, *COMPARE)), data=st.data())
def test_a_special_form_is_the_general_one_where_it_applies(a: Any, b: Any, operator: str, data: Any) -> None:
    one, other = fact_of(a, data), fact_of(b, data)
    row = facts.special(operator, one, other)
    if row is None:
        return
    general = (BINARY_FUNCTIONS + COMPARE_FUNCTIONS)[(*BINARY, *COMPARE).index(operator)]
    expected = outcome(general, a, b)
    found = outcome(lambda: eval(row.text, SCOPE, {"a": a, "b": b}))
    assert same(found, expected), row.text
    if row.zero:
        assert (eval(row.zero, SCOPE, {"a": a, "b": b}) == 0) == (found == 0)
    if not (row.divides and isinstance(found, str) and found.startswith("baml.panics")):
        assert facts.holds(row.fact(one, other), found)


@given(a=VALUES, operator=st.sampled_from(UNARY), data=st.data())
def test_a_special_unary_form_is_the_general_one(a: Any, operator: str, data: Any) -> None:
    fact = fact_of(a, data)
    row = facts.special(operator, fact)
    if row is None:
        return
    found = eval(row.text, SCOPE, {"a": a})
    assert same(found, outcome(UNARY_FUNCTIONS[UNARY.index(operator)], a))
    assert facts.holds(row.fact(fact, fact), found)


@pytest.mark.parametrize(
    ("operator", "a", "b"),
    [
        ("/", Fact("int", 0, 9), Fact("int", 1, 9)),
        ("/", Fact("int", 0, 9), Fact("int", 0, 9)),
        ("%", Fact("int", 0, 9), Fact("int", 1, 9)),
        ("%", Fact("int", 0, 9), Fact("int", 0, 9)),
        ("%", INT, Fact("int", 7, 7)),
        ("/", INT, Fact("int", 7, 7)),
        (">>", INT, Fact("int", 0, 63)),
        ("&", INT, INT),
        ("+", FLOAT, INT),
        ("+", STRING, STRING),
        ("<", INT, FLOAT),
        ("==", STRING, STRING),
    ],
)
def test_the_special_forms_apply(operator: str, a: Fact, b: Fact) -> None:
    assert facts.special(operator, a, b) is not None


@pytest.mark.parametrize(
    ("operator", "a", "b"),
    [
        ("/", INT, Fact("int", 1, 9)),
        ("/", INT, Fact("int", -7, -7)),
        ("%", INT, Fact("int", -7, -7)),
        (">>", INT, Fact("int", 0, 64)),
        ("==", INT, FLOAT),
    ],
)
def test_no_special_form_where_it_would_be_wrong(operator: str, a: Fact, b: Fact) -> None:
    assert facts.special(operator, a, b) is None


@given(a=INTEGERS, b=INTEGERS, operator=st.sampled_from("+-*"), data=st.data())
def test_bounds_hold_every_result(a: int, b: int, operator: str, data: Any) -> None:
    low, high = facts.bounds(operator, fact_of(a, data), fact_of(b, data))
    assert low <= eval(f"a {operator} b") <= high


@given(a=VALUES, b=VALUES, data=st.data())
def test_a_join_holds_of_both(a: Any, b: Any, data: Any) -> None:
    joined = facts.join(fact_of(a, data), fact_of(b, data))
    assert joined is not None and facts.holds(joined, a) and facts.holds(joined, b)


@given(a=INTEGERS, b=INTEGERS, data=st.data(), constants=st.lists(st.integers(-99, 99), max_size=4))
def test_widening_ends_and_holds(a: int, b: int, data: Any, constants: list[int]) -> None:
    limits = facts.thresholds(constants)
    old, new = fact_of(a, data), fact_of(b, data)
    grown = facts.join(old, new)
    for _ in range(2 * len(limits) + 2):
        wider = facts.widen(old, grown, limits)
        assert wider is not None and facts.holds(wider, b)
        if wider == old:
            break
        old = wider
    else:
        raise AssertionError("widening does not end")


@given(a=INTEGERS, b=INTEGERS, operator=st.sampled_from(tuple(facts.NEGATED)), data=st.data())
def test_a_comparison_narrows_to_what_can_be(a: int, b: int, operator: str, data: Any) -> None:
    if not eval(f"a {operator} b"):
        return
    narrowed = facts.refined(fact_of(a, data), operator, fact_of(b, data))
    assert narrowed is not None and facts.holds(narrowed, a)


SMALL = [Fact("int", low, high) for low in range(-3, 4) for high in range(low, 4)]


def within(fact: Fact) -> range:
    return range(fact.low, fact.high + 1)


@pytest.mark.parametrize("operator", [*BINARY, *COMPARE])
def test_every_small_case_of_a_binary_operator(operator: str) -> None:
    general = (BINARY_FUNCTIONS + COMPARE_FUNCTIONS)[(*BINARY, *COMPARE).index(operator)]
    for one, other in product(SMALL, SMALL):
        row = facts.special(operator, one, other)
        claimed = facts.interval(*facts.bounds(operator, one, other)) if operator in "+-*" else None
        special = compile(row.text, "", "eval") if row is not None else None
        for a, b in product(within(one), within(other)):
            found = outcome(general, a, b)
            if claimed is not None:
                assert facts.holds(claimed, found), (one, other, a, b)
            if row is not None and special is not None:
                assert same(outcome(eval, special, SCOPE, {"a": a, "b": b}), found), (row.text, a, b)
                assert isinstance(found, str) or facts.holds(row.fact(one, other), found), (one, other, a, b)


@pytest.mark.parametrize("operator", facts.NEGATED)
def test_every_small_case_of_a_comparison(operator: str) -> None:
    for one, other in product(SMALL, SMALL):
        narrowed = facts.refined(one, operator, other)
        for a, b in product(within(one), within(other)):
            if eval(f"a {operator} b"):
                assert narrowed is not None and facts.holds(narrowed, a), (one, other, a, b)
