"""``llm.baml`` end to end: a program, a real server on loopback, and what the host sees of every attempt.

Each case ends with the handle table empty; the guard in ``conftest.py`` fails it if a socket is left.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

import bamlvm
from bamlvm.mock import MockServer

PROGRAM = """
client<llm> C { provider openai  options { model "gpt-4o"  api_key "k"  base_url "URL/v1" } }
client<llm> A { provider anthropic  options { model "claude"  api_key "k"  base_url "URL" } }
retry_policy Twice { max_retries 2  strategy { type constant_delay  delay_ms 1 } }
client<llm> Patient { provider openai  retry_policy Twice  options { model "patient"  api_key "k"  base_url "URL/v1" } }
client<llm> Broken { provider openai  options { model "broken"  api_key "k"  base_url "URL/v1" } }
client<llm> Either { provider fallback  options { strategy [Broken, A] } }
client<llm> Turns { provider round-robin  options { strategy [C, A]  start 0 } }
client<llm> Nested { provider fallback  retry_policy Twice  options { strategy [Broken, Turns] } }
client<llm> Strict { provider openai  options {
  model "strict"  api_key "k"  base_url "URL/v1"  finish_reason_deny_list ["length"] } }

function F(input: string) -> string { client C  prompt #"Say hello to {{ input }}"# }
function Retried(input: string) -> string { client Patient  prompt #"{{ input }}"# }
function Fallen(input: string) -> string { client Either  prompt #"{{ input }}"# }
function InTurn(input: string) -> string { client Turns  prompt #"{{ input }}"# }
function Deep(input: string) -> string { client Nested  prompt #"{{ input }}"# }
function Stopped(input: string) -> string { client Strict  prompt #"{{ input }}"# }
function Number(input: string) -> int { client C  prompt #"{{ input }} {{ ctx.output_format }}"# }

function main() -> string { baml.llm.stream_llm_function("F", {"input": "world"}) }

function raw(url: string) -> string[] {
  let request = baml.http.Request { method: "GET", url: url, headers: {}, body: "" };
  let stream = baml.http.fetch_sse(request);
  let batches: string[] = [];
  while (true) {
    batches.push(stream.next() ?? break);
  }
  batches
}

function left_open(url: string) -> string? {
  baml.http.fetch_sse(baml.http.Request { method: "GET", url: url, headers: {}, body: "" }).next()
}
"""

HELLO = {"pieces": ["Hello", ", ", "world", "!"]}


@pytest.fixture
def runtime(mock_server: MockServer) -> Any:
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", mock_server.url)}) as made:
        yield made
        assert made.handles == 0, "the call left handles open"


def rule(model: str, *answers: dict[str, Any], after: str = "repeat") -> dict[str, Any]:
    return {"model": model, "answers": list(answers), "after": after}


def failing(*faults: dict[str, Any], **answer: Any) -> dict[str, Any]:
    return {**answer, "faults": list(faults)}


class Heard:
    """What the host's callbacks hear, in order."""

    def __init__(self) -> None:
        self.partials: list[Any] = []
        self.ticks: list[Any] = []
        self.attempts: list[tuple[str, str, int]] = []
        self.context = bamlvm.CallContext(
            on_partial=self.partials.append,
            on_tick=self.ticks.extend,
            on_attempt=lambda event: self.attempts.append((event.kind, event.record.client, event.record.number)),
        )


async def test_a_streamed_hello(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("gpt-4o", HELLO)]})
    heard = Heard()
    assert await runtime.call_function("main", {}, heard.context) == "Hello, world!"
    assert heard.partials[-1] == "Hello, world!"
    assert all(
        after.startswith(before) and after != before
        for before, after in zip(heard.partials, heard.partials[1:], strict=False)
    )
    deltas = [json.loads(event["data"]) for event in heard.ticks if event["data"] != "[DONE]"]
    texts = [choice["delta"].get("content") or "" for delta in deltas for choice in delta["choices"]]
    assert "".join(texts) == "Hello, world!"
    assert heard.attempts == [("started", "C", 1), ("succeeded", "C", 1)]
    (exchange,) = mock_server.requests
    assert exchange.body["stream"] is True
    assert exchange.body["stream_options"] == {"include_usage": True}
    assert "Say hello to world" in json.dumps(exchange.body["messages"])


async def test_without_streaming_the_answer_is_the_same(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("gpt-4o", HELLO)]})
    assert await runtime.call_function("F", {"input": "world"}) == "Hello, world!"
    assert "stream" not in mock_server.requests[0].body


async def test_a_program_reads_events_itself(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play(
        {"rules": [{"path": "/events", "answers": [{"pieces": ["one", "two"], "sse": True, "delay_ms": 20}]}]}
    )
    batches = await runtime.call_function("raw", {"url": f"{mock_server.url}/events"})
    events = [event for batch in batches for event in json.loads(batch)]
    assert [event["data"] for event in events] == ["one", "two"]
    assert set(events[0]) == {"event", "data", "id"}


async def test_what_a_call_leaves_open_is_closed(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play(
        {
            "rules": [
                {
                    "path": "/events",
                    "answers": [{"pieces": ["one"], "sse": True, "faults": [{"kind": "stall", "at": 12}]}],
                }
            ]
        }
    )
    batch = await runtime.call_function("left_open", {"url": f"{mock_server.url}/events"})
    assert json.loads(batch or "[]")[0]["data"] == "one"
    assert runtime.handles == 0
    await mock_server.until(lambda server: server.open_connections == 0)


async def test_retries_then_succeeds(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    busy, cut = {"kind": "status", "code": 503}, {"kind": "truncate", "at": 300}
    answers = [failing(busy, text="x"), failing(cut, pieces=["It ", "is ", "done"]), HELLO]
    mock_server.play({"rules": [rule("patient", *answers)]})
    heard = Heard()
    stream = runtime.stream("Retried", {"input": "x"}, heard.context)
    assert [partial async for partial in stream][-1] == "Hello, world!"
    assert heard.attempts == [
        ("started", "Patient", 1),
        ("failed", "Patient", 1),
        ("started", "Patient", 2),
        ("failed", "Patient", 2),
        ("started", "Patient", 3),
        ("succeeded", "Patient", 3),
    ]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "code": 500}, "HttpStatus"),
        ({"kind": "reset", "where": "before"}, "Network"),
        ({"kind": "reset", "where": "body", "at": 200}, "Network"),
        ({"kind": "truncate", "at": 200}, "Network"),
        ({"kind": "truncate", "at": 200, "how": "end"}, "StreamTruncated"),
        ({"kind": "no_finish"}, None),
        ({"kind": "no_done"}, None),
        ({"kind": "garbage", "where": "event", "after": 1}, "LlmClient"),
        ({"kind": "error", "after": 1}, "LlmClient"),
        ({"kind": "content_type"}, "LlmClient"),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value),
)
async def test_a_failed_attempt_stays_in_the_envelope(
    runtime: bamlvm.Runtime, mock_server: MockServer, fault: dict[str, Any], error: str | None
) -> None:
    mock_server.play({"rules": [rule("broken", failing(fault, **HELLO)), rule("claude", {"text": "second"})]})
    heard = Heard()
    stream = runtime.stream("Fallen", {"input": "x"}, heard.context)
    values = [partial async for partial in stream]
    if error is None:
        assert values[-1] == "Hello, world!"
        assert heard.attempts == [("started", "Broken", 1), ("succeeded", "Broken", 1)]
        return
    assert values[-1] == "second"
    assert [kind for kind, _, _ in heard.attempts] == ["started", "failed", "started", "succeeded"]


@pytest.mark.parametrize("how", ["reset", "truncate"])
async def test_a_connection_lost_after_the_finish_reason_loses_nothing(
    runtime: bamlvm.Runtime, mock_server: MockServer, how: str
) -> None:
    mock_server.play({"rules": [rule("broken", {"text": "all of it"}), rule("claude", {"text": "second"})]})
    assert await runtime.stream("Fallen", {"input": "x"}).final() == "all of it"
    body = {**mock_server.requests[0].body}
    async with httpx.AsyncClient() as client:
        whole = (await client.post(f"{mock_server.url}/v1/chat/completions", json=body)).content
    finish = whole.index(b"\n\n", whole.index(b'"finish_reason":"stop"')) + 2
    fault = {"kind": "reset", "where": "body", "at": finish} if how == "reset" else {"kind": "truncate", "at": finish}
    mock_server.play({"rules": [rule("broken", failing(fault, text="all of it")), rule("claude", {"text": "second"})]})
    assert await runtime.stream("Fallen", {"input": "x"}).final() == "all of it"
    fault["at"] = whole.index(b'"finish_reason":"stop"')
    mock_server.play({"rules": [rule("broken", failing(fault, text="all of it")), rule("claude", {"text": "second"})]})
    assert await runtime.stream("Fallen", {"input": "x"}).final() == "second"


async def test_all_attempts_failed_lists_every_attempt(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    def status(code: int) -> dict[str, Any]:
        return failing({"kind": "status", "code": code}, text="no")

    mock_server.play({"rules": [rule("broken", status(401)), rule("gpt-4o", status(500)), rule("claude", status(529))]})
    with pytest.raises(bamlvm.ThrownError) as caught:
        await runtime.call_function("Deep", {"input": "x"})
    assert caught.value.class_name == "baml.errors.AllAttemptsFailed"
    attempts = bamlvm.to_builtins(caught.value.value)["attempts"]
    # A fallback with two retries of its own: three rounds of Broken and whoever's turn it is.
    assert [attempt["client"] for attempt in attempts] == ["Broken", "C", "Broken", "A", "Broken", "C"]
    assert [attempt["error"]["status_code"] for attempt in attempts] == [401, 500, 401, 529, 401, 500]


async def test_a_client_error_is_not_retried(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("patient", failing({"kind": "status", "code": 400}, text="no"))]})
    with pytest.raises(bamlvm.ThrownError):
        await runtime.call_function("Retried", {"input": "x"})
    assert len(mock_server.requests) == 1


async def test_round_robin_takes_turns(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("gpt-4o", {"text": "c"}), rule("claude", {"text": "a"})]})
    said = [await runtime.call_function("InTurn", {"input": "x"}) for _ in range(4)]
    assert said == ["c", "a", "c", "a"]


