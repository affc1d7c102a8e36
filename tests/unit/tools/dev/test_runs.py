"""Partial values as differences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bamlvm.tools.dev.runs import common_start


@given(st.text("ab", max_size=40), st.text("ab", max_size=40), st.text("ab", max_size=10))
def test_the_common_beginning_of_two_texts(start: str, one: str, other: str) -> None:
    before, after = start + one, start + other
    length = common_start(before, after)
    assert before[:length] == after[:length]
    assert before[length : length + 1] != after[length : length + 1] or length == len(before) == len(after)
