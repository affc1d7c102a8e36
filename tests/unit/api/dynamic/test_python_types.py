"""Types of Python as types to be added: models, dataclasses, TypedDicts, named tuples, Structs."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

import bamlvm
from bamlvm.dynamic.state import TypeBuilderError

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Answer { name string?  @@dynamic }
function Read(text: string) -> Answer { client C  prompt #"{{ ctx.output_format }}"# }
"""


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Line:
    text: str
    count: int = 1


class Page(TypedDict):
    number: int
    lines: list[Line]
    note: NotRequired[str]


class Point(NamedTuple):
    x: int
    y: int


class Book(msgspec.Struct):
    """A book."""

    title: Annotated[str, msgspec.Meta(description="on the cover", min_length=1)]
    pages: list[Page]
    colour: Colour | None = None
    kind: Literal["novel", "poem"] = "novel"
    sequel: Book | None = None


class Author(pydantic.BaseModel):
    """Somebody."""

    name: str = pydantic.Field(alias="fullName", description="first and last")
    born: datetime.date
    age: int = pydantic.Field(ge=0)
    friends: list[Author] = []
    colour: Colour
    line: Line | None = None


@pydantic.dataclasses.dataclass
class Checked:
    size: Annotated[int, pydantic.Field(gt=0)]


@pytest.fixture(scope="module")
def runtime() -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as made:
        yield made


@pytest.fixture
def tb(runtime: bamlvm.Runtime) -> bamlvm.TypeBuilder:
    return bamlvm.TypeBuilder(runtime)


def read(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder, text: str) -> Any:
    return bamlvm.to_builtins(runtime.parse("Read", text, bamlvm.CallContext(types=tb)))


def test_a_pydantic_model(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Answer.add_property("author", tb.add_type(Author))
    (author, *_) = tb.additions().classes
    assert [f"{field.name}: {field.type}" for field in author.fields] == [
        "fullName: string",
        "born: string",
        "age: int",
        "friends: Author[]",
        "colour: Colour",
        "line: Line?",
    ]
    text = """{"author": {"fullName": "a", "born": "1900-01-01", "age": 3, "colour": "red", "friends": [
      {"fullName": "b", "born": "1900-01-01", "age": 1, "colour": "blue"}]}}"""
    value = read(runtime, tb, text)["author"]
    again = Author.model_validate(value)
    assert (again.name, again.born.year, again.friends[0].colour, again.friends[0].friends) == (
        "a",
        1900,
        Colour.BLUE,
        [],
    )
    with pytest.raises(bamlvm.ThrownError, match="minimum"):
        read(runtime, tb, text.replace('"age": 3', '"age": -3'))


def test_a_model_takes_what_was_read(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    """Defaults are filled in, so that a model's own validation accepts what an answer leaves out."""
    tb.Answer.add_property("lines", tb.add_type(list[Line]))
    value = read(runtime, tb, '{"lines": [{"text": "a"}, {"text": "b", "count": 2}]}')["lines"]
    assert msgspec.convert(value, list[Line]) == [Line("a"), Line("b", 2)]


def test_structs_dataclasses_and_typed_dicts(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Answer.add_properties(Book)
    text = """{"title": "t", "pages": [{"number": 1, "lines": [{"text": "l", "count": 2}, {"text": "m", "count": 1}]}],
      "colour": "red", "kind": "poem", "sequel": {"title": "u", "pages": []}}"""
    value = read(runtime, tb, text)
    del value["name"]
    assert value["sequel"]["pages"] == [] and value["pages"][0]["note"] is None
    del value["pages"][0]["note"]
    value["sequel"] = None
    book = msgspec.convert(value, Book)
    assert book.colour is Colour.RED and book.pages[0]["lines"][0] == Line("l", 2)
    (message,) = runtime.render_prompt("Read", {"text": ""}, bamlvm.CallContext(types=tb))
    assert "// on the cover" in message.text and "sequel: Book or null" in message.text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (list[Line], "Line[]"),
        (dict[str, Line], "map<string, Line>"),
        (Line | None, "Line?"),
        (int | str, "int | string"),
        (Literal["a", "b"], '"a" | "b"'),
        (list[Author], "Author[]"),
        (Author | Line, "Author | Line"),
        (Checked, "Checked"),
        (Colour, "Colour"),
        (Page, "Page"),
        (Annotated[int, msgspec.Meta(ge=1)], "int @assert"),
        (Point, "int[] @assert @assert"),
    ],
)
def test_other_types(tb: bamlvm.TypeBuilder, source: Any, expected: str) -> None:
    assert sorted(str(tb.add_type(source)).split(" | ")) == sorted(expected.split(" | "))


def test_what_has_no_schema(tb: bamlvm.TypeBuilder) -> None:
    class Plain:
        pass

    for source in (Plain, object(), Callable):
        with pytest.raises(TypeBuilderError):
            tb.add_type(source)
    assert not tb.additions()


def test_two_models_of_one_name(tb: bamlvm.TypeBuilder) -> None:
    tb.add_type(Author)
    tb.add_type(Author)

    class Other(pydantic.BaseModel):
        x: int

    Other.__name__ = "Author"
    other = pydantic.create_model("Author", x=(int, ...))
    with pytest.raises(TypeBuilderError, match="there is another type Author already: give the new types a prefix"):
        tb.add_type(other)
    assert str(tb.add_type(other, prefix="New")) == "NewAuthor"
