"""Code actions: the mend of each diagnostic that has one, a comment that allows a warning, and all mends at once."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.tools.language_server.conversion import diagnostic, offset_of, range_of, workspace_edit
from bamlvm.tools.language_server.layout import line_edits
from bamlvm.tools.language_server.workspace import File, Workspace

KINDS = (lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll)


def code_actions(workspace: Workspace, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """Return what can be done about the diagnostics in a range; "fix all" only if the client asks for it."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    found: list[lsp.CodeAction] = []
    if _wanted(params.context, lsp.CodeActionKind.QuickFix):
        start, end = offset_of(file.text, params.range.start), offset_of(file.text, params.range.end)
        for each in file.program.check().diagnostics.get(file.path, ()):
            if each.span.start <= end and start <= each.span.end:
                found += _mends(workspace, file, each)
    asked = params.context.only is not None
    if asked and _wanted(params.context, lsp.CodeActionKind.SourceFixAll):
        found += _fix_all(workspace, file)
    return found


def _wanted(context: lsp.CodeActionContext, kind: str) -> bool:
    """Whether a client asks for actions of a kind: for any, for this one, or for one that it belongs to."""
    return context.only is None or any(kind == each or kind.startswith(f"{each}.") for each in context.only)


def _mends(workspace: Workspace, file: File, found: Diagnostic) -> Iterator[lsp.CodeAction]:
    texts = file.program.files
    shown = diagnostic(found, texts, workspace.uri)
    if found.fix:
        edit = workspace_edit(found.fix, texts, workspace.uri)
        title = _title(found, file)
        yield lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, [shown], is_preferred=True, edit=edit)
    if found.severity == "warning":
        line = file.text.line_of(found.span.start)
        start = file.text.line_start(line)
        written = file.text.text[start : file.text.line_end(line)]
        indent = written[: len(written) - len(written.lstrip())]
        in_prompt = found.code in ("E0070", "E0071", "E0072", "E0105")
        comment = f"{{# allow {found.code} #}}" if in_prompt else f"// allow {found.code}"
        edit = lsp.WorkspaceEdit(
            {workspace.uri(file.path): [lsp.TextEdit(range_of(file.text, start, start), f"{indent}{comment}\n")]}
        )
        yield lsp.CodeAction(f"Allow {found.code} here", lsp.CodeActionKind.QuickFix, [shown], edit=edit)


def _title(found: Diagnostic, file: File) -> str:
    if len(found.fix) > 1:
        return f"Fix: {found.hint or found.message}"
    (edit,) = found.fix
    before = file.text.text[edit.span.start : edit.span.end]
    if not before.strip():
        return f"Insert `{edit.text.strip()}`"
    return f"Change `{before}` to `{edit.text}`" if edit.text.strip() else f"Remove `{before.strip()}`"


def _fix_all(workspace: Workspace, file: File) -> Iterator[lsp.CodeAction]:
    """Yield the action that mends a document as ``bamlvm check --fix`` does, if there is anything to mend."""
    from bamlvm.tools.fixes import fix

    if not any(each.fix for each in file.program.check().diagnostics.get(file.path, ())):
        return
    texts = {path: text.text for path, text in file.program.files.items()}
    fixed = fix(texts, file.program.settings.levels).sources[file.path]
    edits = line_edits(file.text, fixed)
    if edits:
        edit = lsp.WorkspaceEdit({workspace.uri(file.path): edits})
        yield lsp.CodeAction("Fix all that has one mend", lsp.CodeActionKind.SourceFixAll, edit=edit)
