"""Configuration: clients, retry policies, templates and generators, checked and as data.

A provider's own options are passed on as they are written (``env.X`` as a reference); options of the language itself
are checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from bamlvm.compiler.index import Index, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic, Severity
from bamlvm.vm.program.declarations import ConfigValue, GeneratorInfo, environment_reference
from bamlvm.vm.program.llm import (
    CLOCKS,
    POOLING,
    STRATEGIES,
    TOTAL,
    ClientInfo,
    LlmFunctionInfo,
    RetryPolicyInfo,
    TemplateInfo,
)
from bamlvm.vm.program.spelling import did_you_mean

_CLIENT_PROPERTIES = ("provider", "retry_policy", "options")
_POLICY_PROPERTIES = ("max_retries", "strategy", "options", "jitter")
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
_STRATEGY_OPTIONS = {"fallback": ("strategy", "http"), "round-robin": ("strategy", "start", "http")}
_DELAYS = ("constant_delay", "exponential_backoff")


def data(value: syntax.ConfigValue) -> ConfigValue:
    """Return a written value as plain data."""
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


def entries(
    body: syntax.ConfigBlock,
    known: Iterable[str],
    code: str,
    what: str,
    report: Reporter,
    severity: Severity = "warning",
) -> dict[str, syntax.ConfigEntry]:
    """Return a block's entries by key; report unknown (``code``, with ``severity``) and repeated ones (E0012)."""
    names = tuple(known)
    found: dict[str, syntax.ConfigEntry] = {}
    for entry in body.entries:
        if entry.key not in names:
            hint = did_you_mean(entry.key, names) or f"{what} has {', '.join(f'`{name}`' for name in names)}"
            message = f"{what} has no `{entry.key}`"
            report.error(code, (entry.start, entry.key_end), message, hint=hint, severity=severity)
        elif entry.key in found:
            first = found[entry.key]
            labels = [report.label(first.start, first.key_end, "first set here")]
            report.error("E0012", (entry.start, entry.key_end), f"`{entry.key}` is set twice", labels=labels)
        else:
            found[entry.key] = entry
    return found


def _word(entry: syntax.ConfigEntry, report: Reporter, code: str = "E0001") -> str | None:
    """Return the string or word of an entry, or report ``code`` and return None."""
    if isinstance(entry.value, syntax.ConfigScalar) and isinstance(entry.value.value, str):
        return entry.value.value
    report.error(code, entry.value, f"`{entry.key}` is a name or a string")
    return None


class Configuration(NamedTuple):
    """The configuration of a project."""

    llm_functions: dict[str, LlmFunctionInfo]
    clients: dict[str, ClientInfo]
    retry_policies: dict[str, RetryPolicyInfo]
    templates: dict[str, TemplateInfo]


def configuration(index: Index, symbols: Symbols, diagnostics: list[Diagnostic]) -> Configuration:
    """Check all configuration, generators included, and return it as data."""
    check_generators(index, diagnostics)
    return Configuration(
        llm_functions(symbols, index, diagnostics),
        clients(index, diagnostics),
        retry_policies(index, diagnostics),
        templates(index),
    )


def clients(index: Index, diagnostics: list[Diagnostic]) -> dict[str, ClientInfo]:
    """Return all clients; report E0026, E0027, E0090, E0091 and E0092."""
    policies = {entry.name for entry in index.of(syntax.RetryPolicy)}
    names = {entry.name for entry in index.of(syntax.Client)}
    found: dict[str, ClientInfo] = {}
    for entry in index.of(syntax.Client):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Client)
        report = reporter(entry, diagnostics)
        parts = entries(declaration.body, _CLIENT_PROPERTIES, "E0027", "a client", report, "error")
        if "provider" not in parts:
            hint = "add one, such as `provider openai`"
            report.error(
                "E0026", name_range(declaration), f"the client `{declaration.name}` has no provider", hint=hint
            )
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
        if options is not None:
            _check_options(options, STRATEGIES.get(provider) if provider else None, report)
        if provider is not None:
            found[entry.name] = ClientInfo(entry.name, provider, policy, data(options) if options is not None else {})
    return found


def _check_options(options: syntax.ConfigBlock, strategy: str | None, report: Reporter) -> None:
    """Check the options of the language itself: a strategy's, and the clocks of ``http``; warn of unknown ones
    (E0027)."""
    for entry in options.entries:
        if strategy is not None and entry.key not in _STRATEGY_OPTIONS[strategy]:
            known = _STRATEGY_OPTIONS[strategy]
            hint = did_you_mean(entry.key, known) or "set it on the clients of its `strategy`"
            message = f"a {strategy} client has no option `{entry.key}`"
            report.warning("E0027", (entry.start, entry.key_end), message, hint=hint)
        if entry.key == "base_url":
            _check_base_url(entry.value, report)
        if entry.key == "http":
            _check_http(entry.value, (*CLOCKS, POOLING if strategy is None else TOTAL), report)


