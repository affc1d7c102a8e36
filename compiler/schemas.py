"""E0107: a result that a client is to ask for by a schema (``output_mode``), whose type the provider has no words for.

Such a call fails before a request is sent, or goes on to the next client of a fallback.  It is a warning: a host may
call the function with another client.

Rule: the schema is written as it is when the program runs (:mod:`bamlvm.vm.program.schemas`), so there is no second
account of what a dialect has.  A fault is reported once, at the type that it is about, whatever the number of functions
that lead there.  Nothing is reported of a program with errors, from which it may follow, and nothing is looked for
where no client has a schema.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bamlvm.compiler.config_blocks import data, reached
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.reporter import Located, name_range
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.source import Span
from bamlvm.vm.program.declarations import ClassInfo, Declared, EnumInfo
from bamlvm.vm.program.llm import OUTPUT_MODES
from bamlvm.vm.program.schemas.dialects import dialect_of
from bamlvm.vm.program.schemas.forms import KEY, form_of
from bamlvm.vm.program.schemas.writer import Place, SchemaWriter
from bamlvm.vm.program.types import Type, bare


class _Fault(NamedTuple):
    """What a dialect cannot express, and where: None for the type itself."""

    message: str
    place: Place | None


class _Asking(NamedTuple):
    """How a client asks, and where it says so: its provider (that of its models' maker), mode and strictness."""

    name: str
    entry: Entry
    where: syntax.ConfigEntry
    provider: str
    mode: str
    strict: bool | None


@dataclass(frozen=True)
class _Declared:
    classes: Mapping[str, ClassInfo]
    enums: Mapping[str, EnumInfo]
    aliases: Mapping[str, Type]


class _FaultFinder(SchemaWriter):
    """A writer whose schema is of no use."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.faults: list[_Fault] = []

    def fault(self, message: str, place: Place | None) -> dict[str, Any]:
        self.faults.append(_Fault(message, place))
        return {}


def check_schemas(index: Index, symbols: Symbols, found: list[Diagnostic]) -> None:
    """Report what of the results of LLM functions their clients' schemas cannot express."""
    asking, strategies = _clients(index)
    if not asking or any(each.severity == "error" for each in found):
        return
    standard = symbols.standard
    aliases = ChainMap(symbols.annotated_aliases, standard.annotated_aliases)
    declared = _Declared(
        ChainMap(symbols.classes, standard.classes),
        ChainMap(symbols.enums, standard.enums),
        {name: bare(type_) for name, type_ in aliases.items()},
    )
    known: dict[tuple[Type, str, str, bool | None], tuple[_Fault, ...]] = {}

    def faults_of(type_: Type, provider: str, mode: str, strict: bool | None) -> tuple[_Fault, ...]:
        key = type_, provider, mode, strict
        if key not in known:
            known[key] = _faults(type_, provider, mode, strict, declared)
        return known[key]

    reported: set[tuple[Span, str]] = set()
    for name, (entry, function) in symbols.bodies.items():
        body = function.body
        if not isinstance(body, syntax.LlmBody) or body.client is None or function.result is None:
            continue
        type_ = symbols.signatures[name].result
        for client in _asked(body.client, asking, strategies):
            for fault in faults_of(type_, client.provider, client.mode, client.strict):
                where, (start, end) = _located(index, fault.place) or (entry, _range(function.result))
                report = reporter(where, found)
                span = report.span(start, end)
                if (span, fault.message) in reported:
                    continue
                reported.add((span, fault.message))
                asks = reporter(client.entry, found).label(*_range(client.where), f"`{client.name}` asks by a schema")
                returns = reporter(entry, found).label(*_range(function.result), f"`{function.name}` returns it")
                labels = [asks] if returns.span == span else [asks, returns]
                others = (
                    each for each in _others(client) if not faults_of(type_, client.provider, each.mode, each.strict)
                )
                report.error(
                    "E0107",
                    (start, end),
                    f"`{client.name}` cannot ask for the result of `{function.name}`: {fault.message}",
                    _hint(client, next(others, None)),
                    labels,
                    "warning",
                )


def _clients(index: Index) -> tuple[dict[str, _Asking], dict[str, list[Any]]]:
    """Return the clients that ask by a schema, and the children of those that are strategies, by name."""
    asking: dict[str, _Asking] = {}
    strategies: dict[str, list[Any]] = {}
    for entry in index.of(syntax.Client):
        assert isinstance(entry.declaration, syntax.Client)
        parts = {part.key: part.value for part in entry.declaration.body.entries}
        block = parts.get("options")
        if not isinstance(block, syntax.ConfigBlock) or "provider" not in parts:
            continue
        provider, options = data(parts["provider"]), {each.key: each for each in block.entries}
        children = data(options["strategy"].value) if "strategy" in options else None
        if isinstance(children, list):
            strategies[entry.name] = children
        if "output_mode" not in options or not isinstance(provider, str):
            continue
        where = options["output_mode"]
        mode = data(where.value)
        strict = data(options["output_strict"].value) if "output_strict" in options else None
        if mode in OUTPUT_MODES and mode != "prompt":
            maker = "anthropic" if "anthropic_version" in options else provider
            strict = strict if isinstance(strict, bool) else None
            asking[entry.name] = _Asking(entry.name, entry, where, maker, mode, strict)
    return asking, strategies


def _asked(name: str, asking: Mapping[str, _Asking], strategies: Mapping[str, list[Any]]) -> Iterator[_Asking]:
    """Yield the clients that ask by a schema: a client itself, or those of its strategy, each once."""
    return (asking[each] for each in reached(name, strategies) if each in asking)


def _faults(type_: Type, provider: str, mode: str, strict: bool | None, declared: Declared) -> tuple[_Fault, ...]:
    form, dialect = form_of(type_, mode, declared), dialect_of(provider, mode, strict)
    if form is None or dialect is None:
        return ()
    found: dict[_Fault, None] = {}
    for shape in form.shapes:
        finder = _FaultFinder(declared, dialect)
        finder.document(shape.type, KEY if shape.wrapped else None)
        found.update(dict.fromkeys(finder.faults))
    return tuple(found)


def _located(index: Index, place: Place | None) -> tuple[Entry, tuple[int, int]] | None:
    """Return the range of the type that is written at a place, with its item; None for the place None, and one that no
    file has."""
    entry = index.entries.get(place.owner) if place is not None else None
    if entry is None or place is None:
        return None
    match entry.declaration:
        case syntax.Alias(type=type_):
            return entry, _range(type_)
        case syntax.Class() as declaration if place.field is None:
            return entry, name_range(declaration)
        case syntax.Class(fields=fields):
            return next(((entry, _range(each.type)) for each in fields if each.name == place.field), None)
        case _:
            return None


def _range(node: Located) -> tuple[int, int]:
    return node.start, node.end


def _others(client: _Asking) -> Iterator[_Asking]:
    """Yield other ways in which a client could ask by a schema."""
    mode = "json_schema" if client.mode == "tool" else "tool"
    for other in (client._replace(strict=False), client._replace(mode=mode)):
        if dialect_of(other.provider, other.mode, other.strict) is not None:
            yield other


def _hint(client: _Asking, other: _Asking | None) -> str:
    prompt = '`output_mode "prompt"`, with `{{ ctx.output_format }}` in the prompt'
    if other is None:
        return f"set {prompt}"
    if other.mode != client.mode:
        return f'set `output_mode "{other.mode}"`, or {prompt}'
    return f"set `output_strict false`, by which nothing is guaranteed, or {prompt}"
