"""Which handlers throw again what they catch, and so need to know where it was thrown.

A ``catch`` tests the value's type arm by arm, and at the end throws again what no arm took.  To note where a value was
thrown takes several times as long as to catch it; so a translation notes it only for values with which the tests may
end at a ``rethrow``: for panics alone, where the last arm is ``_``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from bamlvm.vm.facts import ANY, Fact, of_type
from bamlvm.vm.flow import Flow
from bamlvm.vm.program.types import ClassType, Primitive, Type, bare, is_panic, members

_Test: TypeAlias = Callable[[Type], "bool | None"]
"""Whether a value is of a type; None where that is not known."""

_MAX_WAYS: Final = 64
"""Ways through a handler's tests that are followed for one value."""

_COMPARISONS: Final = frozenset(("cmp_op", "equal", "not_equal"))
_SCALARS: Final = frozenset(("int", "float", "string", "bool", "null"))


class _Way(NamedTuple):
    """A way through a handler's tests, at the start of a block.  Of locals and operands it knows ``"error"``, what was
    caught, ``"value"``, the value in it, and the results of tests."""

    block: int
    locals: dict[int, str | bool | None]
    stack: list[str | bool | None]


class Handlers:
    """The handlers of one function."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._rethrown: dict[int, frozenset[int]] = {}
        self._any_rethrows = any(each.name == "rethrow" for each in flow.code)
        self._panics_alone: dict[int, bool] = {}
        changed = self._any_rethrows
        while changed:
            before = self._rethrown
            self._rethrown = {each: self._rethrown_from(each, flow.blocks[each].start) for each in flow.order}
            changed = self._rethrown != before

    def rethrows(self, handler: int, fact: Fact) -> bool:
        """Whether the handler may throw again a value of which a fact is known."""
        return self._reaches_rethrow(handler, lambda type_: _is_of(fact, type_))

    def rethrows_panics_alone(self, handler: int) -> bool:
        """Whether the handler throws nothing again, or panics alone."""
        if handler not in self._panics_alone:
            self._panics_alone[handler] = not self._reaches_rethrow(handler, _no_panic_is_of)
        return self._panics_alone[handler]

    def _reaches_rethrow(self, handler: int, test: _Test) -> bool:
        if not self._any_rethrows:
            return False
        below: list[str | bool | None] = [None] * (self._flow.blocks[handler].depth - 1)
        ways = [_Way(handler, {}, [*below, "error"])]
        for _ in range(_MAX_WAYS):
            if not ways:
                return False
            further = self._follow(ways.pop(), test)
            if further is None:
                return True
            ways += further
        return True

    def _follow(self, way: _Way, test: _Test) -> list[_Way] | None:
        """Return the ways on from a block; None if the error is thrown again.

        A way ends at the first instruction that is not one of the tests' if nothing throws the error again from there.
        """
        block, known, stack = self._flow.blocks[way.block], dict(way.locals), list(way.stack)
        for at in range(block.start, block.end):
            name, operands = self._flow.code[at].name, self._flow.code[at].operands
            if name == "store_local":
                known[operands[0]] = stack.pop()
            elif name == "load_local":
                stack.append(known.get(operands[0]))
            elif name == "load_const":
                stack.append(None)
            elif name in _COMPARISONS:
                stack[-2:] = [None]
            elif name == "caught_value":
                stack.append("value" if stack.pop() == "error" else None)
            elif name == "is_type":
                type_ = self._flow.function_of(self._flow.code[at]).types[operands[0]]
                stack.append(test(type_) if stack.pop() == "value" else None)
            elif name in ("pop_jump_if_true", "pop_jump_if_false"):
                result, jumps = stack.pop(), name == "pop_jump_if_true"
                jump, onward = block.successors
                goals = [jump] * (result is not (not jumps)) + [onward] * (result is not jumps)
                return [_Way(goal, known, stack) for goal in goals]
            elif name == "rethrow":
                return None
            elif name != "jump":  # an arm, or a test of another kind
                later = self._rethrown_from(way.block, at)
                return None if "error" in stack or any(known.get(each) == "error" for each in later) else []
        return [_Way(goal, known, stack) for goal in block.successors]

    def _rethrown_from(self, block: int, start: int) -> frozenset[int]:
        """Return the locals whose errors are thrown again after an instruction of a block, as far as is known."""
        code = self._flow.code
        found = {local for each in self._flow.edges[block] for local in self._rethrown.get(each, ())}
        for at in range(self._flow.blocks[block].end - 1, start - 1, -1):
            if code[at].name == "store_local":
                found.discard(code[at].operands[0])
            elif code[at].name == "load_local" and code[at + 1].name == "rethrow":
                found.add(code[at].operands[0])
        return frozenset(found)


def _is_of(fact: Fact, type_: Type) -> bool | None:
    """Whether values of a fact are of a type; None if some may be and others not."""
    results = {_is_of_member(fact, each) for each in members(type_)}
    return True if True in results else None if None in results else False


def _is_of_member(fact: Fact, type_: Type) -> bool | None:
    if fact == ANY:
        return None
    match type_:
        case Primitive(name) if name in _SCALARS:
            return fact.kind == name
        case ClassType(name) if of_type(type_).kind != "" and fact.kind != "instance":
            return False
        case ClassType(name) if fact.type is not None and isinstance(declared := bare(fact.type), ClassType):
            return declared.name == name
    return None


def _no_panic_is_of(type_: Type) -> bool | None:
    """Whether a value that is no panic is of a type: not of one that has panics alone."""
    return False if all(map(is_panic, members(type_))) else None
