"""Folding, and formatting as the command line does."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

import bamlvm
from tests.support.editor import Editor, applied

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = """// One
// two
class A {
  x int
}

function F(a: A) -> int {
  client "openai/gpt-4o"
  prompt #"
    {{ a }}
  "#
}
function f() -> int[] { [
  1,
] }
"""


async def test_folding(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT)
    params = lsp.FoldingRangeParams(lsp.TextDocumentIdentifier(uri))
    found = await editor.client.text_document_folding_range_async(params)
    assert [(each.start_line, each.end_line, each.kind) for each in found or ()] == [
        (0, 1, lsp.FoldingRangeKind.Comment),
        (2, 3, None),
        (6, 10, None),
        (8, 9, None),
        (12, 13, None),
    ]


async def test_formatting_is_that_of_the_command_line(editor: Editor, source: Path) -> None:
    (source.parent / "bamlvm.toml").write_text("format = { indent = 3 }\n")
    text = "class A {x int\n}\n// 😀\nfunction f( ) ->int {\n1 }\n"
    uri = editor.open(source / "main.baml", text)
    options = lsp.FormattingOptions(tab_size=8, insert_spaces=True)
    params = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(uri), options)
    edits = await editor.client.text_document_formatting_async(params)
    assert applied(text, list(edits or ())) == bamlvm.format_source(text, indent=3)
    editor.change(uri, "class A { x ")
    assert not await editor.client.text_document_formatting_async(params)
    formatted = bamlvm.format_source(text, indent=3)
    editor.change(uri, formatted)
    assert not await editor.client.text_document_formatting_async(params)
