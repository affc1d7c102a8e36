"""An editor for tests: a real client of a real language server process, over stdio.

A place in a source is marked by ``‸`` (:func:`marked`), which is not part of the source.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient

MARK: Final = "‸"

CONFIG: Final = ClientServerConfig([sys.executable, "-m", "bamlvm", "lsp"], server_env=dict(os.environ))


def marked(text: str) -> tuple[str, list[lsp.Position]]:
    """Return a source without its marks, and where these are, in UTF-16."""
    found = []
    while MARK in text:
        before, _, after = text.partition(MARK)
        found.append(position(before, len(before)))
        text = before + after
    return text, found


def position(text: str, offset: int) -> lsp.Position:
    """Return the place of an offset, in UTF-16."""
    line = text.count("\n", 0, offset)
    start = text.rfind("\n", 0, offset) + 1
    return lsp.Position(line, len(text[start:offset].encode("utf-16-le")) // 2)


class Editor:
    """One client, and the files that it has open."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.versions: dict[str, int] = {}
        self.published: dict[str, tuple[int | None, Sequence[lsp.Diagnostic]]] = {}
        self._arrived = asyncio.Condition()
        client.protocol.fm.features.pop(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, None)

        @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def take(params: lsp.PublishDiagnosticsParams) -> None:
            async with self._arrived:
                self.published[params.uri] = params.version, params.diagnostics
                self._arrived.notify_all()

    def open(self, path: Path | str, text: str) -> str:
        """Open a document, which need not be on disk; return its URI."""
        uri = path.as_uri() if isinstance(path, Path) else path
        self.versions[uri] = 1
        document = lsp.TextDocumentItem(uri, "baml", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(document))
        return uri

    def change(self, uri: str, text: str, where: lsp.Range | None = None) -> None:
        """Replace a range of a document, or all of it."""
        self.versions[uri] += 1
        document = lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        change = whole if where is None else lsp.TextDocumentContentChangePartial(where, text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))

    def close(self, uri: str) -> None:
        del self.versions[uri]
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))

    async def diagnostics(self, uri: str) -> list[lsp.Diagnostic]:
        """Return the diagnostics of a document as it is now, waiting for them."""

        def current() -> bool:
            return uri in self.published and self.published[uri][0] == self.versions.get(uri)

        async with self._arrived, asyncio.timeout(60):
            await self._arrived.wait_for(current)
            return list(self.published[uri][1])

    async def until(self, uri: str, codes: Sequence[str]) -> None:
        """Wait until a file, open or not, has diagnostics with just these codes."""

        def reached() -> bool:
            return sorted(str(each.code) for each in self.published.get(uri, (None, ()))[1]) == sorted(codes)

        async with self._arrived, asyncio.timeout(60):
            await self._arrived.wait_for(reached)


async def start(client: LanguageClient, folders: Sequence[Path] = ()) -> lsp.InitializeResult:
    """Begin a session with folders of the editor."""
    workspace = lsp.WorkspaceClientCapabilities(
        did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=False)
    )
    markdown = [lsp.MarkupKind.Markdown, lsp.MarkupKind.PlainText]
    document = lsp.TextDocumentClientCapabilities(
        hover=lsp.HoverClientCapabilities(content_format=markdown),
        completion=lsp.CompletionClientCapabilities(
            completion_item=lsp.ClientCompletionItemOptions(documentation_format=markdown)
        ),
        signature_help=lsp.SignatureHelpClientCapabilities(
            signature_information=lsp.ClientSignatureInformationOptions(
                documentation_format=markdown, active_parameter_support=True
            )
        ),
        code_action=lsp.CodeActionClientCapabilities(is_preferred_support=True, data_support=True),
        document_symbol=lsp.DocumentSymbolClientCapabilities(hierarchical_document_symbol_support=True),
        rename=lsp.RenameClientCapabilities(prepare_support=True),
    )
    return await client.initialize_session(
        lsp.InitializeParams(
            capabilities=lsp.ClientCapabilities(workspace=workspace, text_document=document),
            workspace_folders=[lsp.WorkspaceFolder(each.as_uri(), each.name) for each in folders] or None,
        )
    )


def at(uri: str, place: lsp.Position) -> dict[str, object]:
    """The parameters of a request about a place."""
    return {"text_document": lsp.TextDocumentIdentifier(uri), "position": place}


def excerpt(text: str, where: lsp.Range) -> str:
    """Return the text of a range."""
    lines = text.split("\n")
    if where.start.line != where.end.line:
        raise ValueError("the range has several lines")
    units = lines[where.start.line].encode("utf-16-le")
    return units[2 * where.start.character : 2 * where.end.character].decode("utf-16-le")


def applied(text: str, edits: Sequence[lsp.TextEdit]) -> str:
    """Return a text after edits that do not overlap."""
    lines = text.split("\n")

    def offset(place: lsp.Position) -> int:
        before = sum(len(line) + 1 for line in lines[: place.line])
        units = lines[place.line].encode("utf-16-le")[: 2 * place.character] if place.line < len(lines) else b""
        return min(before + len(units.decode("utf-16-le")), len(text))

    places = [(offset(each.range.start), offset(each.range.end), each.new_text) for each in edits]
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text
