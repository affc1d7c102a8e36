"""The semantics of the plain instructions, as source text from which code is made.

:mod:`bamlvm.vm.make_loop` composes the interpreter's loop from it, the handlers of fused instructions included;
any other translation of bytecode to Python must take the meaning from here too.  The text uses these names:

``slots``      the frame's locals          ``stack``, ``top``   its operand stack, whose last entry is kept in ``top``
``$0 $1 …``    the linked operands         ``step``             the record to execute next (:mod:`bamlvm.vm.linker`)
``frames``     the callers' states         ``function``         the function that is running
``fuel``       steps left before the machine looks at its limits

An :class:`Expression` computes one result from its inputs and has no effect.  A :class:`Statement` names its inputs and
its result, which it assigns last; from its line ``release`` on, what was an input is not kept alive by ``top``.  A
:class:`Checked` one computes an integer, and a :class:`Guarded` one computes something
after a test, and a :class:`Many` one computes a result from as many entries as an operand
says.  The interpreter and the second tier are both made of these.  A :class:`Raw` one, which moves entries or control,
works on ``stack`` and ``top`` by itself and has a counterpart in :mod:`bamlvm.vm.symbolic` or
:mod:`bamlvm.vm.translate`.

Panics and errors are raised as :class:`~bamlvm.vm.values.Thrown`.  When one is raised, ``step`` must be the record of
the next instruction in the code's order: through it the place of the one that throws is found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import dedent
from typing import Final, NamedTuple, TypeAlias

from bamlvm.vm.values import I64_MAX, I64_MIN


class Expression(NamedTuple):
    """``text`` is the result; ``inputs`` are popped, the last one from the top.  ``reads_heap`` says that a store or a
    call changes the result."""

    inputs: tuple[str, ...]
    text: str
    reads_heap: bool = False


class Failure(NamedTuple):
    """What a Python exception means: ``exceptions`` are its classes, ``error`` the expression to be raised instead."""

    exceptions: tuple[type[Exception], ...]
    error: str


class Statement(NamedTuple):
    """``text`` assigns ``result``, or has an effect only and ``result`` is ""; ``failure`` is how it may fail."""

    inputs: tuple[str, ...]
    result: str
    text: str
    failure: Failure | None = None

    def lines(self) -> list[str]:
        """Return the text's lines, with the handling of the failure."""
        lines = self.text.split("\n")
        if self.failure is None:
            return lines
        names = ", ".join(each.__name__ for each in self.failure.exceptions)
        names = names if len(self.failure.exceptions) == 1 else f"({names})"
        body = [f"    {line}" for line in lines]
        return ["try:", *body, f"except {names}:", f"    raise {self.failure.error} from None"]


class Checked(NamedTuple):
    """``text`` is the result, an integer, unless it does not fit 64 bits: then ``error`` is raised."""

    inputs: tuple[str, ...]
    text: str
    error: str

    def statement(self) -> Statement:
        """Return it with all its checks."""
        return Statement(
            self.inputs, "result", f"result = {self.text}\nif {out_of_range('result')}:\n    raise {self.error}"
        )


class Guarded(NamedTuple):
    """``text`` is the result once ``guard`` has run, which may raise; constants need no guard."""

    inputs: tuple[str, ...]
    guard: str
    text: str

    def statement(self) -> Statement:
        """Return it as a statement."""
        return Statement(self.inputs, "result", f"{self.guard}\nresult = {self.text}")


class Many(NamedTuple):
    """``text`` is the result of popped entries, which stand for ``items`` in it.  The operand with the number
    ``counted_by`` says how many; if ``of_pairs``, how many keys and values."""

    counted_by: int
    text: str
    of_pairs: bool = False

    def displayed(self, items: str) -> str:
        """Return the text of the result of ``items``, the text of entries with commas between them."""
        return self.text.replace("items,", f"{items}," if items else "").replace("items", items)


class Raw(NamedTuple):
    text: str


REST: Final = re.compile(r"^( *)rest (\w+), (\w+)$", re.MULTILINE)
"""The line, with its indent and two names, before which an instruction that copies two texts may be left."""

Semantics: TypeAlias = Expression | Statement | Checked | Guarded | Many | Raw


def out_of_range(name: str, *, above: bool = True, below: bool = True) -> str:
    """Return the test of whether an integer does not fit 64 bits, on the sides where it may not."""
    return " or ".join([f"{name} > {I64_MAX}"] * above + [f"{name} < {I64_MIN}"] * below)


def _expression(inputs: str, text: str, *, reads_heap: bool = False) -> Expression:
    return Expression(tuple(inputs.split()), text, reads_heap)


def _statement(effect: str, text: str, failure: Failure | None = None) -> Statement:
    inputs, _, result = effect.partition("->")
    return Statement(tuple(inputs.split()), result.strip(), dedent(text).strip(), failure)


def _checked(operator: str) -> Checked:
    return Checked(("a", "b"), f"a {operator} b", f'integer_overflow("{operator}")')


def _raw(text: str) -> Raw:
    return Raw(dedent(text).strip())


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

