"""The guard of ``conftest.py`` is itself able to fail: run on tests that leave something behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

LEAKS = """
import asyncio, socket
from bamlvm.mock import ThreadedMockServer

kept = []

def test_socket(threaded_mock_server):
    host, port = threaded_mock_server.url.removeprefix("http://").split(":")
    kept.append(socket.create_connection((host, int(port))))

async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(60)))

async def test_nothing(mock_server):
    assert mock_server.url
"""


def test_what_a_test_leaves_behind_fails_it(tmp_path: Path) -> None:
    here = Path(__file__).parents[1]
    shutil.copy(here / "conftest.py", tmp_path)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(here.parent / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
    ]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "3 passed, 2 errors" in run.stdout, run.stdout
    assert "the test left sockets open: ['tcp 127.0.0.1:" in run.stdout
    assert "the test left tasks running: [" in run.stdout
