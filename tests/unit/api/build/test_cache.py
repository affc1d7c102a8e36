"""The disk cache: what it keeps, when it does not answer, and that it never gets in the way."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import bamlvm
from bamlvm.build.cache import Cache, key_of, stamp
from bamlvm.vm.program.declarations import ClassInfo
from bamlvm.vm.program.unit import Unit

UNIT = Unit(classes={"A": ClassInfo("A", ())})
SOURCE = {"main.baml": "function main() -> int { 41 + 1 }"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAMLVM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "folder")
    assert cache.read("k") is None
    cache.write("k", UNIT, ())
    assert cache.read("k") == (UNIT, ())
    assert cache.read("other") is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no owners")
def test_what_others_may_write_counts_as_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.write("k", UNIT, ())
    (file,) = entries(tmp_path / "cache")
    for mode in (0o620, 0o602, 0o666):
        file.chmod(mode)
        assert cache.read("k") is None
    file.chmod(0o600)
    for mode in (0o770, 0o707, 0o777):
        (tmp_path / "cache").chmod(mode)
        assert cache.read("k") is None
        cache.write("new", UNIT, ())
        assert len(entries(tmp_path / "cache")) == 1
    (tmp_path / "cache").chmod(0o700)
    assert cache.read("k") == (UNIT, ())
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert cache.read("k") is None


def test_every_torn_or_flipped_entry_counts_as_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write("k", UNIT, ())
    (file,) = entries(tmp_path)
    whole = file.read_bytes()
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        assert cache.read("k") is None
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.read("k") is None
    file.write_bytes(whole)
    assert cache.read("k") == (UNIT, ())


def test_a_corrupted_entry_is_compiled_again(folder: Path) -> None:
    assert bamlvm.Runtime.from_files(SOURCE).functions.main() == 42
    kept = entries(folder)
    assert len(kept) == 2  # the project and the standard library
    for file in kept:
        file.write_bytes(b"garbage")
    assert bamlvm.Runtime.from_files(SOURCE).functions.main() == 42
    assert entries(folder) == kept
    assert all(file.read_bytes() != b"garbage" for file in kept)


def test_the_key_depends_on_all_that_matters() -> None:
    keys = [
        key_of({"a": "x"}, True, "project", b"c"),
        key_of({"a": "y"}, True, "project", b"c"),
        key_of({"b": "x"}, True, "project", b"c"),
        key_of({"a": "x", "b": ""}, True, "project", b"c"),
        key_of({"ax": ""}, True, "project", b"c"),
        key_of({"a": "x"}, False, "project", b"c"),
        key_of({"a": "x"}, True, "standard", b"c"),
        key_of({"a": "x"}, True, "project", b"d"),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of({"b": "2", "a": "1"}, True, "project", b"c") == key_of({"a": "1", "b": "2"}, True, "project", b"c")


def test_the_fingerprint_sees_a_changed_compiler() -> None:
    before = stamp()
    assert stamp() == before
    import bamlvm.vm.program.unit

    file = Path(bamlvm.vm.program.unit.__file__)
    status = file.stat()
    try:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
        assert stamp() != before
    finally:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert stamp() == before


def test_an_empty_variable_turns_the_cache_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAMLVM_CACHE_DIR", "")
    assert Cache.default().folder is None
    assert Cache.default().read("k") is None
    Cache.default().write("k", UNIT, ())


def test_the_default_folder_follows_the_desktop_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BAMLVM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache.default().folder == tmp_path / "bamlvm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cache.default().folder == tmp_path / ".cache" / "bamlvm"


def test_a_folder_that_cannot_be_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "below")
    cache.write("k", UNIT, ())
    assert cache.read("k") is None


def test_an_entry_that_is_a_folder_is_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (tmp_path / "k.bamlc").mkdir()
    assert cache.read("k") is None
    cache.write("k", UNIT, ())
    assert cache.read("k") is None
    assert [file.name for file in entries(tmp_path)] == ["k.bamlc"]


def test_the_folder_stays_within_its_bound(tmp_path: Path) -> None:
    probe = Cache(tmp_path / "probe")
    probe.write("k", UNIT, ())
    size = entries(tmp_path / "probe")[0].stat().st_size
    cache = Cache(tmp_path / "cache", max_bytes=10 * size)
    for number in range(30):
        cache.write(f"k{number:02}", UNIT, ())
        os.utime(tmp_path / "cache" / f"k{number:02}.bamlc", (number, number))
        assert sum(file.stat().st_size for file in entries(tmp_path / "cache")) <= 10 * size
    assert cache.read("k29") is not None
    assert cache.read("k00") is None


def test_small_entries_seldom_look_at_the_folder_and_its_bound_holds(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=128 * 4096)
    text = " " * 4000
    looks = size = 0
    for number in range(600):
        cache.write(f"k{number:04}", Unit(classes={text: ClassInfo("A", ())}), ())
        before, size = size, sum(file.stat().st_size for file in entries(tmp_path))
        looks += size < before
        assert size <= cache.max_bytes * 1.1
    assert 5 < looks < 40
    assert cache.read("k0599") is not None
    assert cache.read("k0000") is None


def test_many_writers_of_one_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(50):
            cache.write("k", UNIT, ())
            found = cache.read("k")
            if found != (UNIT, ()):
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [file.name for file in entries(tmp_path)] == ["k.bamlc"]
