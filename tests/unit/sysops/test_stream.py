"""``baml.stream``: what the host is told, and that what it was told does not change."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.scope import Hooks
from bamlvm.vm.values import Pending

BATCH = json.dumps([{"event": "message", "data": "{}", "id": ""}, {"event": "ping", "data": "", "id": "1"}])


@pytest.fixture
def attempt(call: Any) -> AttemptRecord:
    call.scope.attempt = AttemptRecord("F", "C", "openai", 1, 1, time.monotonic())
    return call.scope.attempt


async def test_nobody_listens(call: Any) -> None:
    assert call.start("baml.stream.emit_partial", ["a"]) is None
    assert call.start("baml.stream.emit_tick", BATCH) is None
    assert call.start("baml.stream.emit_tick", "not even looked at") is None


async def test_partials_name_their_attempt(call: Any, attempt: AttemptRecord) -> None:
    heard: list[Any] = []
    call.scope.hooks = Hooks(on_partial=lambda *arguments: heard.append(arguments))
    assert call.start("baml.stream.emit_partial", "He") is None
    first = attempt.first_partial
    assert call.start("baml.stream.emit_partial", "Hello") is None
    assert heard == [("He", attempt, 0), ("Hello", attempt, 0)]
    assert first is not None
    assert attempt.first_partial == first >= 0


async def test_a_delivered_partial_does_not_change(call: Any) -> None:
    heard: list[Any] = []
    call.scope.hooks = Hooks(on_partial=lambda value, _, __: heard.append(value))
    request = call.request("http://host/", x="1")
    value = {"list": [1], "request": request}
    await call("baml.stream.emit_partial", value)
    value["list"].append(2)
    request.set("method", "DELETE")
    request.get("headers")["x"] = "2"
    assert heard[0]["list"] == [1]
    assert (heard[0]["request"].get("method"), heard[0]["request"].get("headers")) == ("GET", {"x": "1"})


async def test_ticks_are_lists_of_dicts(call: Any, attempt: AttemptRecord) -> None:
    heard: list[Any] = []
    call.scope.hooks = Hooks(on_tick=lambda events, thread: heard.append(events))
    await call("baml.stream.emit_tick", BATCH)
    assert heard == [json.loads(BATCH)]
    assert attempt.raw_events is None
    kind, _ = await call.fails("baml.stream.emit_tick", "nonsense")
    assert kind == "InvalidArgument"


async def test_raw_events_are_kept_on_request(call: Any, attempt: AttemptRecord) -> None:
    call.scope.keep_raw_events = True
    for _ in range(2):
        assert call.start("baml.stream.emit_tick", BATCH) is None
    assert attempt.raw_events == json.loads(BATCH) * 2


async def test_an_async_listener_is_awaited(call: Any) -> None:
    heard: list[Any] = []

    async def listener(*arguments: Any) -> str:
        heard.append(arguments)
        return "ignored"

    call.scope.hooks = Hooks(on_partial=listener, on_tick=listener)
    pending = call.start("baml.stream.emit_partial", "a")
    assert isinstance(pending, Pending)
    assert await pending.awaitable is None
    assert await call("baml.stream.emit_tick", BATCH) is None
    assert heard == [("a", None, 0), (json.loads(BATCH), 0)]


async def test_what_a_listener_raises_is_its_own(call: Any) -> None:
    def listener(*_: Any) -> None:
        raise OSError("the host's own")

    call.scope.hooks = Hooks(on_partial=listener)
    with pytest.raises(OSError, match="the host's own"):
        await call("baml.stream.emit_partial", "a")
