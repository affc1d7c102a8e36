"""A file's text → its syntax tree and what is wrong with it.

Rule: every item is lexed and parsed alone, from its own text, so an error in one leaves the others, and an item whose
text is known costs one look into the cache.  Nothing here raises for any text: what cannot be read is a diagnostic.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec

from bamlvm.grammar.actions import Actions
from bamlvm.grammar.actions_types import MAX_CHAIN, TooDeepError
from bamlvm.grammar.complaints import complain, complain_about_junk, missing_semicolon
from bamlvm.grammar.diagnostics import Diagnostic, error, sort
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.source import SourceFile, Span
from bamlvm.grammar.splitting import split
from bamlvm.grammar.syntax import Comment, Declaration, File, Item
from bamlvm.grammar.table import Driver, StuckError, load
from bamlvm.grammar.tokens import Token

_RULES: Final = {
    "class": "class_item",
    "enum": "enum_item",
    "type": "alias_item",
    "function": "function_item",
    "template_string": "template_item",
    "client": "client_item",
    "generator": "generator_item",
    "retry_policy": "retry_policy_item",
    "test": "test_item",
}


class ParsedItem(msgspec.Struct, frozen=True):
    """What one item's text means; every place is relative to the text's start."""

    declaration: Declaration | None
    """None if the item could not be read."""
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]


ItemCache = dict[str, ParsedItem]
"""Parsed items by their text.  The caller owns it and decides when to forget."""


@cache
def _driver() -> Driver:
    return Driver(load(), Actions)


def parse_file(source: SourceFile, cache: ItemCache | None = None) -> tuple[File, list[Diagnostic]]:
    """The tree of ``source`` with the items that could be read, and its diagnostics in order.

    Items found in ``cache`` are not parsed again; new ones are put into it.
    """
    text, path = source.text, source.path
    items: list[Item] = []
    diagnostics: list[Diagnostic] = []
    for piece in split(text):
        content = text[piece.start : piece.end]
        if not piece.keyword:
            diagnostics.append(complain_about_junk(content).shifted(path, piece.start))
            continue
        parsed = cache.get(content) if cache is not None else None
        if parsed is None:
            parsed = parse_item(content, piece.keyword)
            if cache is not None:
                cache[content] = parsed
        if parsed.declaration is not None:
            items.append(Item(parsed.declaration, path, piece.start, content, parsed.comments))
        diagnostics.extend(diagnostic.shifted(path, piece.start) for diagnostic in parsed.diagnostics)
    return File(path, tuple(items)), sort(diagnostics)


def parse_item(text: str, keyword: str) -> ParsedItem:
    """One item from its text, whose first word is ``keyword``."""
    lexed = lex(text, keyword)
    tokens = lexed.tokens
    diagnostics = lexed.diagnostics
    actions = Actions(lexed)
    driver = _driver()
    declaration: Declaration | None = None

    def repair(failure: StuckError) -> Token | None:
        """A missing semicolon is put in, and reported."""
        if lexed.broken and failure.index >= len(tokens):
            return None
        inserted = missing_semicolon(driver, failure, tokens, text)
        if inserted is None:
            return None
        token, diagnostic = inserted
        diagnostics.append(diagnostic)
        return token

    try:
        declaration = driver.parse(_rule(keyword, tokens), tokens, actions, repair)
    except StuckError as failure:
        if not (lexed.broken and failure.index >= len(tokens)):
            diagnostics.append(complain(driver, failure, tokens, text))
    except TooDeepError as deep:
        message = f"this chain has more than {MAX_CHAIN} links"
        hint = "give a part of it a name of its own"
        diagnostics.append(error("E0010", message, Span("", deep.start, deep.end), (), hint))
    comments = tuple(
        Comment(comment.start, comment.end, comment.text) for comment in lexed.trivia if comment.kind != "ERROR"
    )
    return ParsedItem(declaration, comments, tuple(diagnostics + actions.diagnostics))


def _rule(keyword: str, tokens: list[Token]) -> str:
    if keyword == "dynamic":
        return "enum_item" if len(tokens) > 1 and tokens[1].kind == "ENUM" else "class_item"
    return _RULES[keyword]
