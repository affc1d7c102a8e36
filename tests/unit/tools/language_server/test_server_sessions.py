"""Sessions as they are on the wire: start, end, order, what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wire import Wire

pytestmark = pytest.mark.slow

WHERE = {"textDocument": {"uri": "file:///gone.baml"}, "position": {"line": 0, "character": 0}}


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


def test_a_session_from_start_to_end(wire: Wire) -> None:
    result = wire.initialize()
    assert result["serverInfo"]["name"] == "bamlvm" and result["capabilities"]["positionEncoding"] == "utf-16"
    assert result["capabilities"]["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    assert wire.ask("shutdown")["result"] is None
    assert wire.ask("textDocument/hover", WHERE)["error"]["code"] == -32600
    wire.send("exit", is_request=False)
    assert wire.process.wait(timeout=120) == 0


def test_exit_without_shutdown_is_an_error(wire: Wire) -> None:
    wire.initialize()
    wire.send("exit", is_request=False)
    assert wire.process.wait(timeout=120) == 1


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
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 4 and ended.stdout == ""
    assert "pip install 'bamlvm[lsp]'" in ended.stderr


TEXT = "class A { x int }\nfunction f(a: A) -> int { a.x }\n"


def test_a_request_that_is_cancelled_or_out_of_date_is_not_worked_on(wire: Wire, tmp_path: Path) -> None:
    uri = (tmp_path / "a.baml").as_uri()
    wire.initialize()
    wire.open(uri, TEXT)
    wire.diagnostics(uri)
    tokens = {"textDocument": {"uri": uri}}
    with wire.together():  # else the first may be answered before it is known to be cancelled
        first = wire.send("textDocument/semanticTokens/full", tokens)
        wire.notify("$/cancelRequest", {"id": first})
    assert wire.answer(first)["error"]["code"] == -32800
    with wire.together():
        second = wire.send("textDocument/semanticTokens/full", tokens)
        wire.change(uri, 2, {"text": TEXT + TEXT.replace("A", "B").replace("f(", "g(")})
    assert wire.answer(second)["error"]["code"] == -32801
    assert wire.ask("textDocument/semanticTokens/full", tokens)["result"]["data"]


def test_an_error_in_a_request_is_that_requests_alone(wire: Wire, tmp_path: Path) -> None:
    uri = (tmp_path / "a.baml").as_uri()
    wire.initialize()
    wire.open(uri, TEXT)
    failed = wire.ask("workspace/executeCommand", {"command": "bamlvm.run", "arguments": [{}]})
    assert failed["error"]["code"] == -32603 and "program" in failed["error"]["message"]
    unknown = wire.ask("workspace/executeCommand", {"command": "bamlvm.gone", "arguments": []})
    assert unknown["error"]["code"] == -32602
    hover = wire.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 14}})
    assert "class A" in hover["result"]["contents"]["value"]


def test_a_client_without_markdown_gets_plain_text(wire: Wire, tmp_path: Path) -> None:
    uri = (tmp_path / "a.baml").as_uri()
    wire.initialize()
    wire.open(uri, TEXT)
    hover = wire.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 12}})
    assert hover["result"]["contents"] == {"kind": "plaintext", "value": "a: A"}


def test_files_change_on_disk(wire: Wire, tmp_path: Path) -> None:
    folder = tmp_path / "baml_src"
    folder.mkdir()
    (folder / "a.baml").write_text("function f() -> int { g() }\n")
    uri = (folder / "a.baml").as_uri()
    wire.initialize(tmp_path)
    assert [each["code"] for each in wire.diagnostics(uri)] == ["E0003"]
    (folder / "b.baml").write_text("function g() -> int { 1 }\n")
    created = {"changes": [{"uri": (folder / "b.baml").as_uri(), "type": 1}]}
    wire.notify("workspace/didChangeWatchedFiles", created)
    assert wire.diagnostics(uri) == []
    (folder / "a.baml").unlink()
    (folder / "b.baml").write_text("function g() -> int { f() }\n")
    wire.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": uri, "type": 3}]})
    assert [each["code"] for each in wire.diagnostics((folder / "b.baml").as_uri())] == ["E0003"]
    folders = {"added": [], "removed": [{"uri": tmp_path.as_uri(), "name": "x"}]}
    wire.notify("workspace/didChangeWorkspaceFolders", {"event": folders})
    assert wire.diagnostics((folder / "b.baml").as_uri()) == []


def test_a_document_is_closed_and_opened_again(wire: Wire, tmp_path: Path) -> None:
    uri = (tmp_path / "a.baml").as_uri()
    wire.initialize()
    wire.open(uri, "function f() -> int { x }")
    assert [each["code"] for each in wire.diagnostics(uri)] == ["E0003"]
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert wire.diagnostics(uri) == []  # of a file that is not on disk nothing is shown
    wire.open(uri, "function f() -> int { y }")
    assert [each["code"] for each in wire.diagnostics(uri)] == ["E0003"]
