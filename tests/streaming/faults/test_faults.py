"""The fault matrix: each wire format, each fault, {single, retry, fallback, round-robin}, against a real server.

A cell is one call by each of the four ways at once; what is asked of it is in :func:`check_call`: the value or the
error, every attempt, what was received of each, which partial values the host saw and to which attempt they belonged,
how often the server was asked, and that nothing is left open.

The clocks are short and the machine may be slow, so all of it runs in virtual time: a clock runs out because the server
is silent, not because the two of them were late.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import pytest
import pytest_asyncio

import bamlvm
from bamlvm.build.cache import Cache
from bamlvm.build.loading import load
from bamlvm.grammar.printable import printable
from tests.streaming.faults.outcomes import Fault, Outcome, healthy, served
from tests.streaming.faults.programs import KEY, PROGRAM, WAYS, function_name
from tests.streaming.faults.server import FaultServer, closed_port, full_port, reset
from tests.streaming.faults.table import STREAMED, UNSTREAMED
from tests.streaming.faults.wires import SECOND, WIRES, Wire

pytestmark = pytest.mark.virtual_time


@dataclass
class Seen:
    """What the host saw of one call."""

    value: Any = None
    error: BaseException | None = None
    events: list[Any] = field(default_factory=list)
    collector: bamlvm.Collector = field(default_factory=bamlvm.Collector)

    @property
    def attempts(self) -> list[tuple[str, int]]:
        return [(event.kind, event.record.ordinal) for event in self.events if isinstance(event, bamlvm.Attempt)]

    def partials(self, ordinal: int) -> list[str]:
        """The partial values of one attempt."""
        return [
            event.value
            for event in self.events
            if isinstance(event, bamlvm.Partial) and event.attempt and event.attempt.ordinal == ordinal
        ]


@pytest.fixture(scope="module")
def loaded() -> Any:
    """The program, compiled once."""
    return load({"main.baml": PROGRAM}, True, Cache.default())


@pytest_asyncio.fixture
async def program(loaded: Any) -> AsyncIterator[bamlvm.Runtime]:
    """A runtime of its own for each test."""
    async with bamlvm.Runtime(loaded) as runtime:
        runtime.engine.services.monotonic = asyncio.get_running_loop().time
        yield runtime


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


async def call(runtime: bamlvm.Runtime, function: str, env: dict[str, str], stream: bool) -> Seen:
    """Make a call and take down what the host sees of it."""
    seen = Seen()
    on_attempt = None if stream else seen.events.append
    context = bamlvm.CallContext(env=env, collectors=[seen.collector], on_attempt=on_attempt, timeout=60)
    try:
        if stream:
            reading = runtime.stream(function, {"input": "hi"}, context)
            async for event in reading.events():
                seen.events.append(event)
            seen.value = await reading.final()
        else:
            seen.value = await runtime.call_function(function, {"input": "hi"}, context)
    except bamlvm.ThrownError as error:
        seen.error = error
    return seen


def check_attempt(outcome: Outcome, record: Any, partials: list[str], stream: bool) -> None:
    """One attempt's record against what was to come of it."""
    assert record.text == outcome.text
    if outcome.error is None:
        assert record.error is None
    else:
        error = record.error
        assert error.type == f"baml.errors.{outcome.error}", error
        details = error.value
        for name, value in outcome.facts.items():
            assert details[name] == value, (name, error)
        assert KEY not in repr(error)
        if outcome.error == "Timeout":
            for fact in (details["clock"], f"{details['limit_ms']} ms", f"{details['elapsed_ms']} ms"):
                assert fact in error.message
            assert details["elapsed_ms"] >= details["limit_ms"] - 1
    if stream:
        assert all(outcome.text.startswith(partial) for partial in partials)
        assert all(len(a) < len(b) for a, b in pairwise(partials)), partials
        if outcome.error is None:
            assert partials[-1:] == ([outcome.text] if outcome.text else [])


def check_call(seen: Seen, expected: list[Outcome], stream: bool, server_saw: list[int], wanted: list[int]) -> None:
    """A call against the outcomes of its attempts, the last of which is the call's."""
    grammar = [(kind, place + 1) for place, each in enumerate(expected) for kind in ("started", _end(each))]
    assert seen.attempts == grammar
    records = seen.collector.attempts
    assert len(records) == len(expected)
    for place, (outcome, record) in enumerate(zip(expected, records, strict=True)):
        check_attempt(outcome, record, seen.partials(place + 1), stream)
    last = expected[-1]
    if last.error is None:
        assert (seen.error, seen.value) == (None, last.text)
    else:
        error = seen.error
        assert isinstance(error, bamlvm.ThrownError)
        assert error.class_name == "baml.errors.AllAttemptsFailed"
        assert [each.error.__class__.__name__ for each in error.value.attempts] == [each.error for each in expected]
        assert [each.text for each in error.value.attempts] == [each.text for each in expected]
        assert all(printable(each.error.message) in str(error) for each in error.value.attempts)
    assert server_saw == wanted


