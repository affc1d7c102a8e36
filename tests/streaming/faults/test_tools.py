"""The faults of tool calls: each wire format, each row, streamed and not, against a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

import bamlvm
from tests.streaming.faults.outcomes import JSON, OK, served, sized, streamed
from tests.streaming.faults.server import CLOSE, FaultServer
from tests.streaming.faults.tools_table import PROGRAM, SHIP, TOOL_FAULTS, Call, ToolFault
from tests.streaming.faults.wires import WIRES, Wire

_GOOD = {"Either": ("Ship", SHIP), "Many": ("Ship", SHIP), "Maybe": ("Empty", {"note": "x"})}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


def answer(wire: Wire, stream: bool, calls: Sequence[Call], fault: ToolFault | None = None) -> Any:
    """Return the answer of these calls."""
    text = fault.text if fault is not None else ""
    reason = wire.limit if fault is not None and fault.cut else None
    reply = wire.reply([text] if text else [], reason, [(name, _halves(arguments)) for name, arguments in calls])
    if not stream:
        return sized(json.dumps(wire.format.whole(reply)).encode(), OK, JSON)
    events = wire.format.events(reply, {})
    if fault is None or not fault.breaks:
        return served(streamed(events), wire)
    last = max(place for place, event in enumerate(events) if event.role == "content")
    return served(streamed(events[: last + 1], CLOSE), wire)


def _halves(text: str) -> list[str]:
    half = len(text) // 2
    return [piece for piece in (text[:half], text[half:]) if piece]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_tool_calls(server: FaultServer, wire: Wire, stream: bool) -> None:
    source = PROGRAM.replace("PROVIDER", wire.provider)
    options = f'model "m"  api_key "k"  base_url env.URL  {wire.options}'
    async with bamlvm.Runtime.from_files({"main.baml": source.replace("OPTIONS", options)}) as runtime:
        for number, fault in enumerate(TOOL_FAULTS):
            if wire.name in fault.not_for or (not stream and not fault.whole_too):
                continue
            tool, good = _GOOD[fault.function]
            second = answer(wire, stream, [(tool, json.dumps(good))])
            server.play(f"row-{number}", answer(wire, stream, fault.calls, fault), second)
            collector = bamlvm.Collector()
            context = bamlvm.CallContext(env={"URL": server.url(f"row-{number}")}, collectors=[collector])
            if stream:
                reading = runtime.stream(fault.function, {"input": "hi"}, context)
                partials = [bamlvm.to_builtins(partial) async for partial in reading]
                value = bamlvm.to_builtins(await reading.final())
                assert partials[-1:] in ([value], []), fault.title
            else:
                value = bamlvm.to_builtins(await runtime.call_function(fault.function, {"input": "hi"}, context))
            first = collector.attempts[0]
            if fault.error is None:
                assert (first.error, value) == (None, fault.value), fault.title
                assert len(collector.attempts) == 1
            else:
                kind, message = fault.error
                assert first.error is not None, fault.title
                assert (first.error.type, message in first.error.message) == (f"baml.errors.{kind}", True), (
                    fault.title,
                    first.error,
                )
                assert value == ([good] if fault.function == "Many" else good), "the second answer"
            if fault.calls and not fault.breaks:
                received = "\n".join(arguments for _, arguments in fault.calls)
                assert first.text.replace(" ", "") == received.replace(" ", "") or first.text in ("{}", "null"), (
                    fault.title
                )
        assert runtime.handles == 0