def _check_base_url(written: syntax.ConfigValue, report: Reporter) -> None:
    """Check a literal ``base_url``: requests go to http or https URLs only."""
    value = data(written)
    if not isinstance(value, str):
        return  # from the environment: checked when it is used
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        hint = "such as `https://api.example.com/v1`"
        report.error("E0001", written, "`base_url` is not an http or https URL", hint=hint)


def _check_http(block: syntax.ConfigValue, known: tuple[str, ...], report: Reporter) -> None:
    """Check the ``http`` block of a client: its clocks, and one option that depends on the kind of client
    (``known``)."""
    if not isinstance(block, syntax.ConfigBlock):
        report.error("E0001", block, "`http` is a block: `http { connect_timeout_ms 5000 }`")
        return
    clocks: dict[str, int] = {}
    for entry in block.entries:
        value = data(entry.value)
        if entry.key not in known:
            hint = did_you_mean(entry.key, known) or f"it has {', '.join(f'`{name}`' for name in known)}"
            report.warning("E0027", (entry.start, entry.key_end), f"`http` has no `{entry.key}`", hint=hint)
        elif entry.key != POOLING and value is not None and not isinstance(value, dict):
            if not _is_count(value) or value == 0:
                report.error("E0001", entry.value, f"`{entry.key}` is a number of milliseconds above 0")
            else:
                clocks[entry.key] = value
    whole, first = clocks.get("request_timeout_ms"), clocks.get("time_to_first_token_timeout_ms")
    if whole is not None and first is not None and whole < first:
        report.error("E0001", block, f"the first token may take {first} ms, longer than the whole request: {whole} ms")


def _check_strategy(
    declaration: syntax.Client, options: syntax.ConfigBlock | None, names: set[str], report: Reporter
) -> None:
    written = next((entry for entry in options.entries if entry.key == "strategy"), None) if options else None
    if written is None or not isinstance(written.value, syntax.ConfigList) or not written.value.items:
        where = written if written is not None else name_range(declaration)
        hint = "name its clients: `options { strategy [A, B] }`"
        report.error("E0090", where, f"`{declaration.name}` has no clients to choose from", hint=hint)
        return
    for item in written.value.items:
        if not isinstance(item, syntax.ConfigScalar) or not isinstance(item.value, str):
            report.error("E0092", item, "a strategy lists clients by name")
        elif item.value not in names and "/" not in item.value:
            report.error("E0092", item, f"unknown client `{item.value}`", hint=did_you_mean(item.value, names))


def retry_policies(index: Index, diagnostics: list[Diagnostic]) -> dict[str, RetryPolicyInfo]:
    """Return all retry policies, with the defaults of their strategies."""
    found: dict[str, RetryPolicyInfo] = {}
    for entry in index.of(syntax.RetryPolicy):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.RetryPolicy)
        report = reporter(entry, diagnostics)
        parts = entries(declaration.body, _POLICY_PROPERTIES, "E0027", "a retry policy", report, "error")
        settings: dict[str, ConfigValue] = {}
        if "strategy" in parts and isinstance(block := parts["strategy"].value, syntax.ConfigBlock):
            known = ("type", "delay_ms", "multiplier", "max_delay_ms", "jitter")
            given = entries(block, known, "E0027", "a strategy", report)
            settings = {key: data(each.value) for key, each in given.items()}
        written = parts.get("max_retries")
        retries = data(written.value) if written is not None else None
        if retries is None or not _is_count(retries):
            where = written.value if written is not None else name_range(declaration)
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
        elif body.client not in names and "/" not in body.client:
            where = (body.client_start, body.client_start + len(body.client))
            report.error("E0003", where, f"unknown client `{body.client}`", hint=did_you_mean(body.client, names))
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
    """Report unknown keys of generators."""
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        entries(declaration.body, _GENERATOR_PROPERTIES, "E0027", "a generator", reporter(entry, diagnostics))


def generators(index: Index) -> tuple[GeneratorInfo, ...]:
    """Return all generators of a project in which :func:`check_generators` found no error."""
    found = []
    for entry in index.generators:
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Generator)
        properties = {each.key: data(each.value) for each in declaration.body.entries}
        found.append(GeneratorInfo(declaration.name, properties, entry.item.file))
    return tuple(found)
