"""Types that are added to a program: the ``type_builder`` of a test, and the text that a host gives to a call.

Such declarations are compiled like a project whose standard library is the program.  What a ``dynamic class`` or
``dynamic enum`` declares stands in the index under a name of its own, so that the bare name means the program's type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from bamlvm.compiler.declare import KeptDeclarations, declare
from bamlvm.compiler.incremental import Memo, Reads
from bamlvm.compiler.index import RESERVED, Entry, Index, check_members, declared, report_twice, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.scope import Scope, namespaces_of
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates.constraints import check_constraints
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic, error, sort
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile, Span
from bamlvm.vm.program.declarations import Additions, ClassInfo, EnumInfo, VariantInfo, has_attribute
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import PRIMITIVES
from bamlvm.vm.program.unit import Unit

_DYNAMIC: Final = "dynamic "
"""What the name of an addition to a type begins with in the index."""


def compile_additions(path: str, text: str, known: Unit) -> tuple[Additions, list[Diagnostic]]:
    """Return what a text adds to a program that declares ``known``, and everything that is wrong with it."""
    tree, found = parse_file(SourceFile(path, text))
    items = []
    for item in tree.items:
        if isinstance(item.declaration, syntax.Class | syntax.Enum | syntax.Alias):
            items.append((item.declaration, item))
        else:
            message = f"`{item.declaration.name}` is no type: only types can be added at run time"
            hint = "there are `class`, `enum`, `type`, `dynamic class` and `dynamic enum`"
            span = Span(path, item.offset, item.offset + len(item.text.split("\n")[0]))
            found.append(error("E0010", message, span, (), hint))
    made = additions(items, known, found, tree.unread)
    return made, sort(found)


def additions(
    items: Iterable[tuple[syntax.Class | syntax.Enum | syntax.Alias, syntax.Item]],
    known: Unit,
    found: list[Diagnostic],
    unread: Iterable[str] = (),
    reads: Reads | None = None,
) -> Additions:
    """Return what declarations, each with the item that it is in, add to a program that declares ``known``.

    What names mean is recorded in ``reads`` if that records it.
    Report E0002 for unknown types, E0011 to E0013 for names that are taken, E0016 for additions to what is not dynamic,
    and what any declaration can have wrong.
    """
    index = Index(unread=frozenset(unread))
    for declaration, item in items:
        _index(index, Entry(declaration.name, item, "", declaration), known, found)
    enums = dict(known.enums)
    for entry in index.of(syntax.Enum):
        info = enums.get(entry.declaration.name)
        if info is not None and isinstance(entry.declaration, syntax.Enum):
            more = tuple(VariantInfo(each.name) for each in entry.declaration.variants)
            enums[info.name] = msgspec.structs.replace(info, variants=info.variants + more)
    whole = msgspec.structs.replace(known, enums=enums)
    reads = reads or Reads()
    scope = Scope(index, whole, reads, namespaces_of(declared(whole)))
    symbols = Symbols(whole, reads)
    resolver = TypeResolver(scope, symbols, found)
    kept, constraints = KeptDeclarations.empty(), Memo[None]()
    declare(index, symbols, resolver, kept, {}, found)
    made = Additions(
        tuple(_class(info) for info in symbols.classes.values()),
        tuple(_enum(info) for info in symbols.enums.values()),
        tuple(symbols.annotated_aliases.items()),
    )
    for name in [*symbols.classes]:
        base = known.classes.get(name.removeprefix(_DYNAMIC))
        if base is not None:  # its expressions see the whole class
            added = symbols.classes[name].fields
            symbols.classes[name] = msgspec.structs.replace(base, fields=base.fields + added)
    check_constraints(index, symbols, resolver, constraints, {}, found)
    if reads.uses is not None:
        for noted in (*kept.classes.uses, *constraints.uses):
            reads.uses += noted
    return made


def _class(info: ClassInfo) -> ClassInfo:
    return msgspec.structs.replace(info, name=info.name.removeprefix(_DYNAMIC))


def _enum(info: EnumInfo) -> EnumInfo:
    return msgspec.structs.replace(info, name=info.name.removeprefix(_DYNAMIC))


def _index(index: Index, entry: Entry, known: Unit, found: list[Diagnostic]) -> None:
    """Put a declaration into the index, unless it has no place in the program."""
    report = reporter(entry, found)
    declaration, name = entry.declaration, entry.name
    check_members(declaration, report)
    existing = known.classes.get(name) or known.enums.get(name)
    if isinstance(declaration, syntax.Class):
        for method in declaration.methods:
            report.error("E0016", name_range(method), "a class that is added at run time has no methods")
    if isinstance(declaration, syntax.Class | syntax.Enum) and declaration.dynamic:
        _check_existing(declaration, existing, known, report)
        entry = entry._replace(name=_DYNAMIC + name)  # a wrong one, too: what is in it is checked
    elif name in RESERVED or name in PRIMITIVES:
        report.error("E0011", name_range(declaration), f"`{name}` is a built-in name")
        return
    elif existing is not None or name in known.annotated_aliases or name in known.signatures:
        hint = None
        if existing is not None:
            kind = "class" if name in known.classes else "enum"
            hint = f"to add to it, write `dynamic {kind} {name} {{ … }}`"
        report.error("E0011", name_range(declaration), f"`{name}` is defined in the program already", hint=hint)
        return
    if entry.name in index.entries:
        report_twice(report, entry, index.entries[entry.name], found)
    else:
        index.add(entry)


def _check_existing(
    declaration: syntax.Class | syntax.Enum, existing: ClassInfo | EnumInfo | None, known: Unit, report: Reporter
) -> None:
    """Report where a declaration adds to what it cannot add to."""
    name, at = declaration.name, name_range(declaration)
    is_class = isinstance(declaration, syntax.Class)
    kind, other = ("class", "enum") if is_class else ("enum", "class")
    if existing is None:
        hint = did_you_mean(name, known.classes if is_class else known.enums)
        if hint is None:
            hint = f"to add a new one, leave `dynamic` away: `{kind} {name} {{ … }}`"
        report.error("E0002", at, f"unknown {kind} `{name}`: there is nothing to add to", hint=hint)
        return
    if isinstance(existing, ClassInfo) is not is_class:
        article = "an" if kind == "enum" else "a"
        report.error("E0002", at, f"`{name}` is not {article} {kind}", hint=f"write `dynamic {other} {name}`")
        return
    if not has_attribute(existing.attributes, "dynamic"):
        report.error(
            "E0016", at, f"`{name}` is not dynamic: nothing can be added to it", hint=f"add `@@dynamic` to `{name}`"
        )
        return
    code, what = ("E0012", "field") if is_class else ("E0013", "variant")
    parts = declaration.fields if isinstance(declaration, syntax.Class) else declaration.variants
    taken = {part.name for part in (existing.fields if isinstance(existing, ClassInfo) else existing.variants)}
    for part in parts:
        if part.name in taken:
            where = (part.start, part.start + len(part.name))
            report.error(code, where, f"`{name}` has a {what} `{part.name}` already")
