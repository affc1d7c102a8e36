"""``type_builder.py`` of generated clients: typed by the program's names, in both styles of clients."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.generated import ROOT, generated, run

pytestmark = pytest.mark.slow

SOURCE = """
client C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Resume { name string  class int?  get int?  props string?  _owner int?  @@dynamic }
class Property { values int  @@dynamic }
class Type { x int }
class Class { y int }
class Parts { }
class reset { z int  @@dynamic }
enum Value { A  values  get  mro  @@dynamic }
enum Enum { P }
type Alias = int | Alias[]
function Extract(text: string) -> Resume { client C  prompt #"{{ ctx.output_format }}"# }
function Classify(text: string) -> Value { client C  prompt #"{{ ctx.output_format }}"# }
"""
USE = """
from baml_client.type_builder import FieldType, TypeBuilder
from baml_client.types import Resume

tb = TypeBuilder()
text: FieldType = tb.string()
tb.Resume.add_property("mail", text.optional()).alias("e-mail").description("d")
tb.Resume.props.name.alias("called")
tb.Resume.props.class_.description("with a keyword's name")
tb.Resume.props.get.description("with a method's name")
tb.Property.add_property("more", tb.union([tb.int(), tb.literal_string("x")]))
tb.Value.add_value("B").description("second")
tb.Value.values.A.alias("a")
tb.reset_.add_property("w", tb.list(tb.Type.type()))
new = tb.add_class("New")
new.add_property("q", tb.map(tb.Enum.type(), tb.Value.type()))
tb.Resume.add_property("new", new.type().optional())
tb.Enum.values.P
tb.Type.props.x.get_type()
tb.add_baml("dynamic enum Value { C }")
"""
MODELS = (
    USE
    + """
import bamlvm
from baml_client.sync_client import b

value: Resume = b.parse.Extract('{"called": "n", "e-mail": "q"}', baml_options={"tb": tb})
again: Resume = b.with_options(tb=tb).parse.Extract('{"called": "n", "new": {"q": {"P": "a"}}}')
print(type(value) is Resume, bamlvm.to_builtins(value))
print(bamlvm.to_builtins(again)["new"])
print(b.parse.Classify("B", baml_options={"tb": tb}), b.parse.Classify("a", baml_options={"tb": tb}).value)
print(b.request.Extract("x", baml_options={"tb": tb}).body.json()["messages"][0]["content"])
"""
)
STRUCTS = (
    USE
    + """
import bamlvm
from baml_client.sync_client import b

ctx = bamlvm.CallContext(types=tb)
value: Resume = b.parse.Extract('{"called": "n", "e-mail": "q"}', ctx=ctx)
again: Resume = b.parse.Extract('{"called": "n", "new": {"q": {"P": "a"}}}', ctx=ctx)
print(Resume in type(value).__mro__, bamlvm.to_builtins(value))
print(bamlvm.to_builtins(again)["new"])
print(b.parse.Classify("B", ctx=ctx).value, b.parse.Classify("a", ctx=ctx).value)
print(b.request.Extract("x", ctx=ctx).json()["messages"][0]["content"])
"""
)
EXPECTED = """\
True {'name': 'n', 'class': None, 'get': None, 'props': None, '_owner': None, 'mail': 'q', 'new': None}
{'q': {'P': 'A'}}
B A
Value
----
- a
- values
- get
- mro
- B: second
- C

Answer in JSON using this schema:
{
  called: string,
  // with a keyword's name
  class: int or null,
  // with a method's name
  get: int or null,
  props: string or null,
  _owner: int or null,
  // d
  e-mail: string or null,
  new: {
    q: map<'P', Value>,
  } or null,
}
"""


@pytest.fixture(scope="module", params=["models", "structs"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    has_models = request.param == "models"
    folder = generated(tmp_path_factory.mktemp(request.param), {"main.baml": SOURCE}, has_models=has_models)
    (folder / "use.py").write_text(MODELS if has_models else STRUCTS)
    return folder


def test_type_checkers_accept_it_and_its_use(client: Path, tmp_path: Path) -> None:
    words = ["--strict", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={tmp_path}"]
    ended = run(sys.executable, "-m", "mypy", *words, "use.py", "baml_client/type_builder.py", folder=client)
    assert (ended.returncode, ended.stdout) == (0, "")
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(ROOT)],
        "include": ["use.py", "baml_client"],
        "reportUnusedExpression": False,
    }
    (client / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = str(Path(sys.executable).with_name("basedpyright"))
    ended = run(pyright, "--pythonpath", sys.executable, "-p", str(client), folder=client)
    assert ended.returncode == 0, ended.stdout


def test_type_checkers_know_what_is_not_dynamic(client: Path, tmp_path: Path) -> None:
    (client / "wrong.py").write_text(
        "from baml_client.type_builder import TypeBuilder\ntb = TypeBuilder()\ntb.Resume.props.nam2.alias(3)\n"
        'tb.Value.add_value(3)\ntb.Resume.add_property("x", int)\n'
    )
    words = ["--strict", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={tmp_path}"]
    ended = run(sys.executable, "-m", "mypy", *words, "wrong.py", folder=client)
    assert [line.partition(" ")[0] for line in ended.stdout.splitlines()] == ["wrong.py:4:", "wrong.py:5:"]


def test_it_works(client: Path) -> None:
    ended = run(sys.executable, "use.py", folder=client)
    assert (ended.stderr, ended.stdout) == ("", EXPECTED)
