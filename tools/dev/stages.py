"""Any stage of any function, the standard library's too, and the source that it comes from.

The stages of one version of a program are made when somebody first asks for one, and those of the standard library
likewise, once.  A function is shown with the functions inside it (its lambdas and defaults, ``F$…``); tokens and tree
are those of the item that it is written in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bamlvm import stdlib
from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from bamlvm.errors import CompileError, HostError
from bamlvm.stages import STAGES, render_python

if TYPE_CHECKING:
    from bamlvm.build.loading import Loader
    from bamlvm.compiler.project import Stages as Compiled
    from bamlvm.grammar import syntax
    from bamlvm.vm.program.unit import Unit

_LOCK: Final = threading.Lock()
"""Held while something is compiled: several requests ask for the same."""


class _Part(NamedTuple):
    """The program's own sources, or those of the standard library."""

    files: Mapping[str, str]
    compiled: Compiled


class Stages:
    """The stages of one version of a program; ``loader`` is that of its project."""

    def __init__(self, files: Mapping[str, str], loader: Loader) -> None:
        self._files = files
        self._loader = loader

    def text(self, function: str, stage: str) -> str:
        """Return a stage of a function as text.

        Raises :class:`bamlvm.HostError` for an unknown function or stage, and :class:`bamlvm.CompileError`.
        """
        if stage not in STAGES:
            raise HostError(f"unknown stage {stage!r}: one of {', '.join(STAGES)}")
        with _LOCK:
            part, unit = self._part_of(function)
            parts = [*_rendered(part, unit, function, stage)]
        return "\n\n".join(each.rstrip("\n") for each in parts) + "\n"

    def source(self, function: str) -> dict[str, Any]:
        """Return the ``file`` that a function is in, its ``text``, and the ``line`` where the function begins.

        Raises as :meth:`text` does.
        """
        with _LOCK:
            part, unit = self._part_of(function)
        placed = unit.functions[function]
        item = _item(part, unit, function)
        text = part.files[placed.file]
        line = placed.first_line if item is None else text.count("\n", 0, item.offset + _start(item, function))
        return {"file": placed.file, "text": text, "line": line + 1}

    @cached_property
    def _own(self) -> _Part:
        return _Part(self._files, self._loader.stages(self._files))

    def _part_of(self, function: str) -> tuple[_Part, Unit]:
        for part in (self._own, None):
            found = part or _standard()
            if found.compiled.unit is None:
                raise CompileError(found.compiled.diagnostics, found.files)
            if function in found.compiled.unit.functions:
                return found, found.compiled.unit
        raise HostError(f"the program has no function {function!r}")


def library() -> list[str]:
    """Return the names of the functions of the standard library that are written in BAML."""
    functions = load_standard(True, Cache.default()).functions
    return sorted(name for name in functions if "$" not in name)


@cache
def _standard() -> _Part:
    from bamlvm.compiler.standard import compile_standard

    sources = stdlib.sources()
    return _Part(sources, compile_standard(sources))


def _rendered(part: _Part, unit: Unit, function: str, stage: str) -> Iterable[str]:
    from bamlvm.compiler.dump import render_hir, render_mir, render_tir
    from bamlvm.grammar.dump import render_tokens, render_tree
    from bamlvm.grammar.syntax import File
    from bamlvm.vm.disassembler import disassemble

    compiled = part.compiled
    family = [name for name in unit.functions if name == function or name.startswith(f"{function}$")]
    match stage:
        case "tokens" | "ast":
            item = _item(part, unit, function)
            if item is not None:
                yield render_tokens(item.text) if stage == "tokens" else render_tree(File(item.file, (item,)))
        case "hir":
            yield from (render_hir(compiled.hir[name]) for name in family if name in compiled.hir)
        case "tir":
            yield from (render_tir(compiled.tir[name]) for name in family if name in compiled.tir)
        case "mir":
            for name in family:
                yield from map(render_mir, compiled.mir.get(name, ()))
        case "bytecode":
            yield from (disassemble(unit.functions[name].function) for name in family)
        case _:
            standard = load_standard(True, Cache.default())
            units = (unit,) if part is _standard() else (standard, unit)
            yield render_python(units, family)


def _item(part: _Part, unit: Unit, function: str) -> syntax.Item | None:
    """Return the item that a function is written in."""
    placed = unit.functions[function]
    lines = part.files[placed.file].split("\n")
    place = sum(len(line) + 1 for line in lines[: placed.first_line]) + placed.first_column
    for file in part.compiled.files:
        if file.path == placed.file:
            for item in file.items:
                if item.offset <= place <= item.offset + len(item.text):
                    return item
    return None


def _start(item: syntax.Item, function: str) -> int:
    """Return where a function begins in its item, behind its doc comment."""
    name = function.partition("$")[0].rpartition(".")[2]
    methods = getattr(item.declaration, "methods", ())
    return next((each.start for each in methods if each.name == name), item.declaration.start)
