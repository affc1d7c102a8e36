"""From written types to :mod:`bamlvm.vm.program.types` data.

An alias is replaced by the type that it names unless it is recursive.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

from bamlvm.compiler.attributes import attributes
from bamlvm.compiler.hir import ERROR, UNSTATED
from bamlvm.compiler.index import Entry, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.spelling import Suggestion, did_you_mean, nearest, write_instead
from bamlvm.vm.program.types import (
    FUTURE,
    HANDLE,
    PRIMITIVES,
    STRING,
    TYPE,
    UNKNOWN,
    AliasType,
    Attribute,
    AttributedType,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariableType,
    VariantType,
    bare,
    members,
    optional,
    union,
    walk,
)

_DEEPEST_ALIAS = 100
"""The longest chain of aliases that name one another."""
_DEEPEST_TYPE = 256
"""The deepest nesting of a type through aliases: the same as may be written in one type."""


_LARGEST_TYPE = 10_000
"""The parts of a type once its aliases are put in: whatever is done to a type takes time by them."""


class TypeResolver:
    """Resolves written types; aliases on demand, each once."""

    def __init__(self, scope: Scope, symbols: Symbols, diagnostics: list[Diagnostic]) -> None:
        self._scope = scope
        self._symbols = symbols
        self._diagnostics = diagnostics
        self._open: dict[str, int] = {}
        self._recursive: set[str] = set()
        self._guards = 0

    def resolve(
        self, written: syntax.TypeExpr, entry: Entry, report: Reporter, variables: frozenset[str] = frozenset()
    ) -> Type:
        """Return the type that ``written`` means in ``entry``; report E0002 and return ERROR if it means none."""
        return bare(self.annotated(written, entry, report, variables))

    def annotated(
        self, written: syntax.TypeExpr, entry: Entry, report: Reporter, variables: frozenset[str] = frozenset()
    ) -> Type:
        """Return the same with the attributes that are written in the type, or in the aliases that it names."""

        def go(node: syntax.TypeExpr) -> Type:
            match node:
                case syntax.NamedType():
                    return self._named(node, entry, report, variables)
                case syntax.LiteralTypeExpr():
                    return LiteralType(node.value)
                case syntax.ListTypeExpr():
                    return ListType(self._guarded(go, node.item))
                case syntax.MapTypeExpr():
                    key = self._guarded(go, node.key)
                    self._check_key(bare(key), node, report)
                    return MapType(key, self._guarded(go, node.value))
                case syntax.OptionalTypeExpr():
                    return optional(go(node.item))
                case syntax.UnionTypeExpr():
                    return union([go(member) for member in node.members])
                case syntax.FunctionTypeExpr():
                    parameters = tuple(self._guarded(go, each) for each in node.parameters)
                    throws = self._guarded(go, node.throws) if node.throws else UNSTATED
                    return FunctionType(parameters, self._guarded(go, node.result), throws)
                case syntax.AttributedTypeExpr():
                    return _attributed(go(node.item), attributes(node.attributes, "type", entry, report))

        return go(written)

    def alias(self, entry: Entry) -> Type:
        """Return the annotated type that an alias names, or its AliasType if it is recursive; report E0068."""
        # `_open` has the aliases being resolved, each with the number of lists, maps, classes and functions around it
        # (`_guards`).  Meeting an open one again is recursion, which is legal only through at least one more of these.
        name = entry.name
        known = self._symbols.annotated_aliases.get(name)
        if known is not None:
            return AliasType(name) if name in self._recursive else known
        report = reporter(entry, self._diagnostics)
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Alias)
        if name in self._open:
            if self._guards == self._open[name]:
                report.error(
                    "E0068",
                    name_range(declaration),
                    f"the alias `{declaration.name}` names itself",
                    hint="a recursive alias must pass through a list, a map or a class",
                )
                return ERROR
            opened = list(self._open)
            self._recursive.update(opened[opened.index(name) :])  # every alias on the circle is recursive
            return AliasType(name)
        self._open[name] = self._guards
        own = attributes(declaration.attributes, "type", entry, report)
        resolved: Type = ERROR
        if len(self._open) <= _DEEPEST_ALIAS:
            resolved = _attributed(self.annotated(declaration.type, entry, report), own)
        if _is_larger(resolved, _LARGEST_TYPE):
            what = f"the alias `{declaration.name}` names a type of more than {_LARGEST_TYPE} parts"
            hint = "an alias that the next one names twice doubles; a class is one part, whatever it holds"
            report.error("E0068", name_range(declaration), what, hint=hint)
            resolved = ERROR
        if len(self._open) > _DEEPEST_ALIAS or _depth(resolved) > _DEEPEST_TYPE:
            where = name_range(declaration)
            report.error("E0068", where, f"the alias `{declaration.name}` names a type that is nested too deeply")
            resolved = ERROR
        del self._open[name]
        self._symbols.annotated_aliases[name] = resolved
        return AliasType(name) if name in self._recursive else resolved

    def _guarded(self, go: Callable[[syntax.TypeExpr], Type], node: syntax.TypeExpr) -> Type:
        self._guards += 1
        try:
            return go(node)
        finally:
            self._guards -= 1

    def _named(self, node: syntax.NamedType, entry: Entry, report: Reporter, variables: frozenset[str]) -> Type:
        path = node.path
        if path in variables:
            return VariableType(path)
        if path in PRIMITIVES:
            return PRIMITIVES[path]
        if path == "handle" and entry.namespace:
            return HANDLE
        found = self._lookup(path, entry.namespace)
        if self._scope.reads.uses is not None:
            self._refer(node, entry, found)
        if found is not None:
            return self._with_arguments(found, node, entry, report, variables)
        if path == "type":
            return TYPE
        if not self._scope.is_unread(path):
            hint = _foreign_type(node, entry) or self._hint(path, variables)
            report.error("E0002", node, f"unknown type `{path}`", hint=hint)
        return ERROR

    def _refer(self, node: syntax.NamedType, entry: Entry, found: Type | None) -> None:
        """Note what a written type means: an item, or a variant or member and what it belongs to."""
        path, end = node.path, node.start + len(node.path)
        owner, _, last = path.rpartition(".")
        refer, declaration = self._scope.reads.refer, entry.declaration
        name = self._scope.qualify(path, entry.namespace)
        if found is None:
            self._scope.reads.miss(declaration, end - len(last), end, owner or None)
        elif name is not None or not owner:
            if name is None and isinstance(found, ClassType):
                name = found.name  # `Future`
            refer(declaration, end - len(last), end, Symbol("item", "", name or path))
        else:
            before = end - len(last) - 1
            named = self._scope.qualify(owner, entry.namespace)
            refer(declaration, before - len(owner.rpartition(".")[2]), before, Symbol("item", "", named or owner))
            if isinstance(found, VariantType):
                refer(declaration, end - len(last), end, Symbol("member", found.enum, last))
            elif isinstance(found, ClassType | EnumType):
                refer(declaration, end - len(last), end, Symbol("item", "", found.name))

    def _with_arguments(
        self, found: Type, node: syntax.NamedType, entry: Entry, report: Reporter, variables: frozenset[str]
    ) -> Type:
        """Return a named type with the types that are written behind it; those left out are `unknown`."""
        count = self._parameter_count(found.name) if isinstance(found, ClassType) else 0
        if node.arguments and not count and not entry.namespace:
            report.error("E0010", node, f"`{node.path}` takes no types: generics are not part of this dialect")
        if not isinstance(found, ClassType) or not count:
            return found
        arguments = tuple(self.resolve(each, entry, report, variables) for each in node.arguments)
        if arguments and len(arguments) != count:
            written = ", ".join(entry.item.text[each.start : each.end] for each in node.arguments)
            hint = f"what it may throw comes second: `Future<{written}, never>`" if found.name == FUTURE else None
            takes = f"{count} type{'s' * (count > 1)}"
            report.error("E0010", node, f"`{node.path}` takes {takes}, not {len(arguments)}", hint=hint)
            return ERROR
        return ClassType(found.name, arguments or (UNKNOWN,) * count)

    def _parameter_count(self, name: str) -> int:
        """Return how many type parameters a class has: only the standard library's have any."""
        info = self._scope.standard.classes.get(name)
        if info is not None:
            return len(info.type_parameters)
        entry = self._scope.entry(name)
        declaration = entry.declaration if entry is not None and entry.namespace else None
        return len(declaration.type_parameters) if isinstance(declaration, syntax.Class) else 0

    def _hint(self, path: str, variables: frozenset[str]) -> str | None:
        """Return a hint for an unknown type, or None."""
        owner, _, last = path.rpartition(".")
        if self._scope.is_namespace(owner):
            near = nearest(last, self._scope.under(owner))
            return Suggestion(f"did you mean `{owner}.{near}`?", path, f"{owner}.{near}") if near else None
        known = [*PRIMITIVES, *(e.name for e in self._scope.project.of(syntax.Class, syntax.Enum, syntax.Alias))]
        standard = self._scope.standard  # where types are added to a program, that is the program
        tables = (standard.classes, standard.enums, standard.annotated_aliases)
        known += [name for table in tables for name in table if "." not in name]
        return did_you_mean(owner or path, [*known, *variables])

    def _lookup(self, path: str, namespace: str) -> Type | None:
        name = self._scope.qualify(path, namespace)
        if name is None and path == "Future":
            name = FUTURE
        if name is None:
            owner, _, variant = path.rpartition(".")
            found = self._lookup(owner, namespace) if owner else None
            enum = None if found is None else bare(found)
            if isinstance(enum, EnumType) and variant in self._variants(enum.name):
                return VariantType(enum.name, variant)
            return self._member(owner, variant, namespace)
        entry = self._scope.entry(name)
        if entry is None:
            standard = self._scope.standard
            if name in standard.classes:
                return ClassType(name)
            return EnumType(name) if name in standard.enums else standard.aliases.get(name)
        match entry.declaration:
            case syntax.Class():
                return ClassType(name)
            case syntax.Enum():
                return EnumType(name)
            case syntax.Alias():
                return self._scope.reads.note("alias", (name,), self.alias(entry))
            case _:
                return None

    def _member(self, alias: str, name: str, namespace: str) -> Type | None:
        """Return the class or enum of this bare name among the members of a union that an alias names, or None."""
        qualified = self._scope.qualify(alias, namespace) if alias else None
        entry = self._scope.entry(qualified) if qualified is not None else None
        if qualified is None or entry is None or not isinstance(entry.declaration, syntax.Alias):
            return None
        named = bare(self._scope.reads.note("alias", (qualified,), self.alias(entry)))
        if isinstance(named, AliasType):
            named = self._symbols.recursive_alias(named.name)
        for member in members(named):
            if isinstance(member, ClassType | EnumType) and member.name.rpartition(".")[2] == name:
                return member
        return None

    def _variants(self, enum: str) -> list[str]:
        entry = self._scope.entry(enum)
        if entry is not None and isinstance(entry.declaration, syntax.Enum):
            self._scope.reads.note("definition", (enum,), entry.declaration)
            return [variant.name for variant in entry.declaration.variants]
        return [variant.name for variant in self._scope.standard.enums[enum].variants]

    def _check_key(self, key: Type, node: syntax.MapTypeExpr, report: Reporter) -> None:
        for part in members(key):
            fits = (
                part in (STRING, ERROR)
                or isinstance(part, EnumType | VariantType | VariableType | AliasType)
                or (isinstance(part, LiteralType) and isinstance(part.value, str))
            )
            if not fits:
                report.error("E0001", node.key, f"a map's key is a string or an enum, not `{part}`")
                return


