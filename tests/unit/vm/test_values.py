"""Equality, copying, rendering and type tests of values: by laws, by examples, on cycles and at great depth."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm.equality import deep_copy, deep_equals
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    HANDLE,
    INT,
    NEVER,
    NULL,
    PRIMITIVES,
    STRING,
    UNKNOWN,
    AliasType,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Type,
    VariantType,
    optional,
    union,
)
from bamlvm.vm.rendering import brief, display, show
from bamlvm.vm.type_tests import is_type, type_tag
from bamlvm.vm.values import Closure, EnumValue, Handle, Instance, LoadedClass, Media, TypeValue

NODE = LoadedClass(ClassInfo("Node", (FieldInfo("value", UNKNOWN), FieldInfo("next", UNKNOWN))))
OTHER = LoadedClass(ClassInfo("Other", (FieldInfo("value", UNKNOWN), FieldInfo("next", UNKNOWN))))
EMPTY = LoadedClass(ClassInfo("lib.Empty", ()))
RED, GREEN = EnumValue("Color", "Red", 0), EnumValue("Color", "Green", 1)


def node(value: Any, next_: Any = None, cls: LoadedClass = NODE) -> Instance:
    return Instance(cls, [value, next_])


def chain(length: int) -> Instance:
    first = node(0)
    for number in range(1, length):
        first = node(number, first)
    return first


def ring(length: int) -> Instance:
    last = first = node(0)
    for _ in range(length - 1):
        first = node(0, first)
    last.set("next", first)
    return first


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


# --- equality and copying ---


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
    original["self"] = original  # type: ignore[assignment]
    copy = deep_copy(original)
    assert copy["a"] is copy["b"] and copy["a"] is not shared and copy["self"] is copy
    round_ = deep_copy(ring(3))
    assert round_.get("next").get("next").get("next") is round_


def test_great_depth_is_no_matter() -> None:
    long = chain(100_000)
    copy = deep_copy(long)
    assert deep_equals(long, copy)
    assert type_tag(copy) == "Node"
    lists: list[Any] = []
    for _ in range(20_000):
        lists = [lists]
    assert is_type(lists, AliasType("Nested"), {"Nested": ListType(AliasType("Nested"))})
    assert len(show(lists)) < 2000 and len(display(long)) < 20_000 and len(show(long)) < 2_000_000
    for value in (lists, long, copy):  # taken apart here, since Python frees deep structures recursively
        while value:
            value = value.pop() if type(value) is list else value.fields.pop()


def test_wide_sharing_is_linear() -> None:
    value: Any = [1]
    for _ in range(60):
        value = [value, value]
    assert deep_equals(value, deep_copy(value))
    assert is_type(value, AliasType("J"), {"J": union([INT, ListType(AliasType("J"))])})


# --- rendering ---


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
    assert display({"a": [RED, "s"]}) == '{"a": [Color.Red, "s"]}'


def test_text_of_strings_and_enum_values_is_bare() -> None:
    assert (display("a\nb"), display(RED), display(1.0), display([None])) == ("a\nb", "Red", "1.0", "[null]")


def test_what_is_inside_itself() -> None:
    looped = ring(1)
    assert display(looped) == "Node { value: 0, next: <cycle> }"
    shared = [1]
    assert display([shared, shared]) == "[[1], [1]]"


def test_messages_are_kept_short() -> None:
    assert len(brief("x" * 1000)) == 40 and brief("k") == '"k"' and brief([1]) == "list"


# --- types ---

JSON = {"Json": union([INT, STRING, NULL, ListType(AliasType("Json")), MapType(STRING, AliasType("Json"))])}


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (1, INT, True),
        (True, INT, False),
        (1, BOOL, False),
        (1, FLOAT, False),
        (1.0, FLOAT, True),
        ("s", STRING, True),
        (None, NULL, True),
        (None, UNKNOWN, True),
        (None, NEVER, False),
        (1, LiteralType(1), True),
        (True, LiteralType(1), False),
        (1, LiteralType(True), False),
        ("a", LiteralType("a"), True),
        (RED, EnumType("Color"), True),
        (RED, EnumType("Colour"), False),
        (RED, VariantType("Color", "Red"), True),
        (GREEN, VariantType("Color", "Red"), False),
        ("Red", EnumType("Color"), False),
        (node(1), ClassType("Node"), True),
        (node(1), ClassType("Other"), False),
        (node(1), MapType(STRING, UNKNOWN), False),
        ([], ListType(INT), True),
        ([1, 2], ListType(INT), True),
        ([1, None], ListType(INT), False),
        ([1, None], ListType(optional(INT)), True),
        ([[1], ["a"]], ListType(ListType(INT)), False),
        ([[1], ["a"]], ListType(union([ListType(INT), ListType(STRING)])), True),
        ({"a": 1}, MapType(STRING, INT), True),
        ({"a": "b"}, MapType(STRING, INT), False),
        ({RED: 1}, MapType(EnumType("Color"), INT), True),
        ({RED: 1}, MapType(STRING, INT), False),
        ({"a": 1}, MapType(LiteralType("a"), INT), True),
        ({"b": 1}, MapType(LiteralType("a"), INT), False),
        (1, optional(STRING), False),
        (Closure(None, ()), FunctionType((INT,), INT), True),
        (1, FunctionType((INT,), INT), False),
        (Closure(None, ()), FunctionType((AliasType("Json"),), INT), True),
        (Media("image", None, "url", "x"), PRIMITIVES["image"], True),
        (Media("image", None, "url", "x"), PRIMITIVES["audio"], False),
        (Handle("file", 1, 1, 1), HANDLE, True),
        ({"a": [1, {"b": None}]}, AliasType("Json"), True),
        ({"a": [1, {"b": 1.5}]}, AliasType("Json"), False),
        ([[[]]], ListType(AliasType("Json")), True),
    ],
)
def test_is_type(value: Any, type_: Type, expected: bool) -> None:
    assert is_type(value, type_, JSON) is expected


def test_a_cycle_is_of_a_type_if_nothing_speaks_against_it() -> None:
    looped: list[Any] = [1]
    looped.append(looped)
    assert is_type(looped, AliasType("Json"), JSON)
    looped.insert(0, 1.5)
    assert not is_type(looped, AliasType("Json"), JSON)
    a: list[Any] = []
    b: list[Any] = [a]
    a.append(b)
    b.append(1.5)  # seen only after the way round has come back to `a`
    assert not is_type(a, AliasType("Json"), JSON)
    assert not is_type([a, b], union([ListType(ListType(AliasType("Json"))), INT]), JSON)


def test_what_rested_on_an_assumption_falls_with_it() -> None:
    a: dict[str, Any] = {}
    b: list[Any] = [a]
    a.update(k=b, bad=1.5)  # b would be Json if a were, and a is not
    type_ = union([ListType(AliasType("Json")), ListType(union([MapType(STRING, UNKNOWN), AliasType("Json")]))])
    assert not is_type([a, b], type_, JSON)
    assert is_type([a, a], type_, JSON)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (None, "null"),
        (True, "bool"),
        (1, "int"),
        (1.0, "float"),
        ("", "string"),
        ([], "list"),
        ({}, "map"),
        (RED, "Color"),
        (Instance(EMPTY, []), "lib.Empty"),
        (Closure(None, ()), "function"),
        (Media("pdf", None, "url", "x"), "pdf"),
        (TypeValue(INT), "type"),
        (Handle("file", 1, 1, 1), "handle"),
    ],
)
def test_type_tags(value: Any, tag: str) -> None:
    assert type_tag(value) == tag
    with pytest.raises(TypeError):
        type_tag(object())
