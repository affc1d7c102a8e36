"""What a host hears of a call: attempts, partials and ticks in order, the end once; and collectors say the same.

The property runs random trees of clients against random faults and holds every event against
:class:`~tests.streaming.faults.strategies.Account`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bamlvm
from tests.streaming.faults.outcomes import STREAM_HEAD, chunks
from tests.streaming.faults.server import CLOSE, FaultServer
from tests.streaming.faults.strategies import (
    HAPPENINGS,
    WIRE,
    Account,
    Happening,
    Tree,
    leaves,
    numbered,
    source,
    trees,
)
from tests.streaming.faults.wires import encoded

CALLS = 2
"""Calls of one tree, one after the other: round-robin goes on where it was."""


def class_of(error: Any) -> str | None:
    """The class that a record names, without its namespace."""
    return None if error is None else str(error.type).rpartition(".")[2]


class Ear:
    """Checks events as they come: ``(started tick/partial* (failed | succeeded))+``."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, int]] = []
        self.errors: list[str | None] = []
        self.texts: list[str] = []
        self.partials: list[list[str]] = []
        self._running: Any = None

    def hear(self, event: Any) -> None:
        if isinstance(event, bamlvm.Attempt):
            if event.kind == "started":
                assert self._running is None, "an attempt starts while another runs"
                assert event.record.ordinal == len(self.attempts) + 1
                assert event.record.duration is None and event.record.error is None
                self._running = event.record
                self.attempts.append((event.record.client, event.record.number))
                self.partials.append([])
                return
            assert self._running is not None, f"{event.kind} without a start"
            assert event.record.ordinal == self._running.ordinal
            assert event.record.duration is not None
            assert (event.record.error is None) == (event.kind == "succeeded")
            self.errors.append(class_of(event.record.error))
            self.texts.append(event.record.text)
            self._running = None
            return
        assert self._running is not None, f"{type(event).__name__} outside an attempt"
        if isinstance(event, bamlvm.Partial):
            assert event.attempt is not None
            assert event.attempt.ordinal == self._running.ordinal, "a partial of another attempt"
            before = self.partials[-1]
            assert not before or (event.value.startswith(before[-1]) and event.value != before[-1])
            before.append(event.value)

    def end(self) -> None:
        assert self._running is None, "an attempt has no end"


async def listen(runtime: bamlvm.Runtime, env: dict[str, str], ear: Ear, how: str) -> tuple[str, Any]:
    """Call ``F`` and hear everything; the value or the error, which comes once."""
    collector = bamlvm.Collector()
    context = bamlvm.CallContext(env=env, collectors=[collector], timeout=30)
    ends: list[Any] = []
    if how == "events":
        stream = runtime.stream("F", {"input": "x"}, context)
        try:
            async for event in stream.events():
                ear.hear(event)
        except bamlvm.ThrownError as error:
            ends.append(error)
        try:
            value = await stream.final()
        except bamlvm.ThrownError as error:
            (ended,) = ends
            assert (type(ended), str(ended), ended.attempts) == (type(error), str(error), error.attempts)
        else:
            assert not ends
            ends.append(value)
    else:
        heard = bamlvm.CallContext(
            env=env,
            collectors=[collector],
            timeout=120,
            on_attempt=ear.hear,
            on_partial=lambda value, record: ear.hear(bamlvm.Partial(value, record)),
            on_tick=lambda events: ear.hear(bamlvm.Tick(events)),
        )
        try:
            if how == "callbacks":
                ends.append(await runtime.call_function("F", {"input": "x"}, heard))
            else:
                ends.append(await asyncio.to_thread(runtime.call_function_sync, "F", {"input": "x"}, heard))
        except bamlvm.ThrownError as error:
            ends.append(error)
    ear.end()
    (end,) = ends
    (record,) = collector.calls
    assert record.outcome == ("thrown" if isinstance(end, bamlvm.ThrownError) else "returned")
    assert [(each.client, each.number) for each in record.attempts] == ear.attempts
    assert [class_of(each.error) for each in record.attempts] == ear.errors
    assert [each.text for each in record.attempts] == ear.texts
    return record.outcome, end


async def check(runtime: bamlvm.Runtime, server: FaultServer, tree: Tree, account: Account, how: str) -> None:
    """One call of a tree against the account of it."""
    env = {leaf.name: server.url(leaf.name) for leaf in leaves(tree)}
    ear = Ear()
    outcome, end = await listen(runtime, env, ear, how)
    last = account.call(tree)
    expected = numbered(account.attempts)
    assert ear.attempts == [(name, number) for name, number, _ in expected]
    assert ear.errors == [happening.error for _, _, happening in expected]
    assert ear.texts == [happening.text for _, _, happening in expected]
    for (_, _, happening), partials in zip(expected, ear.partials, strict=True):
        assert all(happening.text.startswith(partial) for partial in partials)
    if last.error is None:
        assert (outcome, end) == ("returned", last.text)
        assert ear.partials[-1][-1] == last.text
    elif last.error == "FinishReason":
        assert end.class_name == "baml.errors.FinishReason"
    else:
        assert end.class_name == "baml.errors.AllAttemptsFailed"
        assert [(each.client, each.attempt, type(each.error).__name__) for each in end.value.attempts] == [
            (name, number, happening.error) for name, number, happening in expected
        ]
    assert {leaf.name: len(server.hits(leaf.name)) for leaf in leaves(tree)} == {
        leaf.name: account.requests.get(leaf.name, 0) for leaf in leaves(tree)
    }


