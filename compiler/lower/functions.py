"""From tir to mir: expressions become stack instructions in labelled blocks.

Three ways to lower an expression: :meth:`Lowering.value` leaves its value on the operand stack, :meth:`Lowering.effect`
leaves nothing, and :meth:`Lowering.branch` jumps by it, so that no condition is made a value only to be tested.

A local that lambdas share and something reassigns lives in a cell from its ``let`` on; any other captured local is
copied into its lambdas.  A lambda becomes a function of its own, named after the one that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bamlvm.compiler import hir, mir, tir
from bamlvm.compiler.lower.patterns import lower_catch_arms, lower_match
from bamlvm.compiler.lower.values import Values, is_null
from bamlvm.vm.program.types import BOOL, NULL


def lower_function(function: tir.Function, variants: Mapping[str, Sequence[str]]) -> list[mir.Function]:
    """A function and the lambdas in it, each as a mir function; ``variants`` are the enums' in declared order."""
    made: list[mir.Function] = []
    parameters = tuple(parameter.local for parameter in function.parameters)
    names = tuple(parameter.name for parameter in function.parameters)
    lowering = Lowering(function.name, function.locals, parameters, (), made, names, variants)
    lowering.defaults(function)
    lowering.finish(function.body)
    return made


class _Loop(NamedTuple):
    """Where ``break`` and ``continue`` go, and how much is on the operand stack and what protects the code there."""

    end: mir.Label
    step: mir.Label
    depth: int
    handlers: tuple[mir.Handler, ...]


