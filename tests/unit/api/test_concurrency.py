"""One runtime in many threads, tasks, event loops and processes at once, against a server in a process of its own.

The server echoes each prompt, so an answer that came to the wrong call would show.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm.cli.mock import ThreadedMockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]

PROGRAM = """
client<llm> A { provider openai  options { model "one"  api_key "sk-k"  base_url "URL/v1" } }
client<llm> B { provider anthropic  options { model "two"  api_key "sk-k"  base_url "URL" } }
client<llm> C { provider round-robin  options { strategy [A, B] } }
function F(input: string) -> string { client C  prompt #"{{ _.role("user") }}{{ input }}"# }
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "bamlvm", "mock", "--quiet", "--delay-ms", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait(10)


def is_answer(text: str, prompt: str) -> bool:
    return text.endswith(f"was asked: {prompt}")


def test_hundreds_of_streams_from_threads_and_tasks(make: Make, url: str) -> None:
    runtime = make(PROGRAM.replace("URL", url))
    collector = bamlvm.Collector()
    context = bamlvm.CallContext(collectors=[collector])

    def from_thread(number: int) -> list[tuple[str, str]]:
        found = []
        for turn in range(6):
            prompt = f"thread {number} turn {turn} " + "word " * (number % 7)
            stream = runtime.stream("F", {"input": prompt.strip()}, context)
            partials = list(stream)
            assert all(after.startswith(before) for before, after in pairwise(partials))
            found.append((prompt.strip(), stream.final()))
        return found

    async def one(prompt: str) -> tuple[str, str]:
        stream = runtime.stream("F", {"input": prompt}, context)
        async for partial in stream:
            last = partial
        assert last == await stream.final()
        return prompt, last

    def from_loop(number: int) -> list[tuple[str, str]]:
        async def main() -> list[tuple[str, str]]:
            return list(await asyncio.gather(*(one(f"loop {number} task {task}") for task in range(30))))

        return asyncio.run(main())

    with ThreadPoolExecutor(20) as pool:
        threads = [pool.submit(from_thread, number) for number in range(16)]
        loops = [pool.submit(from_loop, number) for number in range(4)]
        found = [pair for future in [*threads, *loops] for pair in future.result(120)]
    assert len(found) == 16 * 6 + 4 * 30 == 216
    assert [pair for pair in found if not is_answer(pair[1], pair[0])] == []
    assert len(collector) == 216
    by_client = [sum(attempt.client == name for attempt in collector.attempts) for name in "AB"]
    assert by_client == [108, 108], "round-robin gives each its share"
    assert runtime.handles == 0


def test_two_event_loops_share_a_runtime(make: Make, url: str) -> None:
    runtime = make(PROGRAM.replace("URL", url))
    meeting = threading.Barrier(2, timeout=30)

    def work(name: str) -> list[str]:
        async def main() -> list[str]:
            found = []
            for turn in range(5):
                await asyncio.to_thread(meeting.wait)
                found.append(await runtime.call_function("F", {"input": f"{name} {turn}"}))
            return found

        return asyncio.run(main())

    with ThreadPoolExecutor(2) as pool:
        for name, found in zip("xy", pool.map(work, "xy"), strict=True):
            assert all(is_answer(text, f"{name} {turn}") for turn, text in enumerate(found))


def test_asyncio_run_again_and_again(make: Make, threaded_mock_server: ThreadedMockServer) -> None:
    runtime = make(PROGRAM.replace("URL", threaded_mock_server.url))
    for turn in range(8):
        assert is_answer(asyncio.run(runtime.call_function("F", {"input": f"run {turn}"})), f"run {turn}")
        assert is_answer(runtime.functions.F(f"sync {turn}"), f"sync {turn}")
    threaded_mock_server.until(lambda server: server.open_connections <= 1)  # those of the ended loops are closed


def test_a_runtime_that_is_dropped_closes_its_connections(threaded_mock_server: ThreadedMockServer) -> None:
    runtime = bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", threaded_mock_server.url)})
    assert is_answer(runtime.functions.F("x"), "x")
    assert threaded_mock_server.open_connections == 1
    del runtime
    gc.collect()
    threaded_mock_server.until(lambda server: server.open_connections == 0)


CHILDREN = """
import json, multiprocessing, os, sys, threading
import bamlvm

SOURCE = {"main.baml": sys.argv[1]}
runtime = None

def ask(prompt):
    global runtime
    if runtime is None:
        runtime = bamlvm.Runtime.from_files(SOURCE)
    collector = bamlvm.Collector()
    stream = runtime.stream("F", {"input": prompt}, bamlvm.CallContext(collectors=[collector]))
    partials = list(stream)
    return os.getpid(), stream.final(), len(partials) > 0, len(collector), runtime.handles

def main(method):
    global runtime
    runtime = bamlvm.Runtime.from_files(SOURCE)
    found = {"parent": []}
    def keep_asking():
        for turn in range(15):
            found["parent"].append(ask(f"parent {turn}"))
    thread = threading.Thread(target=keep_asking)
    thread.start()
    running = runtime.stream("F", {"input": "running while others fork"})
    iterator = iter(running)
    next(iterator)
    with multiprocessing.get_context(method).Pool(3) as pool:
        found["children"] = pool.map(ask, [f"child {n}" for n in range(9)], chunksize=1)
        pool.close()
        pool.join()
    list(iterator)
    found["running"] = running.final()
    thread.join()
    found["after"] = ask("after")
    runtime.close()
    print(json.dumps(found))

if __name__ == "__main__":
    main(sys.argv[2])
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_of_a_process_with_streams_running(url: str, tmp_path: Path, method: str) -> None:
    script = tmp_path / "children.py"
    script.write_text(CHILDREN)
    # From 3.12 on Python warns whenever a process with threads forks, as one with a background loop does.
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", str(script)]
    done = subprocess.run(
        [*command, PROGRAM.replace("URL", url), method], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    assert is_answer(found["running"], "running while others fork")
    for turn, (_, text, streamed, calls, handles) in enumerate(found["parent"]):
        assert (is_answer(text, f"parent {turn}"), streamed, calls) == (True, True, 1), handles
    assert len(found["parent"]) == 15
    for number, (_, text, streamed, calls, handles) in enumerate(found["children"]):
        assert (is_answer(text, f"child {number}"), streamed, calls, handles) == (True, True, 1, 0)
    parent = found["after"][0]
    assert parent not in {child[0] for child in found["children"]}
    assert is_answer(found["after"][1], "after")


FORKS = """
import os, sys, threading
import bamlvm

runtime = bamlvm.Runtime.from_files({"main.baml": sys.argv[1]})
streams = [runtime.stream("F", {"input": f"stream {n} " + "word " * 40}) for n in range(5)]
iterators = [iter(stream) for stream in streams]
for iterator in iterators:
    next(iterator)
children = []
for n in range(4):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with runtime:
                ok = runtime.functions.F(f"child {n}").endswith(f"child {n}")
                code = 0 if ok and runtime.handles == 0 else 2
        finally:
            os._exit(code)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
for iterator in iterators:
    list(iterator)
whole = all(stream.final().rstrip().endswith("word") for stream in streams)
print(codes, whole, runtime.handles)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_streams(url: str) -> None:
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", FORKS]
    done = subprocess.run(
        [*command, PROGRAM.replace("URL", url)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 0, 0, 0] True 0\n", "")
