"""Completion in configuration: clients, retry policies, generators and tests, by the path of keys around the cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from lsprotocol import types as lsp

from bamlvm.compiler.clients import CLIENT_PROPERTIES, STRATEGY_OPTIONS
from bamlvm.compiler.config import DELAYS, GENERATOR_PROPERTIES, OUTPUT_TYPES, POLICY_PROPERTIES
from bamlvm.compiler.tests import TEST_PROPERTIES
from bamlvm.compiler.uses import Use
from bamlvm.grammar import syntax
from bamlvm.grammar.tokens import Token
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.options import DOWNLOADS, OWN
from bamlvm.tools.language_server.completion_items import Kind, fields_of, item, items_of, variants_of, words
from bamlvm.tools.language_server.model import Model
from bamlvm.tools.language_server.words import OPTIONS, provider_doc
from bamlvm.vm.program.llm import CLOCKS, PARSE_FAILURES, POOLING, RESPONSE_TYPES, ROLES, STRATEGIES, TOTAL
from bamlvm.vm.program.types import BOOL, NEVER, ClassType, EnumType, ListType, Type, members

_BODY: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": (
        "model",
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "top_p",
        "seed",
        "stop",
        "reasoning_effort",
    ),
    "openai-responses": ("model", "temperature", "max_output_tokens", "top_p", "reasoning", "tools"),
    "anthropic": ("model", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "thinking", "system"),
    "google-ai": ("model", "generationConfig", "safetySettings"),
    "vertex-ai": ("model", "project_id", "location", "credentials", "generationConfig", "safetySettings"),
    "aws-bedrock": ("model", "region", "inference_configuration", "access_key_id", "secret_access_key", "profile"),
}
"""What requests of a wire format have most often; anything else is passed on as well."""
_AZURE: Final = ("resource_name", "deployment_id", "api_version")
_SWITCHES: Final = frozenset({"supports_streaming", "keep_reasoning", POOLING, "jitter"})
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "parse_failure": PARSE_FAILURES,
    "client_response_type": RESPONSE_TYPES,
    "default_role": ROLES,
    "allowed_roles": ROLES,
    "media_url_handler": ("send_url", *DOWNLOADS),
    "output_type": OUTPUT_TYPES,
    "default_client_mode": ("sync", "async"),
    "type": DELAYS,
}


class Place(NamedTuple):
    """A place in a configuration: the keys of the blocks around it, and the key whose value stands there, or "" where a
    key does."""

    path: tuple[str, ...]
    key: str


def place_of(tokens: Sequence[Token], text: str) -> Place:
    """Return the place after tokens; ``text`` is what they are of."""
    path: list[str] = []
    key = ""
    complete = True  # what comes next is a key
    for at, token in enumerate(tokens):
        match token.kind:
            case "LBRACE":
                path.append(key)
                complete = True
            case "RBRACE" if path:
                path.pop()
                complete = True
            case "LBRACKET":
                path.append(f"{key}[")
            case "RBRACKET" if path:
                path.pop()
                complete = True
            case "COMMA":
                complete = not (path and path[-1].endswith("["))
            case "WORD" | "NAME" | "STRING" | "TEMPLATE_STRING" | "TYPE_BUILDER" if path and not path[-1].endswith("["):
                broken = at and "\n" in text[tokens[at - 1].end : token.start]
                if complete or broken:
                    key, complete = token.text.strip('"'), False
                else:
                    complete = True
            case _:
                complete = complete or not (path and path[-1].endswith("["))
    in_list = bool(path) and path[-1].endswith("[")
    ended = bool(tokens) and "\n" in text[tokens[-1].end :]
    is_key = not in_list and (complete or ended)
    if in_list:
        return Place(tuple(path[1:-1]), path[-1].removesuffix("["))
    return Place(tuple(path[1:]), "" if is_key else key)


def in_configuration(
    model: Model, keyword: str, place: Place, values: Mapping[str, str], functions: Sequence[str]
) -> list[lsp.CompletionItem]:
    """Return what can stand at a place; ``values`` are the plain values of the item's own keys, ``functions`` those
    that a test names."""
    path = tuple(each.removesuffix("[") for each in place.path if each)  # a list of blocks is like one of them
    if place.key in _SWITCHES:
        return words(("true", "false"), rank=1)
    handlers: Mapping[str, Callable[[], list[lsp.CompletionItem]]] = {
        "client": lambda: _client(model, path, place.key, values.get("provider", "")),
        "retry_policy": lambda: _policy(path, place.key),
        "generator": lambda: (
            words(_CHOICES.get(place.key, ()), Kind.Value, 1) if place.key else _keys(GENERATOR_PROPERTIES)
        ),
        "test": lambda: _test(model, path, place, functions),
    }
    return handlers[keyword]() if keyword in handlers else []


def _keys(names: Sequence[str]) -> list[lsp.CompletionItem]:
    return words(names, Kind.Property, 1)


def _client(model: Model, path: tuple[str, ...], key: str, provider: str) -> list[lsp.CompletionItem]:
    if key == "provider":
        names = (*PROVIDERS, *dict.fromkeys(STRATEGIES.values()))
        return [item(name, Kind.EnumMember, doc=provider_doc(name), rank=1 + (name in STRATEGIES)) for name in names]
    if key == "retry_policy":
        return [*items_of(model, syntax.RetryPolicy)]
    if key == "strategy":
        return [*items_of(model, syntax.Client)]
    if key in _CHOICES:
        return words(_CHOICES[key], Kind.Value, 1)
    if key:
        return [*environment(model)]
    if not path:
        return _keys(CLIENT_PROPERTIES)
    if path == ("options",):
        return [item(name, Kind.Property, doc=OPTIONS.get(name, ""), rank=1) for name in _options(provider)]
    if path == ("options", "http"):
        return _keys((*CLOCKS, TOTAL if provider in STRATEGIES else POOLING))
    return []


def _options(provider: str) -> Sequence[str]:
    if provider in STRATEGIES:
        return STRATEGY_OPTIONS[STRATEGIES[provider]]
    row = PROVIDERS.get(provider)
    body = _BODY.get(row.wire if row is not None else "openai", ("model",))
    own = _AZURE if provider == "azure-openai" else ()
    return [*dict.fromkeys((*body, *own, *sorted(OWN)))]


def _policy(path: tuple[str, ...], key: str) -> list[lsp.CompletionItem]:
    if key:
        return words(_CHOICES.get(key, ()), Kind.Value, 1)
    return _keys(("type", "delay_ms", "multiplier", "max_delay_ms", "jitter") if path else POLICY_PROPERTIES)


def _test(model: Model, path: tuple[str, ...], place: Place, functions: Sequence[str]) -> list[lsp.CompletionItem]:
    if place.key == "functions" and not path:
        return [*items_of(model, syntax.Function)]
    if not path:
        return [] if place.key else [*_keys(TEST_PROPERTIES), *words(("@@assert", "@@check"), Kind.Keyword)]
    if path[0] != "args":
        return []
    known = model.stages.symbols.signatures
    signatures = [known[name] for name in functions if name in known]
    types: dict[str, Type] = {each.name: each.type for signature in signatures for each in signature.parameters}
    owner: Type | None = None
    for step in (*path[1:], *((place.key,) if place.key else ())):
        owner = types.get(step)
        types, classes = {}, [part.item if isinstance(part, ListType) else part for part in members(owner or NEVER)]
        for each in classes:
            info = model.stages.symbols.classes.get(each.name) if isinstance(each, ClassType) else None
            types |= {field.name: field.type for field in info.fields} if info is not None else {}
        owner = classes[0] if len(classes) == 1 else owner
    if place.key:
        enums = [part for part in members(owner or NEVER) if isinstance(part, EnumType)]
        variants = [each for enum in enums for each in variants_of(model, enum.name)]
        return variants or (words(("true", "false"), Kind.Value, 1) if owner == BOOL else [])
    if isinstance(owner, ClassType):
        return fields_of(model, owner.name)
    return [item(name, Kind.Variable, str(type_), rank=1) for name, type_ in types.items()]


def environment(model: Model) -> list[lsp.CompletionItem]:
    """Return ``env`` and the variables of the environment that the project reads."""
    names = {
        each.symbol.name
        for part in model.stages.noted
        for each in part
        if isinstance(each, Use) and each.symbol.kind == "environment"
    }
    for entry in model.stages.index.of(syntax.Client):
        names |= {node.name for node in syntax.walk(entry.declaration) if isinstance(node, syntax.ConfigEnv)}
    names |= {row.key_variable for row in PROVIDERS.values() if row.key_variable}
    return [item(f"env.{name}", Kind.Variable, "a variable of the environment", rank=4) for name in sorted(names)]
