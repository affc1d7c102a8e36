"""The call graph of a project: which functions call each other, and so are checked together, callees first.

Before types are known a call of a method is a call of every method of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bamlvm.compiler import hir
from bamlvm.vm.program.cycles import components


class Group(NamedTuple):
    """Functions that call each other, by name; ``recursive`` where one may come to call itself."""

    names: Sequence[str]
    recursive: bool


class CallGraph:
    """Groups the functions of a project; as long as what they mention is the same, the groups are."""

    def __init__(self) -> None:
        self._mentions: dict[str, frozenset[str]] = {}
        self._groups: list[Group] = []

    def groups(self, functions: Mapping[str, hir.Function]) -> list[Group]:
        """The groups, callees first; in one group, in the order given."""
        mentions = {name: function.mentions for name, function in functions.items()}
        if mentions != self._mentions or list(mentions) != list(self._mentions):
            methods = _by_method(functions)
            edges = {name: _callees(function, functions, methods) for name, function in functions.items()}
            self._groups = [Group(names, len(names) > 1 or names[0] in edges[names[0]]) for names in components(edges)]
            self._mentions = mentions
        return self._groups


def _by_method(functions: Mapping[str, hir.Function]) -> dict[str, list[str]]:
    """Methods by ``.name``, which is all that is known of a method call before types are."""
    found: dict[str, list[str]] = {}
    for name in functions:
        owner, _, method = name.rpartition(".")
        if owner:
            found.setdefault(f".{method}", []).append(name)
    return found


def _callees(
    function: hir.Function, functions: Mapping[str, hir.Function], methods: Mapping[str, list[str]]
) -> list[str]:
    found: list[str] = []
    for mention in sorted(function.mentions):
        found.extend(methods.get(mention, ()) if mention.startswith(".") else [mention])
    return [name for name in found if name in functions]
