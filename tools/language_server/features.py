"""The table of features: for each request of the protocol the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from lsprotocol import types as lsp

from bamlvm.tools.language_server import (
    actions,
    commands,
    completion,
    hover,
    inlay_hints,
    layout,
    navigation,
    renaming,
    selection,
    semantic_tokens,
    signatures,
    symbols,
)
from bamlvm.tools.language_server.workspace import Workspace


class Feature(NamedTuple):
    """A request and its answer.  ``options`` are the capabilities of the server for it; ``is_patient`` says that a
    change which follows at once makes the answer needless."""

    method: str
    answer: Callable[[Workspace, Any], Any]
    options: Any = None
    is_patient: bool = False


FEATURES: Final = (
    Feature(lsp.TEXT_DOCUMENT_HOVER, hover.hover),
    Feature(lsp.TEXT_DOCUMENT_DEFINITION, navigation.definition),
    Feature(lsp.TEXT_DOCUMENT_TYPE_DEFINITION, navigation.type_definition),
    Feature(lsp.TEXT_DOCUMENT_REFERENCES, navigation.references),
    Feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, navigation.highlight),
    Feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME, renaming.prepare_rename),
    Feature(lsp.TEXT_DOCUMENT_RENAME, renaming.rename, lsp.RenameOptions(prepare_provider=True)),
    Feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, symbols.document_symbols, is_patient=True),
    Feature(lsp.TEXT_DOCUMENT_COMPLETION, completion.completion, lsp.CompletionOptions(completion.TRIGGERS)),
    Feature(
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP, signatures.signature_help, lsp.SignatureHelpOptions(["(", ","], [")", "="])
    ),
    Feature(
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
        semantic_tokens.semantic_tokens,
        semantic_tokens.LEGEND,
        is_patient=True,
    ),
    Feature(
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE,
        semantic_tokens.semantic_tokens_range,
        semantic_tokens.LEGEND,
        is_patient=True,
    ),
    Feature(lsp.TEXT_DOCUMENT_INLAY_HINT, inlay_hints.inlay_hints, is_patient=True),
    Feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE, layout.folding_ranges, is_patient=True),
    Feature(lsp.TEXT_DOCUMENT_SELECTION_RANGE, selection.selection_ranges),
    Feature(lsp.TEXT_DOCUMENT_FORMATTING, layout.formatting),
    Feature(lsp.TEXT_DOCUMENT_CODE_ACTION, actions.code_actions, lsp.CodeActionOptions(actions.KINDS), is_patient=True),
    Feature(lsp.TEXT_DOCUMENT_CODE_LENS, commands.code_lenses, is_patient=True),
    Feature(lsp.WORKSPACE_SYMBOL, symbols.workspace_symbols, is_patient=True),
)
