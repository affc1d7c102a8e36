"""Configuration: retry policies, LLM functions, templates and generators, checked and as data."""

from __future__ import annotations

import re
from math import isfinite
from sys import float_info
from typing import NamedTuple

from bamlvm.compiler.clients import check_shorthand, clients, shorthand_of
from bamlvm.compiler.config_blocks import HIGHEST, LOWEST, data, entries, is_count
from bamlvm.compiler.index import Index, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.declarations import ConfigValue, GeneratorInfo
from bamlvm.vm.program.llm import (
    PARSE_FAILURES,
    ClientInfo,
    LlmFunctionInfo,
    RetryPolicyInfo,
    TemplateInfo,
)
from bamlvm.vm.program.spelling import Suggestion, did_you_mean

POLICY_PROPERTIES = ("max_retries", "strategy", "options", "jitter", "parse_failure")
GENERATOR_PROPERTIES = (
    "output_type",
    "output_dir",
    "version",
    "default_client_mode",
    "on_generate",
    "client_package_name",
    "module_format",
    "project",
)
OUTPUT_TYPES = (
    "python",
    "python/msgspec",
    "python/pydantic",
    "python/pydantic/v1",
    "typescript",
    "typescript/react",
    "ruby/sorbet",
    "openapi",
    "rest/openapi",
    "go",
    "rust",
)
"""The official ones and ours; which of them can be written: :mod:`bamlvm.tools.generate.targets`."""
_MAY_BE_TOO_LARGE = re.compile(r"[0-9]{19}|[eE]\+?[0-9]{3}")
"""What the text of a number has that does not fit into 64 bits."""
DELAYS = ("constant_delay", "exponential_backoff")


class Configuration(NamedTuple):
    """The configuration of a project."""

    llm_functions: dict[str, LlmFunctionInfo]
    clients: dict[str, ClientInfo]
    retry_policies: dict[str, RetryPolicyInfo]
    templates: dict[str, TemplateInfo]


def configuration(index: Index, symbols: Symbols, diagnostics: list[Diagnostic]) -> Configuration:
    """Check all configuration, generators included, and return it as data."""
    check_generators(index, diagnostics)
    check_numbers(index, diagnostics)
    return Configuration(
        llm_functions(symbols, index, diagnostics),
        clients(index, symbols.reads, diagnostics),
        retry_policies(index, diagnostics),
        templates(index),
    )


def check_numbers(index: Index, diagnostics: list[Diagnostic]) -> None:
    """Report numbers in clients, retry policies, generators and tests that are no int or float of this language."""
    for entry in (*index.of(syntax.Client, syntax.RetryPolicy), *index.generators, *index.tests):
        if _MAY_BE_TOO_LARGE.search(entry.item.text) is None:
            continue
        report = reporter(entry, diagnostics)
        for node in syntax.walk(entry.declaration):
            if not isinstance(node, syntax.ConfigScalar) or isinstance(node.value, bool | str | None):
                continue
            if isinstance(node.value, float):
                if not isfinite(node.value):
                    report.error("E0001", node, "this float is too large", hint=f"the largest is {float_info.max}")
            elif not LOWEST <= node.value <= HIGHEST:
                bound = f"the largest is {HIGHEST}" if node.value > 0 else f"the smallest is {LOWEST}"
                report.error("E0001", node, "this integer does not fit into 64 bits", hint=bound)


def retry_policies(index: Index, diagnostics: list[Diagnostic]) -> dict[str, RetryPolicyInfo]:
    """Return all retry policies, with the defaults of their strategies."""
    found: dict[str, RetryPolicyInfo] = {}
    for entry in index.of(syntax.RetryPolicy):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.RetryPolicy)
        report = reporter(entry, diagnostics)
        parts = entries(declaration.body, POLICY_PROPERTIES, "E0027", "a retry policy", report, "error")
        settings: dict[str, ConfigValue] = {}
        if "strategy" in parts and isinstance(block := parts["strategy"].value, syntax.ConfigBlock):
            known = ("type", "delay_ms", "multiplier", "max_delay_ms", "jitter")
            given = entries(block, known, "E0027", "a strategy", report)
            settings = {key: data(each.value) for key, each in given.items()}
        elif "strategy" in parts:
            hint = "write `strategy { type exponential_backoff }`, or `constant_delay`"
            report.error("E0092", parts["strategy"].value, "the strategy of a retry policy is a block", hint=hint)
        written = parts.get("max_retries")
        retries = data(written.value) if written is not None else None
        if retries is None or not is_count(retries):
            if isinstance(retries, int) and retries > HIGHEST:
                continue  # reported
            if written is None and len(parts) < len(declaration.body.entries):
                continue  # an unknown property, which was reported, may be a misspelling of it
            where = written.value if written is not None else name_range(declaration)
            hint = "such as `max_retries 3`"
            report.error("E0001", where, f"`{declaration.name}` needs a `max_retries`, a number from 0", hint=hint)
            continue
        kind = settings.pop("type", "constant_delay")
        if kind not in DELAYS:
            hint = did_you_mean(str(kind), DELAYS) or "use `constant_delay` or `exponential_backoff`"
            report.error("E0092", parts["strategy"], f"unknown strategy `{kind}`", hint=hint)
            continue
        if not _check_numbers(settings, parts.get("strategy", declaration), report):
            continue
        on_parse_failure = parts.get("parse_failure")
        reaction = None if on_parse_failure is None else data(on_parse_failure.value)
        if reaction is not None and reaction not in PARSE_FAILURES:
            near = did_you_mean(str(reaction), PARSE_FAILURES)
            choices = ", ".join(f"`{each}`" for each in PARSE_FAILURES)
            report.error("E0001", parts["parse_failure"].value, f"`parse_failure` is one of {choices}", hint=near)
            continue
        found[entry.name] = RetryPolicyInfo(entry.name, retries, kind, **settings, parse_failure=reaction)
    return found


