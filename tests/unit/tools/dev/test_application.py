"""The page's server, asked as the page asks it, and as others would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.tools.dev.conftest import KEY, SOURCE, Server

pytestmark = pytest.mark.slow


ENDS = {"final", "outcome", "cancelled", "error"}


def listening(server: Server, name: str = "t") -> AbstractContextManager[Iterator[tuple[str, dict[str, Any]]]]:
    """A tab: what it hears, from the first event on."""

    @contextmanager
    def opened() -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
        query = {"tab": name}
        while server.client.post("/api/cancel", json={**query, "work": ""}).status_code != 404:
            pass  # the one before is still being closed
        with server.client.stream("GET", "/api/events", params=query) as response:
            assert response.status_code == 200, response.read()
            heard = _events(response)
            assert next(heard)[0] == "changed"
            yield heard

    return opened()


def _events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def begin(server: Server, path: str, tab: str = "t", work: str = "w", **body: Any) -> httpx.Response:
    return server.client.post(path, json={"tab": tab, "work": work, **body})


def events(server: Server, path: str = "/api/run", **asked: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Begin a work, and yield what a tab hears of it."""
    with listening(server) as heard:
        response = begin(server, path, **asked)
        assert response.status_code == 202, response.text
        for name, data in heard:
            if data.get("work") == "w":
                yield name, data
                if name in ENDS:
                    return


def next_version(server: Server, project: dict[str, Any]) -> dict[str, Any]:
    """Wait until a tab hears of a newer version, and return the project."""
    with server.client.stream("GET", "/api/events", params={"tab": f"v{project['version']}"}) as response:
        assert response.status_code == 200, response.read()
        for name, data in _events(response):
            if name == "changed" and data["version"] > project["version"]:
                return server.client.get("/api/project").json()
    raise AssertionError("the tab was closed")


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
    broken = next_version(server, project)
    assert [each["code"] for each in broken["diagnostics"]] == ["E0003"]
    assert "function more() -> int { oops }" in broken["diagnostics"][0]["excerpt"]
    assert not broken["is_current"]
    assert len(broken["functions"]) == 5  # those of the last sources without errors
    server.file.write_text(SOURCE + "function more() -> int { 1 }")
    mended = next_version(server, broken)
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
    assert json.loads(found["request"]["body"])["model"] == "gpt-4o-mini"
    assert found["curl"].startswith("curl https://api.openai.com/v1/chat/completions -X POST")
    assert '-H "authorization: Bearer $API_KEY"' in found["curl"]
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
    assert json.loads(text).items() <= json.loads(final["value"]).items()
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
    assert (data["error"], data["class_name"], data["value"], rest) == ("thrown", "string", '"no"', [])
    assert data["trace"] == ["at fail (baml_src/main.baml:14:26)"]
    ((name, data),) = events(server, function="fib", args={"n": "x"})
    assert (name, data["error"]) == ("error", "invalid_argument")
    assert data["message"].startswith("args.n: expected")


def test_leaving_cancels_a_run(dev: Callable[..., Server]) -> None:
    server = dev()
    with listening(server):
        assert begin(server, "/api/run", function="nap", args={}).status_code == 202
        assert begin(server, "/api/run", function="nap", args={}).status_code == 409  # the name is in use
        assert server.client.get("/api/events", params={"tab": "t"}).status_code == 409
    assert begin(server, "/api/run", tab="other", function="nap", args={}).status_code == 404
    # and the server ends at once, which the fixture waits for


def test_a_run_and_a_test_can_be_cancelled(dev: Callable[..., Server]) -> None:
    server = dev(source=SOURCE + "test Nap { functions [nap]  args {} }")
    for path, body in (("/api/run", {"function": "nap", "args": {}}), ("/api/test", {"name": "nap::Nap"})):
        with listening(server) as heard:
            assert begin(server, path, **body).status_code == 202
            assert server.client.post("/api/cancel", json={"tab": "t", "work": "w"}).status_code == 200
            name, data = next(heard)
            assert (name, data["work"]) == ("cancelled", "w")


def test_a_run_outlives_a_change_of_the_program(dev: Callable[..., Server]) -> None:
    server = dev(source=SOURCE + "function wait() -> int { baml.sys.sleep(1500); 7 }")
    with listening(server) as heard:
        begin(server, "/api/run", function="wait", args={})
        server.file.write_text(SOURCE)
        names = []
        for name, data in heard:
            names.append(name)
            if name == "final":
                assert data["value"] == "7"
                break
        assert names == ["changed", "final"]
    assert "wait" not in [each["name"] for each in server.client.get("/api/project").json()["functions"]]


def test_many_runs_at_once(dev: Callable[..., Server]) -> None:
    server = dev()
    with listening(server) as heard:
        for number in range(50):
            assert (
                begin(server, "/api/run", work=f"{number}", function="Extract", args={"text": "x"}).status_code == 202
            )
        left = {f"{number}" for number in range(50)}
        while left:
            name, data = next(heard)
            if name == "final":
                left.remove(data["work"])
            assert name != "error", data


