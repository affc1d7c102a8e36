"""From tree to hir: names resolved to locals, functions and variants, sugar taken apart.

One :class:`Resolver` serves one top-level function or method with all lambdas in it.  Locals are numbered as they are
declared; a use from inside a lambda marks the local as captured and notes it on every lambda in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bamlvm.compiler import hir
from bamlvm.compiler.declare import TypeResolver, World
from bamlvm.compiler.names import Entry, Scope
from bamlvm.compiler.report import Reporter, did_you_mean
from bamlvm.grammar import syntax
from bamlvm.vm.program import Signature
from bamlvm.vm.types import NULL, PRIMITIVES, ClassType, EnumType, Type, VariantType

ENVIRONMENT_LOOKUP = "env.get_or_panic"
CALL_LLM_FUNCTION = "baml.llm.call_llm_function"


@dataclass
class _Variable:
    name: str
    start: int
    end: int
    depth: int
    captured: bool = False
    reassigned: bool = False
    set_inside: bool = False


@dataclass
class _Context:
    """A function or lambda being resolved: what it captures, and how many loops are open in it."""

    captures: dict[int, None] = field(default_factory=dict)
    loops: int = 0


class Resolver:
    """Resolves one function; see :meth:`function`."""

    def __init__(
        self, entry: Entry, name: str, scope: Scope, world: World, types: TypeResolver, report: Reporter
    ) -> None:
        self._entry = entry
        self._name = name
        self._scope = scope
        self._world = world
        self._types = types
        self._report = report
        self._variables: list[_Variable] = []
        self._scopes: list[dict[str, int]] = [{}]
        self._contexts = [_Context()]
        self._assigned: list[set[int]] = []
        self._mentions: set[str] = set()
        self._sets: set[str] = set()
        signature = self._signature(name)
        self._type_variables = frozenset(signature.type_parameters)

    def function(self, function: syntax.Function) -> hir.Function:
        """The hir of ``function``, whose signature the world already has."""
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
            self._scope.reads.note("contract", (self._name,), self._world.contracts.get(self._name)),
            (throws.start, throws.end) if throws else (function.name_start, function.name_start + len(function.name)),
            body,
            tuple(
                hir.LocalInfo(v.name, v.start, v.end, v.captured, v.reassigned, v.set_inside) for v in self._variables
            ),
            frozenset(self._mentions),
            frozenset(self._sets),
        )

    def _llm_call(self, function: syntax.Function, parameters: list[hir.Parameter]) -> hir.Block:
        at = (function.name_start, function.name_start + len(function.name))
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

    def _signature(self, name: str) -> Signature:
        signature = self._world.signature(name)
        assert signature is not None
        return signature

    # --- locals -------------------------------------------------------------------------------------------------------

    def _declare(self, name: str, start: int, end: int) -> int:
        self._variables.append(_Variable(name, start, end, len(self._contexts)))
        local = len(self._variables) - 1
        self._scopes[-1][name] = local
        return local

    def _find(self, name: str) -> int | None:
        for scope in reversed(self._scopes):
            if name in scope:
                local = scope[name]
                self._use(local)
                return local
        return None

    def _use(self, local: int) -> None:
        variable = self._variables[local]
        for context in self._contexts[variable.depth :]:
            context.captures[local] = None
            variable.captured = True

    def _set(self, local: int) -> None:
        variable = self._variables[local]
        variable.reassigned = True
        variable.set_inside = variable.set_inside or variable.depth < len(self._contexts)
        for assigned in self._assigned:
            assigned.add(local)

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

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
        local = self._declare(node.name, node.name_start, node.name_start + len(node.name))
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
        self._scopes.pop()
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
        name_at = (node.name_start, node.name_start + len(node.name))
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
        context = _Context()
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

    # --- patterns -----------------------------------------------------------------------------------------------------

    def _pattern(self, node: syntax.Pattern) -> hir.Pattern:
        at = (node.start, node.end)
        match node:
            case syntax.WildcardPattern():
                return hir.TypePattern(*at, self._type(node.type), None) if node.type else hir.AnyPattern(*at, None)
            case syntax.BindPattern():
                type_ = self._type(node.type) if node.type is not None else None
                local = self._declare(node.name, *at)
                return hir.AnyPattern(*at, local) if type_ is None else hir.TypePattern(*at, type_, local)
            case syntax.LiteralPattern():
                return hir.LiteralPattern(*at, node.value)
            case syntax.TypePattern():
                return self._type_pattern(at, self._type(node.type))
            case syntax.PathPattern():
                return self._path_pattern(node)
            case syntax.OrPattern():
                before = len(self._variables)
                alternatives = tuple(self._pattern(each) for each in node.alternatives)
                if len(self._variables) > before:
                    self._report.error(
                        "E0010", node, "alternatives of a pattern bind no names", hint="bind the whole: `x: A | B`"
                    )
                return hir.OrPattern(*at, alternatives)

    def _type_pattern(self, at: tuple[int, int], type_: Type) -> hir.Pattern:
        if type_ == NULL:
            return hir.LiteralPattern(*at, None)
        if isinstance(type_, VariantType):
            return hir.VariantPattern(*at, type_.enum, type_.variant)
        return hir.TypePattern(*at, type_, None)

    def _path_pattern(self, node: syntax.PathPattern) -> hir.Pattern:
        at = (node.start, node.end)
        path = node.path
        names_type = path in PRIMITIVES or self._scope.qualify(path, self._entry.namespace) is not None
        if names_type or "." in path:
            owner, _, variant = path.rpartition(".")
            if not names_type and (enum := self._enum(owner)) is not None:
                known = self._has_variant(at, enum, variant)
                return hir.VariantPattern(*at, enum, variant) if known else hir.TypePattern(*at, hir.ERROR, None)
            return self._type_pattern(at, self._type(syntax.NamedType(*at, path)))
        if path[0].isupper() and (hint := did_you_mean(path, self._scope.visible(self._entry.namespace))):
            self._report.error("E0002", node, f"unknown type `{path}` in a pattern", hint=hint)
            return hir.TypePattern(*at, hir.ERROR, None)
        return hir.AnyPattern(*at, self._declare(path, *at))

    # --- paths and calls ----------------------------------------------------------------------------------------------

    def _enum(self, path: str) -> str | None:
        name = self._scope.qualify(path, self._entry.namespace) if path else None
        if name is None:
            return None
        entry = self._scope.entry(name)
        if entry is not None and isinstance(entry.declaration, syntax.Alias):
            alias = self._scope.reads.note("alias", (name,), self._types.alias(entry))
            return alias.name if isinstance(alias, EnumType) else None
        return name if self._world.enum(name) is not None else None

    def _has_variant(self, at: tuple[int, int], enum: str, variant: str) -> bool:
        """Whether the enum has the variant; reports E0064."""
        info = self._world.enum(enum)
        assert info is not None
        names = [each.name for each in info.variants]
        if variant in names:
            return True
        hint = did_you_mean(variant, names) or f"it has {', '.join(f'`{name}`' for name in names)}"
        self._report.error("E0064", at, f"`{enum}` has no variant `{variant}`", hint=hint)
        return False

    def _path_to_item(self, node: syntax.Expr) -> str | None:
        """The dotted path of a chain of names that does not begin at a local, or None."""
        names = []
        while isinstance(node, syntax.Member):
            names.append(node.name)
            node = node.object
        if not isinstance(node, syntax.Name) or self._is_local(node.name):
            return None
        return ".".join([node.name, *reversed(names)])

    def _path(self, node: syntax.Name | syntax.Member) -> hir.Expr:
        found = self._try_path(node)
        if found is not None:
            return found
        self._report_unknown(node, self._path_to_item(node) or "")
        return hir.Invalid(node.start, node.end)

    def _try_path(self, node: syntax.Name | syntax.Member) -> hir.Expr | None:
        """What a name or a member chain means: the longest prefix that names a local or an item, then members of it."""
        at = (node.start, node.end)
        if isinstance(node, syntax.Name):
            local = self._find(node.name)
            return hir.Local(*at, local) if local is not None else self._item(at, node.name)
        path = self._path_to_item(node)
        if path is not None and (item := self._item(at, path)) is not None:
            return item
        inner = node.object
        object_ = self._try_path(inner) if isinstance(inner, syntax.Name | syntax.Member) else self._expr(inner)
        return hir.Member(*at, object_, node.name, node.name_start) if object_ is not None else None

    def _item(self, at: tuple[int, int], path: str) -> hir.Expr | None:
        """The value that a dotted path names: a function, a method, a variant or an environment variable."""
        name = self._scope.qualify(path, self._entry.namespace) or path
        if self._world.signature(name) is not None:
            self._mentions.add(name)
            return hir.FunctionRef(*at, name)
        owner, _, last = path.rpartition(".")
        if owner == "env":
            self._mentions.add(ENVIRONMENT_LOOKUP)
            argument = hir.Argument(*at, hir.Constant(*at, last), None)
            return hir.Call(*at, hir.FunctionRef(*at, ENVIRONMENT_LOOKUP), (argument,))
        if (enum := self._enum(owner)) is not None:
            return hir.VariantRef(*at, enum, last) if self._has_variant(at, enum, last) else hir.Invalid(*at)
        class_name = self._scope.qualify(owner, self._entry.namespace) if owner else None
        if class_name is not None and self._world.method(class_name, last) is not None:
            self._mentions.add(f"{class_name}.{last}")
            return hir.FunctionRef(*at, f"{class_name}.{last}")
        return None

    def _report_unknown(self, node: syntax.Name | syntax.Member, path: str) -> None:
        name = self._scope.qualify(path, self._entry.namespace)
        entry = self._scope.entry(name) if name else None
        if entry is not None or (name and (self._world.class_(name) or self._world.enum(name))):
            kind = type(entry.declaration).__name__.lower() if entry else "type"
            self._report.error("E0003", node, f"`{path}` is a {kind}, not a value", hint=self._use_hint(kind, path))
            return
        owner, _, last = path.rpartition(".")
        if self._scope.is_namespace(path):
            self._report.error("E0003", node, f"`{path}` is a namespace, not a value")
        elif owner and self._scope.qualify(owner, self._entry.namespace):
            self._report.error(
                "E0007", node, f"`{owner}` has no method `{last}`", hint=did_you_mean(last, self._world.methods(owner))
            )
        elif self._scope.is_namespace(path.split(".")[0]):
            known = path.split(".")[0]
            for name in path.split(".")[1:]:
                if not self._scope.is_namespace(f"{known}.{name}"):
                    break
                known = f"{known}.{name}"
            last = path.removeprefix(f"{known}.").split(".")[0]
            hint = did_you_mean(last, self._scope.under(known))
            self._report.error("E0003", node, f"`{known}` has no `{last}`", hint=hint)
        else:
            root = path.split(".")[0]
            first = node
            while isinstance(first, syntax.Member) and isinstance(first.object, syntax.Member | syntax.Name):
                first = first.object
            self._report.error("E0003", first, f"unknown name `{root}`", hint=self._suggest(root))

    def _use_hint(self, kind: str, path: str) -> str | None:
        if kind == "class":
            return f"make an instance: `{path} {{ … }}`"
        return f"name a variant: `{path}.…`" if kind == "enum" else None

    def _suggest(self, name: str) -> str | None:
        visible = {each for scope in self._scopes for each in scope if not each.startswith("$")}
        return did_you_mean(name, visible | set(self._scope.visible(self._entry.namespace)) | {"baml", "env"})

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

    def _type(self, written: syntax.TypeExpr) -> Type:
        return self._types.resolve(written, self._entry, self._report, self._type_variables)


def _is_watch(node: syntax.Expr) -> bool:
    """``x.$watch``, whose methods are accepted and do nothing."""
    return isinstance(node, syntax.Member) and node.name == "$watch"
