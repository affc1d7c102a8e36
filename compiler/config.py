"""Clients, retry policies, templates, tests and generators: configuration checked and made data.

Options stay open: a provider's own go through as they are written (``env.X`` as a reference); what the language itself
gives meaning to is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from bamlvm.compiler.declare import World, attributes, scalar
from bamlvm.compiler.names import Entry, Index, reporter
from bamlvm.compiler.report import Reporter, did_you_mean
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program import (
    ClientInfo,
    ConfigValue,
    GeneratorInfo,
    LlmFunctionInfo,
    RetryPolicyInfo,
    TemplateInfo,
    TestInfo,
    environment_reference,
)

STRATEGIES = frozenset({"fallback", "round-robin", "baml-fallback", "baml-round-robin"})
"""Providers that are strategies over other clients."""

_CLIENT_PROPERTIES = ("provider", "retry_policy", "options")
_POLICY_PROPERTIES = ("max_retries", "strategy", "options", "jitter")
_TEST_PROPERTIES = ("functions", "args", "type_builder")
_GENERATOR_PROPERTIES = (
    "output_type",
    "output_dir",
    "version",
    "default_client_mode",
    "on_generate",
    "client_package_name",
    "module_format",
    "project",
)
_DELAYS = ("constant_delay", "exponential_backoff")


def data(value: syntax.ConfigValue) -> ConfigValue:
    """A written value as plain data."""
    match value:
        case syntax.ConfigScalar():
            return value.value
        case syntax.ConfigEnv():
            return environment_reference(value.name)
        case syntax.ConfigExpression():
            return value.text
        case syntax.ConfigList():
            return [data(item) for item in value.items]
        case syntax.ConfigBlock():
            return {entry.key: data(entry.value) for entry in value.entries}


def _entries(
    body: syntax.ConfigBlock, known: Iterable[str], code: str, what: str, report: Reporter
) -> dict[str, syntax.ConfigEntry]:
    """A block's entries by key; reports the unknown (``code``) and the repeated (E0012)."""
    names = tuple(known)
    found: dict[str, syntax.ConfigEntry] = {}
    for entry in body.entries:
        if entry.key not in names:
            hint = did_you_mean(entry.key, names) or f"{what} has {', '.join(f'`{name}`' for name in names)}"
            report.error(code, (entry.start, entry.key_end), f"{what} has no `{entry.key}`", hint=hint)
        elif entry.key in found:
            first = found[entry.key]
            labels = [report.label(first.start, first.key_end, "first given here")]
            report.error("E0012", (entry.start, entry.key_end), f"`{entry.key}` is given twice", labels=labels)
        else:
            found[entry.key] = entry
    return found


def _name(declaration: syntax.Declaration) -> tuple[int, int]:
    return declaration.name_start, declaration.name_start + len(declaration.name)


def _word(entry: syntax.ConfigEntry, report: Reporter, code: str = "E0001") -> str | None:
    """The string or word of an entry."""
    if isinstance(entry.value, syntax.ConfigScalar) and isinstance(entry.value.value, str):
        return entry.value.value
    report.error(code, entry.value, f"`{entry.key}` is a name or a string")
    return None


class Configuration(NamedTuple):
    """Everything of a project that is configuration, checked."""

    llm_functions: dict[str, LlmFunctionInfo]
    clients: dict[str, ClientInfo]
    retry_policies: dict[str, RetryPolicyInfo]
    templates: dict[str, TemplateInfo]


def configuration(index: Index, world: World, diagnostics: list[Diagnostic]) -> Configuration:
    """Check all configuration, tests and generators included."""
    check_tests(index, world, diagnostics)
    check_generators(index, diagnostics)
    return Configuration(
        llm_functions(world, index, diagnostics),
        clients(index, diagnostics),
        retry_policies(index, diagnostics),
        templates(index),
    )


