"""Statements; ``for`` and compound assignment become simpler statements here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bamlvm.compiler import hir
from bamlvm.compiler.reporter import name_range
from bamlvm.compiler.resolve import paths, patterns
from bamlvm.compiler.resolve.context import Resolving
from bamlvm.grammar import syntax


def block(r: Resolving, node: syntax.Block) -> hir.Block:
    """Resolve a block; its locals end with it."""
    r.blocks.append({})
    statements = [each for statement in node.statements for each in _statement(r, statement)]
    tail = r.expr(r, node.tail) if node.tail is not None else None
    r.blocks.pop()
    return hir.Block(node.start, node.end, tuple(statements), tail)


def _statement(r: Resolving, node: syntax.Statement) -> list[hir.Statement]:
    match node:
        case syntax.Let():
            return [_let(r, node)]
        case syntax.Destructure():
            value = r.expr(r, node.value)
            return [hir.Destructure(node.start, node.end, patterns.pattern(r, node.pattern), value)]
        case syntax.Assign():
            return _assign(r, node)
        case syntax.While():
            condition, body, assigned = _loop(r, node.condition, node.body)
            return [hir.Loop(node.start, node.end, condition, body, (), assigned)]
        case syntax.ForIn():
            return [hir.Evaluate(node.start, node.end, _for_in(r, node))]
        case syntax.For():
            return [hir.Evaluate(node.start, node.end, _for(r, node))]
        case syntax.Assert():
            condition = r.expr(r, node.condition)
            return [hir.Assert(node.start, node.end, condition, r.source(node.condition))]
        case syntax.ExprStatement():
            return [hir.Evaluate(node.start, node.end, r.expr(r, node.value))]
        case syntax.Header():
            return []


def _let(r: Resolving, node: syntax.Let) -> hir.Let:
    if node.watch:
        r.report.warning("E0010", (node.start, node.name_start), "`watch` has no effect here", hint="write `let` alone")
    type_ = r.type(node.type) if node.type else None
    value = r.expr(r, node.value)
    local = r.declare(node.name, *name_range(node), kept=node.watch)
    return hir.Let(node.start, node.end, local, type_, value)


def _assign(r: Resolving, node: syntax.Assign) -> list[hir.Statement]:
    at = (node.start, node.end)
    target = node.target
    match target:
        case syntax.Name(name=name) if (local := r.find(name, to_set=True)) is not None:
            r.refer_local(target.start, target.end, local)
            value = _compound(r, node, hir.Local(target.start, target.end, local))
            r.assign(local)
            return [hir.SetLocal(*at, local, value)]
        case syntax.Member() if paths.path_to_item(r, target) is None or paths.root_global(r, target) is not None:
            before, object_ = _once(r, r.expr(r, target.object), node.operator)
            read = hir.Member(target.start, target.end, object_, target.name, target.name_start)
            value = _compound(r, node, read)
            r.sets.add(target.name)
            return [*before, hir.SetField(*at, object_, target.name, target.name_start, value)]
        case syntax.Index():
            before, object_ = _once(r, r.expr(r, target.object), node.operator)
            more, index = _once(r, r.expr(r, target.index), node.operator)
            value = _compound(r, node, hir.Element(target.start, target.end, object_, index))
            return [*before, *more, hir.SetElement(*at, object_, index, value)]
        case syntax.Name(name=name) if r.scope.qualify(name, r.entry.namespace) is None:
            r.report.error(
                "E0003", target, f"unknown name `{name}`", hint=paths.suggest(r, name) or "declare it with `let`"
            )
        case syntax.Name(name=name) if paths.root_global(r, target) is not None:
            r.report.error(
                "E0179",
                target,
                f"`{name}` is a constant: it is set once and shared by all calls",
                hint=f"work with a variable: `let x = {name};`",
            )
        case _:
            r.report.error(
                "E0010", target, "this cannot be assigned to", hint="assign to a variable, a field or an element"
            )
    return [hir.Evaluate(*at, r.expr(r, node.value))]


def _once(r: Resolving, value: hir.Expr, operator: str | None) -> tuple[list[hir.Statement], hir.Expr]:
    """Keep the target of a compound assignment in a local: it is read and written, but evaluated once."""
    if operator is None or isinstance(value, hir.Local | hir.Constant):
        return [], value
    local = r.declare(f"$target{len(r.variables)}", value.start, value.end)
    return [hir.Let(value.start, value.end, local, None, value)], hir.Local(value.start, value.end, local)


def _compound(r: Resolving, node: syntax.Assign, read: hir.Expr) -> hir.Expr:
    value = r.expr(r, node.value)
    if node.operator is None:
        return value
    operator_start = r.entry.item.text.find(node.operator, node.target.end)
    return hir.Binary(node.start, node.end, node.operator, read, value, operator_start)


def _loop(
    r: Resolving, condition: syntax.Expr | None, body: syntax.Block
) -> tuple[hir.Expr | None, hir.Block, frozenset[int]]:
    """Resolve a loop's condition and body; return them and the locals that they assign to."""
    r.assigned.append(set())
    r.functions[-1].loops += 1
    test = r.expr(r, condition) if condition is not None else None
    resolved = block(r, body)
    r.functions[-1].loops -= 1
    return test, resolved, frozenset(r.assigned.pop())


