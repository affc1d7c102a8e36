"""The mock server as clients see it: the providers' own SDKs, a plain HTTP client, and a bare socket for the faults."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types
from pydantic import TypeAdapter

from bamlvm.mock import MockServer, ScriptError, ThreadedMockServer

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "Say hello to world"}]
GREETING = {"pieces": ["Hello", ", ", "world", "!"]}


def script(*answers: Mapping[str, Any], **rule: Any) -> dict[str, Any]:
    """A script of one rule."""
    return {"rules": [{"answers": list(answers), **rule}]}


def faulty(**fault: Any) -> dict[str, Any]:
    """A script whose every answer is the greeting with one fault."""
    return script({**GREETING, "faults": [fault]})


async def raw(server: MockServer, body: Mapping[str, Any] | None = None, path: str = "/v1/chat/completions") -> bytes:
    """Everything the server sends for one streamed request, until it closes; resets show as ConnectionResetError."""
    data = json.dumps({"model": "m", "messages": QUESTION, "stream": True} if body is None else body).encode()
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()


async def post(server: MockServer, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"model": "m", "messages": QUESTION, "stream": True}
        return await client.post(f"{server.url}/v1/chat/completions", json=body, **options)


def data_lines(text: str) -> list[str]:
    return [line[6:] for line in text.splitlines() if line.startswith("data: ")]


def content(text: str) -> str:
    """The answer's text in an OpenAI stream."""
    chunks = [json.loads(line) for line in data_lines(text) if line != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


class TestOpenAiSdk:
    async def test_streams(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "usage": {"input_tokens": 7, "output_tokens": 4}}))
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
        assert [c.choices[0].delta.content for c in chunks if c.choices] == ["", "Hello", ", ", "world", "!", None]
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 11
        assert {chunk.model for chunk in chunks} == {"gpt-4o"}
        assert mock_server.requests[0].request.headers["authorization"] == "Bearer k"
        assert mock_server.requests[0].outcome == "answered"

    async def test_whole(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "finish_reason": "length", "reasoning": "hm"}))
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            answer = await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        assert answer.choices[0].message.content == "Hello, world!"
        assert answer.choices[0].finish_reason == "length"
        assert answer.choices[0].message.model_extra == {"reasoning_content": "hm"}
        assert answer.usage is not None and answer.usage.completion_tokens == 4

    async def test_error_status_and_retry_after(self, mock_server: MockServer) -> None:
        mock_server.play(
            script({"faults": [{"kind": "status", "code": 429, "message": "slow down", "retry_after": 3}]})
        )
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError, match="slow down") as caught:
                await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        assert caught.value.response.headers["retry-after"] == "3"

    async def test_error_object_in_the_stream(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="error", after=2, type="server_error", message="went wrong"))
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            stream = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
            seen = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
            with pytest.raises(openai.APIError, match="went wrong"):
                await anext(stream)
            await stream.close()
        assert seen == ["", "Hello", ", "]

    async def test_refused_request(self, mock_server: MockServer) -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            with pytest.raises(openai.BadRequestError, match="at least one message"):
                await client.chat.completions.create(model="gpt-4o", messages=[])


