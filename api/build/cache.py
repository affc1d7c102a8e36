"""The disk cache of compiled units, so that a program that did not change is not compiled again.

A file's name is the hash of everything that its content depends on: the sources, the format of programs, the compiler
and the standard library (:func:`fingerprint`), the options.  Its content begins with a digest of the rest; a file whose
digest differs, after a torn write or a flipped bit, counts as absent.  Entries are MessagePack, never pickle.  A file
appears whole or not at all: it is written under another name and renamed.  The cache never fails a call: an entry that
cannot be read is compiled again, one that cannot be written is not kept.

What is in it is run, so nobody else may have written it: the folder and the files must belong to the user and be
writable by nobody else, or they count as absent.  Files are opened from the open folder, following no link, so that
what was looked at is what is read.

The folder is ``$BAMLVM_CACHE_DIR`` (empty: no cache), else ``$XDG_CACHE_HOME/bamlvm``, else ``~/.cache/bamlvm``.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.vm.program.unit import FORMAT, Unit, decode, encode

try:
    from _blake2 import blake2b  # the same as hashlib's, without loading OpenSSL
except ImportError:  # a Python built with another implementation
    from hashlib import blake2b

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic

MAX_BYTES: Final = 64 << 20
"""The size that the folder may have; the entries written longest ago are deleted first."""

_LOOKS: Final = 64
"""How often the folder's size is looked at while as much is written as it may have; so much it may be exceeded."""
_BLOCK: Final = 4096
"""What a small file takes of a disk."""

_MAGIC: Final = b"bamlvm1\n"
_DIGEST_SIZE: Final = 16
_SUFFIX: Final = ".bamlc"
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_TO_READ: Final = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0)
_TO_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK
_OPENAT: Final = os.open in os.supports_dir_fd
_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_MAKERS: Final = ("grammar", "compiler", "stdlib", "vm")
_SOURCES: Final = (".py", ".lark", ".baml")
"""The files that decide what the compiler does.  Others in the same folders are made from them."""