def _check_numbers(settings: dict[str, ConfigValue], where: syntax.Node, report: Reporter) -> bool:
    for key, value in settings.items():
        if key == "multiplier":
            fits = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            settings[key] = float(value) if fits else value
        else:
            if isinstance(value, int) and value > HIGHEST:
                return False  # reported
            fits = isinstance(value, bool) if key == "jitter" else is_count(value)
        if not fits:
            report.error("E0001", where, f"`{key}` cannot be `{value}`")
            return False
    return True


def llm_functions(symbols: Symbols, index: Index, diagnostics: list[Diagnostic]) -> dict[str, LlmFunctionInfo]:
    """Return all LLM functions; report a missing client or prompt, and an unknown client."""
    names = {entry.name for entry in index.of(syntax.Client)}
    found: dict[str, LlmFunctionInfo] = {}
    for name, (entry, function) in symbols.bodies.items():
        body = function.body
        if not isinstance(body, syntax.LlmBody):
            continue
        report = reporter(entry, diagnostics)
        at = name_range(function)
        if body.client is None:
            report.error(
                "E0026",
                at,
                f"`{function.name}` has no client",
                hint='add one: `client GPT4` or `client "openai/gpt-4o"`',
            )
        elif "/" in body.client:
            check_shorthand(body.client, (body.client_start, body.client_start + len(body.client)), report)
        elif body.client not in names and body.client not in index.unread:
            quotes = 2 if entry.item.text[body.client_start] in "\"'" else 0
            where = (body.client_start, body.client_start + len(body.client) + quotes)
            hint = did_you_mean(body.client, names) or shorthand_of(body.client)
            report.error("E0003", where, f"unknown client `{body.client}`", hint=hint)
        else:
            end = body.client_start + len(body.client)
            symbols.reads.refer(entry.declaration, body.client_start, end, Symbol("item", "", body.client))
        if body.prompt is None:
            report.error("E0010", at, f"`{function.name}` has no prompt", hint='add one: `prompt #"…"#`')
        if body.client is not None and body.prompt is not None:
            found[name] = LlmFunctionInfo(name, body.client, body.prompt.text)
    return found


def templates(index: Index) -> dict[str, TemplateInfo]:
    """Return all template strings."""
    found: dict[str, TemplateInfo] = {}
    for entry in index.of(syntax.TemplateString):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.TemplateString)
        parameters = tuple(each.name for each in declaration.parameters)
        found[entry.name] = TemplateInfo(entry.name, parameters, declaration.prompt.text)
    return found


def check_generators(index: Index, diagnostics: list[Diagnostic]) -> None:
    """Warn of unknown keys of generators (E0027), and of clients that nothing generates (E0022)."""
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        report = reporter(entry, diagnostics)
        parts = entries(declaration.body, GENERATOR_PROPERTIES, "E0027", "a generator", report)
        output = parts["output_type"].value if "output_type" in parts else None
        if isinstance(output, syntax.ConfigScalar) and output.value not in OUTPUT_TYPES:
            known = ", ".join(f"`{each}`" for each in OUTPUT_TYPES)
            longer = [each for each in OUTPUT_TYPES if str(output.value) in each.split("/")]
            hint = did_you_mean(str(output.value), OUTPUT_TYPES)
            if hint is None and longer:
                hint = Suggestion(f"did you mean `{longer[0]}`?", str(output.value), longer[0])
            hint = hint or f"there are {known}"
            report.warning("E0022", output, f"unknown output type `{output.value}`", hint=hint)


def generators(index: Index) -> tuple[GeneratorInfo, ...]:
    """Return all generators of a project in which :func:`check_generators` found no error."""
    found = []
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        properties = {each.key: data(each.value) for each in declaration.body.entries}
        found.append(GeneratorInfo(declaration.name, properties, entry.item.file))
    return tuple(found)
