"""The semantics of the plain instructions, as source text from which code is made.

:mod:`bamlvm.vm.make_loop` composes the interpreter's loop from it, the handlers of fused instructions included;
any other translation of bytecode to Python must take the meaning from here too.  The text uses these names:

``slots``      the frame's locals          ``stack``, ``top``   its operand stack, whose last entry is kept in ``top``
``$0 $1 …``    the linked operands         ``step``             the record to execute next (:mod:`bamlvm.vm.linker`)
``frames``     the callers' states         ``function``         the function that is running
``fuel``       steps left before the machine looks at its limits

An :class:`Expression` computes one result from its inputs and has no effect.  A :class:`Statement` names its inputs and
its result, which it assigns last; from its line ``release`` on, what was an input is not kept alive by ``top``.  A
:class:`Raw` one works on ``stack`` and ``top`` by itself.

Panics and errors are raised as :class:`~bamlvm.vm.values.Thrown`.  When one is raised, ``step`` must be the record of
the next instruction in the code's order: through it the place of the one that throws is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Final, NamedTuple, TypeAlias


class Expression(NamedTuple):
    """``text`` is the result; ``inputs`` are popped, the last one from the top."""

    inputs: tuple[str, ...]
    text: str


class Statement(NamedTuple):
    """``text`` assigns ``result``, or has an effect only and ``result`` is ""."""

    inputs: tuple[str, ...]
    result: str
    text: str


class Raw(NamedTuple):
    text: str


Semantics: TypeAlias = Expression | Statement | Raw


def _expression(inputs: str, text: str) -> Expression:
    return Expression(tuple(inputs.split()), text)


def _statement(effect: str, text: str) -> Statement:
    inputs, _, result = effect.partition("->")
    return Statement(tuple(inputs.split()), result.strip(), dedent(text).strip())


def _raw(text: str) -> Raw:
    return Raw(dedent(text).strip())


_CHECKED: Final = """
    result = a {0} b
    if result > 9223372036854775807 or result < -9223372036854775808:
        raise integer_overflow("{0}")
"""

_ENTER: Final = """
    if {callee}.padding:
        slots += {callee}.padding
    stack = []
    function = {callee}
    step = {callee}.entry
"""

_CALL: Final = """
    fuel -= 1
    if fuel < 0:
        fuel = machine.refuel(len(frames), True, $0)
        step = function.before(step)
        if fuel == 0:
            return machine.pause(step, slots, stack, function, top)
    else:
        frames.append((step, slots, stack, function))
        count = $0.arity
        if count == 1:
            slots = [top]
        elif count == 2:
            slots = [stack.pop(), top]
        elif count == 0:
            stack.append(top)
            slots = []
        else:
            slots = [*stack[1 - count :], top]
            del stack[1 - count :]
""" + _ENTER.format(callee="$0").replace("\n    ", "\n        ").rstrip()

_CALL_INDIRECT: Final = """
    fuel -= 1
    if fuel < 0:
        fuel = machine.refuel(len(frames), True)
        step = function.before(step)
        if fuel == 0:
            return machine.pause(step, slots, stack, function, top)
    else:
        frames.append((step, slots, stack, function))
        if $0 == 0:
            closure = top
            slots = [*closure.cells]
        elif $0 == 1:
            closure = stack.pop()
            slots = [top, *closure.cells]
        else:
            slots = [*stack[1 - $0 :], top]
            del stack[1 - $0 :]
            closure = stack.pop()
            slots += closure.cells
        callee = closure.function
        if callee.arity != $0:
            raise TypeError(f"{callee.name} takes {callee.arity} arguments")
""" + _ENTER.format(callee="callee").replace("\n    ", "\n        ").rstrip()

_CALL_METHOD: Final = """
    fuel -= 1
    if fuel < 0:
        fuel = machine.refuel(len(frames), True)
        step = function.before(step)
        if fuel == 0:
            return machine.pause(step, slots, stack, function, top)
    else:
        if $1 == 1:
            values = [top]
        else:
            values = [*stack[1 - $1 :], top]
            del stack[1 - $1 :]
        callee = program.method(values[0], $0)
        if callee.arity != $1:
            raise TypeError(f"{callee.name} takes {callee.arity} arguments")
        frames.append((step, slots, stack, function))
        slots = values
