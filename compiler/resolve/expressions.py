"""Expressions, lambdas among them."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.resolve import paths, patterns, statements
from bamlvm.compiler.resolve.context import OpenFunction, Resolving
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import Suggestion
from bamlvm.vm.program.types import FUTURE, ClassType


def expression(r: Resolving, node: syntax.Expr) -> hir.Expr:
    """Resolve one expression of any kind."""
    at = (node.start, node.end)
    match node:
        case syntax.Literal():
            return hir.Constant(*at, node.value)
        case syntax.Name() | syntax.Member():
            return paths.path(r, node)
        case syntax.Call():
            return _call(r, node)
        case syntax.Block():
            return statements.block(r, node)
        case syntax.Binary() if node.operator in ("&&", "||", "??"):
            return hir.Logical(*at, node.operator, r.expr(r, node.left), r.expr(r, node.right))
        case syntax.Binary():
            return hir.Binary(*at, node.operator, r.expr(r, node.left), r.expr(r, node.right), node.operator_start)
        case syntax.Unary(operator="-", operand=syntax.Literal(value=int() | float() as value)) if not isinstance(
            value, bool
        ):
            return hir.Constant(*at, -value)
        case syntax.Unary():
            return hir.Unary(*at, node.operator, r.expr(r, node.operand))
        case syntax.If():
            otherwise = r.expr(r, node.otherwise) if node.otherwise is not None else None
            return hir.If(*at, r.expr(r, node.condition), statements.block(r, node.then), otherwise)
        case syntax.Template():
            parts = tuple(part if isinstance(part, str) else r.expr(r, part) for part in node.parts)
            return hir.Text(*at, parts)
        case syntax.OptionalChain():
            return hir.OptionalChain(*at, r.expr(r, node.links))
        case syntax.Present():
            return hir.Present(*at, r.expr(r, node.object))
        case syntax.Index():
            return hir.Element(*at, r.expr(r, node.object), r.expr(r, node.index))
        case syntax.TypeTest():
            return hir.TypeTest(*at, r.expr(r, node.operand), r.type(node.type))
        case syntax.PatternTest():
            return _pattern_test(r, node)
        case syntax.ListLiteral():
            items = tuple(
                _spread(r, item) if isinstance(item, syntax.Spread) else r.expr(r, item) for item in node.items
            )
            return hir.ListLiteral(*at, items)
        case syntax.MapLiteral():
            return _map(r, node)
        case syntax.ObjectLiteral():
            return _object(r, node)
        case syntax.Lambda():
            return _lambda(r, node)
        case syntax.Spawn():
            return hir.Spawn(*at, _lambda(r, syntax.Lambda(node.start, node.end, (), None, node.body)))
        case syntax.Await():
            return hir.Await(*at, r.expr(r, node.operand))
        case syntax.Match():
            return _match(r, node)
        case syntax.Catch():
            return _catch(r, node)
        case syntax.Return():
            if r.is_global and len(r.functions) == 1:
                r.report.error(
                    "E0010", node, "`return` outside of a function", hint="the expression alone is the value"
                )
            return hir.Return(*at, r.expr(r, node.value) if node.value is not None else None)
        case syntax.Throw():
            return hir.Throw(*at, r.expr(r, node.value))
        case syntax.Break() | syntax.Continue():
            word = "break" if isinstance(node, syntax.Break) else "continue"
            if not r.functions[-1].loops:
                r.report.error("E0010", node, f"`{word}` outside of a loop")
            return hir.Break(*at) if isinstance(node, syntax.Break) else hir.Continue(*at)


def _spread(r: Resolving, node: syntax.Spread) -> hir.Spread:
    return hir.Spread(node.start, node.end, r.expr(r, node.value))


def _map(r: Resolving, node: syntax.MapLiteral) -> hir.Expr:
    bare = [
        each.key
        for each in node.entries
        if isinstance(each, syntax.MapEntry)
        and isinstance(each.key, syntax.Name)
        and not paths.is_known(r, each.key.name)
    ]
    if bare and _report_bare_keys(r, node, bare):
        return hir.Invalid(node.start, node.end)
    entries = tuple(
        _spread(r, entry)
        if isinstance(entry, syntax.Spread)
        else hir.MapEntry(
            entry.start,
            entry.end,
            hir.Constant(entry.key.start, entry.key.end, "") if entry.key in bare else r.expr(r, entry.key),
            r.expr(r, entry.value),
        )
        for entry in node.entries
    )
    return hir.MapLiteral(node.start, node.end, entries)


def _report_bare_keys(r: Resolving, node: syntax.MapLiteral, keys: list[syntax.Name]) -> bool:
    """Report names that stand as keys and mean nothing: once, as the fields of a class or as texts without quotes.

    Return whether they are those of a class, so that this is no map.
    """
    names = {each.name for each in keys}
    owners = [
        each.name
        for each in r.scope.project.of(syntax.Class)
        if isinstance(each.declaration, syntax.Class) and names <= {field.name for field in each.declaration.fields}
    ]
    if len(owners) == 1 and len(keys) == len(node.entries):
        hint = Suggestion(f"an object has its class before it: `{owners[0]} {{ … }}`", "{", f"{owners[0]} {{")
        r.report.error(
            "E0003", (node.start, node.start + 1), f"the keys of a map are texts, not names as `{keys[0].name}`", hint
        )
        return True
    name = keys[0].name
    r.report.error(
        "E0003", keys[0], f"unknown name `{name}`", Suggestion(f'a key is a text: write `"{name}"`', name, f'"{name}"')
    )
    return False


def _object(r: Resolving, node: syntax.ObjectLiteral) -> hir.Expr:
    root, _, method = node.path.partition(".")
    if method and r.is_local(root):
        hint = f"a function is passed in parentheses: `{node.path}((x: int) -> int {{ x + 1 }})`"
        r.report.error("E0002", (node.start, node.path_end), f"`{node.path}` is not a class", hint=hint)
        return hir.Invalid(node.start, node.end)
    fields = tuple(
        _spread(r, each)
        if isinstance(each, syntax.Spread)
        else hir.FieldInit(each.start, each.end, each.name, r.expr(r, each.value))
        for each in node.fields
    )
    named = syntax.NamedType(node.start, node.path_end, node.path)
    type_ = r.type(named)
    if isinstance(type_, ClassType) and type_.name == FUTURE:
        r.report.error("E0010", named, "a future is made by `spawn`", hint="write `spawn { … }`")
        return hir.Invalid(node.start, node.end)
    if isinstance(type_, ClassType):
        return hir.ObjectLiteral(node.start, node.end, type_.name, fields)
    if type_ is not hir.ERROR:
        r.report.error("E0002", named, f"`{node.path}` is not a class")
    return hir.Invalid(node.start, node.end)


def _lambda(r: Resolving, node: syntax.Lambda) -> hir.Lambda:
    context = OpenFunction()
    r.functions.append(context)
    r.blocks.append({})
    parameters = []
    for each in node.parameters:
        type_ = r.type(each.type) if each.type is not None else hir.INFERRED
        if each.default is not None:
            r.report.error("E0010", each.default, "a lambda's parameter has no default")
        local = r.declare(each.name, each.start, each.end)
        parameters.append(hir.Parameter(each.start, each.end, local, each.name, type_, None))
    result = r.type(node.result) if node.result is not None else None
    body = statements.block(r, node.body)
    r.blocks.pop()
    r.functions.pop()
    return hir.Lambda(node.start, node.end, tuple(parameters), result, body, tuple(context.captures))


def _match(r: Resolving, node: syntax.Match) -> hir.Match:
    scrutinee = r.expr(r, node.scrutinee)
    type_ = r.type(node.type) if node.type is not None else None
    arms = tuple(_arm(r, arm) for arm in node.arms)
    return hir.Match(node.start, node.end, scrutinee, type_, arms)


def _pattern_test(r: Resolving, node: syntax.PatternTest) -> hir.Expr:
    """Resolve ``x is P { … }`` as a match that is true for the pattern and false for anything else."""
    at = (node.pattern.start, node.pattern.end)
    operand = r.expr(r, node.operand)
    r.blocks.append({})
    tested = patterns.pattern(r, node.pattern)
    r.blocks.pop()
    if hir.bound(tested):
        hint = "use `match`, where an arm has what its pattern binds"
        r.report.error("E0010", node.pattern, "a pattern behind `is` binds no names", hint=hint)
        return hir.Invalid(node.start, node.end)
    yes = hir.Arm(*at, tested, None, hir.Constant(*at, True))
    no = hir.Arm(*at, hir.AnyPattern(*at, None), None, hir.Constant(*at, False))
    return hir.Match(node.start, node.end, operand, None, (yes, no), is_test=True)


def _catch(r: Resolving, node: syntax.Catch) -> hir.Catch:
    operand = r.expr(r, node.operand)
    r.blocks.append({})
    local = r.declare(node.binding or "$error", *_binding_place(r, node))
    arms = tuple(_arm(r, arm, caught=not node.all) for arm in node.arms)
    r.blocks.pop()
    return hir.Catch(node.start, node.end, operand, local, arms, node.all)


def _binding_place(r: Resolving, node: syntax.Catch) -> tuple[int, int]:
    """Return where a catch names what was thrown: between its operand and its arms."""
    start = node.operand.end
    end = node.arms[0].start if node.arms else node.end
    head = r.entry.item.text[start:end].partition("{")[0]
    place = head.rfind(node.binding) if node.binding else -1
    return (start + place, start + place + len(node.binding or "")) if place >= 0 else (start, start)


def _arm(r: Resolving, arm: syntax.Arm, caught: bool = False) -> hir.Arm:
    r.blocks.append({})
    pattern = patterns.pattern(r, arm.pattern)
    if caught:
        pattern = patterns.caught(r, pattern)
    guard = r.expr(r, arm.guard) if arm.guard is not None else None
    body = r.expr(r, arm.body)
    r.blocks.pop()
    return hir.Arm(arm.start, arm.end, pattern, guard, body)


TYPE_TESTS = ("isinstance", "type", "typeof")
"""How other languages ask for the type of a value."""


def _foreign_type_test(r: Resolving, node: syntax.Call, callee: syntax.Name) -> hir.Expr:
    """Report `isinstance(x, T)`, whose arguments may be types."""
    text = r.entry.item.text
    written = [text[each.value.start : each.value.end] for each in node.arguments]
    hint: str = "write `x is T`"
    where: syntax.Node = callee
    if len(written) == 2:
        where = node
        hint = Suggestion(
            f"write `{written[0]} is {written[1]}`", text[node.start : node.end], f"{written[0]} is {written[1]}"
        )
    r.report.error("E0003", where, f"unknown name `{callee.name}`", hint)
    if node.arguments:
        r.expr(r, node.arguments[0].value)
    return hir.Invalid(node.start, node.end)


def _call(r: Resolving, node: syntax.Call) -> hir.Expr:
    if isinstance(node.callee, syntax.Member) and _is_watch(node.callee.object):
        where = node.callee.object
        r.report.warning("E0010", where, "`$watch` has no effect here", hint="leave the statement out")
        return hir.Constant(node.start, node.end, None)
    if (
        isinstance(node.callee, syntax.Name)
        and node.callee.name in TYPE_TESTS
        and not paths.is_known(r, node.callee.name)
    ):
        return _foreign_type_test(r, node, node.callee)
    callee = r.expr(r, node.callee)
    if isinstance(callee, hir.Member):
        r.mentions.add(f".{callee.name}")
    arguments = tuple(hir.Argument(a.start, a.end, r.expr(r, a.value), a.name) for a in node.arguments)
    return hir.Call(node.start, node.end, callee, arguments)


def _is_watch(node: syntax.Expr) -> bool:
    """Whether an expression is ``x.$watch``, whose methods are accepted and have no effect."""
    return isinstance(node, syntax.Member) and node.name == "$watch"
