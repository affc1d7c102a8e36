"""What an instruction does within a block, as Python over symbolic operands.

What it does is said by its form in :mod:`bamlvm.vm.semantics`, with operands put in (:mod:`bamlvm.vm.operands`); where
facts allow a cheaper form (:data:`bamlvm.vm.facts.SPECIAL`) it is taken.  Facts of results and of locals are kept on
the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Code, Fact, Special, State
from bamlvm.vm.flow import Block, Flow, Unsupported
from bamlvm.vm.inlining import Declared, Instruction
from bamlvm.vm.names import Names
from bamlvm.vm.opcodes import CODES, KEYS, MAY_THROW, OPERATORS, TABLE
from bamlvm.vm.operands import Comparison, Form, Operand, Operands, Site, Temporaries, form
from bamlvm.vm.program.types import ClassType
from bamlvm.vm.semantics import (
    REST,
    SEMANTICS,
    Checked,
    Expression,
    Guarded,
    Many,
    Raw,
    Semantics,
    Statement,
    out_of_range,
)
from bamlvm.vm.type_tests import is_deep
from bamlvm.vm.values import I64_MAX, I64_MIN
from bamlvm.vm.work import FREE, LONG, LONGEST


class ChunkGuards(Protocol):
    """The loop that a block is in, if its turns are counted in chunks: where sums may be checked once a chunk."""

    def accumulate(self, local: int, addend: Fact, block: int) -> bool:
        """Whether the sum that a local accumulates is checked at the chunk's start."""
        ...


_COMPARISONS: Final[Mapping[str, str]] = {
    name: each.text.removeprefix("a ").removesuffix(" b")
    for name, each in SEMANTICS.items()
    if isinstance(each, Expression) and re.fullmatch(r"a [<>=!]=? b", each.text)
}
"""The operators of the instructions that compare."""


_GROWS: Final = f"""\
if len(a) > {LONG} and (len(b) > {FREE} or references(a) > 2 or len(a) > {LONGEST >> 3}) or len(b) > {LONG}:
    check_length(a, b)"""
"""The guard of a join whose first text is in a local that takes the result: CPython grows it where it stands if nothing
else refers to it (the other reference is the function's), and it has room for a short one more."""


