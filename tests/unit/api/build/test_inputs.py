"""Files that a user names: what is read, and what is said about what is not."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bamlvm.build.inputs import read_input, read_text
from bamlvm.errors import HostError


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


HOSTILE: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", lambda path: None, "No such file or directory"),
    ("folder", lambda path: path.mkdir(), "not a regular file but a folder"),
    ("pipe", os.mkfifo, "not a regular file but a pipe"),
    ("socket", _socket, "not a regular file but a socket"),
    ("zero", lambda path: path.symlink_to("/dev/zero"), "not a regular file but a device"),
    ("loop", lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ("hole", _hole, "larger than 64 MiB"),
    ("a\n\x1b[31mb", lambda path: None, "No such file or directory"),
    ("caf\udce9", lambda path: None, "No such file or directory"),
]


@pytest.mark.parametrize(("name", "make", "reason"), HOSTILE, ids=[reason for _, _, reason in HOSTILE])
def test_what_cannot_be_read(tmp_path: Path, name: str, make: Callable[[Path], object], reason: str) -> None:
    make(tmp_path / name)
    with pytest.raises(HostError) as raised:
        read_input(tmp_path / name)
    shown = name.replace("\n", "␤").replace("\x1b", "␛").replace("\udce9", "\ufffd")
    assert str(raised.value) == f"{tmp_path}/{shown}: {reason}"


TEXTS = [
    (b"a\ncaf\xe9!\n", "invalid continuation byte at byte 5, on line 2"),
    ("\ufeffé".encode("utf-16-le"), "it begins as UTF-16 does"),
    ("\ufeffé".encode("utf-16-be"), "it begins as UTF-16 does"),
    ("\ufeffé".encode("utf-32-le"), "it begins as UTF-32 does"),
    (b"\xed\xa0\x80", "invalid continuation byte at byte 0, on line 1"),
]


@pytest.mark.parametrize(("content", "reason"), TEXTS)
def test_what_is_no_text(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(HostError, match=f"^{re.escape(str(path))}: not UTF-8 text: {reason}; save it as UTF-8$"):
        read_text(path)


def test_texts_are_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\0")
    assert read_text(path) == "\ufeffa\r\nb\rc\0"
    with pytest.raises(HostError, match="larger than 8 bytes"):
        read_text(path, 8)
    with pytest.raises(HostError, match=r"^a␀b: not a path$"):
        read_text("a\0b")


def test_streams_of_the_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom bamlvm.build.inputs import read_text\nprint(read_text(sys.argv[1], streams=True))"
    )
    reading, writing = os.pipe()
    os.write(writing, b"written")
    os.close(writing)
    command = [sys.executable, str(script), f"/dev/fd/{reading}"]
    assert subprocess.run(command, pass_fds=[reading], capture_output=True, text=True).stdout == "written\n"
    os.close(reading)
    command[-1] = "/dev/stdin"
    assert subprocess.run(command, input="given", capture_output=True, text=True).stdout == "given\n"
    command[-1] = "/dev/fd/77"
    assert "/dev/fd/77: Bad file descriptor" in subprocess.run(command, capture_output=True, text=True).stderr
