"""What every part of lowering writes with: blocks, instructions, slots, the depth of the operand stack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from bamlvm.compiler import hir, mir, tir
from bamlvm.vm.opcodes import TABLE

_EFFECTS = {
    row.name: (
        row.pushes - row.pops,
        row.per_count,
        row.operands.index("count") if row.per_count else 0,
        row.flow in ("jump", "end"),
    )
    for row in TABLE
}
"""By opcode: what it adds to the stack, how much less for each of its ``count``, where that is, whether it ends."""


class Builder(ABC):
    """One function or lambda being lowered.  ``depth`` is how many entries the operand stack holds at this point,
    ``at`` the source offset that instructions are given."""

    def __init__(
        self,
        name: str,
        locals_: tuple[hir.LocalInfo, ...],
        parameters: tuple[int, ...],
        captures: tuple[int, ...],
        made: list[mir.Function],
        names: tuple[str, ...],
        variants: Mapping[str, Sequence[str]],
    ) -> None:
        self.variants = variants
        self.locals = locals_
        self.made = made
        self._labels = 0
        self._slots: dict[int, int] = {local: slot for slot, local in enumerate((*parameters, *captures))}
        slot_names = [*names, *(locals_[local].name for local in captures)]
        self.function = mir.Function(name, names, len(captures), slot_names, [])
        made.append(self.function)
        self.handlers: tuple[mir.Handler, ...] = ()
        self.ended = False
        self.depth = 0
        self.at = 0
        self.place(self.label())

    # --- blocks and instructions --------------------------------------------------------------------------------------

    def label(self) -> mir.Label:
        self._labels += 1
        return self._labels - 1

    def place(self, label: mir.Label) -> None:
        """Go on in a new block; control falls into it from the one before."""
        if self.function.blocks and not self.ended:
            self.emit("jump", label)
        self.function.blocks.append(mir.Block(label, self.handlers))
        self.ended = False

    def emit(self, opcode: str, *operands: mir.Operand) -> None:
        if self.ended:
            self.place(self.label())
        self.function.blocks[-1].instructions.append(mir.Instruction(opcode, operands, self.at))
        change, per_count, count_at, self.ended = _EFFECTS[opcode]
        if per_count:
            count = operands[count_at]
            assert isinstance(count, int)
            change -= per_count * count
        self.depth += change

    def jump_if(self, wanted: bool, target: mir.Label) -> None:
        """Pop a bool; jump if it is ``wanted``, else go on in a new block."""
        self.emit("pop_jump_if_true" if wanted else "pop_jump_if_false", target)
        self.place(self.label())

    def constant(self, value: str | int | float | bool | None) -> None:
        self.emit("load_const", mir.constant(value))

    def temporary(self, name: str) -> int:
        """A fresh slot."""
        self.function.local_names.append(name)
        return len(self.function.local_names) - 1

    def slot(self, local: int) -> int:
        if local not in self._slots:
            self._slots[local] = self.temporary(self.locals[local].name)
        return self._slots[local]

    def load(self, local: int) -> None:
        self.emit("load_cell" if self.locals[local].shared else "load_local", self.slot(local))

    def declare(self, local: int) -> None:
        """Pop into a local that begins here."""
        self.emit("store_local", self.slot(local))
        if self.locals[local].shared:
            self.emit("make_cell", self.slot(local))

    def discriminant_key(self, pattern: hir.Pattern) -> int | str | None:
        """The discriminant that a pattern of one variant stands for."""
        if isinstance(pattern, hir.VariantPattern):
            return self.variants[pattern.enum].index(pattern.variant)
        return None

    # --- what lowers expressions --------------------------------------------------------------------------------------

    @abstractmethod
    def value(self, node: tir.Expr) -> None:
        """Leave the value of ``node`` on the stack (or leave the function: what follows is then dead)."""

    @abstractmethod
    def effect(self, node: tir.Expr) -> None:
        """Run ``node`` for its effect."""

    @abstractmethod
    def branch(self, node: tir.Expr, wanted: bool, target: mir.Label) -> None:
        """Jump to ``target`` if ``node`` is ``wanted``, else go on."""
