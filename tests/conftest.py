"""Fixtures that all tests share: a mock server on loopback, and a guard against what a test leaves behind.

The guard fails a test after which an Internet socket is open that was not open before it, a runtime has an open
handle, or a task is left in the test's event loop or in the background loop that runtimes share.  Event loops talk to
themselves through Unix sockets, which do not count: a loop that is never closed is caught as a ResourceWarning.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from bamlvm.mock import MockServer, ThreadedMockServer
from tests.support.virtual_time import VirtualTimeLoop

settings.register_profile("bamlvm", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("bamlvm")

_STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "06": "TIME_WAIT", "08": "CLOSE_WAIT", "0A": "LISTEN"}
_TABLES = ("tcp", "tcp6", "udp", "udp6")
_SETTLE_SECONDS = 60.0


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of an asynchronous test: one with a clock of its own where it is marked ``virtual_time``."""
    is_virtual = item.get_closest_marker("virtual_time") is not None
    return {"virtual": VirtualTimeLoop} if is_virtual else {"real": asyncio.new_event_loop}


@pytest_asyncio.fixture
async def mock_server() -> AsyncIterator[MockServer]:
    """A mock server in the test's own event loop; ``mock_server.play(script)`` tells it what to answer."""
    async with MockServer() as server:
        yield server


@pytest.fixture
def threaded_mock_server() -> Iterator[ThreadedMockServer]:
    """A mock server for synchronous tests, in a thread of its own."""
    with ThreadedMockServer() as server:
        yield server


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected meanwhile: Python drops an exception that a signal raises inside a finaliser."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def handles_empty() -> Callable[[Any], None]:
    """``handles_empty(runtime)`` fails if anything is open that a call opened; the guard asks at each test's end."""
    return check_handles


@pytest.fixture
def background_settles() -> Callable[[], None]:
    """``background_settles()`` waits until the loop that runtimes share has no task, and has let go of the last."""

    def wait() -> None:
        background = sys.modules.get("bamlvm.calls.background")
        loop = background and background.BACKGROUND.current
        assert_idle(loop)
        if loop is not None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()

    return wait


def check_handles(runtime: Any) -> None:
    assert runtime.handles == 0, f"{runtime.handles} handles are open"


def held_sockets() -> set[str]:
    """Return the inodes of the sockets that this process holds, of every kind."""
    held = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue  # the directory's own descriptor
        if target.startswith("socket:["):
            held.add(target[len("socket:[") : -1])
    return held


def internet_sockets(held: set[str]) -> list[str]:
    """Return protocol, addresses and state of the Internet sockets among some inodes."""
    found = []
    for table in _TABLES if held else ():  # the tables are long on a machine that has just run many tests
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in held:
                state = _STATES.get(fields[3], f"state {fields[3]}")
                found.append(f"{table} {_address(fields[1])} → {_address(fields[2])} {state}")
    # A socket that is neither bound nor connected is in no table: not a leak that anybody could notice.
    return found


def _address(field: str) -> str:
    host, port = field.split(":")
    octets = bytes.fromhex(host)[::-1]
    return f"{'.'.join(map(str, octets)) if len(octets) == 4 else host}:{int(port, 16)}"


@pytest.fixture(autouse=True)
def nothing_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """The guard; see the head of this module."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_task_left")
    before = held_sockets() if sys.platform == "linux" else None
    yield
    if runtimes := sys.modules.get("bamlvm.runtime"):
        for runtime in tuple(runtimes._RUNTIMES):
            check_handles(runtime)
    if background := sys.modules.get("bamlvm.calls.background"):
        assert_idle(background.BACKGROUND.current)
    if before is None:
        return
    left = _new_sockets(before)
    if left:
        gc.collect()  # what only a reference cycle holds open is late, not leaked; its ResourceWarning still fails
        left = _new_sockets(before)
    assert not left, f"the test left sockets open: {left}"


@pytest_asyncio.fixture
async def no_task_left() -> AsyncIterator[None]:
    """The guard's part inside the event loop of an asynchronous test."""
    before = _live_tasks()
    yield
    await asyncio.sleep(0)  # let what is just ending end
    left = [repr(task) for task in _live_tasks() - before]
    assert not left, f"the test left tasks running: {left}"


def assert_idle(loop: asyncio.AbstractEventLoop | None) -> None:
    """No task is left in the background loop; what is just ending is given the time to."""
    until = time.monotonic() + _SETTLE_SECONDS
    while loop is not None and (left := [task for task in asyncio.all_tasks(loop) if not task.done()]):
        assert time.monotonic() < until, f"the test left tasks in the background loop: {left}"
        time.sleep(0.001)


def _new_sockets(before: set[str]) -> list[str]:
    return internet_sockets(held_sockets() - before)


def _live_tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
