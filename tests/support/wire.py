"""A language server process and the messages to and from it, as they are on the wire."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Wire:
    """One process; closed by :meth:`close`."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bamlvm", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.count = 0
        self._holds = False

    def send(self, method: str, params: Any = None, *, is_request: bool = True) -> int:
        """Send a request, or a notification; return the request's number."""
        self.count += is_request
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": self.count} if is_request else {})
        self.write(json.dumps(message).encode())
        return self.count

    def write(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        if not self._holds:
            self.process.stdin.flush()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A context in which short messages are held back, so that they arrive at once."""
        self._holds = True
        yield
        self._holds = False
        assert self.process.stdin is not None
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Return the next message of the server."""
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        return json.loads(self.process.stdout.read(length))

    def answer(self, id_: int) -> Any:
        """Return the answer to a request; notifications on the way are dropped."""
        while (message := self.receive()).get("id") != id_ or "method" in message:
            pass
        return message

    def ask(self, method: str, params: Any = None) -> Any:
        """Send a request; return its answer."""
        return self.answer(self.send(method, params))

    def notify(self, method: str, params: Any) -> None:
        self.send(method, params, is_request=False)

    def initialize(self, folder: Path | None = None, **capabilities: Any) -> Any:
        """Begin a session; return the server's answer."""
        root = folder.as_uri() if folder is not None else None
        found = self.ask("initialize", {"processId": None, "rootUri": root, "capabilities": capabilities})
        self.notify("initialized", {})
        return found["result"]

    def open(self, uri: str, text: str) -> None:
        self.notify("textDocument/didOpen", {"textDocument": document(uri, 1) | {"languageId": "baml", "text": text}})

    def change(self, uri: str, version: int, *changes: Any) -> None:
        self.notify("textDocument/didChange", {"textDocument": document(uri, version), "contentChanges": changes})

    def diagnostics(self, uri: str, version: int | None = None) -> list[Any]:
        """Return the next diagnostics of a document, of one version if that is given."""
        while True:
            message = self.receive()
            params = message.get("params")
            if message.get("method") != "textDocument/publishDiagnostics" or params["uri"] != uri:
                continue
            if version is None or params.get("version") == version:
                found: list[Any] = params["diagnostics"]
                return found

    def ended(self) -> int:
        """Close the input; return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=120)

    def close(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        self.process.wait()


def document(uri: str, version: int) -> dict[str, Any]:
    return {"uri": uri, "version": version}


def insertion(line: int, column: int, text: str, length: int = 0) -> dict[str, Any]:
    """A change of a part of one line."""
    start, end = {"line": line, "character": column}, {"line": line, "character": column + length}
    return {"range": {"start": start, "end": end}, "text": text}
