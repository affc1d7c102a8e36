"""The outline of a document, and the search over all."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, excerpt

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = """/// Somebody.
class Person {
  name string
  function greet(self, other: Person) -> string { other.name }
}
enum Mood { Calm Loud }
type Known = Person | Mood
const LIMIT = 3
client<llm> Fast { provider openai options { model "gpt-4o" } }
function f(x: int) -> int { x }
test T { functions [f] args { x 1 } }
function broken() -> int { let x = ; x }
"""


async def test_the_outline_has_broken_items_too(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT)
    params = lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(uri))
    found = await editor.client.text_document_document_symbol_async(params)
    assert found is not None
    shown = []
    for each in found:
        assert isinstance(each, lsp.DocumentSymbol)
        assert excerpt(TEXT, each.selection_range) == each.name
        inner = [(child.name, child.kind.name, child.detail) for child in each.children or ()]
        shown.append((each.name, each.kind.name, each.detail, inner))
    assert shown == [
        (
            "Person",
            "Class",
            "",
            [("name", "Field", "string"), ("greet", "Method", "(self, other: Person) -> string")],
        ),
        ("Mood", "Enum", "", [("Calm", "EnumMember", ""), ("Loud", "EnumMember", "")]),
        ("Known", "Interface", "Person | Mood", []),
        ("LIMIT", "Constant", "", []),
        ("Fast", "Object", "client", []),
        ("f", "Function", "(x: int) -> int", []),
        ("T", "Event", "test", []),
        ("broken", "Function", "() -> int", []),
    ]


async def test_the_search_finds_members_and_letters_in_order(editor: Editor, source: Path) -> None:
    editor.open(source / "main.baml", TEXT)

    async def search(query: str) -> list[tuple[str, str | None]]:
        found = await editor.client.workspace_symbol_async(lsp.WorkspaceSymbolParams(query))
        uri = (source / "main.baml").as_uri()
        return [(each.name, each.container_name) for each in found or () if each.location.uri == uri]

    assert await search("gree") == [("greet", "Person")]
    assert await search("pn") == [("Person", None)]
    assert await search("cal") == [("Calm", "Mood")]
    assert ("LIMIT", None) in await search("")
