"""Which columns become which arguments, and the errors of a data set that does not fit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.errors import HostError
from bamlvm.tools.batch.arguments import Columns
from bamlvm.tools.batch.rows import Row

SOURCE = """
class P { name string  n int? }
enum Color { Red Green }
function two(a: string, n: int, c: Color = Color.Red, m: int?) -> string { a }
function one(p: P) -> string { p.name }
function text(t: string) -> string { t }
function photo(p: image, s: string) -> string { s }
function nothing() -> int { 1 }
"""


@pytest.fixture(scope="module")
def runtime() -> bamlvm.Runtime:
    return bamlvm.Runtime.from_files({"main.baml": SOURCE})


def arguments(runtime: bamlvm.Runtime, function: str, value: Any, *, is_text: bool = False, **renamed: str) -> Any:
    return Columns(runtime, function, "data.csv", renamed).arguments(Row(0, "data:1", value, is_text))


def test_a_parameter_takes_the_column_of_its_name_or_of_another(runtime: bamlvm.Runtime) -> None:
    assert arguments(runtime, "two", {"a": "x", "n": 1, "id": 9}) == {"a": "x", "n": 1}
    assert arguments(runtime, "two", {"text": "x", "n": 1, "a": "y"}, a="text") == {"a": "x", "n": 1}
    columns = Columns(runtime, "two", "data.csv", {"a": "text"})
    assert columns.unused(Row(0, "", {"text": "x", "n": 1, "id": 9})) == ["id"]


def test_text_is_read_by_the_type_of_its_parameter(runtime: bamlvm.Runtime) -> None:
    cells = {"a": "1", "n": "1", "c": "Green", "m": ""}
    assert arguments(runtime, "two", cells, is_text=True) == {"a": "1", "n": 1, "c": "Green", "m": None}
    assert arguments(runtime, "two", {"a": "", "n": "2", "c": ""}, is_text=True) == {"a": "", "n": 2}


def test_a_row_is_the_only_argument_itself(runtime: bamlvm.Runtime) -> None:
    assert arguments(runtime, "one", {"name": "x", "n": 1}) == {"p": {"name": "x", "n": 1}}
    assert arguments(runtime, "one", {"p": {"name": "x"}, "id": 1}) == {"p": {"name": "x"}}
    assert arguments(runtime, "text", "x") == {"t": "x"}
    assert arguments(runtime, "text", {"content": "x"}) == {"t": "x"}
    assert arguments(runtime, "text", {"t": "x", "id": 1}) == {"t": "x"}
    assert arguments(runtime, "nothing", {"id": 1}) == {}


@pytest.mark.parametrize(
    ("function", "value", "message"),
    [
        ("two", {"a": "x", "m": 1}, "data:1: no column 'n' for the parameter 'n'"),
        ("two", {"aa": "x", "n": 1}, "no column 'a' for the parameter 'a'"),
        ("text", {"tt": "x", "id": 1}, "no column 't' for the parameter 't'; there are 'tt', 'id'"),
        ("two", [1], "expected an object with the columns 'a', 'n', 'c', 'm', got an array"),
        ("nothing", 1, "expected an object with no columns, got a number"),
    ],
)
def test_a_row_that_does_not_fit(runtime: bamlvm.Runtime, function: str, value: Any, message: str) -> None:
    with pytest.raises(HostError, match=message):
        arguments(runtime, function, value)


def test_a_parameter_that_does_not_exist(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(HostError, match="two has no parameter 'x'"):
        Columns(runtime, "two", "data.csv", {"x": "text"})


def test_media_are_files_below_the_folder_of_the_data(runtime: bamlvm.Runtime, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    columns = Columns(runtime, "photo", str(tmp_path / "data.jsonl"), {})
    made = columns.converted({"p": {"file": "cat.png"}, "s": "x"})
    assert (made["p"].mime, made["s"]) == ("image/png", "x")
    with pytest.raises(HostError, match=r"p: \S+dog.png: No such file"):
        columns.converted({"p": {"file": "dog.png"}, "s": "x"})
    with pytest.raises(HostError, match=r"p: .*allows files only below"):
        columns.converted({"p": {"file": "../../etc/passwd"}, "s": "x"})
    with pytest.raises(HostError, match="a file cannot be named by data from standard input"):
        Columns(runtime, "photo", "-", {}).converted({"p": {"file": "cat.png"}, "s": "x"})


def test_decimals_are_text_for_a_string_and_else_exact_numbers(tmp_path: Path) -> None:
    source = """
class Item { price float  name string }
function both(text: string, number: float) -> null { null }
function item(of: Item) -> null { null }
"""
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        row = Row(0, "a[0]", {"text": Decimal("1.10"), "number": Decimal("1.10")})
        assert Columns(runtime, "both", "a", {}).arguments(row) == {"text": "1.10", "number": 1.1}
        row = Row(0, "a[0]", {"text": "x", "number": Decimal("12345678901234567890.123")})
        assert Columns(runtime, "both", "a", {}).arguments(row)["number"] == "12345678901234567890.123"  # no float
        row = Row(0, "a[0]", {"price": Decimal("2.50"), "name": "x"})
        assert Columns(runtime, "item", "a", {}).arguments(row) == {"of": {"price": 2.5, "name": "x"}}
