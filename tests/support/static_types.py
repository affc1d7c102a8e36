"""What the checker says of every expression of a program, by its place; and whether a value is so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bamlvm.compiler import tir
from bamlvm.compiler.hir import ERROR
from bamlvm.compiler.project import Stages
from bamlvm.vm.program.types import UNKNOWN, FunctionType, ListType, MapType, Type, UnionType, VariableType, bare, union
from bamlvm.vm.type_tests import is_type

_MATCHING = {
    "Literal": (tir.Constant,),
    "Name": (tir.Local,),
    "Binary": (tir.Operation, tir.Logical),
    "Call": (tir.CallNamed, tir.CallValue, tir.CallMethod),
    "Member": (tir.Field,),
}
"""Which nodes of the tir may stand for a node of the tree, where several begin and end at one place."""


class StaticTypes:
    """The types of a compiled program's expressions, and what its functions throw."""

    def __init__(self, stages: Stages) -> None:
        self._found: dict[tuple[str, int, int], list[tir.Typed]] = {}
        self._throws: dict[str, Type] = {}
        self._aliases = {name: bare(type_) for name, type_ in stages.symbols.annotated_aliases.items()}
        for name, function in stages.tir.items():
            item = stages.symbols.bodies[name][0].name
            self._throws[name] = stages.symbols.contracts.get(name, function.throws)
            for root in (function.body, *(each for each in function.defaults if each is not None)):
                for node in _walk(root):
                    self._found.setdefault((item, node.start, node.end), []).append(node)

    def check(self, item: str, start: int, end: int, kind: str, value: Any) -> None:
        """Raise :class:`AssertionError` if an expression that was evaluated has a type that its value is not of."""
        nodes = self._found.get((item, start, end), [])
        wanted = _MATCHING.get(kind, tir.Typed)
        types = [each.type for each in nodes if isinstance(each, wanted)]
        if types:
            shown = " or ".join(f"`{type_}`" for type_ in types)
            assert any(self._conforms(value, type_) for type_ in types), (
                f"{item} {start}:{end}: {value!r} is no {shown}"
            )

    def check_thrown(self, function: str, value: Any) -> None:
        """Raise :class:`AssertionError` if a function throws what its throws set has not."""
        throws = self._throws[function]
        assert self._conforms(value, throws), f"{function} throws {value!r}, not `{throws}`"

    def _conforms(self, value: Any, type_: Type) -> bool:
        return is_type(value, _loose(type_), self._aliases)


def _walk(node: Any) -> Iterator[tir.Typed]:
    if isinstance(node, tir.Typed):
        yield node
    if isinstance(node, tir.Node):
        for field in msgspec.structs.fields(node):
            yield from _walk(getattr(node, field.name))
    elif isinstance(node, tuple):
        for each in node:
            yield from _walk(each)


def _loose(type_: Type) -> Type:
    """``type_`` with what cannot be told of a value left open: what functions take, what is not inferred."""
    match type_:
        case FunctionType() | VariableType():
            return UNKNOWN
        case ListType(item):
            return ListType(_loose(item))
        case MapType(key, value):
            return MapType(key, _loose(value))
        case UnionType(parts):
            return union(map(_loose, parts))
        case _:
            return UNKNOWN if type_ == ERROR else type_


def is_panic(value: Any) -> bool:
    """Whether a thrown value is one of the machine's own, which no throws set has."""
    return getattr(value, "class_name", "").startswith("baml.panics.")
