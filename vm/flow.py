"""The control flow of one function: basic blocks, dominators, natural loops, and the loops that count.

The blocks hold plain instructions (:mod:`bamlvm.vm.inlining`), each with the index of the instruction that it is (part
of), its *place*.  A block protected by a row of the exception table has an edge to that row's handler.

A block that several edges enter is a *merge*.  The structured code that :mod:`bamlvm.vm.translate` makes (after Ramsey,
"Beyond Relooper", ICFP 2022) puts each merge behind the code of its immediate dominator, or behind the outermost loop
that it leaves: :attr:`Flow.followers`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from bamlvm.vm.inlining import Callees, Instruction, PlainCode
from bamlvm.vm.opcodes import CODES, MAY_THROW, TABLE
from bamlvm.vm.outcomes import TURNS
from bamlvm.vm.program.code import Function

MAX_INSTRUCTIONS: Final = 4_000
"""Plain instructions of the largest function that is worth a translation."""

COUNTED: Final = 1 << 31
"""A counting loop's counter and step are guessed to stay at most this, so that sums and products of them fit 64
bits."""

MAX_STEP: Final = 1 << 12
"""A constant that a local steps by, at most, if it is guessed to stay within :data:`COUNTED`."""


_COMPARISONS: Final = frozenset(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "cmp_op"))


class Unsupported(Exception):  # noqa: N818 (no error: the function stays interpreted)
    """A function that stays interpreted, and why."""


class Protection(NamedTuple):
    """What a throw in a block does: go to the block ``handler`` with the stack cut to ``depth``."""

    handler: int
    depth: int


class Block:
    """Instructions ``start`` to ``end`` that run in a row.  ``depth`` is the operand stack's before the first."""

    __slots__ = ("depth", "end", "index", "protection", "start", "successors")

    def __init__(self, index: int, start: int, end: int) -> None:
        self.index = index
        self.start = start
        self.end = end
        self.depth = 0
        self.successors: list[int] = []
        self.protection: Protection | None = None


class Stepping(NamedTuple):
    """By how much a turn of a loop takes a local down and up, at most."""

    down: int
    up: int


class Counting(NamedTuple):
    """A loop ``while counter < bound { …; counter += step }`` whose bound and step it does not change.

    ``bound`` and ``step`` are ``load_local`` or ``load_const``; ``latch`` is the block with the addition, at its end.
    """

    counter: int
    bound: Instruction
    inclusive: bool
    step: Instruction
    latch: int


