"""How long a call takes to end once it is told to, at every point of ``tests/streaming/faults/test_cancellation.py``.

Bar: 100 ms, the closing of its connection included.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.streaming.faults.test_cancellation import POINTS, Point, end_call, end_sync_call

ROUNDS = 5
BAR_SECONDS = 0.1


@pytest.mark.parametrize("how", ["token", "cancel", "close"])
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_call_in_an_event_loop_ends(benchmark: Any, point: Point, how: str) -> None:
    took: list[float] = []
    benchmark.pedantic(lambda: took.append(asyncio.run(end_call(point, how))), rounds=ROUNDS)
    benchmark.extra_info["ends_ms"] = round(min(took) * 1000, 1)
    assert min(took) < BAR_SECONDS


@pytest.mark.parametrize("how", ["token", "ctrl-c"])
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_call_that_blocks_ends(benchmark: Any, point: Point, how: str) -> None:
    took: list[float] = []
    benchmark.pedantic(lambda: took.append(end_sync_call(point, how)), rounds=ROUNDS)
    benchmark.extra_info["ends_ms"] = round(min(took) * 1000, 1)
    assert min(took) < BAR_SECONDS
