"""Data sets: a file, or standard input, as rows one after the other.

A row is read when it is needed, so that the size of a file does not matter (``.json``, one array, is the exception).
A line that cannot be read is a row with a problem, and does not end the batch; a file that cannot be read does, as does
a line of more than 64 MiB.  A file is a regular one or a pipe, which somebody must open for writing soon.

JSON is UTF-8, and no object has a name twice: readers differ in which of the two counts.  CSV is UTF-8 too; its
separator is the first that its first line has of comma, semicolon and tab, or what Excel's ``sep=;`` says.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import gzip
import itertools
import json
import os
import random
import re
import stat
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from bamlvm.build.inputs import shown
from bamlvm.errors import HostError
from bamlvm.sysops.regular_files import descriptor_of, open_to_read

STDIN: Final = "-"
FORMATS: Final = ("jsonl", "json", "csv", "parquet")

_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
_SEPARATORS: Final = ",;\t"
_QUOTED: Final = re.compile(r'"[^"]*"?')
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_LONGEST: Final = 64 << 20
"""How many bytes a line may have, and how many characters a cell (the limit of Python's module is 2**17)."""

_LARGEST_ARRAY: Final = 1 << 30
"""How many bytes a data set may have that is one JSON value."""

_WRITER_SECONDS: Final = 10.0
"""How long a pipe may have nobody who writes to it."""


class Row(msgspec.Struct, frozen=True):
    """One row: its place in the data (``data.csv:12``), and its columns, or why it cannot be read.

    ``value`` is a mapping by column, or any other JSON value in JSON formats.  ``is_text`` says that all values are
    text, whatever they mean.
    """

    number: int
    place: str
    value: Any = None
    is_text: bool = False
    problem: str | None = None


def data_format(path: str, given: str | None = None) -> str:
    """Return the format of a file: the one given, or that of its name; of standard input JSONL.

    Raises :class:`HostError` for a name that does not say.
    """
    if given is not None:
        return given
    if path == STDIN:
        return "jsonl"
    name = Path(path.lower().removesuffix(".gz"))
    if name.suffix not in _SUFFIXES:
        raise HostError(f"{shown(path)}: the name does not say its format; give --format {'|'.join(FORMATS)}")
    return _SUFFIXES[name.suffix]


def read_rows(path: str, format: str) -> Iterator[Row]:
    """Yield the rows of a file, or of standard input for ``-``.

    Raises :class:`HostError` for a file that cannot be read, and for Parquet without pyarrow.
    """
    try:
        if format == "parquet":
            yield from _parquet(path)
        else:
            with _opened(path) as file:
                yield from _READERS[format](file, shown(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HostError(f"{shown(path)}: {reason}") from None


def waits(path: str) -> bool:
    """Whether the next row may be long in coming: standard input, or a pipe."""
    return path == STDIN or not os.path.isfile(path)


def count_rows(path: str, format: str) -> int | None:
    """Return the number of rows of a file, for a display; None where that means reading all of it into memory, or it
    cannot be read twice (standard input, a pipe)."""
    if format == "json" or waits(path):
        return None
    try:
        if format == "parquet":
            with import_parquet().ParquetFile(path) as parquet:
                rows: int = parquet.metadata.num_rows
                return rows
        with _opened(path) as file:
            if format == "jsonl":
                return sum(1 for line in _bounded(file, path) if line.strip())
            return sum(1 for _ in _csv(file, path))
    except (OSError, ValueError, HostError, EOFError, zlib.error):  # reading the rows says so
        return None


def sampled(rows: Iterator[Row], size: int, seed: int) -> Iterator[Row]:
    """Return ``size`` rows of all with equal chance, in their order (Vitter's algorithm R): the same for the same data.

    Reads all rows, and keeps only the chosen ones.
    """
    chance = random.Random(seed)
    chosen: list[Row] = []
    for seen, row in enumerate(rows):
        if seen < size:
            chosen.append(row)
        elif (place := chance.randrange(seen + 1)) < size:
            chosen[place] = row
    return iter(sorted(chosen, key=lambda row: row.number))


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    number = 0 if path == STDIN else descriptor_of(path)
    if number is not None:
        # Not sys.stdin: the interpreter locks that when it ends, and a thread may still wait for it.
        with open(number, "rb", closefd=False) as file:
            yield file
        return
    is_pipe = os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)
    with open(_open_pipe(path) if is_pipe else open_to_read(path), "rb") as file:
        if path.endswith(".gz"):
            with gzip.open(file, "rb") as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield file


def _open_pipe(path: str) -> int:
    """Open a named pipe once somebody has opened it for writing; raise :class:`OSError` if nobody soon does."""
    gave_up = threading.Event()

    def give_up() -> None:
        gave_up.set()
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # which ends the wait below

    timer = threading.Timer(_WRITER_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        descriptor = os.open(path, os.O_RDONLY)
    finally:
        timer.cancel()
    if gave_up.is_set():
        os.close(descriptor)
        raise OSError(errno.ETIMEDOUT, f"a pipe that nobody has opened for writing within {_WRITER_SECONDS:g} s")
    return descriptor


def _bounded(file: IO[bytes], path: str) -> Iterator[bytes]:
    """Yield the lines of a file, each with its end.  Raises :class:`HostError` for one that is too long."""
    while line := file.readline(_LONGEST + 1):
        if len(line) > _LONGEST:
            raise HostError(f"{path}: a line is longer than {_LONGEST >> 20} MiB")
        yield line


def _jsonl(file: IO[bytes], path: str) -> Iterator[Row]:
    number = 0
    for line_number, line in enumerate(_bounded(file, path), 1):
        if line_number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.strip():
            continue
        place = f"{path}:{line_number}"
        try:
            yield Row(number, place, _decoded(line))
        except (ValueError, RecursionError) as error:
            yield Row(number, place, problem=f"not JSON: {error}")
        number += 1


def _decoded(text: bytes) -> Any:
    """Return JSON.  Raises :class:`ValueError`, also for an object that has a name twice, and RecursionError."""
    value = msgspec.json.decode(text)
    # A colon outside of strings stands behind each name, so as many names as colons are all there were.
    if isinstance(value, dict | list) and not (isinstance(value, dict) and len(value) == text.count(b":")):
        json.loads(text, object_pairs_hook=_refuse_pairs)
    return value


def _refuse_pairs(pairs: list[tuple[str, Any]]) -> None:
    twice = _twice([name for name, _ in pairs])
    if twice is not None:
        raise ValueError(f"an object has the name {twice!r} twice")


def _json(file: IO[bytes], path: str) -> Iterator[Row]:
    is_large = os.fstat(file.fileno()).st_size > _LARGEST_ARRAY  # which is not worth reading
    content = b"" if is_large else file.read(_LARGEST_ARRAY + 1)
    if is_large or len(content) > _LARGEST_ARRAY:
        raise HostError(f"{path}: larger than {_LARGEST_ARRAY >> 20} MiB; for one object a line, use JSONL")
    try:
        values = _decoded(content.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        raise HostError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, list):
        raise HostError(f"{path}: expected an array of rows; for one object a line, use JSONL")
    for number, value in enumerate(values):
        yield Row(number, f"{path}[{number}]", value)


def _csv(file: IO[bytes], path: str) -> Iterator[Row]:
    """Read RFC 4180, whose first record names the columns."""
    csv.field_size_limit(_LONGEST)
    lines = _lines(file, path)
    first = next(lines, "")
    separator, skipped = next((each for each in _SEPARATORS if each in _QUOTED.sub("", first)), ","), 0
    if re.fullmatch(r"sep=.\s*", first):  # for Excel alone
        separator, first, skipped = first[4], next(lines, ""), 1
    records = _records(csv.reader(itertools.chain([first], lines), delimiter=separator, strict=True), path, skipped)
    _, columns = next(records, ("", []))
    if not columns:
        raise HostError(f"{path}: the file is empty: its first line must name the columns")
    _refuse_twice(f"{path}:{1 + skipped}", columns)
    number = 0
    for place, cells in records:
        if not cells:  # an empty line
            continue
        if len(cells) == len(columns):
            yield Row(number, place, dict(zip(columns, cells, strict=True)), is_text=True)
        else:
            yield Row(number, place, problem=f"{len(cells)} cells, but there are {len(columns)} columns")
        number += 1


def _lines(file: IO[bytes], path: str) -> Iterator[str]:
    for number, line in enumerate(_bounded(file, path), 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            is_utf_16 = number == 1 and line.startswith(_UTF_16)
            found = "UTF-16" if is_utf_16 else f"not UTF-8: byte 0x{line[error.start]:02x}"
            raise HostError(f'{path}:{number}: {found}; save the file as UTF-8 (in Excel: "CSV UTF-8")') from None


def _records(reader: Iterator[list[str]], path: str, skipped: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the cells of each record."""
    while True:
        place = f"{path}:{cast(Any, reader).line_num + 1 + skipped}"
        try:
            yield place, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = str(error)
            if problem.startswith("new-line character"):
                problem = "a line ends in a carriage return alone; save the file with LF or CR LF"
            elif problem == "unexpected end of data":
                problem = "the quotes around a cell are not closed"
            raise HostError(f"{place}: {problem}") from None


def _twice(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _refuse_twice(place: str, columns: Sequence[str]) -> None:
    twice = _twice(columns)
    if twice is not None:
        raise HostError(f"{place}: there are two columns {twice!r}")


def _parquet(path: str) -> Iterator[Row]:
    parquet = import_parquet()
    if path == STDIN:
        raise HostError("Parquet cannot be read from standard input: its directory is at the end of the file")
    import pyarrow

    number = 0
    try:
        with open(open_to_read(path), "rb") as opened, parquet.ParquetFile(opened) as file:
            _refuse_twice(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=1024):
                for value in batch.to_pylist(maps_as_pydicts="strict"):
                    columns = {name: _plain(each) for name, each in value.items()}
                    yield Row(number, f"{shown(path)}[{number}]", columns)
                    number += 1
    except (pyarrow.ArrowException, KeyError, ValueError) as error:  # a map with a key twice, nanoseconds
        raise HostError(f"{shown(path)}: {error}") from None


def import_parquet() -> Any:
    """Return the module ``pyarrow.parquet``.  Raises :class:`HostError` if it is not installed."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise HostError("Parquet needs pyarrow: pip install 'bamlvm[batch]'") from None
    return parquet


def _plain(value: Any) -> Any:
    """Return a value of Arrow as one of JSON: times in ISO 8601, and decimals as they are, which JSON has as text."""
    if value is None or isinstance(value, (str, int, float, Decimal)):
        return value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return msgspec.to_builtins(value)


_READERS: Final[dict[str, Callable[[IO[bytes], str], Iterator[Row]]]] = {"jsonl": _jsonl, "json": _json, "csv": _csv}
