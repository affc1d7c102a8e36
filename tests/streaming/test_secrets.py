"""Nobody sees a key: not in errors, logs, records, spans, recordings or ``repr``, whatever a server says back.

The server here knows the keys from the requests, and says them back in every place that it can.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import bamlvm
from bamlvm.otel import OTelCollector
from bamlvm.replay import RecordingTransport

PROGRAM = """
client<llm> C {
  provider PROVIDER
  options {
    model "m"
    api_key env.THE_KEY
    base_url env.THE_URL
    headers { "x-portal" env.THE_PORTAL  "x-title" "shown" }
    vendor { access_token env.THE_TOKEN }
  }
}
function F(input: string) -> int { client C  prompt #"{{ input }}"# }
"""
SSE = {"Content-Type": "text/event-stream"}
JSON = {"Content-Type": "application/json"}
PLACES = (
    "status body", "status gzip", "status header", "status reason", "redirect", "sse error", "sse garbage", "sse model",
    "sse finish", "sse status type", "sse cut", "json error", "json garbage", "text", "reset", "no http", "bad gzip",
)  # fmt: skip


class Echo(BaseHTTPRequestHandler):
    """Says the credentials of a request back, at the place that its server was told."""

    protocol_version = "HTTP/1.0"
    server: EchoServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        token = json.loads(body)["vendor"]["access_token"]
        said = " ".join([self.path, *self.headers.values(), token])
        self.server.seen.append(said)
        place = self.server.place
        if place == "no http":
            self.wfile.write(f"{said}\r\n\r\n".encode("latin-1"))
        elif place == "reset":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + said.encode("latin-1"))
        elif place == "status reason":
            self.wfile.write(f"HTTP/1.1 401 {said}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
        elif place == "bad gzip":
            self.answer(200, SSE | {"Content-Encoding": "gzip"}, said)
        elif place == "status gzip":
            self.answer(403, {"Content-Encoding": "gzip"}, gzip.compress(json.dumps({"error": said}).encode()))
        elif place == "status header":
            self.answer(429, {"X-Your-Key": said, "Retry-After": said, "Content-Type": said}, "")
        elif place == "status body":
            self.answer(401, JSON, json.dumps({"error": {"message": f"bad key {said}", "type": said}}))
        elif place == "redirect":
            self.answer(302, {"Location": f"ftp://{said.replace(' ', '')}/"}, said)
        elif place == "json error":
            self.answer(200, SSE, json.dumps({"error": {"message": said}}))
        elif place == "json garbage":
            self.answer(200, JSON, "x" * 150 + said)
        elif place == "text":
            self.answer(200, {"Content-Type": "text/html"}, f"<p>{said}</p>")
        else:
            self.answer(
                200, SSE, "".join(f"data: {data}\n\n" for data in self.events(place.removeprefix("sse "), said))
            )

    @staticmethod
    def events(what: str, said: str) -> list[str]:
        chunk: dict[str, Any] = {"model": "m", "choices": [{"delta": {"content": "12"}, "index": 0}]}
        match what:
            case "error":
                return [json.dumps(chunk), json.dumps({"type": "error", "error": {"message": said, "type": said}})]
            case "garbage":
                return ["y" * 180 + said]
            case "model":
                return [json.dumps(chunk | {"model": said})]
            case "finish":
                chunk["choices"][0]["finish_reason"] = said
                chunk["choices"][0]["delta"]["content"] = "no number"
                return [json.dumps(chunk), "[DONE]"]
            case "status type":
                return [json.dumps({"error": said})]
            case _:
                return [json.dumps(chunk), said[:50]]

    def answer(self, status: int, headers: dict[str, str], body: str | bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode() if isinstance(body, str) else body)

    def log_message(self, *_: Any) -> None:
        pass


class EchoServer(ThreadingHTTPServer):
    """``place`` is where to say it; ``seen`` what came."""

    place = ""
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.seen: list[str] = []


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    with EchoServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def logged() -> Iterator[io.StringIO]:
    """All that anybody logs, at every level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


keys = st.text(st.sampled_from("ABCdef0123456789-_./+=~!$&'\"\\%"), min_size=16, max_size=40)


def everything(error: BaseException | None, *given: Any) -> str:
    """All that a host can see, as text."""
    seen: list[str] = []
    while error is not None:
        seen += [str(error), repr(error), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__
    for value in given:
        seen += [repr(value), str(value)]
        if not isinstance(value, bamlvm.CallContext) and isinstance(value, list | tuple | msgspec.Struct):
            seen.append(msgspec.json.encode(bamlvm.to_builtins(value)).decode())
    return "\n".join(seen)


def shown(secret: str, text: str) -> str | None:
    """How much of a secret a text shows: all, half of it from either end, or nothing."""
    half = (len(secret) + 1) // 2
    for part in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], secret[:half], secret[-half:]):
        if len(part) >= 8 and part in text:
            place = text.index(part)
            return text[max(0, place - 200) : place + 100]
    return None


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_failure_shows_a_key(place: str, echo: EchoServer, logged: io.StringIO, data: st.DataObject) -> None:
    key, portal, token, password, query = (f"{name}z9-{data.draw(keys)}" for name in "KPTSQ")
    provider = data.draw(st.sampled_from(["openai", "anthropic", "openai-generic", "google-ai"]))
    streamed = data.draw(st.booleans())
    echo.place, echo.seen = place, []
    quoted = {name: httpx.QueryParams({"x": value}).__str__()[2:] for name, value in (("p", password), ("q", query))}
    url = f"http://someone:{quoted['p'].replace('+', '%20')}@127.0.0.1:{echo.server_port}/v1?key={quoted['q']}"
    env = {"THE_KEY": key, "THE_PORTAL": portal, "THE_TOKEN": token, "THE_URL": url}
    exporter = InMemorySpanExporter()
    provider_of_spans = TracerProvider()
    provider_of_spans.add_span_processor(SimpleSpanProcessor(exporter))
    collector = bamlvm.Collector(keep_raw_events=True)
    heard: list[Any] = []
    error: BaseException | None = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "calls.jsonl")
        recorder = RecordingTransport(httpx.AsyncHTTPTransport(), path) if data.draw(st.booleans()) else None
        with bamlvm.Runtime.from_files(
            {"main.baml": PROGRAM.replace("PROVIDER", provider)},
            env=env,
            transport=recorder,
            collectors=[collector, OTelCollector(provider_of_spans, capture_content=True)],
        ) as runtime:
            context = bamlvm.CallContext(on_attempt=heard.append, on_tick=heard.append if streamed else None, env=env)
            stream = runtime.stream("F", {"input": "hello"}, context)
            try:
                if streamed:
                    heard += list(stream.events())
                else:
                    runtime.call_function_sync("F", {"input": "hello"}, context)
            except bamlvm.ThrownError as thrown:
                error = thrown
            public = [runtime, context, stream, runtime.functions, runtime.functions["F"]]
        recording = path.read_text() if recorder else ""
    assert error is not None, "every place is a failure"
    assert echo.seen, "the server was asked"
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    seen = everything(error, *public, collector, collector.calls, *heard, spans) + recording + logged.getvalue()
    logged.truncate(0)
    logged.seek(0)
    basic = b64encode(f"someone:{password}".encode()).decode()
    for secret in (key, portal, token, password, query, basic):
        assert shown(secret, seen) is None, (provider, streamed)
    assert "127.0.0.1" in seen


