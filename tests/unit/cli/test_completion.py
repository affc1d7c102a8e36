"""Completion scripts: run in the shell that they are for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bamlvm.cli.main import COMMANDS, main


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", "bash"]) == 0
    file = tmp_path / "bamlvm.bash"
    file.write_text(capsys.readouterr().out)
    return file


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last of these words."""
    given = " ".join(f"'{word}'" for word in ("bamlvm", *words))
    program = f"source {script}; COMP_WORDS=({given}); COMP_CWORD={len(words)}; _shtab_bamlvm; "
    program += "printf '%s\\n' \"${COMPREPLY[@]}\""
    ended = subprocess.run(
        [str(shutil.which("bash")), "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    return set(ended.stdout.split())


def test_commands_and_options_are_offered(script: Path) -> None:
    assert completed(script, "") >= COMMANDS.keys()
    assert completed(script, "che") == {"check"}
    assert "--format" in completed(script, "check", "--f")


def test_files_are_offered(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello.baml").touch()
    monkeypatch.chdir(tmp_path)
    assert "hello.baml" in completed(script, "run", "hel")


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fishy"]) == 2
    assert "invalid choice: 'fishy'" in capsys.readouterr().err
