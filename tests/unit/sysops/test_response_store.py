"""The store of responses in SQLite: bounds, damage, several processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sqlite3
import stat
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bamlvm.sysops.response_store import ResponseCache, ResponseCacheWarning


def test_entries(tmp_path: Path) -> None:
    store = ResponseCache(tmp_path / "c.db")
    assert (store.get("a"), len(store), bool(store)) == (None, 0, True)
    store.put("a", b"1")
    store.put("b", b"2")
    store.put("a", b"3")
    assert (store.get("a"), store.get("b"), len(store)) == (b"3", b"2", 2)
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None
    store.close()
    assert store.get("b") == b"2", "it is opened again"
    store.clear()
    assert len(store) == 0
    store.close()


def test_the_size_is_bounded(tmp_path: Path) -> None:
    store = ResponseCache(tmp_path / "c.db", max_bytes=10_000)
    for number in range(100):
        store.put(f"{number}", b"x" * 500)
    assert 10 <= len(store) <= 22, "a twentieth more, before it is looked at"
    assert store.get("99") is not None, "what was used last stays"
    assert store.get("0") is None
    store.put("large", b"x" * 10_001)
    assert store.get("large") is None
    store.close()


def altered(sql: str, *, is_store: bool = True) -> Callable[[Path], None]:
    """Return what runs a statement in a file, which is made as that of a store with an entry unless it is none."""

    def alter(path: Path) -> None:
        if is_store:
            store = ResponseCache(path)
            store.put("0", b"1")
            store.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(sql)
            connection.commit()

    return alter


def test_the_age_is_bounded(tmp_path: Path) -> None:
    altered("UPDATE responses SET created = created - 100")(tmp_path / "c.db")
    store = ResponseCache(tmp_path / "c.db", max_age=99)
    assert store.get("0") is None
    store.put("b", b"2")
    assert len(store) == 1, "what is too old goes when something is written"
    store.close()


other_program = altered("CREATE TABLE mine (x)", is_store=False)
later_version = altered("PRAGMA user_version = 99")


def torn(path: Path) -> None:
    store = ResponseCache(path)
    for number in range(100):
        store.put(str(number), b"x" * 4000)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:20_000] = os.urandom(20_000 - 4096)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database" * 99),
        other_program,
        later_version,
        altered("CREATE TRIGGER t AFTER INSERT ON responses BEGIN DELETE FROM responses; END"),
        altered("UPDATE responses SET value = zeroblob(40000000)"),
        torn,
        lambda path: path.mkdir(),
    ],
    ids=["noise", "other", "later", "trigger", "giant", "torn", "folder"],
)
def test_a_file_that_cannot_be_used_is_a_warning_and_an_empty_store(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    path = tmp_path / "c.db"
    damage(path)
    before = None if path.is_dir() else path.read_bytes()
    store = ResponseCache(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(100):
            assert store.get(str(number)) in (None, b"x" * 4000)
            store.put(str(number), b"1")
    assert [each.category for each in caught] == [ResponseCacheWarning]
    assert str(path) in str(caught[0].message)
    if damage in (other_program, later_version):
        assert before == path.read_bytes(), "another program's file is left alone"
    store.close()


def test_the_file_is_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    path.touch(0o644)
    store = ResponseCache(path)
    store.put("a", b"1")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    store.close()


def write(path: Path, name: str) -> None:
    store = ResponseCache(path)
    for number in range(50):
        store.put(f"{name}{number}", name.encode() * 100)
    store.close()


def test_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    store = ResponseCache(path)
    store.put("here", b"1")
    workers = [multiprocessing.get_context("spawn").Process(target=write, args=(path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(store) == 101
    assert store.get("b49") == b"b" * 100
    store.close()


def test_a_file_that_many_make_at_once(tmp_path: Path) -> None:
    at_once = 8
    for number in range(20):
        stores = [ResponseCache(tmp_path / f"{number}.db") for _ in range(at_once)]
        barrier = threading.Barrier(at_once)

        def put(index: int, stores: list[ResponseCache] = stores, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(60)
            stores[index].put(f"{index}", b"x")

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(put, range(at_once)))
        assert [len(store) for store in stores] == [at_once] * at_once
        for store in stores:
            store.close()


def test_it_can_be_pickled(tmp_path: Path) -> None:
    store = ResponseCache(tmp_path / "c.db", max_bytes=5, max_age=7)
    copy = pickle.loads(pickle.dumps(store))
    assert (copy.path, copy.max_bytes, copy.max_age) == (store.path, 5, 7)
