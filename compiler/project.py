"""A project through all stages: what ``compile`` means.

:class:`Project` compiles a set of files and, when it is given them again, changed, does again only what the change
touches: a file's items are read anew if their text changed, a function is resolved, checked and emitted anew if its
source changed or something that it read of the project did (:mod:`bamlvm.compiler.incremental`).  :class:`Stages`
holds what
every stage made.  Diagnostics of all stages come together, sorted; bytecode is made only where there is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import msgspec

from bamlvm.compiler import config, hir, mir, tir
from bamlvm.compiler.check.functions import Known, check_functions
from bamlvm.compiler.declare import Kept, declare
from bamlvm.compiler.emit import Lines, emit
from bamlvm.compiler.incremental import Lookup, Lookups, Memo
from bamlvm.compiler.index import EntryCache, Index, declared, index, reporter
from bamlvm.compiler.lower.functions import lower_function
from bamlvm.compiler.optimize import optimize as optimize_function
from bamlvm.compiler.reads import Reads
from bamlvm.compiler.resolve.functions import Resolver
from bamlvm.compiler.scope import Scope, namespaces_of
from bamlvm.compiler.symbols import World
from bamlvm.compiler.templates import check_templates
from bamlvm.compiler.templates.constraints import check_constraints
from bamlvm.compiler.tests import check_tests, tests
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic, sort
from bamlvm.grammar.parser import ItemCache, parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.stdlib import NAMESPACES
from bamlvm.vm.program.code import Function, Placed
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.verifier import verify


class CompileResult(NamedTuple):
    """``unit`` is None where some diagnostic is an error."""

    unit: Unit | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass
class Stages:
    """What each stage made; later stages are empty where an error stopped the compilation."""

    files: list[syntax.File] = field(default_factory=list)
    index: Index = field(default_factory=Index)
    world: World = field(default_factory=lambda: World(Unit()))
    hir: dict[str, hir.Function] = field(default_factory=dict)
    tir: dict[str, tir.Function] = field(default_factory=dict)
    mir: dict[str, list[mir.Function]] = field(default_factory=dict)
    unit: Unit | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)


def compile_project(files: Mapping[str, str], standard: Unit, *, optimize: bool = True) -> CompileResult:
    """Compile the sources of a project, by path, against a compiled standard library."""
    stages = run_stages(files, standard, optimize=optimize)
    return CompileResult(stages.unit, tuple(stages.diagnostics))


def compile_standard(sources: Mapping[str, str], *, optimize: bool = True) -> CompileResult:
    """Compile the standard library itself."""
    stages = run_stages(sources, Unit(), namespaces=NAMESPACES, optimize=optimize)
    return CompileResult(stages.unit, tuple(stages.diagnostics))


def run_stages(
    files: Mapping[str, str], standard: Unit, *, namespaces: Mapping[str, str] | None = None, optimize: bool = True
) -> Stages:
    """Run every stage once and keep what each made; ``namespaces`` gives the prefix of a file's names."""
    return Project(standard, namespaces=namespaces, optimize=optimize).update(files)


class _Read(NamedTuple):
    """A file as it was last read."""

    source: SourceFile
    tree: syntax.File
    diagnostics: list[Diagnostic]


class _Emitted(NamedTuple):
    """A function's code with the lambdas in it, and the tir that it was made from."""

    source: tir.Function
    lowered: list[mir.Function]
    code: list[Function]


