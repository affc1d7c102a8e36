"""Clients that sign in: Vertex AI with a service account, against a token server and a mock server on loopback."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import bamlvm
from bamlvm.mock import ThreadedMockServer
from bamlvm.replay import RecordingTransport, ReplayTransport

TOKEN = "ya29.very-secret-token"
HELLO = {"pieces": ["Hello", "!"], "usage": {"input_tokens": 7, "output_tokens": 3}}
PROGRAM = """
client<llm> V { provider vertex-ai  retry_policy Twice  options { model "gemini-x"  location "us-central1"  OPTIONS } }
retry_policy Twice { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
function Say(x: string) -> string { client V  prompt #"{{ x }}"# }
"""
both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


class TokenServer:
    """An OAuth token endpoint that answers with ``status``; counts what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.grants: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                outer.grants += form["grant_type"]
                answer: Any = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
                if outer.status != 200:
                    answer = {"error": "invalid_grant", "error_description": "no such account"}
                body = json.dumps(answer).encode()
                self.send_response(outer.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(kind, form, serialization.NoEncryption()).decode()


@pytest.fixture
def account(tokens: TokenServer, private_key: str) -> dict[str, str]:
    """A service account."""
    return {
        "type": "service_account",
        "project_id": "their-project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "a@their-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": tokens.url,
    }


def made(server: ThreadedMockServer, options: str = "credentials env.ACCOUNT", **env: str) -> bamlvm.Runtime:
    base = f'base_url "{server.url}/v1/projects/p/locations/l/publishers/google/models/"  '
    return bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("OPTIONS", base + options)}, env=env)


def call(runtime: bamlvm.Runtime, stream: bool, **context: Any) -> Any:
    listening = {"on_partial": lambda value: None} if stream else {}
    return runtime.call_function_sync("Say", {"x": "hi"}, bamlvm.CallContext(**listening, **context))


@both
def test_a_token_is_fetched_once_and_shown_nowhere(
    threaded_mock_server: ThreadedMockServer, tokens: TokenServer, account: dict[str, str], stream: bool
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    collector = bamlvm.Collector()
    with made(threaded_mock_server, ACCOUNT=json.dumps(account)) as runtime:
        for _ in range(2):
            assert call(runtime, stream, collectors=[collector]) == "Hello!"
    assert tokens.grants == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    for exchange in threaded_mock_server.requests:
        assert exchange.request.headers["authorization"] == f"Bearer {TOKEN}"
        method = "streamGenerateContent" if stream else "generateContent"
        assert exchange.request.path == f"/v1/projects/p/locations/l/publishers/google/models/gemini-x:{method}"
        assert set(exchange.body) == {"contents"}
    (record, _) = collector.attempts
    assert record.request is not None and record.request["headers"]["authorization"] == "***"
    assert (record.input_tokens, record.output_tokens, record.finish_reason) == (7, 3, "STOP")
    assert TOKEN not in repr(bamlvm.to_builtins(collector.calls)) and "PRIVATE KEY" not in repr(collector.calls)


def test_credentials_may_be_a_file_or_in_a_variable(
    threaded_mock_server: ThreadedMockServer, tokens: TokenServer, account: dict[str, str], tmp_path: Path
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    given = [
        ("", {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}),
        ("", {"GOOGLE_APPLICATION_CREDENTIALS_CONTENT": json.dumps(account)}),
        ("credentials env.PATH_TO_IT", {"PATH_TO_IT": str(file)}),
        ("credentials_content env.CONTENT", {"CONTENT": json.dumps(account)}),
    ]
    for options, env in given:
        with made(threaded_mock_server, options, **env) as runtime:
            assert call(runtime, stream=True) == "Hello!"
    assert len(tokens.grants) == len(given)


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ('query_params { key "k" }', None),
        ('headers { authorization "Bearer mine" }', "Bearer mine"),
        ('api_key "token"', "Bearer token"),
    ],
)
def test_who_brings_a_key_signs_in_nowhere(
    threaded_mock_server: ThreadedMockServer, options: str, header: str | None
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    with made(threaded_mock_server, options) as runtime:
        assert call(runtime, stream=True) == "Hello!"
    assert threaded_mock_server.requests[0].request.headers.get("authorization") == header


@both
def test_no_token_is_a_failed_attempt(
    threaded_mock_server: ThreadedMockServer, tokens: TokenServer, account: dict[str, str], stream: bool
) -> None:
    tokens.status = 400
    collector = bamlvm.Collector()
    with made(threaded_mock_server, ACCOUNT=json.dumps(account)) as runtime:
        with pytest.raises(bamlvm.ThrownError, match=r"no access token: .*invalid_grant"):
            call(runtime, stream, collectors=[collector])
        account["token_uri"] = "http://127.0.0.1:1/token"
    with (
        made(threaded_mock_server, ACCOUNT=json.dumps(account)) as runtime,
        pytest.raises(bamlvm.ThrownError, match="no access token"),
    ):
        call(runtime, stream, collectors=[collector])
    errors = [attempt.error.type.rpartition(".")[2] for attempt in collector.attempts if attempt.error]
    assert errors == ["LlmClient", "Network", "Network"]  # the second is worth a retry
    assert threaded_mock_server.requests == []


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("{", "its credentials are not a JSON object"),
        ("/no/such/file", "the file of its credentials cannot be read"),
        ('{"type": "service_account"}', "its credentials cannot be used"),
    ],
)
def test_credentials_that_cannot_be_used(threaded_mock_server: ThreadedMockServer, given: str, part: str) -> None:
    with made(threaded_mock_server, ACCOUNT=given) as runtime, pytest.raises(bamlvm.ThrownError, match=part):
        call(runtime, stream=True)


def test_without_the_extra_the_error_names_it(account: dict[str, str]) -> None:
    program = f"""
import json, sys
sys.modules["google.auth"] = None
import bamlvm
source = {PROGRAM.replace("OPTIONS", "credentials env.ACCOUNT")!r}
runtime = bamlvm.Runtime.from_files({{"main.baml": source}}, env={{"ACCOUNT": {json.dumps(account)!r}}})
try:
    runtime.call_function_sync("Say", {{"x": "hi"}})
except bamlvm.ThrownError as error:
    assert "pip install 'bamlvm[vertex]'" in str(error), error
    assert bamlvm.to_builtins(error.value)["attempts"][0]["error"]["provider"] == "vertex-ai"
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@both
def test_a_replay_needs_neither_token_nor_project(
    threaded_mock_server: ThreadedMockServer,
    tokens: TokenServer,
    account: dict[str, str],
    tmp_path: Path,
    stream: bool,
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    tape = tmp_path / "tape.jsonl"
    place = f'credentials env.ACCOUNT  base_url "{threaded_mock_server.url}/v1/models"'
    source = {"main.baml": PROGRAM.replace("OPTIONS", place)}
    recording = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
    with bamlvm.Runtime.from_files(source, transport=recording, env={"ACCOUNT": json.dumps(account)}) as runtime:
        assert call(runtime, stream) == "Hello!"
    assert TOKEN not in tape.read_text() and "PRIVATE KEY" not in tape.read_text()
    with bamlvm.Runtime.from_files(source, transport=ReplayTransport(tape), env={}) as runtime:
        assert call(runtime, stream) == "Hello!"
    assert len(tokens.grants) == 1
