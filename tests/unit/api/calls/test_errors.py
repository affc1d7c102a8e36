"""Thrown values as exceptions."""

from __future__ import annotations

import pytest

import bamlvm
from bamlvm import ThrownError


def test_a_thrown_value_and_its_trace(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("outer", {"n": 0})
    error = thrown.value
    assert error.class_name == "baml.panics.DivisionByZero"
    assert error.value.message == error.message
    assert [(frame.function, frame.file, frame.line) for frame in error.trace] == [
        ("inner", "main.baml", 16),
        ("outer", "main.baml", 18),
    ]
    assert str(error).splitlines()[1].startswith("  at inner (main.baml:16:")


@pytest.mark.parametrize(
    ("name", "class_name", "text"),
    [
        ("throw_problem", "Problem", "Problem: bad"),
        ("throw_string", "string", "string: oh"),
        ("throw_enum", "Color", "Color: Red"),
    ],
)
def test_any_value_can_be_thrown(runtime: bamlvm.Runtime, name: str, class_name: str, text: str) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync(name)
    assert thrown.value.class_name == class_name
    assert str(thrown.value).splitlines()[0] == text


def test_deep_recursion_ends_in_a_panic(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("forever", {"n": 0})
    assert thrown.value.class_name == "baml.panics.StackOverflow"