class Project:
    """A set of files that is compiled again and again.  Not safe to share between threads."""

    def __init__(self, standard: Unit, *, namespaces: Mapping[str, str] | None = None, optimize: bool = True) -> None:
        self._standard = standard
        self._namespaces = namespaces or {}
        self._namespaces_of_standard = namespaces_of(declared(standard))
        self._optimize = optimize
        self._last: tuple[dict[str, str], Stages] | None = None
        self._read: dict[str, _Read] = {}
        self._items: ItemCache = {}
        self._entries: EntryCache = {}
        self._declared = Kept.empty()
        self._surface: Surface = {}
        self._hir: Memo[hir.Function] = Memo()
        self._tir: Memo[list[tir.Function]] = Memo()
        self._known = Known()
        self._templates: Memo[None] = Memo()
        self._constraints: Memo[None] = Memo()
        self._emitted: dict[str, _Emitted] = {}

    def update(self, files: Mapping[str, str], *, emit: bool = True) -> Stages:
        """Compile the project as it is now: all of its files by path.  Without ``emit`` only what diagnostics need."""
        if self._last is not None and self._last[0] == files and (self._last[1].mir or not emit):
            return self._last[1]
        stages = Stages()
        self._parse(files, stages)
        configuration = self._analyse(stages)
        if emit and not any(diagnostic.severity == "error" for diagnostic in stages.diagnostics):
            self._emit(stages)
            stages.unit = self._unit(stages, configuration)
        self._last = (dict(files), stages)
        return stages

    def _parse(self, files: Mapping[str, str], stages: Stages) -> None:
        read: dict[str, _Read] = {}
        for path in sorted(files):
            kept = self._read.get(path)
            if kept is None or kept.source.text != files[path]:
                source = SourceFile(path, files[path])
                kept = _Read(source, *parse_file(source, self._items))
            read[path] = kept
            stages.files.append(kept.tree)
            stages.diagnostics.extend(kept.diagnostics)
        self._read = read
        used = {item.text for each in read.values() for item in each.tree.items}
        if len(self._items) > 2 * len(used) + 64:
            self._items = {text: item for text, item in self._items.items() if text in used}

    def _analyse(self, stages: Stages) -> config.Configuration:
        """Names, declarations, hir, tir; gives the configuration."""
        found = stages.diagnostics
        reads = Reads()
        stages.index = index(stages.files, self._namespaces, found, self._entries)
        scope = Scope(stages.index, self._standard, reads, self._namespaces_of_standard)
        world = stages.world = World(self._standard, reads)
        resolver = TypeResolver(scope, world, found)
        names = _names(stages.index)
        lookups = _lookups(scope, world, resolver, _changes(self._surface, names))
        declare(stages.index, world, resolver, self._declared, lookups, found)
        surface = names | _declared_surface(stages.index, world)
        lookups = _lookups(scope, world, resolver, _changes(self._surface, surface))
        self._surface = surface
        for name, (entry, function) in world.bodies.items():
            kept = self._hir.find(name, (function,), lookups)
            if kept is None:
                worker = Resolver(entry, name, scope, world, resolver, reporter(entry, found))
                kept = self._hir.make(name, (function,), reads, found, partial(worker.function, function))
            stages.hir[name] = kept.result
        self._hir.turn()
        stages.tir = check_functions(stages.hir, world, found, self._tir, self._known, lookups)
        self._tir.turn()
        check_templates(stages.index, world, resolver, self._templates, lookups, found)
        check_constraints(stages.index, world, resolver, self._constraints, lookups, found)
        check_tests(stages.index, world, resolver, found)
        configuration = config.configuration(stages.index, world, found)
        for name, checked in stages.tir.items():
            if name not in world.contracts and checked.throws != world.signatures[name].throws:
                world.signatures[name] = msgspec.structs.replace(world.signatures[name], throws=checked.throws)
        found[:] = sort(found)
        return configuration

    def _emit(self, stages: Stages) -> None:
        """The mir and the bytecode of functions that have not got theirs."""
        enums = self._standard.enums | stages.world.enums
        variants = {name: [variant.name for variant in info.variants] for name, info in enums.items()}
        emitted: dict[str, _Emitted] = {}
        for name, checked in stages.tir.items():
            kept = self._emitted.get(name)
            if kept is None or kept.source is not checked:
                lowered = lower_function(checked, variants)
                lines = Lines(stages.world.bodies[name][0].item.text)
                kept = _Emitted(checked, lowered, [self._code(part, lines) for part in lowered])
            emitted[name] = kept
            stages.mir[name] = kept.lowered
        self._emitted = emitted

    def _code(self, part: mir.Function, lines: Lines) -> Function:
        if self._optimize:
            optimize_function(part)
        mir.verify(part)
        code = emit(part, lines)
        verify(code)
        return code

    def _unit(self, stages: Stages, configuration: config.Configuration) -> Unit:
        world = stages.world
        functions: dict[str, Placed] = {}
        for name, emitted in self._emitted.items():
            item = world.bodies[name][0].item
            # A source's positions are from 1, a unit's from 0.
            line, column = self._read[item.file].source.position(item.offset)
            for code in emitted.code:
                functions[code.name] = Placed(code, item.file, line - 1, column - 1)
        return Unit(
            functions,
            world.signatures,
            world.classes,
            world.enums,
            world.annotated_aliases,
            configuration.llm_functions,
            configuration.clients,
            configuration.retry_policies,
            configuration.templates,
            tests(stages.index, lambda item: self._read[item.file].source.position(item.offset)[0] - 1),
            config.generators(stages.index),
        )