def _for(r: Resolving, node: syntax.For) -> hir.Block:
    """Resolve a C-style loop.

    Every round has its own copy of the loop's variables where a lambda captures one that is reassigned: the step begins
    with a :class:`hir.Renew` for each.
    """
    r.blocks.append({})
    init = _statement(r, node.init) if node.init is not None else []
    r.assigned.append(set())
    condition, body, assigned = _loop(r, node.condition, node.body)
    around, r.functions[-1].loops = r.functions[-1].loops, 0  # `break` in a step would leave no loop
    step = _statement(r, node.step) if node.step is not None else []
    r.functions[-1].loops = around
    assigned |= r.assigned.pop()
    own = r.blocks.pop().values()
    shared = [local for local in own if r.variables[local].captured and r.variables[local].reassigned]
    step[:0] = [hir.Renew(node.start, node.end, local) for local in shared]
    loop = hir.Loop(node.start, node.end, condition, body, tuple(step), assigned)
    return hir.Block(node.start, node.end, (*init, loop), None)


def _for_in(r: Resolving, node: syntax.ForIn) -> hir.Block:
    """Resolve ``for (let x in items)`` as a loop over an index::

    { let $items = items; let $index = 0;
      while ($index < $items.length()) { let x = $items[$index]; body }  step: $index = $index + 1 }
    """
    at = (node.iterable.start, node.iterable.end)
    iterable = r.expr(r, node.iterable)
    r.blocks.append({})
    items = r.declare(f"$items{len(r.variables)}", *at)
    place = r.declare(f"$index{len(r.variables)}", *at)
    here, there = hir.Local(*at, items), hir.Local(*at, place)
    r.blocks.append({})
    name_at = name_range(node)
    bind: Callable[[hir.Expr], hir.Statement]
    if node.pattern is not None:
        bind = partial(hir.Destructure, node.pattern.start, node.pattern.end, patterns.pattern(r, node.pattern))
    else:
        bind = partial(hir.Let, *name_at, r.declare(node.name, *name_at), None)
    _, body, assigned = _loop(r, None, node.body)
    r.blocks.pop()
    r.blocks.pop()
    length = hir.Call(*at, hir.Member(*at, here, "length", at[0]), ())
    let = bind(hir.Element(*at, here, there))
    step = hir.SetLocal(*at, place, hir.Binary(*at, "+", there, hir.Constant(*at, 1), at[0]))
    loop = hir.Loop(
        node.start,
        node.end,
        hir.Binary(*at, "<", there, length, at[0]),
        hir.Block(body.start, body.end, (let, hir.Evaluate(body.start, body.end, body)), None),
        (step,),
        assigned | {place},
    )
    r.variables[place].reassigned = True
    opening = (
        hir.Let(*at, items, None, hir.Iterate(*at, iterable)),
        hir.Let(*at, place, None, hir.Constant(*at, 0)),
    )
    return hir.Block(node.start, node.end, (*opening, loop), None)
