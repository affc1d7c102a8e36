"""Tests of the log of attempts: its trace, in calls against a mock server."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer

PROGRAM = """
retry_policy Twice { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> Main {
    provider openai
    retry_policy Twice
    options { model "main"  api_key "sk-secret-key"  base_url "URL/v1" }
}
client<llm> Spare { provider anthropic  options { model "spare"  api_key "sk-secret-key"  base_url "URL" } }
client<llm> Turns { provider round-robin  options { strategy [Spare, Main]  start 0 } }
client<llm> Both { provider fallback  options { strategy [Main, Turns] } }
function Greet(name: string) -> string { client Both  prompt #"Greet {{ name }}"# }
function Direct(name: string) -> string { client Spare  prompt #"Greet {{ name }}"# }
"""
FAILED = {"faults": [{"kind": "status", "code": 503}]}
HELLO = {"pieces": ["Hello", "!"], "usage": {"input_tokens": 7, "output_tokens": 3}}


@pytest.fixture
def traced(
    threaded_mock_server: ThreadedMockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Return the trace of a call, without its times."""

    def run(name: str, context: bamlvm.CallContext | None = None) -> list[str]:
        monkeypatch.setenv("BAMLVM_TRACE", "calls")
        source = PROGRAM.replace("URL", threaded_mock_server.url)
        with bamlvm.Runtime.from_files({"main.baml": source}, env={}) as runtime:
            try:
                runtime.call_function_sync(name, {"name": "Ada"}, context)
            except (bamlvm.ThrownError, bamlvm.Cancelled) as error:
                assert "sk-secret-key" not in str(error)
        lines = capsys.readouterr().err.splitlines()
        assert all(re.match(r"\[calls \d+\.\d{6}\] call 1: ", line) for line in lines)
        return [re.sub(r"\d+\.\d{3} s", "… s", line.partition(" call 1: ")[2]) for line in lines]

    return run


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_retries_falls_back_and_takes_a_turn(
    threaded_mock_server: ThreadedMockServer, traced: Callable[..., list[str]], stream: bool
) -> None:
    threaded_mock_server.play(
        {"rules": [{"model": "main", "answers": [FAILED]}, {"model": "spare", "answers": [HELLO]}]}
    )
    context = bamlvm.CallContext(on_partial=lambda value: None) if stream else None
    url = f"{threaded_mock_server.url}/v1/chat/completions"
    reason = f"baml.errors.HttpStatus: POST {url} answered 503 Service Unavailable: "
    lines = traced("Greet", context)
    shown = [line.partition(reason)[0] + ("HttpStatus" if reason in line else "") for line in lines]
    assert shown == [
        "Greet: attempt 1 starts: Main (openai), number 1",
        "Greet: attempt 1 failed after … s: Main (openai main), status 503, HttpStatus",
        "Main: retry 1 in 1 ms",
        "Greet: attempt 2 starts: Main (openai), number 2",
        "Greet: attempt 2 failed after … s: Main (openai main), status 503, HttpStatus",
        "Both: fall back to Turns",
        "Turns: the turn of Spare",
        "Greet: attempt 3 starts: Spare (anthropic), number 1",
        "Greet: attempt 3 succeeded after … s: Spare (anthropic spare), status 200, finish reason end_turn, 7+3 tokens",
    ]


def test_a_call_that_is_cancelled(threaded_mock_server: ThreadedMockServer, traced: Callable[..., list[str]]) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    token = bamlvm.CancelToken()
    context = bamlvm.CallContext(cancel=token, on_partial=lambda value: token.cancel())
    start, end = traced("Direct", context)
    assert start == "Direct: attempt 1 starts: Spare (anthropic), number 1"
    assert end.startswith("Direct: attempt 1 abandoned after … s: Spare (anthropic spare), status 200, ")
    assert end.endswith("bamlvm.Cancelled: the call was cancelled")