@pytest.mark.parametrize("place", ["status body", "status reason", "sse error", "sse garbage", "no http", "json error"])
@pytest.mark.parametrize("mode", ["--stream", "--no-stream", "--json"])
def test_no_command_shows_a_key(place: str, mode: str, echo: EchoServer, tmp_path: Path) -> None:
    echo.place, echo.seen = place, []
    program, tape = tmp_path / "main.baml", tmp_path / "tape.jsonl"
    program.write_text(PROGRAM.replace("PROVIDER", "openai"))
    secrets = [f"{name}z9-0123456789abcdef" for name in "KPTSQ"]
    key, portal, token, password, query = secrets
    url = f"http://someone:{password}@127.0.0.1:{echo.server_port}/v1?key={query}"
    env = {"THE_KEY": key, "THE_PORTAL": portal, "THE_TOKEN": token, "THE_URL": url, "PYTHONASYNCIODEBUG": "1"}
    command = [sys.executable, "-X", "dev", "-m", "bamlvm", "run", str(program), "F", "-a", "input=x", mode]
    done = subprocess.run(
        [*command, "--record", str(tape)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "AllAttemptsFailed" in done.stderr
    assert echo.seen
    seen = done.stdout + done.stderr + tape.read_text()
    assert [shown(secret, seen) for secret in secrets] == [None] * 5


RAW = """
function events(url: string, headers: map<string, string>, body: string) -> string? {
  let request = baml.http.Request { method: "POST", url: url, headers: headers, body: body };
  let stream = baml.http.fetch_sse(request);
  stream.next()
}
"""


@pytest.mark.parametrize("place", ["status body", "status gzip", "status reason", "status header", "text", "no http"])
def test_a_request_of_the_programs_own_is_not_shown_either(place: str, echo: EchoServer, logged: io.StringIO) -> None:
    echo.place, echo.seen = place, []
    secrets = [f"{name}z9-0123456789abcdef" for name in "KPTSQ"]
    key, portal, token, password, query = secrets
    url = f"http://someone:{password}@127.0.0.1:{echo.server_port}/v1?key={query}"
    body = json.dumps({"vendor": {"access_token": token}})
    arguments = {"url": url, "headers": {"Authorization": f"Bearer {key}", "x-portal": portal}, "body": body}
    with (
        bamlvm.Runtime.from_files({"main.baml": RAW}) as runtime,
        pytest.raises(bamlvm.ThrownError) as thrown,
    ):
        runtime.call_function_sync("events", arguments)
    assert echo.seen
    seen = everything(thrown.value, thrown.value.value) + logged.getvalue()
    logged.truncate(0)
    logged.seek(0)
    assert [shown(secret, seen) for secret in secrets] == [None] * 5
