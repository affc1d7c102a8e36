"""E0104: an LLM function whose result has a structure that its prompt does not tell the model.

Rule: ``output_format`` anywhere in the prompt's tags, or in a template string that the prompt names, counts.  A result
that is text needs none, nor does one that the function's clients ask for by a schema (``output_mode``).  This is a
search in the text of every prompt, which is cheap enough not to be kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bamlvm.compiler.config_blocks import data, reached
from bamlvm.compiler.hir import ERROR
from bamlvm.compiler.index import Index, reporter
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.declarations import ConfigValue
from bamlvm.vm.program.types import NULL, STRING, UNKNOWN, Type, members

_COMMENT: Final = re.compile(r"\{#.*?(?:#\}|\Z)", re.DOTALL)
_MENTION: Final = re.compile(r"output_?format", re.IGNORECASE)  # a misspelt one is reported as such
_CALL: Final = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def check_formats(index: Index, symbols: Symbols, found: list[Diagnostic]) -> None:
    """Report the LLM functions whose prompts lack ``ctx.output_format``."""
    templates: dict[str, str] = {}
    for entry in index.of(syntax.TemplateString):
        assert isinstance(entry.declaration, syntax.TemplateString)
        templates[entry.name] = entry.declaration.prompt.text
    options: dict[str, Mapping[str, ConfigValue]] = {}
    strategies: dict[str, list[Any]] = {}
    for entry in index.of(syntax.Client):
        assert isinstance(entry.declaration, syntax.Client)
        parts = {part.key: part.value for part in entry.declaration.body.entries}
        block = data(parts["options"]) if "options" in parts else {}
        if isinstance(block, dict):
            options[entry.name], children = block, block.get("strategy")
            if isinstance(children, list):
                strategies[entry.name] = children
    for name, (entry, function) in symbols.bodies.items():
        body = function.body
        if not isinstance(body, syntax.LlmBody) or body.prompt is None or _MENTION.search(_visible(body.prompt.text)):
            continue
        signature = symbols.signature(name)
        if signature is None or function.result is None or not _has_structure(signature.result, symbols):
            continue
        if _CALL.search(body.prompt.text) and _is_mentioned(body.prompt.text, templates, index.unread):
            continue
        if body.client is not None and _has_schema(body.client, options, strategies):
            continue
        message = f"the prompt does not tell the model how to answer with `{signature.result}`"
        hint = "add `{{ ctx.output_format }}` to the prompt"
        reporter(entry, found).warning("E0104", function.result, message, hint)


def _has_schema(
    name: str, options: Mapping[str, Mapping[str, ConfigValue]], strategies: Mapping[str, list[Any]]
) -> bool:
    """Whether a client, or each of those that it chooses from, sends the schema of what it asks for."""
    asked = [each for each in reached(name, strategies) if not strategies.get(each)]
    return bool(asked) and all(options.get(each, {}).get("output_mode", "prompt") != "prompt" for each in asked)


def _visible(text: str) -> str:
    return _COMMENT.sub("", text) if "{#" in text else text


def _has_structure(type_: Type, symbols: Symbols) -> bool:
    return any(part not in (STRING, NULL, UNKNOWN, ERROR) for part in members(symbols.expand(type_)))


def _is_mentioned(text: str, templates: Mapping[str, str], unread: frozenset[str]) -> bool:
    """Whether a prompt, or a template string that it may call, mentions the output format."""
    seen: set[str] = set()
    waiting = [text]
    while waiting:
        visible = _visible(waiting.pop())
        if "output_format" in visible:
            return True
        for called in _CALL.findall(visible):
            if called in unread:
                return True  # its text is not known
            if called in templates and called not in seen:
                seen.add(called)
                waiting.append(templates[called])
    return False
