"""The wire formats: requests and whole answers, against golden bodies and the types of the providers' own SDKs."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import anthropic.types
import openai.types.chat
import openai.types.responses
import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from google.genai import types as genai_types
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from bamlvm.mock import ThreadedMockServer
from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import anthropic as anthropic_wire
from bamlvm.sysops.providers import google as google_wire
from bamlvm.sysops.providers import openai as openai_wire
from bamlvm.sysops.providers import responses as responses_wire
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.vm.values import Media, Thrown
from tests.unit.sysops.providers.building import CHAT, invalid, request, text

# --- golden bodies ----------------------------------------------------------------------------------------------------


def test_openai() -> None:
    built = request("openai", model="gpt-4o", temperature=0.5)
    assert built.url == "https://api.openai.com/v1/chat/completions"
    assert built.headers == {"content-type": "application/json", "authorization": "Bearer sk-o"}
    assert built.body == {
        "model": "gpt-4o",
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [text("Hi"), text("there")]},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
    }
    assert "timeouts" not in built.body


def test_anthropic() -> None:
    built = request("anthropic", model="claude-sonnet-4-20250514")
    assert built.url == "https://api.anthropic.com/v1/messages"
    assert built.headers == {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-a",
    }
    assert built.body == {
        "model": "claude-sonnet-4-20250514",
        "max_tokens": 4096,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [text("Hi"), text("there")]},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
    }


def test_streaming_differs_in_the_flags_alone() -> None:
    whole, streamed = request("openai", model="m"), request("openai", model="m", stream=True)
    assert streamed.body == {**whole.body, "stream": True, "stream_options": {"include_usage": True}}
    assert (streamed.url, streamed.headers) == (whole.url, whole.headers)
    kept = request("openai", model="m", stream=True, stream_options={"include_obfuscation": False})
    assert kept.body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in request("openai", model="m", stream_options={"include_usage": True}).body
    for provider, extra in (
        ("anthropic", {}),
        ("openai-generic", {"base_url": "http://h/v1"}),
        ("openai-responses", {}),
    ):
        whole = request(provider, model="m", **extra)
        assert request(provider, model="m", stream=True, **extra).body == {**whole.body, "stream": True}


def test_generic_servers_get_text_as_text() -> None:
    built = request("openai-generic", model="m", base_url="http://h:1/v1/")
    assert built.url == "http://h:1/v1/chat/completions"
    assert built.headers == {"content-type": "application/json"}
    assert [message["content"] for message in built.body["messages"]] == ["Be brief.", "Hi there", "Hello", "Bye"]
    parts = [Message("user", [Part("x", {"cache_control": {"type": "e"}})])]
    marked = request("openai-generic", parts, model="m", base_url="http://h", allowed_role_metadata="all")
    assert marked.body["messages"] == [{"role": "user", "content": [{**text("x"), "cache_control": {"type": "e"}}]}]


def test_azure() -> None:
    built = request("azure-openai", resource_name="r", deployment_id="d", api_version="2024-02-01")
    assert built.url == "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-02-01"
    assert built.headers["api-key"] == "sk-z"
    assert set(built.body) == {"messages", "max_tokens"}
    assert built.body["max_tokens"] == 4096
    based = request("azure-openai", base_url="https://h/d?x=1", api_version="v", max_completion_tokens=5)
    assert based.url == "https://h/d/chat/completions?x=1&api-version=v"
    assert set(based.body) == {"messages", "max_completion_tokens"}
    assert "max_tokens" not in request("azure-openai", base_url="https://h", max_tokens=None).body
    assert "resource_name" in invalid("azure-openai", api_version="v")
    assert "api_version" in invalid("azure-openai", resource_name="r", deployment_id="d")


def test_azure_asks_for_usage_where_its_version_knows_how() -> None:
    for version, expected in (("2024-02-01", False), ("2024-08-01-preview", True), ("2025-01-01", True), ("v1", True)):
        built = request("azure-openai", stream=True, base_url="https://h", api_version=version)
        assert ("stream_options" in built.body) is expected, version
    assert "stream_options" in request("azure-openai", stream=True, base_url="https://h/openai/v1").body
    searching = request("azure-openai", stream=True, base_url="https://h", api_version="2025-01-01", data_sources=[])
    assert "stream_options" not in searching.body
    old = request("azure-openai", stream=True, base_url="https://h", api_version="1", stream_options={"x": 1})
    assert old.body["stream_options"] == {"x": 1}


def test_azures_entra_id_is_refused_and_its_secret_never_sent() -> None:
    for name in ("tenant_id", "client_id", "client_secret"):
        message = invalid("azure-openai", base_url="https://h", **{name: "sk-very-secret"})
        assert name in message and "sk-very-secret" not in message


def test_addresses_and_keys_of_the_others() -> None:
    ollama = request("ollama", model="m", stream=True)
    assert ollama.url == "http://localhost:11434/v1/chat/completions"
    assert "authorization" not in ollama.headers
    assert ollama.body["stream_options"] == {"include_usage": True}
    router = request("openrouter", model="m", stream=True)
    assert router.url == "https://openrouter.ai/api/v1/chat/completions"
    assert router.headers["authorization"] == "Bearer sk-r"
    assert "stream_options" not in router.body  # always reported, says its reference


def test_responses() -> None:
    built = request("openai-responses", model="gpt-4.1", max_output_tokens=5, instructions="Rhyme.", stream=True)
    assert built.url == "https://api.openai.com/v1/responses"
    assert built.headers == {"content-type": "application/json", "authorization": "Bearer sk-o"}
    assert built.body == {
        "model": "gpt-4.1",
        "max_output_tokens": 5,
        "instructions": "Rhyme.",
        "input": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_text", "text": "there"}],
            },
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
        "stream": True,
    }
    parts = [Message("assistant", [Part("a"), Part("b")])]
    assert request("openai-responses", parts, model="m").body["input"] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": word} for word in ("a", "b")]}
    ]


def test_google() -> None:
    config = {"temperature": 0.5, "maxOutputTokens": 5}
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    built = request("google-ai", model="gemini-2.5-flash", generationConfig=config, safetySettings=safety)
    assert built.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    assert built.headers == {"content-type": "application/json", "x-goog-api-key": "sk-g"}
    assert built.body == {
        "generationConfig": config,
        "safetySettings": safety,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"text": "there"}]},
            {"role": "model", "parts": [{"text": "Hello"}]},
            {"role": "user", "parts": [{"text": "Bye"}]},
        ],
    }
    streamed = request("google-ai", stream=True, model="tunedModels/a b", base_url="http://h/v1?k=1", stream_options=1)
    assert streamed.url == "http://h/v1/tunedModels/a%20b:streamGenerateContent?k=1&alt=sse"
    assert "stream" not in streamed.body and "model" not in streamed.body
    assert "needs the option model" in invalid("google-ai")


def test_vertex() -> None:
    config = {"temperature": 0.5, "maxOutputTokens": 5}
    built = request("vertex-ai", model="gemini-x", location="us-central1", project_id="p", generationConfig=config)
    google = request("google-ai", model="gemini-x", generationConfig=config)
    place = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
    assert built.url == f"{place}/publishers/google/models/gemini-x:generateContent"
    assert (built.headers, built.body) == ({"content-type": "application/json"}, google.body)
    streamed = request("vertex-ai", stream=True, model="m", location="global", env={"GOOGLE_CLOUD_PROJECT": "q"})
    assert streamed.url == (
        "https://aiplatform.googleapis.com/v1/projects/q/locations/global/publishers/google/models/"
        "m:streamGenerateContent?alt=sse"
    )
    account = {"type": "service_account", "project_id": "theirs"}
    for credentials in (account, json.dumps(account)):
        assert "/projects/theirs/" in request("vertex-ai", model="m", location="l", credentials=credentials).url
    assert "needs the option location" in invalid("vertex-ai", model="m", project_id="p")
    assert "needs the option project_id" in invalid("vertex-ai", model="m", location="l")
    assert "needs the option model" in invalid("vertex-ai", location="l", project_id="p")


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_of_anthropic_on_vertex_gets_what_the_sdk_sends(
    threaded_mock_server: ThreadedMockServer, stream: bool
) -> None:
    given = {"location": "us-east5", "project_id": "p", "anthropic_version": "vertex-2023-10-16", "max_tokens": 5}
    built = request("vertex-ai", CHAT, stream, model="claude-x@20250514", **given)
    body = {name: built.body[name] for name in ("system", "messages", "max_tokens")}
    base = f"{threaded_mock_server.url}/v1"
    with (
        anthropic.AnthropicVertex(
            region="us-east5", project_id="p", access_token="t", base_url=base, max_retries=0
        ) as sdk,
        pytest.raises(anthropic.APIStatusError),  # the mock server does not know the path
    ):
        sdk.messages.create(model="claude-x@20250514", stream=stream, **body)
    (theirs,) = threaded_mock_server.requests
    assert built.url == f"https://us-east5-aiplatform.googleapis.com{theirs.request.path}"
    sent = json.loads(theirs.request.body)
    assert sent.pop("anthropic_version")  # the SDK has its own; ours is the option's
    assert built.body.pop("anthropic_version") == "vertex-2023-10-16"
    assert built.body == {name: value for name, value in sent.items() if (name, value) != ("stream", False)}
    assert "anthropic-version" not in built.headers


# --- the SDKs ---------------------------------------------------------------------------------------------------------

IMAGE = Media("image", "image/png", "base64", "AA==")
LINK = Media("image", None, "url", "https://h/x.png")
PDF = Media("pdf", "application/pdf", "base64", "AA==")
PDF_LINK = Media("pdf", None, "url", "https://h/x.pdf")
VIDEO = Media("video", "video/mp4", "url", "https://h/x.mp4")
SOUND = Media("audio", "audio/mpeg", "base64", "AA==")


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_sdk_takes_the_body(stream: bool) -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(SOUND)])]
    body = request("openai", messages, stream, model="gpt-4o", temperature=1, max_completion_tokens=5).body
    params = CompletionCreateParamsStreaming if stream else CompletionCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)


@pytest.mark.parametrize("stream", [False, True])
def test_the_anthropic_sdk_takes_the_body(stream: bool) -> None:
    cached = Part("see", {"cache_control": {"type": "ephemeral"}})
    messages = [*CHAT, Message("user", [cached, Part(IMAGE), Part(LINK), Part(PDF)])]
    body = request(
        "anthropic", messages, stream, model="claude", stop_sequences=["x"], allowed_role_metadata=["cache_control"]
    ).body
    params = MessageCreateParamsStreaming if stream else MessageCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)
    assert body["messages"][-1]["content"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("stream", [False, True])
def test_the_responses_sdk_takes_the_body(stream: bool) -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(PDF_LINK)])]
    body = request("openai-responses", messages, stream, model="gpt-4.1", temperature=1, max_output_tokens=5).body
    params = ResponseCreateParamsStreaming if stream else ResponseCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)


def test_the_google_sdk_takes_the_body() -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(SOUND), Part(VIDEO)])]
    body = request("google-ai", messages, model="m", generationConfig={"temperature": 1}).body
    for content in (*body["contents"], body["systemInstruction"]):
        taken = genai_types.Content.model_validate(content, extra="forbid")
        assert taken.model_dump(by_alias=True, exclude_none=True, mode="json") == content
    genai_types.GenerateContentConfig.model_validate(body["generationConfig"], extra="forbid")


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_openai_sdks_completion_is_read() -> None:
    completion = openai.types.chat.ChatCompletion.model_validate(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-2024",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": "Hello", "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
        }
    )
    answer = openai_wire.read(completion.model_dump_json())
    assert (answer.content, answer.finish_reason, answer.model) == ("Hello", "length", "gpt-4o-2024")
    assert (answer.tokens.input, answer.tokens.output) == (3, 5)


def test_the_anthropic_sdks_message_is_read() -> None:
    message = anthropic.types.Message.model_validate(
        {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "Hel"},
                {"type": "text", "text": "lo"},
            ],
            "usage": {"input_tokens": 3, "output_tokens": 5},
        }
    )
    answer = anthropic_wire.read(message.model_dump_json())
    assert (answer.content, answer.finish_reason, answer.model) == ("Hello", "end_turn", "claude-x")
    assert (answer.tokens.input, answer.tokens.output) == (3, 5)


def test_the_responses_sdks_response_is_read() -> None:
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "Hel", "annotations": []},
            {"type": "output_text", "text": "lo", "annotations": []},
        ],
    }
    response = openai.types.responses.Response.model_validate(
        {
            "id": "r",
            "object": "response",
            "created_at": 1,
            "model": "gpt-4.1-2025",
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "output": [{"id": "s", "type": "reasoning", "summary": []}, message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 9,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 1},
                "total_tokens": 14,
            },
        }
    )
    answer = responses_wire.read(response.model_dump_json())
    assert answer.content == response.output_text == "Hello"
    assert (answer.finish_reason, answer.model, answer.refusal) == ("completed", "gpt-4.1-2025", None)
    assert (answer.tokens.input, answer.tokens.output, answer.tokens.cached_input) == (9, 5, 4)


def test_the_google_sdks_response_is_read() -> None:
    response = genai_types.GenerateContentResponse.model_validate(
        {
            "candidates": [
                {
                    "index": 0,
                    "finishReason": "MAX_TOKENS",
                    "content": {
                        "role": "model",
                        "parts": [{"text": "hm", "thought": True}, {"text": "Hel"}, {"text": "lo"}],
                    },
                },
                {"index": 1, "content": {"role": "model", "parts": [{"text": "no"}]}},
            ],
            "modelVersion": "gemini-2.5-flash-001",
            "usageMetadata": {
                "promptTokenCount": 9,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 2,
                "totalTokenCount": 14,
            },
        }
    )
    answer = google_wire.read(response.model_dump_json(by_alias=True, exclude_none=True))
    assert answer.content == "Hello"
    assert (answer.finish_reason, answer.model) == ("MAX_TOKENS", "gemini-2.5-flash-001")
    assert (answer.tokens.input, answer.tokens.output, answer.tokens.cached_input) == (9, 5, 4)


def test_cached_tokens_are_tokens_of_the_prompt() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}}
    chat = openai_wire.read(json.dumps({"choices": [{"message": {"content": "a"}}], "usage": usage}))
    assert (chat.tokens.input, chat.tokens.cached_input) == (9, 8)
    usage = {"input_tokens": 1, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 20, "output_tokens": 1}
    message = anthropic_wire.read(json.dumps({"content": [], "usage": usage}))
    assert (message.tokens.input, message.tokens.cached_input) == (29, 8)


def test_answers_that_are_refusals_or_incomplete() -> None:
    chat = openai_wire.read('{"choices":[{"message":{"content":null,"refusal":"I cannot"},"finish_reason":"stop"}]}')
    assert (chat.content, chat.refusal) == ("", "I cannot")
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot"}]}
    answer = responses_wire.read(json.dumps({"status": "completed", "output": [refusal]}))
    assert (answer.content, answer.refusal) == ("", "I cannot")
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
    assert responses_wire.read(json.dumps(cut)).finish_reason == "max_output_tokens"
    blocked = google_wire.read('{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert (blocked.content, blocked.finish_reason) == ("", "SAFETY")


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (responses_wire, {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}),
        (openai_wire, {"choices": [{"message": {}, "error": {"code": 429, "message": "slow"}}]}),
        (google_wire, {"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}),
    ],
)
def test_failures_in_an_answer_may_be_worth_a_retry(wire: Any, body: Any) -> None:
    with pytest.raises(Thrown, match="slow") as caught:
        wire.read(json.dumps(body))
    assert caught.value.fields["retryable"] is True


def test_failures_without_a_reason() -> None:
    for wire, body in (
        (responses_wire, '{"status":"failed","error":null,"output":[]}'),
        (openai_wire, '{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}'),
    ):
        with pytest.raises(Thrown, match="the provider reported an error"):
            wire.read(body)
    with pytest.raises(Thrown, match="cannot be read"):
        responses_wire.read('{"status":"queued","output":[]}')


def test_odd_but_readable_answers() -> None:
    assert openai_wire.read('{"choices":[{"message":{"content":null}}]}').content == ""
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    assert openai_wire.read(json.dumps({"choices": [{"message": {"content": parts}}]})).content == "ab"
    assert openai_wire.read('{"choices":[{"message":{}}],"usage":"?","model":5}').model is None
    assert anthropic_wire.read('{"content":[]}').content == ""


@pytest.mark.parametrize("wire", WIRES.values())
@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"choices":[]}', '{"choices":[5]}', '{"content":"x"}'])
def test_unreadable_answers(wire: Any, body: str) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read(body)
    assert caught.value.class_name == "baml.errors.LlmClient"
    assert caught.value.fields["retryable"] is False


@pytest.mark.parametrize("wire", WIRES.values())
def test_an_error_in_an_answer_is_the_providers(wire: Any) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read('{"error": {"type": "overloaded_error", "message": "busy"}}')
    assert caught.value.fields["type"] == "overloaded_error"
    assert caught.value.fields["retryable"] is True


def test_reasoning_beside_the_answer() -> None:
    def chat(**message: Any) -> str:
        return openai_wire.read(json.dumps({"choices": [{"message": message}]})).reasoning

    assert chat(content="a", reasoning_content="hm") == "hm"
    assert chat(content="a", reasoning="hm") == "hm"
    assert chat(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]) == "hm"
    assert chat(content="a", reasoning={"text": "hm"}) == ""
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]
    assert anthropic_wire.read(json.dumps({"content": blocks})).reasoning == "hm"
    parts = [{"text": "hm", "thought": True}, {"text": "a"}]
    assert google_wire.read(json.dumps({"candidates": [{"content": {"parts": parts}}]})).reasoning == "hm"
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    assert responses_wire.read(json.dumps({"status": "completed", "output": [thought]})).reasoning == "hm"
