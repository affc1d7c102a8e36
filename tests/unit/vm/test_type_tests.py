"""Tests of values against types: by examples, on cycles and at great depth."""

from __future__ import annotations

from typing import Any

import pytest

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
from bamlvm.vm.type_tests import is_type, type_tag
from bamlvm.vm.values import Closure, Handle, Instance, Media, TypeValue
from tests.support.values import EMPTY, GREEN, RED, node

pytestmark = pytest.mark.no_program


def test_depth_needs_no_stack() -> None:
    lists: list[Any] = []
    for _ in range(20_000):
        lists = [lists]
    assert is_type(lists, AliasType("Nested"), {"Nested": ListType(AliasType("Nested"))})
    while lists:  # taken apart here, since Python frees deep structures recursively
        lists = lists.pop()


def test_wide_sharing_is_linear() -> None:
    value: Any = [1]
    for _ in range(60):
        value = [value, value]
    assert is_type(value, AliasType("J"), {"J": union([INT, ListType(AliasType("J"))])})


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
