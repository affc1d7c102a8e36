"""The table of sys-ops: light to import, one function a path.  That each path is declared, and each declaration has a
function, is held in ``tests/unit/api/test_standard_library.py``."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from bamlvm.sysops.table import DEFERRED, MODULES, load, marked

HERE = [name for name in MODULES if not name.endswith(".llm")]


def test_who_may_suspend() -> None:
    table = load(HERE)
    assert table["baml.http.fetch_sse"].is_async
    assert not table["baml.http.SseStream.next"].is_async
    assert not table["baml.stream.emit_partial"].is_async
    assert all(name == entry.name for name, entry in table.items())


def test_a_path_claimed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two sys-ops have the path baml\.fs\."):
        load(["bamlvm.sysops.files", "bamlvm.sysops.files"])


def test_the_table_imports_nothing_heavy() -> None:
    program = "import sys; from bamlvm.sysops.table import load; load(sys.argv[1:]); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program, *HERE], capture_output=True, text=True, check=True)
    heavy = {
        "httpx",
        "httpcore",
        "anyio",
        "h11",
        "asyncio",
        "jinja2",
        "lark",
        "ssl",
        "email",
        "http.cookiejar",
    }
    assert not heavy & set(run.stdout.split())


@pytest.mark.parametrize("module", DEFERRED)
def test_deferred_modules_have_the_sysops_that_are_listed(module: str) -> None:
    found = dict(marked(importlib.import_module(module)))
    assert sorted(found) == sorted(DEFERRED[module])
    assert not any(inspect.iscoroutinefunction(function) for function in found.values())


def test_a_deferred_module_is_imported_by_the_first_call() -> None:
    program = """
import sys
from bamlvm.sysops.table import load
table = load()
assert not any(name.startswith("bamlvm.sysops.llm_") for name in sys.modules)
assert table["baml.llm.jittered"].call(None, 0) == 0
assert "bamlvm.sysops.llm_clients" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
