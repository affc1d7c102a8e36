"""Clients of Pydantic models: type checkers accept them, and awkward names work at run time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.tools.generate.package import client_files, write

pytestmark = pytest.mark.slow

ROOT = Path(bamlvm.__path__[0]).parent
PROJECTS = Path(__file__).parents[3] / "projects"
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


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def generated(folder: Path, sources: dict[str, str]) -> None:
    with bamlvm.Runtime.from_files(sources) as runtime:
        write({folder / "baml_client": client_files(runtime, sources, has_models=True)})


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    generated(root / "names", {"names.baml": NAMES})
    for project in ("real_agent", "real_forms", "real_invoices", "real_media"):
        generated(root / project, read_sources(PROJECTS / project))
    return root


def test_mypy_strict_accepts_them(clients: Path) -> None:
    for folder in sorted(clients.iterdir()):
        words = ["--strict", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={clients.parent}/mypy"]
        ended = run(sys.executable, "-m", "mypy", *words, "-p", "baml_client", folder=folder)
        assert (ended.returncode, ended.stdout) == (0, ""), folder.name


def test_pyright_strict_accepts_them(clients: Path, tmp_path: Path) -> None:
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(ROOT)],
        "include": [str(clients)],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    ended = run(
        str(Path(sys.executable).with_name("basedpyright")),
        "--pythonpath",
        sys.executable,
        "-p",
        str(tmp_path),
        folder=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout


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
