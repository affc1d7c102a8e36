"""Semantic tokens: every word by what it means, in prompts too."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from bamlvm.tools.language_server.semantic_tokens import MODIFIERS, TYPES, painted
from bamlvm.tools.language_server.workspace import Workspace
from tests.support.editor import Editor

pytestmark = pytest.mark.slow

TEXT = """/// Somebody.
class Person { name string @alias("x") }
enum Mood { Calm }
client<llm> Fast { provider openai options { model gpt-4o } }
function Ask(person: Person) -> Mood {
  client Fast
  prompt #"
    Hello 😀 {{ person.name|upper }} {% if Mood.Calm %}é{% endif %}
    {# note #}
  "#
}
function f(a: int) -> string {
  let x = a + 1; // why
  `n ${x.to_string()}`
}
"""


def decoded(text: str, data: list[int]) -> list[tuple[str, str, list[str]]]:
    """The tokens: their text, type and modifiers."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    found = []
    line = column = 0
    for place in range(0, len(data), 5):
        delta_line, delta, width, kind, bits = data[place : place + 5]
        line, column = line + delta_line, delta if delta_line else column + delta
        word = lines[line][2 * column : 2 * (column + width)].decode("utf-16-le")
        found.append((word, TYPES[kind], [name for n, name in enumerate(MODIFIERS) if bits >> n & 1]))
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_tokens_of_a_document(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT)
    params = lsp.SemanticTokensParams(lsp.TextDocumentIdentifier(uri))
    found = await editor.client.text_document_semantic_tokens_full_async(params)
    assert found is not None
    shown = [
        f"{word} {kind} {' '.join(modifiers)}".strip() for word, kind, modifiers in decoded(TEXT, list(found.data))
    ]
    wanted = """/// Somebody. comment documentation
class keyword
Person class declaration
name property declaration
string type defaultLibrary
@alias decorator
"x" string
enum keyword
Mood enum declaration
Calm enumMember declaration
client keyword
< operator
llm string
> operator
Fast struct declaration
provider property
openai string
options property
model property
gpt-4o string
function keyword
Ask function declaration
person parameter declaration
Person class
-> operator
Mood enum
client keyword
Fast struct
prompt keyword
#" string
Hello 😀 string
{{ operator
person parameter
. operator
name property
| operator
upper function
}} operator
{% operator
if keyword
Mood enum
. operator
Calm enumMember
%} operator
é string
{% operator
endif keyword
%} operator
{# comment
note comment
#} comment
"# string
function keyword
f function declaration
a parameter declaration
int type defaultLibrary
-> operator
string type defaultLibrary
let keyword
x variable declaration
= operator
a parameter
+ operator
1 number
// why comment
` string
n string
${ operator
x variable
to_string method defaultLibrary
} operator
` string"""
    assert shown == wanted.split("\n")
    where = lsp.Range(lsp.Position(11, 0), lsp.Position(12, 0))
    part = await editor.client.text_document_semantic_tokens_range_async(
        lsp.SemanticTokensRangeParams(lsp.TextDocumentIdentifier(uri), where)
    )
    assert part is not None
    assert [word for word, _, _ in decoded(TEXT, list(part.data))] == ["function", "f", "a", "int", "->", "string"]


@given(st.integers(0, len(TEXT)), st.integers(0, 60))
def test_tokens_never_overlap_whatever_is_missing(start: int, length: int) -> None:
    workspace = Workspace("utf-16")
    workspace.open("untitled:x", 1, TEXT[:start] + TEXT[start + length :])
    file = workspace.file("untitled:x")
    assert file is not None
    place = 0
    for each in painted(file):
        assert place <= each.start < each.end and "\n" not in file.text.text[each.start : each.end]
        place = each.end