def test_any_tree_of_clients_under_any_faults() -> None:
    with asyncio.Runner() as runner:
        server = FaultServer()
        runner.run(server.__aenter__())

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(trees(), st.sampled_from(("events", "callbacks", "thread")))
        def property_(tree: Tree, how: str) -> None:
            async def calls() -> None:
                async with bamlvm.Runtime.from_files({"main.baml": source(tree)}) as runtime:
                    account = Account()
                    for leaf in leaves(tree):
                        server.play(leaf.name, *(happening.answer for happening in leaf.happenings))
                    for _ in range(CALLS):
                        await check(runtime, server, tree, account, how)
                    assert runtime.handles == 0

            runner.run(calls())

        property_()
        runner.run(server.__aexit__(None, None, None))


def happening(name: str) -> Happening:
    return next(each for each in HAPPENINGS if each.name == name)


PROGRAM = """
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 0 } }
client<llm> C { provider openai  retry_policy Once  options { model "m"  api_key "k"  base_url env.C } }
function F(input: string) -> string { client C  prompt #"{{ input }}"# }
"""


@pytest.mark.parametrize("how", ["events", "callbacks", "thread"])
async def test_a_new_attempt_is_told_before_its_first_partial(how: str) -> None:
    words: list[str] = []

    class Writing(Ear):
        def hear(self, event: Any) -> None:
            super().hear(event)
            if isinstance(event, bamlvm.Attempt):
                words.append(f"{event.kind} {event.record.number}")
            elif isinstance(event, bamlvm.Partial):
                assert event.attempt is not None
                words.append(f"partial of {event.attempt.number}")

    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        server.play("C", happening("cut, later").answer, happening("ok").answer)
        await listen(runtime, {"C": server.url("C")}, Writing(), how)
    short = [word for place, word in enumerate(words) if place == 0 or words[place - 1] != word]
    assert short == ["started 1", "partial of 1", "failed 1", "started 2", "partial of 2", "succeeded 2"]


async def test_partials_keep_their_attempt_though_read_late() -> None:
    """What a slow reader finds in the queue still says where it came from."""
    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        server.play("C", happening("cut, later").answer, happening("ok").answer)
        context = bamlvm.CallContext(env={"C": server.url("C")})
        events = runtime.stream("F", {"input": "x"}, context).events()
        ear = Ear()
        ear.hear(await anext(events))
        await server.until(lambda: len(server.hits("C")) == 2)
        await asyncio.sleep(0.05)
        async for event in events:
            ear.hear(event)
        ear.end()
        assert ear.errors == ["StreamTruncated", None]


TURNS = """
client<llm> A { provider openai  options { model "m"  api_key "k"  base_url env.A } }
client<llm> B { provider openai  options { model "m"  api_key "k"  base_url env.B } }
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url env.C } }
client<llm> Turns { provider round-robin  options { strategy [A, B, C]  start 2 } }
function F(input: string) -> string { client Turns  prompt #"{{ input }}"# }
"""
EACH = 8


def turns(server: FaultServer) -> tuple[dict[str, str], Callable[[], Counter[str]]]:
    answer = [STREAM_HEAD, *chunks(encoded(WIRE.events(("a",)))), b"0\r\n\r\n", CLOSE]
    for name in "ABC":
        server.play(name, answer)
    return (
        {name: server.url(name) for name in "ABC"},
        lambda: Counter({name: len(server.hits(name)) for name in "ABC"}),
    )


async def test_round_robin_is_fair_to_tasks_and_threads_and_starts_where_it_is_told() -> None:
    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": TURNS}) as runtime:
        env, count = turns(server)
        context = bamlvm.CallContext(env=env)
        await runtime.stream("F", {"input": "x"}, context).final()
        assert count() == {"A": 0, "B": 0, "C": 1}
        await asyncio.gather(*(runtime.stream("F", {"input": "x"}, context).final() for _ in range(2)))
        assert count() == {"A": 1, "B": 1, "C": 1}
        await asyncio.gather(*(runtime.stream("F", {"input": "x"}, context).final() for _ in range(3 * EACH)))
        assert count() == {"A": 1 + EACH, "B": 1 + EACH, "C": 1 + EACH}

        def some() -> None:
            for _ in range(EACH):
                runtime.stream("F", {"input": "x"}, context).final()

        threads = [threading.Thread(target=some) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert count() == {"A": 1 + 2 * EACH, "B": 1 + 2 * EACH, "C": 1 + 2 * EACH}


def test_the_turn_is_taken_only_when_an_attempt_is_reached() -> None:
    """A plan peeks; a fallback whose first client answers takes nobody's turn."""
    program = (
        TURNS
        + """
client<llm> First { provider fallback  options { strategy [A, Turns] } }
function G(input: string) -> string { client First  prompt #"{{ input }}"# }
function planned() -> string[] {
  let names: string[] = [];
  for (let each in baml.llm.build_plan("G")) { names.push(each.client); }
  names
}
"""
    )

    async def run() -> None:
        async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": program}) as runtime:
            env, count = turns(server)
            context = bamlvm.CallContext(env=env)
            for _ in range(3):
                assert await runtime.call_function("planned") == ["A", "C"]
                await runtime.stream("G", {"input": "x"}, context).final()
            assert count() == {"A": 3, "B": 0, "C": 0}
            await runtime.stream("F", {"input": "x"}, context).final()
            assert count() == {"A": 3, "B": 0, "C": 1}

    asyncio.run(run())
