"""Spans, as an OpenTelemetry SDK gets them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

import bamlvm
from bamlvm import AttemptRecord, CallContext, ThrownError
from bamlvm.mock import ThreadedMockServer
from bamlvm.otel import OTelCollector, attempt_attributes, content_attributes, instrument
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.registry import request_wire

Make: TypeAlias = Callable[..., bamlvm.Runtime]

HELLO = {"pieces": ["Hello", "!"], "usage": {"input_tokens": 7, "output_tokens": 3}}
FAILED = {"faults": [{"kind": "status", "code": 503}]}


class Traces:
    """A provider, its tracer and what it has exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order of their starts."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def traces() -> Traces:
    return Traces()


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def test_a_span_for_the_call_and_one_for_each_attempt(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer, traces: Traces
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [FAILED, HELLO]}]})
    runtime = make(llm_source(threaded_mock_server.url, tries=2))
    instrument(runtime, traces.provider)
    context = CallContext(on_partial=lambda value: None, tags={"user": "7"})
    with traces.tracer.start_as_current_span("request") as outer:
        assert runtime.call_function_sync("F", {"input": "x"}, context) == "Hello!"
    (call,) = traces.named("invoke_workflow F")
    failed, done = traces.named("chat gpt-4o")
    assert parent_of(call) == outer.get_span_context().span_id
    assert parent_of(failed) == parent_of(done) == id_of(call)
    assert (call.kind, failed.kind, done.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.CLIENT)
    assert dict(call.attributes or {}) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "F",
        "baml.tag.user": "7",
    }
    address, port = threaded_mock_server.url.removeprefix("http://").split(":")
    shared = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "server.address": address,
        "server.port": int(port),
        "baml.client": "C",
        "baml.function": "F",
    }
    assert dict(failed.attributes or {}) == {
        **shared,
        "baml.attempt": 1,
        "error.type": "503",
        "http.response.status_code": 503,
    }
    attributes = dict(done.attributes or {})
    assert 0 < attributes.pop("gen_ai.response.time_to_first_chunk") < 60  # type: ignore[operator]  # a number
    assert attributes == {
        **shared,
        "baml.attempt": 2,
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "http.response.status_code": 200,
    }
    assert failed.status.status_code is StatusCode.ERROR
    assert call.status.status_code is done.status.status_code is StatusCode.UNSET
    assert call.start_time and call.end_time and failed.end_time and done.start_time and done.end_time
    assert call.start_time <= failed.end_time <= done.start_time <= done.end_time
    assert "sk-secret-key" not in "".join(span.to_json() for span in traces.spans)
    assert "Say hello" not in "".join(span.to_json() for span in traces.spans)


def test_a_call_that_fails(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer, traces: Traces
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [FAILED]}]})
    runtime = make(llm_source(threaded_mock_server.url))
    context = CallContext(collectors=[OTelCollector(traces.provider)])
    with pytest.raises(ThrownError):
        runtime.call_function_sync("F", {"input": "x"}, context)
    call, attempt = traces.spans
    assert (call.attributes or {})["error.type"] == "baml.errors.AllAttemptsFailed"
    assert call.status.status_code is StatusCode.ERROR
    assert call.status.description is not None
    assert "503" in call.status.description
    assert parent_of(call) is None
    assert parent_of(attempt) == id_of(call)


async def test_each_task_has_its_own_parent(
    make: Make, llm_source: Callable[..., str], mock_server: Any, traces: Traces
) -> None:
    mock_server.play({"rules": [{"answers": [HELLO]}]})
    async with make(llm_source(mock_server.url), collectors=[OTelCollector(traces.provider)]) as runtime:

        async def work(number: int) -> None:
            with traces.tracer.start_as_current_span(f"task {number}"):
                stream = runtime.stream("F", {"input": str(number)}, CallContext(tags={"number": str(number)}))
                assert [partial async for partial in stream][-1] == "Hello!"

        await asyncio.gather(*map(work, range(5)))
    for number in range(5):
        (outer,) = traces.named(f"task {number}")
        (call,) = [span for span in traces.spans if (span.attributes or {}).get("baml.tag.number") == str(number)]
        (attempt,) = [span for span in traces.spans if parent_of(span) == id_of(call)]
        assert parent_of(call) == id_of(outer)
        assert attempt.name == "chat gpt-4o"


def test_content_where_it_is_asked_for(
    make: Make,
    llm_source: Callable[..., str],
    threaded_mock_server: ThreadedMockServer,
    traces: Traces,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    runtime = make(llm_source(threaded_mock_server.url))
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    for collector in (OTelCollector(traces.provider), OTelCollector(traces.provider, capture_content=False)):
        runtime.call_function_sync("F", {"input": "Ada"}, CallContext(collectors=[collector]))
    told, silent = (dict(span.attributes or {}) for span in traces.named("chat gpt-4o"))
    assert json.loads(str(told.pop("gen_ai.input.messages"))) == [
        {"role": "system", "parts": [{"type": "text", "content": "Say hello to Ada"}]}
    ]
    assert json.loads(str(told.pop("gen_ai.output.messages"))) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
    ]
    assert told.keys() == silent.keys()


def test_a_trace_that_is_not_sampled_costs_no_spans(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    traces = Traces(sampler=ALWAYS_OFF)
    runtime = make(llm_source(threaded_mock_server.url))
    assert runtime.collectors == ()
    collector = instrument(runtime, traces.provider)
    assert runtime.collectors == (collector,)
    runtime.call_function_sync("F", {"input": "x"})
    assert traces.spans == []


def record(provider: str, body: dict[str, Any], **facts: Any) -> AttemptRecord:
    request = {"method": "POST", "url": "https://host.test/v1/x?key=***", "headers": {}, "body": body}
    summary = request_wire(PROVIDERS[provider]).summarise(body)
    return AttemptRecord("F", "C", provider, 1, 1, 0.0, request=request, summary=summary, **facts)


def test_parameters_of_a_request() -> None:
    body = {
        "messages": [],
        "temperature": 0,
        "max_completion_tokens": 9,
        "top_p": 0.5,
        "stop": "END",
        "n": 1,
        "seed": 3,
        "top_k": None,
    }
    found = attempt_attributes(record("azure-openai", body, cached_input_tokens=4, reasoning_tokens=2))
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "server.address": "host.test",
        "server.port": 443,
        "baml.client": "C",
        "baml.function": "F",
        "baml.attempt": 1,
    }


def test_a_request_to_google() -> None:
    body = {
        "generationConfig": {"topK": 3, "maxOutputTokens": 5, "stopSequences": ["a", "b"]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"data": "AAAA"}}]}],
        "systemInstruction": {"parts": [{"text": "Be kind"}]},
    }
    given = record("google-ai", body, request_model="gemini-2.5-flash")
    found = attempt_attributes(given)
    assert found["gen_ai.operation.name"] == "generate_content"
    assert found["gen_ai.provider.name"] == "gcp.gemini"
    assert (found["gen_ai.request.top_k"], found["gen_ai.request.max_tokens"]) == (3.0, 5)
    assert found["gen_ai.request.stop_sequences"] == ["a", "b"]
    content = content_attributes(given)
    assert json.loads(content["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}, {"type": "blob"}]}
    ]
    assert json.loads(content["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind"}]


def test_nothing_of_it_is_loaded_unless_used() -> None:
    code = """
import sys, bamlvm
runtime = bamlvm.Runtime.from_files({"main.baml": "function f() -> int { 1 }"})
runtime.call_function_sync("f", {}, bamlvm.CallContext(collectors=[bamlvm.Collector()]))
sys.exit(any(name.startswith("opentelemetry") for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
