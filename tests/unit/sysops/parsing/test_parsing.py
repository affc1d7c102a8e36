"""Answers as models write them: the cases of ``cases.jsonl``, each whole and in pieces of several sizes.

A line of the file has the ``kind`` of a case, the return ``type``, the ``text``, and the ``value`` (or ``fails``: the
text has no good reading, and the error says so).  ``last_partial`` is there where the last partial value is not the
value, and ``why`` says which of :data:`REASONS` there is for it.  What the types refer to is declared in
``cases.baml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.sysops.parsing import Output, final_parse, finished, output_of
from bamlvm.vm.equality import deep_equals
from bamlvm.vm.values import EnumValue, Instance, Thrown
from tests.unit.sysops.parsing.test_structured import grows

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (HERE / "cases.jsonl").read_text("utf-8").splitlines() if line
]
TYPES = list(dict.fromkeys(case["type"] for case in CASES))
FAILS = object()
REASONS = {
    "an end tag alone": "what was shown turned out to be reasoning, whose first tag stood in the prompt",
    "another candidate": "a later fence counts more than what was shown",
    "no end": "the last value of the text, or a bracket of it, has no end, and more text could have changed it",
    "a member chosen too soon": "a union showed a member that what followed did not fit",
}
MARKS = "\"'`,:{}[]()\n \\#/<>\u2018\u201c\u201d\uff1a\uff0c"


@pytest.fixture(scope="module")
def outputs() -> Iterator[dict[str, Output]]:
    """The reader of each type, by the type as it is written."""
    functions = [
        f'function F{place}(x: string) -> {type_} {{ client C  prompt #"{{{{ x }}}}"# }}\n'
        for place, type_ in enumerate(TYPES)
    ]
    source = (HERE / "cases.baml").read_text("utf-8") + "".join(functions)
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        program = runtime.engine.program
        yield {type_: output_of(program.signatures[f"F{place}"].result, program) for place, type_ in enumerate(TYPES)}


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Instance):
        return dict(zip(value.cls.field_names, map(plain, value.fields), strict=True))
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.variant if isinstance(value, EnumValue) else value


def whole(output: Output, text: str) -> Any:
    """Return the value of a text, or ``FAILS``."""
    try:
        return plain(final_parse(output, text))
    except Thrown as thrown:
        assert thrown.class_name == "baml.errors.ParseFailed"
        assert thrown.fields["raw"] == text
        return FAILS


def in_pieces(output: Output, pieces: list[str]) -> tuple[Any, Any]:
    """Return the value of a text that comes in pieces, or ``FAILS``, and its last partial value, or ``FAILS``."""
    stream = output.stream()
    last: Any = None
    for piece in pieces:
        partial = stream.feed(piece)
        if partial is not None:
            assert grows(last, partial), "a partial value took something back"
            last = partial
    shown = FAILS if last is None else plain(last)
    try:
        return plain(finished(stream)), shown
    except Thrown as thrown:
        assert thrown.class_name == "baml.errors.ParseFailed"
        return FAILS, shown


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def same(a: Any, b: Any) -> bool:
    return a is b or (FAILS not in (a, b) and type(a) is type(b) and deep_equals(a, b))


@pytest.mark.parametrize("case", CASES, ids=[f"{case['kind']}-{place}" for place, case in enumerate(CASES)])
def test_an_answer(outputs: dict[str, Output], case: dict[str, Any]) -> None:
    output, text = outputs[case["type"]], case["text"]
    value = FAILS if case.get("fails") else case["value"]
    assert same(whole(output, text), value)
    for size in (1, 2, 3, 5, 8, 13):
        found, last = in_pieces(output, cut(text, size))
        assert same(found, value)
        if size == 1 and value is not FAILS and last is not FAILS:
            assert same(last, case.get("last_partial", value))


def test_the_last_partial_is_the_value_unless_there_is_a_reason() -> None:
    """Few cases need one: any other difference fails in :func:`test_an_answer`."""
    differing = [case for case in CASES if "last_partial" in case]
    assert all(case["why"] in REASONS for case in differing)
    assert len(differing) <= len(CASES) // 20


FRAGMENTS = st.sampled_from([*MARKS, '"b": "', "}, ", "```", "<think>", "...", "- ", "a", "notes", "1", " x"])


@given(st.dictionaries(st.lists(FRAGMENTS, max_size=5).map("".join), st.lists(FRAGMENTS, max_size=5).map("".join)))
def test_what_is_json_is_what_json_says_whatever_is_in_its_strings(
    outputs: dict[str, Output], value: dict[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    found, _ = in_pieces(outputs["map<string, string>"], cut(text, 3))
    assert same(found, value)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 200), max_size=6))
def test_a_text_cut_anywhere_is_read_as_it_is_whole(
    outputs: dict[str, Output], case: dict[str, Any], places: list[int]
) -> None:
    text = case["text"]
    at = sorted({0, *(place % (len(text) + 1) for place in places), len(text)})
    found, _ = in_pieces(outputs[case["type"]], [text[a:b] for a, b in pairwise(at)])
    assert same(found, whole(outputs[case["type"]], text))


@given(st.sampled_from(CASES), st.integers(0, 200))
def test_a_text_that_ends_anywhere_is_read_alike(outputs: dict[str, Output], case: dict[str, Any], end: int) -> None:
    """The beginning of any case is a case: it is read whole as it is read by characters, and takes nothing back."""
    text = case["text"][: end % (len(case["text"]) + 1)]
    output = outputs[case["type"]]
    assert same(in_pieces(output, list(text))[0], whole(output, text))


@given(st.sampled_from(CASES), st.integers(0, 200), st.sampled_from(MARKS), st.booleans())
def test_a_text_with_a_character_too_many_or_too_few(
    outputs: dict[str, Output], case: dict[str, Any], place: int, character: str, drops: bool
) -> None:
    text = case["text"]
    at = place % (len(text) + 1)
    text = text[:at] + text[at + 1 :] if drops else text[:at] + character + text[at:]
    output = outputs[case["type"]]
    found = whole(output, text)
    for size in (1, 4):
        assert same(in_pieces(output, cut(text, size))[0], found)


@given(
    st.sampled_from(CASES), st.sampled_from(["Sure!\n", "<think>{x} [1] no</think>", "Here it is:\n\n", "\ufeff", "\n"])
)
def test_what_comes_before_does_not_matter(outputs: dict[str, Output], case: dict[str, Any], before: str) -> None:
    text = case["text"]
    if (
        case["type"] not in ("N", "Box", "Dinner", "KM", "SX", "NA", "Person", "Sum")
        or "<" in text
        or case.get("fails")
    ):
        return
    if text.lstrip()[:1] not in "{[`\uff5b":
        return
    assert same(whole(outputs[case["type"]], before + text), case["value"])
