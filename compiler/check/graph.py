"""The call graph of a project: the groups of functions that call each other, callees first.

Before types are known a call of a method counts as a call of every method of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bamlvm.compiler import hir
from bamlvm.vm.program.cycles import components


class Group(NamedTuple):
    """Functions that call each other, by name; ``recursive`` if one may call itself, directly or not."""

    names: Sequence[str]
    recursive: bool


class CallGraph:
    """Groups the functions of a project; the groups are kept while what the functions mention does not change."""

    def __init__(self) -> None:
        self._mentions: dict[str, frozenset[str]] = {}
        self._groups: list[Group] = []

    def groups(self, functions: Mapping[str, hir.Function]) -> list[Group]:
        """Return the groups, callees first; within a group, in the order given."""
        mentions = {name: function.mentions for name, function in functions.items()}
        if mentions != self._mentions or list(mentions) != list(self._mentions):
            methods = _by_method(functions)
            edges = {name: _callees(function, functions, methods) for name, function in functions.items()}
            self._groups = [Group(names, len(names) > 1 or names[0] in edges[names[0]]) for names in components(edges)]
            self._mentions = mentions
        return self._groups


def _by_method(functions: Mapping[str, hir.Function]) -> dict[str, list[str]]:
    """Return methods by ``.name``, which is all that is known of a method call before types are."""
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