class Cache:
    """The entries of one folder; with ``folder`` None a cache that is always empty."""

    def __init__(self, folder: Path | None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    @classmethod
    def default(cls) -> Cache:
        """Return the cache in the folder that the environment names."""
        named = os.environ.get("BAMLVM_CACHE_DIR")
        if named is not None:
            return cls(Path(named) if named else None)
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return cls(Path(base, "bamlvm") if os.path.isabs(base) else None)

    def read(self, key: str) -> tuple[Unit, tuple[Diagnostic, ...]] | None:
        """Return a unit and the warnings of its compilation, or None."""
        try:
            parts = self._read(key)
            return None if parts is None else (decode(parts[0]), _decode_diagnostics(parts[1]))
        except (OSError, msgspec.MsgspecError):
            return None

    def read_diagnostics(self, key: str) -> tuple[Diagnostic, ...] | None:
        """Return the diagnostics of an entry, with or without a unit, or None."""
        try:
            parts = self._read(key)
            return None if parts is None else _decode_diagnostics(parts[1])
        except (OSError, msgspec.MsgspecError):
            return None

    def _read(self, key: str) -> tuple[msgspec.Raw, msgspec.Raw] | None:
        if self.folder is None:
            return None
        data = _read_own(self.folder, key + _SUFFIX)
        head = len(_MAGIC) + _DIGEST_SIZE
        payload = memoryview(data)[head:]
        if data[:head] != _MAGIC + _digest(payload):
            return None
        return msgspec.msgpack.decode(payload, type=tuple[msgspec.Raw, msgspec.Raw])

    def write(self, key: str, unit: Unit, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Keep a unit and the warnings of its compilation, if possible."""
        self._write(key, msgspec.Raw(encode(unit)), diagnostics)

    def write_diagnostics(self, key: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Keep the diagnostics of sources that no unit was made of, for :meth:`read_diagnostics`, if possible."""
        self._write(key, None, diagnostics)

    def _write(self, key: str, code: msgspec.Raw | None, diagnostics: tuple[Diagnostic, ...]) -> None:
        if self.folder is None:
            return
        payload = msgspec.msgpack.encode((code, diagnostics))
        target = self.folder / (key + _SUFFIX)
        beside = self.folder / f".{key}.{os.getpid()}.{threading.get_ident()}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_own(os.stat(self.folder))
            try:
                with open(os.open(beside, _TO_WRITE, 0o600), "wb") as file:
                    file.write(_MAGIC + _digest(payload) + payload)
                os.replace(beside, target)
            except OSError:
                with contextlib.suppress(OSError):
                    beside.unlink()
                return
            if self._is_time_to_look(key, len(payload)):
                self._shrink(self.folder)
        except OSError:
            return

    def _is_time_to_look(self, key: str, size: int) -> bool:
        """Whether the writer of an entry is to see to the size of the folder.

        That takes as long as the folder has files: 30 ms for the ten thousand that fit into it, more than a small
        program takes to compile.  So it is left to chance, as likely as the entry is large, and processes need not
        agree on anything.  The key's digest is the chance, so that the same writes always do the same.
        """
        chance = int.from_bytes(_digest(key.encode())[:4], "big")
        return chance * self.max_bytes < (max(size, _BLOCK) * _LOOKS) << 32

    def _shrink(self, folder: Path) -> None:
        """Delete the oldest entries of a folder that has outgrown its limit, down to three quarters of that."""
        entries = []
        with os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):  # another process may be shrinking too
                    status = entry.stat()
                    entries.append((status.st_mtime_ns, status.st_size, entry.path))
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in sorted(entries):
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size
            if total <= self.max_bytes * 3 // 4:
                return


def _read_own(folder: Path, name: str) -> bytes:
    """Return the content of a file of the user's own, in a folder of the user's own.  Raise :class:`OSError`."""
    if not _OPENAT:
        _check_own(os.stat(folder))
        return (folder / name).read_bytes()
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _check_own(os.fstat(place))
        with open(os.open(name, _TO_READ, dir_fd=place), "rb") as file:
            status = os.fstat(file.fileno())
            _check_own(status)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a regular file")
            return file.read(min(status.st_size, MAX_BYTES))
    finally:
        os.close(place)


def _check_own(status: os.stat_result) -> None:
    """Raise :class:`OSError` for what belongs to somebody else, or may be written by somebody else."""
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise OSError("not the user's own")


def key_of(files: Mapping[str, str], optimize: bool, role: str, compiler: bytes) -> str:
    """Return the key of a compilation.

    ``role`` says of what: ``project``, ``standard`` or ``check``; ``compiler`` is the :func:`fingerprint`.
    """
    hasher = blake2b(digest_size=20)
    hasher.update(msgspec.msgpack.encode((role, FORMAT, compiler, optimize, sorted(files.items()))))
    return f"{role}-{hasher.hexdigest()}"


@functools.cache
def fingerprint() -> bytes:
    """Return the :func:`stamp` of this process's compiler, which is loaded and does not change with its files."""
    return stamp()


def stamp() -> bytes:
    """Return a digest of the place, size and time of change of each source file that decides what a compilation yields:
    the compiler's, the grammar's, the standard library's, the machine's.  Reads no file, so it takes a millisecond."""
    hasher = blake2b(_PACKAGE.encode(), digest_size=20)
    for folder in _MAKERS:
        for line in sorted(_stamps(os.path.join(_PACKAGE, folder))):
            hasher.update(line.encode())
    return hasher.digest()


def _stamps(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SOURCES):
                status = entry.stat()
                yield f"{entry.path}\0{status.st_size}\0{status.st_mtime_ns}\n"
            elif entry.name != "__pycache__" and entry.is_dir():
                yield from _stamps(entry.path)


def _digest(payload: Any) -> bytes:
    return blake2b(payload, digest_size=_DIGEST_SIZE).digest()


def _decode_diagnostics(data: msgspec.Raw) -> tuple[Diagnostic, ...]:
    if len(memoryview(data)) <= 1:  # an empty array: nothing to load the diagnostics' module for
        return ()
    from bamlvm.grammar.diagnostics import Diagnostic

    return msgspec.msgpack.decode(data, type=tuple[Diagnostic, ...])
