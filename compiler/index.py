"""The index of a project: the item that each qualified name means.

One namespace holds everything a project declares except tests and generators; the standard library's files declare
theirs under a prefix (``baml.http``).  Methods are named ``Class.method``.  A name defined twice is E0011 and the first
definition counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeAlias

from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.unit import Unit

RESERVED = frozenset(
    {
        "baml",
        "env",
        "int",
        "float",
        "string",
        "bool",
        "null",
        "unknown",
        "never",
        "image",
        "audio",
        "pdf",
        "video",
        "map",
    }
)
"""Names that an item may not take."""


class Entry(NamedTuple):
    """One declared item: its qualified name, its place, and the namespace in which its names are looked up first."""

    name: str
    item: syntax.Item
    namespace: str
    declaration: syntax.Declaration


@dataclass
class Index:
    """All items of a project, by qualified name in the order of files and items; tests and generators apart."""

    entries: dict[str, Entry] = field(default_factory=dict)
    by_kind: dict[type[syntax.Declaration], list[Entry]] = field(default_factory=dict)
    tests: list[Entry] = field(default_factory=list)
    generators: list[Entry] = field(default_factory=list)
    unread: frozenset[str] = frozenset()
    """Names of items with a syntax error, which was reported: these are not reported as unknown."""

    def add(self, entry: Entry) -> None:
        self.entries[entry.name] = entry
        self.by_kind.setdefault(type(entry.declaration), []).append(entry)

    def of(self, *kinds: type[syntax.Declaration]) -> Iterable[Entry]:
        """Return the entries whose declaration is of one of ``kinds``."""
        return chain.from_iterable(self.by_kind.get(kind, ()) for kind in kinds)


def reporter(entry: Entry, into: list[Diagnostic]) -> Reporter:
    """Return a reporter for an entry's item."""
    return Reporter(entry.item.file, entry.item.offset, entry.item.text, into)


EntryCache: TypeAlias = dict[int, tuple[syntax.Item, Entry]]
"""Entries of items without errors in their members, by the item's identity."""


def index(
    files: Sequence[syntax.File],
    namespaces: Mapping[str, str],
    diagnostics: list[Diagnostic],
    cache: EntryCache,
) -> Index:
    """Index the items of ``files``; ``namespaces`` has the prefix of a file (none for a user's project).

    Entries in ``cache`` are used again; new ones are added to it.  Report E0011 (names defined twice, reserved
    names), E0012, E0013 and E0093 (fields, variants, methods).
    """
    found = Index(unread=frozenset(name for file in files for name in file.unread))
    before = cache.copy()
    cache.clear()
    for file in files:
        namespace = namespaces.get(file.path, "")
        for item in file.items:
            kept = before.get(id(item))
            if kept is not None:
                entry = kept[1]
            else:
                entry = _entry(item, namespace)
                faults = len(diagnostics)
                check_members(entry.declaration, reporter(entry, diagnostics))
                _refuse_dynamic(entry.declaration, reporter(entry, diagnostics))
                if len(diagnostics) == faults:
                    kept = item, entry
            if kept is not None:
                cache[id(item)] = kept
            _add(found, entry, diagnostics)
    return found


def _entry(item: syntax.Item, namespace: str) -> Entry:
    name = item.declaration.name
    return Entry(f"{namespace}.{name}" if namespace else name, item, namespace, item.declaration)


def _add(index: Index, entry: Entry, diagnostics: list[Diagnostic]) -> None:
    declaration = entry.declaration
    if isinstance(declaration, syntax.Test):
        index.tests.append(entry)
    elif isinstance(declaration, syntax.Generator):
        index.generators.append(entry)
    elif not entry.namespace and declaration.name in RESERVED:
        report = reporter(entry, diagnostics)
        report.error("E0011", name_range(declaration), f"`{declaration.name}` is a built-in name")
    elif entry.name in index.entries:
        report_twice(reporter(entry, diagnostics), entry, index.entries[entry.name], diagnostics)
    else:
        index.add(entry)


def report_twice(report: Reporter, entry: Entry, first: Entry, diagnostics: list[Diagnostic]) -> None:
    """Report E0011 for an entry whose name ``first`` has already."""
    there = reporter(first, diagnostics)
    start, end = name_range(first.declaration)
    report.error(
        "E0011",
        name_range(entry.declaration),
        f"`{entry.declaration.name}` is defined twice",
        hint="give one of them another name",
        labels=[there.label(start, end, "first defined here")],
    )


def check_members(declaration: syntax.Declaration, report: Reporter) -> None:
    """Report E0012, E0013 and E0093 for parts of a declaration that have one name."""
    if isinstance(declaration, syntax.Class):
        _unique(report, declaration.fields, "E0012", "field")
        _unique(report, declaration.methods, "E0093", "method")
        fields = {field.name for field in declaration.fields}
        for method in declaration.methods:
            if method.name in fields:
                report.error("E0093", method, f"`{method.name}` is a field of `{declaration.name}` too")
    elif isinstance(declaration, syntax.Enum):
        _unique(report, declaration.variants, "E0013", "variant")


def _unique(
    report: Reporter,
    parts: tuple[syntax.Field, ...] | tuple[syntax.Function, ...] | tuple[syntax.Variant, ...],
    code: str,
    what: str,
) -> None:
    seen: dict[str, syntax.Node] = {}
    for part in parts:
        start = part.name_start if isinstance(part, syntax.Function) else part.start
        if part.name in seen:
            first = seen[part.name]
            report.error(
                code,
                (start, start + len(part.name)),
                f"{what} `{part.name}` is defined twice",
                labels=[report.label(first.start, first.end, "first defined here")],
            )
        else:
            seen[part.name] = part


def _refuse_dynamic(declaration: syntax.Declaration, report: Reporter) -> None:
    if isinstance(declaration, syntax.Class | syntax.Enum) and declaration.dynamic:
        kind = "class" if isinstance(declaration, syntax.Class) else "enum"
        report.error(
            "E0016",
            name_range(declaration),
            f"`dynamic {kind}` adds to a type: it belongs into the `type_builder` of a test",
            hint=f"to let `{declaration.name}` be added to, write `{kind} {declaration.name} {{ …  @@dynamic }}`",
        )


def declared(unit: Unit) -> list[str]:
    """Return the names that a compiled unit declares."""
    return [*unit.signatures, *unit.classes, *unit.enums, *unit.aliases]
