"""Clients of LLM providers as an editor shows them: what they are set to, and what their provider adds.

Keys are never shown, whatever they are written as.
"""

from __future__ import annotations

from typing import Final

from bamlvm.compiler.config_blocks import data
from bamlvm.compiler.index import Index
from bamlvm.grammar import syntax
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.vm.program.declarations import referenced_environment
from bamlvm.vm.program.llm import ROLES, STRATEGIES

_SECRET: Final = ("key", "secret", "token", "credential", "password", "authorization")


def describe_client(index: Index, client: syntax.Client) -> str:
    """Return a client as it would be written with every option that it has, those of its provider included."""
    written = {entry.key: entry.value for entry in client.body.entries}
    provider = str(_plain(written.get("provider")) or "")
    options = written.get("options")
    given = {e.key: e.value for e in options.entries} if isinstance(options, syntax.ConfigBlock) else {}
    lines = [f"  provider {provider}"]
    policy = _plain(written.get("retry_policy"))
    if policy is not None:
        lines.append(f"  retry_policy {policy}{_policy(index, str(policy))}")
    lines.append("  options {")
    lines += [f"    {key} {_shown(key, value)}" for key, value in given.items()]
    row = PROVIDERS.get(provider)
    if row is not None:
        defaults = {
            "base_url": f'"{row.base_url}"' if row.base_url else None,
            "api_key": f"env.{row.key_variable}" if row.key_variable else None,
            "default_role": f'"{row.default_role}"',
            "allowed_roles": f"[{', '.join(ROLES)}]",
        }
        lines += [f"    {key} {value}  // default" for key, value in defaults.items() if value and key not in given]
    lines.append("  }")
    kind = f"  // {STRATEGIES[provider]}" if provider in STRATEGIES else ""
    return "\n".join((f"client<llm> {client.name} {{{kind}", *lines, "}"))


def _plain(value: syntax.ConfigValue | None) -> object:
    return data(value) if value is not None else None


def _policy(index: Index, name: str) -> str:
    """Return what a retry policy does, as a comment."""
    entry = index.entries.get(name)
    if entry is None or not isinstance(entry.declaration, syntax.RetryPolicy):
        return ""
    parts = {each.key: _plain(each.value) for each in entry.declaration.body.entries}
    strategy = parts.get("strategy")
    kind = strategy.get("type", "constant_delay") if isinstance(strategy, dict) else "constant_delay"
    return f"  // max_retries {parts.get('max_retries')}, {kind}"


def _shown(key: str, value: syntax.ConfigValue) -> str:
    return _text(key, data(value))


def _text(key: str, value: object) -> str:
    variable = referenced_environment(value)
    if variable is not None:
        return f"env.{variable}"
    if any(word in key.lower() for word in _SECRET) and isinstance(value, str):
        return '"…"'
    if isinstance(value, dict):
        return f"{{ {'  '.join(f'{name} {_text(name, inner)}' for name, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(_text(key, each) for each in value)}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f'"{value}"' if isinstance(value, str) else str(value)
