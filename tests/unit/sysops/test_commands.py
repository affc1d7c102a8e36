"""Shell commands end with their whole group."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from bamlvm.sysops.commands import Command


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def _ends(pid: int) -> bool:
    until = time.monotonic() + 60
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not _lives(pid)


def test_output_errors_and_status() -> None:
    finished = Command("printf out; printf err >&2; exit 3", {"PATH": os.environ["PATH"]}, 100).run()
    assert finished == (3, b"out", b"err", False)


def test_what_a_command_leaves_behind_is_killed() -> None:
    finished = Command("sleep 1000 & echo $!", {"PATH": os.environ["PATH"]}, 100).run()
    assert _ends(int(finished.output))


def test_too_much_output_ends_the_command() -> None:
    finished = Command("while :; do echo yes; done", {"PATH": os.environ["PATH"]}, 1000).run()
    assert finished.is_cut and len(finished.output) == 1000 and finished.status < 0


def test_killing_a_command_kills_its_children(tmp_path: Path) -> None:
    command = Command(f"sleep 1000 & echo $! > {tmp_path}/pid; sleep 1000", {"PATH": os.environ["PATH"]}, 100)
    thread = threading.Thread(target=command.run)
    thread.start()
    until = time.monotonic() + 60
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()) and time.monotonic() < until:
        time.sleep(0.01)
    command.kill()
    thread.join(120)
    assert not thread.is_alive() and _ends(int((tmp_path / "pid").read_text()))


def test_a_command_killed_before_it_begins_does_not_begin(tmp_path: Path) -> None:
    command = Command(f"touch {tmp_path}/here", {"PATH": os.environ["PATH"]}, 100)
    command.kill()
    assert command.run().status < 0 and not (tmp_path / "here").exists()
