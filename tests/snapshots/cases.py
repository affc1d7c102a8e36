"""The snapshot cases: every folder of ``tests/projects`` and the standard library, rendered stage by stage.

A case's snapshots are in ``tests/snapshots/<case>/``: one file a stage, and the rendered diagnostics with the sources
that they quote.  Tokens and syntax trees are long and rarely change: three projects, which between them hold most kinds
of nodes, have snapshots of them, and three have snapshots of what the second tier makes of their bytecode.  What holds
for every project is checked before a snapshot is made: spans nest, everything is typed, and assembling the disassembly
gives the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from bamlvm import stdlib
from bamlvm.compiler import STAGES
from bamlvm.compiler.dump import render_stage
from bamlvm.compiler.project import Stages, compile_project
from bamlvm.compiler.standard import compile_standard
from bamlvm.compiler.tir_verifier import verify
from bamlvm.grammar.dump import spans_nest
from bamlvm.grammar.excerpts import render
from bamlvm.grammar.source import SourceFile
from bamlvm.stages import render_python
from bamlvm.vm.disassembler import disassemble
from tests.support.assembler import assemble

TESTS = Path(__file__).parent.parent
SNAPSHOTS = TESTS / "snapshots"
STANDARD = "stdlib"
SYNTAX_STAGES = ("tokens", "ast")
SYNTAX_CASES = ("control_flow", "matching", "real_forms")
PYTHON_CASES = ("catching", "closures", "control_flow")


@cache
def standard_stages() -> Stages:
    """The standard library through every stage, optimised as it ships."""
    return compile_standard(stdlib.sources())


def names() -> list[str]:
    """The cases: the projects by folder, and the standard library."""
    return [STANDARD, *sorted(path.name for path in (TESTS / "projects").iterdir() if path.is_dir())]


def sources(case: str) -> dict[str, str]:
    """A case's sources by path."""
    if case == STANDARD:
        return stdlib.sources()
    folder = TESTS / "projects" / case
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.baml"))}


def stages(case: str) -> Stages:
    """A case through every stage."""
    if case == STANDARD:
        return standard_stages()
    standard = standard_stages().unit
    assert standard is not None, "the standard library does not compile"
    return compile_project(sources(case), standard)


def check_invariants(made: Stages) -> None:
    """What holds for every project, whatever its snapshot says."""
    for file in made.files:
        assert not (misplaced := spans_nest(file)), f"{file.path}: {misplaced[0]} reaches outside its parent"
    for checked in made.tir.values() if made.unit else ():
        verify(checked)
    for placed in made.unit.functions.values() if made.unit else ():
        function = placed.function
        # As bytes: NaN among the constants is equal to nothing.
        assembled, made_of = (msgspec.msgpack.encode(each) for each in (assemble(disassemble(function)), function))
        assert assembled == made_of, f"{function.name}: the disassembly loses something"


def snapshots(case: str) -> Iterator[tuple[Path, str]]:
    """A case's snapshots: file and text."""
    files, made = sources(case), stages(case)
    check_invariants(made)
    folder = SNAPSHOTS / case
    for number, stage in enumerate(STAGES, 1):
        if stage in SYNTAX_STAGES and case not in SYNTAX_CASES:
            continue
        yield folder / f"{number:02}_{stage}.txt", render_stage(files, made, stage)
    if case in PYTHON_CASES and made.unit is not None and (standard := standard_stages().unit) is not None:
        yield folder / f"{len(STAGES) + 1:02}_python.txt", render_python((standard, made.unit), made.unit.functions)
    texts = {path: SourceFile(path, text) for path, text in files.items()}
    rendered = [render(diagnostic, texts) for diagnostic in made.diagnostics]
    yield folder / "diagnostics.txt", "\n\n".join(rendered) + "\n" if rendered else "no diagnostics\n"