class TestAnthropicSdk:
    async def test_streams(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "reasoning": "a greeting", "usage": {"input_tokens": 7}}))
        async with (
            anthropic.AsyncAnthropic(api_key="k", base_url=mock_server.url, max_retries=0) as client,
            client.messages.stream(model="claude-x", max_tokens=50, messages=QUESTION) as stream,
        ):
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
        assert texts == ["Hello", ", ", "world", "!"]
        assert final.stop_reason == "end_turn"
        assert [block.type for block in final.content] == ["thinking", "text"]
        assert (final.usage.input_tokens, final.usage.output_tokens) == (7, 4)
        sent = mock_server.requests[0].request.headers
        assert sent.get("x-api-key") == "k" or sent["authorization"] == "Bearer k"  # by the SDK's version

    async def test_whole(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "finish_reason": "max_tokens"}))
        async with anthropic.AsyncAnthropic(api_key="k", base_url=mock_server.url, max_retries=0) as client:
            answer = await client.messages.create(model="claude-x", max_tokens=50, messages=QUESTION)
        assert answer.content[0].type == "text" and answer.content[0].text == "Hello, world!"
        assert answer.stop_reason == "max_tokens"

    async def test_error_event_in_the_stream(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="error", after=1))
        async with anthropic.AsyncAnthropic(api_key="k", base_url=mock_server.url, max_retries=0) as client:
            with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
                async with client.messages.stream(model="claude-x", max_tokens=50, messages=QUESTION) as stream:
                    async for _ in stream.text_stream:
                        pass

    async def test_refused_request(self, mock_server: MockServer) -> None:
        system = [{"role": "system", "content": "be kind"}]
        async with anthropic.AsyncAnthropic(api_key="k", base_url=mock_server.url, max_retries=0) as client:
            with pytest.raises(anthropic.BadRequestError, match="Unexpected role"):
                await client.messages.create(model="claude-x", max_tokens=50, messages=system)  # type: ignore[arg-type]  # the SDK's own types

    def test_sync_client_and_threaded_server(self, threaded_mock_server: ThreadedMockServer) -> None:
        with anthropic.Anthropic(api_key="k", base_url=threaded_mock_server.url, max_retries=0) as client:
            answer = client.messages.create(model="claude-x", max_tokens=50, messages=QUESTION)
        assert answer.content[0].type == "text" and answer.content[0].text == "claude-x was asked: Say hello to world"
        assert len(threaded_mock_server.requests) == 1


