"""Many calls with random faults, random ways of calling and random ends; nothing may grow: ``make soak``.

    SOAK_CALLS (20000)  SOAK_AT_ONCE (50)  SOAK_SEED (1)  python -m tests.soak.soak

After each tenth, when no call is under way, memory, handles, tasks, threads and file descriptors are printed.  What is
there after the first tenth is what a warm process has; it may not grow from there.  Every answer is also looked at: it
is the one that the fault table says, or the call was ended on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import bamlvm
from tests.soak.cases import CASES, Case, good_key
from tests.streaming.faults.outcomes import Clock
from tests.streaming.faults.programs import PROGRAM, WAYS, function_name
from tests.streaming.faults.wires import SECOND

CALLS: Final = int(os.environ.get("SOAK_CALLS", "20000"))
AT_ONCE: Final = int(os.environ.get("SOAK_AT_ONCE", "50"))
SEED: Final = int(os.environ.get("SOAK_SEED", "1"))

ENOUGH_FOR_MEMORY: Final = 2000
"""Calls below which memory says nothing yet."""

MOST_TRACED: Final = 512 * 1024
"""Bytes of Python's that may be there more at the end than after the first tenth."""

MOST_RSS: Final = 16 * 1024 * 1024
"""The same for the process, whose allocator keeps some of what it had."""

_WORKERS: Final = "soak"
"""How the names begin of the threads that make synchronous calls; there are as many as there ever will be soon."""

_THREADS: Final = 2
"""The other threads: the main one and the background loop's."""

_SHORT: Final[tuple[Clock | None, ...]] = (None, "time_to_first_token", "idle", "request")


class Sample(NamedTuple):
    """What the process holds while no call is under way."""

    calls: int
    rss: int
    traced: int
    handles: int
    active: int
    tasks: int
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return (
            f"{self.calls:>7} calls  rss {self.rss / 2**20:7.1f} MB  traced {self.traced / 2**10:8.0f} KB  "
            f"handles {self.handles}  active {self.active}  tasks {self.tasks}  threads {self.threads}  "
            f"fds {self.descriptors}"
        )


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def sample(runtime: bamlvm.Runtime, calls: int) -> Sample:
    gc.collect()
    with open("/proc/self/statm") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    loops = [asyncio.get_running_loop()]
    background = sys.modules.get("bamlvm.calls.background")
    if background is not None and background.BACKGROUND.current is not None:
        loops.append(background.BACKGROUND.current)
    tasks = sum(not task.done() for loop in loops for task in asyncio.all_tasks(loop))
    traced = tracemalloc.get_traced_memory()[0]
    threads = sum(not thread.name.startswith(_WORKERS) for thread in threading.enumerate())
    return Sample(calls, rss, traced, runtime.handles, len(runtime.engine.active), tasks, threads, descriptors())


