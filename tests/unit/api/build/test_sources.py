"""The sources of a folder: which files they are, in which order, and what is no folder of sources."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import bamlvm
from bamlvm.build.sources import baml_files, read_sources
from bamlvm.errors import HostError


def test_the_order_is_that_of_the_folders(tmp_path: Path) -> None:
    for name in (
        "b.baml",
        "a/z.baml",
        "a/b/c.baml",
        "a.baml",
        "x.baml/in.baml",
        ".hidden/no.baml",
        "node_modules/no.baml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() + b"\r\n\r")
    os.mkfifo(tmp_path / "pipe.baml")
    (tmp_path / "link.baml").symlink_to("b.baml")
    (tmp_path / "around").symlink_to(".")
    found = read_sources(tmp_path)
    assert list(found) == ["a.baml", "b.baml", "link.baml", "a/z.baml", "a/b/c.baml", "x.baml/in.baml"]
    assert found["a/b/c.baml"] == "a/b/c.baml\n\n"
    assert list(read_sources(f"{tmp_path}//")) == list(found)
    assert read_sources(tmp_path / "b.baml") == {"b.baml": "b.baml\n\n"}


@pytest.mark.parametrize(
    ("name", "target", "problem"),
    [
        ("gone.baml", "no\x1bwhere", "gone.baml: a symbolic link to no␛where, where nothing is"),
        ("loop.baml", "loop.baml", "loop.baml: Too many levels of symbolic links"),
        (
            "a\nb.baml",
            "main.baml",
            "a␤b.baml: a source's name must be UTF-8 text without control characters; rename it",
        ),
        ("caf\udce9.baml", "main.baml", "caf\ufffd.baml: a source's name must be UTF-8 text"),
    ],
)
def test_no_program_lacks_a_file_in_silence(tmp_path: Path, name: str, target: str, problem: str) -> None:
    (tmp_path / "main.baml").write_text("function main() -> int { 1 }")
    (tmp_path / name).symlink_to(target)
    with pytest.raises(HostError) as raised:
        bamlvm.Runtime.from_directory(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}/{problem}")
    failures: list[HostError] = []
    assert list(baml_files(tmp_path, failures.append)) == [f"{tmp_path}/main.baml"]
    assert [str(each) for each in failures] == [str(raised.value)]


def test_the_lock_of_an_editor_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "main.baml").write_text("// main")
    (tmp_path / ".#main.baml").symlink_to("user@host.1234:5678")
    (tmp_path / ".loop.baml").symlink_to(".loop.baml")
    assert read_sources(tmp_path) == {"main.baml": "// main"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    (tmp_path / "main.baml").write_text("// main")
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(HostError, match="locked: Permission denied"):
        read_sources(tmp_path)


def test_a_tree_deeper_than_the_stack(tmp_path: Path) -> None:
    folders = [str(tmp_path / "d")]
    while len(folders[-1]) < 4000:  # PATH_MAX is 4,096
        folders.append(folders[-1] + "/d")
    for folder in folders:
        os.mkdir(folder)
    source = Path(folders[-1], "main.baml")
    source.write_text("// deep")
    try:
        assert list(read_sources(tmp_path).values()) == ["// deep"]
    finally:  # what pytest would remove recursively
        source.unlink()
        for folder in reversed(folders):
            os.rmdir(folder)


def test_files_that_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "main.baml").write_text("// main")
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for number in range(20):
                (tmp_path / f"f{number}.baml").write_text("// come")
            for number in range(20):
                (tmp_path / f"f{number}.baml").unlink()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(200):
            assert read_sources(tmp_path)["main.baml"] == "// main"
    finally:
        stop.set()
        thread.join()


def test_what_is_no_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (("no\nwhere", "no␤where: no such"), ("pipe", "pipe: not a regular file but a pipe")):
        with pytest.raises(HostError, match=f"^{tmp_path}/{problem}"):
            read_sources(tmp_path / name)
    with pytest.raises(HostError, match=r": no \.baml file in this folder$"):
        read_sources(tmp_path)