class Lowering(Values):
    """Lowers expressions and statements; see the module's head."""

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
        super().__init__(name, locals_, parameters, captures, made, names, variants)
        self._lambdas = 0
        self._caught: dict[int, int] = {}
        self._loops: list[_Loop] = []

    # --- functions ----------------------------------------------------------------------------------------------------

    def defaults(self, function: tir.Function) -> None:
        """At entry: defaults of parameters left out, then cells for those that need one."""
        for parameter, default in zip(function.parameters, function.defaults, strict=True):
            slot = self.slot(parameter.local)
            if default is not None:
                supplied = self.label()
                self.emit("jump_if_supplied", slot, supplied)
                self.place(self.label())
                self.value(default)
                self.emit("store_local", slot)
                self.place(supplied)
            if self.locals[parameter.local].shared:
                self.emit("make_cell", slot)

    def finish(self, body: tir.Expr) -> None:
        """The body, its value returned; blocks that nothing comes to are dropped."""
        self.value(body)
        self.at = max(body.end - 1, body.start)
        self.emit("return")
        mir.remove_unreachable(self.function)

    def _lambda(self, node: tir.Lambda) -> None:
        self._lambdas += 1
        name = f"{self.function.name}$lambda{self._lambdas}"
        names = tuple(self.locals[local].name for local in node.parameters)
        inner = Lowering(name, self.locals, node.parameters, node.captures, self.made, names, self.variants)
        for local in node.parameters:
            if self.locals[local].shared:
                inner.emit("make_cell", inner.slot(local))
        inner.finish(node.body)
        for local in node.captures:
            self.emit("load_local", self.slot(local))
        self.emit("make_closure", name, len(node.captures))

    def _function_value(self, node: tir.FunctionValue) -> None:
        if node.kind == "function":
            self.emit("make_closure", node.name, 0)
            return
        self._lambdas += 1
        name = f"{self.function.name}$lambda{self._lambdas}"
        names = tuple(f"argument{place}" for place in range(node.arity))
        wrapper = Lowering(name, (), (), (), self.made, names, self.variants)
        for place in range(node.arity):
            wrapper.emit("load_local", place)
        wrapper.emit("call_native" if node.kind == "native" else "sys_call", node.name, node.arity)
        wrapper.emit("return")
        self.emit("make_closure", name, 0)

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, node: tir.Expr) -> None:
        """Leave the value of ``node`` on the stack (or leave the function: what follows is then dead)."""
        depth = self.depth
        self._lower(node, True)
        self.depth = depth + 1

    def effect(self, node: tir.Expr) -> None:
        """Run ``node`` for its effect."""
        depth = self.depth
        self._lower(node, False)
        self.depth = depth

    def _lower(self, node: tir.Expr, want: bool) -> None:
        outer, self.at = self.at, node.start
        kind = type(node)
        control = _CONTROL.get(kind)
        if control is not None:
            control(self, node, want)
        elif want:
            _VALUES[kind](self, node)
        elif kind not in _WITHOUT_EFFECT:
            _VALUES[kind](self, node)
            self.emit("pop")
        self.at = outer

    def _block(self, node: tir.Block, want: bool) -> None:
        for statement in node.statements:
            self._statement(statement)
        self._tail(node.tail, want)

    def _tail(self, tail: tir.Expr | None, want: bool) -> None:
        if tail is not None:
            self._lower(tail, want)
        elif want:
            self.constant(None)

    def _return(self, node: tir.Return, _: bool) -> None:
        if node.value is None:
            self.constant(None)
        else:
            self.value(node.value)
        self.emit("return")

    def _throw(self, node: tir.Throw, _: bool) -> None:
        match node.value:
            case tir.Local(local=local) if local in self._caught:
                self.emit("load_local", self._caught[local])
                self.emit("rethrow")
            case _:
                self.value(node.value)
                self.at = node.start
                self.emit("throw")

    # --- conditions ---------------------------------------------------------------------------------------------------

    def branch(self, node: tir.Expr, wanted: bool, target: mir.Label) -> None:
        """Jump to ``target`` if ``node`` is ``wanted``, else go on."""
        outer, self.at = self.at, node.start
        match node:
            case tir.Not():
                self.branch(node.operand, not wanted, target)
            case tir.Logical(operator="&&" | "||"):
                if (node.operator == "||") == wanted:
                    self.branch(node.left, wanted, target)
                    self.branch(node.right, wanted, target)
                else:
                    skip = self.label()
                    self.branch(node.left, not wanted, skip)
                    self.branch(node.right, wanted, target)
                    self.place(skip)
            case tir.Operation(opcode="not_equal", operands=(left, right)) if is_null(left) or is_null(right):
                self.value(left if is_null(right) else right)
                self.emit("is_null")
                self.jump_if(not wanted, target)
            case _:
                self.value(node)
                self.jump_if(wanted, target)
        self.at = outer

    def _not(self, node: tir.Not) -> None:
        match node.operand:
            case tir.Not(operand=twice):
                self.value(twice)
            case tir.Logical(operator="&&" | "||" as operator, left=left, right=right) as both:
                parts = (tir.Not(left.start, left.end, BOOL, left), tir.Not(right.start, right.end, BOOL, right))
                other = "||" if operator == "&&" else "&&"
                self.value(tir.Logical(both.start, both.end, both.type, other, *parts))
            case operand:
                self.value(operand)
                self.emit("unary_op", "!")

    def _is_type(self, node: tir.IsType) -> None:
        self.value(node.operand)
        if node.tested == NULL:
            self.emit("is_null")
        else:
            self.emit("is_type", node.tested)

    def _logical(self, node: tir.Logical, want: bool) -> None:
        if node.operator == "??":
            self._coalesce(node)
            if not want:
                self.emit("pop")
            return
        stop = node.operator == "||"
        if not want:
            end = self.label()
            self.branch(node.left, stop, end)
            self.effect(node.right)
            self.place(end)
            return
        end, short = self.label(), self.label()
        self.branch(node.left, stop, short)
        self.value(node.right)
        self.emit("jump", end)
        self.place(short)
        self.depth -= 1
        self.constant(stop)
        self.place(end)

    def _coalesce(self, node: tir.Logical) -> None:
        end, otherwise = self.label(), self.label()
        self.value(node.left)
        self.emit("copy", 0)
        self.emit("is_null")
        self.jump_if(True, otherwise)
        self.emit("jump", end)
        self.place(otherwise)
        self.emit("pop")
        self.value(node.right)
        self.place(end)

    # --- control ------------------------------------------------------------------------------------------------------

    def _if(self, node: tir.If, want: bool) -> None:
        otherwise, end = self.label(), self.label()
        depth = self.depth
        self.branch(node.condition, False, otherwise)
        self._lower(node.then, want)
        self.depth = depth
        if node.otherwise is None and not want:
            self.place(otherwise)
            return
        if not self.ended:
            self.emit("jump", end)
        self.place(otherwise)
        self._tail(node.otherwise, want)
        self.depth = depth
        self.place(end)

    def _catch(self, node: tir.Catch, want: bool) -> None:
        """The operand in blocks that the handler protects; the handler keeps the error, binds its value, tries the
        arms."""
        handler, end = self.label(), self.label()
        depth, outer = self.depth, self.handlers
        self.handlers = (*outer, mir.Handler(handler, depth))
        self.place(self.label())
        self._lower(node.operand, want)
        self.handlers = outer
        if not self.ended:
            self.emit("jump", end)
        self.place(handler)
        self.depth = depth + 1
        caught = self.temporary("$caught")
        self.emit("store_local", caught)
        self.emit("load_local", caught)
        self.emit("caught_value")
        self.declare(node.binding)
        if not self.locals[node.binding].reassigned:
            self._caught[node.binding] = caught
        lower_catch_arms(self, node, caught, want, end)
        self.depth = depth
        self.place(end)

    def _leave(self, is_break: bool) -> None:
        """``break`` or ``continue``: what the loop's expressions have pushed so far is dropped first, outside of the
        handlers that count on it."""
        loop = self._loops[-1]
        if self.depth > loop.depth:
            around, self.handlers = self.handlers, loop.handlers
            if around != self.handlers:
                self.place(self.label())
            while self.depth > loop.depth:
                self.emit("pop")
            self.handlers = around
        self.emit("jump", loop.end if is_break else loop.step)

    def _loop(self, node: tir.Loop) -> None:
        head, step, end = self.label(), self.label(), self.label()
        self.place(head)
        self._loops.append(_Loop(end, step, self.depth, self.handlers))
        if node.condition is not None:
            self.branch(node.condition, False, end)
        self.effect(node.body)
        self._loops.pop()
        self.place(step)
        for statement in node.step:
            self._statement(statement)
        self.emit("loop", head)
        self.place(end)

    def _assert(self, node: tir.Assert) -> None:
        message = mir.constant(f"assertion failed: {node.text}")
        if not isinstance(node.condition, tir.Logical):
            self.value(node.condition)
            self.emit("assert", message)
            return
        holds = self.label()
        self.branch(node.condition, True, holds)
        self.constant(False)
        self.emit("assert", message)
        self.place(holds)

    def _statement(self, node: tir.Statement) -> None:
        outer, self.at = self.at, node.start
        match node:
            case tir.Let():
                self.value(node.value)
                self.declare(node.local)
            case tir.SetLocal():
                self.value(node.value)
                self.emit("store_cell" if self.locals[node.local].shared else "store_local", self.slot(node.local))
            case tir.Renew():
                self.load(node.local)
                self.declare(node.local)
            case tir.SetField():
                self.value(node.object)
                self.value(node.value)
                if node.index is None:
                    self.emit("store_field_named", node.name)
                else:
                    self.emit("store_field", node.index)
            case tir.SetElement():
                self.values((node.object, node.index, node.value))
                self.emit("store_element")
            case tir.Loop():
                self._loop(node)
            case tir.Assert():
                self._assert(node)
            case tir.Evaluate():
                self.effect(node.value)
        self.at = outer


