"""Code lenses and their commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEXT = """function main() -> string { "ran" }
function add(a: int, b: int) -> int { a + b }
function Ask(name: string) -> string { client "openai/gpt-4o" prompt #"Hello {{ name }}"# }
test Adds { functions [add] args { a 1 b 2 } @@assert(three, {{ this == 3 }}) }
test Asks { functions [Ask] args { name "Ada" } }
"""


async def execute(editor: Editor, command: lsp.Command) -> Any:
    params = lsp.ExecuteCommandParams(command.command, command.arguments)
    return await editor.client.workspace_execute_command_async(params)


async def test_lenses_run_test_and_preview(editor: Editor, source: Path) -> None:
    (source / "main.baml").write_text(TEXT)
    uri = editor.open(source / "main.baml", TEXT.replace("Hello", "Hail"))
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
    lenses = await editor.client.text_document_code_lens_async(params) or ()
    found = [(each.range.start.line, each.command) for each in lenses if each.command is not None]
    assert [(line, command.title) for line, command in found] == [
        (0, "▶ Run"),
        (2, "Preview prompt"),
        (3, "▶ Test add"),
        (4, "▶ Test Ask"),
        (4, "Preview prompt"),
    ]
    run, preview, test = (found[place][1] for place in (0, 1, 2))
    ran = await execute(editor, run)
    assert (ran["exitCode"], ran["output"]) == (0, "ran\n")
    tested = await execute(editor, test)
    assert tested["exitCode"] == 0 and "add::Adds" in tested["output"]
    shown = await execute(editor, preview)
    assert shown == {"messages": [{"role": "system", "text": "Hail Ada"}]}  # of the buffer, not of the disk


async def test_a_prompt_that_cannot_be_rendered(editor: Editor, source: Path) -> None:
    editor.open(source / "main.baml", TEXT + "function broken() -> int { x }")
    arguments = {"program": str(source), "function": "Ask"}
    shown = await execute(editor, lsp.Command("", "bamlvm.previewPrompt", arguments=[arguments]))
    assert "unknown name `x`" in shown["error"]
    gone = await execute(editor, lsp.Command("", "bamlvm.previewPrompt", arguments=[{**arguments, "program": "/gone"}]))
    assert gone == {"error": "/gone: no such program is open"}
