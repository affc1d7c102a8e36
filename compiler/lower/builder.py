"""The builder of one function's mir: blocks, instructions, slots, the depth of the operand stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bamlvm.compiler import hir, mir, tir
from bamlvm.vm.opcodes import TABLE
from bamlvm.vm.program.code import LocalType
from bamlvm.vm.program.types import ListType, MapType, Type, bare

_EFFECTS = {
    row.name: (
        row.pushes - row.pops,
        row.per_count,
        row.operands.index("count") if row.per_count else 0,
        row.flow in ("jump", "end"),
    )
    for row in TABLE
}
"""By opcode: the change of the stack's depth, how much less for each of its ``count``, which operand that is, and
whether it ends a block."""


class OpenLoop(NamedTuple):
    """The targets of ``break`` and ``continue``, and the operand stack's depth and the handlers there."""

    end: mir.Label
    step: mir.Label
    depth: int
    handlers: tuple[mir.Handler, ...]


class Builder:
    """One function or lambda being lowered.

    ``depth`` is the number of entries on the operand stack at this point, ``at`` the source offset of the instructions
    that follow, ``handlers`` what protects them.  ``caught`` has the slot of the whole error for the binding of each
    open catch, ``chains`` the end of each open optional chain.  ``lower`` lowers an expression for its value or for its
    effect; it is given because the modules of this package call each other through it.
    """

    def __init__(
        self,
        lower: Callable[[Builder, tir.Expr, bool], None],
        name: str,
        locals_: tuple[hir.LocalInfo, ...],
        local_types: tuple[Type, ...],
        parameters: tuple[int, ...],
        captures: tuple[int, ...],
        names: tuple[str, ...],
        made: list[mir.Function],
        variants: Mapping[str, Sequence[str]],
    ) -> None:
        self.lower = lower
        self.variants = variants
        self.locals = locals_
        self.local_types = local_types
        self.made = made
        self._labels = 0
        self._slots: dict[int, int] = {local: slot for slot, local in enumerate((*parameters, *captures))}
        slot_names = [*names, *(locals_[local].name for local in captures)]
        self.function = mir.Function(name, names, len(captures), slot_names, [])
        made.append(self.function)
        self.handlers: tuple[mir.Handler, ...] = ()
        self.ended = False
        self.loops: list[OpenLoop] = []
        self.caught: dict[int, int] = {}
        self.chains: list[mir.Label] = []
        self._lambdas = 0
        self.depth = 0
        self.at = 0
        self.place(self.label())

    # --- blocks and instructions --------------------------------------------------------------------------------------

    def lambda_name(self) -> str:
        """Return a name for the next lambda in this function."""
        self._lambdas += 1
        return f"{self.function.name}$lambda{self._lambdas}"

    def label(self) -> mir.Label:
        """Return a fresh label."""
        self._labels += 1
        return self._labels - 1

    def place(self, label: mir.Label) -> None:
        """Begin a block; control falls into it from the one before."""
        if self.function.blocks and not self.ended:
            self.emit("jump", label)
        self.function.blocks.append(mir.Block(label, self.handlers))
        self.ended = False

    def emit(self, opcode: str, *operands: mir.Operand) -> None:
        """Append an instruction; in a new, unreachable block if the one before has ended."""
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
        """Push a constant."""
        self.emit("load_const", mir.constant(value))

    def temporary(self, name: str) -> int:
        """Return a fresh slot."""
        self.function.local_names.append(name)
        return len(self.function.local_names) - 1

    def slot(self, local: int) -> int:
        """Return the slot of a local."""
        if local not in self._slots:
            self._slots[local] = slot = self.temporary(self.locals[local].name)
            type_ = bare(self.local_types[local])
            if isinstance(type_, ListType | MapType) and not self.locals[local].shared:
                self.function.local_types.append(LocalType(slot, type_))
        return self._slots[local]

    def load(self, local: int) -> None:
        """Push a local's value."""
        self.emit("load_cell" if self.locals[local].shared else "load_local", self.slot(local))

    def declare(self, local: int) -> None:
        """Pop into a local that begins here."""
        self.emit("store_local", self.slot(local))
        if self.locals[local].shared:
            self.emit("make_cell", self.slot(local))

    def discriminant_key(self, pattern: hir.Pattern) -> int | str | None:
        """Return the discriminant of a pattern of one variant, or None for another pattern."""
        if isinstance(pattern, hir.VariantPattern):
            return self.variants[pattern.enum].index(pattern.variant)
        return None

    # --- expressions --------------------------------------------------------------------------------------------------

    def value(self, node: tir.Expr) -> None:
        """Leave the value of ``node`` on the stack (or leave the function: what follows is then unreachable)."""
        depth = self.depth
        self.lower(self, node, True)
        self.depth = depth + 1

    def effect(self, node: tir.Expr) -> None:
        """Run ``node`` for its effect."""
        depth = self.depth
        self.lower(self, node, False)
        self.depth = depth


def is_null(node: tir.Expr) -> bool:
    """Whether an expression is the constant null."""
    return isinstance(node, tir.Constant) and node.value is None
