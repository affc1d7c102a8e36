"""Sessions as they are on the wire: start, end, order, what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WHERE = {"textDocument": {"uri": "file:///gone.baml"}, "position": {"line": 0, "character": 0}}


class Wire:
    """A server process and the messages to and from it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bamlvm", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.count = 0

    def send(self, method: str, params: Any = None, *, is_request: bool = True) -> int:
        self.count += is_request
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": self.count} if is_request else {})
        self.write(json.dumps(message).encode())
        return self.count

    def write(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        return json.loads(self.process.stdout.read(length))

    def answer(self, id_: int) -> Any:
        """The answer to a request; notifications on the way are dropped."""
        while (message := self.receive()).get("id") != id_ or "method" in message:
            pass
        return message

    def ask(self, method: str, params: Any = None) -> Any:
        return self.answer(self.send(method, params))

    def initialize(self, **capabilities: Any) -> Any:
        found = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.send("initialized", {}, is_request=False)
        return found["result"]

    def ended(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=20)


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.process.kill()
    for stream in (found.process.stdin, found.process.stdout, found.process.stderr):
        assert stream is not None
        stream.close()
    found.process.wait()


def test_a_session_from_start_to_end(wire: Wire) -> None:
    result = wire.initialize()
    assert result["serverInfo"]["name"] == "bamlvm" and result["capabilities"]["positionEncoding"] == "utf-16"
    assert result["capabilities"]["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    assert wire.ask("shutdown")["result"] is None
    assert wire.ask("textDocument/hover", WHERE)["error"]["code"] == -32600
    wire.send("exit", is_request=False)
    assert wire.process.wait(timeout=20) == 0


def test_exit_without_shutdown_is_an_error(wire: Wire) -> None:
    wire.initialize()
    wire.send("exit", is_request=False)
    assert wire.process.wait(timeout=20) == 1


def test_the_end_of_the_input_ends_the_server(wire: Wire) -> None:
    wire.initialize()
    assert wire.ended() == 1


def test_requests_before_initialize_and_a_second_one(wire: Wire) -> None:
    assert wire.ask("textDocument/hover", WHERE)["error"]["code"] == -32002
    wire.initialize()
    again = wire.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    assert again["error"]["code"] == -32600


def test_what_is_no_message_is_survived(wire: Wire) -> None:
    wire.initialize()
    wire.write(b"no json")
    wire.write(b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"nothing": 1}}')
    wire.write(b'{"jsonrpc": "2.0", "method": "textDocument/didOpen"}')
    gone = {"textDocument": {"uri": "file:///gone.baml", "version": 2}, "contentChanges": [{"text": ""}]}
    wire.send("textDocument/didChange", gone, is_request=False)
    assert wire.ask("textDocument/hover", {})["error"]["code"] == -32602
    assert wire.ask("no/suchMethod")["error"]["code"] == -32601
    assert wire.ask("shutdown")["result"] is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_the_clients_encoding_is_used(wire: Wire, tmp_path: Path, encoding: str) -> None:
    result = wire.initialize(general={"positionEncodings": [encoding]})
    assert result["capabilities"]["positionEncoding"] == encoding
    text = 'function f() -> string { "😀é" + x }'
    document = {"uri": (tmp_path / "a.baml").as_uri(), "languageId": "baml", "version": 1, "text": text}
    wire.send("textDocument/didOpen", {"textDocument": document}, is_request=False)
    while (message := wire.receive()).get("method") != "textDocument/publishDiagnostics":
        pass
    (found,) = message["params"]["diagnostics"]
    codec = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    units = len(text[: text.index("x }")].encode(codec[0])) // codec[1]
    assert found["range"]["start"] == {"line": 0, "character": units}


def test_it_watches_files_if_the_client_can(wire: Wire) -> None:
    wire.initialize(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
    message = wire.receive()
    assert message["method"] == "client/registerCapability"
    (registration,) = message["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    assert {"globPattern": "**/*.baml"} in registration["registerOptions"]["watchers"]


def test_without_pygls_the_extra_is_named() -> None:
    program = "import sys; sys.modules['pygls'] = None; from bamlvm.cli.main import main; sys.exit(main(['lsp']))"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, timeout=20
    )
    assert ended.returncode == 4 and ended.stdout == ""
    assert "pip install 'bamlvm[lsp]'" in ended.stderr
