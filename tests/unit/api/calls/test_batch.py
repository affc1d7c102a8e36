"""``runtime.batch``: order, bounds, errors of rows, and what ends a batch."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import bamlvm
from bamlvm import CallContext, CancelToken
from bamlvm.mock import MockServer, ThreadedMockServer
from tests.support.virtual_time import virtual_loop

NAPS = [40, 1, 20, 5, 1, 30]


async def values(batch: AsyncIterator[bamlvm.BatchResult]) -> list[Any]:
    return [result.value if result.error is None else type(result.error) async for result in batch]


async def test_results_come_in_the_order_of_the_rows(runtime: bamlvm.Runtime) -> None:
    results = [result async for result in runtime.batch("nap", ({"ms": ms} for ms in NAPS), concurrency=6)]
    assert [result.index for result in results] == list(range(6))
    assert [result.value for result in results] == NAPS
    assert [result.arguments for result in results] == [{"ms": ms} for ms in NAPS]
    assert all(result.record is not None and result.record.outcome == "returned" for result in results)


async def test_or_as_they_are_done(runtime: bamlvm.Runtime) -> None:
    rows = [{"ms": 300}, {"ms": 1}]
    results = [result async for result in runtime.batch("nap", rows, concurrency=2, ordered=False)]
    assert [result.index for result in results] == [1, 0]


async def test_no_more_calls_run_than_the_concurrency_and_no_row_is_read_ahead_of_its_call(
    runtime: bamlvm.Runtime,
) -> None:
    running = most = taken = 0

    def rows() -> Iterator[dict[str, int]]:
        nonlocal running, most, taken
        for _ in range(40):
            running += 1
            taken += 1
            most = max(most, running)
            yield {"ms": 1}

    async for result in runtime.batch("nap", rows(), concurrency=4, ordered=False):
        running -= 1
        assert taken <= result.index + 1 + 4 * 17
    assert taken == 40
    assert most <= 4 * 17


async def test_results_that_nobody_fetches_hold_up_the_rows(runtime: bamlvm.Runtime) -> None:
    taken = 0

    async def rows() -> AsyncIterator[dict[str, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"a": taken, "b": 0}

    batch = runtime.batch("add", rows(), concurrency=2)
    assert (await anext(batch)).value == 1
    await asyncio.sleep(0.05)
    assert taken < 40
    await batch.aclose()


async def test_an_error_is_the_result_of_its_row(runtime: bamlvm.Runtime) -> None:
    rows = [{"n": 5}, {"n": 0}, {"n": "five"}, {}, {"n": 2}]
    expected = [2, bamlvm.errors.DivisionByZero, bamlvm.HostError, bamlvm.HostError, 5]
    assert await values(runtime.batch("inner", rows)) == expected


@pytest.mark.virtual_time
async def test_a_timeout_is_of_one_row(runtime: bamlvm.Runtime) -> None:
    virtual_loop().leap(60)
    context = CallContext(timeout=60)
    rows = [{"ms": 1}, {"ms": 600_000}, {"ms": 2}]
    assert await values(runtime.batch("nap", rows, context)) == [1, bamlvm.DeadlineExceeded, 2]


async def test_the_token_ends_the_batch(runtime: bamlvm.Runtime) -> None:
    token = CancelToken()
    asyncio.get_running_loop().call_later(0.05, token.cancel)
    with pytest.raises(bamlvm.Cancelled):
        await values(runtime.batch("nap", [{"ms": 60_000}] * 3, CallContext(cancel=token)))


async def test_leaving_the_iteration_cancels_what_runs(runtime: bamlvm.Runtime) -> None:
    collector = bamlvm.Collector()
    batch = runtime.batch("nap", [{"ms": 1}, {"ms": 60_000}], CallContext(collectors=[collector]))
    assert (await anext(batch)).value == 1
    await batch.aclose()
    assert [call.outcome for call in collector.calls] == ["returned", "cancelled"]


async def test_an_exception_of_the_rows_or_of_a_callback_ends_the_batch(runtime: bamlvm.Runtime) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"ms": 1}
        raise ZeroDivisionError("the rows")

    with pytest.raises(ZeroDivisionError, match="the rows"):
        await values(runtime.batch("nap", rows()))

    def on_partial(value: Any) -> None:
        raise ZeroDivisionError("the callback")

    with pytest.raises(ZeroDivisionError, match="the callback"):
        await values(runtime.batch("emit", [{"n": 1}] * 4, CallContext(on_partial=on_partial)))


async def test_a_runtime_that_is_closed_ends_the_batch(make: Callable[..., bamlvm.Runtime]) -> None:
    runtime = make("function f() -> int { 1 }")
    await runtime.aclose()
    with pytest.raises(bamlvm.HostError, match="the runtime is closed"):
        await values(runtime.batch("f", [{}] * 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "concurrency: expected a number from 1 up, got 0"),
        ({"rate": "500"}, "rate: expected a rate such as 500/min, 8/s or 10000/hour, got '500'"),
        ({"tokens_rate": "0/min"}, "tokens_rate: expected a rate such as"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(
    runtime: bamlvm.Runtime, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(bamlvm.HostError, match=message):
        runtime.batch("nap", [], **options)
    with pytest.raises(bamlvm.HostError, match="the program has no function 'naap'"):
        runtime.batch("naap", [])


async def test_no_rows_no_results(runtime: bamlvm.Runtime) -> None:
    assert await values(runtime.batch("nap", [])) == []


async def test_a_rate_counts_every_attempt(mock_server: MockServer, llm_source: Callable[..., str]) -> None:
    mock_server.play(
        {
            "rules": [
                {"prompt": "twice", "answers": [{"faults": [{"kind": "status", "code": 503}]}], "after": "pass"},
                {"answers": [{"text": "hello"}]},
            ]
        }
    )
    with bamlvm.Runtime.from_files({"main.baml": llm_source(mock_server.url, tries=2)}) as runtime:
        loop = asyncio.get_running_loop()
        started: list[float] = []
        context = CallContext(on_attempt=lambda event: started.append(loop.time()) if event.kind == "started" else None)
        rows = [{"input": text} for text in ("twice", "a", "b", "c")]
        assert await values(runtime.batch("F", rows, context, rate="20/s")) == ["hello"] * 4
        await runtime.aclose()
    # What an attempt waits for comes before or after its callback, so a gap may seem shorter by that.
    assert len(started) == 5
    assert max(started) - min(started) > 0.1


_MOST_CALLS = 1_450
"""How many Python functions, ours and the libraries', an LLM call may call: counted, since a time says little here."""


def test_what_is_the_same_for_all_calls_is_done_once(threaded_mock_server: ThreadedMockServer) -> None:
    """URL, headers, roles, the description of the return type, the head of the request: not once for each row."""
    source = """
client<llm> C { provider openai  options { model "m"  api_key "sk-secret-key"  base_url "URL/v1" } }
class Named { name string  n int }
function F(input: string) -> Named { client C  prompt #"Say {{ input }} {{ ctx.output_format }}"# }
"""
    threaded_mock_server.play({"rules": [{"answers": [{"text": '{"name": "x", "n": 1}'}]}]})
    rows = 50
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    async def run() -> None:
        files = {"main.baml": source.replace("URL", threaded_mock_server.url)}
        async with bamlvm.Runtime.from_files(files) as runtime:
            for profile in (None, counted):  # the first time things are made that stay
                sys.setprofile(profile)
                try:
                    async for result in runtime.batch("F", [{"input": f"row {n}"} for n in range(rows)], concurrency=1):
                        assert result.error is None
                finally:
                    sys.setprofile(None)

    asyncio.run(run())
    assert count / rows < _MOST_CALLS
