"""Where the generated programs get their decisions from, and the variables they have in reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    FunctionType,
    LiteralType,
    Type,
    VariantType,
    literal_base,
    members,
)

T = TypeVar("T")


class Choices:
    """Decisions out of bytes: one byte a decision; the first option for ever once they are used up.

    Fewer and smaller bytes make a simpler program, so that hypothesis can shrink one.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def exhausted(self) -> bool:
        return self._place >= len(self._data)

    def below(self, limit: int) -> int:
        """A number from 0 up to, not with, ``limit``."""
        if self.exhausted:
            return 0
        self._place += 1
        return self._data[self._place - 1] % limit

    def chance(self, percent: int) -> bool:
        return not self.exhausted and self.below(100) >= 100 - percent

    def pick_far(self, options: Sequence[T]) -> T:
        """One of more than 256 options."""
        return options[(self.below(256) * 256 + self.below(256)) % len(options)]

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]


def fits(source: Type, target: Type) -> bool:
    """Assignability, as far as generated programs rely on it."""
    wanted = set(members(target))
    for part in members(source):
        if part in wanted or (isinstance(part, LiteralType) and literal_base(part) in wanted):
            continue
        if isinstance(part, VariantType) and any(str(each) == part.enum for each in wanted):
            continue
        return False
    return True


@dataclass
class Variable:
    """``shared``: lambdas may use it although it is assigned to, so nothing is ever known of it beyond its type."""

    name: str
    type: Type
    mutable: bool
    shared: bool
    level: int
    """How many lambdas are around its declaration."""


@dataclass
class Scope:
    """What is in reach at one place of a function."""

    result: Type
    throws: list[Type] | None
    """What may be thrown (None: anything)."""
    variables: list[Variable] = field(default_factory=list)
    narrowed: dict[str, Type] = field(default_factory=dict)
    assigned: list[str] = field(default_factory=list)
    level: int = 0
    loops: int = 0
    thrown: list[Type] = field(default_factory=list)

    once: dict[str, list[Type]] = field(default_factory=dict)
    """What has ever been known of a variable."""

    def narrow(self, name: str, type_: Type) -> None:
        self.narrowed[name] = type_
        self.once.setdefault(name, []).append(type_)

    def known(self, variable: Variable) -> Type:
        return self.narrowed.get(variable.name, variable.type)

    def reachable(self) -> list[Variable]:
        """Variables by name, the innermost of a name; in a lambda none of those that only one function may assign."""
        seen: set[str] = set()
        found = []
        for variable in reversed(self.variables):
            if variable.name not in seen:
                seen.add(variable.name)
                if variable.level == self.level or not variable.mutable or variable.shared:
                    found.append(variable)
        return found

    def of_type(self, wanted: Type) -> list[Variable]:
        return [each for each in self.reachable() if fits(self.known(each), wanted)]

    def exactly(self, wanted: Type) -> list[Variable]:
        return [each for each in self.reachable() if self.known(each) == wanted]

    def assign(self, variable: Variable) -> None:
        """Forget what was known of it, here and (on leaving) in the blocks around."""
        self.narrowed.pop(variable.name, None)
        self.assigned.append(variable.name)


SCALARS: tuple[Type, ...] = (INT, STRING, BOOL, FLOAT)


def is_function(type_: Type) -> bool:
    return isinstance(type_, FunctionType)
