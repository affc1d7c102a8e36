"""Calls: values, errors, cancellation, deadlines, callbacks, threads, processes."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, Cancelled, CancelToken, DeadlineExceeded, HostError, ThrownError
from bamlvm.mock import ThreadedMockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]

SOURCE = """
class Problem { code int  message string }
enum Color { Red }
function add(a: int, b: int) -> int { a + b }
function spin() -> int { let n = 0; while (true) { n = (n + 1) % 1000; } n }
function nap(ms: int) -> int { baml.sys.sleep(ms); ms }
function naps() -> int { let n = 0; while (true) { baml.sys.sleep(1); n += 1; } n }
function emit(n: int) -> int {
    for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); }
    n
}
function emit_and_nap(n: int) -> int {
    for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); baml.sys.sleep(1); }
    n
}
function inner(n: int) -> int { 10 / n }
function outer(n: int) -> int {
    inner(n)
}
function throw_problem() -> int { throw Problem { code: 7, message: "bad" } }
function throw_string() -> int { throw "oh" }
function throw_enum() -> int { throw Color.Red }
function forever(n: int) -> int { forever(n + 1) + 1 }
function variable() -> string { env.get("BAMLVM_TEST") ?? "none" }
"""


@pytest.fixture
def runtime(make: Make) -> bamlvm.Runtime:
    return make(SOURCE)


# values and errors


async def test_a_value_sync_async_and_by_attribute(runtime: bamlvm.Runtime) -> None:
    assert runtime.call_function_sync("add", {"a": 1, "b": 2}) == 3
    assert await runtime.call_function("add", {"a": 1, "b": 2}) == 3
    assert runtime.functions.add(a=1, b=2) == 3
    assert runtime.functions.add(1, b=2) == 3
    assert runtime.functions["add"](1, 2) == 3


def test_a_thrown_value_and_its_trace(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("outer", {"n": 0})
    error = thrown.value
    assert error.class_name == "baml.panics.DivisionByZero"
    assert error.value.message == error.message
    assert [(frame.function, frame.file, frame.line) for frame in error.trace] == [
        ("inner", "main.baml", 16),
        ("outer", "main.baml", 18),
    ]
    assert str(error).splitlines()[1].startswith("  at inner (main.baml:16:")


@pytest.mark.parametrize(
    ("name", "class_name", "text"),
    [
        ("throw_problem", "Problem", "Problem: bad"),
        ("throw_string", "string", "string: oh"),
        ("throw_enum", "Color", "Color: Red"),
    ],
)
def test_any_value_can_be_thrown(runtime: bamlvm.Runtime, name: str, class_name: str, text: str) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync(name)
    assert thrown.value.class_name == class_name
    assert str(thrown.value).splitlines()[0] == text


def test_deep_recursion_ends_in_a_panic(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("forever", {"n": 0})
    assert thrown.value.class_name == "baml.panics.StackOverflow"


def test_a_step_limit(make: Make) -> None:
    with pytest.raises(ThrownError) as thrown:
        make(SOURCE, step_limit=10_000).call_function_sync("spin")
    assert thrown.value.class_name == "baml.panics.StepLimit"


def test_what_cannot_be_called(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(HostError, match=r"no function 'ad' \(did you mean `add`\?\)"):
        runtime.call_function_sync("ad")
    with pytest.raises(HostError, match="no function"):
        runtime.call_function_sync("baml.sys.sleep", {"ms": 1})
    with pytest.raises(AttributeError, match="no function"):
        _ = runtime.functions.nope
    with pytest.raises(HostError, match="given twice"):
        runtime.functions.add(1, a=1)


@pytest.mark.parametrize(
    "wrong", [{"timeout": -1}, {"timeout": float("nan")}, {"on_partial": 3}, {"cancel": "now"}], ids=str
)
def test_a_context_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(HostError):
        CallContext(**wrong)


def test_a_context_does_not_show_what_may_be_a_key() -> None:
    context = CallContext(env={"OPENAI_API_KEY": "sk-secret"}, timeout=3)
    assert repr(context) == "CallContext(timeout, env)"


def test_the_environment_and_its_overrides(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = make(SOURCE)
    monkeypatch.setenv("BAMLVM_TEST", "outside")
    assert runtime.functions.variable() == "outside"
    assert runtime.call_function_sync("variable", {}, CallContext(env={"BAMLVM_TEST": "call"})) == "call"
    assert make(SOURCE, env={}).functions.variable() == "none"


def test_denied_capabilities(make: Make) -> None:
    with pytest.raises(HostError, match="unknown capability 'disk'"):
        make(SOURCE, denied=["disk"])
    denied = make('function main() -> baml.http.Response { baml.http.fetch("http://127.0.0.1:1/") }', denied=["http"])
    with pytest.raises(ThrownError, match="denies the capability 'http'"):
        denied.functions.main()


# ending a call early


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


@pytest.mark.parametrize("name", ["spin", "naps"])
def test_ctrl_c_ends_a_sync_call(runtime: bamlvm.Runtime, name: str) -> None:
    timer = in_a_moment(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        runtime.call_function_sync(name)
    timer.join()
    assert not runtime.engine.active


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


# callbacks


async def test_partials_go_to_a_callback(runtime: bamlvm.Runtime) -> None:
    for name in ("emit", "emit_and_nap"):
        got: list[Any] = []
        assert runtime.call_function_sync(name, {"n": 3}, CallContext(on_partial=got.append)) == 3
        assert got == [0, 1, 2]
        assert await runtime.call_function(name, {"n": 3}, CallContext(on_partial=got.append)) == 3
        assert got == [0, 1, 2] * 2


async def test_a_callback_with_two_parameters_gets_the_attempt_too(runtime: bamlvm.Runtime) -> None:
    got: list[Any] = []
    runtime.call_function_sync("emit", {"n": 1}, CallContext(on_partial=lambda value, attempt: got.append(attempt)))
    runtime.call_function_sync(
        "emit", {"n": 1}, CallContext(on_partial=lambda value, other="default": got.append(other))
    )
    assert got == [None, "default"]


def test_sync_callbacks_run_in_the_calling_thread(runtime: bamlvm.Runtime) -> None:
    threads: set[int] = set()
    context = CallContext(on_partial=lambda value: threads.add(threading.get_ident()))
    runtime.call_function_sync("emit_and_nap", {"n": 3}, context)
    assert threads == {threading.get_ident()}


async def test_async_callbacks_are_awaited(runtime: bamlvm.Runtime) -> None:
    got: list[Any] = []

    async def callback(value: Any) -> None:
        await asyncio.sleep(0.001)
        got.append(value)

    for name in ("emit", "emit_and_nap"):
        context = CallContext(on_partial=callback)
        assert await runtime.call_function(name, {"n": 3}, context) == 3
        assert await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context) == 3
    assert got == [0, 1, 2] * 4


class OwnError(Exception):
    pass


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callback_that_raises_ends_the_call_with_its_own_exception(
    runtime: bamlvm.Runtime, name: str, is_async: bool
) -> None:
    calls = []

    def plain(value: Any) -> None:
        calls.append(value)
        if value == 1:
            raise OwnError

    async def slow(value: Any) -> None:
        await asyncio.sleep(0)
        plain(value)

    context = CallContext(on_partial=slow if is_async else plain)
    with pytest.raises(OwnError):
        await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context)
    with pytest.raises(OwnError):
        await runtime.call_function(name, {"n": 3}, context)
    assert calls == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, StopIteration])
def test_whatever_a_sync_callback_raises_comes_out(
    runtime: bamlvm.Runtime, name: str, raised: type[BaseException]
) -> None:
    def callback(value: Any) -> None:
        raise raised

    expected: tuple[type[BaseException], ...] = (raised, RuntimeError) if raised is StopIteration else (raised,)
    with pytest.raises(expected):
        runtime.call_function_sync(name, {"n": 3}, CallContext(on_partial=callback))


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
async def test_a_token_cancelled_in_a_callback(runtime: bamlvm.Runtime, name: str) -> None:
    for in_loop in (True, False):
        token = CancelToken()
        got: list[int] = []

        def callback(value: int, token: CancelToken = token, got: list[int] = got) -> None:
            got.append(value)
            token.cancel()

        context = CallContext(on_partial=callback, cancel=token)
        with pytest.raises(Cancelled):
            if in_loop:
                await runtime.call_function(name, {"n": 3}, context)
            else:
                await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context)
        assert got == [0]


async def test_cancelling_an_async_callback(runtime: bamlvm.Runtime) -> None:
    ended = []

    async def callback(value: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(value)

    context = CallContext(on_partial=callback, timeout=0.02)
    with pytest.raises(DeadlineExceeded):
        await runtime.call_function("emit", {"n": 1}, context)
    with pytest.raises(DeadlineExceeded):
        await asyncio.to_thread(runtime.call_function_sync, "emit", {"n": 1}, context)
    assert ended == [0, 0]


def test_a_callback_may_call_the_runtime(runtime: bamlvm.Runtime) -> None:
    got = []

    def callback(value: int) -> None:
        got.append(runtime.call_function_sync("nap", {"ms": value}))

    runtime.call_function_sync("emit_and_nap", {"n": 3}, CallContext(on_partial=callback))
    assert got == [0, 1, 2]


def test_an_async_callback_of_a_sync_call_must_not_wait_for_its_own_loop(runtime: bamlvm.Runtime) -> None:
    async def callback(value: int) -> None:
        runtime.call_function_sync("nap", {"ms": 1})

    with pytest.raises(HostError, match="await it instead"):
        runtime.call_function_sync("emit_and_nap", {"n": 1}, CallContext(on_partial=callback))


# threads, loops, processes


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_makes_its_own_loop(runtime: bamlvm.Runtime) -> None:
    assert runtime.functions.nap(ms=1) == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if runtime.functions.nap(ms=2) == 2 and runtime.handles == 0 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert runtime.functions.nap(ms=1) == 1


# closing


def test_a_closed_runtime_refuses_calls(make: Make) -> None:
    with make(SOURCE) as runtime:
        assert runtime.functions.add(a=1, b=2) == 3
    runtime.close()
    with pytest.raises(HostError, match="closed"):
        runtime.functions.add(a=1, b=2)
    with pytest.raises(HostError, match="closed"):
        runtime.stream("add", {"a": 1, "b": 2})


@pytest.mark.parametrize("name", ["spin", "naps"])
def test_closing_ends_what_runs_in_other_threads(make: Make, name: str) -> None:
    runtime = make(SOURCE)
    outcomes: list[BaseException] = []

    def work() -> None:
        try:
            runtime.call_function_sync(name)
        except BaseException as error:
            outcomes.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not runtime.engine.active:
        time.sleep(0.001)
    runtime.close()
    thread.join()
    assert [type(error) for error in outcomes] == [Cancelled]
    assert "closed" in str(outcomes[0])


async def test_closing_in_a_loop(make: Make) -> None:
    async with make(SOURCE) as runtime:
        task = asyncio.create_task(runtime.call_function("naps"))
        await asyncio.sleep(0.01)
    with pytest.raises(Cancelled):
        await task


# through HTTP


def test_an_llm_call_streams_for_whom_listens(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"], "delay_ms": 5}]}]})
    with make(llm_source(threaded_mock_server.url)) as runtime:
        partials: list[str] = []
        ticks: list[Any] = []
        attempts: list[str] = []
        context = CallContext(
            on_partial=partials.append, on_tick=ticks.extend, on_attempt=lambda event: attempts.append(event.kind)
        )
        assert runtime.call_function_sync("F", {"input": "world"}, context) == "Hello, world!"
        assert partials[-1] == "Hello, world!"
        assert all(later.startswith(sooner) for sooner, later in itertools.pairwise(partials))
        assert {tuple(tick) for tick in ticks} == {("event", "data", "id")}
        assert attempts == ["started", "succeeded"]
        assert threaded_mock_server.requests[-1].body["stream"] is True
        assert runtime.call_function_sync("F", {"input": "world"}) == "Hello, world!"
        assert "stream" not in threaded_mock_server.requests[-1].body


STALLS = {
    "before": [{"kind": "stall", "where": "before"}],
    "headers": [{"kind": "stall", "where": "headers"}],
    "body": [{"kind": "stall", "where": "body"}],
}


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
    context = CallContext(on_partial=[].append, cancel=token, timeout=2.0 if how == "deadline" else None)
    action = {
        "token": token.cancel,
        "ctrl-c": lambda: os.kill(os.getpid(), signal.SIGINT),
        "close": runtime.close,
        "deadline": lambda: None,
    }[how]

    def later() -> None:
        threaded_mock_server.until(lambda server: bool(server.requests))
        time.sleep(0.02)
        action()

    thread = threading.Thread(target=later)
    thread.start()
    with pytest.raises((Cancelled, KeyboardInterrupt)) as ended:
        runtime.call_function_sync("F", {"input": "x"}, context)
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
