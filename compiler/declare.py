"""What a project declares, resolved: classes, enums, aliases and signatures as data, merged over the standard
library's.

:class:`World` is what every later stage asks.  It is made in one pass over the index: types of fields and parameters
become :mod:`bamlvm.vm.types` data; an alias is replaced by what it stands for unless it is recursive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from bamlvm.compiler.hir import ERROR, UNSTATED, throws_of_parameter
from bamlvm.compiler.memo import Lookups, Memo
from bamlvm.compiler.names import Entry, Index, Scope, reporter
from bamlvm.compiler.reads import Reads
from bamlvm.compiler.report import Reporter, did_you_mean, nearest
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.strings import dedent
from bamlvm.vm.program import (
    Attribute,
    ClassInfo,
    EnumInfo,
    FieldInfo,
    Kind,
    Parameter,
    Signature,
    Unit,
    VariantInfo,
)
from bamlvm.vm.types import (
    BOOL,
    FLOAT,
    HANDLE,
    INT,
    NEVER,
    NULL,
    PRIMITIVES,
    STRING,
    AliasType,
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
)

_DEEPEST_ALIAS = 100
"""So many aliases may stand for one another."""
_DEEPEST_TYPE = 256
"""So many levels may a type have whose parts are aliases; as many as may be written in one."""

PANICS = "baml.panics."
"""What the names of the machine's own errors begin with."""

BUILT_IN_SELF: Mapping[str, Type] = {
    "baml.String": STRING,
    "baml.Int": INT,
    "baml.Float": FLOAT,
    "baml.Bool": BOOL,
    "baml.Array": ListType(VariableType("T")),
    "baml.Map": MapType(VariableType("K"), VariableType("V")),
}
"""What ``self`` is in the classes that declare the built-in types' methods."""

_SHARED = {"alias", "description", "assert", "check", "stream.done", "stream.not_null", "stream.with_state", "skip"}
_KNOWN_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "field": frozenset(_SHARED | {"dynamic"}),
    "variant": frozenset({"alias", "description", "skip"}),
    "class": frozenset({"alias", "description", "assert", "check", "dynamic", "stream.done", "stream.not_null"}),
    "enum": frozenset({"alias", "description", "assert", "check", "dynamic", "skip", "stream.done"}),
    "type": frozenset(_SHARED),
    "test": frozenset({"assert", "check"}),
}


@dataclass
class World:
    """Everything declared, by qualified name.  ``contracts`` holds the throws that functions declare (absent where they
    are inferred), ``contract_parts`` the same as written; ``bodies`` the entries and trees of the functions that have
    one."""

    standard: Unit
    reads: Reads = field(default_factory=Reads)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    enums: dict[str, EnumInfo] = field(default_factory=dict)
    aliases: dict[str, Type] = field(default_factory=dict)
    annotated_aliases: dict[str, Type] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    contracts: dict[str, Type] = field(default_factory=dict)
    contract_parts: dict[str, tuple[Type, ...]] = field(default_factory=dict)
    bodies: dict[str, tuple[Entry, syntax.Function]] = field(default_factory=dict)

    def class_(self, name: str) -> ClassInfo | None:
        return self.reads.note("class", (name,), self.classes.get(name) or self.standard.classes.get(name))

    def enum(self, name: str) -> EnumInfo | None:
        return self.reads.note("enum", (name,), self.enums.get(name) or self.standard.enums.get(name))

    def signature(self, name: str) -> Signature | None:
        return self.reads.note("signature", (name,), self.signatures.get(name) or self.standard.signatures.get(name))

    def recursive_alias(self, name: str) -> Type:
        """What a recursive alias stands for."""
        found = self.aliases.get(name) or self.standard.aliases.get(name) or ERROR
        return self.reads.note("recursive_alias", (name,), found)

    @cached_property
    def panics(self) -> tuple[Type, ...]:
        """The classes of the machine's own errors."""
        known = (*self.classes, *self.standard.classes)
        return tuple(ClassType(name) for name in known if name.startswith(PANICS))

    def method(self, class_name: str, name: str) -> Signature | None:
        return self.signature(f"{class_name}.{name}")

    def methods(self, class_name: str) -> list[str]:
        """The names of a class's methods."""
        prefix = f"{class_name}."
        known = [*self.signatures, *self.standard.signatures]
        return [name.removeprefix(prefix) for name in known if name.startswith(prefix)]

    def expand(self, type_: Type) -> Type:
        """A recursive alias replaced, once, by what it stands for; alternatives of unions too."""
        if type(type_) is AliasType:
            return self.expand(self.recursive_alias(type_.name))
        if type(type_) is UnionType and any(type(member) is AliasType for member in type_.members):
            return union(self.expand(member) for member in type_.members)
        return type_


