"""``test`` blocks: their properties, arguments and types checked, and the tests as data.

An argument is configuration; :mod:`bamlvm.compiler.misfits` says whether it fits the parameter's type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from bamlvm.compiler.additions import additions
from bamlvm.compiler.attributes import attributes, scalar
from bamlvm.compiler.config_blocks import data, entries, word_range
from bamlvm.compiler.incremental import Lookups, Memo, Reads
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.misfits import misfit_of, takes_null
from bamlvm.compiler.reporter import Located, Reporter, name_range
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.uses import Gap, Kind, Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.declarations import NO_ADDITIONS, Additions, ConfigValue, TestInfo
from bamlvm.vm.program.spelling import Suggestion, did_you_mean
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    MapType,
    Type,
    VariantType,
    members,
)
from bamlvm.vm.program.unit import Unit

TEST_PROPERTIES = ("functions", "args", "type_builder")


TestedFunctions: TypeAlias = tuple[str, ...]
"""The functions that a test calls, as far as they exist."""


def check_tests(
    index: Index, symbols: Symbols, memo: Memo[TestedFunctions], lookups: Lookups, diagnostics: list[Diagnostic]
) -> None:
    """Check the tests that ``memo`` does not have: their properties (E0034, E0035), functions (E0088), arguments and
    the types of a ``type_builder``; and that no function has two tests of one name (E0011)."""
    by_function: dict[tuple[str, str], Entry] = {}
    for entry in index.tests:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Test)
        key, source = f"{entry.item.file} {entry.name}", (declaration,)
        kept = None if declaration.types else memo.find(key, source, lookups)
        if kept is None:
            make = partial(_check, entry, declaration, index, symbols, diagnostics)
            kept = memo.make(key, source, symbols.reads, diagnostics, make)
        for name in kept.result:
            first = by_function.setdefault((name, declaration.name), entry)
            if first is not entry:
                there = reporter(first, diagnostics)
                labels = [there.label(*name_range(first.declaration), "first defined here")]
                message = f"`{name}` has two tests `{declaration.name}`"
                reporter(entry, diagnostics).error("E0011", name_range(declaration), message, labels=labels)
    memo.turn()


def _check(
    entry: Entry, declaration: syntax.Test, index: Index, symbols: Symbols, diagnostics: list[Diagnostic]
) -> TestedFunctions:
    report = reporter(entry, diagnostics)
    parts = entries(declaration.body, TEST_PROPERTIES, "E0034", "a test", report)
    attributes(declaration.body.attributes, "test", entry, report)
    _added(entry, symbols, diagnostics)
    given = parts["args"].value if "args" in parts else None
    if given is not None and not isinstance(given, syntax.ConfigBlock):
        report.error("E0001", given, "`args` is a block: `args { … }`")
    functions = parts.get("functions")
    if functions is None and len(parts) < len(declaration.body.entries):
        return ()  # an unknown property, which was reported, may be a misspelling of it
    if functions is None:
        report.error("E0035", name_range(declaration), f"the test `{declaration.name}` names no `functions`")
        return ()
    named: dict[str, Located] = {}
    for item in _items(functions.value):
        name = item.value if isinstance(item, syntax.ConfigScalar) else None
        if isinstance(name, str) and symbols.reads.note("unread", (name,), name in index.unread):
            continue
        if not isinstance(item, syntax.ConfigScalar) or not isinstance(name, str):
            report.error("E0088", item, "a test lists its functions by name", hint="write `functions [Name]`")
        elif name not in symbols.bodies:
            # A warning: nothing but the test depends on it, and running it reports the same.
            report.warning("E0088", item, f"unknown function `{name}`", hint=did_you_mean(name, symbols.bodies))
        else:
            named[name] = item
            symbols.reads.refer(declaration, *word_range(item), Symbol("item", "", name))
    if given is None or isinstance(given, syntax.ConfigBlock):
        _check_arguments(given, named, symbols, report)
        _refer_arguments(declaration, given, named, symbols)
    return tuple(named)


# --- arguments --------------------------------------------------------------------------------------------------------


def _check_arguments(
    given: syntax.ConfigBlock | None, functions: Mapping[str, Located], symbols: Symbols, report: Reporter
) -> None:
    """Check the arguments of a test's functions: E0005 for unknown and missing ones, E0001 for values.

    These are warnings: nothing but the test depends on them, and running it reports the same.
    """
    signatures = {name: found for name in functions if (found := symbols.signature(name)) is not None}
    written = given.entries if given is not None else ()
    names = {entry.key for entry in written}
    misnamed = set[str]()
    known = {each.name for signature in signatures.values() for each in signature.parameters}
    required = {each.name for signature in signatures.values() for each in signature.parameters if not each.has_default}
    for entry in written:
        if entry.key not in known and signatures:
            what = " and ".join(f"`{name}`" for name in signatures)
            message = f"{what} {'has' if len(signatures) == 1 else 'have'} no parameter `{entry.key}`"
            absent = [each for each in required if each not in names]
            if len(absent) == 1 and len(written) <= len(known):  # the one argument that is left has another name
                misnamed.add(absent[0])
                hint: str | None = Suggestion(f"it has `{absent[0]}`", entry.key, absent[0])
            else:
                hint = did_you_mean(entry.key, known)
            report.warning("E0005", (entry.start, entry.key_end), message, hint=hint)
    for name, signature in signatures.items():
        parameters = {each.name: each for each in signature.parameters}
        for entry in written:
            if entry.key in parameters:
                misfit = misfit_of(entry.value, parameters[entry.key].type, entry.key, symbols)
                if misfit is not None:
                    report.warning("E0001", misfit.value, misfit.message, hint=misfit.hint)
        missing = [
            f"`{each.name}: {each.type}`"
            for each in signature.parameters
            if each.name not in names | misnamed and not each.has_default and not takes_null(each.type, symbols)
        ]
        if missing:
            report.warning("E0005", functions[name], f"`{name}` is called without {', '.join(missing)}")


def _refer_arguments(
    test: syntax.Test, given: syntax.ConfigBlock | None, functions: Mapping[str, Located], symbols: Symbols
) -> None:
    """Note what the names in arguments mean: parameters, the fields of classes, variants."""
    if symbols.reads.uses is None or given is None:
        return

    def value(written: syntax.ConfigValue, type_: Type) -> None:
        for part in members(symbols.expand(type_)):
            match written, part:
                case syntax.ConfigList(), ListType(item):
                    for each in written.items:
                        value(each, item)
                case syntax.ConfigBlock(), MapType(_, item):
                    for entry in written.entries:
                        value(entry.value, item)
                case syntax.ConfigBlock(), ClassType(name) if (info := symbols.class_(name)) is not None:
                    fields = {field.name: field.type for field in info.fields}
                    keyed(written, fields, "member", name)
                case syntax.ConfigScalar(value=str(text)), EnumType(name) | VariantType(name, _):
                    enum = symbols.enum(name)
                    if enum is not None and any(each.name == text for each in enum.variants):
                        symbols.reads.refer(test, *word_range(written), Symbol("member", name, text))
                case _:
                    pass

    def keyed(block: syntax.ConfigBlock, types: Mapping[str, Type], kind: Kind, owner: str) -> None:
        for entry in block.entries:
            if entry.key in types:
                symbols.reads.refer(test, entry.start, entry.key_end, Symbol(kind, owner, entry.key))
                value(entry.value, types[entry.key])

    for name in functions:
        signature = symbols.signature(name)
        if signature is not None:
            keyed(given, {each.name: each.type for each in signature.parameters}, "parameter", name)


# --- type_builder -----------------------------------------------------------------------------------------------------


def _added(entry: Entry, symbols: Symbols, found: list[Diagnostic] | None) -> Additions:
    """Return the types that a test adds.  Without ``found`` nothing is reported and no use recorded: it was before."""
    declaration = entry.declaration
    assert isinstance(declaration, syntax.Test)
    if not declaration.types:
        return NO_ADDITIONS
    standard = symbols.standard
    known = Unit(
        signatures=standard.signatures | symbols.signatures,
        classes=standard.classes | symbols.classes,
        enums=standard.enums | symbols.enums,
        annotated_aliases=standard.annotated_aliases | symbols.annotated_aliases,
    )
    reads = Reads(record_uses=found is not None and symbols.reads.uses is not None)
    added = additions(
        [(each, entry.item) for each in declaration.types], known, [] if found is None else found, reads=reads
    )
    own = {each.name for each in declaration.types if isinstance(each, syntax.Alias) or not each.dynamic}
    for noted in reads.uses or ():  # they are the test's, to which new types are local
        if isinstance(noted, Gap):
            symbols.reads.miss(declaration, noted.start, noted.end, noted.owner, noted.visible)
        elif noted.symbol.name not in own and noted.symbol.owner not in own:
            symbols.reads.refer(declaration, noted.start, noted.end, noted.symbol, noted.value)
    return added


# --- tests as data ----------------------------------------------------------------------------------------------------


def tests(index: Index, symbols: Symbols, line_of: Callable[[syntax.Item], int]) -> tuple[TestInfo, ...]:
    """Return all tests of a project in which :func:`check_tests` found no error; ``line_of`` returns an item's line,
    from 0."""
    found = []
    for entry in index.tests:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Test)
        parts = {each.key: each.value for each in declaration.body.entries}
        given = parts.get("args")
        written = given.entries if isinstance(given, syntax.ConfigBlock) else ()
        functions = [item.value for item in _items(parts["functions"]) if isinstance(item, syntax.ConfigScalar)]
        signatures = [signature for name in reversed(functions) if (signature := symbols.signature(str(name)))]
        types = {each.name: each.type for signature in signatures for each in signature.parameters}
        found.append(
            TestInfo(
                declaration.name,
                tuple(map(str, functions)),
                {
                    each.key: _coerced(_argument(each.value, entry.item.text), types.get(each.key, UNKNOWN), symbols)
                    for each in written
                },
                attributes(declaration.body.attributes, "test", entry, reporter(entry, [])),
                entry.item.file,
                line_of(entry.item),
                _added(entry, symbols, None),
            )
        )
    return tuple(found)


def _coerced(value: ConfigValue, type_: Type, symbols: Symbols) -> ConfigValue:
    """Return a value with the numbers and booleans in it as text where its type takes strings, and no numbers."""
    parts = members(symbols.expand(type_))
    match value:
        case bool():
            return str(value).lower() if STRING in parts and BOOL not in parts else value
        case int() | float():
            return str(value) if STRING in parts and INT not in parts and FLOAT not in parts else value
        case list():
            item = next((part.item for part in parts if isinstance(part, ListType)), UNKNOWN)
            return [_coerced(each, item, symbols) for each in value]
        case dict():
            inside = next((part for part in parts if isinstance(part, MapType | ClassType)), None)
            if isinstance(inside, MapType):
                return {key: _coerced(each, inside.value, symbols) for key, each in value.items()}
            info = symbols.class_(inside.name) if inside is not None else None
            fields = {field.name: field.type for field in info.fields} if info is not None else {}
            return {key: _coerced(each, fields.get(key, UNKNOWN), symbols) for key, each in value.items()}
        case _:
            return value


def _items(value: syntax.ConfigValue) -> tuple[syntax.ConfigValue, ...]:
    return value.items if isinstance(value, syntax.ConfigList) else (value,)


def _argument(value: syntax.ConfigValue, text: str) -> ConfigValue:
    """Return a test's argument as data: like :func:`data`, and raw strings are dedented as prompts are.  The value's
    offsets are those of ``text``."""
    match value:
        case syntax.ConfigList():
            return [_argument(item, text) for item in value.items]
        case syntax.ConfigBlock():
            return {entry.key: _argument(entry.value, text) for entry in value.entries}
        case syntax.ConfigScalar():
            return scalar(value, text)
        case _:
            return data(value)
