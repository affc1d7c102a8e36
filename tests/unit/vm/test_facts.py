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
from bamlvm.vm.natives import load_natives
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.semantics import REST, SEMANTICS, Checked, Guarded
from bamlvm.vm.values import I64_MAX, I64_MIN, Thrown
from bamlvm.vm.work import check_length

pytestmark = pytest.mark.no_program

SCOPE = {
    "check_length": check_length,
    **{
        name: getattr(arithmetic, name)
        for name in (
            *("divide_float", "divide_int", "remainder_float", "remainder_int"),
            *("division_by_zero", "integer_overflow"),
        )
    },
}
GENERAL = {
    **{("bin_op", operator): function for operator, function in zip(BINARY, BINARY_FUNCTIONS, strict=True)},
    **{("cmp_op", operator): function for operator, function in zip(COMPARE, COMPARE_FUNCTIONS, strict=True)},
    **{("unary_op", operator): function for operator, function in zip(UNARY, UNARY_FUNCTIONS, strict=True)},
    **{("call_native", path): function for path, function in load_natives().items()},
}
"""What each specialisation replaces."""
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


def special_outcome(row: facts.Special, *values: Any) -> Any:
    """What a specialisation makes of operands: its value, or the class of what its failure raises."""
    scope = dict(zip("ab", values, strict=False))
    if row.same_as:
        meant = SEMANTICS[row.same_as]
        assert isinstance(meant, Checked | Guarded)
        try:
            exec(REST.sub("", "\n".join(meant.statement().lines())), SCOPE, scope)  # which is the machine's
        except Thrown as thrown:
            return thrown.class_name
        return scope["result"]
    try:
        exec(row.writes, SCOPE, scope)
        return eval(row.text, SCOPE, scope)
    except Thrown as thrown:
        return thrown.class_name
    except Exception as error:
        assert row.failure is not None and isinstance(error, row.failure.exceptions), row.text
        return eval(row.failure.error, SCOPE, scope).class_name


def instruction(operator: str) -> str:
    return "bin_op" if operator in BINARY else "cmp_op"


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))


CONTAINERS = st.lists(st.integers(0, 3), max_size=4) | st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))


@given(
    a=VALUES, b=VALUES, key=st.sampled_from([key for key in facts.SPECIAL if key[0] != "call_native"]), data=st.data()
)
def test_a_special_form_is_the_general_one_where_it_applies(a: Any, b: Any, key: tuple[str, str], data: Any) -> None:
    values = [a] if key[0] == "unary_op" else [a, b]
    known = [fact_of(each, data) for each in values]
    row = facts.special(*key, known)
    if row is None:
        return
    found = special_outcome(row, *values)
    assert same(found, outcome(GENERAL[key], *values)), row.text
    if row.zero:
        assert (eval(row.zero, SCOPE, {"a": a, "b": b}) == 0) == (found == 0)
    if not (isinstance(found, str) and found.startswith("baml.panics")):
        assert facts.holds(row.fact(known[0], known[-1]), found)


@given(a=CONTAINERS | st.text(max_size=3), b=st.integers(0, 3) | st.sampled_from("abc"), data=st.data())
@pytest.mark.parametrize("key", [key for key in facts.SPECIAL if key[0] == "call_native"])
def test_a_native_put_in_place_does_what_it_does(key: tuple[str, str], a: Any, b: Any, data: Any) -> None:
    kind = {"Array": list, "Map": dict, "String": str}[key[1].split(".")[1]]
    if type(a) is not kind or (kind is dict and type(b) is not str):
        return
    (row,) = facts.SPECIAL[key]
    other = a.copy() if kind is not str else a
    values = [a, b][: 1 + ("b" in row.text + row.writes.replace("append", ""))]
    expected = GENERAL[key](other, *values[1:])
    found = special_outcome(row, *values)
    assert same(found, expected) and a == other
    assert facts.holds(row.fact(facts.ANY, facts.ANY), expected)


@pytest.mark.parametrize(
    ("operator", "a", "b"),
    [
        ("/", Fact("int", 0, 9), Fact("int", 1, 9)),
        ("/", Fact("int", 0, 9), Fact("int", 0, 9)),
        ("%", Fact("int", 0, 9), Fact("int", 1, 9)),
        ("%", Fact("int", 0, 9), Fact("int", 0, 9)),
        ("%", INT, Fact("int", 7, 7)),
        ("/", INT, Fact("int", 7, 7)),
        ("%", INT, INT),
        ("/", INT, Fact("int", -7, -7)),
        (">>", INT, Fact("int", 0, 63)),
        ("&", INT, INT),
        ("+", FLOAT, INT),
        ("+", STRING, STRING),
        ("<", INT, FLOAT),
        ("==", STRING, STRING),
    ],
)
def test_the_special_forms_apply(operator: str, a: Fact, b: Fact) -> None:
    assert facts.special(instruction(operator), operator, (a, b)) is not None


@pytest.mark.parametrize(
    ("operator", "a", "b"),
    [
        ("/", FLOAT, facts.ANY),
        ("%", INT, STRING),
        (">>", INT, Fact("int", 0, 64)),
        ("==", INT, FLOAT),
    ],
)
def test_no_special_form_where_it_would_be_wrong(operator: str, a: Fact, b: Fact) -> None:
    assert facts.special(instruction(operator), operator, (a, b)) is None


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
    for _ in range(len(limits.lows) + len(limits.highs) + 2):
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
    general = GENERAL[instruction(operator), operator]
    for one, other in product(SMALL, SMALL):
        row = facts.special(instruction(operator), operator, (one, other))
        claimed = facts.interval(*facts.bounds(operator, one, other)) if operator in "+-*" else None
        for a, b in product(within(one), within(other)):
            found = outcome(general, a, b)
            if claimed is not None:
                assert facts.holds(claimed, found), (one, other, a, b)
            if row is not None:
                assert same(special_outcome(row, a, b), found), (row.text, a, b)
                assert isinstance(found, str) or facts.holds(row.fact(one, other), found), (one, other, a, b)


@pytest.mark.parametrize("operator", facts.NEGATED)
def test_every_small_case_of_a_comparison(operator: str) -> None:
    for one, other in product(SMALL, SMALL):
        narrowed = facts.refined(one, operator, other)
        for a, b in product(within(one), within(other)):
            if eval(f"a {operator} b"):
                assert narrowed is not None and facts.holds(narrowed, a), (one, other, a, b)
