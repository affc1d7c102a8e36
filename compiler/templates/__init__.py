"""Prompts and template strings checked before anything runs.

    parsing.py      Jinja's own parser, with the offset of every node; syntax errors
    places.py       offsets in the template's text mapped back to the source
    values.py       the values of a template: types, and what is not a BAML value (``loop``, ``ctx``, macros)
    filters.py      the results of filters, and the fields that they name
    shapes.py       paths, constants, macros and assigned names of a template's tree
    calls.py        the arguments of calls
    meanings.py     what the names mean, for editors
    roles.py        the roles that the clients of a project allow
    formats.py      whether a prompt says what the answer is to look like
    checker.py      names, fields, filters and calls of one template
    constraints.py  the expressions of ``@assert`` and ``@check``

Rule: what is reported as an error would fail when the prompt is rendered; a value of unknown type is not checked.
Reported are E0070 (an unknown variable, field or variant), E0071 (an unknown filter or test), E0072 (arguments that do
not fit) and E0073 (invalid Jinja), and the lints E0104 and E0105.  Each template is checked alone, and its result kept
(:mod:`bamlvm.compiler.incremental`).

Jinja is imported only for a project with templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bamlvm.compiler.incremental import Lookups, Memo
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.reporter import Reporter
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates.formats import check_formats
from bamlvm.compiler.templates.places import Places, text_of
from bamlvm.compiler.templates.roles import AllowedRoles, Roles
from bamlvm.compiler.templates.values import Names
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.types import UNKNOWN, Type


def check_templates(
    index: Index, symbols: Symbols, resolver: TypeResolver, memo: Memo[None], lookups: Lookups, found: list[Diagnostic]
) -> None:
    """Check every prompt and template string of a project that ``memo`` does not have."""
    names = Names(index, symbols)
    for name, entry, prompt, roles in _templates(index, symbols):
        source = (prompt, entry.declaration, roles)
        if memo.find(name, source, lookups) is None:
            make = partial(_check, name, entry, prompt, roles, names, resolver, found)
            memo.make(name, source, symbols.reads, found, make)
    memo.turn()
    check_formats(index, symbols, found)


def _templates(index: Index, symbols: Symbols) -> Iterator[tuple[str, Entry, syntax.Prompt, Roles | None]]:
    """Yield every prompt and template string, with the roles that its client allows."""
    roles = AllowedRoles(index)
    for name, (entry, function) in symbols.bodies.items():
        if isinstance(function.body, syntax.LlmBody) and function.body.prompt is not None:
            yield name, entry, function.body.prompt, roles.of(function.body.client)
    for entry in index.of(syntax.TemplateString):
        assert isinstance(entry.declaration, syntax.TemplateString)
        yield entry.name, entry, entry.declaration.prompt, roles.of_any()


def _check(
    name: str,
    entry: Entry,
    prompt: syntax.Prompt,
    roles: Roles | None,
    names: Names,
    resolver: TypeResolver,
    found: list[Diagnostic],
) -> None:
    report = reporter(entry, found)
    parameters = _parameters(name, entry, names.symbols, resolver, report)
    if "{" not in prompt.text:
        return
    from bamlvm.compiler.templates.checker import check  # importing Jinja is slow
    from bamlvm.compiler.templates.meanings import Meanings

    reads, places = names.symbols.reads, Places(prompt) if names.symbols.reads.uses is not None else None
    meanings = Meanings(entry.declaration, name, parameters, reads, places.source) if places is not None else None
    findings = check(text_of(prompt), parameters, names, roles, meanings)
    places = Places(prompt) if findings and places is None else places
    for finding in findings:
        assert places is not None
        report.error(
            finding.code,
            places.source(finding.start, finding.end),
            finding.message,
            hint=finding.hint,
            severity=finding.severity,
        )


def _parameters(
    name: str, entry: Entry, symbols: Symbols, resolver: TypeResolver, report: Reporter
) -> Mapping[str, Type]:
    """Return the types of a template's variables; those of template strings are resolved (and reported) here."""
    if not isinstance(entry.declaration, syntax.TemplateString):
        signature = symbols.signature(name)
        return {each.name: each.type for each in signature.parameters} if signature is not None else {}
    seen: dict[str, Type] = {}
    for each in entry.declaration.parameters:
        if each.name in seen:
            report.error("E0012", each, f"the parameter `{each.name}` is there twice")
        seen[each.name] = resolver.resolve(each.type, entry, report) if each.type is not None else UNKNOWN
    return seen
