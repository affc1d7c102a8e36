"""Shares, McNemar's test and percentiles, against published figures and against each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.tools.evaluation.statistics import mcnemar, percentile, share


def test_wilson_s_interval() -> None:
    # E. B. Wilson's method for 15 of 148: R. G. Newcombe, Statistics in Medicine 17 (1998), table I.
    found = share(15, 148)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0624, 0.1605)
    none = share(0, 20)
    assert (none.low, round(none.high, 4)) == (0.0, 0.1611)


@given(st.integers(0, 300).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    found = share(*counts)
    assert 0 <= found.low <= found.high <= 1
    if counts[1]:
        assert found.low - 1e-12 <= found.value <= found.high + 1e-12


@pytest.mark.parametrize(
    ("one", "other", "chance"), [(0, 0, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (3, 7, 0.34375), (4, 4, 1.0)]
)
def test_mcnemar_s_exact_test(one: int, other: int, chance: float) -> None:
    assert mcnemar(one, other) == chance
    assert mcnemar(other, one) == chance


def test_it_works_for_many_rows() -> None:
    assert mcnemar(5000, 5000) == pytest.approx(1.0, abs=0.02)
    assert mcnemar(4000, 6000) < 1e-6
    assert mcnemar(499, 500) == pytest.approx(mcnemar(500, 500), abs=0.03)


def test_percentiles() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 0.95) == 95.0
    assert math.isnan(percentile([], 0.5))