@contextlib.contextmanager
def server_process() -> Iterator[int]:
    """The server's port."""
    command = [sys.executable, "-m", "tests.soak.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class Soak:
    """The calls: what each is comes from one random number generator."""

    def __init__(self, runtime: bamlvm.Runtime, port: int) -> None:
        self.runtime = runtime
        self.base = f"http://127.0.0.1:{port}"
        self.random = random.Random(SEED)
        self.ends: Counter[str] = Counter()

    async def one(self) -> None:
        """One call, ended one way or another."""
        draw = self.random
        case = draw.choice(CASES)
        way = draw.choice(WAYS)
        clock = case.fault.clock or draw.choice(_SHORT)
        function = function_name(case.wire, way, clock)
        env = {"BAD": f"{self.base}/{case.key}", "GOOD": f"{self.base}/{good_key(case.wire)}"}
        kind = draw.choice(("final", "events", "callbacks", "thread", "break", "token", "cancel", "deadline", "raise"))
        token = bamlvm.CancelToken()
        context: dict[str, Any] = {"env": env, "cancel": token, "timeout": 30.0}
        if kind == "deadline":
            context["timeout"] = draw.random() * 0.05
        if kind == "callbacks":
            context |= {"on_partial": _ignore, "on_tick": _ignore, "on_attempt": _ignore}
        if kind == "raise":
            context["on_partial"] = _refuse
        if kind == "thread":
            context["on_partial"] = _ignore
        made = bamlvm.CallContext(**context)
        later = draw.random() * 0.05
        try:
            self._look(case, await self._call(kind, function, made, token, later))
        except bamlvm.ThrownError as error:
            assert error.class_name == "baml.errors.AllAttemptsFailed", error
            self.ends["failed"] += 1
        except bamlvm.DeadlineExceeded:
            assert kind == "deadline", (kind, case)
            self.ends["deadline"] += 1
        except bamlvm.Cancelled:
            assert kind in ("token", "break"), (kind, case)
            self.ends["token"] += 1
        except asyncio.CancelledError:
            assert kind == "cancel", (kind, case)
            self.ends["cancelled"] += 1
        except _RefusedError:
            self.ends["callback raised"] += 1

    def _look(self, case: Case, value: Any) -> None:
        if value is None:
            self.ends["left"] += 1
            return
        outcome = case.fault.of(case.wire)
        allowed = {SECOND} if outcome.error is not None else {SECOND, outcome.text}
        assert value in allowed, (case.wire.name, case.fault.title, value)
        self.ends["answered"] += 1

    async def _call(
        self, kind: str, function: str, context: bamlvm.CallContext, token: bamlvm.CancelToken, later: float
    ) -> Any:
        args = {"input": "x"}
        if kind == "thread":
            return await asyncio.to_thread(self.runtime.call_function_sync, function, args, context)
        if kind in ("callbacks", "raise"):
            return await self.runtime.call_function(function, args, context)
        stream = self.runtime.stream(function, args, context)
        if kind == "break":
            async with stream:
                async for _ in stream:
                    return None
            return await stream.final()
        if kind == "token":
            handle = asyncio.get_running_loop().call_later(later, token.cancel)
            try:
                return await stream.final()
            finally:
                handle.cancel()
        if kind == "cancel":
            task = asyncio.ensure_future(_final(stream))
            handle = asyncio.get_running_loop().call_later(later, task.cancel)
            try:
                return await task
            finally:
                handle.cancel()
        if kind == "events":
            async for _ in stream.events():
                pass
        return await stream.final()


async def _final(stream: bamlvm.Stream) -> Any:
    return await stream.final()


class _RefusedError(Exception):
    """What a callback raises."""


def _ignore(value: Any) -> None:
    pass


def _refuse(value: Any) -> None:
    raise _RefusedError


async def soak(port: int, say: Callable[[str], None]) -> list[Sample]:
    """All calls; the samples after each tenth."""
    samples = []
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(8, _WORKERS))
    async with bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        calls = Soak(runtime, port)
        tenth = max(1, CALLS // 10)
        left = 0

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await calls.one()

        for number in range(1, 11):
            left = tenth
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            await asyncio.sleep(0.3)  # what a left stream's task is still closing
            samples.append(sample(runtime, number * tenth))
            say(str(samples[-1]))
        say(f"ends: {dict(calls.ends)}")
    return samples


def check(samples: list[Sample]) -> None:
    """Nothing grows after the first tenth.  Raises :class:`AssertionError` that says what did."""
    first, last = samples[0], samples[-1]
    for each in samples:
        assert each.handles == 0, f"handles are left open: {each}"
        assert each.active == 0, f"calls are left: {each}"
        assert each.tasks == first.tasks, f"tasks are left: {each}"
        assert each.threads <= _THREADS, f"threads are left: {each}"
        # Idle connections wait to be used again: one loop keeps no more of them than there were calls at once.
        assert each.descriptors <= first.descriptors + AT_ONCE, f"file descriptors are left: {each}"
    if last.calls >= ENOUGH_FOR_MEMORY:
        assert last.traced - first.traced < MOST_TRACED, f"Python's memory grows: {first} → {last}"
        assert last.rss - first.rss < MOST_RSS, f"the process grows: {first} → {last}"


def main() -> None:
    print(f"{CALLS} calls, {AT_ONCE} at a time, seed {SEED}")
    import bamlvm.sysops.system  # noqa: F401  # it keeps one file open, which is none of a call's

    before = descriptors()
    tracemalloc.start()
    started, cpu = time.monotonic(), time.process_time()
    with server_process() as port:
        samples = asyncio.run(soak(port, lambda line: print(line, flush=True)))
        gc.collect()
    check(samples)
    background = sys.modules.get("bamlvm.calls.background")
    kept = 3 if background is not None and background.BACKGROUND.current is not None else 0  # its selector and pipe
    after = descriptors()
    assert after <= before + kept, f"{after - before} file descriptors are left when the runtime is closed"
    wall, used = time.monotonic() - started, time.process_time() - cpu
    print(f"nothing grew: {wall:.0f} s, of them {used:.0f} s of CPU under tracemalloc")


if __name__ == "__main__":
    main()