class Forms(Operands):
    """The instructions of a block that have a form; a subclass has a method ``_do_<name>`` for each of the others.

    ``locals`` is what is known of each local, ``unset`` which of them are read where they may not be set, and ``step``
    what is known of the step of the counting loop that ends in the block, if ``ends_counting``.  ``accumulated`` has
    the addends of the sums that are checked once a chunk.  ``ended`` is set by what control does not come behind.
    """

    _handlers: ClassVar[Mapping[str, Callable[[Any, int, tuple[int, ...]], None]]]

    def __init__(
        self,
        flow: Flow,
        names: Names,
        block: Block,
        state: State,
        temporaries: Temporaries,
        guards: ChunkGuards | None,
        *,
        ends_counting: bool,
        asserts: bool,
        weighs: bool,
    ) -> None:
        super().__init__(state.stack, state.copies, temporaries)
        self.flow = flow
        self.names = names
        self.block = block
        self.locals = list(state.locals)
        self.unset: set[int] = set()
        self.step: Fact | None = None
        self.accumulated: dict[int, Fact] = {}
        self.ended = False
        self._at_handler = list(self.locals)
        self._ends_counting = ends_counting
        self._guards = guards
        self._asserts = asserts
        self._weighs = weighs
        self._skip = False
        self._function = flow.function
        self._declared: Declared | None = None

    def __init_subclass__(cls) -> None:
        cls._handlers = {name.removeprefix("_do_"): each for name, each in vars(cls).items() if name[:4] == "_do_"}

    # --- locals and results -------------------------------------------------------------------------------------------

    def _set(self, local: int, fact: Fact) -> None:
        self.locals[local] = fact
        if self.block.protection is not None:  # the handler may see it before or after
            self._at_handler[local] = facts.join(self._at_handler[local], fact)

    def _stored(self, local: int, fact: Fact) -> Fact:
        """What is known of a value in the local that it is stored into: of a new list or map the local's type, too."""
        if fact.kind not in ("list", "map") or fact.type is not None:
            return fact
        place = local if self._body is None else local - self._body.first_local
        declared = (facts.of_type(each.type) for each in self._function.local_types if each.local == place)
        return next((each for each in declared if each.kind == fact.kind), fact)

    def _read(self, local: int) -> Fact:
        fact = self.locals[local]
        if fact is None:
            self.unset.add(local)
            return ANY
        return fact

    def _assert(self, name: str, fact: Fact) -> None:
        if self._asserts and facts.is_checkable(fact):
            self._emit(f"verify({self.names.constant(fact)}, {name})")

    def _follows(self, index: int, name: str) -> Instruction | None:
        """The next instruction if it has a name."""
        following = self.flow.code[index + 1] if index + 1 < self.block.end else None
        return following if following is not None and following.name == name else None

    def _stored_next(self, index: int) -> int | None:
        """The local that the next instruction stores into."""
        following = self._follows(index, "store_local")
        return None if following is None else following.operands[0]

    def _result(self, index: int, text: str, fact: Fact, site: Site | None) -> str | None:
        """Evaluate ``text`` now, straight into the local or the ``return`` that comes next, or into a temporary.

        Return the name that has it, None after a ``return``.
        """
        local = self._stored_next(index)
        if local is not None:
            self._before_store(local)
            site = None if site is None else site._replace(below=tuple(each.text for each in self.stack))
            self._emit(f"v{local} = {text}", site)
            self._set(local, self._stored(local, fact))
            self._skip = True
            return f"v{local}"
        if self._follows(index, "return"):
            self._emit(f"return {text}", site)
            self._skip = self.ended = True
            return None
        name = self._temporaries.new()
        self._emit(f"{name} = {text}", site)
        self.stack.append(Operand(name, fact))
        return name

    def _known_result(self, index: int, text: str, fact: Fact, site: Site | None) -> None:
        """Evaluate ``text`` now, as :meth:`_result`; its value is as ``fact`` says."""
        name = self._result(index, text, fact, site)
        if name is not None:
            self._assert(name, fact)

    # --- instructions -------------------------------------------------------------------------------------------------

    def _instruction(self, index: int, instruction: Instruction) -> None:
        self._place, self._body = instruction.place, instruction.body
        self._function = self.flow.function_of(instruction)
        self._declared = instruction.declared
        handler = self._handlers.get(instruction.name)
        if handler is not None:
            handler(self, index, instruction.operands)
            return
        semantics = SEMANTICS[instruction.name]
        if isinstance(semantics, Raw):
            raise Unsupported(instruction.name)
        if isinstance(semantics, Many):
            parts = self._pop(instruction.operands[semantics.counted_by] * (2 if semantics.of_pairs else 1))
        else:
            parts = self._pop(len(semantics.inputs))
        row = None
        if instruction.name in facts.SPECIALISED:
            row = facts.special(instruction.name, self._operation(instruction), [each.fact for each in parts])
        if row is not None and row.same_as:
            semantics, row = SEMANTICS[row.same_as], None
        if row is not None:
            self._special(index, instruction, row, parts)
        elif instruction.name == "is_type" and is_deep(self._function.types[instruction.operands[0]]):
            self._deep_test(index, instruction, semantics, parts)
        elif isinstance(semantics, Expression):
            self._expression(instruction, semantics, parts)
        elif isinstance(semantics, Statement):
            self._statement(index, instruction, semantics, parts)
        elif isinstance(semantics, Checked):
            self._checked(index, instruction, semantics, parts)
        elif isinstance(semantics, Guarded):
            self._guarded(index, semantics, parts)
        elif isinstance(semantics, Many):
            self._many(index, instruction, semantics, parts)

    def _operation(self, instruction: Instruction) -> str:
        """The operator that an instruction applies, or the native that it calls."""
        if instruction.name == "call_native":
            return self._function.names[instruction.operands[0]]
        operators = OPERATORS.get(instruction.name)
        return operators[instruction.operands[0]] if operators else ""

    def _fact(self, instruction: Instruction, parts: Sequence[Operand]) -> Fact:
        """What is known of an instruction's result."""
        name, operands = instruction.name, instruction.operands
        if name in facts.RESULTS:
            return facts.RESULTS[name]
        match name:
            case "load_const":
                return facts.of_constant(self._function.constants[operands[0]])
            case "load_field":
                return self.names.field(parts[0].fact, operands[0])
            case "load_element":
                return facts.of_element(parts[0].fact)
            case "bin_op" | "unary_op":
                return facts.of_operator(self._operation(instruction), [each.fact for each in parts])
            case "call_native":
                return self.names.result(self._operation(instruction))
            case "alloc_instance":
                return Fact("instance", type=ClassType(self._function.names[operands[0]]))
            case "make_closure":
                return Fact("closure", code=Code(self._function.names[operands[0]], operands[1]))
        return ANY

    def _linked(self, name: str, operands: Sequence[int]) -> Sequence[Any]:
        """The linked operands of an instruction, as the interpreter has them."""
        return self.names.linked(None if self._body is None else self._body.linked, name, operands)

    def _filled(self, instruction: Instruction, template: Form, inputs: Mapping[str, Operand]) -> str:
        def linked(number: int) -> str:
            return self.names.constant(self._linked(instruction.name, instruction.operands)[number])

        return template.filled(inputs, instruction.operands, linked)

    def _expression(self, instruction: Instruction, semantics: Expression, parts: Sequence[Operand]) -> None:
        template = form(semantics.text, semantics.inputs)
        operator = _COMPARISONS.get(instruction.name)
        if operator is not None:
            self._compare(template, operator, parts)
            return
        text = self._filled(instruction, template, dict(zip(semantics.inputs, parts, strict=True)))
        copies = semantics.text == "slots[$0]"
        fact = ANY if copies else self._fact(instruction, parts)
        pushed = self._push(text, fact, parts, reads_heap=semantics.reads_heap)
        for slot in template.slots:
            local = instruction.operands[slot]
            fact = self._read(local)
            pushed.locals |= {local}
            if copies:
                pushed.local, pushed.fact = local, fact

    def _deep_test(self, index: int, instruction: Instruction, semantics: Semantics, parts: Sequence[Operand]) -> None:
        """A test that looks at the parts of a value, which may be lengthy work."""
        assert isinstance(semantics, Expression)
        text = self._filled(instruction, form(semantics.text, semantics.inputs), {semantics.inputs[0]: parts[0]})
        self._known_result(index, text, facts.BOOL, self._site("foreign", parts))

    def _compare(self, template: Form, operator: str, parts: Sequence[Operand]) -> None:
        one, other = parts
        compared = one
        if one.zero and other.text == "0" and operator in ("==", "!="):
            compared = Operand(one.zero, one.fact)
        pushed = self._push(template.filled({"a": compared, "b": other}), facts.BOOL, parts)
        pushed.comparison = Comparison(operator, one, other)

    def _statement(self, index: int, instruction: Instruction, semantics: Statement, parts: Sequence[Operand]) -> None:
        """What has an effect, may raise, or both.

        A result that is no input is evaluated at once, since that may raise.
        """
        inputs = dict(zip(semantics.inputs, parts, strict=True))
        if instruction.name in KEYS and parts[0].fact.kind != "list":
            self._weigh_key(index, parts[len(parts) - 1 - KEYS[instruction.name]], parts)
        if semantics.result and semantics.result not in inputs:
            text = semantics.text.removeprefix(f"{semantics.result} = ")
            self._settle_uses(text, inputs)
            site = self._raising(instruction, semantics, inputs)
            text = self._filled(instruction, form(text, semantics.inputs), inputs)
            self._note_index(inputs)  # before the result may be stored into the index
            self._known_result(index, text, self._fact(instruction, parts), site)
            return
        self._settle_uses(semantics.text, inputs, semantics.result)
        template = form(semantics.text, semantics.inputs)
        stores = semantics.text.startswith("slots[$0] = ")
        for slot in template.slots[stores:]:
            self._read(instruction.operands[slot])
        text = self._filled(instruction, template, inputs)
        if stores:
            self._store(instruction.operands[0], text, semantics, parts)
        elif text:
            self._before_effect()
            self._emit_lines(text.split("\n"), self._raising(instruction, semantics, inputs))
            self._note_index(inputs)
        if semantics.result:
            self.stack.append(inputs[semantics.result])
        self.ended = TABLE[CODES[instruction.name]].flow == "end"

    def _note_index(self, inputs: Mapping[str, Operand]) -> None:
        """What has served as the index of a list is within a list's length, so that a step from it cannot overflow."""
        container, index = inputs.get("container"), inputs.get("index")
        if container is None or index is None or container.fact.kind != "list" or index.local is None:
            return
        fact = self.locals[index.local]
        if fact is not None and fact == index.fact and fact.is_int:  # it has not been stored into since
            low, high = max(fact.low, -facts.LENGTH.high), min(fact.high, facts.LENGTH.high)
            if low <= high:
                self.locals[index.local] = Fact("int", low, high)

    def _store(self, local: int, text: str, semantics: Statement, parts: Sequence[Operand]) -> None:
        self._before_store(local)
        copies = semantics.text == f"slots[$0] = {semantics.inputs[0]}" if semantics.inputs else False
        fact = parts[0].fact if copies else ANY
        if self._declared is not None and fact == ANY:
            fact = self.names.declared(self._declared)
        fact = self._stored(local, fact)
        if text != f"v{local} = v{local}":
            self._emit(text)
        self._set(local, fact)
        self._assert(f"v{local}", fact)

    def _settle_uses(self, text: str, inputs: Mapping[str, Operand], result: str = "") -> None:
        template = form(text, tuple(inputs))
        for name, each in inputs.items():
            self._settle_repeated(each, template.uses[name] + (name == result))

    def _raising(self, instruction: Instruction, semantics: Statement | Special, inputs: Mapping[str, Operand]) -> Site:
        """The site of a line of an instruction: what its exceptions mean."""
        failure = semantics.failure
        if failure is not None:
            error = form(failure.error, tuple(inputs)).filled(inputs)
            failure = failure._replace(error=error)
        kind = "raises" if instruction.name in MAY_THROW else "plain"
        return self._site(kind, [*inputs.values()], failure)

    def _special(self, index: int, instruction: Instruction, row: Special, parts: Sequence[Operand]) -> None:
        inputs = dict(zip("ab", parts, strict=False))
        if self._weighs and row.weighs == "texts" and not any(each.is_constant for each in parts):
            for each in parts:
                self._settle_repeated(each, 2)
            self._weigh(index, f"weigh_texts({parts[0].text}, {parts[1].text})", parts[0], parts)
        elif row.weighs == "key":
            self._weigh_key(index, parts[1], parts)
        self._settle_uses(f"({row.writes}, {row.text})" if row.writes else row.text, inputs)
        template = form(row.text, tuple(inputs))
        text = template.filled(inputs)
        fact = row.fact(parts[0].fact, parts[-1].fact)
        fact = self._fact(instruction, parts) if fact == ANY else fact
        if row.failure is not None:
            self._known_result(index, text, fact, self._raising(instruction, row, inputs))
            return
        if row.writes:
            self._before_effect()
            self._emit(form(row.writes, tuple(inputs)).filled(inputs))
        pushed = self._push(text, fact, parts, reads_heap=row.reads_heap)
        pushed.zero = form(row.zero, tuple(inputs)).filled(inputs) if row.zero else ""
        operator = self._operation(instruction)
        if operator in facts.NEGATED:
            pushed.comparison = Comparison(operator, parts[0], parts[1])
        elif operator == "!":
            pushed.comparison = Comparison("!", parts[0], None)

    def _checked(self, index: int, instruction: Instruction, semantics: Checked, parts: Sequence[Operand]) -> None:
        """Arithmetic of two ints, with the check that their facts leave necessary."""
        a, b = parts
        operator = semantics.text.split()[1]
        low, high = facts.bounds(operator, a.fact, b.fact, same=a.text == b.text)
        text = form(semantics.text, semantics.inputs).filled({"a": a, "b": b})
        if self._ends_counting and index == self.block.end - 3:  # the counter's own addition
            self.step = b.fact
            bound = facts.interval(a.fact.low + max(b.fact.low, 0), a.fact.high + b.fact.high)
            self._push(text, bound, parts)
            return
        if low >= I64_MIN and high <= I64_MAX:
            self._push(text, Fact("int", low, high), parts)
            return
        fact = facts.interval(low, high)
        local = self._stored_next(index)
        if operator == "+" and local is not None and local in (a.local, b.local) and self._guards is not None:
            other = b if a.local == local else a
            if local not in other.locals and self._guards.accumulate(local, other.fact, self.block.index):
                self.accumulated[local] = other.fact
                self._known_result(index, text, fact, None)
                return
        # A local may get the unchecked result only where no handler could see it.
        name = None
        site = self._site("check")
        if self.block.protection is None and local is not None:
            name = self._result(index, text, fact, None)
        if name is None:
            name = self._temporaries.new()
            self._emit(f"{name} = {text}")
            self.stack.append(Operand(name, fact))
        tests = out_of_range(name, above=high > I64_MAX, below=low < I64_MIN)
        self._emit(f"if {tests}: raise {semantics.error}", site)
        self._assert(name, fact)

    def _guarded(self, index: int, semantics: Guarded, parts: Sequence[Operand]) -> None:
        """What is computed after a test.

        It stays an expression of its own: CPython grows the variable that a sum of strings is stored in.
        """
        inputs = dict(zip(semantics.inputs, parts, strict=True))
        test = REST.sub("", semantics.guard).rstrip()  # its function asks the driver
        if not self._weighs:
            test = test.replace("check_length(a, b)", "leave_for_long()")
        elif parts[0].local is not None and self._stored_next(index) == parts[0].local:
            test = _GROWS
        if parts[-1].is_constant:
            test = test.replace(f" or len(b) > {LONG}", "").replace(f"len(b) > {FREE} or ", "")
        if not all(each.is_constant for each in parts):
            self._settle_uses(f"{test} {semantics.text}", inputs)
            guard = form(test, semantics.inputs).filled(inputs)
            self._emit_lines(guard.split("\n"), self._site_before("raises", index, parts))
        self._push(form(semantics.text, semantics.inputs).filled(inputs), facts.STRING, parts)

    def _weigh_key(self, index: int, key: Operand, parts: Sequence[Operand]) -> None:
        """Count a look-up, before it, if the key may be a long text."""
        if self._weighs and not key.is_constant and key.fact.kind in ("string", ""):
            self._settle_repeated(key, 2)
            self._weigh(index, f"weigh_key({key.text})", key, parts)

    def _weigh(self, index: int, call: str, text: Operand, parts: Sequence[Operand]) -> None:
        """Count work on what may be a long text, before it is done."""
        is_text = "" if text.fact.kind == "string" else f"type({text.text}) is str and "
        self._emit(f"if {is_text}len({text.text}) > {LONG}: {call}", self._site_before("raises", index, parts))

    def _site_before(self, kind: str, index: int, parts: Sequence[Operand]) -> Site:
        """The site of a line from which the interpreter takes over before the instruction: without what the first parts
        of a fused one load."""
        here = self._place, self._body
        loaded = sum((each.place, each.body) == here for each in self.flow.code[self.block.start : index])
        return self._site(kind, parts[: len(parts) - loaded])

    def _many(self, index: int, instruction: Instruction, semantics: Many, parts: Sequence[Operand]) -> None:
        """What takes as many entries as an operand says: a new value, or a native's."""
        calls = instruction.name in MAY_THROW
        if calls:
            self._before_effect()
        texts = [each.text for each in parts]
        if semantics.of_pairs:
            texts = [f"{key}: {value}" for key, value in zip(texts[::2], texts[1::2], strict=True)]
        template = form(semantics.displayed("items" if texts else ""), ("items",))
        text = self._filled(instruction, template, {"items": Operand(", ".join(texts), ANY)})
        site = self._site("foreign", parts) if calls else None
        self._known_result(index, text, self._fact(instruction, parts), site)
