"""LLM calls in threads of one call: streams side by side, one that is cancelled, a deadline, a fault, any order."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bamlvm
from bamlvm.mock import MockServer
from tests.support.virtual_time import virtual_loop

PROGRAM = """
client<llm> One { provider openai  options { model "one"  api_key "k"  base_url "URL/v1" } }
client<llm> Two { provider anthropic  options { model "two"  api_key "k"  base_url "URL" } }
client<llm> Slow { provider openai  options { model "slow"  api_key "k"  base_url "URL/v1" } }
client<llm> Bad { provider openai  options { model "bad"  api_key "k"  base_url "URL/v1" } }
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> Either { provider fallback  retry_policy Once  options { strategy [Bad, Two] } }

function First(input: string) -> string { client One  prompt #"{{ input }}"# }
function Second(input: string) -> string { client Two  prompt #"{{ input }}"# }
function Stuck(input: string) -> string { client Slow  prompt #"{{ input }}"# }
function Failing(input: string) -> string { client Bad  prompt #"{{ input }}"# }
function Fallen(input: string) -> string { client Either  prompt #"{{ input }}"# }

function both() -> string[] {
  let a = spawn { baml.llm.stream_llm_function("First", {"input": "a"}) };
  let b = spawn { baml.llm.stream_llm_function("Second", {"input": "b"}) };
  [await a, await b, baml.llm.stream_llm_function("First", {"input": "c"})]
}
function plain() -> string[] {
  let a = spawn { First("a") };
  let b = spawn { Fallen("b") };
  await baml.future.all([a, b])
}
function cancelled() -> string {
  let a = spawn { baml.llm.stream_llm_function("Stuck", {"input": "a"}) };
  let b = First("b");
  baml.sys.sleep(30);
  a.cancel();
  let c = (await a) catch (e) { _: baml.panics.Cancelled => "cancelled" };
  `${b} ${c}`
}
function raced() -> string {
  await baml.future.race([spawn { Stuck("a") }, spawn { First("b") }])
}
function three() -> string[] {
  await baml.future.all([spawn { Stuck("a") }, spawn { Stuck("b") }, spawn { First("c") }])
}
function faulty() -> string {
  let bad = spawn { Failing("a") };
  let good = spawn { First("b") };
  let text = (await bad) catch (e) { _: baml.errors.AllAttemptsFailed => "failed" };
  `${text} ${await good}`
}
function thrown() -> string {
  let stuck = spawn { Stuck("a") };
  let lost = spawn { Failing("b") };
  baml.sys.sleep(60);
  throw "over"
}
function many(orders: int[], limit: int) -> string[] {
  orders.map_concurrent((n: int) -> string {
    match (n) {
      0 => First("x"),
      1 => Fallen("y"),
      2 => { let f = spawn { Stuck("z") }; baml.sys.sleep(2); f.cancel(); "gone" },
      3 => await spawn { Second("w") },
      _ => { baml.sys.sleep(n); "slept" },
    }
  }, limit)
}
"""

RULES = [
    {"model": "one", "answers": [{"pieces": ["He", "llo"]}], "after": "repeat"},
    {"model": "two", "answers": [{"pieces": ["Wor", "ld"]}], "after": "repeat"},
    {"model": "slow", "answers": [{"pieces": ["a"], "faults": [{"kind": "stall", "at": 200}]}], "after": "repeat"},
    {"model": "bad", "answers": [{"text": "x", "faults": [{"kind": "status", "code": 401}]}], "after": "repeat"},
]


@pytest.fixture
def runtime(mock_server: MockServer) -> Any:
    mock_server.play({"rules": RULES})
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", mock_server.url)}) as made:
        yield made
        assert made.handles == 0, "the call left handles open"


async def closed(server: MockServer) -> None:
    """No exchange is under way any more: what was cancelled has closed its connection."""
    await server.until(lambda server: server.open_connections == 0)


async def test_two_streams_and_the_main_thread_s_own(runtime: bamlvm.Runtime) -> None:
    values: list[Any] = []
    alone: list[Any] = []
    collector = bamlvm.Collector(keep_raw_events=True)
    context = bamlvm.CallContext(on_partial=lambda value, record: values.append((record.thread, value)))
    context = bamlvm.CallContext(on_partial=context.on_partial, collectors=[collector])
    assert await runtime.call_function("both", {}, context) == ["Hello", "World", "Hello"]
    assert {thread for thread, _ in values} == {0, 1, 2}
    assert [value for thread, value in values if thread == 2][-1] == "World"
    assert collector.last is not None
    assert {(each.thread, each.client, each.text) for each in collector.last.attempts} == {
        (1, "One", "Hello"),
        (2, "Two", "World"),
        (0, "One", "Hello"),
    }
    assert all(each.raw_events for each in collector.last.attempts)
    assert collector.last.unawaited_errors == ()
    await runtime.call_function("both", {}, bamlvm.CallContext(on_partial=alone.append))
    assert alone[-1] == "Hello" and not any("W" in value for value in alone)


async def test_a_stream_s_values_are_the_main_thread_s_its_events_all(runtime: bamlvm.Runtime) -> None:
    stream = runtime.stream("both")
    assert [value async for value in stream][-1] == "Hello"
    assert await stream.final() == ["Hello", "World", "Hello"]
    events = [event async for event in runtime.stream("both").events()]
    assert {event.thread for event in events if isinstance(event, bamlvm.Partial)} == {0, 1, 2}
    assert {event.thread for event in events if isinstance(event, bamlvm.Tick)} == {0, 1, 2}
    assert {event.record.thread for event in events if isinstance(event, bamlvm.Attempt)} == {0, 1, 2}


async def test_retry_and_fallback_in_a_thread(runtime: bamlvm.Runtime) -> None:
    collector = bamlvm.Collector()
    assert await runtime.call_function("plain", {}, bamlvm.CallContext(collectors=[collector])) == ["Hello", "World"]
    assert collector.last is not None
    assert sorted((each.thread, each.client) for each in collector.last.attempts) == [
        (1, "One"),
        (2, "Bad"),
        (2, "Two"),
    ]


@pytest.mark.virtual_time
async def test_a_cancelled_stream_is_closed_at_once(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    collector = bamlvm.Collector()
    context = bamlvm.CallContext(collectors=[collector])
    assert await runtime.call_function("cancelled", {}, context) == "Hello cancelled"
    assert collector.last is not None
    (lost,) = [each for each in collector.last.attempts if each.client == "Slow"]
    assert lost.error is not None and lost.error.type == "baml.panics.Cancelled"
    await runtime.aclose()
    await closed(mock_server)


async def test_the_loser_of_a_race_is_closed(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    assert await runtime.call_function("raced") == "Hello"
    await runtime.aclose()
    await closed(mock_server)


@pytest.mark.virtual_time
async def test_a_deadline_ends_every_thread(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    collector = bamlvm.Collector()
    virtual_loop().leap(60)
    with pytest.raises(bamlvm.DeadlineExceeded):
        await runtime.call_function("three", {}, bamlvm.CallContext(timeout=30, collectors=[collector]))
    assert collector.last is not None
    assert [each.error is None for each in collector.last.attempts] == [False, False, True]
    await runtime.aclose()
    await closed(mock_server)


async def test_a_token_ends_every_thread(runtime: bamlvm.Runtime) -> None:
    token = bamlvm.CancelToken()
    task = asyncio.create_task(runtime.call_function("three", {}, bamlvm.CallContext(cancel=token)))
    await asyncio.sleep(0.05)
    token.cancel()
    with pytest.raises(bamlvm.Cancelled):
        await task


async def test_a_host_s_cancellation_ends_every_thread(runtime: bamlvm.Runtime) -> None:
    task = asyncio.create_task(runtime.call_function("three"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_fault_in_one_thread_is_its_own(runtime: bamlvm.Runtime) -> None:
    assert await runtime.call_function("faulty") == "failed Hello"


@pytest.mark.virtual_time
async def test_a_call_that_throws_ends_its_threads_and_reports_what_was_lost(
    runtime: bamlvm.Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    collector = bamlvm.Collector()
    with caplog.at_level(logging.WARNING, "bamlvm.calls"), pytest.raises(bamlvm.ThrownError, match="over"):
        await runtime.call_function("thrown", {}, bamlvm.CallContext(collectors=[collector]))
    assert collector.last is not None
    (lost,) = collector.last.unawaited_errors
    assert (lost.thread, lost.error.type) == (2, "baml.errors.AllAttemptsFailed")
    assert "thrown: nothing awaited thread 2, which threw baml.errors.AllAttemptsFailed" in caplog.text


async def test_a_callback_that_raises_in_a_thread_ends_the_call(runtime: bamlvm.Runtime) -> None:
    def on_attempt(event: bamlvm.Attempt) -> None:
        if event.record.thread == 2:
            raise KeyError("the host's own")

    with pytest.raises(KeyError, match="the host's own"):
        await runtime.call_function("both", {}, bamlvm.CallContext(on_attempt=on_attempt))


def test_a_synchronous_call_has_threads_too(threaded_mock_server: Any) -> None:
    threaded_mock_server.play({"rules": RULES})
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", threaded_mock_server.url)}) as runtime:
        assert runtime.call_function_sync("both") == ["Hello", "World", "Hello"]
        assert runtime.call_function_sync("cancelled") == "Hello cancelled"
        with pytest.raises(bamlvm.DeadlineExceeded):
            runtime.call_function_sync("three", {}, bamlvm.CallContext(timeout=0.1))
        assert list(runtime.stream("both"))[-1] == "Hello"
        assert runtime.handles == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orders=st.lists(st.integers(0, 6), max_size=8),
    limit=st.integers(1, 6),
    timeout=st.sampled_from([None, None, 0.004, 0.02, 0.05]),
)
def test_any_interleaving_leaves_nothing_open(orders: list[int], limit: int, timeout: float | None) -> None:
    async def run() -> None:
        async with MockServer() as server:
            server.play({"rules": RULES})
            runtime = bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", server.url)})
            before = asyncio.all_tasks()
            try:
                arguments = {"orders": orders, "limit": limit}
                found = await runtime.call_function("many", arguments, bamlvm.CallContext(timeout=timeout))
                assert found == [{0: "Hello", 1: "World", 2: "gone", 3: "World"}.get(n, "slept") for n in orders]
            except bamlvm.DeadlineExceeded:
                assert timeout is not None
            assert runtime.handles == 0
            assert len(runtime.engine.active) == 0
            await runtime.aclose()
            await closed(server)
            left = [
                task for task in asyncio.all_tasks() - before if not task.get_coro().__qualname__.startswith("Mock")
            ]  # type: ignore[union-attr]  # there is a summary
            assert not [task for task in left if "bamlvm.calls" in repr(task)]

    asyncio.run(run())
