"""A small soak, in a process of its own; ``make soak`` is the real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_two_hundred_calls_leave_nothing() -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "SOAK_CALLS": "200", "SOAK_AT_ONCE": "20"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.soak.soak"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing grew" in done.stdout
    assert done.stderr == ""
