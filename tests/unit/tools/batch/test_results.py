"""Lines of a journal."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.collector import Usage
from bamlvm.tools.batch.results import RowResult, encoded, line_usage


@pytest.mark.parametrize(
    ("attempts", "usage"),
    [
        (0, Usage()),
        (2, Usage(10, 5, unpriced=2)),
        (1, Usage(10, 5, known_cost=Decimal("0.00012"), currency="USD")),
        (1, Usage()),  # from the cache
    ],
)
def test_a_line_has_what_the_call_has_cost(attempts: int, usage: Usage) -> None:
    line = json.loads(encoded(0, "k", "p", RowResult("x", attempts=attempts, usage=usage), None))
    read = line_usage(line)
    assert read == usage
    assert read.unpriced == usage.unpriced
    assert line.get("cached", False) == (attempts == 1 and usage.cost is None)


def test_a_row_that_never_began_leaves_the_sum_known() -> None:
    priced = encoded(0, "k", "p", RowResult(1, attempts=1, usage=Usage(1, 1, known_cost=Decimal(2), currency="EUR")), 0)
    failed, cached = (encoded(0, "k", "p", RowResult(1, attempts=number), 0) for number in (0, 1))
    unknown = encoded(0, "k", "p", RowResult(1, attempts=1, usage=Usage(1, 1, unpriced=1)), 0)
    known = [line_usage(json.loads(text)) for text in (priced, failed, cached)]
    assert sum(known, Usage()).cost == 2
    assert sum([*known, line_usage(json.loads(unknown))], Usage()).cost is None


JSON = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_no_float_becomes_null(value: object) -> None:
    def nulls(each: object) -> int:
        if isinstance(each, dict):
            return sum(map(nulls, each.values()))
        return sum(map(nulls, each)) if isinstance(each, list) else each is None

    assert nulls(json.loads(encoded(0, "k", "p", RowResult(value), None))["result"]) == nulls(value)
