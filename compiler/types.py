"""Types made of types: what follows from a type alone, whatever the project declares.

:mod:`bamlvm.compiler.solver` compares types and takes them apart by what a project declares.
"""

from __future__ import annotations

from collections.abc import Mapping

from bamlvm.compiler.hir import UNSTATED
from bamlvm.vm.program.declarations import EnumInfo, has_attribute
from bamlvm.vm.program.types import (
    FLOAT,
    FUTURE,
    NULL,
    UNKNOWN,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariableType,
    VariantType,
    literal_base,
    members,
    union,
)


def widen(type_: Type) -> Type:
    """Return ``type_`` with literals replaced by their primitive and variants by their enum."""
    match type_:
        case LiteralType():
            return literal_base(type_)
        case VariantType(enum, _):
            return EnumType(enum)
        case UnionType(parts):
            return union(widen(part) for part in parts)
        case _:
            return type_


def literal_type(value: str | int | float | bool | None) -> Type:
    """Return the type of a constant."""
    if value is None:
        return NULL
    if isinstance(value, float):
        return FLOAT
    return LiteralType(value)


def substitute(type_: Type, bindings: Mapping[str, Type]) -> Type:
    """Return ``type_`` with its type variables replaced."""
    match type_:
        case VariableType(name):
            return bindings.get(name, type_)
        case ListType(item):
            return ListType(substitute(item, bindings))
        case MapType(key, value):
            return MapType(substitute(key, bindings), substitute(value, bindings))
        case UnionType(parts):
            return union(substitute(part, bindings) for part in parts)
        case FunctionType(parameters, result, throws):
            return FunctionType(
                tuple(substitute(each, bindings) for each in parameters),
                substitute(result, bindings),
                substitute(throws, bindings),
            )
        case ClassType(name, arguments) if arguments:
            return ClassType(name, tuple(substitute(each, bindings) for each in arguments))
        case _:
            return type_


def unstated(type_: Type) -> Type:
    """Return ``type_`` with the throws of its function types UNSTATED."""
    match type_:
        case ListType(item):
            return ListType(unstated(item))
        case MapType(key, value):
            return MapType(key, unstated(value))
        case UnionType(parts):
            return union(unstated(part) for part in parts)
        case FunctionType(parameters, result, _):
            return FunctionType(tuple(unstated(each) for each in parameters), unstated(result), UNSTATED)
        case _:
            return type_


def erased(type_: Type) -> Type:
    """Return what a test for ``type_`` shows of a value: nothing of what the types behind a class's name say."""
    match type_:
        case ClassType(name, arguments) if arguments:
            return ClassType(name, (UNKNOWN,) * len(arguments))
        case ListType(item):
            return ListType(erased(item))
        case MapType(key, value):
            return MapType(key, erased(value))
        case UnionType(parts):
            return union(erased(part) for part in parts)
        case _:
            return type_


def joined_futures(type_: Type) -> Type:
    """Return a union with its types of futures joined to one: a future of any of them is of that type."""
    parts = members(type_)
    futures = [part for part in parts if isinstance(part, ClassType) and part.name == FUTURE]
    if len(futures) < 2:
        return type_
    value, error = (union(each.arguments[place] for each in futures) for place in (0, 1))
    return union((*(part for part in parts if part not in futures), ClassType(FUTURE, (value, error))))


def is_dynamic(info: EnumInfo | None) -> bool:
    """Whether an enum may have more variants than those declared."""
    return info is not None and has_attribute(info.attributes, "dynamic")


def is_open(type_: Type) -> bool:
    """Whether a type is an inference variable."""
    return type(type_) is VariableType and type_.name.startswith("?")
