"""From written types to :mod:`bamlvm.vm.program.types` data.

An alias is replaced by the type that it names unless it is recursive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bamlvm.compiler.attributes import attributes
from bamlvm.compiler.foreign_types import foreign_type, is_foreign
from bamlvm.compiler.hir import ERROR, UNSTATED
from bamlvm.compiler.index import Entry, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.cycles import components
from bamlvm.vm.program.spelling import Suggestion, did_you_mean, nearest
from bamlvm.vm.program.types import (
    DEEPEST_TYPE,
    FUTURE,
    HANDLE,
    LARGEST_TYPE,
    NULL,
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
    VariableType,
    VariantType,
    bare,
    extent,
    members,
    optional,
    union,
)

_DEEPEST_CIRCLE = 100
"""The deepest nesting of types by which a recursive alias comes back to itself."""
_LARGEST_ALIASES = 200_000
"""The parts of all aliases of a project: each may name the one before, and have one part more."""
_PRELUDE = {"Future": FUTURE, "json": "baml.json.json"}
"""Types of the standard library that are known by their bare names, unless the project declares these."""


class TypeResolver:
    """Resolves written types; the aliases of a project first, each once."""

    def __init__(self, scope: Scope, symbols: Symbols, diagnostics: list[Diagnostic]) -> None:
        self._scope = scope
        self._symbols = symbols
        self._diagnostics = diagnostics
        self._recursive: set[str] = set()
        self._variants: dict[str, tuple[syntax.Enum, frozenset[str]]] = {}

    def resolve(
        self, written: syntax.TypeExpr, entry: Entry, report: Reporter, variables: frozenset[str] = frozenset()
    ) -> Type:
        """Return the type that ``written`` means in ``entry``; report E0002 and return ERROR if it means none."""
        return bare(self.annotated(written, entry, report, variables))

    def annotated(
        self,
        written: syntax.TypeExpr,
        entry: Entry,
        report: Reporter,
        variables: frozenset[str] = frozenset(),
        before: str | None = None,
    ) -> Type:
        """Return the same with the attributes that are written in the type, or in the aliases that it names.

        ``before`` is the name that is written before the type, of which it is the field's.
        """
        if before is not None and self._is_reversed(written, before, entry, variables):
            named = entry.item.text[written.start : written.end]
            hint = f"a field's name comes before its type: write `{named} {before}`"
            report.error("E0002", written, f"unknown type `{named}`", hint=hint)
            return ERROR

        def go(node: syntax.TypeExpr) -> Type:
            match node:
                case syntax.NamedType():
                    return self._named(node, entry, report, variables)
                case syntax.LiteralTypeExpr():
                    return LiteralType(node.value)
                case syntax.ListTypeExpr():
                    return ListType(go(node.item))
                case syntax.MapTypeExpr():
                    key = go(node.key)
                    self._check_key(bare(key), node, report)
                    return MapType(key, go(node.value))
                case syntax.OptionalTypeExpr():
                    return optional(go(node.item))
                case syntax.UnionTypeExpr():
                    return union([go(member) for member in node.members])
                case syntax.FunctionTypeExpr():
                    parameters = tuple(go(each) for each in node.parameters)
                    throws = go(node.throws) if node.throws else UNSTATED
                    return FunctionType(parameters, go(node.result), throws)
                case syntax.AttributedTypeExpr():
                    return _attributed(go(node.item), attributes(node.attributes, "type", entry, report))

        return go(written)

    def _is_reversed(self, written: syntax.TypeExpr, name: str, entry: Entry, variables: frozenset[str]) -> bool:
        """Whether a field is written as in other languages, its type before its name: ``string name``."""
        return (
            isinstance(written, syntax.NamedType)
            and written.path[:1].islower()
            and written.path not in PRIMITIVES
            and written.path not in variables
            and (name in PRIMITIVES or is_foreign(name))
            and self._lookup(written.path, entry.namespace) is None
        )

    @property
    def aliases(self) -> Mapping[str, Type]:
        """The annotated types of the aliases that are resolved."""
        return self._symbols.annotated_aliases

    def resolve_aliases(self, entries: Iterable[Entry]) -> None:
        """Resolve all aliases of a project into its symbols; report E0068 where one has no end, or too many parts.

        Those that an alias names are resolved before it, so that no chain of them is too long.
        """
        aliases = {entry.name: entry for entry in entries}
        named = {name: dict(self._aliases_in(entry, aliases)) for name, entry in aliases.items()}
        # An alias that comes back to itself is legal only through a list, a map or a function.
        bare_edges = {name: [other for other, guarded in found.items() if not guarded] for name, found in named.items()}
        places = {name: place for place, name in enumerate(aliases)}
        for group in components(bare_edges):
            if len(group) > 1 or group[0] in bare_edges[group[0]]:
                self._symbols.annotated_aliases.update(dict.fromkeys(group, ERROR))
                self._reject(
                    aliases[min(group, key=places.__getitem__)],
                    "names itself",
                    "a recursive alias must pass through a list, a map or a class",
                )
        groups = list(components(named))
        for group in groups:
            if len(group) > 1 or group[0] in named[group[0]]:
                self._recursive.update(name for name in group if name not in self._symbols.annotated_aliases)
        left = _LARGEST_ALIASES
        for group in groups:
            depths = 0
            for name in group:
                if name not in self._symbols.annotated_aliases:
                    left, depth = self._resolve_alias(aliases[name], left)
                    depths += depth
            if depths > _DEEPEST_CIRCLE and group[0] in self._recursive:
                self._reject(
                    aliases[min(group, key=places.__getitem__)],
                    f"comes back to itself through more than {_DEEPEST_CIRCLE} types inside each other",
                    "classes have no such limit",
                )
                self._symbols.annotated_aliases.update(dict.fromkeys(group, ERROR))
                self._recursive.difference_update(group)

    def _aliases_in(self, entry: Entry, aliases: Mapping[str, Entry]) -> Iterator[tuple[str, bool]]:
        """Yield the aliases that an alias names, each with whether it is named only inside lists, maps and functions;
        what is yielded last of an alias counts."""
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Alias)
        found: dict[bool, list[str]] = {True: [], False: []}
        waiting: list[tuple[syntax.TypeExpr, bool]] = [(declaration.type, False)]
        while waiting:
            node, guarded = waiting.pop()
            match node:
                case syntax.NamedType():
                    path = node.path
                    name = self._scope.qualify(path, entry.namespace)
                    if name is None and "." in path:
                        name = self._scope.qualify(path.rpartition(".")[0], entry.namespace)
                    if name is not None and name in aliases:
                        found[guarded].append(name)
                    waiting += [(each, True) for each in node.arguments]
                case syntax.OptionalTypeExpr() | syntax.AttributedTypeExpr():
                    waiting.append((node.item, guarded))
                case syntax.UnionTypeExpr():
                    waiting += [(each, guarded) for each in node.members]
                case syntax.ListTypeExpr():
                    waiting.append((node.item, True))
                case syntax.MapTypeExpr():
                    waiting += [(node.key, True), (node.value, True)]
                case syntax.FunctionTypeExpr():
                    parts = (*node.parameters, node.result, *((node.throws,) if node.throws else ()))
                    waiting += [(each, True) for each in parts]
        for guarded in (True, False):
            yield from ((name, guarded) for name in found[guarded])

    def _resolve_alias(self, entry: Entry, left: int) -> tuple[int, int]:
        """Resolve an alias whose own aliases are; return how many of ``left`` parts the others may still have, and
        how deep its parts lie.

        The first that may have none is reported, and nothing is left for the others: less than none.
        """
        declaration, report = entry.declaration, reporter(entry, self._diagnostics)
        assert isinstance(declaration, syntax.Alias)
        own = attributes(declaration.attributes, "type", entry, report)
        resolved: Type = ERROR
        if left > 0:
            resolved = _attributed(self.annotated(declaration.type, entry, report), own)
        parts, depth = extent(resolved, LARGEST_TYPE)
        if left < 0:
            pass  # it has been said of another
        elif left == 0:
            left = -1
            what = f"puts the types of the aliases so far over {_LARGEST_ALIASES} parts"
            self._reject(entry, what, "what an alias names counts again in each that names it: use classes")
        elif parts > LARGEST_TYPE:
            hint = "an alias that the next one names twice doubles; a class is one part, whatever it holds"
            self._reject(entry, f"names a type of more than {LARGEST_TYPE} parts", hint)
        elif depth > DEEPEST_TYPE:
            self._reject(entry, "names a type that is nested too deeply")
        else:
            self._symbols.annotated_aliases[entry.name] = resolved
            return max(0, left - parts), depth
        self._symbols.annotated_aliases[entry.name] = ERROR
        return left, 0

    def _reject(self, entry: Entry, what: str, hint: str | None = None) -> None:
        declaration = entry.declaration
        report = reporter(entry, self._diagnostics)
        report.error("E0068", name_range(declaration), f"the alias `{declaration.name}` {what}", hint=hint)

    def alias(self, entry: Entry) -> Type:
        """Return the annotated type that a resolved alias names, or its AliasType if it is recursive."""
        name = entry.name
        return AliasType(name) if name in self._recursive else self._symbols.annotated_aliases.get(name, ERROR)

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
        if path == "void":
            return NULL
        if not self._scope.is_unread(path):
            hint = foreign_type(node, entry) or self._hint(path, variables)
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
        if name is None:
            name = _PRELUDE.get(path)
        if name is None:
            owner, _, variant = path.rpartition(".")
            found = self._lookup(owner, namespace) if owner else None
            enum = None if found is None else bare(found)
            if isinstance(enum, EnumType) and self._has_variant(enum.name, variant):
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

    def _has_variant(self, enum: str, variant: str) -> bool:
        entry = self._scope.entry(enum)
        if entry is None or not isinstance(entry.declaration, syntax.Enum):
            return any(each.name == variant for each in self._scope.standard.enums[enum].variants)
        declaration = self._scope.reads.note("definition", (enum,), entry.declaration)
        known = self._variants.get(enum)
        if known is None or known[0] is not declaration:
            known = self._variants[enum] = declaration, frozenset(each.name for each in declaration.variants)
        return variant in known[1]

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


def _attributed(type_: Type, found: tuple[Attribute, ...]) -> Type:
    return AttributedType(type_, found) if found else type_
