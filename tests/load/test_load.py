"""A small load; ``make load`` is the real one, and compares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_six_streams_are_whole_and_leave_nothing() -> None:
    root = Path(__file__).parents[2]
    numbers = {"LOAD_STREAMS": "6", "LOAD_EVENTS": "5", "LOAD_GAP_MS": "10", "LOAD_ROUNDS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.load.run"],
        cwd=root,
        env={**os.environ, **numbers},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "6 streams at once" in done.stdout, done.stderr
    # How fast it is says nothing here; what is wrong with it would.
    assert not [line for line in done.stderr.splitlines() if not line.startswith(("first_p99: ", "cpu: "))], done.stderr
