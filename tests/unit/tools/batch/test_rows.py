"""Data sets of every format: the same rows, and what is wrong with a line or a file."""

from __future__ import annotations

import csv
import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from bamlvm.errors import HostError
from bamlvm.tools.batch.rows import Row, count_rows, data_format, read_rows, sampled

RECORDS = [{"text": "a", "n": 1}, {"text": 'ü,\n"x"', "n": 2}, {"text": "", "n": 3}]


def written(folder: Path, name: str) -> str:
    path = folder / name
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    if name.endswith(".jsonl"):
        path.write_text("\ufeff" + lines + "\n")
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(lines.encode()))
    elif name.endswith(".json"):
        path.write_text(json.dumps(RECORDS))
    elif name.endswith(".csv"):
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, ["text", "n"])
            writer.writeheader()
            writer.writerows(RECORDS)
    else:
        parquet.write_table(pyarrow.Table.from_pylist(RECORDS), path)
    return str(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json", "a.csv", "a.parquet"])
def test_every_format_has_the_same_rows(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    rows = list(read_rows(path, data_format(path)))
    text = [{key: str(value) for key, value in record.items()} for record in RECORDS]
    assert [row.value for row in rows] == (text if name.endswith(".csv") else RECORDS)
    assert [row.number for row in rows] == [0, 1, 2]
    assert all(row.is_text == name.endswith(".csv") for row in rows)
    assert count_rows(path, data_format(path)) == (None if name == "a.json" else 3)


def test_a_line_that_cannot_be_read_is_a_row_with_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n\n"\xff"\n' + b"[" * 100_000 + b"\n7\n")
    rows = list(read_rows(str(path), "jsonl"))
    assert [row.place.rpartition(":")[2] for row in rows] == ["1", "2", "4", "5", "6"]
    assert [row.problem is None for row in rows] == [True, False, False, False, True]
    assert rows[-1].value == 7


def test_a_record_of_csv_with_other_cells_is_a_row_with_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n3\n\n"4\n4",5\n6,7,8\n')
    rows = list(read_rows(str(path), "csv"))
    assert [(row.value, row.problem) for row in rows] == [
        ({"a": "1", "b": "2"}, None),
        (None, "1 cells, but there are 2 columns"),
        ({"a": "4\n4", "b": "5"}, None),
        (None, "3 cells, but there are 2 columns"),
    ]
    assert [row.place.rpartition(":")[2] for row in rows] == ["2", "3", "5", "7"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{}", "expected an array of rows; for one object a line, use JSONL"),
        ("a.json", b"[1", "not JSON"),
        ("a.csv", b"", "the file is empty: its first line must name the columns"),
        ("a.csv", b"a,a\n1,2\n", "there are two columns 'a'"),
        ("a.csv", b"a\n\xff\n", "a.csv:2: not UTF-8: byte 0xff; save the file as UTF-8"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "a.csv:1: UTF-16; save the file as UTF-8"),
        ("a.csv", b'a\n1\n"x', "a.csv:3: the quotes around a cell are not closed"),
        ("a.csv", b'"a', "a.csv:1: the quotes around a cell are not closed"),
        ("a.csv", b"a,b\r1,2\r", "a.csv:1: a line ends in a carriage return alone"),
        ("a.json", b'[{"a": 1, "a": 2}]', "an object has the name 'a' twice"),
        ("a.parquet", b"PAR1", "a.parquet: "),
        ("a.jsonl.gz", b"no archive", "Not a gzipped file"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(HostError, match=message):
        list(read_rows(str(path), data_format(str(path))))


def test_no_such_file_and_no_such_format(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        list(read_rows(str(tmp_path / "a.jsonl"), "jsonl"))
    with pytest.raises(HostError, match="the name does not say its format; give --format"):
        data_format("a.txt")
    assert data_format("a.txt", "csv") == "csv"
    assert data_format("-") == "jsonl"


@pytest.mark.parametrize(
    "text",
    [
        "a,b\r\n1,x;y\r\n",
        "a;b\n1;x;y".replace("x;y", '"x;y"'),
        "a\tb\n1\tx;y\n",
        'sep=;\r\na;b\r\n1;"x;y"\r\n',
        "sep=|\na|b\n1|x;y\n",
        '\ufeff"a";"b"\n"1";"x;y"\n',
        'a,"b"\n1,x;y\n',
    ],
)
def test_csv_is_separated_by_what_its_first_line_has(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    rows = list(read_rows(str(path), data_format(str(path))))
    assert [(row.value, row.problem) for row in rows] == [({"a": "1", "b": "x;y"}, None)]
    assert count_rows(str(path), "csv") == 1


def test_an_object_with_a_name_twice_is_a_row_with_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "x:y", "b": [{"c": 1}]}\n{"a": 1, "a": 2}\n{"a": {"b": 1, "b": ":"}}\n[{"x":1,"x":1}]\n')
    rows = list(read_rows(str(path), "jsonl"))
    assert rows[0].value == {"a": "x:y", "b": [{"c": 1}]}
    assert [row.problem for row in rows[1:]] == [f"not JSON: an object has the name {name!r} twice" for name in "abx"]


def test_times_of_parquet_are_text_and_decimals_what_they_are(tmp_path: Path) -> None:
    import datetime
    import decimal

    path = str(tmp_path / "a.parquet")
    record: dict[str, Any] = {
        "at": datetime.datetime(2024, 5, 6, 7, 8),
        "price": decimal.Decimal("1.10"),
        "tags": ["x"],
    }
    parquet.write_table(pyarrow.Table.from_pylist([record]), path)
    (row,) = read_rows(path, "parquet")
    assert row.value == {"at": "2024-05-06T07:08:00", "price": decimal.Decimal("1.10"), "tags": ["x"]}


@given(st.integers(0, 50), st.integers(1, 60), st.integers())
def test_a_sample_is_of_that_size_in_order_and_always_the_same(rows: int, size: int, seed: int) -> None:
    made = [Row(number, str(number)) for number in range(rows)]
    chosen = [row.number for row in sampled(iter(made), size, seed)]
    assert len(chosen) == min(rows, size)
    assert chosen == sorted(set(chosen))
    assert chosen == [row.number for row in sampled(iter(made), size, seed)]


def test_maps_of_parquet_are_objects(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    kind = pyarrow.map_(pyarrow.string(), pyarrow.int64())
    parquet.write_table(pyarrow.table({"m": pyarrow.array([[("a", 1), ("b", 2)], None], kind)}), path)
    assert [row.value for row in read_rows(path, "parquet")] == [{"m": {"a": 1, "b": 2}}, {"m": None}]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], ["a", "a"]), "there are two columns 'a'"),
        (pyarrow.table({"at": pyarrow.array([1], pyarrow.timestamp("ns"))}), "Nanosecond"),
        (
            pyarrow.table(
                {"m": pyarrow.array([[("k", 1), ("k", 2)]], pyarrow.map_(pyarrow.string(), pyarrow.int64()))}
            ),
            "key",
        ),
    ],
)
def test_what_parquet_has_and_rows_cannot_have(tmp_path: Path, table: pyarrow.Table, problem: str) -> None:
    path = str(tmp_path / "a.parquet")
    parquet.write_table(table, path)
    with pytest.raises(HostError, match=problem):
        list(read_rows(path, "parquet"))


def test_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_text, args=('{"a": 1}\n7\n',))
    thread.start()
    assert [row.value for row in read_rows(str(path), "jsonl")] == [{"a": 1}, 7]
    thread.join()


