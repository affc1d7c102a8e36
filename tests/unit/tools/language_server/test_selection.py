"""Selection: from the word to the document."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, excerpt, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_the_nodes_around_the_cursor(editor: Editor, source: Path) -> None:
    text, (place,) = marked("function f(a: int) -> int { g(a + ‸a * 2) }")
    uri = editor.open(source / "main.baml", text)
    params = lsp.SelectionRangeParams(lsp.TextDocumentIdentifier(uri), [place])
    (found,) = await editor.client.text_document_selection_range_async(params) or ()
    shown = []
    each: lsp.SelectionRange | None = found
    while each is not None:
        shown.append(excerpt(text, each.range))
        each = each.parent
    assert shown == ["a", "a * 2", "a + a * 2", "g(a + a * 2)", "{ g(a + a * 2) }", text]
