"""The result of a finished batch in its last form: in the order of the data, and in the format of its name.

A ``.jsonl`` file is its own journal, put in order.  ``.csv`` and ``.parquet`` are made of the journal beside them
(``out.csv.journal.jsonl``), which stays: it is what resumes.  Their columns are ``row``, ``error``, those of the data
where they are kept, and the result: the fields of a class, or ``result``; in CSV what is not text is JSON.  A name that
is taken already is ``input.NAME`` or ``result.NAME``.
"""

from __future__ import annotations

import contextlib
import csv
import math
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bamlvm.build.inputs import unusable
from bamlvm.errors import HostError
from bamlvm.sysops.replacing import mode_of, replacing
from bamlvm.tools.batch.journal import Journal
from bamlvm.tools.batch.rows import import_parquet

_SUFFIXES: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def output_format(path: str) -> str:
    """Return the format of an output's name.  Raises :class:`HostError` for a name that does not say one."""
    suffix = Path(path.lower()).suffix
    if suffix not in _SUFFIXES:
        raise HostError(f"{path}: the name must end in {', '.join(_SUFFIXES)}")
    if suffix == ".parquet":
        import_parquet()  # now, rather than after all calls
    return _SUFFIXES[suffix]


def refuse_data(path: str, data: str) -> None:
    """Raise :class:`HostError` if an output, or its journal, is the file of the data: it would be overwritten."""
    for written in {path, journal_path(path)}:
        with contextlib.suppress(OSError):  # one of them does not exist
            if os.path.samefile(written, data):
                raise HostError(f"{written} is the data itself; give another -o")


def refuse_unwritable(path: str) -> None:
    """Raise :class:`HostError` for an output that could not be written, before anything is paid for it."""
    try:
        mode_of(os.path.realpath(path))
    except OSError as error:
        raise unusable(path, error) from None


def journal_path(path: str) -> str:
    """Return the path of the journal of an output."""
    return path if output_format(path) == "jsonl" else f"{path}.journal.jsonl"


def write_output(path: str, journal: Journal, order: Mapping[str, int], *, ordered: bool) -> None:
    """Write the results to their last place; ``order`` has the number of each row by its key.

    Results of rows that the data has no longer follow at the end.  A ``.jsonl`` file stays as it is where it is in
    order already, or need not be.  Raises :class:`HostError` for a disk that refuses; the journal is then whole.
    """
    keys = list(journal.entries)
    if ordered:
        keys.sort(key=lambda key: order.get(key, math.inf))
    with _as_host_errors(path):
        match output_format(path):
            case "jsonl":
                entries = [journal.entries[key] for key in keys]
                is_moved = any(order.get(key, each.row) != each.row for key, each in zip(keys, entries, strict=True))
                if journal.has_stale_lines or is_moved or entries != sorted(entries):
                    _rewrite(path, journal, keys, order)
            case "csv":
                _write_csv(path, *_records(journal, keys, order))
            case _:
                _write_parquet(path, *_records(journal, keys, order))


def _rewrite(path: str, journal: Journal, keys: list[str], order: Mapping[str, int]) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        for key, text in zip(keys, journal.texts(keys), strict=True):
            row = order.get(key, journal.entries[key].row)
            file.write(text if row == journal.entries[key].row else _renumbered(text, row))
        file.flush()
        os.fsync(file.fileno())


def _renumbered(text: bytes, row: int) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(text), "row": row}) + b"\n"


def _records(journal: Journal, keys: list[str], order: Mapping[str, int]) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns, and a flat record a result."""
    columns: dict[tuple[str, str], None] = {}  # by the part of a line that they are of, and their name there
    records = []
    for key, text in zip(keys, journal.texts(keys), strict=True):
        line = msgspec.json.decode(text)
        error = line.get("error")
        kept, result = line.get("input"), line.get("result")
        inputs = kept if isinstance(kept, dict) else {} if kept is None else {"input": kept}
        results = result if isinstance(result, dict) else {} if error is not None else {"result": result}
        record = {("", "row"): order.get(key, line["row"])}
        record |= {("input", name): value for name, value in inputs.items()}
        record["", "error"] = None if error is None else f"{error['type']}: {error['message']}"
        record |= {("result", name): value for name, value in results.items()}
        columns.update(dict.fromkeys(record))
        records.append(record)
    return _names(columns), [[record.get(column) for column in columns] for record in records]


def _names(columns: Collection[tuple[str, str]]) -> list[str]:
    """Return a name of its own for each column: row, error, then those of the data, then those of the result."""
    taken = {name for part, name in columns if not part}
    names = {column: column[1] for column in columns}
    for wanted in ("input", "result"):
        for column in columns:
            part, name = column
            if part == wanted:
                while name in taken:
                    name = f"{part}.{name}"
                taken.add(name)
                names[column] = name
    return list(names.values())


def _write_csv(path: str, columns: list[str], records: list[list[Any]]) -> None:
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in record] for record in records)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def _write_parquet(path: str, columns: list[str], records: list[list[Any]]) -> None:
    parquet = import_parquet()
    import pyarrow

    with replacing(path) as temporary:
        try:
            table = pyarrow.table({name: [record[at] for record in records] for at, name in enumerate(columns)})
            parquet.write_table(table, temporary)
        except (pyarrow.ArrowException, OverflowError) as error:  # a number of more than 64 bits overflows
            raise HostError(f"{path}: the results are not of one type, as Parquet needs: {error}") from None


@contextlib.contextmanager
def _as_host_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unusable(path, error) from None