def clients(index: Index, diagnostics: list[Diagnostic]) -> dict[str, ClientInfo]:
    """All clients; reports E0026, E0027, E0090, E0091 and E0092."""
    policies = {entry.name for entry in index.of(syntax.RetryPolicy)}
    names = {entry.name for entry in index.of(syntax.Client)}
    found: dict[str, ClientInfo] = {}
    for entry in index.of(syntax.Client):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Client)
        report = reporter(entry, diagnostics)
        parts = _entries(declaration.body, _CLIENT_PROPERTIES, "E0027", "a client", report)
        if "provider" not in parts:
            hint = "add one, such as `provider openai`"
            report.error("E0026", _name(declaration), f"the client `{declaration.name}` has no provider", hint=hint)
            continue
        provider = _word(parts["provider"], report)
        policy = _word(parts["retry_policy"], report) if "retry_policy" in parts else None
        if policy is not None and policy not in policies:
            where = parts["retry_policy"].value
            report.error("E0091", where, f"unknown retry policy `{policy}`", hint=did_you_mean(policy, policies))
        options = parts["options"].value if "options" in parts else None
        if options is not None and not isinstance(options, syntax.ConfigBlock):
            report.error("E0001", options, "`options` is a block: `options { … }`")
            options = None
        if provider in STRATEGIES:
            _check_strategy(declaration, options, names, report)
        if provider is not None:
            found[entry.name] = ClientInfo(entry.name, provider, policy, data(options) if options is not None else {})
    return found


def _check_strategy(
    declaration: syntax.Client, options: syntax.ConfigBlock | None, names: set[str], report: Reporter
) -> None:
    written = next((entry for entry in options.entries if entry.key == "strategy"), None) if options else None
    if written is None or not isinstance(written.value, syntax.ConfigList) or not written.value.items:
        where = written if written is not None else _name(declaration)
        hint = "name its clients: `options { strategy [A, B] }`"
        report.error("E0090", where, f"`{declaration.name}` has no clients to choose from", hint=hint)
        return
    for item in written.value.items:
        if not isinstance(item, syntax.ConfigScalar) or not isinstance(item.value, str):
            report.error("E0092", item, "a strategy lists clients by name")
        elif item.value not in names and "/" not in item.value:
            report.error("E0092", item, f"unknown client `{item.value}`", hint=did_you_mean(item.value, names))


def retry_policies(index: Index, diagnostics: list[Diagnostic]) -> dict[str, RetryPolicyInfo]:
    """All retry policies, with the defaults that their strategies have."""
    found: dict[str, RetryPolicyInfo] = {}
    for entry in index.of(syntax.RetryPolicy):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.RetryPolicy)
        report = reporter(entry, diagnostics)
        parts = _entries(declaration.body, _POLICY_PROPERTIES, "E0027", "a retry policy", report)
        settings: dict[str, ConfigValue] = {}
        if "strategy" in parts and isinstance(block := parts["strategy"].value, syntax.ConfigBlock):
            known = ("type", "delay_ms", "multiplier", "max_delay_ms", "jitter")
            given = _entries(block, known, "E0027", "a strategy", report)
            settings = {key: data(each.value) for key, each in given.items()}
        written = parts.get("max_retries")
        retries = data(written.value) if written is not None else None
        if retries is None or not _is_count(retries):
            where = written.value if written is not None else _name(declaration)
            hint = "such as `max_retries 3`"
            report.error("E0001", where, f"`{declaration.name}` needs a `max_retries`, a number from 0", hint=hint)
            continue
        kind = settings.pop("type", "constant_delay")
        if kind not in _DELAYS:
            hint = did_you_mean(str(kind), _DELAYS) or "use `constant_delay` or `exponential_backoff`"
            report.error("E0092", parts["strategy"], f"unknown strategy `{kind}`", hint=hint)
            continue
        if not _check_numbers(settings, parts.get("strategy", declaration), report):
            continue
        found[entry.name] = RetryPolicyInfo(entry.name, retries, kind, **settings)
    return found


def _is_count(value: ConfigValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_numbers(settings: dict[str, ConfigValue], where: syntax.Node, report: Reporter) -> bool:
    for key, value in settings.items():
        if key == "multiplier":
            fits = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            settings[key] = float(value) if fits else value
        else:
            fits = isinstance(value, bool) if key == "jitter" else _is_count(value)
        if not fits:
            report.error("E0001", where, f"`{key}` cannot be `{value}`")
            return False
    return True


def llm_functions(world: World, index: Index, diagnostics: list[Diagnostic]) -> dict[str, LlmFunctionInfo]:
    """All LLM functions; reports a missing client or prompt, and a client that is not there."""
    names = {entry.name for entry in index.of(syntax.Client)}
    found: dict[str, LlmFunctionInfo] = {}
    for name, (entry, function) in world.bodies.items():
        body = function.body
        if not isinstance(body, syntax.LlmBody):
            continue
        report = reporter(entry, diagnostics)
        at = (function.name_start, function.name_start + len(function.name))
        if body.client is None:
            report.error(
                "E0026",
                at,
                f"`{function.name}` has no client",
                hint='add one: `client GPT4` or `client "openai/gpt-4o"`',
            )
        elif body.client not in names and "/" not in body.client:
            where = (body.client_start, body.client_start + len(body.client))
            report.error("E0003", where, f"unknown client `{body.client}`", hint=did_you_mean(body.client, names))
        if body.prompt is None:
            report.error("E0010", at, f"`{function.name}` has no prompt", hint='add one: `prompt #"…"#`')
        if body.client is not None and body.prompt is not None:
            found[name] = LlmFunctionInfo(name, body.client, body.prompt.text)
    return found


def templates(index: Index) -> dict[str, TemplateInfo]:
    """All template strings."""
    found: dict[str, TemplateInfo] = {}
    for entry in index.of(syntax.TemplateString):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.TemplateString)
        parameters = tuple(each.name for each in declaration.parameters)
        found[entry.name] = TemplateInfo(entry.name, parameters, declaration.prompt.text)
    return found


