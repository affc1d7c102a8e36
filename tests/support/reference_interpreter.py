"""A definitional interpreter: walks the syntax tree as it is written, knows no types, no stages and no bytecode.

It says what a program of the subset that :mod:`tests.generators.typed_programs` generates means, in the most direct way
there is: expressions in the order in which they are written, control that leaves as Python exceptions.  Arithmetic,
equality, type tests and natives are the machine's, which have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bamlvm.grammar import syntax
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.vm import arithmetic
from bamlvm.vm.natives import load_natives
from bamlvm.vm.opcodes import BINARY, COMPARE, UNARY
from bamlvm.vm.panics import assertion_failed, no_element
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import PRIMITIVES, UNKNOWN
from bamlvm.vm.type_tests import is_type
from bamlvm.vm.values import EnumValue, Instance, LoadedClass, Thrown
from bamlvm.vm.work import whole
from tests.support.compiling import BUDGET, Outcome, frozen
from tests.support.static_types import StaticTypes, is_panic

_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict(zip(BINARY, arithmetic.BINARY_FUNCTIONS, strict=True)),
    **dict(zip(COMPARE, arithmetic.COMPARE_FUNCTIONS, strict=True)),
}
_UNARY = dict(zip(UNARY, arithmetic.UNARY_FUNCTIONS, strict=True))
_OWNERS = {str: "String", int: "Int", float: "Float", bool: "Bool", list: "Array", dict: "Map"}


class _LeavingError(Exception):
    """Control leaves: where to (``return``, ``break``, ``continue``, ``throw``), with what."""

    def __init__(self, word: str, value: Any = None) -> None:
        super().__init__(word)
        self.word = word
        self.value = value


class OverBudgetError(Exception):
    """The program takes too many steps."""


@dataclass
class _Names:
    """Variables in reach; the innermost scope first."""

    own: dict[str, Any] = field(default_factory=dict)
    around: _Names | None = None

    def holder(self, name: str) -> dict[str, Any] | None:
        names: _Names | None = self
        while names is not None:
            if name in names.own:
                return names.own
            names = names.around
        return None


@dataclass
class _Function:
    parameters: tuple[syntax.Parameter, ...]
    body: syntax.Block
    names: _Names
    item: str
    name: str = ""
    """A lambda has none."""


def evaluate(source: str, types: StaticTypes | None = None, budget: int = BUDGET) -> Outcome:
    """The outcome of ``main``.

    Raises :class:`OverBudgetError`, and :class:`AssertionError` where a value is not of the type that ``types`` gives
    its expression.
    """
    tree, _ = parse_file(SourceFile("main.baml", source))
    return _Reference(tree, types, budget).main()


class _Reference:
    def __init__(self, tree: syntax.File, types: StaticTypes | None, budget: int) -> None:
        self._types = types
        self._items = {item.declaration.name: item for item in tree.items}
        self._classes: dict[str, LoadedClass] = {}
        self._enums: dict[str, dict[str, EnumValue]] = {}
        self._functions: dict[str, _Function] = {}
        self._item = ""
        self._natives = load_natives()
        self._steps = budget
        for name, item in self._items.items():
            match item.declaration:
                case syntax.Class(fields=fields, methods=methods):
                    self._classes[name] = LoadedClass(
                        ClassInfo(name, tuple(FieldInfo(f.name, UNKNOWN) for f in fields))
                    )
                    for method in methods:
                        self._declare(name, f"{name}.{method.name}", method)
                case syntax.Enum(variants=variants):
                    self._enums[name] = {v.name: EnumValue(name, v.name, i) for i, v in enumerate(variants)}
                case syntax.Function() as function:
                    self._declare(name, name, function)

    def _declare(self, item: str, name: str, function: syntax.Function) -> None:
        assert isinstance(function.body, syntax.Block)
        self._functions[name] = _Function(function.parameters, function.body, _Names(), item, name)

    def main(self) -> Outcome:
        try:
            return Outcome("value", frozen(self._invoke(self._functions["main"], (), {})))
        except _LeavingError as left:
            value = left.value
            if isinstance(value, Instance) and "message" in value.cls.index:
                return Outcome("thrown", (value.class_name, value.get("message")))
            return Outcome("thrown", frozen(value))

    # --- calls --------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise OverBudgetError

    def _invoke(self, function: _Function, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self._step()
        names = _Names({}, function.names)
        outer, self._item = self._item, function.item
        try:
            for place, parameter in enumerate(function.parameters):
                if place < len(given):
                    value = given[place]
                elif parameter.name in named:
                    value = named[parameter.name]
                else:
                    assert parameter.default is not None
                    value = self.expr(parameter.default, names)
                names.own[parameter.name] = value
            return self.expr(function.body, names)
        except _LeavingError as left:
            if left.word == "return":
                return left.value
            if self._types is not None and function.name and not is_panic(left.value):
                self._types.check_thrown(function.name, left.value)
            raise
        finally:
            self._item = outer

    def _call(self, node: syntax.Call, names: _Names) -> Any:
        callee = node.callee
        if isinstance(callee, syntax.Member) and self._named(callee, names) is None:
            receiver = self.expr(callee.object, names)
            given, named = self._arguments(node, names)
            return self._method(receiver, callee.name, given, named)
        function = self.expr(callee, names)
        given, named = self._arguments(node, names)
        return self._invoke(function, given, named)

    def _arguments(self, node: syntax.Call, names: _Names) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given, named = [], {}
        for argument in node.arguments:
            value = self.expr(argument.value, names)
            if argument.name is None:
                given.append(value)
            else:
                named[argument.name] = value
        return tuple(given), named

    def _method(self, receiver: Any, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if isinstance(receiver, Instance):
            if name in receiver.cls.index:
                return self._invoke(receiver.get(name), given, named)
            return self._invoke(self._functions[f"{receiver.class_name}.{name}"], (receiver, *given), named)
        if isinstance(receiver, list) and name in ("map", "filter", "reduce"):
            return self._over(receiver, name, given)
        return self._native(f"baml.{_OWNERS[type(receiver)]}.{name}", receiver, *given)

    def _over(self, items: list[Any], name: str, given: tuple[Any, ...]) -> Any:
        self._step()
        made: list[Any] = []
        result = given[1] if name == "reduce" else None
        place = 0
        while place < len(items):
            item = items[place]
            if name == "reduce":
                result = self._invoke(given[0], (result, item), {})
            elif name == "map":
                made.append(self._invoke(given[0], (item,), {}))
            elif self._invoke(given[0], (item,), {}):
                made.append(item)
            place += 1
            self._step()
        return result if name == "reduce" else made

    def _native(self, path: str, *given: Any) -> Any:
        return self._guarded(self._natives[path], *given)

    def _guarded(self, function: Callable[..., Any], *given: Any) -> Any:
        """What Python code throws, as a thrown value."""
        try:
            return whole(function, *given)
        except Thrown as thrown:
            raise self._panic(thrown) from None

    def _panic(self, thrown: Thrown) -> _LeavingError:
        fields = list(thrown.fields)
        loaded = LoadedClass(ClassInfo(thrown.class_name, tuple(FieldInfo(each, UNKNOWN) for each in fields)))
        return _LeavingError("throw", Instance(loaded, [thrown.fields[each] for each in fields]))

    # --- expressions --------------------------------------------------------------------------------------------------

    def _named(self, node: syntax.Expr, names: _Names) -> Any:
        """What a path names beside variables, or None."""
        path: list[str] = []
        while isinstance(node, syntax.Member):
            path.insert(0, node.name)
            node = node.object
        if not isinstance(node, syntax.Name) or names.holder(node.name) is not None:
            return None
        path.insert(0, node.name)
        name = ".".join(path)
        if name in self._functions:
            return self._functions[name]
        return self._enums.get(path[0], {}).get(path[-1])

    def expr(self, node: syntax.Expr, names: _Names) -> Any:
        value = self._expr(node, names)
        if self._types is not None:
            self._types.check(self._item, node.start, node.end, type(node).__name__, value)
        return value

    def _expr(self, node: syntax.Expr, names: _Names) -> Any:
        match node:
            case syntax.Literal(value=value):
                return value
            case syntax.Name(name=name):
                holder = names.holder(name)
                return holder[name] if holder is not None else self._named(node, names)
            case syntax.Member():
                found = self._named(node, names)
                return found if found is not None else self.expr(node.object, names).get(node.name)
            case syntax.Binary():
                return self._binary(node, names)
            case syntax.Unary():
                return self._guarded(_UNARY[node.operator], self.expr(node.operand, names))
            case syntax.Call():
                return self._call(node, names)
            case syntax.Index():
                return self._element(self.expr(node.object, names), self.expr(node.index, names))
            case syntax.Template(parts=parts):
                return "".join(
                    part if isinstance(part, str) else self._native("baml.to_string", self.expr(part, names))
                    for part in parts
                )
            case syntax.TypeTest():
                return self._is(self.expr(node.operand, names), node.type)
            case syntax.ListLiteral() | syntax.MapLiteral() | syntax.ObjectLiteral():
                return self._literal(node, names)
            case syntax.Lambda():
                return _Function(node.parameters, node.body, names, self._item)
            case syntax.Block():
                inner = _Names({}, names)
                for statement in node.statements:
                    inner = self._statement(statement, inner)
                return self.expr(node.tail, inner) if node.tail is not None else None
            case syntax.If():
                if self.expr(node.condition, names):
                    return self.expr(node.then, names)
                return self.expr(node.otherwise, names) if node.otherwise is not None else None
            case syntax.Match():
                scrutinee = self.expr(node.scrutinee, names)
                found, value = self._arms(node.arms, scrutinee, names)
                assert found, "no arm fits"
                return value
            case syntax.Catch():
                return self._catch(node, names)
            case syntax.Return(value=value):
                raise _LeavingError("return", self.expr(value, names) if value is not None else None)
            case syntax.Throw(value=value):
                raise _LeavingError("throw", self.expr(value, names))
            case syntax.Break():
                raise _LeavingError("break")
            case syntax.Continue():
                raise _LeavingError("continue")

    def _binary(self, node: syntax.Binary, names: _Names) -> Any:
        left = self.expr(node.left, names)
        match node.operator:
            case "&&":
                return left and self.expr(node.right, names)
            case "||":
                return left or self.expr(node.right, names)
            case "??":
                return left if left is not None else self.expr(node.right, names)
            case operator:
                return self._guarded(_BINARY[operator], left, self.expr(node.right, names))

    def _element(self, container: Any, index: Any) -> Any:
        try:
            return container[index]
        except (IndexError, KeyError):
            raise self._panic(no_element(container, index)) from None

    def _literal(self, node: syntax.ListLiteral | syntax.MapLiteral | syntax.ObjectLiteral, names: _Names) -> Any:
        if isinstance(node, syntax.ListLiteral):
            items: list[Any] = []
            for each in node.items:
                if isinstance(each, syntax.Spread):
                    items.extend(self.expr(each.value, names))
                else:
                    items.append(self.expr(each, names))
            return items
        entries: dict[Any, Any] = {}
        if isinstance(node, syntax.MapLiteral):
            for entry in node.entries:
                if isinstance(entry, syntax.Spread):
                    entries.update(self.expr(entry.value, names))
                else:
                    key = self.expr(entry.key, names)
                    entries[key] = self.expr(entry.value, names)
            return entries
        cls = self._classes[node.path]
        entries = dict.fromkeys(cls.field_names)
        for part in node.fields:
            value = self.expr(part.value, names)
            if isinstance(part, syntax.Spread):
                entries.update(zip(cls.field_names, value.fields, strict=True))
            else:
                entries[part.name] = value
        return Instance(cls, list(entries.values()))

    def _catch(self, node: syntax.Catch, names: _Names) -> Any:
        try:
            return self.expr(node.operand, names)
        except _LeavingError as left:
            if left.word != "throw":
                raise
            inner = _Names({node.binding: left.value} if node.binding else {}, names)
            is_panic = isinstance(left.value, Instance) and left.value.class_name.startswith("baml.panics.")
            found, value = self._arms(node.arms, left.value, inner, named=is_panic and not node.all)
            if not found:
                raise
            return value

    def _arms(self, arms: tuple[syntax.Arm, ...], value: Any, names: _Names, named: bool = False) -> tuple[bool, Any]:
        """Try arms in order; with ``named`` only a pattern that names the value's class fits."""
        for arm in arms:
            inner = _Names({}, names)
            if named and not self._names_class(arm.pattern):
                continue
            if self._fits(arm.pattern, value, inner) and (arm.guard is None or self.expr(arm.guard, inner)):
                return True, self.expr(arm.body, inner)
        return False, None

    def _names_class(self, pattern: syntax.Pattern) -> bool:
        match pattern:
            case syntax.WildcardPattern(type=type_) | syntax.BindPattern(type=type_):
                return type_ is not None
            case syntax.PathPattern(path=path):
                return "." in path
            case syntax.OrPattern(alternatives=alternatives):
                return any(map(self._names_class, alternatives))
            case _:
                return True

    def _fits(self, pattern: syntax.Pattern, value: Any, names: _Names) -> bool:
        match pattern:
            case syntax.WildcardPattern(type=type_):
                return type_ is None or self._is(value, type_)
            case syntax.BindPattern(name=name, type=type_):
                names.own[name] = value
                return type_ is None or self._is(value, type_)
            case syntax.LiteralPattern(value=literal):
                return type(value) is type(literal) and bool(value == literal)
            case syntax.TypePattern(type=type_):
                return self._is(value, type_)
            case syntax.OrPattern(alternatives=alternatives):
                return any(self._fits(each, value, names) for each in alternatives)
            case syntax.PathPattern(path=path):
                if "." in path or path in self._items or path in PRIMITIVES:
                    return self._is(value, syntax.NamedType(0, 0, path))
                names.own[path] = value
                return True

    def _is(self, value: Any, type_: syntax.TypeExpr) -> bool:
        match type_:
            case syntax.NamedType(path=path) if path in PRIMITIVES:
                return is_type(value, PRIMITIVES[path], {})
            case syntax.NamedType(path=path) if path in self._enums:
                return isinstance(value, EnumValue) and value.enum == path
            case syntax.NamedType(path=path) if isinstance(value, EnumValue):
                return f"{value.enum}.{value.variant}" == path
            case syntax.NamedType(path=path):
                return isinstance(value, Instance) and value.class_name == path
            case syntax.LiteralTypeExpr(value=literal):
                return type(value) is type(literal) and bool(value == literal)
            case syntax.OptionalTypeExpr(item=item):
                return value is None or self._is(value, item)
            case syntax.UnionTypeExpr(members=members):
                return any(self._is(value, each) for each in members)
            case _:
                raise NotImplementedError(type(type_).__name__)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _statement(self, node: syntax.Statement, names: _Names) -> _Names:
        """Run a statement; what follows it sees the names that are returned."""
        match node:
            case syntax.Let(name=name):
                return _Names({name: self.expr(node.value, names)}, names)
            case syntax.Assign():
                self._assign(node, names)
            case syntax.While():
                self._loop(lambda: self.expr(node.condition, names), node.body, lambda: names, lambda: None)
            case syntax.For():
                self._for(node, names)
            case syntax.ForIn():
                self._for_in(node, names)
            case syntax.Assert(condition=condition):
                if not self.expr(condition, names):
                    text = self._items[self._item].text[condition.start : condition.end]
                    raise self._panic(assertion_failed(f"assertion failed: {text}"))
            case syntax.ExprStatement(value=value):
                self.expr(value, names)
            case syntax.Header():
                pass
        return names

    def _assign(self, node: syntax.Assign, names: _Names) -> None:
        target = node.target

        def value(read: Callable[[], Any]) -> Any:
            if node.operator is None:
                return self.expr(node.value, names)
            before = read()
            return self._guarded(_BINARY[node.operator], before, self.expr(node.value, names))

        match target:
            case syntax.Name(name=name):
                holder = names.holder(name)
                assert holder is not None
                holder[name] = value(lambda: holder[name])
            case syntax.Member(name=name):
                instance = self.expr(target.object, names)
                instance.set(name, value(lambda: instance.get(name)))
            case syntax.Index():
                container, index = self.expr(target.object, names), self.expr(target.index, names)
                made = value(lambda: self._element(container, index))
                try:
                    container[index] = made
                except IndexError:
                    raise self._panic(no_element(container, index)) from None

    def _loop(
        self,
        condition: Callable[[], Any],
        body: syntax.Block,
        enter: Callable[[], _Names],
        step: Callable[[], Any],
    ) -> None:
        while True:
            try:
                if not condition():
                    return
                self.expr(body, enter())
            except _LeavingError as left:
                if left.word == "break":
                    return
                if left.word != "continue":
                    raise
            step()
            self._step()

    def _for(self, node: syntax.For, names: _Names) -> None:
        inner = _Names({}, names)
        if node.init is not None:
            inner = self._statement(node.init, inner)
        condition, step = node.condition, node.step

        def go_on() -> None:
            nonlocal inner
            inner = _Names(dict(inner.own), names)  # each turn has its own variable, for the lambdas that it makes
            if step is not None:
                self._statement(step, inner)

        self._loop(lambda: condition is None or self.expr(condition, inner), node.body, lambda: inner, go_on)

    def _for_in(self, node: syntax.ForIn, names: _Names) -> None:
        iterable = self.expr(node.iterable, names)
        items = list(iterable) if isinstance(iterable, dict) else iterable
        place = -1

        def more() -> bool:
            nonlocal place
            place += 1
            return place < len(items)

        self._loop(more, node.body, lambda: _Names({node.name: items[place]}, names), lambda: None)
