"""Words that mean something without being declared: attributes, providers, the options of clients; each in a sentence.

What an option does is said in full in ``docs/providers.md``, what an attribute does in ``docs/parsing.md``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bamlvm.grammar import syntax
from bamlvm.grammar.tokens import Token
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.vm.program.llm import STRATEGIES

ATTRIBUTES: Final = {
    "alias": "The name that a model reads and writes instead of this one.",
    "description": "What a model is told about this, in `ctx.output_format`.",
    "assert": "What must hold of a value, `@assert(name, {{ this > 0 }})`: a value for which it does not is refused.",
    "check": "What should hold of a value, `@check(name, {{ this > 0 }})`: the outcome is part of the result.",
    "skip": "Leave this out of what a model reads and writes.",
    "dynamic": "A host, or a test, may add members when the program runs.",
    "stream.done": "In partial values this appears when it is complete.",
    "stream.not_null": "A partial value without this does not appear.",
    "stream.with_state": "In partial values this comes with how much of it has arrived.",
}
"""Attributes, by name."""

OPTIONS: Final = {
    "allowed_role_metadata": "The keywords of `_.role(…)` that are sent with a message.",
    "allowed_roles": "The roles that messages may have; by default system, user and assistant.",
    "api_key": "The key that authorises requests; by default that of the provider's variable of the environment.",
    "base_url": "The address below which requests are sent, instead of the provider's own.",
    "client_response_type": "The wire format that answers have, if it is not that of the provider.",
    "default_role": "The role of text before any `_.role(…)`.",
    "finish_reason_allow_list": "The reasons to end an answer that are accepted; any other fails the attempt.",
    "finish_reason_deny_list": "The reasons to end an answer that fail the attempt.",
    "headers": "Headers that are sent with each request.",
    "http": "Time limits of a request, in milliseconds, and whether connections are kept.",
    "keep_reasoning": "Whether what a model thinks is kept beside its answer.",
    "media_url_handler": "Whether media are sent as URLs or as data.",
    "model": "The model that is asked.",
    "parse_failure": "What happens when an answer cannot be parsed: `retry`, `reask` or `fail`.",
    "query_params": "Parameters that are added to the URL of each request.",
    "remap_roles": "Other names for roles, as the provider has them.",
    "start": "The place in the strategy with which the first call begins.",
    "strategy": "The clients that a strategy chooses from, in order.",
    "supports_streaming": "Whether requests stream; if not, answers come whole.",
}
"""Options that this language reads itself, by name; a provider's own are passed on."""


class Word(NamedTuple):
    """A word at a place of an item: its range, and what it is as code and in a sentence."""

    start: int
    end: int
    code: str
    doc: str


def provider_doc(name: str) -> str:
    """Return what a provider is; "" if there is none of that name."""
    row = PROVIDERS.get(name)
    if row is not None:
        address = f"`{row.base_url}`" if row.base_url else "an address of your own (`base_url`)"
        key = f", with the key of `{row.key_variable}`" if row.key_variable else ""
        return f"Requests in the wire format of {row.wire} to {address}{key}."
    kind = STRATEGIES.get(name)
    tries = {"fallback": "Asks its clients one after the other, until one answers."}
    return tries.get(kind or "", "Asks its clients in turn, one for each call." if kind else "")


def word_at(item: syntax.Item, tokens: list[Token], offset: int) -> Word | None:
    """Return the word at an offset of an item, if it is one of these."""
    token = next((each for each in tokens if each.start <= offset <= each.end), None)
    if token is None:
        return None
    if token.kind in ("ATTRIBUTE", "BLOCK_ATTRIBUTE"):
        doc = ATTRIBUTES.get(token.text.lstrip("@"), "")
        return Word(token.start, token.end, token.text, doc) if doc else None
    if not isinstance(item.declaration, syntax.Client):
        return None
    for entry in syntax.walk(item.declaration):
        if not isinstance(entry, syntax.ConfigEntry):
            continue
        value = entry.value
        if entry.start <= offset <= entry.key_end and entry.key in OPTIONS:
            return Word(entry.start, entry.key_end, entry.key, OPTIONS[entry.key])
        if entry.key == "provider" and value.start <= offset <= value.end and isinstance(value, syntax.ConfigScalar):
            doc = provider_doc(str(value.value))
            return Word(value.start, value.end, f"provider {value.value}", doc) if doc else None
    return None