def test_values_arrive_as_they_are(dev: Callable[..., Server]) -> None:
    source = """
        function big(n: int) -> int { n }
        function infinite() -> float { 1.0 / 0.0 }
        function whole() -> float { 2.0 }
        function smile(n: int) -> string[] {
          let all: string[] = [];
          for (let i = 0; i < n; i += 1) { all.push("\U0001f600" + i.to_string()); baml.stream.emit_partial(all); }
          all
        }
    """
    server = dev(source=source)
    asked = '{"tab": "t", "work": "w", "function": "big", "args": {"n": 9007199254740993}}'
    with listening(server) as heard:
        headers = {"content-type": "application/json"}
        assert server.client.post("/api/run", content=asked, headers=headers).status_code == 202
        assert next(heard)[1]["value"] == "9007199254740993"
        twice = server.client.post("/api/run", content=asked.replace('"n"', '"n": 1, "n"'), headers=headers)
        assert (twice.status_code, "twice" in twice.json()["message"]) == (400, True)
    assert [*events(server, function="infinite", args={})][-1][1]["value"] == "Infinity"
    assert [*events(server, function="whole", args={})][-1][1]["value"] == "2.0"
    text = ""
    happened = [*events(server, function="smile", args={"n": 300})]
    for name, data in happened:
        if name == "partial":
            assert data["add"].isascii()  # so that a browser counts the same characters
            text = text[: data["keep"]] + data["add"]
    assert text == happened[-1][1]["value"]
    assert json.loads(text)[-1] == "\U0001f600299"


def test_a_test_runs(dev: Callable[..., Server]) -> None:
    server = dev()
    ((name, outcome),) = events(server, "/api/test", name="Extract::Ada")
    assert (name, outcome["status"]) == ("outcome", "failed")
    assert outcome["constraints"][0]["holds"] is False
    assert outcome["constraints"][0]["operands"][0][0] == "this.name"
    assert begin(server, "/api/test", name="Extract::Eve").status_code == 404


def test_tests_and_previews_that_never_end_keep_nothing_from_working(dev: Callable[..., Server]) -> None:
    source = (
        SOURCE
        + """
        function forever() -> string { let i = 0; while (true) { i += 1; } "" }
        function Asks(text: string = forever()) -> string { client Fast  prompt #"{{ text }}"# }
    """
        + "".join(f"test T{i} {{ functions [nap]  args {{}} }}\n" for i in range(40))
    )
    server = dev(source=source)
    with listening(server) as heard:
        for number in range(40):
            assert begin(server, "/api/test", work=f"{number}", name=f"nap::T{number}").status_code == 202
        for _ in range(12):  # each is given up, and ended
            with pytest.raises(httpx.ReadTimeout):
                server.client.post("/api/preview", json={"function": "Asks", "args": {}}, timeout=0.2)
        found = server.client.post("/api/preview", json={"function": "Extract", "args": {"text": "x"}}).json()
        assert found["messages"]
        server.file.write_text(source + "function more() -> int { 1 }")
        assert next(heard)[0] == "changed"


def test_stages_and_steps_of_a_function(dev: Callable[..., Server]) -> None:
    server = dev()
    project = server.client.get("/api/project").json()
    for stage in project["stages"]:
        text = server.client.get("/api/stage", params={"function": "fib", "stage": stage}).json()["text"]
        assert "fib" in text
        assert "many" not in text
        of_library = {"function": "baml.llm.render_prompt", "stage": stage}
        assert server.client.get("/api/stage", params=of_library).json()["text"].strip()
    assert "baml.llm.render_prompt" in project["library"]
    source = server.client.get("/api/source", params={"function": "fib"}).json()
    assert source["text"].split("\n")[source["line"] - 1].startswith("function fib")
    source = server.client.get("/api/source", params={"function": "baml.llm.render_prompt"}).json()
    assert (source["file"], "function render_prompt" in source["text"].split("\n")[source["line"] - 1]) == (
        "llm.baml",
        True,
    )
    for query in ({"function": "nothing", "stage": "hir"}, {"function": "fib", "stage": "nothing"}):
        assert server.client.get("/api/stage", params=query).status_code == 400
    found = server.client.post("/api/steps", json={"function": "fib", "args": {"n": 3}}).json()
    assert found["value"] == "2"
    assert found["is_complete"]
    assert found["functions"][0]["instructions"][0].startswith("load_local_const")
    assert {step["line"] for step in found["steps"]} == {11}
    assert max(step["depth"] for step in found["steps"]) == 3
    assert [found["texts"][each] for each in found["steps"][1]["stack"]] == ["3", "2"]
    endless = server.client.post("/api/steps", json={"function": "fib", "args": {"n": 30}}).json()
    assert not endless["is_complete"]
    assert len(endless["steps"]) == 5000
    assert [*events(server, function="fib", args={"n": 3})][-1][1]["value"] == "2"


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
    assert opened["calls"] == [{"function": "Extract", "arguments": '{"text":"Ada"}'}]
    (exchange,) = opened["exchanges"]
    assert (exchange["status"], exchange["end"]) == (200, "complete")
    pieces = server.client.get("/api/exchange", params={"number": 0}).json()["pieces"]
    assert "".join(piece["text"] for piece in pieces).count("data: ") > 5
    assert pieces[-1]["chunks"] == exchange["pieces"]
    for number in ("1", "-1", "x", "\u0663", ""):
        assert server.client.get("/api/exchange", params={"number": number}).status_code == 400
    for _ in range(2):
        happened = list(events(server, "/api/replay", call=0))
        assert json.loads(happened[-1][1]["value"]) == {"name": "Ada", "age": 36}
    assert begin(server, "/api/replay", call=1).status_code == 400


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
    assert server.client.get("/api/nothing").json()["error"] == "not_found"
    preflight = server.client.options("/api/run", headers={"origin": "http://evil.example"})
    assert preflight.status_code == 405
    assert not any(name.startswith("access-control") for name in preflight.headers)


@pytest.mark.parametrize("body", ["[]", "{", '{"function": 1}', '{"function": "fib", "args": []}', "[" * 100_000])
def test_what_is_no_question_is_refused(dev: Callable[..., Server], body: str) -> None:
    response = dev().client.post("/api/run", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_argument"
