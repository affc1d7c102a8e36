"""Generated clients: type checkers accept them, their results are their own classes, regenerating changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer
from bamlvm.tools.generate.package import client_files, stale
from tests.support.generated import check_with_mypy, check_with_pyright, generated, generated_clients, run

pytestmark = pytest.mark.slow

NAMES = r"""
/// A "quoted" \ doc
/// of two lines.
class Names {
  class string  class_ int  __init__ bool  None int?  str string  list int[]  int int  Mood Mood?
  dict map<string, string>  _private int  self string  Names Names?  checked int? @check(big, {{ this > 1 }})
}
enum Mood { Happy @description("the \"best\"")  mro  None  name  value  Sad }
class list { x int }
class Any { y list[] }
class Stream {
  a string @stream.not_null
  b Any @stream.done
  c Tree? @stream.with_state
  @@check(ok, {{ this.a|length > 0 }})
}
type Tree = int | Tree[] | map<string, Tree>
type Many = Names[]
client C { provider openai  options { model "m"  api_key "k"  base_url env.URL } }
function class(self: string, ctx: int?, lambda: Many, x: int = 3, last: Mood) -> Names {
  client C
  prompt #"{{ self }}"#
}
function stream(a: (int) -> int) -> (int) -> int { a }
function types(t: Tree) -> Tree { t }
function Go(s: Stream, i: image, lit: "a" | 1 | true, v: Mood.Sad) -> Stream | Any | null { client C  prompt "" }
function Void() -> null { null }
function Thing(e: baml.errors.Timeout?) -> unknown { e }
function Odd() -> (int @check(odd, {{ this % 2 == 1 }}))[] { client C  prompt "" }
"""
PROGRAM = """
class Person { name string @description("the whole name")  age int?  from string? }
enum Mood { Happy  Sad }
type Tree = int | Tree[]
type People = Person[]
class Answer { person Person  tree Tree?  moods map<Mood, int>  note string @check(short, {{ this|length < 9 }}) }
client C { provider openai  options { model "m"  api_key "k"  base_url env.URL } }
/// Who it is about.
function Extract(text: string, mood: Mood = Mood.Happy) -> Answer {
  client C
  prompt #"{{ text }} {{ ctx.output_format }}"#
}
function Older(person: Person, by: int = 1) -> Person { Person { ...person, age: (person.age ?? 0) + by } }
"""
ANSWER = json.dumps({"person": {"name": "Ada", "age": 36, "from": "London"}, "moods": {"Happy": 2}, "note": "hm"})
USE = """
import asyncio, pickle, sys
from baml_client import b, b_async, b_sync, configure, partial_types, types
import bamlvm, msgspec

configure(env={"URL": sys.argv[1]})
assert b is b_sync
parsed = b.parse.Extract(sys.argv[2])
assert type(parsed) is types.Answer and type(parsed.person) is types.Person, parsed
assert parsed.person == types.Person(name="Ada", age=36, from_="London")
assert parsed.moods == {types.Mood.Happy: 2}
assert parsed.note.checks["short"].status == "succeeded"
assert b.Extract(text="Ada") == parsed
assert b.Older(parsed.person).age == 37
assert b.Older(parsed.person, by=4) == types.Person(name="Ada", age=40, from_="London")
stream = b.stream.Extract("Ada", types.Mood.Sad)
partials = list(stream)
assert partials and all(type(each) is partial_types.Answer for each in partials)
assert stream.final() == parsed
assert msgspec.json.decode(msgspec.json.encode(parsed), type=types.Answer) == parsed
other = pickle.loads(pickle.dumps(b))
assert type(other) is type(b) and other is not b and other.Older(parsed.person).age == 37
assert pickle.loads(pickle.dumps([parsed, partials[-1], types.Mood.Sad])) == [parsed, partials[-1], types.Mood.Sad]
assert b.request.Extract(text="Ada", mood=types.Mood.Sad, stream=True).json()["stream"] is True
try:
    configure(env={})
except bamlvm.HostError:
    pass
else:
    raise AssertionError

async def main():
    assert await b_async.Extract(text="Ada") == parsed
    async with b_async.stream.Extract("Ada", types.Mood.Sad) as stream:
        seen = [each async for each in stream]
        assert seen and all(type(each) is partial_types.Answer for each in seen)
        assert await stream.final() == parsed

asyncio.run(main())
print("fine")
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_clients(tmp_path_factory.mktemp("clients"), NAMES)


def test_mypy_strict_accepts_them(clients: Path) -> None:
    check_with_mypy(clients)


def test_pyright_strict_accepts_them(clients: Path, tmp_path: Path) -> None:
    check_with_pyright(clients, tmp_path)


