"""Types through aliases: bounded in size, whatever the aliases are."""

from __future__ import annotations

import pytest

import bamlvm


def codes(source: str) -> list[str]:
    return [each.code for each in bamlvm.check({"main.baml": source}).diagnostics if each.severity == "error"]


def doubling(form: str, count: int) -> str:
    lines = [f"type A{i} = {form.format(f'A{i - 1}')}" for i in range(1, count)]
    return "\n".join(["type A0 = int", *lines, f"function main(x: A{count - 1}) -> int {{ 1 }}"])


@pytest.mark.parametrize("form", ["map<string, {0}> | {0}[]", "({0}) -> {0}", "map<string, {0}[]> | {0}[]"])
def test_aliases_that_double_are_refused_before_they_are_large(form: str) -> None:
    assert codes(doubling(form, 8)) == []
    assert set(codes(doubling(form, 60))) == {"E0068"}


def test_a_large_type_of_literals_is_a_type() -> None:
    literals = " | ".join(f'"v{i}"' for i in range(3000))
    assert codes(f"type T = {literals}\nfunction main(x: T) -> T {{ x }}") == []
