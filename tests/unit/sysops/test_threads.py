"""Blocking work on threads of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bamlvm.sysops.threads import in_thread, in_thread_until_cancelled


async def test_a_result_and_an_exception() -> None:
    assert await in_thread(int, "7") == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(int, "x")


async def test_what_comes_too_late_is_dropped() -> None:
    go, dropped = threading.Event(), asyncio.Event()
    task = asyncio.create_task(in_thread(lambda: go.wait(5), drop=lambda _: dropped.set()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.wait_for(dropped.wait(), 5)


def test_a_process_ends_although_its_work_does_not(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from bamlvm.sysops.threads import in_thread\n"
        "async def main():\n"
        "    asyncio.ensure_future(in_thread(open, sys.argv[1]))\n"
        "    await asyncio.sleep(0.05)\n"
        "asyncio.run(main())\n"
    )
    import os

    os.mkfifo(tmp_path / "pipe")
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "pipe")], timeout=120, check=True)


async def test_who_is_cancelled_abandons_what_runs() -> None:
    abandoned, ended = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        abandoned.wait(5)
        loop.call_soon_threadsafe(ended.set)

    task = asyncio.create_task(in_thread_until_cancelled(work, abandoned.set))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 4)
