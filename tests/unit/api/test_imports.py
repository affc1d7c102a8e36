"""What gets imported, and when: each case in a process of its own."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HEAVY = ["lark", "httpx", "httpcore", "jinja2", "asyncio", "bamlvm.compiler", "bamlvm.grammar.parser"]


def loaded(program: str, cache: Path) -> set[str]:
    """The modules that a program has loaded at its end."""
    program += "\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))\n"
    environment = {**os.environ, "BAMLVM_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_imports_nothing_else(tmp_path: Path) -> None:
    modules = loaded("import bamlvm", tmp_path)
    assert [name for name in modules if name.startswith("bamlvm")] == ["bamlvm"]
    assert not modules.intersection([*HEAVY, "msgspec", "dataclasses"])


def test_every_public_name_loads(tmp_path: Path) -> None:
    loaded("import bamlvm\nfor name in bamlvm.__all__: assert getattr(bamlvm, name) is not None, name", tmp_path)
    loaded("from bamlvm import *\nRuntime, stages, __version__", tmp_path)


def test_type_checkers_find_each_public_name_where_it_is_loaded_from() -> None:
    import bamlvm

    stub = ast.parse(Path(str(bamlvm.__file__)).with_suffix(".pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {each.asname: str(node.module).removeprefix("bamlvm.") for node in imports for each in node.names}
    assert homes == {**bamlvm._HOMES, **dict.fromkeys(bamlvm._MODULES, "bamlvm")}
    assert {*homes, "__version__"} == set(bamlvm.__all__) == set(dir(bamlvm))


PURE = """
import bamlvm, threading
source = "function main(n: int) -> int { if (n > 1) { n * main(n - 1) } else { 1 } }"
runtime = bamlvm.Runtime.from_files({"main.baml": source})
assert runtime.functions.main(n=10) == 3628800
assert threading.active_count() == 1, threading.enumerate()
"""


def test_a_warm_pure_call_needs_no_compiler_no_loop_and_no_thread(tmp_path: Path) -> None:
    cold = loaded(PURE, tmp_path)
    assert "bamlvm.compiler.project" in cold
    warm = loaded(PURE, tmp_path)
    assert "bamlvm.runtime" in warm
    assert not warm.intersection({"bamlvm.vm.native", "bamlvm.vm.translate", "bamlvm.vm.facts"})  # nothing was hot
    assert not warm.intersection(HEAVY)
    assert not [name for name in warm if name.startswith(("bamlvm.compiler", "lark"))]


def test_warnings_survive_in_the_cache(tmp_path: Path) -> None:
    program = """
import bamlvm
source = "function f(x: int) -> int { match (x) { _ => 1, 2 => 3 } }"
runtime = bamlvm.Runtime.from_files({"main.baml": source})
assert [each.code for each in runtime.diagnostics] == ["E0063"], runtime.diagnostics
"""
    assert "bamlvm.compiler.project" in loaded(program, tmp_path)
    assert "bamlvm.compiler.project" not in loaded(program, tmp_path)
