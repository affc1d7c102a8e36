"""Calls that end early: tokens, deadlines, cancelled tasks, signals."""

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
from bamlvm import CallContext, Cancelled, CancelToken, DeadlineExceeded
from bamlvm.mock import ThreadedMockServer

pytestmark = pytest.mark.slow

Make: TypeAlias = Callable[..., bamlvm.Runtime]


def in_a_moment(action: Callable[[], Any], seconds: float = 0.05) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


@pytest.mark.parametrize("name", ["spin", "naps"])
def test_a_token_ends_a_sync_call(runtime: bamlvm.Runtime, name: str) -> None:
    token = CancelToken()
    timer = in_a_moment(token.cancel)
    with pytest.raises(Cancelled):
        runtime.call_function_sync(name, {}, CallContext(cancel=token))
    timer.join()


@pytest.mark.parametrize("name", ["spin", "naps"])
async def test_a_token_ends_an_async_call(runtime: bamlvm.Runtime, name: str) -> None:
    token = CancelToken()
    timer = in_a_moment(token.cancel)
    with pytest.raises(Cancelled):
        await runtime.call_function(name, {}, CallContext(cancel=token))
    timer.join()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


def test_a_cancelled_token_ends_a_call_before_it_begins(runtime: bamlvm.Runtime) -> None:
    token = CancelToken()
    token.cancel()
    token.cancel()
    assert token.cancelled
    for name, args in (("add", {"a": 1, "b": 2}), ("nap", {"ms": 1})):
        with pytest.raises(Cancelled):
            runtime.call_function_sync(name, args, CallContext(cancel=token))


def test_one_token_for_many_calls(runtime: bamlvm.Runtime) -> None:
    token = CancelToken()
    outcomes: list[type[BaseException]] = []

    def work() -> None:
        try:
            runtime.call_function_sync("naps", {}, CallContext(cancel=token))
        except BaseException as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(runtime.engine.active) < 8:
        time.sleep(0.001)
    token.cancel()
    for thread in threads:
        thread.join()
    assert outcomes == [Cancelled] * 8


@pytest.mark.parametrize("name", ["spin", "naps"])
@pytest.mark.parametrize("seconds", [0, 0.05])
async def test_a_deadline(runtime: bamlvm.Runtime, name: str, seconds: float) -> None:
    context = CallContext(timeout=seconds)
    with pytest.raises(DeadlineExceeded, match=f"timeout of {seconds:g} s") as passed:
        runtime.call_function_sync(name, {}, context)
    assert isinstance(passed.value, Cancelled)
    with pytest.raises(DeadlineExceeded):
        await runtime.call_function(name, {}, context)


async def test_a_deadline_that_does_not_pass(runtime: bamlvm.Runtime) -> None:
    context = CallContext(timeout=60, cancel=CancelToken())
    assert runtime.call_function_sync("nap", {"ms": 1}, context) == 1
    assert await runtime.call_function("nap", {"ms": 1}, context) == 1
    assert context.cancel is not None
    context.cancel.cancel()  # nobody listens any more