class TypeResolver:
    """Turns written types into types; aliases on demand, each once."""

    def __init__(self, scope: Scope, world: World, diagnostics: list[Diagnostic]) -> None:
        self._scope = scope
        self._world = world
        self._diagnostics = diagnostics
        self._aliases: dict[str, Type] = {}
        self._open: dict[str, int] = {}
        self._recursive: set[str] = set()
        self._guards = 0

    def resolve(
        self, written: syntax.TypeExpr, entry: Entry, report: Reporter, variables: frozenset[str] = frozenset()
    ) -> Type:
        """The type that ``written`` means in ``entry``; reports E0002 and gives ERROR where it means none."""
        return bare(self.annotated(written, entry, report, variables))

    def annotated(
        self, written: syntax.TypeExpr, entry: Entry, report: Reporter, variables: frozenset[str] = frozenset()
    ) -> Type:
        """The same with the attributes that are written in the type, or in the aliases that it names."""

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
        """What an alias stands for: its annotated type, or AliasType where it is recursive; reports E0068."""
        name = entry.name
        if name in self._aliases:
            return AliasType(name) if name in self._recursive else self._aliases[name]
        report = reporter(entry, self._diagnostics)
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Alias)
        if name in self._open:
            if self._guards == self._open[name]:
                report.error(
                    "E0068",
                    (declaration.name_start, declaration.name_start + len(declaration.name)),
                    f"the alias `{declaration.name}` stands for itself",
                    hint="a recursive alias must pass through a list, a map or a class",
                )
                return ERROR
            opened = list(self._open)
            self._recursive.update(opened[opened.index(name) :])  # all on the way back lead back to themselves
            return AliasType(name)
        self._open[name] = self._guards
        own = attributes(declaration.attributes, "type", entry, report)
        resolved: Type = ERROR
        if len(self._open) <= _DEEPEST_ALIAS:
            resolved = _attributed(self.annotated(declaration.type, entry, report), own)
        if len(self._open) > _DEEPEST_ALIAS or _depth(resolved) > _DEEPEST_TYPE:
            where = (declaration.name_start, declaration.name_start + len(declaration.name))
            report.error("E0068", where, f"the alias `{declaration.name}` stands for a type that is nested too deeply")
            resolved = ERROR
        del self._open[name]
        self._aliases[name] = resolved
        self._world.annotated_aliases[name] = resolved
        if name in self._recursive:
            self._world.aliases[name] = bare(resolved)
            return AliasType(name)
        return resolved

    def _guarded(self, go: object, node: syntax.TypeExpr) -> Type:
        self._guards += 1
        try:
            return go(node)  # type: ignore[operator,no-any-return]  # the closure above
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
        if found is not None:
            if node.arguments and not entry.namespace:
                report.error("E0010", node, f"`{path}` takes no types: generics are not part of this dialect")
            return found
        report.error("E0002", node, f"unknown type `{path}`", hint=self._hint(path, variables))
        return ERROR

    def _hint(self, path: str, variables: frozenset[str]) -> str | None:
        """What may have been meant by a name that is no type."""
        if path == "bigint":
            return "it is not part of this dialect: an `int` has 64 bits, and what does not fit is an error"
        owner, _, last = path.rpartition(".")
        if self._scope.is_namespace(owner):
            near = nearest(last, self._scope.under(owner))
            return f"did you mean `{owner}.{near}`?" if near else None
        known = [*PRIMITIVES, *(e.name for e in self._scope.project.of(syntax.Class, syntax.Enum, syntax.Alias))]
        return did_you_mean(owner or path, [*known, *variables])

    def _lookup(self, path: str, namespace: str) -> Type | None:
        name = self._scope.qualify(path, namespace)
        if name is None:
            owner, _, variant = path.rpartition(".")
            found = self._lookup(owner, namespace) if owner else None
            enum = None if found is None else bare(found)
            if isinstance(enum, EnumType) and variant in self._variants(enum.name):
                return VariantType(enum.name, variant)
            return None
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


def scalar(value: syntax.ConfigScalar, text: str) -> str | int | float | bool | None:
    """A scalar's value; a raw string of several lines is dedented as prompts are.  ``text`` is its item's."""
    if value.quoted and isinstance(value.value, str) and "\n" in value.value and text[value.start] == "#":
        return dedent(value.value)
    return value.value


