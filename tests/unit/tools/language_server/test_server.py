"""The protocol: sessions, diagnostics while typing, errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, marked, position

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_diagnostics_follow_every_change(editor: Editor, source: Path) -> None:
    uri = editor.open(source / "main.baml", "function f() -> int { g() }\n")
    (found,) = await editor.diagnostics(uri)
    assert (found.code, found.severity, found.source) == ("E0003", lsp.DiagnosticSeverity.Error, "bamlvm")
    assert (found.range.start, found.range.end) == (lsp.Position(0, 22), lsp.Position(0, 23))
    _, (end,) = marked("function f() -> int { g() }\n‸")
    editor.change(uri, "function g() -> int { 1 }\n", lsp.Range(end, end))
    assert await editor.diagnostics(uri) == []
    editor.change(uri, "function g() -> int { 1 }\n")
    assert await editor.diagnostics(uri) == []
    editor.close(uri)


async def test_columns_are_utf16_by_default(editor: Editor, source: Path) -> None:
    text = 'function f() -> int { let 你 = "😀😀"; x }\n'.replace("你", "n")
    uri = editor.open(source / "main.baml", text)
    found = {each.code: each for each in await editor.diagnostics(uri)}
    assert found["E0003"].range.start == position(text, text.index("x }"))
    editor.change(uri, "1", lsp.Range(found["E0003"].range.start, found["E0003"].range.end))
    assert "E0003" not in [each.code for each in await editor.diagnostics(uri)]


async def test_related_places_and_hints(editor: Editor, source: Path) -> None:
    (source / "other.baml").write_text("class A { x int }\n")
    uri = editor.open(source / "main.baml", "class A { y int }\nfunction lenght() -> int { lenth() }\n")
    await editor.diagnostics(uri)
    other = (source / "other.baml").as_uri()
    await editor.until(other, ["E0011"])
    (twice,) = editor.published[other][1]
    assert twice.related_information is not None
    assert [(each.location.uri, each.message) for each in twice.related_information] == [(uri, "first defined here")]
    (unknown,) = await editor.diagnostics(uri)
    assert unknown.message == "unknown name `lenth`\nhint: did you mean `lenght`?"