""" + _ENTER.format(callee="callee").replace("\n    ", "\n        ").rstrip()

_PLAIN: Final[Mapping[str, Semantics]] = {
    "load_local": _expression("", "slots[$0]"),
    "load_const": _expression("", "$0"),
    "store_local": _statement("value ->", "slots[$0] = value"),
    "add_int": _statement("a b -> result", _CHECKED.format("+")),
    "sub_int": _statement("a b -> result", _CHECKED.format("-")),
    "mul_int": _statement("a b -> result", _CHECKED.format("*")),
    "less": _expression("a b", "a < b"),
    "less_equal": _expression("a b", "a <= b"),
    "greater": _expression("a b", "a > b"),
    "greater_equal": _expression("a b", "a >= b"),
    "equal": _expression("a b", "a == b"),
    "not_equal": _expression("a b", "a != b"),
    "pop_jump_if_false": _statement("condition ->", "if not condition:\n    step = $0"),
    "pop_jump_if_true": _statement("condition ->", "if condition:\n    step = $0"),
    "jump": _raw("pass"),  # the linker makes the target the next record
    "loop": _raw(  # so it does here; $0 is the record after, by which the place is found
        """
        fuel -= 1
        if fuel < 0:
            target = step
            step = $0
            fuel = machine.refuel(len(frames), False, function, target) - 1
            step = target
            if fuel < 0:
                return machine.pause(step, slots, stack, function, top)
        """
    ),
    "call": _raw(_CALL),
    "return": _statement("value ->", "top = value\nstep, slots, stack, function = frames.pop()"),
    "load_field": _expression("instance", "instance.fields[$0]"),
    "store_field": _statement("instance value ->", "instance.fields[$0] = value"),
    "load_element": _statement(
        "container index -> element",
        """
        try:
            element = container[index]
        except (IndexError, KeyError):
            raise no_element(container, index) from None
        """,
    ),
    "store_element": _statement(
        "container index value ->",
        """
        try:
            container[index] = value
        except IndexError:
            raise no_element(container, index) from None
        """,
    ),
    "bin_op": _statement("a b -> result", "result = $0(a, b)"),
    "cmp_op": _statement("a b -> result", "result = $0(a, b)"),
    "unary_op": _statement("a -> result", "result = $0(a)"),
    # Only joining two long texts again and again grows faster than the steps that are taken.
    "concat": _expression("a b", "a + b if len(b) < 16384 else joined(a, b)"),
    "copy": _raw("stack.append(top)\ntop = stack[-1 - $0]"),
    "pop": _statement("value ->", ""),
    "is_null": _expression("value", "value is None"),
    "load_cell": _expression("", "slots[$0].value"),
    "store_cell": _statement("content ->", "slots[$0].value = content"),
    "make_cell": _statement("->", "slots[$0] = Cell(slots[$0])"),
    "call_indirect": _raw(_CALL_INDIRECT),
    "call_method": _raw(_CALL_METHOD),
    "call_native": _raw(
        """
        if $1 == 1:
            top = $0(top)
        elif $1 == 2:
            top = $0(stack.pop(), top)
        elif $1 == 0:
            stack.append(top)
            top = $0()
        else:
            values = stack[1 - $1 :]
            del stack[1 - $1 :]
            top = $0(*values, top)
        """
    ),
    "sys_call": _raw(
        """
        if $1 == 0:
            stack.append(top)
            values = []
        elif $1 == 1:
            values = [top]
        else:
            values = [*stack[1 - $1 :], top]
            del stack[1 - $1 :]
        top = $0.call(machine.scope, *values)
        if $0.is_async:
            return machine.suspend($0, values, top, step, slots, stack, function, fuel)
        if type(top) is Pending:
            return machine.suspend($0, values, top.awaitable, step, slots, stack, function, fuel)
        """
    ),
    "make_closure": _raw(
        """
        if $1 == 0:
            stack.append(top)
            top = Closure($0, ())
        elif $1 == 1:
            top = Closure($0, (top,))
        else:
            values = stack[1 - $1 :]
            del stack[1 - $1 :]
            top = Closure($0, (*values, top))
        """
    ),
    "alloc_array": _raw(
        """
        if $0 == 0:
            stack.append(top)
            top = []
        elif $0 == 1:
            top = [top]
        else:
            values = stack[1 - $0 :]
            del stack[1 - $0 :]
            values.append(top)
            top = values
        """
    ),
    "alloc_map": _raw(
        """
        stack.append(top)
        if $0 == 0:
            top = {}
        else:
            values = stack[-2 * $0 :]
            del stack[-2 * $0 :]
            top = dict(zip(values[::2], values[1::2], strict=True))
        """
    ),
    "alloc_instance": _raw(
        """
        if $1 == 0:
            stack.append(top)
            top = Instance($0, [])
        elif $1 == 1:
            top = Instance($0, [top])
        else:
            values = stack[1 - $1 :]
            del stack[1 - $1 :]
            values.append(top)
            top = Instance($0, values)
        """
    ),
    "append": _statement("items value -> items", "items.append(value)"),
    "extend": _statement("items others -> items", "extend(items, others)"),
    "insert": _statement("entries key value -> entries", "entries[key] = value"),
    "update": _statement("entries others -> entries", "entries.update(others)"),
    "load_field_named": _expression("instance", "instance.get($0)"),
    "store_field_named": _statement("instance value ->", "instance.set($0, value)"),
    "load_variant": _expression("", "$0"),
    "is_type": _statement("value -> result", "result = $0(value)"),
    "discriminant": _expression("value", "value.index"),
    "type_tag": _statement("value -> tag", "tag = type_tag(value)"),
    "jump_table": _statement("key ->", "step = $0.get(key, $1)"),
    "load_missing": _expression("", "MISSING"),
    "jump_if_supplied": _statement("->", "if slots[$0] is not MISSING:\n    step = $1"),
    "throw": _statement(
        "value ->",
        """
        fuel -= 1
        state = machine.unwind(machine.caught(value, step, function), step, slots, stack, function, top)
        if state is None:
            return machine.failed(fuel)
        step, slots, stack, function, top = state
        if fuel < 0:
            break
        """,
    ),
    "caught_value": _expression("error", "error.value"),
    "rethrow": _statement(
        "error ->",
        """
        fuel -= 1
        state = machine.unwind(error, step, slots, stack, function, top)
        if state is None:
            return machine.failed(fuel)
        step, slots, stack, function, top = state
        if fuel < 0:
            break
        """,
    ),
    "assert": _statement("condition ->", "if not condition:\n    raise assertion_failed($0)"),
    "unreachable": _raw("raise unreachable()"),
}

SEMANTICS: Final[Mapping[str, Semantics]] = {
    **_PLAIN,
    # Pseudo-instructions, which only the linker puts in.
    "enter": _raw("step = machine.first_step($0)"),  # the entry of a function that has not been called before
    "halt": _raw("return machine.done(top, fuel)"),  # what the outermost frame returns to
    # The entry of a function that the second tier has translated, and the header of a loop that it has.
    "compiled": _raw(
        """
        state = machine.call_compiled($0, slots)
        if type(state) is not tuple:
            return state
        step, slots, stack, function, top = state
        fuel = machine.after_compiled(fuel)
        """
    ),
    "compiled_loop": _raw(
        """
        state = machine.enter_compiled_loop($0, $1, slots, stack, function, top)
        if type(state) is not tuple:
            return state
        step, slots, stack, function, top = state
        fuel = machine.after_compiled(fuel)
        """
    ),
}
"""The meaning of every plain opcode and pseudo-instruction."""

COMPOUND: Final[Mapping[tuple[str, ...], Statement]] = {
    # CPython grows a string in place if nothing else refers to it.  So the variable lets go of it first (`release` sees
    # to it that `top` does, too), which makes building a string linear.
    ("concat", "store_local"): _statement(
        "text addition ->",
        """
        suffix = addition
        long = text
        if len(suffix) >= 16384:
            check_length(long, suffix)
        release
        slots[$0] = None
        long += suffix
        slots[$0] = long
        """,
    ),
}
"""Runs of instructions that have a better text than that of their parts in turn."""

ENDS: Final = frozenset({"return", "throw", "rethrow"})
"""Statements that leave ``top`` as the next instruction wants it."""

LINKED_OPERANDS: Final[Mapping[str, int]] = {
    "jump": 0,
    "call": 1,
    "load_variant": 1,
    "jump_table": 2,
    "enter": 1,
    "halt": 0,
    "compiled": 1,
    "compiled_loop": 2,
}
"""The number of operands of an opcode once linked, if it is not the number in the opcode table."""
