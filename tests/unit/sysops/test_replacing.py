"""Several files are replaced, or none: in folders that take no file, on a disk that is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bamlvm.sysops.replacing import GrowingFile, folders_made, replace_files, replacing, write_output

FULL = """
import resource, signal, sys
sys.dont_write_bytecode = True  # Python does not notice that it has written half a file
from bamlvm.sysops.replacing import replace_files
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


LIMITED = """
import resource, signal, sys
sys.dont_write_bytecode = True
from bamlvm.sysops.replacing import GrowingFile, write_output
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
grown = GrowingFile("grown")
grown.add(b"first\\n")
grown.add(b"second\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
long = b"x" * 5000
for write in (grown.add, lambda text: write_output("a", text), lambda text: GrowingFile("b").add(text)):
    try:
        write(long)
    except OSError as error:
        print(error.strerror)
grown.add(b"third\\n")
"""


def test_nothing_is_half_written_on_a_full_disk(folder: Path) -> None:
    before = content(folder)
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("File too large\n" * 3, "")
    assert content(folder) == before | {"grown": "first\nsecond\nthird\n"}
    assert Path("grown").stat().st_mode & 0o777 == 0o600


def test_where_links_lead(folder: Path) -> None:
    for name in ("one", "two", "three", "four"):
        Path(name).symlink_to(folder / "a")
    replace_files({"one": "new"})
    assert not Path("one").is_symlink() and Path("a").read_text() == "old a"
    write_output("two", b"written")
    assert Path("two").is_symlink() and Path("a").read_text() == "written"
    with replacing("three") as temporary:
        Path(temporary).write_text("given")
    assert Path("three").is_symlink() and Path("a").read_text() == "given"
    GrowingFile("four").add(b"line")
    assert Path("four").is_symlink() and Path("a").read_text() == "line"
    Path("nowhere").symlink_to("missing/x")
    replace_files({"nowhere": "new"})
    assert Path("nowhere").read_text() == "new"


def test_what_is_no_regular_file(folder: Path) -> None:
    os.mkfifo("pipe")
    for write in (lambda: write_output("pipe", b"x"), lambda: GrowingFile("pipe")):
        with pytest.raises(OSError, match="a pipe that nobody reads"):
            write()
    for path, kind in (("pipe", "pipe"), ("/dev/null", "device"), (".", "folder")):
        with pytest.raises(OSError, match=f"not a regular file but a {kind}"), replacing(path):
            raise AssertionError("nothing may be made for it")
        with pytest.raises(OSError, match=f"not a regular file but a {kind}"):
            replace_files({"a": "new", path: "new"})
    write_output("/dev/null", b"x")
    GrowingFile("/dev/null").add(b"x")
    assert content(folder) == {"a": "old a", "b": "old b", "d": "old d"}


def test_a_pipe_that_somebody_reads(folder: Path) -> None:
    reading, writing = os.pipe()
    write_output(f"/dev/fd/{writing}", b"one ")
    growing = GrowingFile(f"/proc/self/fd/{writing}")
    growing.add(b"two ")
    growing.add(b"three")
    os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == b"one two three"


def test_folders_are_removed_again(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), folders_made(["x/y/z", "x/w", "."]):
        assert Path("x/y/z").is_dir() and Path("x/w").is_dir()
        raise ZeroDivisionError
    assert not Path("x").exists()
    with pytest.raises(OSError) as raised, folders_made(["x/y", "a/b"]):
        raise AssertionError("a is a file")
    assert (raised.value.filename, raised.value.strerror) == ("a", "not a folder")
    assert not Path("x").exists()