_LOAD_GLOBAL: Final = """
    if $0.value is not MISSING:
        stack.append(top)
        top = $0.value
    else:
        fuel -= 1
        if fuel < 0:
            fuel = machine.refuel(len(frames), True, $0.initialiser)
            step = function.before(step)
            if fuel == 0:
                return machine.pause(step, slots, stack, function, top)
        else:
            frames.append((step, slots, stack, function))
            stack.append(top)
            slots = []
""" + _ENTER.format(callee="$0.initialiser").replace("\n    ", "\n            ").rstrip()

_PLAIN: Final[Mapping[str, Semantics]] = {
    "load_local": _expression("", "slots[$0]"),
    "load_const": _expression("", "$0"),
    "store_local": _statement("value ->", "slots[$0] = value"),
    "add_int": _checked("+"),
    "sub_int": _checked("-"),
    "mul_int": _checked("*"),
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
    "load_field": _expression("instance", "instance.fields[$0]", reads_heap=True),
    "store_field": _statement("instance value ->", "instance.fields[$0] = value"),
    "load_element": _statement(
        "container index -> element",
        "element = container[index]",
        Failure((IndexError, KeyError), "no_element(container, index)"),
    ),
    "store_element": _statement(
        "container index value ->",
        "container[index] = value",
        Failure((IndexError,), "no_element(container, index)"),
    ),
    "bin_op": _statement("a b -> result", "result = $0(a, b)"),
    "cmp_op": _statement("a b -> result", "result = $0(a, b)"),
    "unary_op": _statement("a -> result", "result = $0(a)"),
    # Copying a long text takes long: `rest` asks the driver before, and may leave the machine at the instruction.
    "concat": Guarded(
        ("a", "b"),
        "if len(a) > 65536 or len(b) > 65536:\n    check_length(a, b)\n    rest a, b",
        "a + b",
    ),
    "copy": _raw("stack.append(top)\ntop = stack[-1 - $0]"),
    "pop": _statement("value ->", ""),
    "is_null": _expression("value", "value is None"),
    "load_cell": _expression("", "slots[$0].value", reads_heap=True),
    "store_cell": _statement("content ->", "slots[$0].value = content"),
    "make_cell": _statement("->", "slots[$0] = Cell(slots[$0])"),
    "call_indirect": _raw(_CALL_INDIRECT),
    "call_method": _raw(_CALL_METHOD),
    "call_native": Many(1, "$0(items)"),
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
        note(top)
        if $0.is_async:
            return machine.suspend($0, values, top, step, slots, stack, function, fuel)
        if type(top) is Pending:
            return machine.suspend($0, values, top.awaitable, step, slots, stack, function, fuel)
        """
    ),
    "make_closure": Many(1, "Closure($0, (items,))"),
    "alloc_array": Many(0, "[items]"),
    "alloc_map": Many(0, "{items}", of_pairs=True),
    "alloc_instance": Many(1, "Instance($0, [items])"),
    "append": _statement("items value -> items", "items.append(value)"),
    "extend": _statement(
        "items others -> items", "items.extend(others) if len(others) <= 64 else extend(items, others)"
    ),
    "insert": _statement("entries key value -> entries", "entries[key] = value"),
    "update": _statement(
        "entries others -> entries", "entries.update(others) if len(others) <= 64 else update(entries, others)"
    ),
    "load_field_named": _expression("instance", "instance.get($0)", reads_heap=True),
    "store_field_named": _statement("instance value ->", "instance.set($0, value)"),
    "load_variant": _expression("", "$0"),
    "is_type": _expression("value", "$0(value)", reads_heap=True),
    "discriminant": _expression("value", "value.index"),
    "type_tag": _expression("value", "type_tag(value)"),
    "jump_table": _statement("key ->", "step = $0.get(key, $1)"),
    "load_global": _raw(_LOAD_GLOBAL),
    "store_global": _statement("value -> kept", "kept = $0.keep(value)"),
    "load_missing": _expression("", "MISSING"),
    "jump_if_supplied": _statement("->", "if slots[$0] is not MISSING:\n    step = $1"),
    "throw": _statement(
        "value ->",
        """
        fuel -= 1 + (len(frames) >> 5)
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
    "unreachable": _statement("->", "raise unreachable()"),
}

SEMANTICS: Final[Mapping[str, Semantics]] = {
    **_PLAIN,
    # Pseudo-instructions, which only the linker puts in.
    "rest": _raw(  # in the middle of a long run of instructions, which costs a step for each such part
        """
        step = $0
        fuel -= 1
        if fuel < 0:
            fuel = machine.refuel(len(frames), False) - 1
            if fuel < 0:
                return machine.pause(step, slots, stack, function, top)
        """
    ),
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
        if len(long) > 65536 or len(suffix) > 65536:
            check_length(long, suffix)
            rest long, suffix
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
    "rest": 1,
    "enter": 1,
    "halt": 0,
    "compiled": 1,
    "compiled_loop": 2,
}
"""The number of operands of an opcode once linked, if it is not the number in the opcode table."""
