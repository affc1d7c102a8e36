"""Which locals of a function have a value before each of its instructions, whatever way led there.

A variable has one from its first assignment on; behind a branch or a loop that may not have been taken, it has none.
That is nearly where its name means it in the source, and it is what may be shown: the machine's slot of a local that
has no value yet holds null, or what a variable of another turn of the loop has left there.
"""

from __future__ import annotations

from typing import Final

from bamlvm.vm.opcodes import CODES, TABLE
from bamlvm.vm.program.code import Function
from bamlvm.vm.stack import Instruction, instructions, jumps

_PARTS: Final = {row.name: [TABLE[CODES[part]] for part in row.parts] or [row] for row in TABLE}


def assigned(function: Function) -> list[int]:
    """Return, for each instruction, the locals that have a value before it, as bits by their indexes."""
    code = instructions(function.code)
    before: list[int | None] = [None] * len(code)
    waiting = [(0, (1 << (len(function.parameters) + function.capture_count)) - 1)]
    while waiting:
        index, known = waiting.pop()
        while index < len(code):  # along the straight line from here, as long as less is known than before
            now, last = known, before[index]
            if last is not None:
                now &= last
            if now == last:
                break
            before[index] = now
            waiting += [(each.target, now) for each in function.handlers if each.start <= index < each.end]
            instruction = code[index]
            known = now | stored(instruction)
            waiting += [(target, known) for target in jumps(instruction, function.tables)]
            if instruction[0].flow not in ("next", "branch"):
                break
            index += 1
    return [each or 0 for each in before]


def stored(instruction: Instruction) -> int:
    """Return the locals that an instruction stores into, as bits."""
    row, operands = instruction
    found = place = 0
    for part in _PARTS[row.name]:
        if part.name == "store_local":
            found |= 1 << operands[place]
        place += len(part.operands)
    return found
