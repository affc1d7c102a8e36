"""When attempts may begin."""

from __future__ import annotations

import asyncio

import pytest

from bamlvm.calls import pace
from bamlvm.calls.pace import Pace


async def test_others_wait_for_the_first_call_and_for_what_it_has_cost() -> None:
    paced = Pace(tokens=1000.0)
    await paced.admit()
    second = asyncio.ensure_future(paced.admit())
    await asyncio.sleep(0.02)
    assert not second.done()
    before = asyncio.get_running_loop().time()
    await paced.settle(1, 100)
    await second
    assert asyncio.get_running_loop().time() - before > 0.05


async def test_a_first_call_that_is_lost_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_LONGEST_FIRST", 0.01)
    paced = Pace(tokens=1000.0)
    await paced.admit()  # and no word of its end
    await asyncio.gather(paced.admit(), paced.admit())
