"""The form of every kind of value as builtins."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.vm.builtins import builtins_of, description, name_and_message
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import INT, UNKNOWN, ListType
from bamlvm.vm.values import EnumValue, Handle, Instance, LoadedClass, Media, TypeValue

RED = EnumValue("Color", "Red", 0)
POINT = LoadedClass(ClassInfo("user.Point", (FieldInfo("x", UNKNOWN), FieldInfo("y", UNKNOWN))))
FAILED = LoadedClass(ClassInfo("user.Failed", (FieldInfo("message", UNKNOWN),)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("text", "text"),
        ([], []),
        ({}, {}),
        ([1, [2, "x"]], [1, [2, "x"]]),
        ({"b": 1, "a": [None]}, {"b": 1, "a": [None]}),
        (RED, "Red"),
        ({RED: 1}, {"Red": 1}),
        (Instance(POINT, [1, Instance(POINT, [RED, None])]), {"x": 1, "y": {"x": "Red", "y": None}}),
        (Media("image", "image/png", "base64", "AA=="), {"base64": "AA==", "media_type": "image/png"}),
        (Media("pdf", None, "url", "https://example.org/a"), {"url": "https://example.org/a", "media_type": None}),
        ([Handle("file", 0, 0, 1)], ["<handle file>"]),
        (TypeValue(ListType(INT)), "int[]"),
    ],
)
def test_every_kind(value: Any, expected: Any) -> None:
    found = builtins_of(value)
    assert found == expected
    if isinstance(expected, dict):
        assert list(found) == list(expected)


def test_a_function(lab: Any) -> None:
    value = lab.value("function main\nmake_closure f 0\nreturn\nfunction f\nload_const 1\nreturn")
    assert builtins_of([value]) == ["<function f>"]
    assert description(value) == "<function f>"


def test_containers_are_copies() -> None:
    items = [1]
    found = builtins_of({"items": items})
    items.append(2)
    assert found == {"items": [1]}


def test_what_is_shared_stays_shared() -> None:
    items = [1]
    one, other = builtins_of([items, items])
    assert one is other


def test_a_cycle_is_cut() -> None:
    items: list[Any] = [1]
    point = Instance(POINT, [items, None])
    items.append(point)
    assert builtins_of(point) == {"x": [1, "<cycle>"], "y": None}
    assert builtins_of([items, items]) == [[1, {"x": "<cycle>", "y": None}]] * 2


def test_depth_needs_no_stack() -> None:
    value: list[Any] = []
    for _ in range(50_000):
        value = [value]
    found, depth = builtins_of(value), 0
    while found:
        found, depth = found[0], depth + 1
    assert depth == 50_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Instance(FAILED, ["no"]), ("user.Failed", "no")),
        (Instance(FAILED, [3]), ("user.Failed", "")),
        (Instance(POINT, [1, 2]), ("user.Point", "")),
        (RED, ("Color", "Red")),
        ("text", ("string", "text")),
        (3, ("int", "3")),
        (None, ("null", "None")),
        ([1], ("list", "")),
        ({}, ("map", "")),
        (Handle("file", 0, 0, 1), ("value", "")),
    ],
)
def test_name_and_message(value: Any, expected: tuple[str, str]) -> None:
    assert name_and_message(value) == expected
