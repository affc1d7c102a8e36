"""Equality and copying: by laws, by examples, on cycles and at great depth."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm.equality import deep_copy, deep_equals
from bamlvm.vm.program.types import (
    INT,
    ListType,
)
from bamlvm.vm.rendering import show
from bamlvm.vm.values import Closure, Handle, Instance, Media, TypeValue
from tests.support.values import GREEN, NODE, OTHER, RED, chain, node, ring

pytestmark = pytest.mark.no_program

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from([RED, GREEN])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from([RED, GREEN]), inner, max_size=4)
        | st.builds(node, inner, inner, st.sampled_from([NODE, OTHER]))
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_copy_equals_its_original(value: Any) -> None:
    copy = deep_copy(value)
    assert deep_equals(value, copy) and deep_equals(copy, value)


@given(VALUES, VALUES)
def test_equality_is_symmetric_and_agrees_with_the_text(a: Any, b: Any) -> None:
    equal = deep_equals(a, b)
    assert equal == deep_equals(b, a)
    if equal and not isinstance(a, float):  # 0.0 == -0.0, and maps may differ in order
        assert sorted(show(a).replace("-0.0", "0.0")) == sorted(show(b).replace("-0.0", "0.0"))


@given(VALUES, VALUES)
def test_a_change_in_a_copy_does_not_reach_the_original(value: Any, other: Any) -> None:
    original = [value, other]
    text = show(original)
    copy = deep_copy(original)
    pending = [copy]
    while pending:
        item = pending.pop()
        if type(item) is list:
            pending.extend(item)
            item.append("new")
        elif type(item) is dict:
            pending.extend(item.values())
            item["new"] = 1
        elif type(item) is Instance:
            pending.extend(item.fields)
            item.fields[:] = ["new", "new"]
    assert show(original) == text


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0, None),
        ("", None),
        ([], {}),
        ([1], [1.0]),
        ([1], [True]),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"b": 1}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        (RED, GREEN),
        (node(1), node(1, cls=OTHER)),
        (math.nan, math.nan),
        ([math.nan], [math.nan]),
        (Closure(None, ()), Closure(None, ())),
        (Handle("file", 1, 1, 1), Handle("file", 1, 2, 1)),
    ],
)
def test_what_differs(a: Any, b: Any) -> None:
    assert not deep_equals(a, b) and not deep_equals(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
        (node([1], {"k": RED}), node([1], {"k": RED})),
        (Media("image", None, "url", "x"), Media("image", None, "url", "x")),
        (TypeValue(ListType(INT)), TypeValue(ListType(INT))),
        (Handle("file", 1, 1, 1), Handle("file", 1, 1, 1)),
    ],
)
def test_what_is_equal(a: Any, b: Any) -> None:
    assert deep_equals(a, b)


def test_cycles_of_one_shape_are_equal() -> None:
    assert deep_equals(ring(1), ring(1))
    assert deep_equals(ring(2), ring(3))  # all that can be seen of either is 0, and another one
    unlike = ring(2)
    unlike.get("next").set("value", 1)
    assert not deep_equals(ring(2), unlike)


def test_copies_keep_cycles_and_sharing() -> None:
    shared = [1]
    original = {"a": shared, "b": shared}
    original["self"] = original  # type: ignore[assignment]  # a cycle
    copy = deep_copy(original)
    assert copy["a"] is copy["b"] and copy["a"] is not shared and copy["self"] is copy
    round_ = deep_copy(ring(3))
    assert round_.get("next").get("next").get("next") is round_


def test_depth_needs_no_stack() -> None:
    long = chain(100_000)
    copy = deep_copy(long)
    assert deep_equals(long, copy)
    for value in (long, copy):  # taken apart here, since Python frees deep structures recursively
        while value:
            value = value.fields.pop()


def test_wide_sharing_is_linear() -> None:
    value: Any = [1]
    for _ in range(60):
        value = [value, value]
    assert deep_equals(value, deep_copy(value))