_CONTROL: Mapping[type[tir.Expr], Callable[[Lowering, Any, bool], None]] = {
    tir.Block: Lowering._block,
    tir.If: Lowering._if,
    tir.Match: lower_match,
    tir.Catch: Lowering._catch,
    tir.Return: Lowering._return,
    tir.Throw: Lowering._throw,
    tir.Break: lambda self, node, want: self._leave(True),
    tir.Continue: lambda self, node, want: self._leave(False),
    tir.Logical: Lowering._logical,
}
"""What lowers differently for its value and for its effect."""

_VALUES: Mapping[type[tir.Expr], Callable[[Lowering, Any], None]] = {
    tir.Constant: lambda self, node: self.constant(node.value),
    tir.Local: lambda self, node: self.load(node.local),
    tir.Operation: Lowering._operation,
    tir.CallNamed: Lowering._call,
    tir.Field: Lowering._field,
    tir.Element: Lowering._element,
    tir.CallValue: Lowering._call_value,
    tir.CallMethod: Lowering._call_method,
    tir.Not: Lowering._not,
    tir.IsType: Lowering._is_type,
    tir.Text: Lowering._text,
    tir.ListLiteral: Lowering._list,
    tir.MapLiteral: Lowering._map,
    tir.New: Lowering._new,
    tir.Lambda: Lowering._lambda,
    tir.FunctionValue: Lowering._function_value,
    tir.Variant: lambda self, node: self.emit("load_variant", node.enum, node.variant),
}
"""What leaves a value, dropped where only the effect is wanted."""

_WITHOUT_EFFECT = frozenset({tir.Constant, tir.Local, tir.FunctionValue, tir.Variant})
