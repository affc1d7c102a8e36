"""A project through all stages.

:class:`Project` compiles a set of files.  Given them again, changed, it does again only what the change touches: an
item is parsed again if its text changed; a function is resolved, checked and emitted again if its source changed or
something that it read of the project did (:mod:`bamlvm.compiler.incremental`).  :class:`Stages` holds what every stage
made.  Diagnostics of all stages come together, sorted; bytecode is made only where none of them is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

import msgspec

from bamlvm.compiler import config, hir, mir, tir
from bamlvm.compiler.check.functions import Group, Known, check_functions
from bamlvm.compiler.declare import KeptDeclarations, declare
from bamlvm.compiler.emit import Lines, emit
from bamlvm.compiler.globals import check_globals
from bamlvm.compiler.incremental import Memo, Reads
from bamlvm.compiler.index import EntryCache, Index, declared, index, reporter
from bamlvm.compiler.lower.functions import lower_function
from bamlvm.compiler.optimize import optimize as optimize_function
from bamlvm.compiler.resolve.functions import resolve_function, resolve_global
from bamlvm.compiler.schemas import check_schemas
from bamlvm.compiler.scope import Scope, namespaces_of
from bamlvm.compiler.surface import Surface, changes, declarations_surface, lookups, names_surface
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates import check_templates
from bamlvm.compiler.templates.constraints import check_constraints
from bamlvm.compiler.tests import TestedFunctions, check_tests, tests
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.compiler.uses import Noted, Use
from bamlvm.grammar import syntax
from bamlvm.grammar.allowances import without_allowed
from bamlvm.grammar.diagnostics import Diagnostic, sort
from bamlvm.grammar.parser import ItemCache, parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.vm.program.code import Function, Placed
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.verifier import verify


@dataclass
class Stages:
    """What each stage made.  Where a diagnostic is an error, mir is empty and ``unit`` is None."""

    files: list[syntax.File] = field(default_factory=list)
    index: Index = field(default_factory=Index)
    symbols: Symbols = field(default_factory=lambda: Symbols(Unit()))
    hir: dict[str, hir.Function] = field(default_factory=dict)
    tir: dict[str, tir.Function] = field(default_factory=dict)
    mir: dict[str, list[mir.Function]] = field(default_factory=dict)
    unit: Unit | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    noted: list[Sequence[Noted]] = field(default_factory=list)
    """What names mean, if the project records it, in the order in which that was found."""

    @cached_property
    def uses(self) -> Mapping[int, list[Noted]]:
        """What names mean, by the identity of the declaration that they are written in; each once."""
        found: dict[int, dict[object, Noted]] = {}
        for part in self.noted:
            for each in part:
                meaning = each.symbol if isinstance(each, Use) else None
                found.setdefault(id(each.declaration), {})[each.start, each.end, meaning] = each
        return {key: [*each.values()] for key, each in found.items()}


class _Parsed(NamedTuple):
    """A file as it was last parsed."""

    source: SourceFile
    tree: syntax.File
    diagnostics: list[Diagnostic]


class _Emitted(NamedTuple):
    """A function's code with the lambdas in it, and the tir that it was made from."""

    source: tir.Function
    lowered: list[mir.Function]
    code: list[Function]


