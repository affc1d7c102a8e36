"""``baml.sys``: the clock, sleeping, shell commands."""

from __future__ import annotations

import asyncio
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bamlvm.sysops import system
from bamlvm.vm.values import Thrown


async def test_the_clock(call: Any) -> None:
    assert abs(call.start("baml.sys.now_ms") - time.time() * 1000) < 5000


async def test_sleep(call: Any) -> None:
    before = time.monotonic()
    assert await call("baml.sys.sleep", 30) is None
    assert time.monotonic() - before >= 0.029
    for ms in (0, -5, -(2**63)):
        async with asyncio.timeout(60):
            await call("baml.sys.sleep", ms)


async def test_a_sleep_is_cancelled_at_once(call: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await call("baml.sys.sleep", 2**62)


async def test_panic(call: Any) -> None:
    with pytest.raises(Thrown) as caught:
        await call("baml.sys.panic", "no")
    assert (caught.value.class_name, caught.value.fields) == ("baml.panics.UserPanic", {"message": "no"})


async def test_shell(call: Any) -> None:
    call.scope.env = {"PATH": os.environ["PATH"], "NAME": "wörld"}
    assert await call("baml.sys.shell", 'echo "hello $NAME"; echo aside >&2; cat') == "hello wörld\n"


async def test_a_shell_command_that_fails(call: Any) -> None:
    kind, fields = await call.fails("baml.sys.shell", "echo out; echo went wrong >&2; exit 3")
    assert (kind, fields["exit_code"]) == ("Io", 3)
    assert "went wrong" in fields["message"]
    assert "status 3" in fields["message"]
    assert (await call.fails("baml.sys.shell", "a\0b"))[0] == "InvalidArgument"


def is_running(stat: Path) -> bool:
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_cancelled_shell_command_leaves_no_process(call: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = f"sleep 60 & echo $! > {pids}.new; mv {pids}.new {pids}; wait"
    task = asyncio.create_task(call("baml.sys.shell", command))
    async with asyncio.timeout(60):
        while not pids.exists():  # noqa: ASYNC110 (another process makes it)
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    child = Path(f"/proc/{pids.read_text().strip()}/stat")
    async with asyncio.timeout(60):
        while is_running(child):  # noqa: ASYNC110 (another process ends it)
            await asyncio.sleep(0.01)


MEMORY = """
import os
from bamlvm.sysops import system
before = system.resident_bytes()
kept = bytearray(b"x") * 50_000_000
assert system.resident_bytes() - before > 40_000_000
child = os.fork()
if not child:
    del kept
    os._exit(0 if system.resident_bytes() < before + 20_000_000 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say what a process has")
def test_the_memory_is_that_of_the_process_itself_after_a_fork_too() -> None:
    subprocess.run([sys.executable, "-c", MEMORY], check=True, timeout=120)


def test_calls_at_the_same_moment_share_one_look_at_the_memory() -> None:
    now = system.monotonic()
    first = system.held_bytes(now)
    kept = mmap.mmap(-1, 50_000_000)  # of new pages, whatever the process has let go of
    for page in range(0, len(kept), mmap.PAGESIZE):
        kept[page] = 1
    assert system.held_bytes(now + 0.001) is first
    later = system.held_bytes(now + 1.0)
    assert later is not first and (later[0] - first[0] > 40_000_000 or not Path("/proc/self/statm").exists())
    assert system.held_bytes(now) is not later, "a clock of a test that goes back is not answered from the future"
    del kept
