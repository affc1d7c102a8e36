"""Files that a program names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bamlvm.sysops.regular_files import NOT_REGULAR, Roots, open_to_write, read_file
from bamlvm.vm.values import Thrown


def test_only_below_the_roots(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    (root / "inner").mkdir(parents=True)
    secret.write_text("secret")
    (root / "inner" / "a.txt").write_text("a")
    (root / "out").symlink_to(secret)
    (root / "up").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "inner")
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "b").write_text("b")
    roots = Roots([str(root)])
    assert read_file(str(root / "inner" / "a.txt"), 9, roots) == b"a"
    assert read_file(str(root / "in" / "a.txt"), 9, roots) == b"a", "a link to what is below a root"
    assert read_file(str(root / "inner" / ".." / "inner" / "a.txt"), 9, roots) == b"a"
    for path in ("out", "up/secret", "../secret", "inner/../../secret", "../root2/b", "up/root2/b"):
        with pytest.raises(Thrown, match="allows files only below"):
            read_file(str(root / path), 9, roots)
        with pytest.raises(Thrown, match="allows files only below"):
            open_to_write(str(root / path), roots)
    assert secret.read_text() == "secret"
    os.close(open_to_write(str(root / "new"), roots))
    assert (root / "new").read_bytes() == b""


def test_a_link_that_comes_after_the_path_was_resolved(tmp_path: Path) -> None:
    (tmp_path / "root" / "folder").mkdir(parents=True)
    (tmp_path / "root" / "folder" / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("secret")

    class Swapping(Roots):
        def resolve(self, path: str) -> tuple[str, list[str]]:
            found = super().resolve(path)
            (tmp_path / "root" / "folder").rename(tmp_path / "root" / "gone")
            (tmp_path / "root" / "folder").symlink_to(tmp_path / "elsewhere")
            return found

    with pytest.raises(OSError):
        read_file(str(tmp_path / "root" / "folder" / "file"), 9, Swapping([str(tmp_path / "root")]))


@pytest.mark.parametrize("kind", ["pipe", "folder", "/dev/zero", "/dev/tty"])
def test_only_regular_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind if not kind.startswith("/") else Path(kind)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(OSError) as refused:
        read_file(str(path), 9)
    if kind != "/dev/tty":  # which a process without a terminal has not
        assert NOT_REGULAR in str(refused.value) or kind == "folder"
    with pytest.raises(OSError):
        os.close(open_to_write(str(path)))


def test_the_limit(tmp_path: Path) -> None:
    (tmp_path / "ten").write_bytes(b"x" * 10)
    assert read_file(str(tmp_path / "ten"), 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9 bytes"):
        read_file(str(tmp_path / "ten"), 9)
