"""The statistics of an evaluation.

* A share of rows has an interval by Wilson's method (E. B. Wilson, 1927), which holds for few rows and for shares near
  0 and 1, where the usual one does not.
* Two variants over the same rows are compared by McNemar's exact test: of the rows that only one of them passed, is the
  part of one larger than chance would have it?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

_Z: Final = 1.959963984540054  # of the normal distribution, for 95 %


class Share(NamedTuple):
    """``hits`` of ``total``, and the interval that has the true share with 95 %."""

    hits: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.hits / self.total if self.total else math.nan


def share(hits: int, total: int) -> Share:
    """Return a share with its interval."""
    if total == 0:
        return Share(0, 0, 0.0, 1.0)
    part = hits / total
    scale = 1 + _Z * _Z / total
    centre = (part + _Z * _Z / (2 * total)) / scale
    half = _Z * math.sqrt(part * (1 - part) / total + _Z * _Z / (4 * total * total)) / scale
    return Share(hits, total, max(0.0, centre - half), min(1.0, centre + half))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the probability of a difference at least as large by chance, from the rows that only one has passed."""
    total = only_first + only_second
    if total == 0:
        return 1.0
    tail = ways = 1  # of none of the rows; each binomial coefficient comes from the one before
    for count in range(min(only_first, only_second)):
        ways = ways * (total - count) // (count + 1)
        tail += ways
    return (
        min(1.0, float(2 * tail) / float(2**total)) if total < 1000 else min(1.0, 2 * tail // 2 ** (total - 60) / 2**60)
    )


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which a part of the values lies (by the nearest rank); NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]
