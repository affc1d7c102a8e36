"""OpenTelemetry: a span for every call and every attempt, by the semantic conventions for generative AI.

    bamlvm.otel.instrument(runtime)                                     # all calls of a runtime, or
    CallContext(collectors=[bamlvm.otel.OTelCollector(provider)])       # those that carry it

It needs the extra ``bamlvm[otel]`` (``opentelemetry-api``); nothing else of this package imports it.

    invoke_workflow Extract        INTERNAL   the call; a child of the caller's current span
    ├── chat gpt-4o-mini           CLIENT     an attempt that failed: error.type 503
    └── chat gpt-4o-mini           CLIENT     the attempt that answered

Names and meanings are those of "Semantic conventions for generative client AI spans" and "… for GenAI agent and
framework spans" (OpenTelemetry, status *development*).  Prompts and answers are only recorded with
``capture_content=True`` or the variable ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

try:
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer, set_span_in_context
except ImportError as error:  # pragma: no cover (the tests have it)
    raise ImportError("bamlvm.otel needs OpenTelemetry: pip install 'bamlvm[otel]'") from error

import bamlvm

if TYPE_CHECKING:
    from bamlvm.collector import CallRecord
    from bamlvm.runtime import Runtime
    from bamlvm.sysops.records import AttemptRecord, ErrorRecord

CAPTURE_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_PROVIDERS: Final = {
    "anthropic": "anthropic",
    "aws-bedrock": "aws.bedrock",
    "azure-openai": "azure.ai.openai",
    "google-ai": "gcp.gemini",
    "openai": "openai",
    "openai-generic": "openai",
    "openai-responses": "openai",
    "vertex-ai": "gcp.vertex_ai",
}
"""``gen_ai.provider.name``, where it is not the provider's name here; it names the vendor of the wire format."""

_GENERATING: Final = ("google-ai", "vertex-ai")
"""The providers whose operation is called ``generate_content``."""

_PARAMETERS: Final = {
    "choice_count": ("gen_ai.request.choice.count", int),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", float),
    "max_tokens": ("gen_ai.request.max_tokens", int),
    "presence_penalty": ("gen_ai.request.presence_penalty", float),
    "seed": ("gen_ai.request.seed", int),
    "temperature": ("gen_ai.request.temperature", float),
    "top_k": ("gen_ai.request.top_k", float),
    "top_p": ("gen_ai.request.top_p", float),
}
_PORTS: Final = {"http": 80, "https": 443}


class OTelCollector:
    """A collector that makes spans of the calls that carry it.  ``tracer_provider`` None is the global one.

    ``capture_content`` also records prompts and answers; None leaves that to the environment.
    """

    keep_raw_events: Final = False

    def __init__(self, tracer_provider: TracerProvider | None = None, *, capture_content: bool | None = None) -> None:
        self._tracer = get_tracer("bamlvm", bamlvm.__version__, tracer_provider)
        if capture_content is None:
            capture_content = os.environ.get(CAPTURE_VARIABLE, "").strip().lower() == "true"
        self._capture_content = capture_content

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`bamlvm.Observer`.  The span's parent is the current span of the calling thread or task."""
        span = self._tracer.start_span(
            f"invoke_workflow {function}",
            attributes={
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.workflow.name": function,
                **{f"baml.tag.{name}": value for name, value in tags.items()},
            },
        )
        return lambda record: self._end(span, record)

    def _end(self, span: Span, record: CallRecord) -> None:
        if span.is_recording():
            for attempt in record.attempts:
                self._attempt(span, attempt)
            _note_error(span, record.error)
        span.end()

    def _attempt(self, parent: Span, attempt: AttemptRecord) -> None:
        attributes = attempt_attributes(attempt)
        if self._capture_content:
            attributes |= content_attributes(attempt)
        operation, model = attributes["gen_ai.operation.name"], attempt.request_model
        span = self._tracer.start_span(
            f"{operation} {model}" if model else operation,
            context=set_span_in_context(parent),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=_nanoseconds(attempt.started),
        )
        _note_error(span, attempt.error)
        span.end(_nanoseconds(attempt.started + (attempt.duration or 0.0)))


