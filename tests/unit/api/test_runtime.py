"""Making a runtime, and asking it about its program."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

import bamlvm
from bamlvm import CompileError, HostError
from bamlvm.build.cache import Cache
from bamlvm.build.loading import load
from bamlvm.mock import MockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]


def test_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "main.baml").write_text("function main() -> int { two() }")
    (tmp_path / "sub" / "two.baml").write_text("function two() -> int { 2 }")
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.baml").write_text("{")
    assert bamlvm.Runtime.from_directory(tmp_path).functions.main() == 2
    assert bamlvm.Runtime.from_directory(str(tmp_path / "sub" / "two.baml")).functions.two() == 2


def test_paths_that_are_no_program(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no such file or folder"):
        bamlvm.Runtime.from_directory(tmp_path / "nothing")
    with pytest.raises(HostError, match=r"no \.baml file"):
        bamlvm.Runtime.from_directory(tmp_path)
    (tmp_path / "bad.baml").write_bytes(b"// \xff")
    with pytest.raises(HostError, match=r"bad\.baml: not UTF-8 text: .* at byte 3"):
        bamlvm.Runtime.from_directory(tmp_path)


def test_a_program_with_errors() -> None:
    source = "function main() -> int {\n    nothing\n}\nfunction other() -> int { false }\n"
    with pytest.raises(CompileError) as refused:
        bamlvm.Runtime.from_files({"main.baml": source})
    error = refused.value
    assert [(each.code, each.severity) for each in error.diagnostics] == [("E0003", "error"), ("E0001", "error")]
    assert "main.baml:2:5" in str(error)
    assert "nothing" in error.render()
    assert "\x1b[" not in error.render()
    assert "\x1b[" in error.render(colour=True)


def test_the_programs_functions(make: Make) -> None:
    runtime = make(
        """
/// Adds.
function add(a: int, b: int = 2) -> int { a + b }
client C { provider openai  options { model "m"  api_key "k" } }
function F(x: string) -> string { client C  prompt #"{{ x }}"# }
"""
    )
    assert runtime.function_names == ("add", "F")
    assert dir(runtime.functions) == ["F", "add"]
    signature = runtime.signature("add")
    assert signature.doc == "Adds."
    assert [(each.name, str(each.type), each.has_default) for each in signature.parameters] == [
        ("a", "int", False),
        ("b", "int", True),
    ]
    assert str(signature.result) == "int"
    assert runtime.signature("F").kind == "llm"
    assert repr(runtime.functions.add) == "<BAML function add>"
    with pytest.raises(HostError, match="no function 'sub'"):
        runtime.signature("sub")


def test_stages() -> None:
    source = "function main() -> int {\n    1 + 2\n}\n"
    assert set(bamlvm.stages.STAGES) == {"tokens", "ast", "hir", "tir", "mir", "bytecode", "python"}
    for stage in bamlvm.stages.STAGES:
        text = bamlvm.stages.dump(source, stage)
        assert text.endswith("\n")
        assert bamlvm.stages.dump({"main.baml": source}, stage) == text
    assert bamlvm.stages.dump(source, "mir") != bamlvm.stages.dump(source, "mir", optimize=False)
    with pytest.raises(HostError, match="unknown stage 'nope'"):
        bamlvm.stages.dump(source, "nope")
    with pytest.raises(HostError, match="no such file"):
        bamlvm.stages.dump("nothing.baml", "ast")


class CountingTransport(httpx.AsyncHTTPTransport):
    """The network, with a count of what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.closed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return await super().handle_async_request(request)

    async def aclose(self) -> None:
        self.closed += 1
        await super().aclose()


async def test_a_transport_of_the_hosts(make: Make, llm_source: Callable[..., str], mock_server: MockServer) -> None:
    mock_server.play({"rules": [{"answers": [{"text": "Hello"}]}]})
    transport = CountingTransport()
    async with make(llm_source(mock_server.url), transport=transport) as runtime:
        assert await runtime.call_function("F", {"input": "x"}) == "Hello"
        assert await runtime.stream("F", {"input": "x"}).final() == "Hello"
        assert (transport.requests, transport.closed) == (2, 0)
    assert transport.closed == 1
    connections = [exchange.connection for exchange in mock_server.requests]
    assert connections == [1, 2], "what follows an answer on a connection of httpx could be read as the next answer"


async def test_a_sync_close_in_a_loop_closes_when_the_loop_next_runs(
    make: Make, llm_source: Callable[..., str], mock_server: MockServer
) -> None:
    mock_server.play({"rules": [{"answers": [{"text": "Hello"}]}]})
    runtime = make(llm_source(mock_server.url))
    assert await runtime.call_function("F", {"input": "x"}) == "Hello"
    assert await asyncio.to_thread(runtime.call_function_sync, "F", {"input": "x"}) == "Hello"
    assert mock_server.open_connections == 2
    runtime.close()
    await mock_server.until(lambda server: server.open_connections == 0)


def test_a_runtime_is_pickled_by_its_sources() -> None:
    source = "class Point { x int }  function f(p: Point) -> Point { p }  function v() -> string { env.X }"
    with bamlvm.Runtime.from_files({"main.baml": source}, env={"X": "y"}, step_limit=1000) as runtime:
        point = runtime.functions.f(p={"x": 1})
        with pickle.loads(pickle.dumps(runtime)) as other:
            assert other.functions.v() == "y"
            assert other.engine.step_limit == 1000
            assert other.functions.f(p=pickle.loads(pickle.dumps(point))).x == 1


def test_a_runtime_of_compiled_units_cannot_be_pickled() -> None:
    loaded = load({"main.baml": "function f() -> int { 1 }"}, True, Cache(None))
    with bamlvm.Runtime(loaded) as runtime, pytest.raises(TypeError, match="not of sources"):
        pickle.dumps(runtime)
