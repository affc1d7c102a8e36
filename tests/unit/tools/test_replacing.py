"""Several files are replaced, or none: in folders that take no file, on a disk that is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bamlvm.tools.replacing import replace_files

FULL = """
import resource, signal, sys
from bamlvm.tools.replacing import replace_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_files({"a": "new", "b": "x" * 5000, "c": "new"}, ["d"])
except OSError as error:
    print(error.filename, error.strerror)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "d"):
        Path(name).write_text(f"old {name}")
    return tmp_path


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_all(folder: Path) -> None:
    Path("a").chmod(0o640)
    replace_files({"a": "new", "c": "made"}, ["d"])
    assert content(folder) == {"a": "new", "b": "old b", "c": "made"}
    assert Path("a").stat().st_mode & 0o777 == 0o640


def test_none_on_a_full_disk(folder: Path) -> None:
    before = content(folder)
    done = subprocess.run([sys.executable, "-c", FULL], cwd=folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("b File too large\n", "")
    assert content(folder) == before


def test_none_if_a_folder_is_missing_or_in_the_way(folder: Path) -> None:
    before = content(folder)
    for path in ("missing/x", "a/x"):
        with pytest.raises(OSError) as raised:
            replace_files({"a": "new", path: "new"}, ["d"])
        assert raised.value.filename == path
        assert content(folder) == before


def test_a_rename_that_fails_takes_back_those_before_it(folder: Path) -> None:
    before = content(folder)
    with pytest.raises(FileNotFoundError):
        replace_files({"a": "new", "c": "made"}, ["d", "missing"])
    assert content(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_none_if_a_folder_takes_no_file(folder: Path) -> None:
    locked = folder / "locked"
    locked.mkdir(mode=0o555)
    with pytest.raises(PermissionError):
        replace_files({"a": "new", "locked/x": "new"})
    assert Path("a").read_text() == "old a"
