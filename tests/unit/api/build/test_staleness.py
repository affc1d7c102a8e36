"""A generated client whose sources have changed since warns once, at its first call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bamlvm
from bamlvm.cli.main import main

SOURCE = """
generator client {{ output_type "{kind}"  output_dir ".." }}
function Double(n: int) -> int {{ n * 2 }}
"""
PROGRAM = """
import warnings
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    from baml_client.sync_client import b
    before = len(caught)
    print(b.Double(1), b.Double(2), len(caught) - before, *(each.message for each in caught))
"""
LINKS = str(Path(bamlvm.__path__[0]).parent)


@pytest.fixture(params=["python/msgspec", "python/pydantic"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    sources = tmp_path / "baml_src"
    sources.mkdir()
    (sources / "main.baml").write_text(SOURCE.format(kind=request.param))
    (sources / "other.baml").write_text("function Other() -> int { 1 }\n")
    assert main(["generate", str(sources)]) == 0
    return tmp_path


def run(project: Path, **env: str) -> str:
    given = {"PYTHONPATH": LINKS, "PATH": "", "HOME": str(project), **env}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=project, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_client_that_is_up_to_date_says_nothing(project: Path) -> None:
    assert run(project) == "2 4 0\n"


@pytest.mark.parametrize("change", ["edited", "removed", "added"])
def test_changed_sources_are_one_warning(project: Path, change: str) -> None:
    path = project / "baml_src" / ("new.baml" if change == "added" else "other.baml")
    if change == "removed":
        path.unlink()
    else:
        path.write_text("function Another() -> int { 2 }\n")
    said = run(project)
    assert said.startswith("2 4 1 the client ")
    assert f"({path.name}): run `bamlvm generate`" in said
    assert run(project, BAMLVM_STALE_CLIENT="ignore") == "2 4 0\n"


def test_without_the_sources_there_is_nothing_to_compare(project: Path) -> None:
    (project / "baml_src").rename(project / "elsewhere")
    assert run(project) == "2 4 0\n"


def test_sources_that_cannot_be_read_are_not_compared(project: Path) -> None:
    (project / "baml_src" / "other.baml").write_bytes(b"\xff\xfe")
    assert run(project) == "2 4 0\n"


def test_the_text_does_not_depend_on_how_the_path_is_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "baml_src")
    for path in (".", "../baml_src", str(project / "baml_src"), "../baml_src/."):
        assert main(["generate", "--check", path]) == 0