@pytest.mark.parametrize("name", ["spin", "naps"])
async def test_asyncios_own_cancellation_passes_through(runtime: bamlvm.Runtime, name: str) -> None:
    task = asyncio.create_task(runtime.call_function(name, {}, CallContext(cancel=CancelToken(), timeout=60)))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_asyncios_own_cancellation_wins_over_the_token(runtime: bamlvm.Runtime) -> None:
    token = CancelToken()
    task = asyncio.create_task(runtime.call_function("naps", {}, CallContext(cancel=token)))
    await asyncio.sleep(0.02)
    token.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_asyncio_timeout_around_a_call(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await runtime.call_function("naps", {}, CallContext(timeout=60))


async def test_a_deadline_inside_an_asyncio_timeout(runtime: bamlvm.Runtime) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(DeadlineExceeded):
            await runtime.call_function("naps", {}, CallContext(timeout=0.02))
        await asyncio.sleep(0.001)


def test_a_token_cancelled_in_a_signal_handler(runtime: bamlvm.Runtime) -> None:
    token = CancelToken()
    before = signal.signal(signal.SIGUSR1, lambda *_: token.cancel())
    try:
        timer = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        with pytest.raises(Cancelled):
            runtime.call_function_sync("naps", {}, CallContext(cancel=token))
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


STALLS = {
    "before": [{"kind": "stall", "where": "before"}],
    "headers": [{"kind": "stall", "where": "headers"}],
    "body": [{"kind": "stall", "where": "body"}],
}


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("where", STALLS)
@pytest.mark.parametrize("how", ["token", "deadline", "ctrl-c", "close"])
def test_ending_a_sync_call_in_the_middle_of_an_exchange(
    make: Make,
    llm_source: Callable[..., str],
    threaded_mock_server: ThreadedMockServer,
    where: str,
    how: str,
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"pieces": ["a", "b"], "faults": STALLS[where]}]}]})
    token = CancelToken()
    runtime = make(llm_source(threaded_mock_server.url))
    context = CallContext(on_partial=[].append, cancel=token, timeout=0.5 if how == "deadline" else None)
    action = {
        "token": token.cancel,
        "ctrl-c": lambda: os.kill(os.getpid(), signal.SIGINT),
        "close": runtime.close,
    }.get(how)

    def later() -> None:
        assert action is not None
        threaded_mock_server.until(lambda server: bool(server.requests))
        time.sleep(0.02)
        action()

    thread = threading.Thread(target=later)
    if action is not None:
        thread.start()
    with pytest.raises((Cancelled, KeyboardInterrupt)) as ended:
        runtime.call_function_sync("F", {"input": "x"}, context)
    if action is not None:
        thread.join()
    assert ended.type is {"deadline": DeadlineExceeded, "ctrl-c": KeyboardInterrupt}.get(how, Cancelled)
    assert runtime.handles == 0
    threaded_mock_server.until(lambda server: server.open_connections == 0)


@pytest.mark.parametrize("where", STALLS)
async def test_cancelling_an_async_call_in_the_middle_of_an_exchange(
    make: Make, llm_source: Callable[..., str], mock_server: Any, where: str
) -> None:
    mock_server.play({"rules": [{"answers": [{"pieces": ["a", "b"], "faults": STALLS[where]}]}]})
    async with make(llm_source(mock_server.url)) as runtime:
        context = CallContext(on_partial=[].append)
        task = asyncio.create_task(runtime.call_function("F", {"input": "x"}, context))
        await mock_server.until(lambda server: server.requests)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert runtime.handles == 0
        await mock_server.until(lambda server: server.open_connections == 0)


NESTED = "{% for i in range(2000) %}{% for j in range(2000) %}BODY{% endfor %}{% endfor %}"
PROMPTS = {
    "silent": NESTED.replace("BODY", ""),
    "text": NESTED.replace("BODY", "{{ j }}"),
    "macro": "{% macro m() %}" + NESTED.replace("BODY", "{{ loop.index }}") + "{% endmacro %}{{ m() }}",
    "set": "{% set x %}" + NESTED.replace("BODY", "{{ ''|upper|lower|upper }}") + "{% endset %}{{ x }}",
    "string": "{{ Below() }}",
}


def prompting(template: str) -> bamlvm.Runtime:
    source = f"""
        client C {{ provider openai  options {{ model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" }} }}
        template_string Below() #"{NESTED.replace("BODY", "y")}"#
        function F() -> string {{ client C  prompt #"{template}"# }}
    """
    return bamlvm.Runtime.from_files({"main.baml": source})


@pytest.mark.parametrize("name", PROMPTS)
async def test_a_prompt_is_interrupted_while_it_renders(name: str) -> None:
    with prompting(PROMPTS[name]) as runtime:
        with pytest.raises(DeadlineExceeded):
            runtime.call_function_sync("F", {}, CallContext(timeout=0.02))
        token = CancelToken()
        timer = in_a_moment(token.cancel)
        with pytest.raises(Cancelled):
            await runtime.call_function("F", {}, CallContext(cancel=token))
        timer.join()


@pytest.mark.parametrize("name", PROMPTS)
async def test_other_tasks_run_while_a_prompt_renders(name: str) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with prompting(PROMPTS[name]) as runtime:
        task = asyncio.create_task(other())
        both = [runtime.call_function("F", {}, CallContext(timeout=0.5)) for _ in range(2)]
        ended = await asyncio.gather(*both, return_exceptions=True)
        task.cancel()
    assert [type(each) for each in ended] == [DeadlineExceeded] * 2
    assert turns > 5
