"""What the project promises first: a program that streams an LLM answer, and one that reads events itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm.mock import MockServer
from tests.support.partials import grows

Make: TypeAlias = Callable[..., bamlvm.Runtime]

STREAMED = """
client<llm> C {{ provider openai  options {{ model "gpt-4o"  api_key "k"  base_url "{url}/v1" }} }}
function F(input: string) -> string {{ client C  prompt #"Say hello to {{{{ input }}}}"# }}
function main() -> string {{ baml.llm.stream_llm_function("F", {{"input": "world"}}) }}
"""
EVENTS = """
function main() -> (string?)[] {{
    let stream = baml.http.fetch_sse(
        baml.http.Request {{ method: "GET", url: "{url}/events", headers: {{}}, body: "" }}
    );
    let seen: (string?)[] = [];
    let batch = stream.next();
    while (batch != null) {{
        seen.push(batch);
        batch = stream.next();
    }}
    seen.push(stream.next());
    stream.close();
    stream.close();
    seen
}}
"""


@pytest.mark.parametrize("is_sync", [True, False], ids=["sync", "async"])
async def test_a_streamed_answer(make: Make, mock_server: MockServer, is_sync: bool) -> None:
    mock_server.play({"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"], "delay_ms": 10}]}]})
    async with make(STREAMED.format(url=mock_server.url)) as runtime:
        partials: list[str] = []
        batches: list[list[dict[str, Any]]] = []
        context = bamlvm.CallContext(on_partial=partials.append, on_tick=batches.append)
        if is_sync:
            answer = await asyncio.to_thread(runtime.call_function_sync, "main", {}, context)
        else:
            answer = await runtime.call_function("main", {}, context)
        assert answer == "Hello, world!"
        assert grows(partials, ["Hello", "Hello, ", "Hello, world", "Hello, world!"])
        data = [event["data"] for batch in batches for event in batch]
        assert data[-1] == "[DONE]"
        assert len(data) >= 5
        (request,) = mock_server.requests
        assert "Say hello to world" in str(request.body["messages"])
        assert request.body["stream"] is True


async def test_a_program_that_reads_events_itself(make: Make, mock_server: MockServer) -> None:
    answer = {"pieces": ["one", "two", "three"], "delay_ms": 10, "sse": True}
    mock_server.play({"rules": [{"path": "/events", "answers": [answer]}]})
    async with make(EVENTS.format(url=mock_server.url)) as runtime:
        *batches, end = await runtime.call_function("main")
        assert end is None
        assert "".join(batches).count('"data"') == 3
        assert "one" in batches[0]