def instrument(
    runtime: Runtime, tracer_provider: TracerProvider | None = None, *, capture_content: bool | None = None
) -> OTelCollector:
    """Make spans of every call of a runtime from now on; return the collector that does."""
    collector = OTelCollector(tracer_provider, capture_content=capture_content)
    runtime.collectors = (*runtime.collectors, collector)
    return collector


def attempt_attributes(attempt: AttemptRecord) -> dict[str, Any]:
    """Return the conventions' attributes of an attempt, without any content."""
    stream = attempt.streamed
    paid = not attempt.cached  # the tokens of a cached response were counted when it was kept
    found: dict[str, Any] = {
        "gen_ai.operation.name": "generate_content" if attempt.provider in _GENERATING else "chat",
        "gen_ai.provider.name": _PROVIDERS.get(attempt.provider, attempt.provider),
        "gen_ai.request.model": attempt.request_model,
        "gen_ai.request.stream": stream or None,
        "gen_ai.response.model": attempt.model if attempt.status is not None and attempt.status < 300 else None,
        "gen_ai.response.finish_reasons": None if attempt.finish_reason is None else [attempt.finish_reason],
        "gen_ai.response.time_to_first_chunk": attempt.first_partial if stream else None,
        "gen_ai.usage.input_tokens": attempt.input_tokens if paid else None,
        "gen_ai.usage.output_tokens": attempt.output_tokens if paid else None,
        "gen_ai.usage.cache_read.input_tokens": attempt.cached_input_tokens if paid else None,
        "gen_ai.usage.cache_creation.input_tokens": attempt.cache_write_tokens if paid else None,
        "gen_ai.usage.reasoning.output_tokens": attempt.reasoning_tokens if paid else None,
        "http.response.status_code": attempt.status,
        "baml.client": attempt.client,
        "baml.function": attempt.function,
        "baml.attempt": attempt.ordinal,
        "baml.cached": attempt.cached or None,
        "baml.thread": attempt.thread or None,
        **_parameters({} if attempt.summary is None else attempt.summary.parameters),
    }
    url = (attempt.request or {}).get("url")
    if isinstance(url, str):
        parts = urlsplit(url)
        found["server.address"] = parts.hostname
        found["server.port"] = parts.port or _PORTS.get(parts.scheme)
    return {name: value for name, value in found.items() if value is not None}


def content_attributes(attempt: AttemptRecord) -> dict[str, Any]:
    """Return the prompt and the answer, as the conventions' JSON; media are named, not copied."""
    found: dict[str, Any] = {}
    summary = attempt.summary
    if summary is not None and summary.messages:
        found["gen_ai.input.messages"] = summary.messages
    if summary is not None and summary.system:
        found["gen_ai.system_instructions"] = summary.system
    if attempt.text:
        answer: dict[str, Any] = {"role": "assistant", "parts": [{"type": "text", "content": attempt.text}]}
        if attempt.finish_reason is not None:
            answer["finish_reason"] = attempt.finish_reason
        found["gen_ai.output.messages"] = [answer]
    return {name: msgspec.json.encode(value).decode() for name, value in found.items()}


def error_type(error: ErrorRecord) -> str:
    """Return ``error.type``: an HTTP status, ``timeout``, or the name of the error's class."""
    if error.type == "baml.errors.HttpStatus" and isinstance(error.value, dict):
        return str(error.value.get("status_code"))
    return "timeout" if error.type == "baml.errors.Timeout" else error.type


def _note_error(span: Span, error: ErrorRecord | None) -> None:
    if error is not None:
        span.set_attribute("error.type", error_type(error))
        span.set_status(Status(StatusCode.ERROR, error.message))


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (attribute, kind) in _PARAMETERS.items():
        value = given.get(name)
        is_default = name == "choice_count" and value == 1
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not is_default:
            found[attribute] = kind(value)
    stops = given.get("stop_sequences")
    if isinstance(stops, str):
        stops = [stops]
    if isinstance(stops, list) and stops and all(isinstance(stop, str) for stop in stops):
        found["gen_ai.request.stop_sequences"] = stops
    return found


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