_FOREIGN_TYPES: Final = {
    **dict.fromkeys(("number", "numeric", "decimal"), "write `int` or `float`"),
    **dict.fromkeys(("date", "datetime", "time", "timestamp", "uuid", "url"), "there is no such type: use `string`"),
    **dict.fromkeys(("tuple", "record", "struct"), "write a class with a field for each part"),
    "bigint": "it is not part of this dialect: an `int` has 64 bits, and what does not fit is an error",
    **dict.fromkeys(
        ("result", "either", "error", "exception"),
        "a function returns `T` alone, and declares what it throws: `throws E`",
    ),
    "literal": 'a literal is a type itself: write `"a" | "b"`',
}
"""Hints for types of other languages, by their names in lower case."""

_SAME_TYPES: Final = {
    **dict.fromkeys(("str", "text", "char", "varchar"), "string"),
    **dict.fromkeys(("integer", "i32", "i64", "long", "short", "byte", "uint"), "int"),
    **dict.fromkeys(("double", "real", "f32", "f64"), "float"),
    "boolean": "bool",
    **dict.fromkeys(("any", "object"), "unknown"),
    **dict.fromkeys(("none", "nil", "undefined", "void", "unit"), "null"),
}
"""The types that some of other languages are here, by their names in lower case."""

_FOREIGN_GENERICS: Final = {
    **dict.fromkeys(("list", "array", "sequence", "vec", "vector", "iterable", "set"), "{0}[]"),
    **dict.fromkeys(("optional", "option", "nullable", "maybe"), "{0}?"),
    **dict.fromkeys(("dict", "dictionary", "hashmap", "map", "mapping", "record"), "map<{0}, {1}>"),
    "union": "{0} | {1}",
}
"""The types that generic ones of other languages are written as, by their names in lower case."""


