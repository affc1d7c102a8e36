"""Jump tables: a constant that is looked up where all ways lead to one, else a chain of tests or a search by halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bamlvm.vm.facts import Fact
from bamlvm.vm.flow import Block, Flow
from bamlvm.vm.names import Names
from bamlvm.vm.operands import Line
from bamlvm.vm.structure import Context, Structure
from bamlvm.vm.symbolic import MAX_CHAIN

MAX_ROW: Final = 64
"""Constants that a jump table becomes a row of, by key."""


class Switches(Structure):
    """The code of a function, with jump tables."""

    def __init__(self, flow: Flow, names: Names) -> None:
        super().__init__(flow)
        self._names = names

    def _switch(self, index: int, key: str, known: Fact, context: Context, following: int | None, indent: int) -> None:
        """Write the jump table at the end of a block; ``key`` is the text of what it looks up."""
        flow = self._flow
        last = flow.code[flow.blocks[index].end - 1]
        table = flow.function_of(last).tables[last.operands[0]]

        def block_of(place: int) -> int:
            return flow.block_at[flow.first[last.body, place]]

        def edge(target: int, indent: int) -> list[Line]:
            return self._captured(lambda: self._edge(index, target, context, following, indent))

        results = [self._left_constant(block_of(place)) for place in (*table.targets, table.default)]
        left = [each for each in results if each is not None]
        if len(left) == len(results) and len({goal for _, goal in left}) == 1:  # a table of constants
            constants, goal = [value for value, _ in left], left[0][1]
            by_key = dict(zip(table.keys, constants, strict=False))
            if known.is_int and known.low >= 0 and known.high < MAX_ROW:  # a place in a row is found sooner
                row = tuple(by_key.get(each, constants[-1]) for each in range(known.high + 1))
                text = f"{self._names.constant(row)}[{key}]"
            else:
                text = f"{self._names.constant(by_key.get)}({key}, {self._names.constant(constants[-1])})"
            if goal is None:
                self._emit(indent, f"return {text}")
            else:
                self._emit(indent, f"s{flow.blocks[block_of(table.default)].depth} = {text}")
                self._jump(goal, context, following, indent)
            return
        default = block_of(table.default)
        targets = [block_of(place) for place in table.targets]
        if len(targets) > MAX_CHAIN:
            numbers = self._names.constant({key: number for number, key in enumerate(table.keys)}.get)
            self._emit(indent, f"case = {numbers}({key}, {len(targets)})")
            self._cases([*targets, default], 0, edge, indent)
            return

        def chain(number: int, indent: int) -> list[Line]:
            if number == len(targets):
                return edge(default, indent)
            test = f"{key} == {self._names.constant(table.keys[number])}"
            holding = edge(targets[number], indent + 1)
            failing = chain(number + 1, indent + 1)
            return self._captured(lambda: self._if(test, holding, failing, indent))

        self._lines += chain(0, indent)

    def _cases(self, targets: Sequence[int], low: int, edge: Callable[[int, int], list[Line]], indent: int) -> None:
        """Write a search for ``case`` by halves."""
        if len(targets) == 1:
            self._lines += edge(targets[0], indent)
            return
        half = len(targets) // 2
        lower = self._captured(lambda: self._cases(targets[:half], low, edge, indent + 1))
        upper = self._captured(lambda: self._cases(targets[half:], low + half, edge, indent + 1))
        self._if(f"case < {low + half}", lower, upper, indent)

    def _left_constant(self, index: int) -> tuple[object, int | None] | None:
        """The constant that a block returns (or leaves to the block where it goes), if it does nothing else."""
        block = self._flow.blocks[index]
        code = self._flow.code[block.start : block.end]
        names = [each.name for each in code]
        if names != ["load_const", "return"] and (names != ["load_const", "jump"] or not self._is_merge(block)):
            return None
        value = self._flow.function_of(code[0]).constants[code[0].operands[0]]
        return value, block.successors[0] if block.successors else None

    def _is_merge(self, block: Block) -> bool:
        """Whether a block goes on to a merge."""
        return block.successors[0] in self._flow.merges
