"""Statements, expressions and whole functions; ``for``, compound assignment and LLM functions are taken apart here."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.reporter import name_range
from bamlvm.compiler.resolve.patterns import Patterns
from bamlvm.compiler.resolve.scopes import Context
from bamlvm.grammar import syntax
from bamlvm.vm.program.types import ClassType

CALL_LLM_FUNCTION = "baml.llm.call_llm_function"


class Resolver(Patterns):
    """Resolves one function; see :meth:`function`."""

    def function(self, function: syntax.Function) -> hir.Function:
        """The hir of ``function``, whose signature the symbols already has."""
        signature = self._signature(self._name)
        parameters = []
        for written, declared in zip(function.parameters, signature.parameters, strict=True):
            default = self._expr(written.default) if written.default is not None else None
            local = self._declare(declared.name, written.start, written.end)
            parameters.append(hir.Parameter(written.start, written.end, local, declared.name, declared.type, default))
        if isinstance(function.body, syntax.LlmBody):
            body = self._llm_call(function, parameters)
        else:
            assert isinstance(function.body, syntax.Block)
            body = self._block(function.body)
        throws = function.throws
        return hir.Function(
            function.start,
            function.end,
            self._name,
            tuple(parameters),
            signature.result,
            self._scope.reads.note("contract", (self._name,), self._symbols.contracts.get(self._name)),
            (throws.start, throws.end) if throws else name_range(function),
            body,
            tuple(
                hir.LocalInfo(v.name, v.start, v.end, v.captured, v.reassigned, v.set_inside) for v in self._variables
            ),
            frozenset(self._mentions),
            frozenset(self._sets),
        )

    def _llm_call(self, function: syntax.Function, parameters: list[hir.Parameter]) -> hir.Block:
        at = name_range(function)
        self._mentions.add(CALL_LLM_FUNCTION)
        entries = tuple(
            hir.MapEntry(*at, hir.Constant(*at, parameter.name), hir.Local(*at, parameter.local))
            for parameter in parameters
        )
        arguments = (
            hir.Argument(*at, hir.Constant(*at, self._name), None),
            hir.Argument(*at, hir.MapLiteral(*at, entries), None),
        )
        return hir.Block(*at, (), hir.Call(*at, hir.FunctionRef(*at, CALL_LLM_FUNCTION), arguments))

    # --- statements ---------------------------------------------------------------------------------------------------

    def _block(self, block: syntax.Block) -> hir.Block:
        self._scopes.append({})
        statements = self._statements(block.statements)
        tail = self._expr(block.tail) if block.tail is not None else None
        self._scopes.pop()
        return hir.Block(block.start, block.end, tuple(statements), tail)

    def _statements(self, written: tuple[syntax.Statement, ...]) -> list[hir.Statement]:
        result: list[hir.Statement] = []
        for statement in written:
            result.extend(self._statement(statement))
        return result

    def _statement(self, node: syntax.Statement) -> list[hir.Statement]:
        match node:
            case syntax.Let():
                return [self._let(node)]
            case syntax.Assign():
                return self._assign(node)
            case syntax.While():
                condition, body, assigned = self._loop(node.condition, node.body, ())
                return [hir.Loop(node.start, node.end, condition, body, (), assigned)]
            case syntax.ForIn():
                return [hir.Evaluate(node.start, node.end, self._for_in(node))]
            case syntax.For():
                return [hir.Evaluate(node.start, node.end, self._for(node))]
            case syntax.Assert():
                condition = self._expr(node.condition)
                return [hir.Assert(node.start, node.end, condition, self._source(node.condition))]
            case syntax.ExprStatement():
                return [hir.Evaluate(node.start, node.end, self._expr(node.value))]
            case syntax.Header():
                return []

    def _source(self, node: syntax.Node) -> str:
        return self._entry.item.text[node.start : node.end]

    def _let(self, node: syntax.Let) -> hir.Let:
        if node.watch:
            self._report.warning(
                "E0010", (node.start, node.name_start), "`watch` has no effect here", hint="write `let` alone"
            )
        type_ = self._type(node.type) if node.type else None
        value = self._expr(node.value)
        local = self._declare(node.name, *name_range(node))
        return hir.Let(node.start, node.end, local, type_, value)

    def _assign(self, node: syntax.Assign) -> list[hir.Statement]:
        at = (node.start, node.end)
        target = node.target
        match target:
            case syntax.Name(name=name) if (local := self._find(name)) is not None:
                value = self._compound(node, hir.Local(target.start, target.end, local))
                self._set(local)
                return [hir.SetLocal(*at, local, value)]
            case syntax.Member() if self._path_to_item(target) is None:
                before, object_ = self._once(self._expr(target.object), node.operator)
                read = hir.Member(target.start, target.end, object_, target.name, target.name_start)
                value = self._compound(node, read)
                self._sets.add(target.name)
                return [*before, hir.SetField(*at, object_, target.name, target.name_start, value)]
            case syntax.Index():
                before, object_ = self._once(self._expr(target.object), node.operator)
                more, index = self._once(self._expr(target.index), node.operator)
                value = self._compound(node, hir.Element(target.start, target.end, object_, index))
                return [*before, *more, hir.SetElement(*at, object_, index, value)]
            case syntax.Name(name=name) if self._scope.qualify(name, self._entry.namespace) is None:
                self._report.error(
                    "E0003", target, f"unknown name `{name}`", hint=self._suggest(name) or "declare it with `let`"
                )
            case _:
                self._report.error(
                    "E0010", target, "this cannot be assigned to", hint="assign to a variable, a field or an element"
                )
        return [hir.Evaluate(*at, self._expr(node.value))]

    def _once(self, value: hir.Expr, operator: str | None) -> tuple[list[hir.Statement], hir.Expr]:
        """What a compound assignment reads and writes is evaluated once."""
        if operator is None or isinstance(value, hir.Local | hir.Constant):
            return [], value
        local = self._declare(f"$target{len(self._variables)}", value.start, value.end)
        return [hir.Let(value.start, value.end, local, None, value)], hir.Local(value.start, value.end, local)

    def _compound(self, node: syntax.Assign, read: hir.Expr) -> hir.Expr:
        value = self._expr(node.value)
        if node.operator is None:
            return value
        return hir.Binary(node.start, node.end, node.operator, read, value, node.target.end)

    def _loop(
        self, condition: syntax.Expr | None, body: syntax.Block, step: tuple[syntax.Statement, ...]
    ) -> tuple[hir.Expr | None, hir.Block, frozenset[int]]:
        self._assigned.append(set())
        self._contexts[-1].loops += 1
        test = self._expr(condition) if condition is not None else None
        resolved = self._block(body)
        self._contexts[-1].loops -= 1
        return test, resolved, frozenset(self._assigned.pop())

    def _for(self, node: syntax.For) -> hir.Block:
        self._scopes.append({})
        init = self._statement(node.init) if node.init is not None else []
        self._assigned.append(set())
        condition, body, assigned = self._loop(node.condition, node.body, ())
        around, self._contexts[-1].loops = self._contexts[-1].loops, 0  # no loop is left from a step
        step = self._statement(node.step) if node.step is not None else []
        self._contexts[-1].loops = around
        assigned |= self._assigned.pop()
        own = self._scopes.pop().values()
        shared = [local for local in own if self._variables[local].captured and self._variables[local].reassigned]
        step[:0] = [hir.Renew(node.start, node.end, local) for local in shared]
        loop = hir.Loop(node.start, node.end, condition, body, tuple(step), assigned)
        return hir.Block(node.start, node.end, (*init, loop), None)

    def _for_in(self, node: syntax.ForIn) -> hir.Block:
        """``{ let $items = …; let $i = 0; while ($i < $items.length()) { let x = $items[$i]; body } }``, stepping
        ``$i``."""
        at = (node.iterable.start, node.iterable.end)
        iterable = self._expr(node.iterable)
        self._scopes.append({})
        items = self._declare(f"$items{len(self._variables)}", *at)
        place = self._declare(f"$index{len(self._variables)}", *at)
        here, there = hir.Local(*at, items), hir.Local(*at, place)
        self._scopes.append({})
        name_at = name_range(node)
        local = self._declare(node.name, *name_at)
        _, body, assigned = self._loop(None, node.body, ())
        self._scopes.pop()
        self._scopes.pop()
        length = hir.Call(*at, hir.Member(*at, here, "length", at[0]), ())
        let = hir.Let(*name_at, local, None, hir.Element(*at, here, there))
        step = hir.SetLocal(*at, place, hir.Binary(*at, "+", there, hir.Constant(*at, 1), at[0]))
        loop = hir.Loop(
            node.start,
            node.end,
            hir.Binary(*at, "<", there, length, at[0]),
            hir.Block(body.start, body.end, (let, hir.Evaluate(body.start, body.end, body)), None),
            (step,),
            assigned | {place},
        )
        self._variables[place].reassigned = True
        opening = (
            hir.Let(*at, items, None, hir.Iterate(*at, iterable)),
            hir.Let(*at, place, None, hir.Constant(*at, 0)),
        )
        return hir.Block(node.start, node.end, (*opening, loop), None)

    # --- expressions --------------------------------------------------------------------------------------------------

    def _expr(self, node: syntax.Expr) -> hir.Expr:
        at = (node.start, node.end)
        match node:
            case syntax.Literal():
                return hir.Constant(*at, node.value)
            case syntax.Name() | syntax.Member():
                return self._path(node)
            case syntax.Call():
                return self._call(node)
            case syntax.Block():
                return self._block(node)
            case syntax.Binary() if node.operator in ("&&", "||", "??"):
                return hir.Logical(*at, node.operator, self._expr(node.left), self._expr(node.right))
            case syntax.Binary():
                return hir.Binary(
                    *at, node.operator, self._expr(node.left), self._expr(node.right), node.operator_start
                )
            case syntax.Unary(operator="-", operand=syntax.Literal(value=int() | float() as value)) if not isinstance(
                value, bool
            ):
                return hir.Constant(*at, -value)
            case syntax.Unary():
                return hir.Unary(*at, node.operator, self._expr(node.operand))
            case syntax.If():
                otherwise = self._expr(node.otherwise) if node.otherwise is not None else None
                return hir.If(*at, self._expr(node.condition), self._block(node.then), otherwise)
            case syntax.Template():
                parts = tuple(part if isinstance(part, str) else self._expr(part) for part in node.parts)
                return hir.Text(*at, parts)
            case syntax.Index():
                return hir.Element(*at, self._expr(node.object), self._expr(node.index))
            case syntax.TypeTest():
                return hir.TypeTest(*at, self._expr(node.operand), self._type(node.type))
            case syntax.ListLiteral():
                items = tuple(
                    self._spread(item) if isinstance(item, syntax.Spread) else self._expr(item) for item in node.items
                )
                return hir.ListLiteral(*at, items)
            case syntax.MapLiteral():
                return self._map(node)
            case syntax.ObjectLiteral():
                return self._object(node)
            case syntax.Lambda():
                return self._lambda(node)
            case syntax.Match():
                return self._match(node)
            case syntax.Catch():
                return self._catch(node)
            case syntax.Return():
                return hir.Return(*at, self._expr(node.value) if node.value is not None else None)
            case syntax.Throw():
                return hir.Throw(*at, self._expr(node.value))
            case syntax.Break() | syntax.Continue():
                word = "break" if isinstance(node, syntax.Break) else "continue"
                if not self._contexts[-1].loops:
                    self._report.error("E0010", node, f"`{word}` outside of a loop")
                return hir.Break(*at) if isinstance(node, syntax.Break) else hir.Continue(*at)

    def _spread(self, node: syntax.Spread) -> hir.Spread:
        return hir.Spread(node.start, node.end, self._expr(node.value))

    def _map(self, node: syntax.MapLiteral) -> hir.MapLiteral:
        entries = tuple(
            self._spread(entry)
            if isinstance(entry, syntax.Spread)
            else hir.MapEntry(entry.start, entry.end, self._expr(entry.key), self._expr(entry.value))
            for entry in node.entries
        )
        return hir.MapLiteral(node.start, node.end, entries)

    def _object(self, node: syntax.ObjectLiteral) -> hir.Expr:
        fields = tuple(
            self._spread(each)
            if isinstance(each, syntax.Spread)
            else hir.FieldInit(each.start, each.end, each.name, self._expr(each.value))
            for each in node.fields
        )
        named = syntax.NamedType(node.start, node.path_end, node.path)
        type_ = self._type(named)
        if isinstance(type_, ClassType):
            return hir.ObjectLiteral(node.start, node.end, type_.name, fields)
        if type_ is not hir.ERROR:
            self._report.error("E0002", named, f"`{node.path}` is not a class")
        return hir.Invalid(node.start, node.end)

    def _lambda(self, node: syntax.Lambda) -> hir.Lambda:
        context = Context()
        self._contexts.append(context)
        self._scopes.append({})
        parameters = []
        for each in node.parameters:
            if each.type is None:
                self._report.error(
                    "E0002", each, f"the parameter `{each.name}` has no type", hint=f"write `{each.name}: int`"
                )
            type_ = self._type(each.type) if each.type is not None else hir.ERROR
            if each.default is not None:
                self._report.error("E0010", each.default, "a lambda's parameter has no default")
            local = self._declare(each.name, each.start, each.end)
            parameters.append(hir.Parameter(each.start, each.end, local, each.name, type_, None))
        result = self._type(node.result) if node.result is not None else None
        body = self._block(node.body)
        self._scopes.pop()
        self._contexts.pop()
        return hir.Lambda(node.start, node.end, tuple(parameters), result, body, tuple(context.captures))

    def _match(self, node: syntax.Match) -> hir.Match:
        scrutinee = self._expr(node.scrutinee)
        type_ = self._type(node.type) if node.type is not None else None
        arms = tuple(self._arm(arm) for arm in node.arms)
        return hir.Match(node.start, node.end, scrutinee, type_, arms)

    def _catch(self, node: syntax.Catch) -> hir.Catch:
        operand = self._expr(node.operand)
        self._scopes.append({})
        local = self._declare(node.binding or "$error", node.operand.end, node.operand.end)
        arms = tuple(self._arm(arm) for arm in node.arms)
        self._scopes.pop()
        return hir.Catch(node.start, node.end, operand, local, arms, node.all)

    def _arm(self, arm: syntax.Arm) -> hir.Arm:
        self._scopes.append({})
        pattern = self._pattern(arm.pattern)
        guard = self._expr(arm.guard) if arm.guard is not None else None
        body = self._expr(arm.body)
        self._scopes.pop()
        return hir.Arm(arm.start, arm.end, pattern, guard, body)

    def _call(self, node: syntax.Call) -> hir.Expr:
        if isinstance(node.callee, syntax.Member) and _is_watch(node.callee.object):
            where = node.callee.object
            self._report.warning("E0010", where, "`$watch` has no effect here", hint="leave the statement out")
            return hir.Constant(node.start, node.end, None)
        callee = self._expr(node.callee)
        if isinstance(callee, hir.Member):
            self._mentions.add(f".{callee.name}")
        arguments = tuple(hir.Argument(a.start, a.end, self._expr(a.value), a.name) for a in node.arguments)
        return hir.Call(node.start, node.end, callee, arguments)


def _is_watch(node: syntax.Expr) -> bool:
    """``x.$watch``, whose methods are accepted and do nothing."""
    return isinstance(node, syntax.Member) and node.name == "$watch"