class TestResponsesSdk:
    async def test_streams(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "reasoning": "a greeting", "usage": {"input_tokens": 7}}))
        async with (
            openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client,
            client.responses.stream(model="gpt-4.1", input="Say hello") as stream,
        ):
            texts = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            final = await stream.get_final_response()
        assert texts == ["Hello", ", ", "world", "!"]
        assert final.output_text == "Hello, world!"
        assert (final.status, final.model) == ("completed", "gpt-4.1")
        assert [item.type for item in final.output] == ["reasoning", "message"]
        assert final.usage is not None and (final.usage.input_tokens, final.usage.output_tokens) == (7, 4)

    async def test_whole(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "finish_reason": "max_output_tokens"}))
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            answer = await client.responses.create(model="gpt-4.1", input=QUESTION, instructions="Be kind.")
        assert answer.output_text == "Hello, world!"
        assert answer.status == "incomplete"
        assert answer.incomplete_details is not None and answer.incomplete_details.reason == "max_output_tokens"

    async def test_echo(self, mock_server: MockServer) -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            answer = await client.responses.create(model="m", input="are you there?", instructions="Be kind.")
        assert answer.output_text == "m was asked: are you there?"
        assert answer.usage is not None and answer.usage.input_tokens == 5

    async def test_error_event_in_the_stream(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="error", after=1, type="server_error", message="went wrong"))
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{mock_server.url}/v1", max_retries=0) as client:
            stream = await client.responses.create(model="gpt-4.1", input="Hi", stream=True)
            *_, last = [event async for event in stream]
        assert last.type == "error" and (last.code, last.message) == ("server_error", "went wrong")

    @pytest.mark.parametrize(
        ("body", "part"),
        [
            ({"input": "a"}, "model: a non-empty string"),
            ({"model": "m"}, "input: a string or a list"),
            ({"model": "m", "input": [1]}, "input[0]: an object"),
            ({"model": "m", "input": [{"role": "user"}]}, "input[0].content"),
            ({"model": "m", "input": "a", "messages": []}, "has moved to 'input'"),
            ({"model": "m", "input": "a", "stream": 1}, "stream: a boolean"),
            ([], "not a JSON object"),
        ],
    )
    async def test_refused_request(self, mock_server: MockServer, body: Any, part: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{mock_server.url}/v1/responses", json=body)
        assert answer.status_code == 400
        assert part in answer.json()["error"]["message"]


class TestGoogleSdk:
    def client(self, server: MockServer) -> genai.Client:
        return genai.Client(api_key="k", vertexai=False, http_options=genai_types.HttpOptions(base_url=server.url))

    async def test_streams(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "reasoning": "a greeting", "usage": {"input_tokens": 7}}))
        async with self.client(mock_server).aio as client:
            stream = await client.models.generate_content_stream(model="gemini-x", contents="Say hello")
            chunks = [chunk async for chunk in stream]
        assert [chunk.text for chunk in chunks] == [None, "Hello", ", ", "world", "!", ""]
        assert chunks[-1].candidates is not None and chunks[-1].candidates[0].finish_reason == "STOP"
        usage = chunks[-1].usage_metadata
        assert usage is not None and (usage.prompt_token_count, usage.candidates_token_count) == (7, 4)
        assert chunks[0].model_version == "gemini-x"
        sent = mock_server.requests[0].request
        assert sent.headers["x-goog-api-key"] == "k"
        assert sent.query == "alt=sse"

    async def test_whole(self, mock_server: MockServer) -> None:
        mock_server.play(script({**GREETING, "finish_reason": "MAX_TOKENS"}))
        config = genai_types.GenerateContentConfig(system_instruction="Be kind.")
        async with self.client(mock_server).aio as client:
            answer = await client.models.generate_content(model="gemini-x", contents="Say hello", config=config)
        assert answer.text == "Hello, world!"
        assert answer.candidates is not None and answer.candidates[0].finish_reason == "MAX_TOKENS"

    async def test_echo(self, mock_server: MockServer) -> None:
        config = genai_types.GenerateContentConfig(system_instruction="Be kind.")
        async with self.client(mock_server).aio as client:
            answer = await client.models.generate_content(model="m", contents="are you there?", config=config)
        assert answer.text == "m was asked: are you there?"
        assert answer.usage_metadata is not None and answer.usage_metadata.prompt_token_count == 5

    async def test_error_status(self, mock_server: MockServer) -> None:
        mock_server.play(script({"faults": [{"kind": "status", "code": 429, "message": "slow down"}]}))
        async with self.client(mock_server).aio as client:
            with pytest.raises(genai_errors.ClientError, match="slow down") as caught:
                await client.models.generate_content(model="m", contents="Hi")
        assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")

    @pytest.mark.parametrize(
        ("body", "part"),
        [
            ({}, "contents is not specified"),
            ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts"),
            ({"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}, "valid role"),
            ({"contents": [{"parts": [{"text": "a"}]}], "stream": True}, 'Unknown name "stream"'),
            ([], "not a JSON object"),
        ],
    )
    async def test_refused_request(self, mock_server: MockServer, body: Any, part: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{mock_server.url}/v1beta/models/m:generateContent", json=body)
            nameless = await client.post(f"{mock_server.url}/v1beta/:generateContent", json=body)
        assert answer.status_code == nameless.status_code == 400
        assert part in answer.json()["error"]["message"]
        assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
        assert "names no model" in nameless.json()["error"]["message"]


async def test_azures_path_names_the_model(mock_server: MockServer) -> None:
    place = f"{mock_server.url}/openai/deployments/gpt-4o/chat/completions?api-version=v"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(place, json={"messages": QUESTION})
    assert answer.json()["model"] == "gpt-4o"


class TestShapes:
    """The SDKs take what they are given unchecked; their own models, asked to validate, do not."""

    async def answers(self, server: MockServer, path: str) -> tuple[Any, list[str]]:
        """The whole answer, and the data of the streamed one's events."""
        server.play(script({**GREETING, "reasoning": "hm"}))
        headers = {"anthropic-version": "2023-06-01"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            body = {"model": "m", "messages": QUESTION, "max_tokens": 9}
            whole = await client.post(server.url + path, json=body)
            options = {"stream": True, "stream_options": {"include_usage": True}}
            streamed = await client.post(server.url + path, json={**body, **options})
        return whole.json(), data_lines(streamed.text)

    async def test_openai(self, mock_server: MockServer) -> None:
        whole, events = await self.answers(mock_server, "/v1/chat/completions")
        openai.types.chat.ChatCompletion.model_validate(whole)
        assert events.pop() == "[DONE]"
        for event in events:
            openai.types.chat.ChatCompletionChunk.model_validate_json(event)

    async def test_anthropic(self, mock_server: MockServer) -> None:
        whole, events = await self.answers(mock_server, "/v1/messages")
        anthropic.types.Message.model_validate(whole)
        shapes: TypeAdapter[Any] = TypeAdapter(anthropic.types.RawMessageStreamEvent)
        kinds = [json.loads(event)["type"] for event in events]
        assert kinds.count("ping") == 1
        for event, kind in zip(events, kinds, strict=True):
            if kind != "ping":  # which the SDK drops before it looks
                shapes.validate_json(event)


class TestScripts:
    async def ask(self, server: MockServer, model: str, prompt: str = "hi") -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            messages = [{"role": "system", "content": [{"type": "text", "text": prompt}]}, *QUESTION]
            body = {"model": model, "messages": messages}
            answer = await client.post(f"{server.url}/any/prefix/chat/completions", json=body)
            return answer.json()["choices"][0]["message"]["content"] if answer.is_success else answer.status_code

    async def test_rules_are_tried_in_order_and_answers_used_up(self, mock_server: MockServer) -> None:
        first = {"name": "once", "model": "a*", "after": "pass", "answers": [{"text": "1"}, {"text": "2"}]}
        turns = {"model": "a*", "after": "cycle", "answers": [{"text": "x"}, {"text": "y"}]}
        last = {"prompt": "magic", "answers": [{"faults": [{"kind": "status", "code": 503}]}, {"text": "z"}]}
        mock_server.play({"rules": [first, turns, last]})
        assert [await self.ask(mock_server, "alpha") for _ in range(5)] == ["1", "2", "x", "y", "x"]
        assert [await self.ask(mock_server, "beta", "some magic") for _ in range(3)] == [503, "z", "z"]
        assert await self.ask(mock_server, "beta") == "beta was asked: Say hello to world"
        rules = [exchange.rule for exchange in mock_server.requests]
        assert rules == ["once", "once", "", "", "", "", "", "", None]

    async def test_other_paths(self, mock_server: MockServer) -> None:
        events_rule = {"path": "/events", "answers": [{"pieces": ["a\nb", "c"], "sse": True}]}
        mock_server.play({"rules": [events_rule, {"path": "/text", "answers": [{"text": "plain"}]}]})
        async with httpx.AsyncClient(trust_env=False, base_url=mock_server.url) as client:
            events = await client.get("/events")
            assert events.headers["content-type"].startswith("text/event-stream")
            assert events.text == "data: a\ndata: b\n\ndata: c\n\n"
            assert (await client.get("/text")).text == "plain"
            echo = (await client.put("/echo?a=1", content=b"body")).json()
            assert (echo["method"], echo["query"], echo["body"]) == ("PUT", "a=1", "body")
            missing = await client.get("/nowhere")
            assert missing.status_code == 404 and "chat/completions" in missing.json()["error"]["message"]
            assert (await client.get("/v1/messages")).status_code == 405
        assert mock_server.connection_count == 1

    async def test_a_rule_without_a_path_answers_chat_requests_only(self, mock_server: MockServer) -> None:
        mock_server.play(script(GREETING))
        async with httpx.AsyncClient(trust_env=False, base_url=mock_server.url) as client:
            assert (await client.get("/v1/models")).status_code == 404
            assert (await client.post("/v1/embeddings", json={})).status_code == 404
            for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/m:generateContent"):
                refused = await client.get(path)
                assert (refused.status_code, refused.headers["allow"]) == (405, "POST"), path
        assert [exchange.rule for exchange in mock_server.requests] == [None] * 6

    async def test_chunked_request_body(self, mock_server: MockServer) -> None:
        async def body() -> Any:
            yield b"in "
            yield b"parts"

        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.post(f"{mock_server.url}/echo", content=body())).json()["body"] == "in parts"

    def test_a_wrong_script_is_refused_with_its_place(self) -> None:
        with pytest.raises(ScriptError, match=r"unknown field `delay`.*rules\[0\]\.answers\[0\]"):
            MockServer(script({"text": "x", "delay": 3}))


class TestFaults:
    async def test_status_with_body(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="status", code=418, body="teapot"))
        answer = await post(mock_server)
        assert (answer.status_code, answer.text) == (418, "teapot")
        assert answer.headers["content-type"].startswith("text/plain")

    @pytest.mark.parametrize("where", ["before", "headers", "body"])
    async def test_reset(self, mock_server: MockServer, where: str) -> None:
        mock_server.play(faulty(kind="reset", where=where, at=100))
        with pytest.raises(ConnectionResetError):
            await raw(mock_server)
        assert mock_server.requests[0].outcome == "reset"

    @pytest.mark.parametrize("at", [0, 1, 57, -1])
    async def test_truncation_by_closing(self, mock_server: MockServer, at: int) -> None:
        whole = (await post(mock_server)).content
        mock_server.play(faulty(kind="truncate", at=at))
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await post(mock_server)
        assert mock_server.requests[-1].outcome == "closed"
        assert len(whole) > 57

    async def test_truncation_that_ends_properly(self, mock_server: MockServer) -> None:
        mock_server.play(script(GREETING))
        whole = (await post(mock_server)).content
        mock_server.play(faulty(kind="truncate", at=200, how="end"))
        short = (await post(mock_server)).content
        assert short == whole.replace(b"mock-1", b"mock-2")[:200]

    async def test_truncation_of_a_whole_answer(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="truncate", at=-5))
        answer = await raw(mock_server, {"model": "m", "messages": QUESTION})
        head, _, body = answer.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body) + 5}".encode() in head

    @pytest.mark.virtual_time
    async def test_stall_until_the_client_leaves(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="stall", at=300))
        with pytest.raises(httpx.ReadTimeout):
            await post(mock_server, timeout=0.1)
        await mock_server.until(lambda server: server.open_connections == 0)
        assert mock_server.requests[0].outcome == "client left"

    @pytest.mark.parametrize("where", ["before", "headers", "body"])
    async def test_a_short_stall_loses_nothing(self, mock_server: MockServer, where: str) -> None:
        mock_server.play(faulty(kind="stall", where=where, at=50, ms=5))
        assert content((await post(mock_server)).text) == "Hello, world!"

    async def test_garbage(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="garbage", where="response"))
        with pytest.raises(httpx.RemoteProtocolError):
            await post(mock_server)
        mock_server.play(faulty(kind="garbage", where="body"))
        assert len((await post(mock_server)).content) == 512
        mock_server.play(faulty(kind="garbage", where="event", after=2))
        lines = data_lines((await post(mock_server)).text)
        with pytest.raises(ValueError, match="Unterminated string"):
            json.loads(lines[3])
        assert lines[-1] == "[DONE]"

    @pytest.mark.parametrize("where", ["before", "headers", "body"])
    async def test_closing(self, mock_server: MockServer, where: str) -> None:
        mock_server.play(faulty(kind="reset", where=where, at=100, how="close"))
        answer = await raw(mock_server)
        assert (answer == b"", b"\r\n\r\n" in answer) == (where == "before", where == "body")
        assert not answer.endswith(b"0\r\n\r\n")
        assert mock_server.requests[0].outcome == "closed"

    async def test_an_event_of_ones_own(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="garbage", after=1, data="[1, 2]"))
        assert data_lines((await post(mock_server)).text)[2] == "[1, 2]"

    async def test_giant_events(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="giant", size=100_000, after=1))
        answer = (await post(mock_server)).text
        assert content(answer) == "Hello, world!"
        assert [len(line) > 100_000 for line in data_lines(answer)] == [False, False, True, *[False] * 4]

    async def test_keep_alives(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="keep_alive", count=3, ms=1, text="wait"))
        assert (await post(mock_server)).text.startswith(": wait\n\n: wait\n\n: wait\n\ndata: ")

    @pytest.mark.parametrize("by", [-7, 7])
    @pytest.mark.parametrize("stream", [True, False])
    async def test_wrong_lengths(self, mock_server: MockServer, by: int, stream: bool) -> None:
        mock_server.play(faulty(kind="length", by=by))
        answer = await raw(mock_server, {"model": "m", "messages": QUESTION, "stream": stream})
        head, _, body = answer.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body) + by}".encode() in head
        assert b"chunked" not in head
        assert mock_server.requests[0].outcome == "closed"

    @pytest.mark.parametrize("where", ["size", "data", "last", "garbage"])
    async def test_broken_chunks(self, mock_server: MockServer, where: str) -> None:
        mock_server.play(script(GREETING))
        body = (await raw(mock_server)).partition(b"\r\n\r\n")[2].replace(b"mock-1", b"mock-2")
        mock_server.play(faulty(kind="chunk", where=where, after=2))
        cut = (await raw(mock_server)).partition(b"\r\n\r\n")[2]
        assert mock_server.requests[-1].outcome == "closed"
        if where == "garbage":
            assert cut.endswith(b"\r\nno size\r\n")
        else:
            assert body.startswith(cut) and len(cut) < len(body)
            left = body[len(cut) :]
            assert left.startswith({"size": b"\r\ndata: ", "last": b"0\r\n\r\n"}.get(where, b""))
        with pytest.raises(httpx.RemoteProtocolError):
            await post(mock_server)

    async def test_split_bytes(self, mock_server: MockServer) -> None:
        mock_server.play(script({"text": "héllo 🙂", "faults": [{"kind": "split", "size": 1}]}))
        async with httpx.AsyncClient(trust_env=False) as client:
            body = {"model": "m", "messages": QUESTION, "stream": True}
            async with client.stream("POST", f"{mock_server.url}/v1/chat/completions", json=body) as answer:
                chunks = [chunk async for chunk in answer.aiter_raw()]
        assert {len(chunk) for chunk in chunks} == {1}
        assert content(b"".join(chunks).decode()) == "héllo 🙂"

    async def test_terminators(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="early_done", after=2))
        early = (await post(mock_server)).text
        assert content(early) == "Hello, " and data_lines(early)[-1] == "[DONE]" and '"stop"' not in early
        mock_server.play(faulty(kind="no_done"))
        assert "[DONE]" not in (await post(mock_server)).text
        mock_server.play(faulty(kind="no_finish"))
        assert '"stop"' not in (await post(mock_server)).text
        mock_server.play(faulty(kind="duplicate_finish"))
        assert (await post(mock_server)).text.count('"stop"') == 2

    async def test_dialects_of_the_event_stream(self, mock_server: MockServer) -> None:
        mock_server.play(faulty(kind="newline", style="crlf"))
        assert b"\n\n" not in (await post(mock_server)).content
        mock_server.play(faulty(kind="newline", style="cr"))
        assert b"\n" not in (await post(mock_server)).content
        mock_server.play(faulty(kind="bom"))
        assert (await post(mock_server)).content.startswith(b"\xef\xbb\xbfdata: ")
        mock_server.play(faulty(kind="comments", text="OPENROUTER PROCESSING"))
        assert (await post(mock_server)).text.startswith(": OPENROUTER PROCESSING\n\ndata: ")
        mock_server.play(faulty(kind="content_type", value="text/html"))
        assert (await post(mock_server)).headers["content-type"] == "text/html"
        mock_server.play(faulty(kind="gzip"))
        assert content((await post(mock_server)).text) == "Hello, world!"
        packed = (await raw(mock_server)).partition(b"\r\n\r\n")[2]
        assert packed.split(b"\r\n")[1][:2] == gzip.compress(b"")[:2]

    async def test_a_server_that_stops_drops_its_clients(self) -> None:
        async with MockServer(faulty(kind="stall", where="before")) as server:
            waiting = asyncio.create_task(raw(server))
            await server.until(lambda server: len(server.requests) == 1)
        assert await waiting == b""
        assert server.open_connections == 0

    async def test_what_is_not_http_gets_400(self, mock_server: MockServer) -> None:
        host, port = mock_server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hello?\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        writer.close()
        await writer.wait_closed()

    async def test_a_client_that_has_only_just_connected_does_not_keep_it_from_stopping(self) -> None:
        server = MockServer()
        await server.start()
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            while server.connection_count == 0:  # noqa: ASYNC110  # an event would let the server take a step too many
                await asyncio.sleep(0)  # until it is accepted, and not a step further
            await server.stop()
            client.setblocking(False)
            assert client.recv(1) == b""
