"""The table of sys-ops: light to import, one function a path.  That each path is declared, and each declaration has a
function, is held in ``tests/unit/api/test_standard_library.py``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bamlvm.sysops.table import MODULES, load

HERE = [name for name in MODULES if not name.endswith(".llm")]


def test_who_may_suspend() -> None:
    table = load(HERE)
    assert table["baml.http.fetch_sse"].is_async
    assert not table["baml.http.SseStream.next"].is_async
    assert not table["baml.stream.emit_partial"].is_async
    assert all(name == entry.name for name, entry in table.items())


def test_a_path_claimed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two sys-ops claim baml\.fs\."):
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
