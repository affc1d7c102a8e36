"""Data sets: a file, or standard input, as rows one after the other.

A row is read when it is needed, so that the size of a file does not matter (``.json``, one array, is the exception).
A line that cannot be read is a row with a problem, and does not end the batch; a file that cannot be read does.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from bamlvm.errors import HostError

STDIN: Final = "-"
FORMATS: Final = ("jsonl", "json", "csv", "parquet")

_SUFFIXES: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
_LONGEST_CELL: Final = 1 << 26  # characters; the limit of the module is 2**17


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
        raise HostError(f"{path}: the name does not say its format; give --format {'|'.join(FORMATS)}")
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
                yield from _READERS[format](file, path)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HostError(f"{path}: {reason}") from None


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
                return sum(1 for line in file if line.strip())
            return sum(1 for _ in _csv(file, path))
    except (OSError, ValueError, HostError):  # reading the rows says so
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
    if path == STDIN:
        # Not sys.stdin: the interpreter locks that when it ends, and a thread may still wait for it.
        with open(sys.stdin.fileno(), "rb", closefd=False) as file:
            yield file
    elif path.endswith(".gz"):
        with gzip.open(path, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked)
    else:
        with open(path, "rb") as file:
            yield file


def _jsonl(file: IO[bytes], path: str) -> Iterator[Row]:
    number = 0
    for line_number, line in enumerate(file, 1):
        if line_number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        place = f"{path}:{line_number}"
        try:
            yield Row(number, place, msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            yield Row(number, place, problem=f"not JSON: {error}")
        number += 1


def _json(file: IO[bytes], path: str) -> Iterator[Row]:
    try:
        values = msgspec.json.decode(file.read().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise HostError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, list):
        raise HostError(f"{path}: expected an array of rows; for one object a line, use JSONL")
    for number, value in enumerate(values):
        yield Row(number, f"{path}[{number}]", value)


def _csv(file: IO[bytes], path: str) -> Iterator[Row]:
    """Read RFC 4180, whose first record names the columns."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader((line.decode("utf-8-sig" if at == 0 else "utf-8") for at, line in enumerate(file)), strict=True)
    columns = next(reader, None)
    if columns is None:
        raise HostError(f"{path}: the file is empty: its first line must name the columns")
    _refuse_twice(f"{path}:1", columns)
    number = 0
    while True:
        place = f"{path}:{reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise HostError(f"{place}: {error}") from None
        if not cells:  # an empty line
            continue
        if len(cells) == len(columns):
            yield Row(number, place, dict(zip(columns, cells, strict=True)), is_text=True)
        else:
            yield Row(number, place, problem=f"{len(cells)} cells, but there are {len(columns)} columns")
        number += 1


def _refuse_twice(place: str, columns: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(columns).items() if count > 1), None)
    if twice is not None:
        raise HostError(f"{place}: there are two columns {twice!r}")


def _parquet(path: str) -> Iterator[Row]:
    parquet = import_parquet()
    if path == STDIN:
        raise HostError("Parquet cannot be read from standard input: its directory is at the end of the file")
    import pyarrow

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            _refuse_twice(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=1024):
                for value in batch.to_pylist(maps_as_pydicts="strict"):
                    yield Row(number, f"{path}[{number}]", {name: _plain(each) for name, each in value.items()})
                    number += 1
    except (pyarrow.ArrowException, KeyError, ValueError) as error:  # a map with a key twice, nanoseconds
        raise HostError(f"{path}: {error}") from None


def import_parquet() -> Any:
    """Return the module ``pyarrow.parquet``.  Raises :class:`HostError` if it is not installed."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise HostError("Parquet needs pyarrow: pip install 'bamlvm[batch]'") from None
    return parquet


def _plain(value: Any) -> Any:
    """Return a value of Arrow as one of JSON: times in ISO 8601, exact decimals as text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return msgspec.to_builtins(value)


_READERS: Final[dict[str, Callable[[IO[bytes], str], Iterator[Row]]]] = {"jsonl": _jsonl, "json": _json, "csv": _csv}
