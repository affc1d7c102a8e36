"""The hir and the tir as text: one line a node, children indented, types after a colon.

One generic printer serves both, from the structs' own fields, so that a new node needs no printer.  Places are left out
but for the line of a statement: a snapshot should change where meaning changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bamlvm.compiler import hir, tir
from bamlvm.vm.program.types import Type, render

_LOCAL_FIELDS = frozenset({"local", "binding", "subject"})
_LOCALS_FIELDS = frozenset({"captures", "assigned"})


def render_hir(function: hir.Function) -> str:
    """One function of the hir."""
    parameters = ", ".join(f"{_local(function, p.local)}: {render(p.type)}" for p in function.parameters)
    throws = f" throws {render(function.throws)}" if function.throws is not None else ""
    lines = [f"function {function.name}({parameters}) -> {render(function.result)}{throws}"]
    lines.extend(_defaults(function, tuple(p.default for p in function.parameters)))
    lines.extend(_tree(function, function.body, "", 1))
    return "\n".join(lines)


def render_tir(function: tir.Function) -> str:
    """One function of the tir, with its locals' types and what it throws."""
    parameters = ", ".join(f"{_local(function, p.local)}: {render(p.type)}" for p in function.parameters)
    lines = [f"function {function.name}({parameters}) -> {render(function.result)} throws {render(function.throws)}"]
    for local, (info, type_) in enumerate(zip(function.locals, function.local_types, strict=True)):
        kept = " in a cell" if info.shared else " captured" if info.captured else ""
        lines.append(f"  local {_local(function, local)}: {render(type_)}{kept}")
    lines.extend(_defaults(function, function.defaults))
    lines.extend(_tree(function, function.body, "", 1))
    return "\n".join(lines)


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
    """A field that is no node: names as they are, constants as literals, types as types; nothing for what is off."""
    if value is False and name != "value":
        return ""
    if name in ("value", "text"):
        return msgspec.json.encode(value).decode()
    if isinstance(value, Type):
        return render(value)
    if isinstance(value, str):
        return value
    return name if value is True else "" if value == () else f"{name}={value}"