def attributes(
    written: tuple[syntax.Attribute, ...], place: str, entry: Entry, report: Reporter
) -> tuple[Attribute, ...]:
    """Attributes as data; reports E0015 for unknown ones, E0016 for those that do not
    belong to ``place``, E0072 for constraints without an expression."""
    known = _KNOWN_ATTRIBUTES[place]
    anywhere = frozenset().union(*_KNOWN_ATTRIBUTES.values())
    result = []
    for each in written:
        if each.name not in anywhere:
            report.error("E0015", each, f"unknown attribute `{each.name}`", hint=did_you_mean(each.name, anywhere))
            continue
        if each.name not in known:
            homes = [home for home, names in _KNOWN_ATTRIBUTES.items() if each.name in names]
            here = "an enum" if place == "enum" else f"a {place}"
            hint = f"it is for: {', '.join(homes)}"
            report.error("E0016", each, f"`{each.name}` does not belong on {here}", hint=hint)
            continue
        expression = next((a.text for a in each.arguments if isinstance(a, syntax.ConfigExpression)), None)
        if each.name in ("assert", "check") and expression is None:
            sign = "@@" if each.block else "@"
            hint = f"such as `{sign}{each.name}(positive, {{{{ this > 0 }}}})`"
            report.error("E0072", each, f"`{sign}{each.name}` has no expression", hint=hint)
            continue
        scalars = (scalar(a, entry.item.text) for a in each.arguments if isinstance(a, syntax.ConfigScalar))
        result.append(Attribute(each.name, tuple(value for value in scalars if value is not None), expression))
    return tuple(result)


class _Face(NamedTuple):
    """What a function shows to its callers; ``contract`` and ``parts`` are the throws that it declares, if it does."""

    signature: Signature
    contract: Type | None
    parts: tuple[Type, ...]


class Kept(NamedTuple):
    """What is kept of declarations from one compilation to the next."""

    classes: Memo[ClassInfo]
    faces: Memo[_Face]

    @classmethod
    def empty(cls) -> Kept:
        return cls(Memo(), Memo())


class _Declaring(NamedTuple):
    """What everything here needs."""

    world: World
    resolver: TypeResolver
    kept: Kept
    lookups: Lookups
    diagnostics: list[Diagnostic]


def declare(
    index: Index, world: World, resolver: TypeResolver, kept: Kept, lookups: Lookups, diagnostics: list[Diagnostic]
) -> None:
    """Resolve everything that ``index`` declares into ``world``; reports what is unknown or circular."""
    declaring = _Declaring(world, resolver, kept, lookups, diagnostics)
    aliases = tuple(index.of(syntax.Alias))
    for entry in aliases:
        resolver.alias(entry)
    world.aliases = {entry.name: world.aliases[entry.name] for entry in aliases if entry.name in world.aliases}
    for entry in index.of(syntax.Enum):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Enum)
        report = reporter(entry, diagnostics)
        variants = tuple(
            VariantInfo(v.name, attributes(v.attributes, "variant", entry, report), v.doc) for v in declaration.variants
        )
        own = attributes(declaration.attributes, "enum", entry, report)
        world.enums[entry.name] = EnumInfo(entry.name, variants, own, declaration.doc)
    for entry in index.of(syntax.Class):
        _declare_class(declaring, entry)
    for entry in index.of(syntax.Function):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Function)
        _declare_function(declaring, entry, declaration, entry.name, None)
    kept.classes.turn()
    kept.faces.turn()
    _check_class_cycles(world, index, diagnostics)


def _declare_class(d: _Declaring, entry: Entry) -> None:
    declaration = entry.declaration
    assert isinstance(declaration, syntax.Class)
    kept = d.kept.classes.find(entry.name, (declaration,), d.lookups)
    if kept is None:
        make = partial(_class_info, d.resolver, declaration, entry, reporter(entry, d.diagnostics))
        kept = d.kept.classes.make(entry.name, (declaration,), d.world.reads, d.diagnostics, make)
    d.world.classes[entry.name] = kept.result
    self_type = BUILT_IN_SELF.get(entry.name, ClassType(entry.name))
    for method in declaration.methods:
        name = f"{entry.name}.{method.name}"
        _declare_function(d, entry, method, name, self_type, frozenset(declaration.type_parameters))


def _class_info(resolver: TypeResolver, declaration: syntax.Class, entry: Entry, report: Reporter) -> ClassInfo:
    _refuse_generics(declaration, entry, report)
    variables = frozenset(declaration.type_parameters)
    fields = []
    for f in [*{f.name: f for f in reversed(declaration.fields)}.values()][::-1]:
        annotated = resolver.annotated(f.type, entry, report, variables)
        type_ = bare(annotated)
        marks = attributes(f.attributes, "field", entry, report)
        fields.append(FieldInfo(f.name, type_, marks, f.doc, None if annotated is type_ else annotated))
    own = attributes(declaration.attributes, "class", entry, report)
    return ClassInfo(entry.name, tuple(fields), own, declaration.doc)


