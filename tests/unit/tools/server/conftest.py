"""A server in a thread: uvicorn with our protocol, on loopback, over a program whose clients are the mock server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

import bamlvm
from bamlvm.mock import ThreadedMockServer
from bamlvm.tools.server.process import listen
from bamlvm.tools.server.protocol import Protocol

PROGRAM = """
class Person {
  name string
  age int?
  score float @check(positive, {{ this > 0 }})
}
class Refusal { reason string }
client<llm> Mock {
  provider openai
  options { model "m"  api_key "key-of-the-program-123"  base_url env.MOCK_URL }
}
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> Again {
  provider openai
  retry_policy Once
  options { model "m"  api_key "key-of-the-program-123"  base_url env.MOCK_URL }
}
/// Greet somebody.
function Greet(name: string) -> string { client Mock  prompt #"greet {{ name }}"# }
function Retried(name: string) -> string { client Again  prompt #"greet {{ name }}"# }
function Extract(text: string, n: int?) -> Person { client Mock  prompt #"{{ text }} {{ ctx.output_format }}"# }
function Both(name: string) -> string[] { [Greet(name), Greet(name)] }
function Refuse() -> string { throw Refusal { reason: "no" } }
function Divide(n: int) -> int { 1 / n }
function Echo(text: string) -> string { text }
function Any(value: unknown) -> unknown { value }
function Spin() -> int { let n = 0; while (true) { n += 1 } n }
"""


def raw_request(function: str, body: bytes, *headers: str, version: str = "1.1", route: str = "call") -> bytes:
    """The bytes of a request."""
    fields = ["host: h", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([f"POST /{route}/{function} HTTP/{version}", *fields, "", ""]).encode() + body


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come")


class Service:
    """A server that runs, and a client of it."""

    def __init__(self, app: Any, mock: ThreadedMockServer, runtime: bamlvm.Runtime) -> None:
        self.app = app
        self.mock = mock
        self.runtime = runtime
        self.endpoints = app.state.endpoints
        self._socket = listen("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(app, http=Protocol, ws="none", log_config=None, access_log=False, server_header=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def call(self, function: str, /, **args: Any) -> httpx.Response:
        return self.client.post(f"/call/{function}", json=args)

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def service(threaded_mock_server: ThreadedMockServer) -> Iterator[Callable[..., Service]]:
    """``service(script, **settings)`` starts a server."""
    with contextlib.ExitStack() as stack:

        def start(*answers: Any, **settings: Any) -> Service:
            rules = [
                {"after": "cycle", "answers": list(answers) or [{"pieces": ["Hel", "lo, ", "you"], "delay_ms": 5}]}
            ]
            threaded_mock_server.play({"rules": rules})
            env = {"MOCK_URL": threaded_mock_server.url}
            runtime = stack.enter_context(bamlvm.Runtime.from_files({"main.baml": PROGRAM}, env=env))
            made = Service(bamlvm.asgi(runtime, **settings), threaded_mock_server, runtime)
            stack.callback(made.close)
            return made

        yield start
