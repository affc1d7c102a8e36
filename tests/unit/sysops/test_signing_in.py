"""Clients that sign in: Vertex AI with a service account, Bedrock with signatures, against servers on loopback."""

from __future__ import annotations

import hashlib
import hmac
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
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


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


# --- AWS --------------------------------------------------------------------------------------------------------------

ACCESS, SECRET, SESSION = "AKIDEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG", "session/token+of=this"
BEDROCK = """
client<llm> B { provider aws-bedrock  options { model "vendor.model-x:0"  region "eu-west-1"  OPTIONS } }
function Say(x: string) -> string { client B  prompt #"{{ x }}"# }
"""
KEYS = "access_key_id env.ID  secret_access_key env.SECRET  session_token env.SESSION"
KEY_ENV = {"ID": ACCESS, "SECRET": SECRET, "SESSION": SESSION}


def signer(server: ThreadedMockServer, options: str, **settings: Any) -> bamlvm.Runtime:
    source = BEDROCK.replace("OPTIONS", f'endpoint_url "{server.url}"  {options}')
    return bamlvm.Runtime.from_files({"main.baml": source}, **settings)


def signature_of(request: Any, secret: str) -> str:
    """The signature that a request should have ("AWS Signature Version 4", IAM user guide), step by step."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    names = parts["SignedHeaders"].split(";")
    assert {"content-type", "host", "x-amz-date"} <= set(names)
    path = urllib.parse.quote(request.target.partition("?")[0], safe="/~")
    lines = [request.method, path, "", *(f"{name}:{request.headers[name]}" for name in names), ""]
    canonical = "\n".join([*lines, ";".join(names), hashlib.sha256(request.body).hexdigest()])
    _, *scope = parts["Credential"].split("/")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join([scheme, request.headers["x-amz-date"], "/".join(scope), digest])
    assert parts["Signature"] == hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return parts["Credential"]


@both
def test_a_signature_is_that_of_the_bytes_that_are_sent(threaded_mock_server: ThreadedMockServer, stream: bool) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    collector = bamlvm.Collector()
    with signer(threaded_mock_server, KEYS, env=KEY_ENV) as runtime:
        for _ in range(2):
            assert runtime.call_function_sync("Say", {"x": "wörld 🙂"}, context(stream, collector)) == "Hello!"
    for exchange in threaded_mock_server.requests:
        operation = "converse-stream" if stream else "converse"
        assert exchange.request.target == f"/model/vendor.model-x%3A0/{operation}"
        assert signature_of(exchange.request, SECRET).startswith(f"{ACCESS}/")
        assert exchange.request.headers["authorization"].count("/eu-west-1/bedrock/aws4_request") == 1
        assert exchange.request.headers["x-amz-security-token"] == SESSION
    shown = repr(bamlvm.to_builtins(collector.calls))
    assert not any(secret in shown for secret in (ACCESS, SECRET, SESSION))
    (record, _) = collector.attempts
    assert (record.input_tokens, record.output_tokens, record.finish_reason) == (7, 3, "end_turn")
    assert record.model == "vendor.model-x:0"


def context(stream: bool, *collectors: bamlvm.Collector) -> bamlvm.CallContext:
    return bamlvm.CallContext(on_partial=(lambda value: None) if stream else None, collectors=collectors)


def test_keys_come_from_the_client_the_environment_or_a_profile(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    file = tmp_path / "credentials"
    file.write_text(f"[work]\naws_access_key_id = OFTHEPROFILE\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    in_environment = {"AWS_ACCESS_KEY_ID": "OFTHEENVIRONMENT", "AWS_SECRET_ACCESS_KEY": SECRET}
    for options, env, whose in (
        ('access_key_id "OFTHECLIENT"  secret_access_key env.SECRET', {**KEY_ENV, **in_environment}, "OFTHECLIENT"),
        ("", in_environment, "OFTHEENVIRONMENT"),
        ('profile "work"', in_environment, "OFTHEPROFILE"),
        ("", {"AWS_PROFILE": "work"}, "OFTHEPROFILE"),
    ):
        with signer(threaded_mock_server, options, env=env) as runtime:
            assert runtime.call_function_sync("Say", {"x": "hi"}, context(True)) == "Hello!"
        assert signature_of(threaded_mock_server.requests[-1].request, SECRET).startswith(f"{whose}/")
    asked = len(threaded_mock_server.requests)
    for options, part in (
        ("", "credentials that it does not name are used for AWS's own addresses only"),
        ('profile "nowhere"', "its credentials cannot be used: .*nowhere"),
        ('access_key_id "a"', "option secret_access_key is needed"),
    ):
        with (
            signer(threaded_mock_server, options, env={}) as runtime,
            pytest.raises(bamlvm.ThrownError, match=part) as caught,
        ):
            runtime.call_function_sync("Say", {"x": "hi"}, context(True))
        assert caught.value.attempts[0].error.type == "baml.errors.InvalidArgument"
    assert len(threaded_mock_server.requests) == asked


def test_a_key_of_bedrock_needs_no_signature(threaded_mock_server: ThreadedMockServer) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    for options in ('api_key "bedrock-key"', 'headers { authorization "Bearer bedrock-key" }', ""):
        with signer(threaded_mock_server, options, env={"AWS_BEARER_TOKEN_BEDROCK": "bedrock-key"}) as runtime:
            assert runtime.call_function_sync("Say", {"x": "hi"}, context(True)) == "Hello!"
        assert threaded_mock_server.requests[-1].request.headers["authorization"] == "Bearer bedrock-key"
        assert "x-amz-date" not in threaded_mock_server.requests[-1].request.headers


def test_what_a_server_repeats_of_the_keys_is_hidden(threaded_mock_server: ThreadedMockServer) -> None:
    body = json.dumps({"message": f"{ACCESS} and {SECRET} and {SESSION}"})
    threaded_mock_server.play({"rules": [{"answers": [{"faults": [{"kind": "status", "code": 403, "body": body}]}]}]})
    with signer(threaded_mock_server, KEYS, env=KEY_ENV) as runtime, pytest.raises(bamlvm.ThrownError) as caught:
        runtime.call_function_sync("Say", {"x": "hi"}, context(True))
    shown = f"{caught.value} {bamlvm.to_builtins(caught.value.value)}"
    assert "answered 403" in shown and not any(secret in shown for secret in (ACCESS, SECRET, SESSION))


@pytest.mark.parametrize("options", ['access_key_id "a"  secret_access_key "b"', 'api_key "k"'])
def test_without_the_extra_of_bedrock_the_error_names_it(options: str) -> None:
    program = f"""
