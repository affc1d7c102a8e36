"""Types through aliases: bounded in size, whatever the aliases are."""

from __future__ import annotations

import pytest

import bamlvm

pytestmark = pytest.mark.no_program


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


@pytest.mark.parametrize("first", [False, True])
def test_a_chain_of_aliases_may_be_long(first: bool) -> None:
    lines = [f"type A{i} = A{i + 1}" for i in range(3000)]
    source = "\n".join([*(lines if first else lines[::-1]), "type A3000 = int", "function main(x: A0) -> int { x }"])
    assert codes(source) == []


def circle(count: int) -> str:
    return "\n".join(f"type R{i} = int | R{(i + 1) % count}[]" for i in range(count))


def test_a_circle_of_aliases_has_a_limit() -> None:
    use = "\nfunction main(x: R0) -> R7 { [1, [2, [[3]]]] }"
    assert codes(circle(49) + use) == []
    found = bamlvm.check({"main.baml": circle(1000) + use}).diagnostics
    assert [each.message for each in found if each.severity == "error"] == [
        "the alias `R0` comes back to itself through more than 100 types inside each other"
    ]


def test_what_all_aliases_have_together_is_bounded() -> None:
    classes = "".join(f"class C{i} {{ a int }}\n" for i in range(2000))
    chain = "type U0 = C0\n" + "".join(f"type U{i} = U{i - 1} | C{i}\n" for i in range(1, 2000))
    found = bamlvm.check({"main.baml": classes + chain}).diagnostics
    assert {each.code for each in found} == {"E0068"}
    assert "puts the types of the aliases so far over 200000 parts" in found[0].message


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("type A = A", "A"),
        ("type B = int\ntype A = C | B\ntype C = A?", "A"),
        ("type A = A | A[]", "A"),
        ("type X = (A | int)[]\ntype A = int | C @assert(a, {{ this }})\ntype C = (A)", "A"),
    ],
)
def test_an_alias_that_is_nothing_but_itself_is_refused_once(source: str, where: str) -> None:
    found = [each for each in bamlvm.check({"main.baml": source}).diagnostics if each.severity == "error"]
    assert [each.message for each in found] == [f"the alias `{where}` names itself"]


@pytest.mark.parametrize(("one", "other"), [(20, 20), (7, 5), (3, 11)])
def test_circles_of_aliases_are_compared_once(one: int, other: int) -> None:
    second = "\n".join(f"type S{i} = S{(i + 1) % other}[] | int" for i in range(other))
    source = f"{circle(one)}\n{second}\nfunction main(x: R0) -> S0 {{ x }}"
    assert codes(source) == []
    assert codes(source.replace("type S1 = ", "type S1 = bool | ")) == ["E0001"]