def test_names_that_get_in_the_way_work(tmp_path: Path) -> None:
    generated(tmp_path, {"names.baml": NAMES})
    use = """
from baml_client import b, configure, types
configure(env={"URL": "http://localhost"})
assert b.types([1, {"a": [2]}]) == [1, {"a": [2]}]
assert b.Void() is None
assert [each.value for each in b.parse.Odd("[1, 2]")] == [1, 2]
assert types.Names.__doc__.splitlines()[0] == 'A "quoted" \\\\ doc'
assert [each.name for each in types.Mood] == ["Happy", "mro_", "None_", "name_", "value_", "Sad"]
stream = b.parse.Go('{"a": "x", "b": {"y": [{"x": 1}]}, "c": [1]}')
assert type(stream.value) is types.Stream and type(stream.value.b.y[0]) is types.list_
request = b.request.class_("q", lambda_=[], last=types.Mood.Sad, x=1)
assert request.json()["messages"][0]["content"], request
"""
    ended = run(sys.executable, "-c", use, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_calls_streams_and_pieces(tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"text": ANSWER, "piece_length": 5}]}]})
    generated(tmp_path, {"main.baml": PROGRAM})
    url = f"{threaded_mock_server.url}/v1"
    ended = run(sys.executable, "-W", "error", "-c", USE, url, ANSWER, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "fine\n"), ended.stderr


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "baml_src"
    project.mkdir()
    (project / "main.baml").write_text(PROGRAM)
    assert main(["generate", str(project)]) == exit_codes.USAGE
    assert "name a folder with --output" in capsys.readouterr().err
    (project / "generators.baml").write_text(
        'generator a { output_type "python/msgspec"  output_dir "../app"  version "0.2"  default_client_mode async }'
        'generator b { output_type "ruby/sorbet"  output_dir "../web" }'
        'generator c { output_type "rest/openapi"  output_dir "../app" }'
    )
    package = tmp_path / "app" / "baml_client"
    assert main(["generate", str(project), "--check"]) == exit_codes.STALE
    shown = capsys.readouterr()
    assert f"not up to date: {package / 'types.py'}" in shown.out
    assert "skipped: generator b (ruby/sorbet): no Ruby can be written: generate `rest/openapi`" in shown.err
    assert not package.exists()
    assert main(["generate", str(project)]) == exit_codes.OK
    before = {path.name: path.read_text() for path in package.iterdir()}
    assert "from .async_client import b\n" in before["__init__.py"]
    assert before["openapi.yaml"].splitlines()[1] == 'openapi: "3.1.0"'
    assert main(["generate", str(project)]) == exit_codes.OK
    assert capsys.readouterr().out.endswith("up to date\n")
    assert {path.name: path.read_text() for path in package.iterdir()} == before
    assert main(["generate", str(project), "--check"]) == exit_codes.OK
    capsys.readouterr()

    (project / "main.baml").write_text(PROGRAM.replace("short", "brief"))
    (package / "old.py").write_text(before["types.py"])
    (package / "own.py").write_text("mine = 1\n")
    assert main(["generate", str(project), "--check"]) == exit_codes.STALE
    names = {line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()}
    assert names == {"_sources.py", "old.py", "openapi.yaml"}
    assert main(["generate", str(project)]) == exit_codes.OK
    assert not (package / "old.py").exists()
    assert (package / "own.py").exists()


def test_output_is_the_folder_that_the_package_stands_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "main.baml"
    file.write_text(PROGRAM)
    assert main(["generate", str(file), "--output", str(tmp_path / "out")]) == exit_codes.OK
    assert (tmp_path / "out" / "baml_client" / "__init__.py").exists()
    assert main(["generate", str(file), "-o", str(tmp_path / "out" / "baml_client"), "--check"]) == exit_codes.OK
    capsys.readouterr()
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        assert stale(tmp_path / "out" / "baml_client", client_files(runtime, {"main.baml": PROGRAM})) == []


def test_the_output_type_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "main.baml"
    file.write_text(PROGRAM)
    command = ["generate", str(file), "--output-type", "openapi"]
    assert main(command) == exit_codes.USAGE
    assert "name a folder with --output" in capsys.readouterr().err
    assert main([*command, "-o", str(tmp_path)]) == exit_codes.OK
    assert json.loads((tmp_path / "baml_client" / "openapi.json").read_text())["openapi"] == "3.1.0"
    assert main([*command, "-o", str(tmp_path), "--check"]) == exit_codes.OK


def test_two_generators_of_the_same_files_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generators = 'generator a { output_type "python" } generator b { output_type "python/pydantic" }'
    (tmp_path / "main.baml").write_text(PROGRAM + generators)
    assert main(["generate", str(tmp_path / "main.baml")]) != exit_codes.OK
    assert "give one of them another output_dir" in capsys.readouterr().err
