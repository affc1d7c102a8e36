"""One basic block on symbolic operands: the facts that leave it, or the lines of Python that do what it does.

Locals are the Python locals ``v0 v1 …``, operands that live across blocks ``s0 s1 …`` (by depth), temporaries ``t1 …``.
An operand is an expression that has not been evaluated yet. It is evaluated into a temporary before anything that could
change it: a store into a local that it reads, an effect on the heap if it reads the heap.

Expressions and statements are those of :mod:`bamlvm.vm.semantics`, with operands put in; where facts allow a cheaper
form (:mod:`bamlvm.vm.facts`) it is taken. Control transfers are written here and in :mod:`bamlvm.vm.translate`.

Every line that can raise, call or be left has a :class:`Site`: which instruction it is part of and what lay on the
operand stack. From the site and the Python locals :mod:`bamlvm.vm.spill` makes the interpreter's frame. So a line has
one effect, and that effect comes after everything in the line that can raise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, BOOL, INT, STRING, Fact
from bamlvm.vm.flow import COUNTED, Block, Counting, Flow, Instruction, Unsupported
from bamlvm.vm.opcodes import BINARY, CODES, COMPARE, TABLE, UNARY
from bamlvm.vm.program.code import Constant
from bamlvm.vm.program.types import ClassType
from bamlvm.vm.semantics import SEMANTICS, Expression, Statement
from bamlvm.vm.values import I64_MAX, I64_MIN


class Site(NamedTuple):
    """What a line does: the instruction at ``place``, with ``arguments`` on top of ``below`` on the operand stack, each
    an expression over the Python locals.

    ``kind`` says what an exception means that is raised in the line itself: ``element`` (IndexError or KeyError: no
    such element), ``divide/`` and ``divide%`` (ZeroDivisionError), ``call`` (a compiled function), ``foreign`` (a
    native or sys-op, whose exceptions are not the machine's), ``header`` and ``entry`` (the state before a loop's first
    instruction, or the function's); ``operator``, ``baml`` and ``plain`` raise nothing but
    :class:`~bamlvm.vm.values.Thrown`.
    """

    place: int
    kind: str
    below: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


class Line(NamedTuple):
    """A line of Python."""

    indent: int
    text: str
    site: Site | None = None


class Names(Protocol):
    """What a translation asks of the compiled program: the global names of objects and functions."""

    def constant(self, value: Any) -> str:
        """Return an expression for an object that the code needs."""
        ...

    def callee(self, name: str) -> str:
        """Return the global name under which a function of the program is called."""
        ...

    def result(self, name: str) -> Fact:
        """Return what is known of a function's or native's result."""
        ...

    def argument(self, name: str, index: int) -> Fact:
        """Return what is known of a function's argument when it is called; it may be left out if it has a default."""
        ...

    def parameter(self, name: str, index: int) -> Fact:
        """Return what is known of a function's parameter once it is supplied."""
        ...

    def linked(self, name: str, operands: Sequence[int], kinds: Sequence[str]) -> Sequence[Any]:
        """Return the linked operands of an instruction of the function, as the interpreter has them."""
        ...

    def field(self, fact: Fact, index: int) -> Fact:
        """Return what is known of a field of an instance."""
        ...


class Operand:
    """An expression that has not been evaluated: its text, what is known of it, the locals that it reads (``locals``),
    whether it reads the heap, whether it needs no parentheses (``atom``), the local that it is a copy of, if any, the
    comparison that it is, if any, and a cheaper text that is zero where it is (``zero``), if any."""

    __slots__ = ("atom", "comparison", "fact", "local", "locals", "reads_heap", "text", "zero")

    def __init__(
        self,
        text: str,
        fact: Fact,
        *,
        locals: frozenset[int] = frozenset(),
        reads_heap: bool = False,
        atom: bool = False,
        local: int | None = None,
        comparison: Comparison | None = None,
    ) -> None:
        self.text = text
        self.fact = fact
        self.locals = locals
        self.reads_heap = reads_heap
        self.atom = atom
        self.local = local
        self.comparison = comparison
        self.zero = ""

    @property
    def inner(self) -> str:
        """The text as an operand of a larger expression."""
        return self.text if self.atom else f"({self.text})"


class Comparison(NamedTuple):
    """``one operator other``; the operator ``!`` negates the comparison ``one``."""

    operator: str
    one: Operand
    other: Operand | None


class Condition(NamedTuple):
    """What a branch tests; ``negated`` if it jumps where the test fails."""

    text: str
    negated: bool


class State(NamedTuple):
    """The facts at a place: of each local (None: not set on some way) and of each operand."""

    locals: list[Fact | None]
    stack: list[Fact]


class ChunkGuards(Protocol):
    """The loop that a block is in, if its turns are counted in chunks: where sums may be checked once a chunk."""

    def accumulate(self, local: int, addend: Fact, block: int) -> bool:
        """Whether the sum that a local accumulates is checked at the chunk's start."""
        ...


_OPERATOR_INSTRUCTIONS: Final[Mapping[str, str]] = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_CHECKED: Final[Mapping[str, str]] = {"add_int": "+", "sub_int": "-", "mul_int": "*"}
_FACTS: Final[Mapping[str, Fact]] = {
    "concat": STRING,
    "is_null": BOOL,
    "is_type": BOOL,
    "discriminant": facts.INDEX,
    "type_tag": STRING,
    "load_variant": Fact("enum"),
}
_INT_OPERATORS: Final = frozenset(("/", "%", "&", "|", "^", "<<", ">>", "~"))
_READS_HEAP: Final = frozenset({"load_field", "load_cell", "load_field_named", "is_type", "discriminant"})
_CALL_LIKE: Final = re.compile(r"[\w.]*(\[[\w.]*\]|\([\w., ]*\))?")


class BlockRun:
    """One pass over a block.  ``lines`` is what it emits; nothing is kept of it where only the facts are wanted."""

    def __init__(
        self,
        flow: Flow,
        names: Names,
        block: Block,
        state: State,
        counting: Mapping[int, Counting],
        temporaries: Temporaries,
        guards: ChunkGuards | None = None,
    ) -> None:
        self.flow = flow
        self.names = names
        self.block = block
        self.locals = list(state.locals)
        self.stack = [Operand(f"s{depth}", fact, atom=True) for depth, fact in enumerate(state.stack)]
        self.base = state.stack
        self.lines: list[Line] = []
        self.ended = False
        self.condition: Condition | None = None
        self.key = ""
        self.unset: set[int] = set()
        self.step: Fact | None = None
        self._at_handler = list(self.locals)
        self._refined: tuple[dict[int, Fact], dict[int, Fact]] = ({}, {})
        self._counts = counting.get(block.index)
        self._latched = next((each for each in counting.values() if each.latch == block.index), None)
        self._guards = guards
        self._temporaries = temporaries
        self._place = 0
        self._skip = False
        self._indent = 0

    def run(self, *, emit_latch: bool = True) -> None:
        """Run the block.  Without ``emit_latch`` the addition at a counting loop's end is left to its ``for``."""
        end = self.block.end
        if self._latched is not None and not emit_latch:
            end -= 5
        index = self.block.start
        while index < end and not self.ended:
            self._skip = False
            self._instruction(index, self.flow.code[index])
            index += 2 if self._skip else 1
        if not self.ended:
            self._settle_stack()

    def leaving(self) -> list[tuple[int, State]]:
        """Return the blocks that may follow, with the facts that hold there."""
        found = []
        stack = [each.fact for each in self.stack]
        if self.block.protection is not None:
            handler, depth = self.block.protection
            found.append((handler, State(list(self._at_handler), [*self.base[:depth], ANY])))
        if self.ended:
            return found
        targets = self.block.successors
        if self.condition is None:
            found += [(target, State(list(self.locals), list(stack))) for target in targets]
        else:
            found += [
                (target, State([known.get(k, each) for k, each in enumerate(self.locals)], list(stack)))
                for target, known in zip(targets, self._refined, strict=True)
            ]
        return found

    # --- lines and operands -------------------------------------------------------------------------------------------

    def _emit(self, text: str, site: Site | None = None) -> None:
        self.lines.append(Line(self._indent, text, site or Site(self._place, "plain")))

    def _site(self, kind: str, arguments: Sequence[Operand] = ()) -> Site:
        return Site(self._place, kind, tuple(each.text for each in self.stack), tuple(each.text for each in arguments))

    def _push(self, text: str, fact: Fact, *parts: Operand, reads_heap: bool = False, atom: bool = False) -> Operand:
        """Push an expression over ``parts``."""
        pushed = Operand(
            text,
            fact,
            locals=frozenset().union(*(each.locals for each in parts)),
            reads_heap=reads_heap or any(each.reads_heap for each in parts),
            atom=atom,
        )
        self.stack.append(pushed)
        return pushed

    def _pop(self, count: int) -> list[Operand]:
        popped = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return popped

    def _settle(self, operand: Operand) -> None:
        """Evaluate an operand now, into a temporary."""
        if operand.atom and not operand.locals and not operand.reads_heap:
            return
        name = self._temporaries.new()
        self._emit(f"{name} = {operand.text}")
        operand.text, operand.atom, operand.local, operand.comparison = name, True, None, None
        operand.locals, operand.reads_heap, operand.zero = frozenset(), False, ""

    def _settle_compound(self, operand: Operand) -> None:
        """Evaluate an operand now if its text would be evaluated twice."""
        if not operand.atom:
            self._settle(operand)

    def _before_store(self, local: int) -> None:
        for operand in self.stack:
            if local in operand.locals:
                self._settle(operand)

    def _before_effect(self) -> None:
        for operand in self.stack:
            if operand.reads_heap:
                self._settle(operand)

    def _settle_stack(self) -> None:
        """Bring the operands into ``s0 s1 …`` for the next block."""
        moves = [(f"s{d}", each.text) for d, each in enumerate(self.stack) if each.text != f"s{d}"]
        if moves:
            self._emit(f"{', '.join(to for to, _ in moves)} = {', '.join(text for _, text in moves)}")

    def _set(self, local: int, fact: Fact) -> None:
        self.locals[local] = fact
        if self.block.protection is not None:  # the handler may see it before or after
            self._at_handler[local] = facts.join(self._at_handler[local], fact)

    def _read(self, local: int) -> Fact:
        fact = self.locals[local]
        if fact is None:
            self.unset.add(local)
            return ANY
        return fact

    def _stored_next(self, index: int) -> int | None:
        """The local that the next instruction stores into."""
        following = self.flow.code[index + 1] if index + 1 < self.block.end else None
        return following.operands[0] if following is not None and following.name == "store_local" else None

    def _result(self, index: int, text: str, fact: Fact, site: Site | None, *, direct: bool = True) -> str | None:
        """Evaluate ``text`` now, straight into the local or the ``return`` that comes next (where ``direct``), or into
        a temporary.  Return the name that has it, None after a ``return``."""
        local = self._stored_next(index) if direct else None
        if local is not None:
            self._before_store(local)
            site = None if site is None else site._replace(below=tuple(each.text for each in self.stack))
            self._emit(f"v{local} = {text}", site)
            self._set(local, fact)
            self._skip = True
            return f"v{local}"
        following = self.flow.code[index + 1] if index + 1 < self.block.end else None
        if direct and following is not None and following.name == "return":
            self._emit(f"return {text}", site)
            self._skip = self.ended = True
            return None
        name = self._temporaries.new()
        self._emit(f"{name} = {text}", site)
        self.stack.append(Operand(name, fact, atom=True))
        return name

    # --- instructions -------------------------------------------------------------------------------------------------

    def _instruction(self, index: int, instruction: Instruction) -> None:
        self._place = instruction.place
        handler = getattr(self, f"_do_{instruction.name}", None)
        if handler is not None:
            handler(index, instruction.operands)
            return
        if instruction.name in _CHECKED:
            b, a = self.stack.pop(), self.stack.pop()
            self._checked(index, _CHECKED[instruction.name], a, b)
            return
        if instruction.name in _OPERATOR_INSTRUCTIONS:
            self._compare(_OPERATOR_INSTRUCTIONS[instruction.name])
            return
        semantics = SEMANTICS[instruction.name]
        if isinstance(semantics, Expression):
            self._expression(instruction, semantics)
        elif isinstance(semantics, Statement):
            self._statement(index, instruction, semantics)
        else:
            raise Unsupported(instruction.name)

    def _filled(self, instruction: Instruction, text: str, operands: Mapping[str, str]) -> str:
        """A text of :mod:`bamlvm.vm.semantics` with its inputs, locals and linked operands put in."""
        row = TABLE[CODES[instruction.name]]

        def put_in(match: re.Match[str]) -> str:
            local, operand, word = match.groups()
            if local is not None:
                return f"v{instruction.operands[int(local)]}"
            if operand is None:
                return operands.get(word, word)
            linked = self.names.linked(instruction.name, instruction.operands, row.operands)
            return self.names.constant(linked[int(operand)])

        return re.sub(r"slots\[\$(\d)\]|\$(\d)|(\b[a-z]+\b)", put_in, text)

    def _expression(self, instruction: Instruction, semantics: Expression) -> None:
        parts = self._pop(len(semantics.inputs))
        text = self._filled(
            instruction, semantics.text, {name: each.inner for name, each in zip(semantics.inputs, parts, strict=True)}
        )
        reads = instruction.name in _READS_HEAP
        atom = re.fullmatch(r"\w+|[\w.]+(\[\d+\])?", text) is not None
        fact = _FACTS.get(instruction.name, ANY)
        if instruction.name == "load_field":
            fact = self.names.field(parts[0].fact, instruction.operands[0])
        self._push(text, fact, *parts, reads_heap=reads, atom=atom)

    def _statement(self, index: int, instruction: Instruction, semantics: Statement) -> None:
        """A statement with an effect, or one whose text is ``result = expression``."""
        parts = self._pop(len(semantics.inputs))
        named = dict(zip(semantics.inputs, parts, strict=True))
        lines = [line for line in semantics.text.split("\n") if line and line != "release"]
        value = re.fullmatch(rf"{semantics.result} = (.*)", lines[0]) if semantics.result and len(lines) == 1 else None
        if value is not None and semantics.result not in named:
            text = self._filled(instruction, value[1], {name: each.text for name, each in named.items()})
            fact = _FACTS.get(instruction.name, ANY)
            self._push(text, fact, *parts, reads_heap=True, atom=_CALL_LIKE.fullmatch(text) is not None)
            return
        for name, each in named.items():
            if sum(len(re.findall(rf"\b{name}\b", line)) for line in lines) > 1 or name == semantics.result:
                self._settle_compound(each)
        self._before_effect()
        inner = {name: each.inner for name, each in named.items()}
        for line in lines:
            self._emit(self._filled(instruction, line, inner), self._site("plain", parts))
        if semantics.result:
            self.stack.append(named[semantics.result])

    # loads and stores of locals

    def _do_load_local(self, index: int, operands: tuple[int, ...]) -> None:
        local = operands[0]
        fact = self._read(local)
        self.stack.append(Operand(f"v{local}", fact, locals=frozenset((local,)), atom=True, local=local))

    def _do_load_const(self, index: int, operands: tuple[int, ...]) -> None:
        value: Constant = self.flow.function.constants[operands[0]]
        text = self.names.constant(value)
        self.stack.append(Operand(f"({text})" if text.startswith("-") else text, facts.of_constant(value), atom=True))

    def _do_store_local(self, index: int, operands: tuple[int, ...]) -> None:
        local = operands[0]
        value = self.stack.pop()
        self._before_store(local)
        if value.text != f"v{local}":
            self._emit(f"v{local} = {value.text}")
        self._set(local, value.fact)

    def _do_make_cell(self, index: int, operands: tuple[int, ...]) -> None:
        local = operands[0]
        self._read(local)
        self._before_store(local)
        self._emit(f"v{local} = Cell(v{local})")
        self._set(local, ANY)

    def _do_load_cell(self, index: int, operands: tuple[int, ...]) -> None:
        local = operands[0]
        self._read(local)
        self.stack.append(Operand(f"v{local}.value", ANY, locals=frozenset((local,)), reads_heap=True, atom=True))

    def _do_copy(self, index: int, operands: tuple[int, ...]) -> None:
        copied = self.stack[-1 - operands[0]]
        self._settle_compound(copied)
        self.stack.append(
            Operand(
                copied.text,
                copied.fact,
                locals=copied.locals,
                reads_heap=copied.reads_heap,
                atom=copied.atom,
                local=copied.local,
            )
        )

    # arithmetic and comparison

    def _checked(self, index: int, operator: str, a: Operand, b: Operand) -> None:
        """``+ - *`` of two ints, with the check that their facts leave necessary."""
        low, high = facts.bounds(operator, a.fact, b.fact, same=a.text == b.text)
        text = f"{a.inner} {operator} {b.inner}"
        if self._latched is not None and index == self.block.end - 3:  # the counter's own addition
            self.step = b.fact
            bound = facts.interval(a.fact.low + max(b.fact.low, 0), a.fact.high + b.fact.high)
            self._push(text, bound, a, b)
            return
        if low >= I64_MIN and high <= I64_MAX:
            self._push(text, Fact("int", low, high), a, b)
            return
        fact = facts.interval(low, high)
        local = self._stored_next(index)
        if operator == "+" and local is not None and local in (a.local, b.local) and self._guards is not None:
            other = b if a.local == local else a
            if local not in other.locals and self._guards.accumulate(local, other.fact, self.block.index):
                self._before_store(local)
                self._emit(f"v{local} = {text}")
                self._set(local, fact)
                self._skip = True
                return
        # A local may get the unchecked sum only where no handler could see it.
        name = None
        site = self._site("baml")
        if self.block.protection is None and local is not None:
            name = self._result(index, text, fact, None)
        if name is None:
            name = self._temporaries.new()
            self._emit(f"{name} = {text}")
            self.stack.append(Operand(name, fact, atom=True))
        tests = [f"{name} > {I64_MAX}"] * (high > I64_MAX) + [f"{name} < {I64_MIN}"] * (low < I64_MIN)
        self._emit(f"if {' or '.join(tests)}: raise integer_overflow({operator!r})", site)

    def _compare(self, operator: str) -> None:
        b, a = self.stack.pop(), self.stack.pop()
        one = f"({a.zero})" if a.zero and b.text == "0" and operator in ("==", "!=") else a.inner
        pushed = self._push(f"{one} {operator} {b.inner}", BOOL, a, b)
        pushed.comparison = Comparison(operator, a, b)

    def _do_bin_op(self, index: int, operands: tuple[int, ...]) -> None:
        b, a = self.stack.pop(), self.stack.pop()
        operator = BINARY[operands[0]]
        if a.fact.is_int and b.fact.is_int and operator in "+-*":
            self._checked(index, operator, a, b)
            return
        self._operator(index, operator, (a, b), "bin_op", operands)

    def _do_cmp_op(self, index: int, operands: tuple[int, ...]) -> None:
        b, a = self.stack.pop(), self.stack.pop()
        operator = COMPARE[operands[0]]
        self._operator(index, operator, (a, b), "cmp_op", operands)

    def _do_concat(self, index: int, operands: tuple[int, ...]) -> None:
        b, a = self.stack.pop(), self.stack.pop()
        self._join(a, b)

    def _join(self, a: Operand, b: Operand) -> None:
        """Two strings joined.  The sum stays an operand of its own: CPython grows the variable that it is stored in."""
        if not b.text.startswith(("'", '"')):  # a constant is short
            self._settle_compound(a)
            self._settle_compound(b)
            self._emit(f"if len({b.text}) >= 16384: check_length({a.text}, {b.text})", self._site("baml"))
        self._push(f"{a.inner} + {b.inner}", facts.STRING, a, b)

    def _do_unary_op(self, index: int, operands: tuple[int, ...]) -> None:
        self._operator(index, UNARY[operands[0]], (self.stack.pop(),), "unary_op", operands)

    def _operator(
        self, index: int, operator: str, parts: Sequence[Operand], instruction: str, operands: tuple[int, ...]
    ) -> None:
        """An operator by its cheapest form, else by the general function."""
        row = facts.special(operator, *(each.fact for each in parts))
        if row is None:
            (function,) = self.names.linked(instruction, operands, ("operator",))
            text = f"{self.names.constant(function)}({', '.join(each.text for each in parts)})"
            fact = BOOL if instruction == "cmp_op" or operator == "!" else ANY
            if operator in _INT_OPERATORS and all(each.fact.is_int for each in parts):
                fact = INT
            self._before_effect()
            self._result(index, text, fact, self._site("operator", parts))
            return
        if row.fact is facts.joined_strings:
            self._join(*parts)
            return
        for name, each in zip("ab", parts, strict=False):
            if len(re.findall(rf"\b{name}\b", row.text)) > 1:
                self._settle_compound(each)
        inner = dict(zip("ab", (each.inner for each in parts), strict=False))

        def over_parts(text: str) -> str:
            return re.sub(r"\b[ab]\b", lambda match: inner[match[0]], text)

        text = over_parts(row.text)
        fact = row.fact(parts[0].fact, parts[-1].fact)
        if row.divides:
            self._result(index, text, fact, self._site(f"divide{operator}", parts))
            return
        pushed = self._push(text, fact, *parts)
        pushed.zero = over_parts(row.zero)
        if operator in facts.NEGATED:
            pushed.comparison = Comparison(operator, parts[0], parts[1])
        elif operator == "!":
            pushed.comparison = Comparison("!", parts[0], None)

    # elements

    def _do_load_element(self, index: int, operands: tuple[int, ...]) -> None:
        key, container = self.stack.pop(), self.stack.pop()
        self._before_effect()
        fact = facts.of_element(container.fact)
        self._result(index, f"{container.inner}[{key.text}]", fact, self._site("element", (container, key)))

    def _do_store_element(self, index: int, operands: tuple[int, ...]) -> None:
        value, key, container = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self._before_effect()
        self._emit(f"{container.inner}[{key.text}] = {value.text}", self._site("element", (container, key, value)))

    # making values

    def _do_alloc_array(self, index: int, operands: tuple[int, ...]) -> None:
        items = self._pop(operands[0])
        self._result(index, f"[{', '.join(each.text for each in items)}]", Fact("list"), None)

    def _do_alloc_map(self, index: int, operands: tuple[int, ...]) -> None:
        parts = self._pop(2 * operands[0])
        entries = ", ".join(f"{key.text}: {value.text}" for key, value in zip(parts[::2], parts[1::2], strict=True))
        self._result(index, f"{{{entries}}}", Fact("map"), None)

    def _do_alloc_instance(self, index: int, operands: tuple[int, ...]) -> None:
        cls, _ = self.names.linked("alloc_instance", operands, ("name", "count"))
        fields = ", ".join(each.text for each in self._pop(operands[1]))
        self._result(
            index,
            f"Instance({self.names.constant(cls)}, [{fields}])",
            Fact("instance", type=ClassType(cls.name)),
            None,
        )

    def _do_make_closure(self, index: int, operands: tuple[int, ...]) -> None:
        function, _ = self.names.linked("make_closure", operands, ("name", "count"))
        cells = "".join(f"{each.text}, " for each in self._pop(operands[1]))
        self._result(index, f"Closure({self.names.constant(function)}, ({cells}))", Fact("closure"), None)

    def _do_load_missing(self, index: int, operands: tuple[int, ...]) -> None:
        self.stack.append(Operand("MISSING", ANY, atom=True))

    # calls

    def _do_call(self, index: int, operands: tuple[int, ...]) -> None:
        arguments = self._pop(operands[1])
        name = self.flow.function.names[operands[0]]
        self.names.linked("call", operands, ("name", "count"))  # raises LinkError where they do not fit
        self._before_effect()
        text = f"{self.names.callee(name)}({', '.join(each.text for each in arguments)})"
        self._result(index, text, self.names.result(name), self._site("call", arguments))

    def _do_call_indirect(self, index: int, operands: tuple[int, ...]) -> None:
        closure, *arguments = self._pop(operands[0] + 1)
        self._before_effect()
        self._settle_compound(closure)
        passed = "".join(f"{each.text}, " for each in arguments)
        text = f"compiled[{closure.text}.function]({passed}*{closure.text}.cells)"
        self._result(index, text, ANY, self._site("call", (closure, *arguments)))

    def _do_call_method(self, index: int, operands: tuple[int, ...]) -> None:
        receiver, *arguments = self._pop(operands[1])
        self._before_effect()
        self._settle_compound(receiver)
        name = self.flow.function.names[operands[0]]
        passed = ", ".join(each.text for each in (receiver, *arguments))
        text = f"compiled[method({receiver.text}, {name!r})]({passed})"
        self._result(index, text, ANY, self._site("call", (receiver, *arguments)))

    def _do_call_native(self, index: int, operands: tuple[int, ...]) -> None:
        arguments = self._pop(operands[1])
        path = self.flow.function.names[operands[0]]
        native, _ = self.names.linked("call_native", operands, ("name", "count"))
        inlined = facts.INLINED.get(path)
        if inlined is None:
            self._before_effect()
            text = f"{self.names.constant(native)}({', '.join(each.text for each in arguments)})"
            self._result(index, text, self.names.result(path), self._site("foreign", arguments))
            return
        text = inlined.text.format(*(each.inner for each in arguments))
        if inlined.writes:
            self._before_effect()
            self._emit(text)
            self.stack.append(Operand("None", inlined.fact, atom=True))
        else:
            self._push(text, inlined.fact, *arguments, reads_heap=True, atom=text.endswith(")"))

    def _do_sys_call(self, index: int, operands: tuple[int, ...]) -> None:
        arguments = self._pop(operands[1])
        sysop, _ = self.names.linked("sys_call", operands, ("name", "count"))
        self._before_effect()
        text = f"sys_call({self.names.constant(sysop)}, [{', '.join(each.text for each in arguments)}])"
        # A sys-op's result comes from outside: nothing is taken for granted of it.
        self._result(index, text, ANY, self._site("foreign", arguments))

    # control

    def _do_return(self, index: int, operands: tuple[int, ...]) -> None:
        self._emit(f"return {self.stack.pop().text}")
        self.ended = True

    def _do_throw(self, index: int, operands: tuple[int, ...]) -> None:
        self._emit(f"raise ThrownValue({self.stack.pop().text})", self._site("baml"))
        self.ended = True

    def _do_rethrow(self, index: int, operands: tuple[int, ...]) -> None:
        self._emit(f"raise Rethrown({self.stack.pop().text})", self._site("baml"))
        self.ended = True

    def _do_unreachable(self, index: int, operands: tuple[int, ...]) -> None:
        self._emit("raise unreachable()", self._site("baml"))
        self.ended = True

    def _do_assert(self, index: int, operands: tuple[int, ...]) -> None:
        condition = self.stack.pop()
        message = self.names.constant(self.flow.function.constants[operands[0]])
        self._emit(f"if not {condition.inner}: raise assertion_failed({message})", self._site("baml"))

    def _do_jump(self, index: int, operands: tuple[int, ...]) -> None:
        """The structure of the code takes care of it."""

    _do_loop = _do_jump

    def _do_jump_table(self, index: int, operands: tuple[int, ...]) -> None:
        key = self.stack.pop()
        if self.stack or len(self.flow.function.tables[operands[0]].keys) <= MAX_CHAIN:
            self._settle_compound(key)
        self.key = key.text

    def _do_pop_jump_if_false(self, index: int, operands: tuple[int, ...]) -> None:
        self._branch(negated=True)

    def _do_pop_jump_if_true(self, index: int, operands: tuple[int, ...]) -> None:
        self._branch(negated=False)

    def _branch(self, *, negated: bool) -> None:
        condition = self.stack.pop()
        # What is still on the stack moves into s0 s1 … before the test: the test must not see the new values.
        if any(each.text != f"s{depth}" for depth, each in enumerate(self.stack)):
            self._settle(condition)
        self.condition = Condition(condition.text, negated)
        holding, failing = self._narrowed(condition, True), self._narrowed(condition, False)
        self._refined = (failing, holding) if negated else (holding, failing)

    def _do_jump_if_supplied(self, index: int, operands: tuple[int, ...]) -> None:
        local = operands[0]
        self.condition = Condition(f"v{local} is not MISSING", negated=False)
        self._refined = ({local: self.names.parameter(self.flow.function.name, local)}, {})

    def _narrowed(self, condition: Operand, truth: bool) -> dict[int, Fact]:
        """Return what locals are known to be where a condition holds, or where it fails."""
        comparison = condition.comparison
        if comparison is None:
            return {}
        operator, one, other = comparison
        if other is None:
            return self._narrowed(one, not truth)
        if not truth:
            operator = facts.NEGATED[operator]
        found = {}
        for this, that, sign in ((one, other, operator), (other, one, facts.MIRRORED[operator])):
            if this.local is None or self.locals[this.local] is None:
                continue
            fact = facts.refined(this.fact, sign, that.fact)
            if fact is None:
                continue
            if truth and self._counts is not None and this.local == self._counts.counter:
                fact = Fact("int", min(fact.low, COUNTED), min(fact.high, COUNTED))  # the chunk's guess
            found[this.local] = fact
        return found


MAX_CHAIN: Final = 4
"""Keys of a jump table that are compared one by one."""


class Temporaries:
    """Names of temporaries."""

    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"t{self.count}"
