"""Optimisation of the mir, at -O1: folded constants, threaded jumps, merged and dropped blocks, fused instructions.

Every pass preserves meaning exactly: a constant operation that would panic is left to panic at run time.  ``loop`` is
never threaded or merged away: it is where a running program can be interrupted.

The passes run until a round changes no block; only blocks that the round before has changed are simplified again.
"""

from __future__ import annotations

from typing import Final

from bamlvm.compiler import mir
from bamlvm.compiler.fold import FOLDABLE, fold
from bamlvm.vm.opcodes import CODES, FUSIONS, TABLE


def optimize(function: mir.Function) -> None:
    """Optimise ``function`` in place."""
    changed = function.blocks
    for _ in range(10):
        for block in changed:
            _simplify(block)
            _cut_after_end(block)
        _thread(function)
        mir.remove_unreachable(function)
        changed = _merge(function)
        if not changed:
            break
    _return_at_once(function)
    _handlers_last(function)
    for block in function.blocks:
        _fuse(block)


# --- within a block ---------------------------------------------------------------------------------------------------

_PUSHES_ONLY: Final = frozenset({"load_const", "load_local", "load_cell", "copy", "load_variant"})
_BRANCHES: Final = frozenset({"pop_jump_if_false", "pop_jump_if_true"})
_SIMPLIFIED: Final = FOLDABLE | _BRANCHES | {"pop"}
_POPS: Final = {row.name: row.pops for row in TABLE}


def _simplify(block: mir.Block) -> None:
    """Fold constants and drop pushes that are popped at once: a peephole over the end of what was kept so far."""
    # A rewriting may enable another one before it (`1 + 2 + 3`), so the end is rewritten until nothing applies.
    kept: list[mir.Instruction] = []
    for instruction in block.instructions:
        kept.append(instruction)
        while kept and kept[-1].opcode in _SIMPLIFIED and _rewrite(kept):
            pass
    block.instructions = kept


def _rewrite(kept: list[mir.Instruction]) -> bool:
    """Rewrite the end of ``kept`` once; return whether anything applied."""
    if len(kept) < 2:
        return False
    last, before = kept[-1], kept[-2]
    if last.opcode == "pop":
        if before.opcode in _PUSHES_ONLY:
            del kept[-2:]
            return True
        return False
    if last.opcode in _BRANCHES:
        return _rewrite_branch(kept, before, last)
    count = _POPS[last.opcode]
    if len(kept) <= count:
        return False
    pushed = []
    for each in kept[-1 - count : -1]:
        constant = _constant(each)
        if constant is None:
            return False
        pushed.append(constant.value)
    folded = fold(last, pushed)
    if folded is None:
        return False
    del kept[-1 - count :]
    kept.append(mir.Instruction("load_const", (mir.constant(folded.value),), last.start))
    return True


def _rewrite_branch(kept: list[mir.Instruction], before: mir.Instruction, last: mir.Instruction) -> bool:
    wanted = last.opcode == "pop_jump_if_true"
    if before.opcode == "unary_op" and before.operands == ("!",):
        opcode = "pop_jump_if_false" if wanted else "pop_jump_if_true"
        kept[-2:] = [mir.Instruction(opcode, last.operands, last.start)]
        return True
    if (constant := _constant(before)) is not None:
        # The branch is decided: it becomes a jump, and `_cut_after_end` removes the one after it; or it is dropped.
        kept[-2:] = [mir.Instruction("jump", last.operands, last.start)] if constant.value is wanted else []
        return False
    return False


def _constant(instruction: mir.Instruction) -> mir.Const | None:
    """Return the constant that an instruction pushes, or None."""
    if instruction.opcode != "load_const":
        return None
    operand = instruction.operands[0]
    assert isinstance(operand, mir.Const)
    return operand


def _cut_after_end(block: mir.Block) -> None:
    instructions = block.instructions
    if len(instructions) > 1 and instructions[-2].opcode in mir.ENDS:  # only a decided branch leaves a second end
        del instructions[-1]


# --- between blocks ---------------------------------------------------------------------------------------------------


