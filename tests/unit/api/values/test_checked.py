"""Checks and asserts of results."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import bamlvm
from bamlvm import Checked
from tests.unit.api.orders import ORDER, SOURCE, TEXT, check


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"KEY": "sk-secret"}) as made:
        yield made


def test_checks_and_asserts_of_the_return_type(runtime: bamlvm.Runtime) -> None:
    assert runtime.parse("Size", "5") == Checked(5, check("big", "this > 10", False))
    with pytest.raises(bamlvm.ThrownError, match="the assertion `some`") as caught:
        runtime.parse("Size", "-3")
    assert caught.value.class_name == "baml.errors.ParseFailed"
    assert caught.value.value.raw == "-3"


def test_a_failed_assert_tells_its_path(runtime: bamlvm.Runtime) -> None:
    broken = json.dumps(ORDER | {"one": {"name": "o", "price": -1, "tags": []}})
    with pytest.raises(bamlvm.ThrownError) as caught:
        runtime.parse("Extract", broken)
    assert caught.value.value.path == "one.price"
    assert str(caught.value.value.message) == "one.price: the assertion `positive` {{ this > 0 }} does not hold"


def test_checked_values_go_back_in(runtime: bamlvm.Runtime) -> None:
    order = runtime.parse("Extract", TEXT)
    [system, _] = runtime.render_prompt("Extract", {"x": "it", "p": order.items[0]})
    assert system.role == "system"
    assert system.text == "Read it"
