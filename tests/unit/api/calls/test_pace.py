"""When attempts may begin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.calls import pace
from bamlvm.calls.pace import Pace, Rate, rate_of
from bamlvm.errors import HostError


class Clock:
    """A clock that only sleeping moves, each time by a little more than was asked for."""

    def __init__(self, late: Iterator[float]) -> None:
        self.now = 1000.0
        self._late = late

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        await asyncio.sleep(0)
        self.now += seconds + next(self._late)


def beginnings(rate: Rate, gaps: list[float], late: Iterator[float], at_once: int) -> list[float]:
    """Return when attempts begin; before each group of those that ask at once so much time has gone by."""
    clock = Clock(late)
    paced = Pace(rate, clock=clock.read, sleep=clock.sleep)
    found: list[float] = []

    async def one() -> None:
        await paced.admit()
        found.append(clock.now)

    async def run() -> None:
        for gap in gaps:
            clock.now += gap
            await asyncio.gather(*(one() for _ in range(at_once)))

    asyncio.run(run())
    return found


@given(
    st.sampled_from(["1/s", "2.5/s", "8/s", "7/min", "0.5/min", "30/hour"]),
    st.lists(st.floats(0, 100), min_size=1, max_size=6),
    st.lists(st.floats(0, 30)),
    st.integers(1, 30),
)
def test_no_more_begin_in_any_time_than_were_promised(text: str, gaps: list[float], late: list[float], n: int) -> None:
    rate = rate_of("rate", text)
    assert rate is not None
    begun = beginnings(rate, gaps, chain(late, repeat(0.0)), n)
    assert begun == sorted(begun)
    assert len(begun) == len(gaps) * n
    most, seconds = (int(rate.amount), rate.seconds) if rate.amount >= 1 else (1, rate.seconds / rate.amount)
    for first, another in zip(begun, begun[most:], strict=False):
        assert another - first >= seconds


@given(st.integers(1, 100), st.sampled_from([1.0, 60.0]), st.integers(2, 200))
def test_who_wakes_in_time_gets_what_was_promised(amount: int, seconds: float, n: int) -> None:
    begun = beginnings(Rate(amount, seconds), [0.0], repeat(0.0), n)
    assert begun[-1] - begun[0] <= (n - 1) * (seconds + 0.06) / amount
    distances = [later - earlier for earlier, later in pairwise(begun)]
    assert min(distances) >= 0.99 * seconds / amount


def test_being_late_is_not_added_up() -> None:
    begun = beginnings(Rate(100, 1.0), [0.0], repeat(0.002), 1000)
    assert begun[-1] - begun[0] < 1.03 * 10.5


def test_a_standstill_is_not_made_up_for() -> None:
    begun = beginnings(Rate(10, 1.0), [0.0, 60.0], repeat(0.0), 20)
    assert begun[-1] - begun[20] > 1.9


async def test_one_that_gives_up_takes_no_place() -> None:
    paced = Pace(Rate(20, 1.0))
    await paced.admit()
    others = [asyncio.ensure_future(paced.admit()) for _ in range(50)]
    await asyncio.sleep(0)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.wait_for(paced.admit(), 1.0)


async def test_others_wait_for_the_first_call_and_for_what_it_has_cost() -> None:
    paced = Pace(tokens=Rate(1000.0, 1.0))
    assert await paced.admit() == 0.0
    second = asyncio.ensure_future(paced.admit())
    await asyncio.sleep(0.02)
    assert not second.done()
    before = asyncio.get_running_loop().time()
    await paced.settle(1, 0.0, 100)
    assert await second == 100.0
    assert asyncio.get_running_loop().time() - before > 0.05


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5000)), min_size=1, max_size=30))
def test_what_calls_have_cost_is_paid_for_in_the_end(calls: list[tuple[int, int]]) -> None:
    """However the average moves between a call's beginning and its end."""
    clock = Clock(repeat(0.0))
    paced = Pace(tokens=Rate(100.0, 1.0), clock=clock.read, sleep=clock.sleep)

    async def run() -> None:
        running: list[tuple[int, float, int]] = []
        for attempts, tokens in calls:
            attempts = attempts if running or clock.now > 1000.0 else 1  # others wait for the first
            running.append((attempts, sum([await paced.admit() for _ in range(attempts)]), tokens))
            if len(running) > 2 or len(calls) == len(running) or clock.now == 1000.0:
                await paced.settle(*running.pop(0))
        for each in running:
            await paced.settle(*each)
        await paced.admit()  # waits until all are paid for
        assert clock.now - 1000.0 >= sum(tokens for _, tokens in calls) / 100.0 - 1e-6

    asyncio.run(run())


async def test_a_first_call_that_is_lost_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_LONGEST_FIRST", 0.01)
    paced = Pace(tokens=Rate(1000.0, 1.0))
    await paced.admit()  # and no word of its end
    await asyncio.gather(paced.admit(), paced.admit())


@pytest.mark.parametrize("text", ["", "500", "0/min", "-1/s", "5/day", "five/min", "5 per min"])
def test_a_rate_that_is_none(text: str) -> None:
    with pytest.raises(HostError, match="tokens_rate: expected a rate such as"):
        rate_of("tokens_rate", text)
