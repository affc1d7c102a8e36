"""How many calls run, and how many wait."""

from __future__ import annotations

import asyncio

import pytest

from bamlvm.tools.server.admission import Admission
from bamlvm.tools.server.replies import Refused


async def test_first_come_first_served_within_bounds() -> None:
    admission = Admission(2, 2)
    order: list[int] = []

    async def enter(number: int) -> None:
        await admission.enter(None)
        order.append(number)

    await enter(0)
    await enter(1)
    waiting = [asyncio.create_task(enter(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    assert (admission.running, admission.waiting, admission.is_full) == (2, 2, True)
    with pytest.raises(Refused) as caught:
        await enter(4)
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "2"})
    admission.leave(1.0)
    admission.leave(1.0)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3]
    admission.leave(1.0)
    admission.leave(1.0)
    assert (admission.running, admission.waiting) == (0, 0)


async def test_a_turn_that_does_not_come_in_its_time() -> None:
    admission = Admission(1, 1)
    await admission.enter(None)
    with pytest.raises(Refused, match="did not come in its time"):
        await admission.enter(0.01)
    assert admission.waiting == 0
    admission.leave(0.1)
    await admission.enter(None)
    assert admission.running == 1


async def test_one_that_is_cancelled_while_it_waits_takes_no_turn() -> None:
    admission = Admission(1, 3)
    await admission.enter(None)
    tasks = [asyncio.create_task(admission.enter(None)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    admission.leave(0.1)  # the turn of the second
    tasks[1].cancel()  # at the very moment
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, True, False]
    assert (admission.running, admission.waiting) == (1, 0)
