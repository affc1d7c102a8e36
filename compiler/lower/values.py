"""Lowering of what leaves a value and nothing else: members, calls, operators, literals."""

from __future__ import annotations

from collections.abc import Sequence

from bamlvm.compiler import tir
from bamlvm.compiler.lower.builder import Builder
from bamlvm.vm.program.types import STRING

TO_STRING = "baml.to_string"


class Values(Builder):
    """Adds the forms whose parts are values in order."""

    def values(self, nodes: Sequence[tir.Expr]) -> None:
        for node in nodes:
            self.value(node)

    def _field(self, node: tir.Field) -> None:
        self.value(node.object)
        self.at = node.end
        if node.index is None:
            self.emit("load_field_named", node.name)
        else:
            self.emit("load_field", node.index)

    def _element(self, node: tir.Element) -> None:
        self.value(node.object)
        self.value(node.index)
        self.emit("load_element")

    def _call_value(self, node: tir.CallValue) -> None:
        self.value(node.callee)
        self.values(node.arguments)
        self.emit("call_indirect", len(node.arguments))

    def _call_method(self, node: tir.CallMethod) -> None:
        self._arguments(node.arguments, node.order)
        self.emit("call_method", node.name, len(node.arguments))

    def _operation(self, node: tir.Operation) -> None:
        if node.opcode in ("equal", "not_equal") and any(is_null(operand) for operand in node.operands):
            left, right = node.operands
            self.value(left if is_null(right) else right)
            self.emit("is_null")
            if node.opcode == "not_equal":
                self.emit("unary_op", "!")
            return
        self.values(node.operands)
        if node.operator is None:
            self.emit(node.opcode)
        else:
            self.emit(node.opcode, node.operator)

    def _call(self, node: tir.CallNamed) -> None:
        count = self._arguments(node.arguments, node.order, trim=node.kind != "function")
        opcode = {"native": "call_native", "sysop": "sys_call"}.get(node.kind, "call")
        self.emit(opcode, node.name, count)

    def _arguments(self, arguments: tuple[tir.Expr | None, ...], order: tuple[int, ...], trim: bool = False) -> int:
        """Push arguments, evaluated in ``order`` if it is given; how many.  What is written in Python has its own
        defaults, so for it (``trim``) trailing arguments that were left out are not passed."""
        if trim:
            while arguments and arguments[-1] is None:
                arguments = arguments[:-1]
        slots: dict[int, int] = {}
        for place in order:
            argument = arguments[place]
            assert argument is not None
            self.value(argument)
            slots[place] = self.temporary("$argument")
            self.emit("store_local", slots[place])
        for place, argument in enumerate(arguments):
            if place in slots:
                self.emit("load_local", slots[place])
            elif argument is None:
                self.emit("load_missing")
            else:
                self.value(argument)
        return len(arguments)

    def _text(self, node: tir.Text) -> None:
        if not node.parts:
            self.constant("")
        for place, part in enumerate(node.parts):
            if isinstance(part, str):
                self.constant(part)
            else:
                self.value(part)
                if part.type != STRING:
                    self.emit("call_native", TO_STRING, 1)
            if place:
                self.emit("concat")

    def _list(self, node: tir.ListLiteral) -> None:
        plain = 0
        while plain < len(node.items) and not isinstance(node.items[plain], tir.Spread):
            plain += 1
        for item in node.items[:plain]:
            assert not isinstance(item, tir.Spread)
            self.value(item)
        self.emit("alloc_array", plain)
        for item in node.items[plain:]:
            self.value(item.value if isinstance(item, tir.Spread) else item)
            self.emit("extend" if isinstance(item, tir.Spread) else "append")

    def _map(self, node: tir.MapLiteral) -> None:
        plain = 0
        while plain < len(node.entries) and isinstance(node.entries[plain], tir.MapEntry):
            plain += 1
        for place, entry in enumerate(node.entries):
            if place == plain:
                self.emit("alloc_map", plain)
            if isinstance(entry, tir.Spread):
                self.value(entry.value)
                self.emit("update")
                continue
            self.value(entry.key)
            self.value(entry.value)
            if place >= plain:
                self.emit("insert")
        if plain == len(node.entries):
            self.emit("alloc_map", plain)

    def _new(self, node: tir.New) -> None:
        """Parts run in written order; each field takes the last part that gives it, or null."""
        indexes = [part.index for part in node.parts if isinstance(part, tir.FieldInit)]
        if len(indexes) == len(node.parts) and indexes == sorted(set(indexes)):
            values = {part.index: part.value for part in node.parts if isinstance(part, tir.FieldInit)}
            for index in range(node.field_count):
                if index in values:
                    self.value(values[index])
                else:
                    self.constant(None)
        else:
            sources: dict[int, tuple[int, bool]] = {}
            for part in node.parts:
                self.value(part.value)
                slot = self.temporary("$part")
                self.emit("store_local", slot)
                if isinstance(part, tir.Spread):
                    sources = dict.fromkeys(range(node.field_count), (slot, True))
                else:
                    sources[part.index] = (slot, False)
            for index in range(node.field_count):
                if index not in sources:
                    self.constant(None)
                    continue
                slot, spread = sources[index]
                self.emit("load_local", slot)
                if spread:
                    self.emit("load_field", index)
        self.emit("alloc_instance", node.class_name, node.field_count)


def is_null(node: tir.Expr) -> bool:
    """Whether an expression is the constant null."""
    return isinstance(node, tir.Constant) and node.value is None