Surface: TypeAlias = Mapping[str, Mapping[str, object]]
"""All that declarations and functions can read of a project but what others throw: by the kind of read, what decides
its answers, by name."""


def _names(index: Index) -> dict[str, Mapping[str, object]]:
    """The part that declarations read: what names stand for."""
    entries = index.entries.items()
    kinds = {name: type(entry.declaration) for name, entry in entries}
    looked_into = (syntax.Alias, syntax.Enum)
    definitions = {name: entry.declaration for name, entry in entries if isinstance(entry.declaration, looked_into)}
    return {"kind": kinds, "definition": definitions}


def _declared_surface(index: Index, world: World) -> dict[str, Mapping[str, object]]:
    """The part that only functions read.  Of a template string its parameters count."""
    declarations: dict[str, object] = {e.name: e.declaration for e in index.of(syntax.Class, syntax.Enum, syntax.Alias)}
    for entry in index.of(syntax.TemplateString):
        assert isinstance(entry.declaration, syntax.TemplateString)
        declarations[entry.name] = entry.declaration.parameters
    return {
        "declaration": declarations,
        "class": world.classes,
        "enum": world.enums,
        "signature": dict(world.signatures),  # inferred throws are put into the world's own later
        "recursive_alias": world.annotated_aliases,
        "contract": world.contracts,
    }


def _changes(before: Surface, now: Surface) -> dict[str, frozenset[str] | None]:
    """By kind of read, the names whose answers may have changed (None for any); kinds without one are left out."""
    changed: dict[str, frozenset[str] | None] = {}
    for kind, answers in now.items():
        known = before.get(kind, {})
        if answers is known or answers == known:
            continue
        changed[kind] = frozenset(
            name for name in answers.keys() | known.keys() if answers.get(name) != known.get(name)
        )
    renamed = changed.get("kind")
    if renamed:
        # Inside a namespace names are written without it.
        changed["qualify"] = frozenset(
            ".".join(p[n:]) for p in (name.split(".") for name in renamed) for n in range(len(p))
        )
        changed["visible"] = None
    if renamed or "definition" in changed:
        changed["alias"] = None
    return changed


def _lookups(
    scope: Scope, world: World, resolver: TypeResolver, changed: Mapping[str, frozenset[str] | None]
) -> Lookups:
    """How each kind of read that has ``changed`` is asked again; see :meth:`bamlvm.compiler.reads.Reads.note`."""

    def declaration(name: str) -> syntax.Declaration | None:
        entry = scope.project.entries.get(name)
        return entry.declaration if entry is not None else None

    def kind(name: str) -> type[syntax.Declaration] | None:
        entry = scope.project.entries.get(name)
        return type(entry.declaration) if entry is not None else None

    def alias(name: str) -> object:
        entry = scope.project.entries.get(name)
        return resolver.alias(entry) if entry is not None and isinstance(entry.declaration, syntax.Alias) else None

    ask: Mapping[str, Callable[..., Any]] = {
        "qualify": scope.qualify,
        "visible": scope.visible,
        "kind": kind,
        "definition": declaration,
        "declaration": declaration,
        "alias": alias,
        "class": world.shape_of,
        "enum": world.enum,
        "signature": world.signature,
        "recursive_alias": world.recursive_alias,
        "contract": world.contracts.get,
    }
    return {kind: Lookup(ask[kind], names) for kind, names in changed.items()}
