"""Inlay hints: types of variables, names of parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, applied

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = """class Person { name string  function greet(self, other: Person) -> string { other.name } }
function g(count: int, name: string, last: bool = false) -> int { count }
function f(p: Person, count: int) -> int {
  let xs = [1, 2];
  let typed: int = 3;
  for (let x in xs) { g(x, p.name); }
  let same = g(count, name = "a");
  p.greet(p);
  let far = xs.map((n: int) -> int { n + unknown });
  count
}
"""


async def test_hints(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT)
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))
    params = lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), whole)
    found = await editor.client.text_document_inlay_hint_async(params)
    shown = applied(TEXT, [lsp.TextEdit(lsp.Range(e.position, e.position), str(e.label)) for e in found or ()])
    assert shown.split("\n")[3:9] == [
        "  let xs: int[] = [1, 2];",
        "  let typed: int = 3;",
        "  for (let x: int in xs) { g(count:x, name:p.name); }",
        '  let same: int = g(count, name = "a");',
        "  p.greet(other:p);",
        "  let far: int[] = xs.map(f:(n: int) -> int { n + unknown });",
    ]
    assert {each.kind for each in found or ()} == {lsp.InlayHintKind.Type, lsp.InlayHintKind.Parameter}
    params.range = lsp.Range(lsp.Position(3, 0), lsp.Position(3, 99))
    (only,) = await editor.client.text_document_inlay_hint_async(params) or ()
    assert only.label == ": int[]"
