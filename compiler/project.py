"""A project through all stages: what ``compile`` means.

:class:`Stages` holds the result of every stage, for the dumps; :func:`compile_project` gives the unit alone.
Diagnostics of all stages come together, sorted; bytecode is made only where there is no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from bamlvm.compiler import config, hir, mir, tir
from bamlvm.compiler.check.functions import check_functions
from bamlvm.compiler.declare import World, declare
from bamlvm.compiler.emit import Lines, emit
from bamlvm.compiler.lower.functions import lower_function
from bamlvm.compiler.names import Index, Scope, index, reporter
from bamlvm.compiler.optimize import optimize as optimize_function
from bamlvm.compiler.resolve import Resolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic, sort
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.stdlib import NAMESPACES
from bamlvm.vm.program import Placed, Unit
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
    """Run every stage and keep what each made; ``namespaces`` gives the prefix of a file's names."""
    stages = Stages()
    found = stages.diagnostics
    sources = {path: SourceFile(path, files[path]) for path in sorted(files)}
    for source in sources.values():
        tree, diagnostics = parse_file(source)
        stages.files.append(tree)
        found.extend(diagnostics)
    stages.index = index(stages.files, namespaces or {}, found)
    scope = Scope(stages.index, standard)
    stages.world, resolver = declare(stages.index, scope, standard, found)
    world = stages.world
    for name, (entry, function) in world.bodies.items():
        stages.hir[name] = Resolver(entry, name, scope, world, resolver, reporter(entry, found)).function(function)
    clients = config.clients(stages.index, found)
    policies = config.retry_policies(stages.index, found)
    llm_functions = config.llm_functions(world, stages.index, found)
    config.check_tests(stages.index, world, found)
    config.check_generators(stages.index, found)
    stages.tir = check_functions(stages.hir, world, found)
    for name, checked in stages.tir.items():
        if name not in world.contracts:
            world.signatures[name] = msgspec.structs.replace(world.signatures[name], throws=checked.throws)
    found[:] = sort(found)
    if any(diagnostic.severity == "error" for diagnostic in found):
        return stages
    functions: dict[str, Placed] = {}
    variants = {
        name: [variant.name for variant in info.variants] for name, info in (standard.enums | world.enums).items()
    }
    for name, checked in stages.tir.items():
        item = world.bodies[name][0].item
        line, column = sources[item.file].position(item.offset)  # from 1; a unit's positions are from 0
        lines = Lines(item.text)
        lowered = lower_function(checked, variants)
        for part in lowered:
            if optimize:
                optimize_function(part)
            mir.verify(part)
            code = emit(part, lines)
            verify(code)
            functions[part.name] = Placed(code, item.file, line - 1, column - 1)
        stages.mir[name] = lowered
    stages.unit = Unit(
        functions,
        world.signatures,
        world.classes,
        world.enums,
        world.aliases,
        llm_functions,
        clients,
        policies,
        config.templates(stages.index),
    )
    return stages
