"""Optimisation of the mir, at -O1: folded constants, threaded jumps, merged and dropped blocks, fused instructions.

Every pass keeps meaning exactly: a constant operation that would panic is left to panic when it runs.  ``loop`` is
never threaded or merged away: it is where a running program can be stopped.
"""

from __future__ import annotations

from bamlvm.compiler import mir
from bamlvm.compiler.fold import fold
from bamlvm.vm.opcodes import CODES, FUSIONS, TABLE


def optimize(function: mir.Function) -> None:
    """Optimise ``function`` in place."""
    for _ in range(10):
        before = _size(function)
        for block in function.blocks:
            _simplify(block)
        _thread(function)
        mir.remove_unreachable(function)
        _merge(function)
        if _size(function) == before:
            break
    for block in function.blocks:
        _fuse(block)


def _size(function: mir.Function) -> tuple[int, int]:
    return len(function.blocks), sum(len(block.instructions) for block in function.blocks)


# --- within a block ---------------------------------------------------------------------------------------------------


def _simplify(block: mir.Block) -> None:
    """Fold constants and drop what only undoes itself, looking back over what was kept."""
    kept: list[mir.Instruction] = []
    for instruction in block.instructions:
        kept.append(instruction)
        while _rewrite(kept):
            pass
    block.instructions = kept


def _rewrite(kept: list[mir.Instruction]) -> bool:
    """One rewriting of the end of ``kept``; False where nothing applies."""
    last = kept[-1]
    before = kept[-2] if len(kept) > 1 else None
    if before is None:
        return False
    if last.opcode == "pop" and before.opcode in ("load_const", "load_local", "load_cell", "copy", "load_variant"):
        del kept[-2:]
        return bool(kept)
    if last.opcode in ("pop_jump_if_false", "pop_jump_if_true"):
        return _rewrite_branch(kept, before, last)
    count = TABLE[CODES[last.opcode]].pops
    pushed = [value.value for each in kept[-1 - count : -1] if (value := _constant(each)) is not None]
    folded = fold(last, pushed) if len(pushed) == count else None
    if folded is None:
        return False
    del kept[-1 - count :]
    kept.append(mir.Instruction("load_const", (mir.constant(folded.value),), last.start))
    return True


def _rewrite_branch(kept: list[mir.Instruction], before: mir.Instruction, last: mir.Instruction) -> bool:
    wanted = last.opcode == "pop_jump_if_true"
    if before.opcode == "unary_op" and before.operands == ("!",):
        kept[-2:] = [last._replace(opcode="pop_jump_if_false" if wanted else "pop_jump_if_true")]
        return True
    if (constant := _constant(before)) is not None:
        # The branch is decided: it becomes a jump, and the one behind it is dropped by the caller of this block.
        kept[-2:] = [mir.Instruction("jump", last.operands, last.start)] if constant.value is wanted else []
        return False
    return False


def _constant(instruction: mir.Instruction) -> mir.Const | None:
    """The constant that an instruction pushes, if it pushes one."""
    operand = instruction.operands[0] if instruction.opcode == "load_const" else None
    return operand if isinstance(operand, mir.Const) else None


# --- between blocks ---------------------------------------------------------------------------------------------------


def _thread(function: mir.Function) -> None:
    """Lead jumps to where they end up, past blocks that only jump on."""
    for block in function.blocks:
        _cut_after_end(block)
    onward = {
        block.label: mir.targets(block.instructions[0])[0]
        for block in function.blocks
        if block.instructions[0].opcode == "jump"
    }
    final: dict[mir.Label, mir.Label] = {}
    for label in onward:
        seen = [label]
        target = onward[label]
        while target in onward and target not in seen:
            seen.append(target)
            target = onward[target]
        if target != label:
            final[label] = target
    if final:
        for block in function.blocks:
            block.instructions = [mir.retarget(each, final) for each in block.instructions]
            block.handlers = tuple(h._replace(target=final.get(h.target, h.target)) for h in block.handlers)


def _cut_after_end(block: mir.Block) -> None:
    for place, instruction in enumerate(block.instructions):
        if instruction.opcode in mir.ENDS:
            del block.instructions[place + 1 :]
            return


def _merge(function: mir.Function) -> None:
    """Join a block to the one block that jumps to it, where the same handlers protect both."""
    incoming: dict[mir.Label, int] = {function.blocks[0].label: 1}
    for block in function.blocks:
        for handler in block.handlers:
            incoming[handler.target] = incoming.get(handler.target, 0) + 2
        for instruction in block.instructions:
            for target in mir.targets(instruction):
                incoming[target] = incoming.get(target, 0) + 1
    blocks = {block.label: block for block in function.blocks}
    gone: set[mir.Label] = set()
    for block in function.blocks:
        if block.label in gone:
            continue
        while block.instructions[-1].opcode == "jump":
            (target,) = mir.targets(block.instructions[-1])
            following = blocks[target]
            if incoming[target] != 1 or following.handlers != block.handlers or following is block:
                break
            branches = len(block.instructions) > 1 and block.instructions[-2].opcode in mir.BRANCHES
            if branches and len(following.instructions) > 1:
                break
            block.instructions[-1:] = following.instructions
            gone.add(target)
    function.blocks = [block for block in function.blocks if block.label not in gone]


# --- fused instructions -----------------------------------------------------------------------------------------------


def _fuse(block: mir.Block) -> None:
    """Replace runs of instructions that the machine has one opcode for, longest first."""
    longest = max((len(names) for names in FUSIONS), default=0)
    fused: list[mir.Instruction] = []
    place = 0
    while place < len(block.instructions):
        for length in range(min(longest, len(block.instructions) - place), 1, -1):
            run = block.instructions[place : place + length]
            opcode = FUSIONS.get(tuple(each.opcode for each in run))
            if opcode is not None:
                operands = tuple(operand for each in run for operand in each.operands)
                thrower = run[TABLE[CODES[opcode]].throws_at]
                fused.append(mir.Instruction(opcode, operands, thrower.start))
                place += length
                break
        else:
            fused.append(block.instructions[place])
            place += 1
    block.instructions = fused