async def test_a_denied_finish_reason_ends_the_call(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("strict", {"text": "cut off", "finish_reason": "length"})]})
    with pytest.raises(bamlvm.ThrownError) as caught:
        await runtime.stream("Stopped", {"input": "x"}).final()
    assert caught.value.class_name == "baml.errors.FinishReason"
    assert "Finish reason not allowed: length" in str(caught.value)


async def test_a_number_in_a_sentence_comes_at_the_end(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("gpt-4o", {"pieces": ["The answer", " is 4", "2", " of course"]})]})
    stream = runtime.stream("Number", {"input": "x"})
    assert [partial async for partial in stream] == []  # the sentence may go on: "… or rather 43"
    assert await stream.final() == 42


async def test_breaking_out_closes_the_connection(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    mock_server.play({"rules": [rule("gpt-4o", {"pieces": ["a"] * 50, "delay_ms": 20})]})
    stream = runtime.stream("F", {"input": "x"})
    async for _ in stream:
        break
    await stream.aclose()
    assert runtime.handles == 0
    await mock_server.until(lambda server: server.open_connections == 0)


async def test_a_callback_that_raises_ends_the_call_with_its_own_exception(
    runtime: bamlvm.Runtime, mock_server: MockServer
) -> None:
    mock_server.play({"rules": [rule("gpt-4o", HELLO)]})

    def refuse(value: Any) -> None:
        raise LookupError("not today")

    with pytest.raises(LookupError, match="not today"):
        await runtime.call_function("main", {}, bamlvm.CallContext(on_partial=refuse))


CATCHING = """
function direct(input: string) -> string {
  let n = Number(input) catch (e) {
    failed: baml.errors.ParseFailed => { return `raw ${failed.raw ?? ""}` },
    baml.errors.HttpStatus | baml.errors.Network => { return "the server" },
  };
  `${n}`
}
function retried(input: string) -> string {
  Retried(input) catch (e) {
    baml.errors.HttpStatus => "direct",
    all: baml.errors.AllAttemptsFailed => `all ${all.attempts.length()}`,
  }
}
function outer(input: string) -> int {
  Number(input) catch (e) { baml.errors.Timeout => 0 }
}
"""


async def test_the_error_of_the_only_attempt_can_be_caught_itself(mock_server: MockServer) -> None:
    status = {"kind": "status", "code": 400}
    mock_server.play(
        {
            "rules": [
                {"prompt": "bad", "answers": [failing(status)]},
                {"prompt": "busy", "answers": [failing({**status, "code": 503})]},
                {"prompt": "odd", "answers": [{"text": "no number"}]},
                {"answers": [{"text": "3"}]},
            ]
        }
    )
    source = PROGRAM.replace("URL", mock_server.url) + CATCHING
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert runtime.diagnostics == ()
        called = runtime.call_function
        assert await called("direct", {"input": "odd"}) == "raw no number"
        assert await called("direct", {"input": "bad"}) == "the server"
        assert await called("direct", {"input": "good"}) == "3"
        assert await called("retried", {"input": "bad"}) == "direct"
        assert await called("retried", {"input": "busy"}) == "all 3"  # attempts: none of them is the only one
        with pytest.raises(bamlvm.errors.AllAttemptsFailed) as thrown:  # what no arm names stays as it was thrown
            await called("outer", {"input": "bad"})
        assert len(thrown.value.value.attempts) == 1
        assert thrown.value.trace[0].function == "baml.llm.call_llm_function"


def test_an_arm_for_all_attempts_takes_the_only_one_too() -> None:
    arms = "baml.errors.AllAttemptsFailed => 0, baml.errors.ParseFailed => 1"
    source = (
        PROGRAM.replace("URL", "http://localhost") + 'function f() -> int { Number("") catch (e) { ' + arms + " } }"
    )
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert [each.code for each in runtime.diagnostics] == ["E0095"]
