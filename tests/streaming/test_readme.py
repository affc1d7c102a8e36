"""What README.md says beside its code blocks, which ``tests/pages`` runs: a replay, a new project, the flags.

The program calls OpenAI; here its client has the address of the mock server, and nothing else is changed.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bamlvm.mock import ThreadedMockServer

README = (Path(__file__).parents[2] / "README.md").read_text()
BAML = re.search(r"```baml[^\n]*\n(.*?)```", README, re.DOTALL)


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command, comments=True)
    assert words[0] == "bamlvm"
    path = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "bamlvm", *words[1:]],
        cwd=folder,
        env={**path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> Path:
    assert BAML is not None
    answers: list[dict[str, Any]] = [{"text": "Happy"}]
    threaded_mock_server.play({"rules": [{"answers": answers}]})
    written = BAML[1].replace('model "gpt-4o-mini"', f'model "gpt-4o-mini"  base_url "{threaded_mock_server.url}/v1"')
    assert written != BAML[1]
    (tmp_path / "mood.baml").write_text(written)
    return tmp_path


def test_a_replay_takes_the_text_that_was_recorded(folder: Path, threaded_mock_server: ThreadedMockServer) -> None:
    recorded = run('bamlvm run mood.baml -a text="The sun is out." --record mood.jsonl', folder, OPENAI_API_KEY="k")
    assert recorded.stdout == "good to hear\n"
    asked = len(threaded_mock_server.requests)
    for command in ("bamlvm run mood.baml --replay mood.jsonl", "bamlvm run mood.baml main --replay mood.jsonl"):
        replayed = run(command, folder)
        assert (replayed.stdout, replayed.returncode) == ("good to hear\n", 0), replayed.stderr
    other = run('bamlvm run mood.baml -a text="It rains." --replay mood.jsonl', folder)
    assert "recorded" in other.stdout + other.stderr and "It rains." in other.stdout + other.stderr
    assert len(threaded_mock_server.requests) == asked


def test_a_new_project_runs_at_once(tmp_path: Path) -> None:
    assert run("bamlvm init desk", tmp_path).returncode == 0
    done = run("bamlvm run --mock", tmp_path / "desk")
    assert done.returncode == 0, done.stderr


def test_every_flag_exists() -> None:
    for command, text in re.findall(r"^\| `bamlvm (\w+)[^`]*` \| (.*) \|$", README, re.MULTILINE):
        words = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(re.findall(r"`([^`]*)`", text))))
        help_ = run(f"bamlvm {command} --help", Path.cwd()).stdout
        missing = [word for word in words if not re.search(rf"(?<![\w-]){word}\b", help_)]
        assert help_ and not missing, (command, missing)
