"""Hostile caches: folders and entries that somebody else wrote."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import bamlvm
from bamlvm.build import cache as caches
from bamlvm.vm.program.unit import FORMAT
from tests.attack.case import Attack, ending

_PROGRAM: Final = """
function f(n: int) -> int { let sum = 0; for (let i = 0; i < n; i += 1) { sum += i * 2; } sum }
function main() -> string { let a = [1, 2, 3]; `${f(10)} ${a.length()} ${"x".length()}` }
"""


def _entry(folder: Path) -> Path:
    """Fill the cache; return the entry of the project."""
    os.environ["BAMLVM_CACHE_DIR"] = str(folder)
    _run()
    (found,) = folder.glob("project-*")
    return found


def _run() -> str:
    def call() -> object:
        with bamlvm.Runtime.from_files({"main.baml": _PROGRAM}, step_limit=200_000) as runtime:
            return runtime.call_function_sync("main", {}, bamlvm.CallContext(timeout=5))

    return ending(call)


def _in_a_cache(act: Callable[[Path, Path], str]) -> str:
    with TemporaryDirectory() as name:
        folder = Path(name, "cache")
        return act(folder, _entry(folder))


def garbage() -> str:
    def act(folder: Path, entry: Path) -> str:
        found = set()
        for content in (b"", b"\0" * 1000, entry.read_bytes()[:-1], entry.read_bytes() + b"\0"):
            entry.write_bytes(content)
            found.add(_run())
        (only,) = found
        return only

    return _in_a_cache(act)


def mutated() -> str:
    """Entries with a right digest whose code is changed: refused, or harmless."""

    def act(folder: Path, entry: Path) -> str:
        whole = entry.read_bytes()
        head = len(caches._MAGIC) + caches._DIGEST_SIZE
        payload = bytearray(whole[head:])
        generator = random.Random(FORMAT)
        for _ in range(400):
            changed = bytearray(payload)
            for _ in range(generator.randint(1, 4)):
                changed[generator.randrange(len(changed))] = generator.randrange(256)
            entry.write_bytes(caches._MAGIC + caches._digest(changed) + changed)
            with contextlib.suppress(Exception):  # refused in whatever words: the process is unharmed
                _run()
        return "refused, or harmless"

    return _in_a_cache(act)


def written_by_others() -> str:
    def act(folder: Path, entry: Path) -> str:
        entry.chmod(0o666)
        before = _run()
        folder.chmod(0o777)
        assert caches.Cache(folder).read(entry.name.removesuffix(".bamlc")) is None
        return before

    return _in_a_cache(act)


def links_and_pipes() -> str:
    def act(folder: Path, entry: Path) -> str:
        target = folder.parent / "target"
        entry.rename(target)
        entry.symlink_to(target)
        key = entry.name.removesuffix(".bamlc")
        assert caches.Cache(folder).read(key) is None
        entry.unlink()
        os.mkfifo(entry)
        assert caches.Cache(folder).read(key) is None
        return _run()

    return _in_a_cache(act)


ATTACKS: Final[Sequence[Attack]] = (
    Attack("entries that are garbage or cut", "a value", garbage),
    Attack("entries whose bytecode is changed", "refused, or harmless", mutated, seconds=60),
    Attack("entries and folders that others may write", "a value", written_by_others),
    Attack("links and pipes in place of entries", "a value", links_and_pipes),
)
