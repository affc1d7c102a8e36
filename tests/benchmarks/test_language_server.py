"""The language server as an editor sees it: a process, its pipes, and a project of fifty files.

Goals: the first diagnostics 300 ms after `initialized` in a project that was checked before, a keystroke's diagnostics
within 20 ms at the median, hover within 5 ms, and less than 120 MB.  Start-up is shown apart: most of it is the import
of lsprotocol, which makes its classes anew in every process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.test_check import FILES, file_source
from tests.support.wire import Wire, insertion


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "baml_src"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"part{number}.baml").write_text(file_source(number))
    return folder


@pytest.fixture
def server(project: Path) -> Iterator[Wire]:
    wire = Wire()
    wire.initialize(project.parent)
    wire.open(uri_of(project), file_source(3))
    wire.diagnostics(uri_of(project))
    yield wire
    wire.close()


def uri_of(project: Path) -> str:
    return (project / "part3.baml").as_uri()


def test_from_the_start_of_the_process_to_the_first_answer(benchmark: Any, project: Path) -> None:
    def start() -> Wire:
        wire = Wire()
        wire.initialize(project.parent)
        return wire

    for _ in range(2):
        start().close()
    started: list[Wire] = []
    benchmark.pedantic(lambda: started.append(start()), rounds=5)
    for wire in started:
        wire.close()


def test_from_initialized_to_the_first_diagnostics(benchmark: Any, project: Path) -> None:
    wires: list[Wire] = []

    def setup() -> tuple[tuple[Wire], dict[str, Any]]:
        wires.append(Wire())
        wires[-1].ask("initialize", {"processId": None, "rootUri": project.parent.as_uri(), "capabilities": {}})
        return (wires[-1],), {}

    def diagnostics(wire: Wire) -> None:
        wire.notify("initialized", {})
        wire.diagnostics((project / "part0.baml").as_uri())

    benchmark.pedantic(diagnostics, setup=setup, rounds=5, warmup_rounds=1)
    for wire in wires:
        wire.close()


@pytest.mark.parametrize(
    ("line", "column"), [(30, 7), (1, 7), (20, 5)], ids=["in a function", "the name of a class", "in a prompt"]
)
def test_a_keystroke(benchmark: Any, server: Wire, project: Path, line: int, column: int) -> None:
    uri = uri_of(project)
    versions = count(2)

    def keystroke() -> None:
        version = next(versions)
        change = insertion(line, column, "x") if version % 2 == 0 else insertion(line, column, "", 1)
        server.change(uri, version, change)
        server.diagnostics(uri, version)

    benchmark.pedantic(keystroke, rounds=60, warmup_rounds=4)


def at(uri: str, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}


@pytest.mark.parametrize(
    ("method", "line", "column"),
    [
        ("textDocument/hover", 29, 12),
        ("textDocument/completion", 31, 24),
        ("textDocument/definition", 29, 32),
        ("textDocument/references", 1, 8),
        ("textDocument/documentSymbol", 0, 0),
        ("textDocument/semanticTokens/full", 0, 0),
    ],
)
def test_a_request(benchmark: Any, server: Wire, project: Path, method: str, line: int, column: int) -> None:
    params = at(uri_of(project), line, column) | {"context": {"includeDeclaration": True, "triggerKind": 1}}

    def ask() -> None:
        assert server.ask(method, params)["result"]

    benchmark.pedantic(ask, rounds=50, warmup_rounds=3)


def test_memory(benchmark: Any, server: Wire, project: Path) -> None:
    """The resident memory after an hour's typing, say, in megabytes, as if they were seconds."""
    uri = uri_of(project)
    for version in range(2, 302):
        server.change(uri, version, insertion(30, 7, "x") if version % 2 == 0 else insertion(30, 7, "", 1))
        server.diagnostics(uri, version)
    server.ask("textDocument/semanticTokens/full", at(uri, 0, 0))
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    benchmark.extra_info["megabytes"] = int(found[1]) / 1024
    benchmark.pedantic(lambda: None, rounds=1)
    print(f"\nlanguage server: {int(found[1]) / 1024:.0f} MB")
