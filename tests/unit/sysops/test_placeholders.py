"""Placeholders for variables that are not set."""

from __future__ import annotations

import pytest

from bamlvm.sysops.placeholders import PLACEHOLDER, PlaceholderEnvironment


def test_variables_that_are_set_keep_their_values() -> None:
    environment = PlaceholderEnvironment({"KEY": "value"})
    assert environment["KEY"] == environment.get("KEY") == "value"
    assert (list(environment), len(environment)) == (["KEY"], 1)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "MODEL", "BASE_URL", "SERVICE_HOST", "x"])
def test_all_others_are_recognised(name: str) -> None:
    environment = PlaceholderEnvironment({})
    assert name in environment
    value = environment.get(name)
    assert value is not None
    assert PLACEHOLDER.fullmatch(value)
    assert value.startswith("http://") == (name in ("BASE_URL", "SERVICE_HOST"))
