"""The page's server, asked as the page asks it, and as others would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.tools.dev.conftest import KEY, SOURCE, Server

pytestmark = pytest.mark.slow


def events(server: Server, **asked: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    with server.client.stream("POST", "/api/run", json=asked) as response:
        assert response.status_code == 200, response.read()
        name = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_the_project_as_data_follows_each_save(dev: Callable[..., Server]) -> None:
    server = dev()
    project = server.client.get("/api/project").json()
    assert [each["name"] for each in project["functions"]] == ["Extract", "fib", "many", "nap", "fail"]
    extract = project["functions"][0]
    assert (extract["kind"], extract["doc"], extract["line"]) == ("llm", "Extract a person.", 7)
    assert [(each["name"], each["required"]) for each in extract["parameters"]] == [("text", True), ("limit", False)]
    assert extract["parameters"][0]["schema"] == {"type": "string"}
    assert project["clients"] == ["Fast", "Other"]
    assert project["tests"][0]["name"] == "Extract::Ada"
    assert project["is_current"]
    server.file.write_text(SOURCE + "function more() -> int { oops }")
    broken = server.client.get("/api/project", params={"newer": project["version"]}).json()
    assert [each["code"] for each in broken["diagnostics"]] == ["E0003"]
    assert not broken["is_current"]
    assert len(broken["functions"]) == 5  # those of the last sources without errors
    server.file.write_text(SOURCE + "function more() -> int { 1 }")
    mended = server.client.get("/api/project", params={"newer": broken["version"]}).json()
    assert mended["functions"][-1]["name"] == "more"
    assert mended["diagnostics"] == []


def test_a_preview_has_prompt_request_and_command_but_no_secret(dev: Callable[..., Server]) -> None:
    server = dev()
    asked = {"function": "Extract", "args": {"text": "it's Ada"}}
    response = server.client.post("/api/preview", json=asked)
    assert KEY not in response.text
    found = response.json()
    assert found["messages"][0]["role"] == "user"
    assert found["messages"][0]["parts"][0]["text"].startswith("Who? it's Ada Answer in JSON")
    assert 10 < found["tokens"] < 60
    assert found["request"]["body"]["model"] == "gpt-4o-mini"
    assert found["curl"].startswith("curl https://api.openai.com/v1/chat/completions -X POST")
    assert '-H "authorization: $API_KEY"' in found["curl"]
    assert """it'"'"'s Ada""" in found["curl"]
    other = server.client.post("/api/preview", json={**asked, "client": "Other"}).json()
    assert other["request"]["url"].startswith("https://api.anthropic.com/")
    wrong = server.client.post("/api/preview", json={"function": "Extract", "args": {}}).json()
    assert wrong == {"error": "Extract: the argument 'text' (string) is missing"}


def test_a_run_has_attempts_partial_values_and_the_result(dev: Callable[..., Server]) -> None:
    server = dev()
    happened = list(events(server, function="Extract", args={"text": "Ada"}))
    names = [name for name, _ in happened]
    assert names[0] == "attempt"
    assert names[-1] == "final"
    assert {"attempt", "tick", "partial", "final"} == set(names)
    text = ""
    for name, data in happened:
        if name == "partial":
            text = text[: data["keep"]] + data["add"]
    final = happened[-1][1]
    assert json.loads(text).items() <= final["value"].items()
    assert final["usage"]["output_tokens"] > 0
    attempts = [data for name, data in happened if name == "attempt"]
    assert [each["kind"] for each in attempts] == ["started", "succeeded"]
    assert attempts[1]["first_byte"] <= attempts[1]["first_partial"] <= attempts[1]["duration"]
    assert KEY not in json.dumps(happened)


def test_ten_thousand_partial_values_come_as_a_few(dev: Callable[..., Server]) -> None:
    happened = list(events(dev(), function="many", args={"n": 10_000}))
    partials = [data for name, data in happened if name == "partial"]
    assert 1 <= len(partials) < 1000
    text = ""
    for data in partials:
        text = text[: data["keep"]] + data["add"]
    assert json.loads(text) == "9999"
    assert happened[-1] == ("final", happened[-1][1])


def test_a_run_that_fails_says_why(dev: Callable[..., Server]) -> None:
    server = dev()
    (_, data), *rest = reversed(list(events(server, function="fail", args={})))
    assert (data["error"], data["class_name"], data["value"], rest) == ("thrown", "string", "no", [])
    response = server.client.post("/api/run", json={"function": "fib", "args": {"n": "x"}})
    assert response.status_code == 400
    assert response.json()["message"].startswith("args.n: expected")


def test_leaving_cancels_a_run(dev: Callable[..., Server]) -> None:
    server = dev()
    with server.client.stream("POST", "/api/run", json={"function": "nap", "args": {}}) as response:
        assert response.status_code == 200
    started = time.monotonic()
    assert server.client.get("/api/project").status_code == 200
    assert time.monotonic() - started < 30  # and the server ends at once, which the fixture waits for


