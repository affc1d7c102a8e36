"""Added types as BAML text, to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bamlvm.vm.program.declarations import Additions
from bamlvm.vm.program.types import (
    Attribute,
    AttributedType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    bare,
    render,
)


def baml_text(additions: Additions, declared: Mapping[str, Any]) -> str:
    """Return added types as BAML; additions to those ``declared`` are ``dynamic``."""
    return "\n\n".join(_texts(additions, declared))


def _texts(additions: Additions, declared: Mapping[str, Any]) -> Iterable[str]:
    for info in additions.classes:
        head = "dynamic class" if info.name in declared else "class"
        rows = [f"{field.name} {_typed(field.annotated)}{_attributes(field.attributes)}" for field in info.fields]
        yield _block(f"{head} {info.name}", rows, info.attributes)
    for enum in additions.enums:
        head = "dynamic enum" if enum.name in declared else "enum"
        rows = [f"{variant.name}{_attributes(variant.attributes)}" for variant in enum.variants]
        yield _block(f"{head} {enum.name}", rows, enum.attributes)
    for name, type_ in additions.annotated_aliases:
        yield f"type {name} = {_typed(type_)}"


def _block(head: str, rows: list[str], attributes: Iterable[Attribute]) -> str:
    lines = [*rows, *(f"@{_attributes((each,)).strip()}" for each in attributes)]
    return f"{head} {{\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _typed(type_: Type) -> str:
    if bare(type_) is type_:
        return render(type_)
    match type_:
        case AttributedType(item, attributes):
            return f"{_grouped(item)}{_attributes(attributes)}"
        case ListType(item):
            return f"{_grouped(item)}[]"
        case MapType(key, value):
            return f"map<{_typed(key)}, {_typed(value)}>"
        case UnionType(parts):
            return " | ".join(_grouped(part) if isinstance(part, AttributedType) else _typed(part) for part in parts)
        case _:
            return render(bare(type_))


def _grouped(type_: Type) -> str:
    text = _typed(type_)
    return f"({text})" if isinstance(type_, AttributedType | UnionType) else text


def _attributes(attributes: Iterable[Attribute]) -> str:
    found = ""
    for each in attributes:
        if each.name == "default":
            continue  # of a schema: BAML has none
        arguments = [str(value) if isinstance(value, float) else render(LiteralType(value)) for value in each.arguments]
        if each.name in ("assert", "check") and each.arguments:
            arguments = [str(each.arguments[0])]
        if each.expression is not None:
            arguments.append(f"{{{{{each.expression}}}}}")
        found += f" @{each.name}" + (f"({', '.join(arguments)})" if arguments else "")
    return found
