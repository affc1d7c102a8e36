"""Bedrock: requests, where they go, and what the answers say.  Requests are held against the SDK in
``tests/streaming/test_sdk_requests.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import bedrock
from bamlvm.sysops.providers.bedrock import BedrockAccumulator, Usage, keys, read, region
from bamlvm.sysops.providers.failures import check_answered
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.values import Thrown
from tests.unit.sysops.providers.building import CHAT, invalid, options, request

PLACE = {"model": "anthropic.claude-x:0", "region": "us-east-1"}
ARN = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"


def test_a_request() -> None:
    inference = {"max_tokens": 5, "temperature": 0.5, "top_p": 1, "stop_sequences": ["a"]}
    fields = {"thinking": {"type": "enabled"}}
    built = request(
        "aws-bedrock", **PLACE, inference_configuration=inference, additional_model_request_fields=fields, x=1
    )
    assert built.url == "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-x%3A0/converse"
    assert built.headers == {"content-type": "application/json"}
    assert built.body == {
        "x": 1,
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5, "topP": 1, "stopSequences": ["a"]},
        "additionalModelRequestFields": fields,
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}, {"text": "there"}]},
            {"role": "assistant", "content": [{"text": "Hello"}]},
            {"role": "user", "content": [{"text": "Bye"}]},
        ],
    }
    summary = bedrock.summarise(built.body)
    assert summary.parameters == {"max_tokens": 5, "temperature": 0.5, "top_p": 1, "stop_sequences": ["a"]}
    assert summary.system == [{"type": "text", "content": "Be brief."}]


def test_a_streamed_request_and_a_model_of_any_name() -> None:
    built = request("aws-bedrock", stream=True, model_id=ARN, region="cn-north-1")
    path = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fabc/converse-stream"
    assert built.url == f"https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/{path}"
    assert built.headers["accept"] == "application/vnd.amazon.eventstream"
    assert set(built.body) == {"system", "messages"}


def test_what_cannot_be_sent() -> None:
    assert "needs the option model" in invalid("aws-bedrock", region="r")
    assert "only one of model and model_id" in invalid("aws-bedrock", **PLACE, model_id="b")
    assert "belongs into inference_configuration" in invalid("aws-bedrock", **PLACE, max_tokens=5)
    assert "belongs into inference_configuration" in invalid("aws-bedrock", **PLACE, topP=0.5)
    wrong = invalid("aws-bedrock", **PLACE, inference_configuration={"top_k": 1})
    assert wrong == (
        "client C: option inference_configuration has no top_k; "
        "there are max_tokens, stop_sequences, temperature, top_p"
    )
    assert "not the name of a region" in invalid("aws-bedrock", model="m", region="evil.example/")
    assert "endpoint_url" not in invalid("aws-bedrock", model="m", region="r", base_url="file:///x")


def test_where_the_address_and_the_region_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def host(env: dict[str, str], **values: Any) -> str:
        return request("aws-bedrock", env=env, model="m", **values).url.partition("/model/")[0]

    assert host({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}) == "https://bedrock-runtime.a.amazonaws.com"
    assert host({"AWS_DEFAULT_REGION": "b"}) == "https://bedrock-runtime.b.amazonaws.com"
    assert host({"AWS_REGION": "a"}, region="c") == "https://bedrock-runtime.c.amazonaws.com"
    assert host({"AWS_ENDPOINT_URL": "http://e/"}) == "http://e"
    assert host({"AWS_ENDPOINT_URL": "http://e", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://f"}) == "http://f"
    assert host({"AWS_ENDPOINT_URL": "http://e"}, endpoint_url="http://g") == "http://g"
    file = tmp_path / "config"
    file.write_text("[default]\nregion = d\n[profile p]\nregion = q\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert host({}) == "https://bedrock-runtime.d.amazonaws.com"
    assert host({"AWS_PROFILE": "p"}) == "https://bedrock-runtime.q.amazonaws.com"
    assert region(options("aws-bedrock", {}, model="m", profile="p")) == "q"
    assert "profile (nowhere) could not be found" in invalid("aws-bedrock", env={}, model="m", profile="nowhere")
    file.write_text("")
    assert "needs the option region, or the variable AWS_REGION" in invalid("aws-bedrock", env={}, model="m")


def test_whose_keys_sign() -> None:
    own = {"access_key_id": "a", "secret_access_key": "s"}
    env = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}
    assert keys(options("aws-bedrock", env, **own)) == ("a", "s", None)
    assert keys(options("aws-bedrock", env, **own, session_token="t")) == ("a", "s", "t")
    assert keys(options("aws-bedrock", env)) == ("A", "S", "T")
    assert keys(options("aws-bedrock", env, profile="p")) is None
    assert keys(options("aws-bedrock", {"AWS_ACCESS_KEY_ID": "A"})) is None
    for given, part in (
        ({"access_key_id": "a"}, "option secret_access_key is needed"),
        ({"secret_access_key": "a"}, "option access_key_id is needed"),
        ({"session_token": "a"}, "option access_key_id is needed"),
        ({**own, "profile": "p"}, "only one of profile and access_key_id"),
    ):
        with pytest.raises(Thrown) as caught:
            keys(options("aws-bedrock", env, **given))
        assert part in caught.value.fields["message"]


def test_a_key_of_bedrock_is_a_bearer_token_unless_the_client_has_credentials() -> None:
    env = {"AWS_BEARER_TOKEN_BEDROCK": "token"}
    assert request("aws-bedrock", env=env, **PLACE).headers["authorization"] == "Bearer token"
    assert request("aws-bedrock", env=env, **PLACE, api_key="mine").headers["authorization"] == "Bearer mine"
    for own in ({"profile": "p"}, {"access_key_id": "a", "secret_access_key": "b"}):
        assert "authorization" not in request("aws-bedrock", env=env, **PLACE, **own).headers


def test_a_mark_of_the_cache_is_a_block_of_its_own() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    chat = [Message("user", [Part("a", mark), Part("b", mark)]), Message("assistant", [Part("c")])]
    body = request("aws-bedrock", chat, **PLACE, allowed_role_metadata=["cache_control"]).body
    assert body["messages"][0]["content"] == [{"text": "a"}, {"text": "b"}, {"cachePoint": {"type": "default"}}]
    assert body["messages"][1]["content"] == [{"text": "c"}]
    assert "cachePoint" not in json.dumps(request("aws-bedrock", chat, **PLACE).body)
    with pytest.raises(Thrown) as caught:
        request("aws-bedrock", [Message("user", [Part("a", {"other": 1})])], **PLACE, allowed_role_metadata="all")
    assert "a message's other cannot be sent" in caught.value.fields["message"]


def test_the_system_prompt_is_apart() -> None:
    assert request("aws-bedrock", CHAT[:1], **PLACE).body["messages"] == [
        {"role": "user", "content": [{"text": "Be brief."}]}
    ]


def test_a_whole_answer() -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "x"}}}
    content = [thought, {"text": "Hel"}, {"toolUse": {"name": "f"}}, {"text": "lo"}]
    usage = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}
    answer = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"}
    found = read(json.dumps({**answer, "usage": usage}))
    assert (found.content, found.has_text, found.finish_reason) == ("Hello", True, "end_turn")
    assert (found.tokens.input, found.tokens.output) == (5, 2)
    tool = {"output": {"message": {"content": content[2:3]}}, "stopReason": "tool_use"}
    assert read(json.dumps(tool)).has_text is False
    for body in ("{}", '{"output": {}}', '{"output": 5}', '{"Output": {"__type": "UnknownOperationException"}}', "[]"):
        with pytest.raises(Thrown, match="cannot be read"):
            read(body)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, (5, 2, None, None)),
        ({"inputTokens": 5, "outputTokens": 2}, (5, 2, None, None)),
        # the cached parts beside the input, within it, and with a total that fits neither
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 20, "cacheReadInputTokens": 10,
          "cacheWriteInputTokens": 3},
         (18, 2, 10, 3)),
        ({"inputTokens": 18, "outputTokens": 2, "totalTokens": 20, "cacheReadInputTokens": 10}, (18, 2, 10, None)),
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 99, "cacheReadInputTokens": 10}, (15, 2, 10, None)),
        ({"inputTokens": 5, "outputTokens": 2, "cacheReadInputTokens": 10}, (15, 2, 10, None)),
        ({}, (None, None, None, None)),
    ],
)  # fmt: skip
def test_token_counts(usage: dict[str, int], tokens: tuple[int | None, ...]) -> None:
    found = Tokens()
    msgspec.convert(usage, Usage).note(found)
    assert (found.input, found.output, found.cached_input, found.cache_write) == tokens


def streamed(*events: tuple[str, Any]) -> BedrockAccumulator:
    accumulator = BedrockAccumulator()
    accumulator.add([Event(name, json.dumps(data), "") for name, data in events])
    return accumulator


STOP = ("messageStop", {"stopReason": "end_turn"})
COUNT = ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}})
TEXT = ("contentBlockDelta", {"delta": {"text": "Hi"}})


def test_a_stream() -> None:
    found = streamed(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"delta": {"reasoningContent": {"text": "hm"}}}),
        ("contentBlockDelta", {"delta": {"reasoningContent": {"signature": "x"}}}),
        ("contentBlockStart", {"start": {"toolUse": {"name": "f"}}}),
        ("contentBlockDelta", {"delta": {"toolUse": {"input": "{}"}}}),
        ("contentBlockDelta", {"delta": {"text": "H", "new": 1}}),
        ("somethingNew", []),
        ("contentBlockDelta", {"delta": {"text": "i"}, "contentBlockIndex": "?"}),
        ("contentBlockDelta", {"delta": None}),
        STOP,
        COUNT,
        TEXT,
    )
    assert (found.content(), found.reasoning(), found.finish_reason(), found.is_done()) == (
        "Hi",
        "hm",
        "end_turn",
        True,
    )
    assert (found.input_tokens(), found.output_tokens(), found.model()) == (5, 2, None)


def test_when_a_stream_is_done() -> None:
    assert streamed(TEXT).is_truncated()
    assert streamed(TEXT, COUNT).is_truncated() and not streamed(TEXT, COUNT).is_done()
    assert not streamed(TEXT, STOP).is_truncated() and not streamed(TEXT, STOP).is_done()
    assert streamed(TEXT, STOP, COUNT).is_done() and streamed(TEXT, COUNT, STOP).is_done()


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        ("internalServerException", True),
        ("modelStreamErrorException", True),
        ("serviceUnavailableException", True),
        ("throttlingException", True),
        ("modelTimeoutException", True),
        ("modelNotReadyException", True),
        ("validationException", False),
        ("accessDeniedException", False),
        ("resourceNotFoundException", False),
    ],
)
def test_failures_inside_a_stream_are_retried_as_their_status_would_be(kind: str, retryable: bool) -> None:
    with pytest.raises(Thrown) as caught:
        streamed(TEXT, ("error", {"type": kind, "message": "went wrong"}))
    assert caught.value.fields == {"message": f"{kind}: went wrong", "type": kind, "retryable": retryable}


@pytest.mark.parametrize("reason", ["guardrail_intervened", "content_filtered"])
def test_an_answer_that_was_withheld_is_none(reason: str) -> None:
    with pytest.raises(Thrown, match=f"withheld the rest of the answer after 4 characters: {reason}"):
        check_answered(4, True, reason, None)


@pytest.mark.parametrize("reason", ["tool_use", "malformed_tool_use", "max_tokens", "malformed_model_output"])
def test_no_text_is_no_answer(reason: str) -> None:
    with pytest.raises(Thrown, match=f"the answer is empty: .*{reason}"):
        check_answered(0, False, reason, None)