def _thread(function: mir.Function) -> None:
    """Retarget jumps past blocks that only jump on."""
    onward = {
        block.label: mir.targets(block.instructions[0])[0]
        for block in function.blocks
        if block.instructions[0].opcode == "jump"
    }
    final: dict[mir.Label, mir.Label] = {}
    for label in onward:
        seen = {label}  # blocks may jump on in a circle
        target = onward[label]
        while target in onward and target not in seen:
            seen.add(target)
            target = onward[target]
        if target != label:
            final[label] = target
    if final:
        for block in function.blocks:
            mir.retarget(block, final)


def _return_at_once(function: mir.Function) -> None:
    """Replace jumps to a block that only returns by the return."""
    returns = {b.label: b.instructions[0] for b in function.blocks if b.instructions[0].opcode == "return"}
    if not returns:
        return
    for block in function.blocks:
        last = block.instructions[-1]
        if last.opcode == "jump":
            (target,) = mir.targets(last)
            block.instructions[-1] = returns.get(target, last)
    mir.remove_unreachable(function)


def _handlers_last(function: mir.Function) -> None:
    """Lay out last the blocks that only a throw reaches, so that normal control flow does not jump over them."""
    if not any(block.handlers for block in function.blocks):
        return
    blocks = {block.label: block for block in function.blocks}
    normal: set[mir.Label] = set()
    waiting = [function.blocks[0].label]
    while waiting:
        label = waiting.pop()
        if label not in normal:
            normal.add(label)
            waiting.extend(mir.exits(blocks[label]))
    function.blocks.sort(key=lambda block: block.label not in normal)


def _merge(function: mir.Function) -> list[mir.Block]:
    """Append a block to the only block that jumps to it, if the same handlers protect both; return the blocks that
    grew."""
    incoming: dict[mir.Label, int] = {function.blocks[0].label: 1}
    blocks: dict[mir.Label, mir.Block] = {}
    for block in function.blocks:
        blocks[block.label] = block
        for handler in block.handlers:
            incoming[handler.target] = incoming.get(handler.target, 0) + 2  # never merged: a throw enters it
        for target in mir.exits(block):
            incoming[target] = incoming.get(target, 0) + 1
    gone: set[mir.Label] = set()
    joined: list[mir.Block] = []
    for block in function.blocks:
        if block.label in gone:
            continue
        before = len(gone)
        while block.instructions[-1].opcode == "jump":
            (target,) = mir.targets(block.instructions[-1])
            following = blocks[target]
            if incoming[target] != 1 or following.handlers != block.handlers or following is block:
                break
            branches = len(block.instructions) > 1 and block.instructions[-2].opcode in mir.BRANCHES
            # A conditional jump may only come right before the end of a block.
            if branches and len(following.instructions) > 1:
                break
            block.instructions[-1:] = following.instructions
            gone.add(target)
        if len(gone) > before:
            joined.append(block)
    if gone:
        function.blocks = [block for block in function.blocks if block.label not in gone]
    return [block for block in joined if block.label not in gone]


# --- fused instructions -----------------------------------------------------------------------------------------------


class _Run:
    """A node of the trie of fusible runs: the nodes of the next opcodes, and the fused opcode of the run so far, if
    any."""

    __slots__ = ("fused", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Run] = {}
        self.fused: tuple[str, int] | None = None


def _runs() -> dict[str, _Run]:
    root = _Run()
    for names, fused in FUSIONS.items():
        node = root
        for name in names:
            node = node.next.setdefault(name, _Run())
        node.fused = fused, TABLE[CODES[fused]].throws_at
    return root.next


_RUNS: Final = _runs()


def _fuse(block: mir.Block) -> None:
    """Replace runs of instructions by their fused opcode, the longest run first."""
    instructions = block.instructions
    fused: list[mir.Instruction] = []
    place, count = 0, len(instructions)
    while place < count:
        node = _RUNS.get(instructions[place].opcode)
        after, end, best = place + 1, place + 1, None
        while node is not None:
            if node.fused is not None:
                best, end = node.fused, after
            if after == count:
                break
            node = node.next.get(instructions[after].opcode)
            after += 1
        if best is None:
            fused.append(instructions[place])
        else:
            run = instructions[place:end]
            operands = tuple(operand for each in run for operand in each.operands)
            fused.append(mir.Instruction(best[0], operands, run[best[1]].start))
        place = end
    block.instructions = fused