class Flow:
    """The control flow of ``function`` when it is entered at the instruction ``entry``; ``callees`` are the functions
    that may be put in place of their calls.

    Raises :class:`Unsupported` for code that is too long or has a loop with two entries.
    """

    def __init__(self, function: Function, entry: int = 0, callees: Callees | None = None) -> None:
        self.function = function
        if len(function.code) > MAX_INSTRUCTIONS * 2:
            raise Unsupported(f"code of {len(function.code)} numbers")
        made = PlainCode(function, callees)
        self.code, self.first, self.bodies, self.local_count = made.code, made.first, made.bodies, made.local_count
        if len(self.code) > MAX_INSTRUCTIONS:
            raise Unsupported(f"{len(self.code)} instructions")
        self._depths = made.depths
        self.blocks, self.block_at = self._cut(entry)
        self.entry = self.block_at[self.first[None, entry]]
        self.edges = {block.index: list(_targets(block)) for block in self.blocks}
        self.order = self._reverse_postorder()
        self.number = {block: number for number, block in enumerate(self.order)}
        self.predecessors: dict[int, list[int]] = {block: [] for block in self.order}
        for block in self.order:
            for target in self.edges[block]:
                self.predecessors[target].append(block)
        self.dominator = self._dominators()
        self.loops = self._loops()
        self.merges, self.followers = self._place_merges()

    def function_of(self, instruction: Instruction) -> Function:
        """The function whose code an instruction is part of."""
        return self.function if instruction.body is None else instruction.body.linked.placed.function

    def compared_constants(self) -> list[object]:
        """The constants that comparisons have as an operand: where a counter may stop."""
        code = self.code
        at = [index for index, each in enumerate(code) if each.name in _COMPARISONS]
        operands = [operand for index in at for operand in code[max(index - 2, 0) : index]]
        return [self.function_of(each).constants[each.operands[0]] for each in operands if each.name == "load_const"]

    def instructions_of(self, blocks: Iterator[int] | frozenset[int]) -> Iterator[tuple[int, Instruction]]:
        """The instructions of some blocks, with their indexes."""
        for index in blocks:
            block = self.blocks[index]
            yield from enumerate(self.code[block.start : block.end], block.start)

    def is_back_edge(self, source: int, target: int) -> bool:
        """Whether an edge goes back to the header of a loop."""
        return target in self.loops and self.number[target] <= self.number[source]

    def innermost(self, block: int) -> int | None:
        """The header of the smallest loop around a block."""
        around = [header for header, body in self.loops.items() if block in body]
        return min(around, key=lambda header: len(self.loops[header]), default=None)

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _jumps(self, instruction: Instruction) -> list[int]:
        """Where an instruction may jump, as indexes."""
        row = TABLE[CODES[instruction.name]]
        if "target" in row.operands:
            return [instruction.operands[row.operands.index("target")]]
        if instruction.name == "jump_table":
            table = self.function_of(instruction).tables[instruction.operands[0]]
            return [self.first[instruction.body, place] for place in (*table.targets, table.default)]
        return []

    def _cut(self, entry: int) -> tuple[list[Block], dict[int, int]]:
        function, code, first = self.function, self.code, self.first
        starts = {0, first[None, entry]}
        for index, instruction in enumerate(code):
            targets = self._jumps(instruction)
            if instruction.name == "jump" and targets == [index + 1]:
                continue  # out of a body, at its end: the block goes on
            starts.update(targets)
            if TABLE[CODES[instruction.name]].flow != "next":
                starts.add(index + 1)
        for handler in function.handlers:
            starts.update(first[None, place] for place in (handler.start, handler.end, handler.target))
        starts.discard(len(code))
        order = sorted(starts)
        blocks = [
            Block(n, start, end) for n, (start, end) in enumerate(zip(order, [*order[1:], len(code)], strict=True))
        ]
        self._starts = order
        block_at = {block.start: block.index for block in blocks}
        # Whatever leads to a mere jump leads to where that goes; a jump to itself is left alone.
        alone = [each for each in blocks if each.end - each.start == 1]
        jumps = {each.index: code[each.start] for each in alone if code[each.start].name == "jump"}
        for block in blocks:
            goal, seen = block.index, set[int]()
            while goal in jumps and goal not in seen:
                seen.add(goal)
                goal = block_at[jumps[goal].operands[0]]
            block_at[block.start] = goal
        for block in blocks:
            last = code[block.end - 1]
            block.successors = [block_at[target] for target in self._jumps(last)]
            if TABLE[CODES[last.name]].flow in ("next", "branch"):
                block.successors.append(block_at[block.end])
            begun = code[block.start]
            place = begun.place if begun.body is None else begun.body.outermost_call
            block.depth = self._depths[block.start]
            for handler in function.handlers:  # innermost first
                if handler.start <= place < handler.end:
                    if any(each.name in MAY_THROW and each.name != "loop" for each in code[block.start : block.end]):
                        block.protection = Protection(block_at[first[None, handler.target]], handler.depth)
                    break
        return blocks, block_at

    # --- order, dominators, loops -------------------------------------------------------------------------------------

    def _reverse_postorder(self) -> list[int]:
        seen, done = {self.entry}, []
        stack = [(self.entry, iter(self.edges[self.entry]))]
        while stack:
            block, targets = stack[-1]
            target = next((each for each in targets if each not in seen), None)
            if target is None:
                done.append(block)
                stack.pop()
            else:
                seen.add(target)
                stack.append((target, iter(self.edges[target])))
        return done[::-1]

    def _dominators(self) -> dict[int, int]:
        """Each block's immediate dominator (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm")."""
        found = {self.entry: self.entry}
        changed = True
        while changed:
            changed = False
            for block in self.order[1:]:
                known = [each for each in self.predecessors[block] if each in found]
                new = known[0]
                for each in known[1:]:
                    new = self._common(found, each, new)
                if found.get(block) != new:
                    found[block] = new
                    changed = True
        return found

    def _common(self, dominator: dict[int, int], one: int, other: int) -> int:
        while one != other:
            while self.number[one] > self.number[other]:
                one = dominator[one]
            while self.number[other] > self.number[one]:
                other = dominator[other]
        return one

    def _dominates(self, block: int, other: int) -> bool:
        while self.number[other] > self.number[block]:
            other = self.dominator[other]
        return other == block

    def _loops(self) -> dict[int, frozenset[int]]:
        """The natural loops: the blocks of each, by its header."""
        bodies: dict[int, set[int]] = {}
        for source in self.order:
            for header in self.edges[source]:
                if self.number[header] > self.number[source]:
                    continue
                if not self._dominates(header, source):
                    raise Unsupported("a loop with two entries")
                body = bodies.setdefault(header, {header})
                waiting = [source]
                while waiting:
                    block = waiting.pop()
                    if block not in body:
                        body.add(block)
                        waiting += self.predecessors[block]
        return {header: frozenset(body) for header, body in bodies.items()}

    def _place_merges(self) -> tuple[frozenset[int], dict[int, list[int]]]:
        merges = set()
        followers: dict[int, list[int]] = {block: [] for block in self.order}
        for block in self.order[1:]:
            parent = self.dominator[block]
            left = [h for h, body in self.loops.items() if parent in body and block not in body]
            if left and self._ends(block):
                left = []  # it leaves the function: it can stand inside the loop, where it is decided
            forward = [each for each in self.predecessors[block] if self.number[each] < self.number[block]]
            ways = sum(_edge_count(self.blocks[each], block) for each in forward)
            if left or ways > 1:
                merges.add(block)
                owner = max(left, key=lambda header: len(self.loops[header])) if left else parent
                followers[owner].append(block)
        return frozenset(merges), followers

    def _ends(self, index: int) -> bool:
        """Whether a block that one edge enters leads to nothing but the end of the function."""
        block = self.blocks[index]
        if len(self.predecessors[index]) != 1 or index in self.loops or block.protection is not None:
            return False
        return all(map(self._ends, block.successors))

    # --- loops that step ----------------------------------------------------------------------------------------------

    def stepping(self, header: int) -> dict[int, Stepping]:
        """The locals that the loop at ``header`` only adds constants to, at most once a turn at each place."""
        body = self.loops[header]
        found: dict[int, Stepping] = {}
        others = set()
        for index, each in self.instructions_of(body):
            if each.name not in ("store_local", "make_cell"):
                continue
            local = each.operands[0]
            step = self._step(index)
            if step is None or self.innermost(self._block_of(index)) != header:
                others.add(local)
            else:
                down, up = found.get(local, Stepping(0, 0))
                found[local] = Stepping(down + max(-step, 0), up + max(step, 0))
        return {k: each for k, each in found.items() if k not in others and max(each) * TURNS <= COUNTED // 2}

    def _step(self, index: int) -> int | None:
        """What the store at ``index`` adds to its local: a small constant, or None."""
        if index < 3 or self.code[index].name != "store_local":
            return None
        load, constant, adds = self.code[index - 3 : index]
        if load.name != "load_local" or load.operands != self.code[index].operands or constant.name != "load_const":
            return None
        if adds.name not in ("add_int", "sub_int") or self._block_of(index) != self._block_of(index - 3):
            return None
        value = self.function_of(constant).constants[constant.operands[0]]
        if type(value) is not int or abs(value) > MAX_STEP:
            return None
        return value if adds.name == "add_int" else -value

    def _block_of(self, index: int) -> int:
        return bisect_right(self._starts, index) - 1

    # --- counting loops -----------------------------------------------------------------------------------------------

    def counting(self, header: int) -> Counting | None:
        """The counting loop that begins at ``header``, if it is one.

        Recognised is what the compiler makes of ``while`` and ``for`` with a counter: the header compares two loads,
        the only latch ends in ``counter + step`` stored into the counter, and nothing else in the loop stores into
        the counter, the bound or the step.
        """
        block, body = self.blocks[header], self.loops[header]
        head = self.code[block.start : block.end]
        shape = [each.name for each in head]
        if len(head) != 4 or block.depth or shape[0] != "load_local" or shape[1] not in ("load_local", "load_const"):
            return None
        if shape[2] not in ("less", "less_equal") or shape[3] != "pop_jump_if_false":
            return None
        outside, inside = block.successors
        latches = [each for each in self.predecessors[header] if each in body]
        if outside in body or inside not in body or len(latches) != 1:
            return None
        latch = self.blocks[latches[0]]
        tail = self.code[latch.end - 5 : latch.end]
        if latch.end - latch.start < 5 or [each.name for each in tail[2:]] != ["add_int", "store_local", "loop"]:
            return None
        counter, bound, step = head[0].operands[0], head[1], tail[1]
        if tail[0].name != "load_local" or tail[0].operands[0] != counter or tail[3].operands[0] != counter:
            return None
        if step.name not in ("load_const", "load_local") or latch.protection:
            return None
        fixed = {each.operands[0] for each in (bound, step) if each.name == "load_local"}
        if counter in fixed:
            return None
        for index, each in self.instructions_of(body):
            stores = each.name in ("store_local", "make_cell") and each.operands[0] in {*fixed, counter}
            if stores and index != latch.end - 2:
                return None
        constants = self.function_of(head[0]).constants
        if step.name == "load_const":
            value = constants[step.operands[0]]
            if type(value) is not int or not 0 < value < COUNTED:
                return None
        if bound.name == "load_const" and type(constants[bound.operands[0]]) is not int:
            return None
        return Counting(counter, bound, shape[2] == "less_equal", step, latch.index)


def _targets(block: Block) -> Iterator[int]:
    """The blocks that may follow, the handler last, each once."""
    handler = [block.protection.handler] if block.protection else []
    yield from dict.fromkeys([*block.successors, *handler])


def _edge_count(source: Block, target: int) -> int:
    handled = source.protection is not None and source.protection.handler == target
    return source.successors.count(target) + handled