def _foreign_type(node: syntax.NamedType, entry: Entry) -> str | None:
    """Return a hint for a type of another language, with its own arguments as far as it has them, or None."""
    name = node.path.lower()
    written = entry.item.text[node.start : node.end]
    form = _FOREIGN_GENERICS.get(name)
    if form is None or (name == "record" and not node.arguments):
        same = _SAME_TYPES.get(name)
        if same == "unknown":
            return Suggestion("write `unknown`, or the types that it may be: `A | B`", written, same)
        return write_instead(written, same) if same is not None else _FOREIGN_TYPES.get(name)
    given = [entry.item.text[each.start : each.end] for each in node.arguments]
    if name == "union" and len(given) > 2:
        return write_instead(written, " | ".join(given))
    if len(given) == form.count("{"):
        given = [f"({each})" if "|" in each and form in ("{0}[]", "{0}?") else each for each in given]
        return write_instead(written, form.format(*given))
    parts = (*given, *("T", "T")[len(given) :]) if name != "dict" or given else ("string", "T")
    return f"write `{form.format(*parts)}`"


def _is_larger(type_: Type, parts: int) -> bool:
    """Whether a type has more parts than that, each counted as often as it is met."""
    return next(islice(walk(type_), parts, None), None) is not None


def _depth(type_: Type) -> int:
    match type_:
        case ListType(item) | AttributedType(item, _):
            return 1 + _depth(item)
        case MapType(key, value):
            return 1 + max(_depth(key), _depth(value))
        case UnionType(parts):
            return 1 + max(map(_depth, parts))
        case FunctionType(parameters, result, throws):
            return 1 + max(map(_depth, (*parameters, result, throws)))
        case _:
            return 0


def _attributed(type_: Type, found: tuple[Attribute, ...]) -> Type:
    return AttributedType(type_, found) if found else type_
