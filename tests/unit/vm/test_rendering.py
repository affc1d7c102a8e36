"""Values as text: the layout, the digits of floats, cycles and great depth."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import (
    INT,
    UNKNOWN,
    optional,
)
from bamlvm.vm.rendering import brief, display, glimpse, show
from bamlvm.vm.values import (
    MISSING,
    AwaitMany,
    Caught,
    Cell,
    Handle,
    Instance,
    LoadedClass,
    Media,
    TypeValue,
)
from tests.support.values import EMPTY, RED, chain, node, ring

pytestmark = pytest.mark.no_program


def test_the_layout_of_the_language_reference() -> None:
    person = LoadedClass(ClassInfo("Person", tuple(FieldInfo(name, UNKNOWN) for name in ("name", "tags", "scores"))))
    value = Instance(person, ["Alice", ["a", "b"], {"math": 95}])
    assert show(value) == (
        'Person {\n    name: "Alice"\n    tags: ["a", "b"]\n    scores: {\n        "math": 95\n    }\n}'
    )
    assert display(value) == 'Person { name: "Alice", tags: ["a", "b"], scores: {"math": 95} }'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-5, "-5"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "10000000000000000.0"),
        (1e-7, "0.0000001"),
        (-0.0, "-0.0"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "NaN"),
        ('a"b\\\n\t\r\0\x07é\U0001f600', '"a\\"b\\\\\\n\\t\\r\\0\\u{7}é\U0001f600"'),
        ([], "[]"),
        ({}, "{}"),
        (Instance(EMPTY, []), "Empty {}"),
        ([1, [2.5, None]], "[1, [2.5, null]]"),
        (RED, "Color.Red"),
        (TypeValue(optional(INT)), "<type int?>"),
        (Media("image", "image/png", "url", "x"), "<image image/png>"),
        (Handle("file", 1, 1, 1), "<file>"),
    ],
)
def test_scalars_and_lists_on_one_line(value: Any, text: str) -> None:
    assert show(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_floats_text_is_its_shortest_digits_in_full(number: float) -> None:
    text = show(number)
    whole, _, fraction = text.lstrip("-").partition(".")
    assert whole.isdigit() and fraction.isdigit() and math.copysign(1, number) == (-1 if text[0] == "-" else 1)
    assert float(text) == number
    assert Decimal(text) == Decimal(repr(number))


def test_containers_inside_lists_and_maps() -> None:
    assert show([node(1), {"k": []}]) == ('[Node {\n    value: 1\n    next: null\n}, {\n    "k": []\n}]')
    assert show({RED: {"a": {}}}) == '{\n    Color.Red: {\n        "a": {}\n    }\n}'
    assert display({"a": [RED, "s"]}) == '{"a": [Red, "s"]}'


def test_text_of_strings_and_enum_values_is_bare() -> None:
    assert (display("a\nb"), display(RED), display(1.0), display([None])) == ("a\nb", "Red", "1.0", "[null]")


def test_what_is_inside_itself() -> None:
    looped = ring(1)
    assert display(looped) == "Node { value: 0, next: <cycle> }"
    shared = [1]
    assert display([shared, shared]) == "[[1], [1]]"


def test_messages_are_kept_short() -> None:
    assert len(brief("x" * 1000)) == 40 and brief("k") == '"k"' and brief([1]) == "list"


def test_a_glimpse_is_on_one_line_and_ends() -> None:
    assert glimpse({"a": [1, None, "x\n"], "b": {}}, 60) == '{"a": [1, null, "x\\n"], "b": {}}'
    assert glimpse([[[[[[1]]]]]], 60) == "[[[[[…]]]]]"
    assert glimpse(Caught(Cell([MISSING])), 60) == "caught [<left out>]"
    assert glimpse(AwaitMany([], "all"), 60) == "<AwaitMany>"
    inside: list[Any] = []
    inside.append(inside)
    assert glimpse(inside, 60) == "[[[[[…]]]]]"
    assert glimpse(["x" * 10] * 1_000_000, 40) == '["xxxxxxxxxx", "xxxxxxxxxx", "xxxxxxxxx…'
    assert glimpse("x" * 1_000_000, 5) == '"xxx…'


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_glimpse_is_never_too_long(value: Any) -> None:
    whole, part = glimpse(value, 1_000_000), glimpse(value, 20)
    assert len(part) <= 20
    assert part == whole or (part[-1] == "…" and whole.startswith(part[:-1]))


def test_depth_needs_no_stack() -> None:
    lists: list[Any] = []
    for _ in range(20_000):
        lists = [lists]
    long = chain(100_000)
    assert len(show(lists)) < 2000 and len(display(long)) < 20_000 and len(show(long)) < 2_000_000
    value: Any
    for value in (lists, long):  # taken apart here, since Python frees deep structures recursively
        while value:
            value = value.pop() if type(value) is list else value.fields.pop()