def test_a_test_runs(dev: Callable[..., Server]) -> None:
    server = dev()
    outcome = server.client.post("/api/test", json={"name": "Extract::Ada"}).json()
    assert outcome["status"] == "failed"
    assert outcome["constraints"][0]["holds"] is False
    assert outcome["constraints"][0]["operands"][0][0] == "this.name"
    assert server.client.post("/api/test", json={"name": "Extract::Eve"}).status_code == 404


def test_stages_and_steps_of_a_function(dev: Callable[..., Server]) -> None:
    server = dev()
    for stage in server.client.get("/api/project").json()["stages"]:
        text = server.client.get("/api/stage", params={"function": "fib", "stage": stage}).json()["text"]
        assert "fib" in text
        assert ("many" in text) == (stage in ("tokens", "ast"))
    found = server.client.post("/api/steps", json={"function": "fib", "args": {"n": 3}}).json()
    assert found["value"] == 2
    assert found["is_complete"]
    assert found["steps"][0]["instruction"].startswith("load_local_const")
    assert {step["line"] for step in found["steps"]} == {11}
    assert max(step["depth"] for step in found["steps"]) == 3
    assert any(step["stack"] == ["2", "1"] or step["stack"][-1:] == ["1"] for step in found["steps"])
    endless = server.client.post("/api/steps", json={"function": "fib", "args": {"n": 30}}).json()
    assert not endless["is_complete"]
    assert len(endless["steps"]) == 5000
    assert server.client.post("/api/run", json={"function": "fib", "args": {"n": 3}}).status_code == 200


def test_a_recording_is_opened_and_run_again(dev: Callable[..., Server], tmp_path: Path) -> None:
    from bamlvm import CallContext, Runtime
    from bamlvm.mock import ThreadedMockServer
    from bamlvm.replay import RecordingTransport
    from bamlvm.sysops.web.clients import NetworkTransport

    recording = tmp_path / "run.jsonl"
    with ThreadedMockServer() as mock:
        mock.play({"rules": [{"answers": [{"text": '{"name": "Ada", "age": 36}', "piece_length": 5}]}]})
        source = SOURCE.replace('model "gpt-4o-mini"', f'model "gpt-4o-mini"  base_url "{mock.url}/v1"')
        transport = RecordingTransport(NetworkTransport(), recording)
        with Runtime.from_files({"main.baml": source}, transport=transport, env={"KEY_OF_TEST": KEY}) as runtime:
            context = CallContext(on_partial=lambda value: None)
            assert runtime.call_function_sync("Extract", {"text": "Ada"}, context).age == 36
    server = dev("--open", str(recording), source=source, mocked=False)
    opened = server.client.get("/api/recording").json()
    assert opened["calls"] == [{"function": "Extract", "args": {"text": "Ada"}}]
    (exchange,) = opened["exchanges"]
    assert (exchange["status"], exchange["end"]) == (200, "complete")
    assert "".join(chunk["text"] for chunk in exchange["chunks"]).count("data: ") > 5
    for _ in range(2):
        happened = list(events(server, function="Extract", args={"text": "Ada"}, replay=True))
        assert happened[-1][1]["value"] == {"name": "Ada", "age": 36}


def test_others_in_the_same_browser_get_nothing(dev: Callable[..., Server]) -> None:
    server = dev()
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        assert stranger.get("/api/project").status_code == 401
        assert stranger.get("/api/project", headers={"authorization": "Bearer x"}).status_code == 401
        page = stranger.get("/")
        assert page.status_code == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert stranger.get("/page/main.js").headers["content-type"].startswith("text/javascript")
        assert stranger.get("/page/..%2fproject.py").status_code == 404
        assert stranger.get("/page/nothing.js").status_code == 404
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):  # a name that leads here (DNS rebinding)
        assert server.client.get("/", headers={"host": host}).status_code in (400, 421)
        assert server.client.get("/api/project", headers={"host": host}).status_code in (400, 421)
    # A form, or a script without a preflight, can send no JSON; and no preflight is answered.
    asked = json.dumps({"function": "fib", "args": {"n": 1}})
    plain = server.client.post("/api/run", content=asked, headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    preflight = server.client.options("/api/run", headers={"origin": "http://evil.example"})
    assert preflight.status_code == 405
    assert not any(name.startswith("access-control") for name in preflight.headers)


@pytest.mark.parametrize("body", ["[]", "{", '{"function": 1}', '{"function": "fib", "args": []}', "[" * 100_000])
def test_what_is_no_question_is_refused(dev: Callable[..., Server], body: str) -> None:
    response = dev().client.post("/api/run", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_argument"
