"""What the names in a template mean, noted for editors (:mod:`bamlvm.compiler.uses`): variables, fields, items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from bamlvm.compiler.incremental import Reads
from bamlvm.compiler.templates.values import Enum, Value
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.vm.program.types import ClassType, EnumType, UnionType, VariantType

Place: TypeAlias = Callable[[int, int], tuple[int, int]]
"""From a range of the template's text to the range of the item that it was made from."""


class Meanings:
    """The names of one template, whose variables are the parameters of ``function`` (None for an expression)."""

    def __init__(
        self,
        declaration: syntax.Declaration,
        function: str | None,
        parameters: Mapping[str, object],
        reads: Reads,
        source: Place,
    ) -> None:
        self._declaration = declaration
        self._function = function
        self._parameters = parameters
        self._reads = reads
        self._source = source

    def name(self, place: int, name: str, value: Value, set_at: int) -> None:
        """Note a variable, that the template has set at ``set_at`` (-1: it is a parameter or built in)."""
        symbol: Symbol | None = None
        if set_at >= 0:
            symbol = Symbol("variable", self._function or self._declaration.name, name, set_at)
        elif self._function is not None and name in self._parameters:
            symbol = Symbol("parameter", self._function, name)
        self._refer(place, name, symbol or Symbol("variable", "", name), value)

    def item(self, place: int, name: str, value: Value) -> None:
        """Note an enum or template string."""
        self._refer(place, name, Symbol("item", "", name), value)

    def member(self, place: int, name: str, owner: Value, value: Value) -> None:
        """Note a field, a variant, or a member of what is built in."""
        for part in owner.members if isinstance(owner, UnionType) else (owner,):
            if isinstance(part, ClassType | Enum):
                self._refer(place, name, Symbol("member", part.name, name), value)
            elif not isinstance(part, EnumType | VariantType):
                self._refer(place, name, Symbol("variable", "", name), value)

    def missing(self, place: int, name: str, owner: Value | None, visible: Mapping[str, Value]) -> None:
        """Note a name that means nothing."""
        start, end = self._source(place, place + len(name))
        self._reads.miss(self._declaration, start, end, owner, dict(visible))

    def _refer(self, place: int, name: str, symbol: Symbol, value: Value) -> None:
        start, end = self._source(place, place + len(name))
        self._reads.refer(self._declaration, start, end, symbol, value)
