"""Arguments that come leaf by leaf: the text that they make, and the parts that are refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.providers.partial_arguments import PartialArguments, Step, steps_of

KEYS = st.text(st.characters(codec="utf-8"), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(KEYS, inner, min_size=1, max_size=4),
    max_leaves=12,
)


def leaves(path: list[Step], value: Any) -> list[tuple[list[Step], Any]]:
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in leaves([*path, key], each)]
    if isinstance(value, list):
        return [leaf for index, each in enumerate(value) for leaf in leaves([*path, index], each)]
    return [(path, value)]


def written(path: list[Step]) -> str:
    """A path as RFC 9535 normalises it."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else quoted(step) for step in path)


def quoted(key: str) -> str:
    inside = json.dumps(key)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"['{inside}']"


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.integers(1, 3))
def test_an_object_in_parts_is_its_text(value: dict[str, Any], length: int) -> None:
    arguments = PartialArguments()
    text = ""
    for path, leaf in leaves([], value):
        steps = steps_of(written(path))
        assert steps == path
        if isinstance(leaf, str):
            for at in range(0, len(leaf), length):
                text += arguments.write(steps, leaf[at : at + length], continues=True)
            text += arguments.write(steps, "")
        else:
            text += arguments.write(steps, leaf)
    assert json.loads(text + arguments.close()) == value


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.location", ["location"]),
        ("$.foo.bar[0].data", ["foo", "bar", 0, "data"]),
        ("$['a key'].x", ["a key", "x"]),
        ('$["a.b"][12][0]', ["a.b", 12, 0]),
        (r"$['it\'s'].ü", ["it's", "ü"]),
        ("location", ["location"]),
        ("$.a-b", ["a-b"]),
    ],
)
def test_paths(path: str, steps: list[Step]) -> None:
    assert steps_of(path) == steps


@pytest.mark.parametrize("path", ["", "$", "$[0]", "$.a[*]", "$.a[", "$..a", "$.a[-1]", r"$['\x']"])
def test_paths_that_lead_to_no_argument(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        steps_of(path)


REFUSED: dict[str, tuple[list[tuple[str, Any, bool]], str]] = {
    "back into what is closed": ([("$.a.x", 1, False), ("$.b", 2, False), ("$.a.y", 3, False)], "goes back to $.a"),
    "a place twice": ([("$.a", 1, False), ("$.a", 1, False)], "a second value for $.a"),
    "a text that has ended": ([("$.a", "x", False), ("$.a", "y", False)], "a second value for $.a"),
    "inside of a leaf": ([("$.a", 1, False), ("$.a.b", 1, False)], "a second value for $.a"),
    "around a leaf": ([("$.a.b", 1, False), ("$.a", 1, False)], "a second value for $.a"),
    "an item left out": ([("$.a[0]", 1, False), ("$.a[2]", 1, False)], r"has $.a[2] where item 1 is next"),
    "a list that begins late": ([("$.a[1].b", 1, False)], r"has $.a[1] where item 0 is next"),
    "a key of a list": ([("$.a[0]", 1, False), ("$.a.b", 1, False)], "$.a.b, which is of another kind"),
    "a number in a text": ([("$.a", "x", True), ("$.a", 1, False)], "something else than the rest of the text at $.a"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_refused(title: str) -> None:
    parts, message = REFUSED[title]
    arguments = PartialArguments()
    for path, value, continues in parts[:-1]:
        arguments.write(steps_of(path), value, continues)
    path, value, continues = parts[-1]
    with pytest.raises(ValueError) as caught:
        arguments.write(steps_of(path), value, continues)
    assert message in str(caught.value)


def test_nothing_after_the_end() -> None:
    arguments = PartialArguments()
    assert arguments.close() == ""
    assert arguments.write(["a"], 1) + arguments.close() == '{"a":1}'
    assert arguments.close() == ""
    with pytest.raises(ValueError, match="a call that has ended"):
        arguments.write(["b"], 1)


def test_a_place_without_a_value_yet() -> None:
    arguments = PartialArguments()
    assert arguments.write(["a"], msgspec.UNSET, continues=True) == ""
    assert arguments.write(["a"], "x", continues=True) == '{"a":"x'
    assert arguments.write(["a"], msgspec.UNSET) == '"'
    assert arguments.close() == "}"
