"""``bamlvm dev`` as users start it: its address, its browser and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_the_page_starts_ends_it(tmp_path: Path, number: int) -> None:
    (tmp_path / "main.baml").write_text("function one() -> int { 1 }")
    command = [sys.executable, "-m", "bamlvm", "dev", str(tmp_path), "--port", "0", "--mock"]
    for moment in range(4):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        time.sleep(moment / 10)
        process.send_signal(number)
        assert process.communicate(timeout=120)[1] == ""
        assert process.returncode == 0
