"""BAML names that Python reserves."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator

import pytest

import bamlvm
from tests.unit.api.orders import SOURCE


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"KEY": "sk-secret"}) as made:
        yield made


def test_names_that_python_keeps_for_itself(runtime: bamlvm.Runtime) -> None:
    given = {"class": "a", "class_": 1, "__init__": True, "None": None}
    value = runtime.parse("Named", json.dumps(given))
    assert (value.class__, value.class_, value.field__init__, value.None_) == ("a", 1, True, None)
    assert bamlvm.to_builtins(value) == given
    assert runtime.call_function_sync("Plain", {"x": value}) == value
    members: type[enum.Enum] = runtime.types.Mood
    assert [member.name for member in members] == ["Happy", "Sad", "mro_", "None_"]
    assert members("None").value == "None"
