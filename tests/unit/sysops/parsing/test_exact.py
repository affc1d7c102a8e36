"""Whole answers that are JSON of their type: the value is what the same text gives when it is read piece by piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bamlvm.sysops.parsing import fed, finished, output_of
from bamlvm.sysops.parsing.exact import exact_value
from bamlvm.sysops.parsing.planner import plan_of
from bamlvm.sysops.parsing.results import Inexact
from bamlvm.vm.program.types import FLOAT, INT, STRING, ClassType, EnumType, ListType, MapType, Type, optional, union
from bamlvm.vm.values import Thrown
from tests.unit.sysops.parsing.structures import JSON_ALIAS, PROGRAM, TEXTS, answers, types, values
from tests.unit.sysops.parsing.test_structured import plain

PERSON, POINT, TREE = ClassType("Person"), ClassType("Point"), ClassType("Tree")
ANN = {"full name": "Ann", "age": 3, "nick": None, "tags": ["a", "b"]}

_KEYS = st.one_of(
    st.sampled_from(["full name", "name", "age", "nick", "tags", "x", "y", "label", "kids", "kind", "to", "subject"]),
    st.text(max_size=3),
)
_SCALARS = st.one_of(
    TEXTS,
    st.text(max_size=8),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(
        [
            "cat",
            "dog",
            "yes please",
            "...",
            "\u2026",
            "etc.",
            "Red",
            "dark blue",
            "DarkBlue",
            "",
            "1",
            "1.5",
            "null",
            "\b\f",
        ]
    ),
)
ANY_JSON = st.recursive(
    _SCALARS,
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(_KEYS, each, max_size=4)),
    max_leaves=12,
)


def outcome(type_: Type, text: str, *, whole: bool) -> Any:
    """The value or the error of a text, read whole or in two pieces."""
    stream = output_of(type_, PROGRAM).stream()
    if whole:
        fed(stream, text)
    else:
        for piece in (text[:1], text[1:]):
            stream.feed(piece)
    try:
        return plain(finished(stream))
    except Thrown as thrown:
        return thrown.class_name, thrown.fields


def is_exact(type_: Type, text: str) -> bool:
    try:
        exact_value(plan_of(type_, PROGRAM), text)
    except Inexact:
        return False
    return True


def same_either_way(type_: Type, text: str) -> None:
    assert repr(outcome(type_, text, whole=True)) == repr(outcome(type_, text, whole=False))


@given(answers(), st.booleans(), st.sampled_from([None, 1, "\t"]), st.sampled_from(["", " ", "\n", "\r\n\t"]))
def test_json_of_the_type(answer: Any, ascii_: bool, indent: Any, around: str) -> None:
    type_, value, style = answer
    style.bare_keys = style.single = style.trailing = style.comments = style.raw_breaks = style.python = False
    written = json.dumps(json.loads(style.show(value)), ensure_ascii=ascii_, indent=indent)
    same_either_way(type_, around + written + around)


@given(types(), ANY_JSON)
def test_any_json(type_: Type, value: Any) -> None:
    same_either_way(type_, json.dumps(value))


@given(types(), st.data())
def test_json_of_another_type(type_: Type, data: st.DataObject) -> None:
    other = data.draw(types())
    value = data.draw(values(other))
    style = data.draw(answers())[2]
    same_either_way(type_, style.show(value))


@given(types(), st.data())
@example(PERSON, None)
def test_json_with_one_change(type_: Type, data: st.DataObject | None) -> None:
    """A value of the type in which one place has something else, or a key comes twice."""
    if data is None:
        texts = [json.dumps(ANN)[:-1] + ', "age": 4}', '{"name": "A", "full name": "B", "nick": "", "tags": []}']
        for text in texts:
            same_either_way(type_, text)
            assert not is_exact(type_, text)
        return
    style = data.draw(answers())[2]
    style.bare_keys = style.single = style.trailing = style.comments = style.raw_breaks = style.python = False
    text = style.show(data.draw(values(type_)))
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(at + 4, len(text))))
    same_either_way(
        type_, text[:at] + data.draw(st.one_of(st.just(""), st.text('",:{}[]0e-nu \\b', max_size=3))) + text[end:]
    )


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (PERSON, json.dumps(ANN)),
        (PERSON, "\n " + json.dumps(ANN, indent=2) + "\n"),
        (PERSON, '{"name": "\\u00e9\\n\\"", "age": -0, "nick": "n", "tags": []}'),
        (ListType(POINT), '[{"x": 1.5, "y": -2e3}]'),
        (MapType(STRING, optional(INT)), '{"a": null, "b c": 7}'),
        (MapType(STRING, EnumType("Color")), '{"a": "dark blue", "b": "Red"}'),
        (TREE, '{"label": "a", "kids": [{"label": "b", "kids": []}]}'),
    ],
)
def test_what_is_exact(type_: Type, text: str) -> None:
    assert is_exact(type_, text)
    same_either_way(type_, text)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (PERSON, "Here: " + json.dumps(ANN)),
        (PERSON, json.dumps(ANN) + "."),
        (PERSON, json.dumps(ANN | {"age": "3"})),
        (PERSON, json.dumps(ANN | {"age": 10**18})),
        (PERSON, json.dumps(ANN | {"age": True})),
        (PERSON, json.dumps(ANN | {"more": 1})),
        (PERSON, json.dumps({key: each for key, each in ANN.items() if key != "nick"})),
        (PERSON, json.dumps(ANN | {"full name": "\b"})),
        (PERSON, json.dumps(ANN | {"full name": "\ud800"})),
        (PERSON, json.dumps(ANN | {"full name": "x" * 100_000})),
        (POINT, '{"x": 1, "y": 2}'),
        (POINT, '{"x": 1e999, "y": NaN}'),
        (POINT, '{"x": Infinity, "y": 0.5}'),
        (ListType(POINT), '{"x": 1.5, "y": 2.5}'),
        (ListType(union((INT, FLOAT))), "[1, 2.5]"),
        (MapType(STRING, JSON_ALIAS), '[{"a": {}}, {"a": {}}]'),
        (MapType(STRING, JSON_ALIAS), '[{"a": {}}, [{"a": ""}]]'),
        (TREE, '{"label": "a", "kids": [' * 5000 + "]}" * 5000),
    ],
)
def test_what_is_left_to_the_scanner(type_: Type, text: str) -> None:
    assert not is_exact(type_, text)
    same_either_way(type_, text)


def test_a_trace_changes_no_value() -> None:
    text = '{"full name": "x\u201d}: ", "age": 3, "nick": null, "tags": []}'
    values = []
    lines: list[str] = []
    for trace in None, lines.append:
        stream = output_of(PERSON, PROGRAM).stream(trace=trace)
        for character in text:
            stream.feed(character)
        values.append(plain(finished(stream)))
    assert values[0] == values[1] == plain(finished(fed(output_of(PERSON, PROGRAM).stream(), text)))
    assert values[0]["name"] == json.loads(text)["full name"]
    assert any(line.startswith("chosen") for line in lines)
