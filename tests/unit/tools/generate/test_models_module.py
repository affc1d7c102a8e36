"""Clients of Pydantic models: type checkers accept them, and awkward names work at run time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.generated import check_with_mypy, check_with_pyright, generated, generated_clients, run

pytestmark = pytest.mark.slow

NAMES = r"""
/// A "quoted" \\ doc
/// of two lines.
class Names {
  class string @description("the \"best\"")  class_ int  __init__ bool  None int?  str string  list int[]  int int
  Mood Mood?  _private int  self string  Names Names?  model_config int?
  checked int? @check(big, {{ this > 1 }})
}
enum Mood { Happy @description("the \"best\"")  mro  None  name  value  Sad  upper }
class Any { y int[] }
class Stream {
  a string @stream.not_null
  b Any @stream.done
  c Tree? @stream.with_state
  @@check(ok, {{ this.a|length > 0 }})
}
type Tree = int | Tree[] | map<string, Tree>
type Many = Names[]
client C { provider openai  options { model "m"  api_key "k"  base_url env.URL } }
function class(self: string, baml_options: int?, lambda: Many, x: int = 3, last: Mood) -> Names {
  client C
  prompt #"{{ self }}"#
}
function stream(a: int) -> int { a }
function types(t: Tree) -> Tree { t }
function Go(s: Stream, i: image, lit: "a" | 1 | true, v: Mood.Sad) -> Stream | Any | null { client C  prompt "" }
function Void() -> null { null }
function Odd() -> (int @check(odd, {{ this % 2 == 1 }}))[] { client C  prompt "" }
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_clients(tmp_path_factory.mktemp("clients"), NAMES, has_models=True)


def test_mypy_strict_accepts_them(clients: Path) -> None:
    check_with_mypy(clients)


def test_pyright_strict_accepts_them(clients: Path, tmp_path: Path) -> None:
    check_with_pyright(clients, tmp_path)


def test_names_that_get_in_the_way_work(clients: Path) -> None:
    use = """
from baml_client import configure, stream_types, types
from baml_client.sync_client import b
configure(env={"URL": "http://localhost"})
assert b.types([1, {"a": [2]}]) == [1, {"a": [2]}]
assert b.Void() is None
assert [each.value for each in b.parse.Odd("[1, 2]")] == [1, 2]
assert [each.name for each in types.Mood] == ["Happy", "mro_", "None_", "name_", "value_", "Sad", "upper_"]
assert types.Mood.mro_ == "mro" and isinstance(types.Mood.Sad, str)
stream = b.parse.Go('{"a": "x", "b": {"y": [1]}, "c": [1]}')
assert type(stream) is types.Checked and type(stream.value) is types.Stream and type(stream.value.b) is types.Any
value = types.Names(class_=1, **{"class": "c"}, __init__=True, str="s", list=[1], int=2, _private=3, self="x",
                    checked=types.Checked(value=2, checks={}))
assert value.model_dump(by_alias=True)["_private"] == 3 and value.field_private == 3
request = b.request.class_("q", lambda_=[value], last=types.Mood.Sad, x=1)
assert request.body.json()["messages"][0]["content"] == "q", request
partial = b.parse_stream.Go('{"a": "x", "b": {"y": [1')
assert type(partial.value) is stream_types.Stream and partial.value.b is None, partial
assert partial.value.c.state == "Pending"
"""
    ended = run(sys.executable, "-c", use, folder=clients / "names")
    assert ended.returncode == 0, ended.stderr


def test_a_long_chain_of_classes_is_imported(tmp_path: Path) -> None:
    chain = "".join(f"class C{n} {{ next {f'C{n + 1}?' if n < 799 else 'int'} }}\n" for n in range(800))
    generated(tmp_path, {"chain.baml": chain + "function f(x: C0) -> C0 { x }"}, has_models=True)
    use = """
from baml_client import stream_types, types
assert types.C798(next=types.C799(next=1)).next.next == 1
assert stream_types.C0().next is None
"""
    ended = run(sys.executable, "-c", use, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
