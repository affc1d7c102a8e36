"""Selection: the nodes around the cursor, each inside the next."""

from __future__ import annotations

from lsprotocol import types as lsp

from bamlvm.grammar import syntax
from bamlvm.tools.language_server.conversion import offset_of, range_of
from bamlvm.tools.language_server.workspace import File, Workspace


def selection_ranges(workspace: Workspace, params: lsp.SelectionRangeParams) -> list[lsp.SelectionRange]:
    """Return, for each position, the ranges around it, the innermost first."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    return [_around(file, offset_of(file.text, position)) for position in params.positions]


def _around(file: File, offset: int) -> lsp.SelectionRange:
    model = file.program.model()
    ranges = [(0, len(file.text.text))]
    item = model.item_at(file.path, offset)
    if item is not None:
        ranges.append((item.offset, item.offset + len(item.text)))
        nodes = [(item.offset + node.start, item.offset + node.end) for node in syntax.walk(item.declaration)]
        ranges += [(start, end) for start, end in nodes if start <= offset <= end]
        ranges += [(each.span.start, each.span.end) for each in model.at(file.path, offset)[:1]]
    found: lsp.SelectionRange | None = None
    last = (-1, -1)
    for start, end in sorted(set(ranges), key=lambda each: each[0] - each[1]):
        if found is None or (last[0] <= start and end <= last[1]):
            found, last = lsp.SelectionRange(range_of(file.text, start, end), found), (start, end)
    assert found is not None
    return found
