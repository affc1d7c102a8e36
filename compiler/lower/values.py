"""Lowering of what leaves a value and nothing else: members, calls, operators, literals."""

from __future__ import annotations

from collections.abc import Sequence

from bamlvm.compiler import tir
from bamlvm.compiler.lower.builder import Builder, is_null
from bamlvm.vm.program.types import STRING, LiteralType, Type, members
from bamlvm.vm.work import FREE

TO_STRING = "baml.to_string"

_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
"""The instructions that compare at once, with the operators of the one that may be lengthy."""


def values(b: Builder, nodes: Sequence[tir.Expr]) -> None:
    """Lower expressions in order."""
    for node in nodes:
        b.value(node)


def field(b: Builder, node: tir.Field) -> None:
    """Lower a read of a field."""
    b.value(node.object)
    b.at = node.end
    if node.index is None:
        b.emit("load_field_named", node.name)
    else:
        b.emit("load_field", node.index)


def element(b: Builder, node: tir.Element) -> None:
    """Lower a read of an element."""
    b.value(node.object)
    b.value(node.index)
    b.emit("load_element")


def optional_chain(b: Builder, node: tir.OptionalChain) -> None:
    """Lower a chain with ``?.``: an object that is null is the value of the chain, and stays where it is."""
    end = b.label()
    b.chains.append(end)
    b.value(node.links)
    b.chains.pop()
    b.place(end)


def present(b: Builder, node: tir.Present) -> None:
    """Lower an object before ``?.``.  It is the first operand of what follows, so nothing is on the stack below it."""
    b.value(node.object)
    b.emit("copy", 0)
    b.emit("is_null")
    b.jump_if(True, b.chains[-1])


def call_value(b: Builder, node: tir.CallValue) -> None:
    """Lower a call of a function value."""
    b.value(node.callee)
    values(b, node.arguments)
    b.emit("call_indirect", len(node.arguments))


def call_method(b: Builder, node: tir.CallMethod) -> None:
    """Lower a call of a method whose class is known only at run time."""
    _arguments(b, node.arguments, node.order)
    b.emit("call_method", node.name, len(node.arguments))


def operation(b: Builder, node: tir.Operation) -> None:
    """Lower an operator; a comparison with null becomes a null test."""
    if node.opcode in ("equal", "not_equal") and any(is_null(operand) for operand in node.operands):
        left, right = node.operands
        b.value(left if is_null(right) else right)
        b.emit("is_null")
        if node.opcode == "not_equal":
            b.emit("unary_op", "!")
        return
    values(b, node.operands)
    if node.opcode in _COMPARISONS and may_be_long(node.operands):
        b.emit("cmp_op", _COMPARISONS[node.opcode])
    elif node.operator is None:
        b.emit(node.opcode)
    else:
        b.emit(node.opcode, node.operator)


def may_be_long(operands: Sequence[tir.Expr]) -> bool:
    """Whether comparing the operands may be lengthy: they are texts, none of which is known to be short."""
    if any(isinstance(node, tir.Constant) and not is_long(node.value) for node in operands):
        return False
    return all(any(each == STRING or _is_long_literal(each) for each in members(node.type)) for node in operands)


def _is_long_literal(type_: Type) -> bool:
    return isinstance(type_, LiteralType) and is_long(type_.value)


def is_long(value: object) -> bool:
    """Whether a constant is a text that takes long to be compared with."""
    return isinstance(value, str) and len(value) > FREE


def call_named(b: Builder, node: tir.CallNamed) -> None:
    """Lower a call of a function, native or sys-op by name."""
    count = _arguments(b, node.arguments, node.order, trim=node.kind != "function")
    opcode = {"native": "call_native", "sysop": "sys_call"}.get(node.kind, "call")
    b.emit(opcode, node.name, count)


def _arguments(b: Builder, arguments: tuple[tir.Expr | None, ...], order: tuple[int, ...], trim: bool = False) -> int:
    """Push arguments, evaluated in ``order`` if it is given; return how many.

    Natives and sys-ops have their defaults in Python: for them (``trim``) trailing arguments that were left out are not
    passed.
    """
    if trim:
        while arguments and arguments[-1] is None:
            arguments = arguments[:-1]
    slots: dict[int, int] = {}
    for place in order:
        argument = arguments[place]
        assert argument is not None
        b.value(argument)
        slots[place] = b.temporary("$argument")
        b.emit("store_local", slots[place])
    for place, argument in enumerate(arguments):
        if place in slots:
            b.emit("load_local", slots[place])
        elif argument is None:
            b.emit("load_missing")
        else:
            b.value(argument)
    return len(arguments)


def text(b: Builder, node: tir.Text) -> None:
    """Lower a template string: its parts, concatenated."""
    if not node.parts:
        b.constant("")
    for place, part in enumerate(node.parts):
        if isinstance(part, str):
            b.constant(part)
        else:
            b.value(part)
            if part.type != STRING:
                b.emit("call_native", TO_STRING, 1)
        if place:
            b.emit("concat")


def list_(b: Builder, node: tir.ListLiteral) -> None:
    """Lower a list; from the first spread on its items are appended one by one."""
    plain = 0
    while plain < len(node.items) and not isinstance(node.items[plain], tir.Spread):
        plain += 1
    for item in node.items[:plain]:
        assert not isinstance(item, tir.Spread)
        b.value(item)
    b.emit("alloc_array", plain)
    for item in node.items[plain:]:
        b.value(item.value if isinstance(item, tir.Spread) else item)
        b.emit("extend" if isinstance(item, tir.Spread) else "append")


def map_(b: Builder, node: tir.MapLiteral) -> None:
    """Lower a map; from the first spread on its entries are inserted one by one."""
    plain = 0
    while plain < len(node.entries) and isinstance(node.entries[plain], tir.MapEntry):
        plain += 1
    for place, entry in enumerate(node.entries):
        if place == plain:
            b.emit("alloc_map", plain)
        if isinstance(entry, tir.Spread):
            b.value(entry.value)
            b.emit("update")
            continue
        b.value(entry.key)
        b.value(entry.value)
        if place >= plain:
            b.emit("insert")
    if plain == len(node.entries):
        b.emit("alloc_map", plain)


def new(b: Builder, node: tir.New) -> None:
    """Lower an object: parts run in written order; each field takes the last part that has it, or null."""
    indexes = [part.index for part in node.parts if isinstance(part, tir.FieldInit)]
    if len(indexes) == len(node.parts) and indexes == sorted(set(indexes)):
        values = {part.index: part.value for part in node.parts if isinstance(part, tir.FieldInit)}
        for index in range(node.field_count):
            if index in values:
                b.value(values[index])
            else:
                b.constant(None)
    else:
        sources: dict[int, tuple[int, bool]] = {}
        for part in node.parts:
            b.value(part.value)
            slot = b.temporary("$part")
            b.emit("store_local", slot)
            if isinstance(part, tir.Spread):
                sources = dict.fromkeys(range(node.field_count), (slot, True))
            else:
                sources[part.index] = (slot, False)
        for index in range(node.field_count):
            if index not in sources:
                b.constant(None)
                continue
            slot, spread = sources[index]
            b.emit("load_local", slot)
            if spread:
                b.emit("load_field", index)
    b.emit("alloc_instance", node.class_name, node.field_count)
