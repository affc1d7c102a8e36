"""``type_builder.py`` of generated clients: typed by the program's names, in both styles of clients."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.generated import ROOT, check_with_pyright, generated, mypy, run

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


WRONG = """
from baml_client.type_builder import TypeBuilder
tb = TypeBuilder()
tb.Resume.props.nam2.alias(3)
tb.Value.add_value(3)
tb.Resume.add_property("x", int)
"""
STYLES = ("models", "structs")


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client of each style, in the folder of its name, with a module that uses it."""
    folder = tmp_path_factory.mktemp("builders")
    for style, use in zip(STYLES, (MODELS, STRUCTS), strict=True):
        generated(folder / style, {"main.baml": SOURCE}, has_models=style == "models")
        (folder / style / "use.py").write_text(use)
    return folder


@pytest.mark.parametrize("style", STYLES)
def test_mypy_accepts_it_and_its_use_and_knows_what_is_not_dynamic(clients: Path, style: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    names = ("use.py", "baml_client/type_builder.py", str(wrong))
    ended = mypy(*names, folder=clients / style, cache=clients.parent / "mypy")
    found = [line.partition(" ")[0].rpartition("/")[2] for line in ended.stdout.splitlines()]
    assert found == ["wrong.py:5:", "wrong.py:6:"], ended.stdout


def test_pyright_accepts_it_and_its_use(clients: Path, tmp_path: Path) -> None:
    roots = [{"root": str(clients / style), "extraPaths": [str(ROOT)]} for style in STYLES]
    check_with_pyright(clients, tmp_path, executionEnvironments=roots, reportUnusedExpression=False)


@pytest.mark.parametrize("style", STYLES)
def test_it_works(clients: Path, style: str) -> None:
    ended = run(sys.executable, "use.py", folder=clients / style)
    assert (ended.stderr, ended.stdout) == ("", EXPECTED)
