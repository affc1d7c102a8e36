"""Completion in a prompt: variables, members, filters, tests, tags; and in the expressions of ``@assert``.

What is visible at the cursor is what the checker of templates sees there: the prompt is cut off at the cursor, a
placeholder is put there, and what is open is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lsprotocol import types as lsp

from bamlvm.compiler.templates import values
from bamlvm.grammar import syntax
from bamlvm.grammar.items import split_items
from bamlvm.tools.language_server.completion_items import Kind, item, items_of, prompt_values, words
from bamlvm.tools.language_server.unfinished import PLACEHOLDER, closing
from bamlvm.tools.language_server.workspace import File
from bamlvm.vm.program.prompt_names import FILTERS, OUTPUT_FORMAT_OPTIONS, TESTS

_TAGS: Final = ("for", "if", "elif", "else", "endif", "endfor", "set", "endset", "macro", "endmacro", "filter", "call")
_BLOCKS: Final = frozenset({"for", "if", "macro", "call", "filter", "with", "set", "block"})
_OPENING: Final = re.compile(r"\{\{|\{%|\{#")
_AFTER_FILTER: Final = re.compile(r"(?<!\|)\|\s*\w*\Z")
_AFTER_TEST: Final = re.compile(r"\bis\s+(?:not\s+)?\w*\Z")
_AFTER_TAG: Final = re.compile(r"\A[-+]?\s*\w*\Z")
_CHAIN: Final = re.compile(r"""([A-Za-z_]\w*(?:\.\w+|\[[^\[\]]*\]|\([^()]*\))*)\.\w*\Z""")
_OPTION: Final = re.compile(r"ctx\.output_format\([^()]*\Z")
_RAW: Final = re.compile(r"#+(?=\")")


def opened_tag(text: str) -> tuple[int, str] | None:
    """Return where a tag begins that a template leaves open at its end, and its opening; None in plain text."""
    last = None
    for found in _OPENING.finditer(text):
        closer = {"{{": "}}", "{%": "%}", "{#": "#}"}[found[0]]
        if text.find(closer, found.end()) < 0:
            last = found
            break
    return (last.start(), last[0]) if last is not None else None


def in_prompt(file: File, start: int, before: str, prompt: int, keyword: str) -> list[lsp.CompletionItem]:
    """Return what can stand at the cursor in a prompt.

    ``start`` is where the item begins in the file, ``before`` its text up to the cursor, ``prompt`` where the prompt's
    string begins in it.
    """
    opening = before[prompt:]
    hashes = found[0] if (found := _RAW.match(opening)) else ""
    content = prompt + len(hashes) + 1
    text = before[content:]
    tag = opened_tag(text)
    if tag is None or tag[1] == "{#":
        return []
    place, sign = tag
    closed = f'{_ends(text[:place])}"{hashes}' + closing(before[:prompt], keyword)[1]
    head = before[: content + place]
    return _expression(file, start, head, text[place + 2 :], closed, is_tag=sign == "{%")


def in_expression(file: File, start: int, before: str, place: int, keyword: str) -> list[lsp.CompletionItem]:
    """Return what can stand at the cursor in the ``{{ … }}`` of an attribute, which begins at ``place``."""
    inner, outer = closing(before[:place], keyword)
    return _expression(file, start, before[:place], before[place + 2 :], f"{inner}\n{outer}", is_tag=False)


def _expression(file: File, start: int, head: str, text: str, tail: str, *, is_tag: bool) -> list[lsp.CompletionItem]:
    if _AFTER_FILTER.search(text):
        return words(sorted(FILTERS), Kind.Function, 2)
    if _AFTER_TEST.search(text):
        return words(sorted(name for name in TESTS if name.isalpha()), Kind.Function, 2)
    if is_tag and _AFTER_TAG.match(text):
        return words(_TAGS, Kind.Keyword, 2)
    if _OPTION.search(text):
        return [item(name, Kind.Property, takes, rank=0) for name, takes in OUTPUT_FORMAT_OPTIONS.items()]
    chain = found[1] if (found := _CHAIN.search(text)) else ""
    dotted = f"{chain}." if chain else ""
    completed = f"{head}{{{{ {dotted}{PLACEHOLDER} }}}}{tail}"
    source = file.text.text
    model = file.program.variant(file.path, f"{source[:start]}{completed}\n{_rest(source, start)}")
    gap = model.gap_at(file.path, start + len(head) + len("{{ ") + len(dotted))
    if gap is None:
        return []
    symbols = model.stages.symbols
    if gap.owner is not None:
        kind = Kind.EnumMember if isinstance(gap.owner, values.Enum) else Kind.Field
        kind = Kind.Function if gap.owner == values.Builtin("_") else kind
        return [*prompt_values(values.listing(gap.owner, symbols), kind)]
    named = [*items_of(model, syntax.Enum), *items_of(model, syntax.TemplateString)]
    return [*prompt_values(gap.visible, Kind.Variable), *named, *_globals()]


def _globals() -> Iterator[lsp.CompletionItem]:
    yield item("ctx", Kind.Variable, "client, output_format, tags", rank=2)
    yield item("_", Kind.Variable, "role(…), chat(…)", rank=2)
    yield from words(("true", "false", "none", "not", "and", "or", "is", "in", "if", "else"), rank=6)


def _rest(source: str, start: int) -> str:
    """Return the items of a file after the one that begins at ``start``."""
    following = [each.start for each in split_items(source) if each.start > start]
    return source[following[0] :] if following else ""


def _ends(template: str) -> str:
    """Return the tags that close the blocks that a template leaves open."""
    from bamlvm.compiler.templates.parsing import words_of  # importing Jinja is slow

    opened: list[str] = []
    before = ""
    for word in words_of(template):
        if before == "block_begin" and word.kind == "name":
            if word.text.startswith("end"):
                del opened[-1:]
            elif word.text in _BLOCKS and not (word.text == "set" and "=" in template[word.end :].partition("%}")[0]):
                opened.append(word.text)
        before = word.kind
    return "".join(f"{{% end{name} %}}" for name in reversed(opened))