class Project:
    """A set of files that is compiled again and again.  Not safe to share between threads.

    ``standard`` is the compiled standard library; ``namespaces`` has the prefix of a file's names, by path.  With
    ``record_uses`` the stages have what names mean (:mod:`bamlvm.compiler.uses`).
    """

    def __init__(
        self,
        standard: Unit,
        *,
        namespaces: Mapping[str, str] | None = None,
        optimize: bool = True,
        record_uses: bool = False,
    ) -> None:
        self._standard = standard
        self._namespaces = namespaces or {}
        self._namespaces_of_standard = namespaces_of(declared(standard))
        self._optimize = optimize
        self._record_uses = record_uses
        self._last: tuple[dict[str, str], Stages] | None = None
        self._parsed: dict[str, _Parsed] = {}
        self._items: ItemCache = {}
        self._entries: EntryCache = {}
        self._declared = KeptDeclarations.empty()
        self._surface: Surface = {}
        self._hir: Memo[hir.Function] = Memo()
        self._tir: Memo[Group] = Memo()
        self._tests: Memo[TestedFunctions] = Memo()
        self._known = Known()
        self._templates: Memo[None] = Memo()
        self._constraints: Memo[None] = Memo()
        self._emitted: dict[str, _Emitted] = {}

    def recover(self, files: Mapping[str, str]) -> Stages:
        """Return the stages of the project as it is now with what could be read of items with syntax errors.

        This is for editors: diagnostics may follow from what could not be read, and there is neither mir nor unit.
        """
        stages = Stages()
        self._parse(files, stages)
        for place, file in enumerate(stages.files):
            if file.recovered:
                items = sorted((*file.items, *file.recovered), key=lambda item: item.offset)
                unread = set(file.unread) - {item.declaration.name for item in file.recovered}
                stages.files[place] = syntax.File(file.path, tuple(items), tuple(sorted(unread)))
        self._analyse(stages)
        self._last = None
        return stages

    def update(self, files: Mapping[str, str], *, emit: bool = True) -> Stages:
        """Compile the project as it is now: all of its files, by path.

        Without ``emit`` only the stages that diagnostics need are made.
        """
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
        read: dict[str, _Parsed] = {}
        for path in sorted(files):
            kept = self._parsed.get(path)
            if kept is None or kept.source.text != files[path]:
                source = SourceFile(path, files[path])
                kept = _Parsed(source, *parse_file(source, self._items))
            read[path] = kept
            stages.files.append(kept.tree)
            stages.diagnostics.extend(kept.diagnostics)
        self._parsed = read
        used = {item.text for each in read.values() for item in each.tree.items}
        if len(self._items) > 2 * len(used) + 64:
            self._items = {text: item for text, item in self._items.items() if text in used}

    def _analyse(self, stages: Stages) -> config.Configuration:
        """Make index, declarations, hir and tir; return the configuration."""
        found = stages.diagnostics
        reads = Reads(record_uses=self._record_uses)
        stages.index = index(stages.files, self._namespaces, found, self._entries)
        scope = Scope(stages.index, self._standard, reads, self._namespaces_of_standard)
        symbols = stages.symbols = Symbols(self._standard, reads)
        resolver = TypeResolver(scope, symbols, found)
        names = names_surface(stages.index)
        changed = lookups(scope, symbols, resolver, changes(self._surface, names))
        declare(stages.index, symbols, resolver, self._declared, changed, found)
        surface = names | declarations_surface(stages.index, symbols)
        changed = lookups(scope, symbols, resolver, changes(self._surface, surface))
        self._surface = surface
        for name, (entry, function) in symbols.bodies.items():
            kept = self._hir.find(name, (function,), changed)
            if kept is None:
                report = reporter(entry, found)
                make = partial(resolve_function, function, name, entry, scope, symbols, resolver, report)
                kept = self._hir.make(name, (function,), reads, found, make)
            stages.hir[name] = kept.result
        for name, constant in symbols.globals.items():
            kept = self._hir.find(name, (constant.declaration,), changed)
            if kept is None or kept.result.result != constant.type:
                report = reporter(constant.entry, found)
                make = partial(resolve_global, constant, name, scope, symbols, resolver, report)
                kept = self._hir.make(name, (constant.declaration,), reads, found, make)
            stages.hir[name] = kept.result
        self._hir.turn()
        stages.tir = check_functions(stages.hir, symbols, found, self._tir, self._known, changed)
        self._tir.turn()
        check_globals(stages.tir, symbols, found)
        check_templates(stages.index, symbols, resolver, self._templates, changed, found)
        check_constraints(stages.index, symbols, resolver, self._constraints, changed, found)
        check_tests(stages.index, symbols, self._tests, changed, found)
        configuration = config.configuration(stages.index, symbols, found)
        check_schemas(stages.index, symbols, found)
        for name, checked in stages.tir.items():
            if (
                not checked.is_global
                and name not in symbols.contracts
                and checked.throws != symbols.signatures[name].throws
            ):
                symbols.signatures[name] = msgspec.structs.replace(symbols.signatures[name], throws=checked.throws)
        if reads.uses is not None:
            declared, functions = self._declared, (*self._hir.uses, *self._tir.uses)
            prompts = (*self._templates.uses, *self._constraints.uses, *self._tests.uses)
            stages.noted = [reads.uses, *declared.classes.uses, *declared.heads.uses, *functions, *prompts]
        sources = {path: parsed.source for path, parsed in self._parsed.items()}
        found[:] = sort(without_allowed(found, sources))
        return configuration

    def _emit(self, stages: Stages) -> None:
        """Make the mir and the bytecode of functions that changed."""
        enums = self._standard.enums | stages.symbols.enums
        variants = {name: [variant.name for variant in info.variants] for name, info in enums.items()}
        emitted: dict[str, _Emitted] = {}
        lines_of: dict[str, Lines] = {}  # the methods of a class share one text
        for name, checked in stages.tir.items():
            kept = self._emitted.get(name)
            if kept is None or kept.source is not checked:
                is_llm = not checked.is_global and stages.symbols.signatures[name].kind == "llm"
                lowered = lower_function(checked, variants, is_llm)
                text = stages.symbols.entry_of(name).item.text
                lines = lines_of.get(text) or lines_of.setdefault(text, Lines(text))
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
        symbols = stages.symbols
        functions: dict[str, Placed] = {}
        for name, emitted in self._emitted.items():
            item = symbols.entry_of(name).item
            # A source's positions count from 1, a unit's from 0.
            line, column = self._parsed[item.file].source.position(item.offset)
            for code in emitted.code:
                functions[code.name] = Placed(code, item.file, line - 1, column - 1)
        return Unit(
            functions,
            symbols.signatures,
            symbols.classes,
            symbols.enums,
            symbols.annotated_aliases,
            configuration.llm_functions,
            configuration.clients,
            configuration.retry_policies,
            configuration.templates,
            tests(stages.index, symbols, lambda item: self._parsed[item.file].source.position(item.offset)[0] - 1),
            config.generators(stages.index),
            {name: stages.tir[name].result for name in symbols.globals},
        )


def compile_project(files: Mapping[str, str], standard: Unit, *, optimize: bool = True) -> Stages:
    """Compile the sources of a project, by path, once; ``standard`` is the compiled standard library."""
    return Project(standard, optimize=optimize).update(files)
