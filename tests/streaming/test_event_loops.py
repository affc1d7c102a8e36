"""The whole API on event loops other than the tests' own: uvloop, asyncio in debug mode, and loops inside loops.

A loop's own complaints (a callback that raised, a call from the wrong thread, a coroutine that was never awaited) reach
its exception handler or a warning; both fail a test here.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import bamlvm
from bamlvm import CallContext, CancelToken
from bamlvm.mock import ThreadedMockServer

LOOPS = ("uvloop", "debug")

SOURCE = """
client C { provider openai-generic  retry_policy R  options { base_url "%s/v1"  model "m"  api_key "k" } }
retry_policy R { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
function F(input: string) -> string { client C  prompt #"Say hello to {{ input }}"# }
"""


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "uvloop":
        loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    else:
        loop = asyncio.new_event_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 60
    return loop


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end on a new loop, as ``asyncio.run`` does; the loop must have nothing to complain of."""
    name = request.param
    if name == "uvloop":
        pytest.importorskip("uvloop")

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        complaints: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=lambda: new_loop(name)) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
            result = runner.run(main)
        assert not complaints
        return result

    return run


@pytest.fixture
def runtime(threaded_mock_server: ThreadedMockServer) -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE % threaded_mock_server.url}) as runtime:
        yield runtime
        assert runtime.handles == 0
    threaded_mock_server.until(lambda server: server.open_connections == 0)


def answers(server: ThreadedMockServer, *answers: dict[str, Any]) -> None:
    server.play({"rules": [{"answers": list(answers)}]})


def test_calls_and_streams(run: Any, runtime: Any, threaded_mock_server: ThreadedMockServer) -> None:
    answers(threaded_mock_server, {"pieces": ["Hello", ", ", "world"], "delay_ms": 5})

    async def main() -> None:
        for _ in range(2):
            assert await runtime.call_function("F", {"input": "a"}) == "Hello, world"
            stream = runtime.stream("F", {"input": "a"})
            partials = [partial async for partial in stream]
            assert partials[-1] == "Hello, world"
            assert await stream.final() == "Hello, world"
        found = await asyncio.gather(*(runtime.call_function("F", {"input": str(n)}) for n in range(20)))
        assert found == ["Hello, world"] * 20

    run(main())


def test_sync_calls_from_inside_a_loop(run: Any, runtime: Any, threaded_mock_server: ThreadedMockServer) -> None:
    """As in a notebook, whose cells run in a loop."""
    answers(threaded_mock_server, {"pieces": ["Hello"]})

    async def main() -> None:
        assert runtime.call_function_sync("F", {"input": "a"}) == "Hello"
        assert list(runtime.stream("F", {"input": "a"}))[-1] == "Hello"

    run(main())


@pytest.mark.parametrize("fault", ["reset", "truncate", "garbage", "status"])
def test_what_fails_is_tried_again(
    run: Any, runtime: Any, threaded_mock_server: ThreadedMockServer, fault: str
) -> None:
    more = {"status": {"code": 503}, "garbage": {"where": "response"}}.get(fault, {})
    faults = [{"kind": fault, **more}]
    answers(threaded_mock_server, {"pieces": ["a", "b"], "faults": faults}, {"pieces": ["Hello"]})

    async def main() -> None:
        stream = runtime.stream("F", {"input": "a"})
        async for _ in stream:
            pass
        assert await stream.final() == "Hello"

    run(main())


@pytest.mark.parametrize("where", ["before", "headers", "body"])
@pytest.mark.parametrize("how", ["task", "token", "deadline", "close"])
def test_a_call_that_is_ended_early(
    run: Any, runtime: Any, threaded_mock_server: ThreadedMockServer, where: str, how: str
) -> None:
    answers(threaded_mock_server, {"pieces": ["a", "b"], "faults": [{"kind": "stall", "where": where}]})
    token = CancelToken()

    async def main() -> None:
        context = CallContext(
            on_partial=[].append, cancel=token, timeout=0.3 if how == "deadline" else None
        )  # with a callback, so that the call streams
        task = asyncio.create_task(runtime.call_function("F", {"input": "a"}, context))
        if how != "deadline":
            await asyncio.to_thread(threaded_mock_server.until, lambda server: bool(server.requests))
            await asyncio.sleep(0.02)
        if how == "task":
            task.cancel()
        elif how == "token":
            token.cancel()
        elif how == "close":
            await runtime.aclose()
        with pytest.raises((asyncio.CancelledError, bamlvm.Cancelled)):
            await task

    run(main())


def test_a_loop_that_ends_in_the_middle_of_a_stream(
    run: Any, runtime: Any, threaded_mock_server: ThreadedMockServer
) -> None:
    """Everything that is open is closed with the loop, which does not wait for what never comes."""
    answers(threaded_mock_server, {"pieces": ["a", "b", "c"], "delay_ms": 600_000})

    async def main() -> None:
        async for _ in runtime.stream("F", {"input": "a"}):
            break

    run(main())
    threaded_mock_server.until(lambda server: server.open_connections == 0)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("optimised", [False, True])
def test_a_process_of_its_own(threaded_mock_server: ThreadedMockServer, loop: str, optimised: bool) -> None:
    """Where the loop is set for the whole process: the thread behind sync calls runs on it too, and is not waited for
    at the end.  Nothing depends on assertions."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    answers(threaded_mock_server, {"pieces": ["Hello"]})
    program = f"""
import asyncio, logging, warnings
logging.getLogger("asyncio").setLevel(logging.ERROR)  # a slow callback is no error
warnings.simplefilter("error")
import bamlvm
from bamlvm.calls.background import BACKGROUND

runtime = bamlvm.Runtime.from_files({{"main.baml": {SOURCE % threaded_mock_server.url!r}}})

async def main():
    return await runtime.call_function("F", {{"input": "a"}})

if {loop == "uvloop"}:
    import uvloop
    assert uvloop.run(main()) == "Hello"
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
else:
    assert asyncio.run(main(), debug=True) == "Hello"
print(runtime.call_function_sync("F", {{"input": "a"}}), list(runtime.stream("F", {{"input": "a"}})))
print(type(BACKGROUND.current).__module__, BACKGROUND.current.get_debug())
"""
    options = ["-O"] if optimised else []
    if loop == "debug":
        options += ["-X", "dev"]
    command = [sys.executable, *options, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == "Hello ['Hello']"
    assert ended.stdout.splitlines()[1] == ("uvloop False" if loop == "uvloop" else "asyncio.unix_events True")
