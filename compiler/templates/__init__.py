"""Prompts and template strings checked before anything runs.

    parsing.py   Jinja's own parser, with the character at which every node stands; syntax errors
    places.py    characters of the template's text back to the source that it was written in
    values.py    what a template can name: types, and what is no BAML value (``loop``, ``ctx``, macros)
    filters.py   what filters give, and the fields that they name
    shapes.py    what can be read off the tree
    calls.py     whether arguments fit
    names.py     the project's own names
    checker.py   names, fields, filters and calls of one template
    constraints.py  the expressions of ``@assert`` and ``@check``

Rule: what is reported here would fail when the prompt is rendered; what is not known is not checked.  Reported are
E0070 (an unknown variable, field or variant), E0071 (an unknown filter or test), E0072 (arguments that do not fit) and
E0073 (what Jinja cannot read).  Each template is checked alone, and its result kept
(:mod:`bamlvm.compiler.incremental`).

Only a project that has templates imports Jinja.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bamlvm.compiler.incremental import Lookups, Memo
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.reporter import Reporter
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates.names import Names
from bamlvm.compiler.templates.places import Places, text_of
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.types import UNKNOWN, Type


def check_templates(
    index: Index, symbols: Symbols, resolver: TypeResolver, memo: Memo[None], lookups: Lookups, found: list[Diagnostic]
) -> None:
    """Check every prompt and template string of a project; what ``memo`` has kept is not done again."""
    names = Names(index, symbols)
    for name, entry, prompt in _templates(index, symbols):
        source = (prompt, entry.declaration)
        if memo.find(name, source, lookups) is None:
            make = partial(_check, name, entry, prompt, names, resolver, found)
            memo.make(name, source, symbols.reads, found, make)
    memo.turn()


def _templates(index: Index, symbols: Symbols) -> Iterator[tuple[str, Entry, syntax.Prompt]]:
    for name, (entry, function) in symbols.bodies.items():
        if isinstance(function.body, syntax.LlmBody) and function.body.prompt is not None:
            yield name, entry, function.body.prompt
    for entry in index.of(syntax.TemplateString):
        assert isinstance(entry.declaration, syntax.TemplateString)
        yield entry.name, entry, entry.declaration.prompt


def _check(
    name: str, entry: Entry, prompt: syntax.Prompt, names: Names, resolver: TypeResolver, found: list[Diagnostic]
) -> None:
    report = reporter(entry, found)
    parameters = _parameters(name, entry, names.symbols, resolver, report)
    if "{" not in prompt.text:
        return
    from bamlvm.compiler.templates.checker import check  # Jinja takes a while to import

    findings = check(text_of(prompt), parameters, names)
    places = Places(prompt) if findings else None
    for finding in findings:
        assert places is not None
        report.error(finding.code, places.source(finding.start, finding.end), finding.message, hint=finding.hint)


def _parameters(
    name: str, entry: Entry, symbols: Symbols, resolver: TypeResolver, report: Reporter
) -> Mapping[str, Type]:
    """The types of a template's variables; those of template strings are resolved (and reported) here."""
    if not isinstance(entry.declaration, syntax.TemplateString):
        signature = symbols.signature(name)
        return {each.name: each.type for each in signature.parameters} if signature is not None else {}
    seen: dict[str, Type] = {}
    for each in entry.declaration.parameters:
        if each.name in seen:
            report.error("E0012", each, f"the parameter `{each.name}` is there twice")
        seen[each.name] = resolver.resolve(each.type, entry, report) if each.type is not None else UNKNOWN
    return seen
