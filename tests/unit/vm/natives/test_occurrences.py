"""Where a text occurs in another, as CPython finds it; in pieces of any size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import MonkeyPatch, fixture, mark

from bamlvm.vm.natives import load_natives, occurrences
from bamlvm.vm.work import Lengthy, finish, whole

pytestmark = pytest.mark.no_program

NATIVES = load_natives()


@fixture(scope="module", autouse=True)
def _small_pieces() -> Any:
    with MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "TEXT_PIECE", 16)
        patch.setattr(occurrences, "_SEED", 8)
        patch.setattr(occurrences, "SHORT", 3)
        yield


RUNS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "ab", "aab", "aabaaab", "abcdefghijk"]), st.integers(1, 30)),
    min_size=1,
    max_size=6,
).map(lambda runs: "".join(part * times for part, times in runs))


@settings(max_examples=400, deadline=None)
@given(RUNS, RUNS, st.data())
def test_a_text_is_found_where_it_occurs(text: str, other: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    inner = text[start : data.draw(st.integers(start + 1, len(text)))]
    for wanted in (inner, other, inner + other[:3], other[-3:] + inner):
        found = [place for place in occurrences.places(text, wanted) if place is not None]
        expected, at = [], text.find(wanted)
        while at >= 0:
            expected.append(at)
            at = text.find(wanted, at + len(wanted))
        assert found == expected
        assert finish(occurrences.first(text, wanted)) == text.find(wanted)
        assert finish(occurrences.last(text, wanted)) == text.rfind(wanted)


M = 100_000


@mark.parametrize(
    ("text", "wanted"),
    [
        ("a" * 2 * M, "a" * M + "b"),
        ("a" * 2 * M, "a" * (M // 2) + "b" + "a" * (M // 2)),
        (("a" * M + "b") * 2, "a" * M + "b" + "a" * M),
        ("ab" * M, "b" * M),
        ("é" * M, "é" * (M - 1)),
    ],
)
@mark.parametrize("name", ["includes", "index_of", "last_index_of", "split", "replace", "replace_all"])
def test_what_is_half_as_long_as_its_text_is_looked_for_in_pieces(
    name: str, text: str, wanted: str, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(occurrences, "TEXT_PIECE", 1 << 12)
    monkeypatch.setattr(occurrences, "_SEED", 1 << 9)
    monkeypatch.setattr("bamlvm.vm.natives.strings.TEXT_PIECE", 1 << 12)
    arguments = (text, wanted, "x") if name.startswith("replace") else (text, wanted)
    expected: Any = {
        "includes": wanted in text,
        "index_of": text.find(wanted) if wanted in text else None,
        "last_index_of": text.rfind(wanted) if len(text) < 2 * M and wanted in text else None,
        "split": text.split(wanted),
        "replace": text.replace(wanted, "x", 1),
        "replace_all": text.replace(wanted, "x"),
    }[name]
    native = NATIVES[f"baml.String.{name}"]
    try:
        native(*arguments)
    except Lengthy as lengthy:
        count = sum(1 for _ in lengthy.work)
    if name != "last_index_of" or expected is not None:
        assert whole(native, *arguments) == expected
    assert 2 < count < 5000
