"""Processes that end, and that fork, with calls and connections open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.mock import ThreadedMockServer

pytestmark = pytest.mark.slow

HELLO = {"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"]}]}]}


PROGRAM = """
import asyncio, gc, os, sys, threading, time
import bamlvm
source = sys.argv[1]
runtime = bamlvm.Runtime.from_files({"main.baml": source})
"""


ENDINGS = {
    "a stream open": "stream = runtime.stream('F', {'input': 'x'}); reader = iter(stream); print(next(reader))",
    "an idle connection": "print(runtime.functions.F('x')[:1])",
    "a runtime dropped": "print(runtime.functions.F('x')[:1]); del runtime; gc.collect(); time.sleep(0.1)",
    "a stream open in a loop that ends": """
async def main():
    global stream, reader
    stream = runtime.stream("F", {"input": "x"})
    reader = aiter(stream)
    print(await anext(reader))
asyncio.run(main())
""",
    "a connection in a loop that ends": """
async def main():
    print((await runtime.call_function("F", {"input": "x"}))[:1])
asyncio.run(main())
""",
    "a thread waiting": """
heard = threading.Event()
def hear(value):
    print(value)
    heard.set()
def wait():
    try:
        runtime.call_function_sync("F", {"input": "x"}, bamlvm.CallContext(on_partial=hear))
    except bamlvm.Cancelled:
        pass
threading.Thread(target=wait, daemon=True).start()
heard.wait(120)
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_at_once_and_says_nothing(
    llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer, ending: str
) -> None:
    slow: dict[str, Any] = {
        "pieces": ["a", "b"],
        "delay_ms": 0 if "connection" in ending or "drop" in ending else 60_000,
    }
    threaded_mock_server.play({"rules": [{"answers": [slow]}]})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + ENDINGS[ending], llm_source(threaded_mock_server.url)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n", "")
    threaded_mock_server.until(lambda server: server.open_connections == 0)


FORK = """
def asks():
    return runtime.functions.F("x") == "Hello, world!"

with runtime:
    first = asks()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with runtime:
                code = 0 if asks() else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if not (first and os.waitstatus_to_exitcode(status) == 0 and asks()):
        sys.exit("the answers are wrong")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_with_an_idle_connection(
    llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play(HELLO)
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", PROGRAM + FORK]
    done = subprocess.run([*command, llm_source(threaded_mock_server.url)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [exchange.connection for exchange in threaded_mock_server.requests] == [1, 2, 1]
