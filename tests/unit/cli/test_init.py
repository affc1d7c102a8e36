"""``bamlvm init``: the project that it writes checks, is formatted, and runs without a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.tools.new_project import FILES


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["init", "new/desk"]) == exit_codes.OK
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(Path("new/desk", name)) for name in FILES]
    assert err == "next: cd new/desk && bamlvm run --mock\n"
    monkeypatch.chdir("new/desk")
    return Path.cwd()


@pytest.mark.usefixtures("project")
def test_it_runs_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == exit_codes.OK
    assert main(["fmt", "--check"]) == exit_codes.OK
    assert capsys.readouterr().out == "baml_src: ok\n"
    assert main(["test", "--mock"]) == exit_codes.OK
    assert capsys.readouterr().out.startswith("ok     Triage::ChargedTwice (")
    for seed in "0123":
        assert main(["run", "--mock", "--mock-seed", seed]) == exit_codes.OK
        assert ", urgency " in capsys.readouterr().out
    assert main(["run"]) == exit_codes.THREW
    assert "OPENAI_API_KEY" in capsys.readouterr().err


def test_its_files(project: Path) -> None:
    assert json.loads((project / ".vscode" / "settings.json").read_text())
    assert "bamlvm test --mock\n" in (project / ".github" / "workflows" / "baml.yml").read_text()
    assert (project / ".env.example").read_text().endswith("OPENAI_API_KEY=\n")


def test_nothing_that_exists_is_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".env.example").write_text("mine")
    (project / "baml_src" / "main.baml").unlink()
    (project / ".editorconfig").unlink()
    assert main(["init"]) == exit_codes.OK
    out, err = capsys.readouterr()
    assert out == ".editorconfig\n"
    assert "not changed: .env.example\n" in err and "not changed: baml_src/main.baml\n" in err
    assert (project / ".env.example").read_text() == "mine"
    assert not (project / "baml_src" / "main.baml").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == exit_codes.HOST
    assert capsys.readouterr().err.startswith(f"bamlvm init: {tmp_path}/file")
