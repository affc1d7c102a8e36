"""Code actions: mends, allowances, all mends at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, applied

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = """function length_of(text: string) -> int { text.lenght() }
function main() -> int {
  let unused = 1;
  if true { length_off("a") } else { 2 }
}
"""


async def actions(editor: Editor, uri: str, *only: str) -> list[lsp.CodeAction]:
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))
    context = lsp.CodeActionContext(diagnostics=[], only=[*only] or None)
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), whole, context)
    found = await editor.client.text_document_code_action_async(params)
    return [each for each in found or () if isinstance(each, lsp.CodeAction)]


def after(action: lsp.CodeAction, uri: str) -> str:
    assert action.edit is not None and action.edit.changes is not None
    return applied(TEXT, list(action.edit.changes[uri]))


async def test_every_mend_and_every_warning(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT.replace("if true {", "if (true) {"))
    found = {each.title: each for each in await actions(editor, uri)}
    assert set(found) == {"Change `lenght` to `length`", "Change `length_off` to `length_of`"}
    mend = found["Change `lenght` to `length`"]
    assert mend.is_preferred and mend.kind == lsp.CodeActionKind.QuickFix
    assert [each.code for each in mend.diagnostics or ()] == ["E0007"]
    editor.change(uri, TEXT.replace("lenght", "length").replace("if true {", "if (true) {").replace("off", "of"))
    (allow,) = await actions(editor, uri)
    assert allow.title == "Allow E0101 here"
    assert "  // allow E0101\n  let unused" in after(allow, uri)
    edit = allow.edit.changes[uri] if allow.edit is not None and allow.edit.changes is not None else []
    editor.change(uri, edit[0].new_text, edit[0].range)
    assert await editor.diagnostics(uri) == []


async def test_fix_all_is_there_if_asked_for(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", TEXT)
    assert not [each for each in await actions(editor, uri) if each.kind == lsp.CodeActionKind.SourceFixAll]
    (everything,) = await actions(editor, uri, "source.fixAll")
    fixed = after(everything, uri)
    assert "text.length()" in fixed and "if (true)" in fixed and 'length_of("a")' in fixed
    editor.change(uri, fixed)
    assert await actions(editor, uri, "source") == []