def check_tests(index: Index, world: World, diagnostics: list[Diagnostic]) -> None:
    """Tests: E0034 and E0035 for their properties, E0088 for functions that are not there."""
    by_function: dict[tuple[str, str], Entry] = {}
    for entry in index.tests:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Test)
        report = reporter(entry, diagnostics)
        parts = _entries(declaration.body, _TEST_PROPERTIES, "E0034", "a test", report)
        attributes(declaration.body.attributes, "test", entry, report)
        if "args" in parts and not isinstance(parts["args"].value, syntax.ConfigBlock):
            report.error("E0001", parts["args"].value, "`args` is a block: `args { … }`")
        functions = parts.get("functions")
        if functions is None:
            report.error("E0035", _name(declaration), f"the test `{declaration.name}` names no `functions`")
            continue
        for item in _items(functions.value):
            name = item.value if isinstance(item, syntax.ConfigScalar) else None
            if not isinstance(name, str) or name not in world.bodies:
                report.error("E0088", item, f"unknown function `{name}`", hint=did_you_mean(str(name), world.bodies))
            elif (name, declaration.name) in by_function:
                first = by_function[name, declaration.name]
                there = reporter(first, diagnostics)
                labels = [there.label(*_name(first.declaration), "first defined here")]
                report.error("E0011", _name(declaration), f"`{name}` has two tests `{declaration.name}`", labels=labels)
            else:
                by_function[name, declaration.name] = entry


def tests(index: Index, line_of: Callable[[syntax.Item], int]) -> tuple[TestInfo, ...]:
    """All tests of a project in which :func:`check_tests` found no error; ``line_of`` gives an item's line, from 0."""
    found = []
    for entry in index.tests:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Test)
        parts = {each.key: each.value for each in declaration.body.entries}
        given = parts.get("args")
        entries = given.entries if isinstance(given, syntax.ConfigBlock) else ()
        functions = [item.value for item in _items(parts["functions"]) if isinstance(item, syntax.ConfigScalar)]
        found.append(
            TestInfo(
                declaration.name,
                tuple(map(str, functions)),
                {each.key: _argument(each.value, entry.item.text) for each in entries},
                attributes(declaration.body.attributes, "test", entry, reporter(entry, [])),
                entry.item.file,
                line_of(entry.item),
            )
        )
    return tuple(found)


def _items(value: syntax.ConfigValue) -> tuple[syntax.ConfigValue, ...]:
    return value.items if isinstance(value, syntax.ConfigList) else (value,)


def _argument(value: syntax.ConfigValue, text: str) -> ConfigValue:
    """A test's argument as data: like :func:`data`, and raw strings are dedented as prompts are.  ``text`` is what the
    value's offsets count in."""
    match value:
        case syntax.ConfigList():
            return [_argument(item, text) for item in value.items]
        case syntax.ConfigBlock():
            return {entry.key: _argument(entry.value, text) for entry in value.entries}
        case syntax.ConfigScalar():
            return scalar(value, text)
        case _:
            return data(value)


def check_generators(index: Index, diagnostics: list[Diagnostic]) -> None:
    """Generators: only known keys."""
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        _entries(declaration.body, _GENERATOR_PROPERTIES, "E0027", "a generator", reporter(entry, diagnostics))


def generators(index: Index) -> tuple[GeneratorInfo, ...]:
    """All generators of a project in which :func:`check_generators` found no error."""
    found = []
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        properties = {each.key: data(each.value) for each in declaration.body.entries}
        found.append(GeneratorInfo(declaration.name, properties, entry.item.file))
    return tuple(found)
