"""YAML: a reader gets what was written."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.tools.generate.yaml_text import yaml_text

TEXTS = st.text() | st.sampled_from(
    ["yes", "No", "null", "1e3", "0x1", "1:30", "- a", "a: b", "#", "~", "=", "<<", "2001-01-01"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_a_reader_gets_what_was_written(value: Any) -> None:
    assert yaml.safe_load(yaml_text(value)) == value


def test_it_is_in_block_style() -> None:
    value = {"a": [{"b": 1, "c": ["x y", "z"]}, [], {}], "d": {"e": None}}
    assert yaml_text(value) == 'a:\n  - b: 1\n    c:\n      - "x y"\n      - z\n  - []\n  - {}\nd:\n  e: null\n'
