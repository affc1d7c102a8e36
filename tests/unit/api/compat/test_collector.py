"""Logs of calls, as ``baml_py`` has them."""

from __future__ import annotations

import json

import bamlvm
from bamlvm.compat.collector import Collector, HTTPBody, LiveLog, SSEResponse
from bamlvm.mock import MockTransport

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "sk-secret" } }
function Say(text: string) -> string { client C  prompt #"{{ text }}"# }
"""


def test_logs_of_calls_and_streams() -> None:
    transport = MockTransport()
    transport.play({"rules": [{"answers": [{"text": "a b c", "usage": {"input_tokens": 3, "output_tokens": 2}}]}]})
    collector = Collector("mine")
    context = bamlvm.CallContext(collectors=[collector], tags={"a": "b"})
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=transport) as runtime:
        runtime.call_function_sync("Say", {"text": "x"}, context)
        runtime.stream("Say", {"text": "x"}, context).final()
    called, streamed = collector.logs
    assert (called.log_type, streamed.log_type) == ("call", "stream")
    assert called.raw_llm_response == streamed.raw_llm_response == "a b c"
    assert collector.usage == (6, 4, None) or collector.usage.input_tokens == 6
    assert called.tags == {"a": "b"}
    assert collector.id(called.id) is called
    assert collector.id("x") is None
    attempt = called.selected_call
    assert attempt is not None
    assert attempt.http_request is not None
    assert "secret" not in json.dumps(attempt.http_request.headers)
    assert attempt.http_request.body.json()["model"] == "m"
    events = streamed.calls[0].sse_responses()  # type: ignore[attr-defined]  # a streamed call
    assert [event.json()["object"] for event in events if event.json()] == ["chat.completion.chunk"] * (len(events) - 1)
    assert events[-1].text == "[DONE]"
    collector.clear()
    assert collector.last is None
    assert collector.usage.input_tokens is None


def test_the_log_of_a_running_call() -> None:
    seen = []
    live = LiveLog("Say", {}, lambda reason, log: seen.append((reason, len(log.calls), log.timing.duration_ms)))
    context = bamlvm.CallContext(collectors=[live], on_tick=live.tick, on_attempt=live.attempt)
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=MockTransport()) as runtime:
        runtime.call_function_sync("Say", {"text": "x"}, context)
    assert seen
    assert set(seen) == {("Unknown", 1, None)}


def test_bodies() -> None:
    assert HTTPBody({"a": "é"}).raw() == '{"a": "é"}'.encode()
    assert SSEResponse("[DONE]").json() is None
