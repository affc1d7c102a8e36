"""Clients: their properties, and those options that the language itself gives a meaning to.

A provider's own options are passed on as they are written.  What the official checker refuses is an error; what only
fails when the client is used (a provider that is not supported, a missing model) is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from bamlvm.compiler.config_blocks import HIGHEST, data, entries, is_count, word, word_range
from bamlvm.compiler.incremental import Reads
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.keys import check_keys
from bamlvm.compiler.reporter import Located, Reporter, name_range
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.cycles import components
from bamlvm.vm.program.declarations import ConfigValue
from bamlvm.vm.program.llm import (
    CLOCKS,
    OUTPUT_MODES,
    PARSE_FAILURES,
    POOLING,
    PROVIDERS,
    RESPONSE_TYPES,
    STRATEGIES,
    TOTAL,
    UNSUPPORTED_PROVIDERS,
    ClientInfo,
)
from bamlvm.vm.program.spelling import did_you_mean, listed

CLIENT_PROPERTIES: Final = ("provider", "retry_policy", "options")
_PROPERTY_HINT: Final = "what a provider takes is in `options { … }`"
STRATEGY_OPTIONS: Final = {
    "fallback": ("strategy", "http", "parse_failure"),
    "round-robin": ("strategy", "start", "http", "parse_failure"),
}
_MODELS: Final = {
    "gpt": "openai",
    "chatgpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude": "anthropic",
    "gemini": "google-ai",
    "llama": "ollama",
    "mistral": "ollama",
    "qwen": "ollama",
}
"""The providers of models, by how their names begin."""
_MODEL: Final = ("model", "model_id")
_NEED_NO_MODEL: Final = ("azure-openai", "openai-generic")  # the deployment, or the server, has one


def clients(index: Index, reads: Reads, diagnostics: list[Diagnostic]) -> dict[str, ClientInfo]:
    """Return all clients; report their properties (E0026, E0027), providers (E0021), strategies (E0090, E0092),
    policies (E0091) and options (E0001, E0023 to E0025)."""
    policies = {entry.name for entry in index.of(syntax.RetryPolicy)}
    names = {entry.name for entry in index.of(syntax.Client)}
    found: dict[str, ClientInfo] = {}
    lists: dict[str, tuple[Entry, list[str]]] = {}
    for entry in index.of(syntax.Client):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Client)
        report = reporter(entry, diagnostics)
        parts = entries(declaration.body, CLIENT_PROPERTIES, "E0027", "a client", report, "error", _PROPERTY_HINT)
        if "provider" not in parts:
            hint = "add one, such as `provider openai`"
            report.error(
                "E0026", name_range(declaration), f"the client `{declaration.name}` has no provider", hint=hint
            )
            continue
        provider = word(parts["provider"], report)
        policy = word(parts["retry_policy"], report) if "retry_policy" in parts else None
        if policy is not None and policy not in policies and policy not in index.unread:
            where = parts["retry_policy"].value
            report.error("E0091", where, f"unknown retry policy `{policy}`", hint=did_you_mean(policy, policies))
        elif policy is not None and isinstance(written := parts["retry_policy"].value, syntax.ConfigScalar):
            reads.refer(declaration, *word_range(written), Symbol("item", "", policy))
        options = parts["options"].value if "options" in parts else None
        if options is not None and not isinstance(options, syntax.ConfigBlock):
            report.error("E0001", options, "`options` is a block: `options { … }`")
            options = None
        if provider in STRATEGIES:
            asked = _check_strategy(declaration, options, names | index.unread, reads, report)
            lists[entry.name] = (entry, asked)
        elif provider is not None:
            check_provider(provider, parts["provider"].value, report)
            keys = {each.key for each in options.entries} if options is not None else set()
            misplaced = len(parts) < len(declaration.body.entries)  # a model may be among these, which were reported
            if provider in PROVIDERS and provider not in _NEED_NO_MODEL and not misplaced and keys.isdisjoint(_MODEL):
                hint = 'add it to the options, such as `options { model "…" }`'
                report.warning("E0026", name_range(declaration), f"`{declaration.name}` has no model", hint=hint)
        if options is not None:
            _check_options(options, STRATEGIES.get(provider) if provider else None, report)
            check_keys(provider or "", options, report)
        if provider is not None:
            found[entry.name] = ClientInfo(entry.name, provider, policy, data(options) if options is not None else {})
    _check_circles(lists, diagnostics)
    return found


def _check_options(options: syntax.ConfigBlock, strategy: str | None, report: Reporter) -> None:
    """Check the options of the language itself: a strategy's, and the clocks of ``http``; warn of unknown ones
    (E0027)."""
    for entry in options.entries:
        if strategy is not None and entry.key not in STRATEGY_OPTIONS[strategy]:
            known = STRATEGY_OPTIONS[strategy]
            hint = did_you_mean(entry.key, known) or "set it on the clients of its `strategy`"
            message = f"a {strategy} client has no option `{entry.key}`"
            report.warning("E0027", (entry.start, entry.key_end), message, hint=hint)
        if entry.key == "??":  # officially an option of this name, which is sent to the provider
            message = "a variable has no default: `??` and the value behind it are an option of the request"
            hint = "set the variable, or write the value itself"
            report.warning("E0027", (entry.start, entry.key_end), message, hint=hint)
        elif entry.key == "base_url":
            _check_base_url(entry.value, report)
        elif entry.key in _OPTIONS and (strategy is None or entry.key in STRATEGY_OPTIONS[strategy]):
            code, expected, fits = _OPTIONS[entry.key]
            value = data(entry.value)
            if value is not None and not isinstance(entry.value, syntax.ConfigEnv) and not fits(value):
                report.error(code, entry.value, f"`{entry.key}` is {expected}", hint=_example(entry.key, value))
        if entry.key == "http":
            _check_http(entry.value, (*CLOCKS, POOLING if strategy is None else TOTAL), report)


def check_shorthand(client: str, where: Located | tuple[int, int], report: Reporter) -> None:
    """Check the provider of a client that is written ``provider/model``."""
    check_provider(client.partition("/")[0], where, report)


def shorthand_of(model: str) -> str | None:
    """Return a hint for a model that is written where a client belongs, or None."""
    for prefix, provider in _MODELS.items():
        if model.lower().startswith(prefix):
            return f'write `client "{provider}/{model}"`'
    return None


def check_provider(provider: str, where: Located | tuple[int, int], report: Reporter) -> None:
    """Report E0021 for a provider that does not exist; warn of one that is not supported."""
    if provider in PROVIDERS:
        return
    known = (*PROVIDERS, *dict.fromkeys(STRATEGIES.values()))
    if provider in UNSUPPORTED_PROVIDERS:
        other = UNSUPPORTED_PROVIDERS[provider]
        hint = f"write `{other}`" if other else f"supported are {', '.join(f'`{each}`' for each in known)}"
        report.warning("E0021", where, f"the provider `{provider}` is not supported", hint=hint)
        return
    hint = did_you_mean(provider, known) or f"there are {', '.join(f'`{each}`' for each in known)}"
    report.error("E0021", where, f"unknown provider `{provider}`", hint=hint)


def _is_texts(value: ConfigValue) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_OPTIONS: Final[Mapping[str, tuple[str, str, Callable[[ConfigValue], bool]]]] = {
    "allowed_roles": ("E0023", "a list of roles", lambda value: _is_texts(value) and bool(value)),
    "default_role": ("E0023", "a role", lambda value: isinstance(value, str)),
    "remap_roles": ("E0023", "a block of roles", lambda value: isinstance(value, dict)),
    "finish_reason_allow_list": ("E0024", "a list of strings", _is_texts),
    "finish_reason_deny_list": ("E0024", "a list of strings", _is_texts),
    "client_response_type": (
        "E0025",
        f"one of {', '.join(f'`{each}`' for each in RESPONSE_TYPES)}",
        lambda value: value in RESPONSE_TYPES,
    ),
    "output_mode": (
        "E0001",
        f"one of {', '.join(f'`{each}`' for each in OUTPUT_MODES)}",
        lambda value: value in OUTPUT_MODES,
    ),
    "output_strict": ("E0001", "true or false", lambda value: isinstance(value, bool)),
    "parse_failure": (
        "E0001",
        f"one of {', '.join(f'`{each}`' for each in PARSE_FAILURES)}",
        lambda value: value in PARSE_FAILURES,
    ),
    "supports_streaming": ("E0001", "true or false", lambda value: isinstance(value, bool)),
}
"""Options of every provider that we read: the code and message of a value that does not fit, and whether one fits."""

_EXAMPLES: Final = {
    "allowed_roles": 'such as `allowed_roles ["user", "assistant"]`',
    "default_role": 'such as `default_role "user"`',
    "remap_roles": 'such as `remap_roles { assistant "model" }`',
    "finish_reason_allow_list": 'such as `finish_reason_allow_list ["stop"]`',
    "finish_reason_deny_list": 'such as `finish_reason_deny_list ["length"]`',
}


def _example(option: str, value: ConfigValue) -> str | None:
    words = {"client_response_type": RESPONSE_TYPES, "output_mode": OUTPUT_MODES}.get(option)
    near = did_you_mean(value, words) if words and isinstance(value, str) else None
    return near or _EXAMPLES.get(option)


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
            hint = did_you_mean(entry.key, known) or f"it has {listed(known)}"
            report.warning("E0027", (entry.start, entry.key_end), f"`http` has no `{entry.key}`", hint=hint)
        elif entry.key != POOLING and value is not None and not isinstance(value, dict):
            if isinstance(value, int) and value > HIGHEST:
                continue  # reported with the other numbers
            if not is_count(value) or value == 0:
                report.error("E0001", entry.value, f"`{entry.key}` is a number of milliseconds above 0")
            else:
                clocks[entry.key] = value
    whole, first = clocks.get("request_timeout_ms"), clocks.get("time_to_first_token_timeout_ms")
    if whole is not None and first is not None and whole < first:
        report.error("E0001", block, f"the first token may take {first} ms, longer than the whole request: {whole} ms")


def _check_strategy(
    declaration: syntax.Client, options: syntax.ConfigBlock | None, names: set[str], reads: Reads, report: Reporter
) -> list[str]:
    """Report what is wrong with the clients that a strategy lists; return the names of those that it has."""
    written = next((entry for entry in options.entries if entry.key == "strategy"), None) if options else None
    if written is None or not isinstance(written.value, syntax.ConfigList) or not written.value.items:
        where = written if written is not None else name_range(declaration)
        hint = "name its clients: `options { strategy [A, B] }`"
        report.error("E0090", where, f"`{declaration.name}` has no clients to choose from", hint=hint)
        return []
    asked = list[str]()
    for item in written.value.items:
        if not isinstance(item, syntax.ConfigScalar) or not isinstance(item.value, str):
            report.error("E0092", item, "a strategy lists clients by name")
        elif "/" in item.value:
            check_shorthand(item.value, item, report)
        elif item.value not in names:
            report.error("E0092", item, f"unknown client `{item.value}`", hint=did_you_mean(item.value, names))
        else:
            reads.refer(declaration, *word_range(item), Symbol("item", "", item.value))
            asked.append(item.value)
    return asked


def _check_circles(lists: Mapping[str, tuple[Entry, list[str]]], diagnostics: list[Diagnostic]) -> None:
    """Report (E0092) strategies that come back to themselves, which no call would get out of.  ``lists`` has the
    clients that each strategy asks, with its entry."""
    edges = {name: [each for each in asked if each in lists] for name, (_, asked) in lists.items()}
    for circle in components(edges):
        first = circle[0]
        if len(circle) > 1 or first in edges[first]:
            entry = lists[first][0]
            others = f" by way of {', '.join(f'`{each}`' for each in circle[1:])}" if len(circle) > 1 else ""
            message = f"the strategy of `{first}` comes back to itself{others}"
            assert isinstance(entry.declaration, syntax.Client)
            reporter(entry, diagnostics).error("E0092", name_range(entry.declaration), message, "list other clients")
