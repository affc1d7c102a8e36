"""Signature help: the call that is being written."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, at, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

REST = '\n/// Counts.\nfunction g(n: int, b: string = "x") -> int throws string { if (n > 1) { throw "a" } n }\n'


@pytest.mark.parametrize(
    ("text", "label", "active"),
    [
        ("function f() -> int { g(‸) }", 'g(n: int, b: string = "x") -> int throws string', 0),
        ("function f() -> int { g(1, ‸ }", 'g(n: int, b: string = "x") -> int throws string', 1),
        ("function f() -> int { g(b = ‸ }", 'g(n: int, b: string = "x") -> int throws string', 1),
        ("function f() -> int { let z = g(‸\n let y = 2; 3 }", 'g(n: int, b: string = "x") -> int throws string', 0),
        ("function f() -> int { g([1, 2, ‸", 'g(n: int, b: string = "x") -> int throws string', 0),
        ("function f(s: string) -> string { s.replace(g(1), ‸) }", "replace(a: string, b: string) -> string", 1),
        (
            "function f(s: string) -> string { s.replace(g(1‸), 2) }",
            'g(n: int, b: string = "x") -> int throws string',
            0,
        ),
        ("function f() -> int { if (‸) }", None, 0),
        ("function f(‸) -> int { 1 }", None, 0),
        ("function f() -> int { g(1); ‸ }", None, 0),
        ("‸", None, 0),
    ],
)
async def test_signature(editor: Editor, source: Path, text: str, label: str | None, active: int) -> None:
    text, (place,) = marked(text)
    uri = editor.open(source / "main.baml", text + REST)
    found = await editor.client.text_document_signature_help_async(lsp.SignatureHelpParams(**at(uri, place)))
    editor.close(uri)
    if label is None:
        assert found is None
        return
    assert found is not None
    (signature,) = found.signatures
    assert (signature.label, found.active_parameter) == (label, active)
    assert all(isinstance(each.label, str) and each.label in label for each in signature.parameters or ())
    if label.startswith("g("):
        assert signature.documentation == lsp.MarkupContent(lsp.MarkupKind.Markdown, "Counts.")
