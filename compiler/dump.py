"""The stages as text, for people and for snapshots.

The hir and the tir are printed one line a node, children indented, types after a colon.  One generic printer serves
both, from the structs' own fields, so that a new node needs no printer.  Places are left out: a snapshot should change
where meaning changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from bamlvm.compiler import STAGES, hir, mir, tir
from bamlvm.compiler.project import Stages
from bamlvm.grammar.dump import render_tokens, render_tree
from bamlvm.vm.disassembler import disassemble
from bamlvm.vm.opcodes import CODES, TABLE
from bamlvm.vm.program.types import Type, render
from bamlvm.vm.program.unit import Unit

_LOCAL_FIELDS = frozenset({"local", "binding", "subject"})
_LOCALS_FIELDS = frozenset({"captures", "assigned"})


def render_stage(files: Mapping[str, str], stages: Stages, stage: str) -> str:
    """Print one stage of a compiled project.  Raise :class:`ValueError` for an unknown stage."""
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
            parts = [render_mir(function) for functions in stages.mir.values() for function in functions]
        case "bytecode":
            unit = stages.unit or Unit()
            parts = [disassemble(placed.function) for placed in unit.functions.values()]
        case _:
            raise ValueError(f"unknown stage {stage!r}: one of {', '.join(STAGES)}")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def render_hir(function: hir.Function) -> str:
    """Print one function of the hir."""
    throws = f" throws {render(function.throws)}" if function.throws is not None else ""
    lines = [f"{_head(function)}{throws}"]
    lines.extend(_defaults(function, tuple(p.default for p in function.parameters)))
    lines.extend(_tree(function, function.body, "", 1))
    return "\n".join(lines)


def render_tir(function: tir.Function) -> str:
    """Print one function of the tir, with its locals' types and what it throws."""
    lines = [f"{_head(function)} throws {render(function.throws)}"]
    for local, (info, type_) in enumerate(zip(function.locals, function.local_types, strict=True)):
        kept = " in a cell" if info.shared else " captured" if info.captured else ""
        lines.append(f"  local {_local(function, local)}: {render(type_)}{kept}")
    lines.extend(_defaults(function, function.defaults))
    lines.extend(_tree(function, function.body, "", 1))
    return "\n".join(lines)


def render_mir(function: mir.Function) -> str:
    """Print one function of the mir: its blocks, each with the handlers that protect it, innermost first."""
    head = f"function {function.name}({', '.join(function.parameters)})"
    if function.capture_count:
        head += f" captures {function.capture_count}"
    lines = [head]
    for block in function.blocks:
        protected = (
            f"  catch {' '.join(f'L{h.target}@{h.depth}' for h in reversed(block.handlers))}" if block.handlers else ""
        )
        lines.append(f"  L{block.label}:{protected}")
        lines.extend(f"    {_instruction(function, instruction)}" for instruction in block.instructions)
    return "\n".join(lines)


def _head(function: hir.Function | tir.Function) -> str:
    result = render(function.result) if function.result is not None else "_"
    if function.is_global:
        return f"const {function.name}: {result}"
    parameters = ", ".join(f"{_local(function, p.local)}: {render(p.type)}" for p in function.parameters)
    return f"function {function.name}({parameters}) -> {result}"


def _instruction(function: mir.Function, instruction: mir.Instruction) -> str:
    words = [instruction.opcode]
    for kind, operand in zip(TABLE[CODES[instruction.opcode]].operands, instruction.operands, strict=True):
        match kind, operand:
            case "local", int():
                words.append(f"%{operand}:{function.local_names[operand]}")
            case "target", _:
                words.append(f"L{operand}")
            case _, mir.Const(_, value):
                words.append(
                    repr(value) if not isinstance(value, bool | None) else str(value).lower().replace("none", "null")
                )
            case _, mir.Table(keys, labels, default):
                words.extend(f"{key!r}→L{label}" for key, label in zip(keys, labels, strict=True))
                words.append(f"else→L{default}")
            case _:
                words.append(str(operand))
    return " ".join(words)


def _defaults(function: hir.Function | tir.Function, defaults: tuple[hir.Expr | tir.Expr | None, ...]) -> Iterator[str]:
    for parameter, default in zip(function.parameters, defaults, strict=True):
        if default is not None:
            yield from _tree(function, default, f"default {parameter.name} = ", 1)


def _local(function: hir.Function | tir.Function, local: int) -> str:
    return f"%{local}:{function.locals[local].name}"


def _tree(function: hir.Function | tir.Function, node: msgspec.Struct, label: str, depth: int) -> Iterator[str]:
    words: list[str] = [type(node).__name__]
    children: list[tuple[str, msgspec.Struct | str]] = []
    type_ = ""
    for field in msgspec.structs.fields(node):
        value = getattr(node, field.name)
        if field.name in ("start", "end", "name_start", "operator_start"):
            continue
        if field.name == "type" and isinstance(node, tir.Typed):
            type_ = f" : {render(value)}"
        elif field.name in _LOCAL_FIELDS and isinstance(value, int):
            words.append(_local(function, value))
        elif field.name in _LOCALS_FIELDS:
            if value:
                words.append(f"{field.name} {' '.join(_local(function, each) for each in sorted(value))}")
        elif isinstance(value, hir.Node | tir.Node):
            children.append((f"{field.name}: ", value))
        elif isinstance(value, tuple) and any(isinstance(each, hir.Node | tir.Node | None) for each in value):
            children.extend((f"{field.name}: ", "default" if each is None else each) for each in value)
        elif value is not None or field.name == "value":
            shown = _scalar(field.name, value)
            if shown:
                words.append(shown)
    yield f"{'  ' * depth}{label}{' '.join(words)}{type_}"
    for name, child in children:
        if isinstance(child, str):
            yield f"{'  ' * (depth + 1)}{name}{child!r}"
        else:
            yield from _tree(function, child, name, depth + 1)


def _scalar(name: str, value: object) -> str:
    """Print a field that is not a node: names as they are, constants as literals; "" for a flag that is off."""
    if value is False and name != "value":
        return ""
    if name in ("value", "text"):
        return msgspec.json.encode(value).decode()
    if isinstance(value, Type):
        return render(value)
    if isinstance(value, str):
        return value
    return name if value is True else "" if value == () else f"{name}={value}"
