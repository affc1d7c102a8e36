"""``bamlvm dev`` as users start it: its address, its browser and its end."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
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


def test_a_browser_is_started_without_the_token(tmp_path: Path) -> None:
    """Other users see command lines, and a browser keeps addresses in its history."""
    (tmp_path / "main.baml").write_text("function one() -> int { 1 }")
    command = [sys.executable, "-m", "bamlvm", "dev", str(tmp_path), "--port", "0", "--mock", "--browser"]
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$@" > {seen}.part && mv {seen}.part {seen} && exec sleep 60 > {seen}.out 2>&1\n'
    )
    browser.chmod(0o700)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "BROWSER": str(browser)}
    )
    assert process.stdout is not None
    address, _, token = process.stdout.readline().strip().partition("/#token=")
    while not seen.exists():
        time.sleep(0.02)
    file = Path(seen.read_text().strip().removeprefix("file://"))
    assert token not in str(file)
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    action = re.search('action="(.*?)"', file.read_text())
    given = re.search('name="token" value="(.*?)"', file.read_text())
    assert action is not None and given is not None
    with httpx.Client(trust_env=False, timeout=60) as client:  # the browser has not ended: the server does not wait
        opened = client.post(action[1], data={"token": given[1]})
        assert opened.status_code == 200 and f'content="{token}"' in opened.text
        assert opened.headers["cache-control"] == "no-store"
        for form in ({"token": "wrong"}, {}, {"token": "x" * 10_000}):
            refused = client.post(action[1], data=form)
            assert refused.status_code == 401 and token not in refused.text
        assert client.post(action[1], data={"token": token}, headers={"host": "evil.example"}).status_code == 421
        assert client.get(f"{address}/open").headers["location"] == "/"
    process.terminate()
    assert process.communicate(timeout=120)[1] == ""
    assert process.returncode == 0
    assert not file.parent.exists()