@pytest.mark.parametrize("format", ["jsonl", "json", "csv"])
def test_a_pipe_that_nobody_writes_to(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bamlvm.tools.batch.rows._WRITER_SECONDS", 0.1)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(HostError, match=r"pipe: a pipe that nobody has opened for writing within 0\.1 s$"):
        list(read_rows(str(path), format))


@pytest.mark.parametrize("format", ["jsonl", "json", "csv", "parquet"])
def test_what_is_no_file_of_rows(tmp_path: Path, format: str) -> None:
    for path, problem in (("/dev/zero", "but a device"), (str(tmp_path), "but a folder"), ("a\nb", "No such file")):
        with pytest.raises(HostError, match=problem) as raised:
            list(read_rows(path, format))
        assert "\n" not in str(raised.value)
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(HostError, match=r"a line is longer than 64 MiB|larger than 1024 MiB|Parquet"):
        list(read_rows(str(path), format))


def test_lines_that_unpack_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * (65 << 20)))
    with pytest.raises(HostError, match="a line is longer than 64 MiB"):
        list(read_rows(str(path), "jsonl"))
    path.write_bytes(gzip.compress(b"1\n2\n")[:-9] + b"\xff" * 9)
    with pytest.raises(HostError, match=r"^[^\n]*a\.jsonl\.gz: "):
        list(read_rows(str(path), "jsonl"))
