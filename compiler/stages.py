"""The stages as text: ``tokens ast hir tir mir bytecode``, for people and for snapshots."""

from __future__ import annotations

from collections.abc import Mapping

from bamlvm.compiler import mir
from bamlvm.compiler.dump import render_hir, render_tir
from bamlvm.compiler.project import Stages, run_stages
from bamlvm.grammar.dump import render_tokens, render_tree
from bamlvm.vm.disassembler import disassemble
from bamlvm.vm.program.unit import Unit

STAGES = ("tokens", "ast", "hir", "tir", "mir", "bytecode")
"""In the order in which they are made."""


def render_stage(files: Mapping[str, str], stages: Stages, stage: str) -> str:
    """One stage of a project that :func:`bamlvm.compiler.project.run_stages` has run.

    Raises :class:`ValueError` for a stage that is none.
    """
    match stage:
        case "tokens":
            parts = [f"// {path}\n{render_tokens(files[path])}" for path in sorted(files)]
        case "ast":
            parts = [f"// {file.path}\n{render_tree(file)}" for file in stages.files]
        case "hir":
            parts = [render_hir(function) for function in stages.hir.values()]
        case "tir":
            parts = [render_tir(function) for function in stages.tir.values()]
        case "mir":
            parts = [mir.render(function) for functions in stages.mir.values() for function in functions]
        case "bytecode":
            unit = stages.unit or Unit()
            parts = [disassemble(placed.function) for placed in unit.functions.values()]
        case _:
            raise ValueError(f"no stage is called {stage!r}; there are {', '.join(STAGES)}")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def dump_files(files: Mapping[str, str], stage: str, standard: Unit, optimize: bool = True) -> str:
    """One stage of a project as text."""
    return render_stage(files, run_stages(files, standard, optimize=optimize), stage)
