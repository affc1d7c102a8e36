"""What is under the cursor: the one query that features stand on.

Rule: names are not resolved here.  The compiler has noted what each means (:mod:`bamlvm.compiler.uses`); a
:class:`Model` finds the note at a place, the declaration of a symbol, and every place that uses it.  Places are those
of files.  Names of the standard library are declared in its own sources, which are read only if somebody asks where.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Final, NamedTuple

import msgspec

from bamlvm import stdlib
from bamlvm.compiler import hir, tir
from bamlvm.compiler.index import Entry
from bamlvm.compiler.project import Stages
from bamlvm.compiler.uses import Gap, Noted, Symbol, Use, declared, declared_locals
from bamlvm.grammar import syntax
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile, Span
from bamlvm.vm.program.types import Type


class Found(NamedTuple):
    """A name at a place: what it means, its span, and the use (None where it is declared)."""

    symbol: Symbol
    span: Span
    use: Use | None


class Declaration(NamedTuple):
    """Where a symbol is declared: the span of its name, the node around it and the item that holds it."""

    name: Span
    node: syntax.Node
    item: syntax.Item


class Model:
    """The answers about one program at one time."""

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self._items = {file.path: sorted(file.items, key=lambda item: item.offset) for file in stages.files}

    # --- items

    def items(self, path: str) -> list[syntax.Item]:
        """Return the items of a file, in order."""
        return self._items.get(path, [])

    def item_at(self, path: str, offset: int) -> syntax.Item | None:
        """Return the item around a place, or None."""
        items = self.items(path)
        at = bisect_right(items, offset, key=lambda item: item.offset) - 1
        return items[at] if at >= 0 and offset <= items[at].offset + len(items[at].text) else None

    @cached_property
    def _entries(self) -> dict[int, Entry]:
        index = self.stages.index
        entries = (*index.entries.values(), *index.tests, *index.generators)
        return {id(entry.declaration): entry for entry in entries}

    def entry(self, item: syntax.Item) -> Entry | None:
        """Return the index's entry of an item; None for one that is declared twice."""
        return self._entries.get(id(item.declaration))

    def noted(self, item: syntax.Item) -> list[Noted]:
        """Return what was noted about the names in an item."""
        return self.stages.uses.get(id(item.declaration), [])

    # --- symbols

    def at(self, path: str, offset: int) -> list[Found]:
        """Return what the name at a place may mean: nothing, one thing, or one for each type that an object may have.

        A place right after a name counts as in it.
        """
        item = self.item_at(path, offset)
        if item is None:
            return []
        found = [each for each in self._in(item) if each.span.start <= offset <= each.span.end]
        inside = [each for each in found if offset < each.span.end] or found
        shortest = min((each.span.end - each.span.start for each in inside), default=0)
        return [each for each in inside if each.span.end - each.span.start == shortest]

    def gap_at(self, path: str, offset: int) -> Gap | None:
        """Return the name at a place that means nothing, or None."""
        item = self.item_at(path, offset)
        for each in self.noted(item) if item is not None else ():
            if isinstance(each, Gap) and item is not None and each.start <= offset - item.offset <= each.end:
                return each
        return None

    def in_item(self, item: syntax.Item) -> list[Found]:
        """Return every name in an item that means something, in order."""
        return sorted(self._in(item), key=lambda each: (each.span.start, each.span.end))

    def _in(self, item: syntax.Item) -> Iterator[Found]:
        for use in self.noted(item):
            if isinstance(use, Use):
                yield Found(use.symbol, Span(item.file, item.offset + use.start, item.offset + use.end), use)
        for symbol, name, _, _ in self._declared_in(item):
            yield Found(symbol, name, None)

    def _declared_in(self, item: syntax.Item) -> Iterator[tuple[Symbol, Span, syntax.Node, syntax.Item]]:
        entry = self.entry(item)
        name = entry.name if entry is not None else item.declaration.name
        for symbol, start, end, node in declared(name, item.declaration):
            yield symbol, Span(item.file, item.offset + start, item.offset + end), node, item
        for function in self.functions(item):
            for symbol, start, end in declared_locals(function, item.text):
                if symbol.kind == "local":
                    yield symbol, Span(item.file, item.offset + start, item.offset + end), item.declaration, item

    @cached_property
    def _declarations(self) -> dict[Symbol, Declaration]:
        found: dict[Symbol, Declaration] = {}
        for items in self._items.values():
            for item in items:
                if isinstance(item.declaration, syntax.Test | syntax.Generator):
                    continue
                for symbol, name, node, _ in self._declared_in(item):
                    found.setdefault(symbol, Declaration(name, node, item))
        return found

    def declaration(self, symbol: Symbol) -> Declaration | None:
        """Return where a symbol is declared, in the project or the standard library; None if nowhere."""
        if symbol.kind == "variable" and symbol.number >= 0:
            return self._variable(symbol)
        return self._declarations.get(symbol) or standard_declarations().get(symbol)

    def _variable(self, symbol: Symbol) -> Declaration | None:
        """Return where a prompt sets a variable: its first use."""
        uses = [each for each in self.references(symbol) if each.use is not None]
        if not uses:
            return None
        first = min(uses, key=lambda each: each.span)
        item = self.item_at(first.span.file, first.span.start)
        return Declaration(first.span, item.declaration, item) if item is not None else None

    def references(self, *symbols: Symbol) -> list[Found]:
        """Return every place that means one of some symbols, declarations too, in the order of files and places."""
        wanted = set(symbols)
        names = {symbol.name.rpartition(".")[2] for symbol in symbols}
        found: dict[Span, Found] = {}
        for items in self._items.values():
            for item in items:
                if not any(name in item.text for name in names):
                    continue
                for each in self._in(item):
                    if each.symbol in wanted:
                        found.setdefault(each.span, each)
        return [found[span] for span in sorted(found)]

    # --- functions and types

    def functions(self, item: syntax.Item) -> list[hir.Function]:
        """Return the functions of an item: itself, its methods, the initialiser of a constant."""
        entry = self.entry(item)
        if entry is None:
            return []
        names = [entry.name]
        if isinstance(item.declaration, syntax.Class):
            names = [f"{entry.name}.{method.name}" for method in item.declaration.methods]
        return [self.stages.hir[name] for name in names if name in self.stages.hir]

    def local_type(self, symbol: Symbol) -> Type | None:
        """Return the type of a local of a function, or None."""
        function = self.stages.tir.get(symbol.owner)
        known = function is not None and 0 <= symbol.number < len(function.local_types)
        return function.local_types[symbol.number] if function is not None and known else None

    def type_of(self, item: syntax.Item, start: int, end: int) -> Type | None:
        """Return the type of the expression with just this range of an item, as narrowed there; None if there is
        none."""
        for function in self.functions(item):
            checked = self.stages.tir.get(function.name)
            if checked is None or not checked.start <= start <= checked.end:
                continue
            for node in nodes(checked.body):
                if isinstance(node, tir.Typed) and node.end == end and node.start == start:
                    return node.type
        return None


def nodes(node: msgspec.Struct) -> Iterator[msgspec.Struct]:
    """Yield a node of the tir and every one inside it, outermost first."""
    waiting: list[object] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, tir.Node):
            yield current
            waiting.extend(getattr(current, name) for name in reversed(current.__struct_fields__))
        elif type(current) is tuple:
            waiting.extend(reversed(current))


STANDARD_FOLDER: Final = str(stdlib.FOLDER)


@cache
def standard_declarations() -> dict[Symbol, Declaration]:
    """Return the declarations of the standard library, in its source files."""
    found: dict[Symbol, Declaration] = {}
    for file, text in stdlib.sources().items():
        tree, _ = parse_file(SourceFile(str(stdlib.FOLDER / file), text))
        for item in tree.items:
            qualified = f"{stdlib.NAMESPACES[file]}.{item.declaration.name}"
            for symbol, start, end, node in declared(qualified, item.declaration):
                span = Span(item.file, item.offset + start, item.offset + end)
                found.setdefault(symbol, Declaration(span, node, item))
    return found
