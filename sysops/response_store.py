"""Responses on disk: the store behind ``Runtime(cache=…)``, one SQLite file.

    with bamlvm.Runtime.from_directory("baml_src", cache="answers.db") as runtime: …
    bamlvm.ResponseCache("answers.db", max_bytes=1 << 30, max_age=7 * 86400)

The file is in SQLite's WAL mode, so that threads and processes can read while one writes; each process has one
connection, which a lock gives to one thread at a time.  It is readable by its user alone.  What is older than
``max_age`` counts as absent; where the entries take more than ``max_bytes``, those go first that were used longest ago.

A store never fails a call: a file that is damaged, of another program, or cannot be opened is a
:class:`ResponseCacheWarning`, once, and an empty store from then on; one that another process holds locked too long is
an absent entry.

The default file is ``responses.db`` in ``$BAMLVM_CACHE_DIR``, else ``$XDG_CACHE_HOME/bamlvm``, else
``~/.cache/bamlvm``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

MAX_BYTES: Final = 256 << 20
_WAIT: Final = 5.0
_LONGEST: Final = 32 << 20
"""The longest entry that is read or written; SQLite refuses what is longer, before it is in memory."""

_APPLICATION: Final = 0x62616D6C
"""SQLite's ``application_id`` of our files."""

_VERSION: Final = 1
_TOUCHED_AFTER: Final = 3600.0
"""Seconds after which a use of an entry is noted again."""

_LAYOUT: Final = (
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
    """CREATE TABLE responses (
      key TEXT PRIMARY KEY, created REAL NOT NULL, used REAL NOT NULL, size INTEGER NOT NULL, value BLOB NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX by_use ON responses (used, size)",
)


class ResponseCacheWarning(UserWarning):
    """A cache of responses that cannot be used."""


class ResponseCache:
    """Responses in one file; safe to share between runtimes, threads and, with fork, processes.

    ``path`` is the file, by default one of the user's; ``max_bytes`` bounds the entries (256 MiB, and a twentieth
    before they are looked at), ``max_age`` is in seconds, None without a limit.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, max_bytes: int = MAX_BYTES, max_age: float | None = None
    ) -> None:
        self.path = Path(path) if path is not None else _default()
        self.max_bytes = max_bytes
        self.max_age = max_age
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._is_off = False
        self._written = max_bytes  # bytes since the entries were counted; at first they have not been

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (str(self.path), self.max_bytes, self.max_age)

    def __repr__(self) -> str:
        return f"ResponseCache({str(self.path)!r})"

    def get(self, key: str) -> bytes | None:
        """Return the entry of a key, or None."""

        def work(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute("SELECT value, created, used FROM responses WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            value, created, used = row
            now = time.time()
            if not isinstance(value, bytes) or (self.max_age is not None and not created > now - self.max_age):
                return None
            if not abs(now - used) < _TOUCHED_AFTER:
                connection.execute("UPDATE responses SET used = ? WHERE key = ?", (now, key))
            return value

        return self._use(work, None)

    def put(self, key: str, value: bytes) -> None:
        """Keep an entry, in place of the one that the key has."""
        if len(value) > min(self.max_bytes, _LONGEST):
            return
        now = time.time()

        def work(connection: sqlite3.Connection) -> None:
            row = (key, now, now, len(value), value)
            connection.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?)", row)
            self._written += len(value)
            if self._written > self.max_bytes // 20:
                self._trim(connection, now)

        self._use(work, None)

    def delete(self, key: str) -> None:
        """Remove the entry of a key, if it has one."""
        self._use(lambda connection: connection.execute("DELETE FROM responses WHERE key = ?", (key,)), None)

    def clear(self) -> None:
        """Remove all entries."""
        self._use(lambda connection: connection.execute("DELETE FROM responses"), None)

    def __len__(self) -> int:
        count = "SELECT count(*) FROM responses"
        return self._use(lambda connection: int(connection.execute(count).fetchone()[0]), 0)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and self._process == os.getpid():
                connection.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _trim(self, connection: sqlite3.Connection, now: float) -> None:
        """Remove what is too old and, where the entries are too large together, what was used longest ago."""
        if self.max_age is not None:
            connection.execute("DELETE FROM responses WHERE created <= ?", (now - self.max_age,))
        total = connection.execute("SELECT total(size) FROM responses").fetchone()[0]
        if total > self.max_bytes:
            wanted = total - self.max_bytes * 9 // 10
            freed = 0
            last = None
            for used, size in connection.execute("SELECT used, size FROM responses ORDER BY used"):
                freed += size
                last = used
                if freed >= wanted:
                    break
            connection.execute("DELETE FROM responses WHERE used <= ?", (last,))
        self._written = 0

    def _use(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do something with the connection; where the file cannot be used, return ``otherwise``."""
        with self._lock:
            try:
                connection = self._opened()
                return otherwise if connection is None else work(connection)
            except sqlite3.OperationalError as error:
                if not _is_locked(error):
                    self._refuse(str(error))
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                self._refuse(getattr(error, "strerror", None) or str(error))
        return otherwise

    def _refuse(self, reason: str) -> None:
        self._is_off = True
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        message = f"the cache of responses {self.path} cannot be used, so nothing is taken from it or kept: {reason}"
        warnings.warn(ResponseCacheWarning(message), stacklevel=4)

    def _opened(self) -> sqlite3.Connection | None:
        if self._process != os.getpid():  # a child of fork: the parent's connection is not this process's to use
            self._process, self._connection = os.getpid(), None
        if self._is_off or self._connection is not None:
            return self._connection
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(number, 0o600)  # SQLite gives the files beside it the same mode
        finally:
            os.close(number)
        connection = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Look whether the file is one of ours; lay an empty one out.

        A look is one transaction, and so is the laying out, which looks again: of several processes that find no file
        one makes it, and none sees it half made.
        """
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST + 4096)
        connection.execute("PRAGMA trusted_schema = OFF")
        with connection:
            connection.execute("BEGIN")
            is_empty = _is_empty(connection)
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        if is_empty:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if _is_empty(connection):
                    for statement in _LAYOUT:
                        connection.execute(statement)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether a file has nothing in it yet; raise ValueError if it has something that is not ours."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT type FROM sqlite_master")}
    if not kinds:
        return True
    if application != _APPLICATION:
        raise ValueError("it is a database of another program")
    if version != _VERSION:
        raise ValueError(f"it is of format {version}, not {_VERSION}")
    if not kinds <= {"table", "index"}:  # views and triggers, which would run
        raise ValueError("it has more in it than responses")
    return False


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode; where others are switching as well, SQLite does not wait by itself."""
    end = time.monotonic() + _WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > end:
                raise
            time.sleep(0.005)
        else:
            return


def _is_locked(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _remade(path: str, max_bytes: int, max_age: float | None) -> ResponseCache:
    return ResponseCache(path, max_bytes=max_bytes, max_age=max_age)


def _default() -> Path:
    folder = os.environ.get("BAMLVM_CACHE_DIR")
    if folder:
        return Path(folder) / "responses.db"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bamlvm" / "responses.db"
