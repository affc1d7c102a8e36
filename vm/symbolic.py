"""One basic block on symbolic operands: the facts that leave it, or the lines of Python that do what it does.

Locals are the Python locals ``v0 v1 …``, operands that live across blocks ``s0 s1 …`` (by depth), temporaries ``t1 …``.
What has a form is in :mod:`bamlvm.vm.forms`; here are the instructions that move entries or control, each the
counterpart of what :mod:`bamlvm.vm.semantics` says to the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Fact, State
from bamlvm.vm.flow import COUNTED, Block, Counting, Flow
from bamlvm.vm.forms import ChunkGuards, Forms
from bamlvm.vm.handlers import Handlers
from bamlvm.vm.names import Names
from bamlvm.vm.operands import Operand, Temporaries
from bamlvm.vm.values import MISSING


class Condition(NamedTuple):
    """What a branch tests; ``negated`` if it jumps where the test fails."""

    text: str
    negated: bool


class BlockRun(Forms):
    """One pass over a block.  ``lines`` is what it emits; nothing is kept of it where only the facts are wanted.

    ``asserts`` emits a check of what is known of each local that is stored and each result, for tests.
    ``catching`` says which throws need a trace; where only the facts are wanted it is None.  ``caught`` is
    set where the block ends in a throw that its own handler catches, ``condition`` where it ends in a branch, and
    ``key``, with what is known of it, where it ends in a jump table.
    """

    def __init__(
        self,
        flow: Flow,
        names: Names,
        block: Block,
        state: State,
        counting: Mapping[int, Counting],
        temporaries: Temporaries,
        guards: ChunkGuards | None = None,
        *,
        asserts: bool = False,
        weighs: bool = False,
        catching: Handlers | None = None,
    ) -> None:
        latched = any(each.latch == block.index for each in counting.values())
        super().__init__(
            flow, names, block, state, temporaries, guards, ends_counting=latched, asserts=asserts, weighs=weighs
        )
        self.caught = False
        self.condition: Condition | None = None
        self.key = ""
        self.key_fact = ANY
        self._base = state.stack
        self._copies: tuple[int | None, ...] = ()
        self._refined: tuple[dict[int, Fact], dict[int, Fact]] = ({}, {})
        self._counts = counting.get(block.index)
        self._catching = catching

    def run(self, *, emit_latch: bool = True) -> None:
        """Run the block.  Without ``emit_latch`` the addition at a counting loop's end is left to its ``for``."""
        end = self.block.end
        if self._ends_counting and not emit_latch:
            end -= 5
        index = self.block.start
        while index < end and not self.ended:
            self._skip = False
            self._instruction(index, self.flow.code[index])
            index += 2 if self._skip else 1
        if not self.ended:
            self._copies = tuple(each.local for each in self.stack)
            self._settle_stack()

    def leaving(self) -> list[tuple[int, State]]:
        """Return the blocks that may follow, with the facts that hold there."""
        found = []
        stack, copies = [each.fact for each in self.stack], self._copies
        if self.block.protection is not None:
            handler, depth = self.block.protection
            found.append((handler, State(list(self._at_handler), [*self._base[:depth], ANY])))
        if self.ended:
            return found
        targets = self.block.successors
        if self.condition is None:
            found += [(target, State(list(self.locals), list(stack), copies)) for target in targets]
        else:
            found += [
                (target, State([known.get(k, each) for k, each in enumerate(self.locals)], list(stack), copies))
                for target, known in zip(targets, self._refined, strict=True)
            ]
        return found

    # --- instructions -------------------------------------------------------------------------------------------------

    def _do_copy(self, index: int, operands: tuple[int, ...]) -> None:
        copied = self.stack[-1 - operands[0]]
        self._settle_repeated(copied, 2)
        self.stack.append(copied.copy())

    # calls

    def _do_call(self, index: int, operands: tuple[int, ...]) -> None:
        arguments = self._pop(operands[1])
        name = self._function.names[operands[0]]
        self._linked("call", operands)  # raises LinkError where they do not fit
        self._before_effect()
        text = f"{self.names.callee(name)}({', '.join(each.text for each in arguments)})"
        self._known_result(index, text, self.names.result(name), self._site("call", arguments))

    def _do_load_global(self, index: int, operands: tuple[int, ...]) -> None:
        (constant,) = self._linked("load_global", operands)
        name = self._function.names[operands[0]]
        fact = self.names.global_(name)
        if constant.value is not MISSING:  # it never changes again
            self.stack.append(Operand(self.names.constant(constant.value), fact))
            return
        self._before_effect()
        cell = self.names.constant(constant)
        text = f"{cell}.value if {cell}.value is not MISSING else {self.names.callee(name)}()"
        self._known_result(index, text, fact, self._site("call", ()))

    def _do_call_indirect(self, index: int, operands: tuple[int, ...]) -> None:
        closure, *arguments = self._pop(operands[0] + 1)
        self._before_effect()
        self._settle_repeated(closure, 2)
        known, fact = closure.fact.code, ANY
        if known is not None and self.names.arity(known.function) == len(arguments):
            cells = [f"{closure.inner}.cells[{number}]" for number in range(known.cells)]
            text = f"{self.names.callee(known.function)}({', '.join([*(each.text for each in arguments), *cells])})"
            fact = self.names.result(known.function)
        else:
            passed = "".join(f"{each.text}, " for each in arguments)
            text = f"compiled[{closure.text}.function]({passed}*{closure.text}.cells)"
        self._known_result(index, text, fact, self._site("call", (closure, *arguments)))

    def _do_call_method(self, index: int, operands: tuple[int, ...]) -> None:
        receiver, *arguments = self._pop(operands[1])
        self._before_effect()
        self._settle_repeated(receiver, 2)
        name = self._function.names[operands[0]]
        passed = ", ".join(each.text for each in (receiver, *arguments))
        text = f"compiled[method({receiver.text}, {name!r})]({passed})"
        self._known_result(index, text, ANY, self._site("call", (receiver, *arguments)))

    def _do_sys_call(self, index: int, operands: tuple[int, ...]) -> None:
        arguments = self._pop(operands[1])
        sysop, _ = self._linked("sys_call", operands)
        self._before_effect()
        text = f"sys_call({self.names.constant(sysop)}, [{', '.join(each.text for each in arguments)}])"
        # A sys-op's result comes from outside: nothing is taken for granted of it.
        self._known_result(index, text, ANY, self._site("foreign", arguments))

    # control

    def _do_return(self, index: int, operands: tuple[int, ...]) -> None:
        self._emit(f"return {self.stack.pop().text}")
        self.ended = True

    def _do_throw(self, index: int, operands: tuple[int, ...]) -> None:
        value = self.stack.pop()
        self.ended = True
        protection = self.block.protection
        if protection is None or (self._catching and self._catching.rethrows(protection.handler, value.fact)):
            self._emit(f"raise ThrownValue({value.text})", self._site("raises", (value,)))
        else:  # it is caught here, and nothing asks where it was thrown
            self._emit(f"s{protection.depth} = Caught({value.text})")
            self.caught = True

    def _do_rethrow(self, index: int, operands: tuple[int, ...]) -> None:
        value = self.stack.pop()
        self._emit(f"raise Rethrown({value.text})", self._site("raises", (value,)))
        self.ended = True

    def _do_jump(self, index: int, operands: tuple[int, ...]) -> None:
        """The structure of the code takes care of it; that out of a body leaves its result."""
        if self._declared is not None and self.stack[-1].fact == ANY:
            self.stack[-1].fact = self.names.declared(self._declared)

    _do_loop = _do_jump

    def _do_jump_table(self, index: int, operands: tuple[int, ...]) -> None:
        key = self.stack.pop()
        if self.stack or len(self._function.tables[operands[0]].keys) <= MAX_CHAIN:
            self._settle_repeated(key, 2)
        if key.fact.kind == "string":
            self._weigh_key(index, key, [key])
        self.key, self.key_fact = key.text, key.fact

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
        index = local if self._body is None else local - self._body.first_local
        self._refined = ({local: self.names.parameter(self._function.name, index)}, {})

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