def _end(outcome: Outcome) -> str:
    return "succeeded" if outcome.error is None else "failed"


async def check_cell(runtime: bamlvm.Runtime, server: FaultServer, wire: Wire, fault: Fault, *, stream: bool) -> None:
    """All four ways of one cell."""
    outcome, good = fault.of(wire), Outcome(text=SECOND)
    answer, second = served(fault.answer(wire), wire), served(healthy(wire, stream), wire)
    async with contextlib.AsyncExitStack() as stack:
        place = await _place(stack, fault)

        async def one(way: str) -> Seen:
            bad, fine = f"bad-{way}", f"good-{way}"
            server.play(bad, answer, second)
            server.play(fine, second)
            env = {"BAD": place or server.url(bad), "GOOD": server.url(fine)}
            return await call(runtime, function_name(wire, way, fault.clock or fault.lack), env, stream)

        seen = dict(zip(WAYS, await asyncio.gather(*map(one, WAYS)), strict=True))
        expected = {way: [outcome] for way in WAYS}
        if outcome.error is not None:
            if outcome.retried:  # an address is as bad the second time, an answer is not
                expected["retry"] = [outcome, good if fault.is_answer else outcome]
            expected["fallback"] = [outcome, good]
        for way in WAYS:
            asked = [len(server.hits(f"bad-{way}")), len(server.hits(f"good-{way}"))]
            on_bad = (2 if way == "retry" and len(expected[way]) == 2 else 1) if fault.is_answer else 0
            wanted = [on_bad, 1 if way == "fallback" and outcome.error is not None else 0]
            try:
                check_call(seen[way], expected[way], stream, asked, wanted)
            except AssertionError as error:
                raise AssertionError(f"{way}: {error}") from error
        again = await one("turns")
        assert (again.error, again.value) == (None, SECOND), "the other client's turn"
        assert [record.client.endswith("Good") for record in again.collector.attempts] == [True]
    assert runtime.handles == 0
    assert not runtime.engine.active
    # Whatever the server did not close itself has been closed by the client, or waits whole for the next request.
    await server.until(lambda: all(hit.outcome != "answering" for way in WAYS for hit in server.hits(f"bad-{way}")))


async def _place(stack: contextlib.AsyncExitStack, fault: Fault) -> str | None:
    """The address of a fault that is one."""
    if fault.where == "closed":
        return f"http://127.0.0.1:{stack.enter_context(closed_port())}"
    if fault.where == "full":
        return f"http://127.0.0.1:{stack.enter_context(full_port())}"
    if fault.where == "resets":
        resetting = await asyncio.start_server(lambda _, writer: reset(writer), "127.0.0.1", 0)
        await stack.enter_async_context(resetting)
        return f"http://127.0.0.1:{resetting.sockets[0].getsockname()[1]}"
    return None


FAULTS = {f"{group}: {fault.title}": fault for group, faults in STREAMED.items() for fault in faults}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_streamed_answer(program: bamlvm.Runtime, server: FaultServer, wire: Wire, fault: Fault) -> None:
    if fault.concerns(wire):
        await check_cell(program, server, wire, fault, stream=True)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
@pytest.mark.parametrize("fault", UNSTREAMED, ids=[fault.title for fault in UNSTREAMED])
async def test_a_whole_answer(program: bamlvm.Runtime, server: FaultServer, wire: Wire, fault: Fault) -> None:
    await check_cell(program, server, wire, fault, stream=False)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_a_transport_of_the_hosts_closes_every_connection(loaded: Any, server: FaultServer, wire: Wire) -> None:
    """httpx's own closes in several steps, none of which a cancellation of ours may strike; none serves twice."""
    answer = served(healthy(wire, stream=True), wire)
    server.play("F", [b"".join(step for step in answer if isinstance(step, bytes))])
    env = {"BAD": server.url("F"), "GOOD": server.url("F")}
    async with bamlvm.Runtime(loaded, transport=httpx.AsyncHTTPTransport()) as runtime:
        for _ in range(5):
            seen = await call(runtime, function_name(wire, "single", None), env, stream=True)
            assert (seen.error, seen.value) == (None, SECOND)
        assert server.connections == 5
        assert runtime.handles == 0
    await server.until(lambda: server.open_connections == 0)
