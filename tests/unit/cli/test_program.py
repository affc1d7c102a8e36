"""Arguments from the words of a command line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import arguments
from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import Parameter
from bamlvm.vm.program.types import AliasType, ListType, MapType, Primitive, Type, UnionType
from bamlvm.vm.values import Media


def parameter(name: str, type_: str, has_default: bool = False) -> Any:
    return SimpleNamespace(name=name, type=type_, has_default=has_default)


PARAMETERS = [
    parameter("text", "string"),
    parameter("maybe", "string?"),
    parameter("n", "int"),
    parameter("any", "A | B"),
]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("text=12", "12"),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ("maybe=null", "null"),
        ("n=12", 12),
        ("n=twelve", "twelve"),
        ('any={"x": [1, null]}', {"x": [1, None]}),
        ("any=Red", "Red"),
        ('any="Red"', "Red"),
    ],
)
def test_a_value_is_read_by_its_type(word: str, value: Any) -> None:
    assert arguments(PARAMETERS, [word], None) == {word.split("=")[0]: value}


def test_a_file_is_read_by_the_type_of_its_parameter(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"cat")
    (tmp_path / "text.txt").write_bytes("two\r\nlines ä".encode())
    (tmp_path / "data.json").write_text('{"x": [1, 2.5]}')
    aliases: dict[str, Type] = {"Photo": UnionType((Primitive("image"), Primitive("string")))}
    parameters = [
        Parameter("photo", AliasType("Photo")),
        Parameter("text", UnionType((Primitive("string"), Primitive("null")))),
        Parameter("data", MapType(Primitive("string"), ListType(Primitive("float")))),
        Parameter("handle", Primitive("string")),
    ]
    words = [f"photo=@{tmp_path}/cat.png", f"text=@{tmp_path}/text.txt", f"data=@{tmp_path}/data.json", "handle=@@me"]
    assert arguments(parameters, words, None, aliases) == {
        "photo": Media("image", "image/png", "base64", "Y2F0"),
        "text": "two\r\nlines ä",
        "data": {"x": [1, 2.5]},
        "handle": "@me",
    }
    with pytest.raises(HostError, match=r"nowhere\.txt: No such file or directory"):
        arguments(parameters, [f"text=@{tmp_path}/nowhere.txt"], None, aliases)
    with pytest.raises(HostError, match=r"text\.txt: not JSON: "):
        arguments(parameters, [f"data=@{tmp_path}/text.txt"], None, aliases)
    with pytest.raises(HostError, match=r"latin\.txt: not UTF-8 text"):
        (tmp_path / "latin.txt").write_bytes(b"\xff")
        arguments(parameters, [f"text=@{tmp_path}/latin.txt"], None, aliases)


def test_named_arguments_go_before_those_of_the_object() -> None:
    assert arguments(PARAMETERS, ["n=2"], '{"n": 1, "text": "t"}') == {"n": 2, "text": "t"}


@pytest.mark.parametrize(
    ("named", "json_object", "message"),
    [
        (["text"], None, "-a text: expected NAME=VALUE"),
        (["n=1", "n=2"], None, "-a n: given twice"),
        (["txt=1"], None, "-a txt: there is no such parameter (did you mean `text`?)"),
        (["zzz=1"], None, "-a zzz: there is no such parameter (there are `text`, `maybe`, `n`, `any`)"),
        ([], "{", "--args: not JSON: Input data was truncated"),
        ([], "[1]", '--args: expected a JSON object, such as {"name": "world"}'),
    ],
)
def test_what_makes_no_arguments(named: list[str], json_object: str | None, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        arguments(PARAMETERS, named, json_object)
    assert str(caught.value) == message


def test_a_function_without_parameters_takes_none() -> None:
    with pytest.raises(CommandError, match=r"-a x: there is no such parameter \(the function has none\)"):
        arguments([], ["x=1"], None)
