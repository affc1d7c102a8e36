"""A project on disk, and the page's server over it in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

SOURCE = """
/// Who is meant.
class Person { name string @description("full name")  age int? }
client<llm> Fast { provider openai  options { model "gpt-4o-mini"  api_key env.KEY_OF_TEST } }
client<llm> Other { provider anthropic  options { model "claude"  api_key env.KEY_OF_TEST } }
/// Extract a person.
function Extract(text: string, limit: int = 3) -> Person {
  client Fast
  prompt #"{{ _.role("user") }}Who? {{ text }} {{ ctx.output_format }}"#
}
function fib(n: int) -> int { if (n < 2) { n } else { fib(n - 1) + fib(n - 2) } }
function many(n: int) -> string { for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(`${i}`); } "done" }
function nap() -> int { baml.sys.sleep(60000); 1 }
function fail() -> int { throw "no" }
test Ada { functions [Extract]  args { text "Ada" }  @@assert(named, {{ this.name == "Nobody" }}) }
"""
KEY = "sk-the-key-of-this-test"


class Server(NamedTuple):
    """A server: a client with its token, its address, and the file of its program."""

    client: httpx.Client
    url: str
    file: Path


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts ``bamlvm dev --mock`` with more words over a source."""
    started: list[subprocess.Popen[str]] = []
    clients: list[httpx.Client] = []

    def start(*words: str, source: str = SOURCE, mocked: bool = True) -> Server:
        (tmp_path / "baml_src").mkdir()
        file = tmp_path / "baml_src" / "main.baml"
        file.write_text(source)
        command = [sys.executable, "-m", "bamlvm", "dev", "--port", "0", *(["--mock"] if mocked else []), *words]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KEY_OF_TEST": KEY},
        )
        started.append(process)
        assert process.stdout is not None
        parts = urlsplit(process.stdout.readline().strip())
        url = f"{parts.scheme}://{parts.netloc}"
        headers = {"authorization": f"Bearer {parts.fragment.removeprefix('token=')}"}
        clients.append(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False))
        return Server(clients[-1], url, file)

    yield start
    for client in clients:
        client.close()
    for process in started:
        process.terminate()
        _, err = process.communicate(timeout=120)
        assert err == ""
        assert process.returncode == 0
