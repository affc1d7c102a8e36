"""Calls in the caller's thread, in many threads and in many tasks."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, DeadlineExceeded
from tests.unit.api.functions import SOURCE

Make: TypeAlias = Callable[..., bamlvm.Runtime]


async def test_a_value_sync_async_and_by_attribute(runtime: bamlvm.Runtime) -> None:
    assert runtime.call_function_sync("add", {"a": 1, "b": 2}) == 3
    assert await runtime.call_function("add", {"a": 1, "b": 2}) == 3
    assert runtime.functions.add(a=1, b=2) == 3
    assert runtime.functions.add(1, b=2) == 3
    assert runtime.functions["add"](1, 2) == 3


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("name", ["spin", "naps"])
def test_ctrl_c_ends_a_sync_call(runtime: bamlvm.Runtime, name: str) -> None:
    def interrupt() -> None:
        while not runtime.engine.active:
            time.sleep(0.001)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        runtime.call_function_sync(name)
    thread.join()
    assert not runtime.engine.active


def test_a_pure_call_starts_no_thread(runtime: bamlvm.Runtime) -> None:
    before = threading.active_count()
    assert runtime.functions.add(a=1, b=2) == 3
    assert threading.active_count() == before


async def test_a_sync_call_inside_a_running_loop(runtime: bamlvm.Runtime) -> None:
    assert runtime.call_function_sync("nap", {"ms": 1}) == 1


def test_many_threads_and_runtimes(make: Make) -> None:
    runtimes = [make(SOURCE), make(SOURCE)]
    wrong: list[Any] = []

    def work(number: int) -> None:
        runtime = runtimes[number % 2]
        for step in range(20):
            results = (runtime.functions.add(a=number, b=step), runtime.functions.nap(ms=1))
            if results != (number + step, 1):
                wrong.append(results)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


async def test_many_tasks(runtime: bamlvm.Runtime) -> None:
    spins = [runtime.call_function("spin", {}, CallContext(timeout=0.1)) for _ in range(3)]
    naps = [runtime.call_function("nap", {"ms": 1}) for _ in range(20)]
    results = await asyncio.gather(*spins, *naps, return_exceptions=True)
    assert [type(result) for result in results[:3]] == [DeadlineExceeded] * 3
    assert results[3:] == [1] * 20