def _declare_function(
    d: _Declaring,
    entry: Entry,
    function: syntax.Function,
    name: str,
    self_type: Type | None,
    variables: frozenset[str] = frozenset(),
) -> None:
    world = d.world
    kept = d.kept.faces.find(name, (function,), d.lookups)
    if kept is None:
        report = reporter(entry, d.diagnostics)
        make = partial(_face, d.resolver, entry, function, name, self_type, report, variables)
        kept = d.kept.faces.make(name, (function,), world.reads, d.diagnostics, make)
    face = kept.result
    world.signatures[name] = face.signature
    if face.contract is not None:
        world.contracts[name] = face.contract
        world.contract_parts[name] = face.parts
    if not isinstance(function.body, syntax.NativeBody):
        world.bodies[name] = (entry, function)


def _face(
    resolver: TypeResolver,
    entry: Entry,
    function: syntax.Function,
    name: str,
    self_type: Type | None,
    report: Reporter,
    variables: frozenset[str],
) -> _Face:
    _refuse_generics(function, entry, report)
    variables |= frozenset(function.type_parameters)
    parameters = []
    seen: dict[str, syntax.Parameter] = {}
    for place, each in enumerate(function.parameters):
        if each.type is None:
            if each.name == "self" and self_type is not None and place == 0:
                parameters.append(Parameter("self", self_type))
                continue
            report.error("E0002", each, f"the parameter `{each.name}` has no type", hint=f"write `{each.name}: string`")
        if each.name in seen:
            first = report.label(seen[each.name].start, seen[each.name].end, "first here")
            report.error("E0012", each, f"the parameter `{each.name}` is there twice", labels=[first])
        seen.setdefault(each.name, each)
        type_ = resolver.resolve(each.type, entry, report, variables) if each.type else ERROR
        if each.default is None:
            type_ = _told_by_argument(type_, each.name)
        parameters.append(Parameter(each.name, type_, each.default is not None))
    annotated = resolver.annotated(function.result, entry, report, variables) if function.result else NULL
    result = bare(annotated)
    contract: Type | None = None
    parts: tuple[Type, ...] = ()
    if function.throws is not None:
        written = function.throws.members if isinstance(function.throws, syntax.UnionTypeExpr) else (function.throws,)
        parts = tuple(resolver.resolve(part, entry, report, variables) for part in written)
        contract = union(parts)
    kind: Kind = "function"
    if isinstance(function.body, syntax.NativeBody):
        kind = function.body.kind
        contract = contract if contract is not None else NEVER
    elif isinstance(function.body, syntax.LlmBody):
        kind = "llm"
    throws = contract if contract is not None else NEVER
    kinds = tuple(sorted(variables))
    signature = Signature(
        name,
        kind,
        tuple(parameters),
        result,
        throws,
        kinds,
        function.doc,
        None if annotated is result else annotated,
    )
    return _Face(signature, contract, parts)


def _told_by_argument(type_: Type, name: str) -> Type:
    """A parameter's type: what calling a function throws that is its argument, each call knows."""
    match type_:
        case FunctionType(parameters, result, throws) if throws == UNSTATED:
            return FunctionType(parameters, result, throws_of_parameter(name))
        case UnionType(parts):
            return union(_told_by_argument(part, name) for part in parts)
        case _:
            return type_


def _refuse_generics(declaration: syntax.Class | syntax.Function, entry: Entry, report: Reporter) -> None:
    if declaration.type_parameters and not entry.namespace:
        report.error(
            "E0010",
            (declaration.name_start, declaration.name_start + len(declaration.name)),
            f"`{declaration.name}` has type parameters: generics are not part of this dialect",
            hint="write the types out, or use a union",
        )


def _check_class_cycles(world: World, index: Index, diagnostics: list[Diagnostic]) -> None:
    """E0069: a class that needs a value of itself to be made."""
    required = {
        name: [f.type.name for f in info.fields if isinstance(f.type, ClassType)]
        for name, info in world.classes.items()
    }
    done: set[str] = set()
    for start in required:
        path: list[str] = []
        stack = [(start, iter(required[start]))] if start not in done else []
        while stack:
            name, rest = stack[-1]
            if not path or path[-1] != name:
                path.append(name)
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(name)
            elif following in path:
                _report_cycle(index.entries[following], [*path[path.index(following) :], following], diagnostics)
                done.add(following)
            elif following in required and following not in done:
                stack.append((following, iter(required[following])))


def _report_cycle(entry: Entry, cycle: list[str], diagnostics: list[Diagnostic]) -> None:
    declaration = entry.declaration
    reporter(entry, diagnostics).error(
        "E0069",
        (declaration.name_start, declaration.name_start + len(declaration.name)),
        f"no value of `{declaration.name}` can be made: {' → '.join(cycle)}",
        hint="make one of the fields optional (`?`) or a list",
    )