import sys
sys.modules["botocore"] = None
import bamlvm
runtime = bamlvm.Runtime.from_files({{"main.baml": {BEDROCK.replace("OPTIONS", options)!r}}}, env={{}})
for context in (None, bamlvm.CallContext(on_partial=print)):
    try:
        runtime.call_function_sync("Say", {{"x": "hi"}}, context)
    except bamlvm.ThrownError as error:
        assert "provider aws-bedrock needs botocore: pip install 'bamlvm[bedrock]'" in str(error), error
        assert bamlvm.to_builtins(error.value)["attempts"][0]["error"]["provider"] == "aws-bedrock"
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@both
def test_a_replay_needs_no_keys_and_no_region(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path, stream: bool
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [HELLO]}]})
    tape = tmp_path / "tape.jsonl"
    source = {"main.baml": BEDROCK.replace("OPTIONS", f"endpoint_url env.PLACE_URL  {KEYS}")}
    recording = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
    env = {**KEY_ENV, "PLACE_URL": threaded_mock_server.url}
    with bamlvm.Runtime.from_files(source, transport=recording, env=env) as runtime:
        assert runtime.call_function_sync("Say", {"x": "hi"}, context(stream)) == "Hello!"
    assert not any(secret in tape.read_text() for secret in (ACCESS, SECRET, SESSION))
    with bamlvm.Runtime.from_files(source, transport=ReplayTransport(tape), env={}) as runtime:
        assert runtime.call_function_sync("Say", {"x": "hi"}, context(stream)) == "Hello!"
