"""A file's text → its syntax tree and its diagnostics.

Rule: every item is lexed and parsed alone, from its own text, so an error in one leaves the others, and an item whose
text is known costs one look into the cache.  Nothing here raises for any text: what cannot be read is a diagnostic.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cache
from typing import Final

import msgspec

from bamlvm.grammar.actions import expressions, items, statements, types
from bamlvm.grammar.actions.context import ActionContext
from bamlvm.grammar.actions.types import MAX_PATH, LongPathError
from bamlvm.grammar.comments_with_code import comments_with_code
from bamlvm.grammar.depth import MAX_TREE_DEPTH, DeepTreeError, DepthGuard, may_be_deep
from bamlvm.grammar.diagnostics import Diagnostic, Label, error, sort
from bamlvm.grammar.items import split_items
from bamlvm.grammar.lalr import Driver, UnexpectedTokenError, load
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.recovery import missing_closers, resynchronise
from bamlvm.grammar.source import SourceFile, Span
from bamlvm.grammar.syntax import Declaration, File, Item, deeper_than
from bamlvm.grammar.syntax_errors import missing_semicolon, no_item_error, optional_semicolon, syntax_error
from bamlvm.grammar.tokens import CLOSER, CLOSER_TEXT, Lexed, Token

_START_RULES: Final = {
    "class": "class_item",
    "enum": "enum_item",
    "type": "alias_item",
    "function": "function_item",
    "const": "constant_item",
    "let": "constant_item",
    "template_string": "template_item",
    "client": "client_item",
    "generator": "generator_item",
    "retry_policy": "retry_policy_item",
    "test": "test_item",
}

_MAX_ERRORS: Final = 20
"""After so many errors in one item the rest of it is not read."""


class ParsedItem(msgspec.Struct, frozen=True):
    """An item's tree and its diagnostics; every place is relative to the start of its text."""

    declaration: Declaration | None
    """None if the item could not be read."""
    unread: str
    """The name of an item that could not be read, or ""."""
    diagnostics: tuple[Diagnostic, ...]
    recovered: Declaration | None = None
    """The parts of an item with syntax errors that could be read: for editors."""


ItemCache = dict[str, ParsedItem]
"""Parsed items by their text.  The caller owns it and decides what to drop."""


@cache
def _driver() -> Driver:
    return Driver(load(), types, expressions, statements, items)


def parse_file(source: SourceFile, cache: ItemCache | None = None) -> tuple[File, list[Diagnostic]]:
    """Return the tree of ``source`` with the items that could be read, and its diagnostics in order.

    Items found in ``cache`` are not parsed again; new ones are put into it.
    """
    text, path = source.text, source.path
    items: list[Item] = []
    recovered: list[Item] = []
    unread: list[str] = []
    diagnostics: list[Diagnostic] = []
    stray = -1  # where the last text ended that is no item
    for found in split_items(text):
        content = text[found.start : found.end]
        if not found.keyword:
            stray, before = found.end, stray
            if before >= 0 and "\n" not in text[before : found.start]:
                continue  # the rest of a line that was reported
            diagnostics.append(no_item_error(content).shifted(path, found.start))
            continue
        parsed = cache.get(content) if cache is not None else None
        if parsed is None:
            parsed = parse_item(content, found.keyword)
            if cache is not None:
                cache[content] = parsed
        if parsed.declaration is not None:
            items.append(Item(parsed.declaration, path, found.start, content))
        else:
            if parsed.diagnostics:
                stray = found.end  # what follows on its last line follows from its error
            if parsed.recovered is not None:
                recovered.append(Item(parsed.recovered, path, found.start, content))
            if parsed.unread:
                unread.append(parsed.unread)
        diagnostics.extend(diagnostic.shifted(path, found.start) for diagnostic in parsed.diagnostics)
    return File(path, tuple(items), tuple(unread), tuple(recovered)), sort(diagnostics)


def parse_item(text: str, keyword: str) -> ParsedItem:
    """Parse one item from its text, whose first word is ``keyword``."""
    lexed = lex(text, keyword)
    context = ActionContext(lexed, text)
    parser = _ItemParser(lexed, context, text)
    name = _probable_name(lexed.tokens)
    declaration = parser.parse(_start_rule(keyword, lexed.tokens))
    if keyword == "function" and lexed.trivia and declaration is not None:
        lexed.diagnostics.extend(comments_with_code(lexed, text, parser.reported))
    diagnostics = (*lexed.diagnostics, *context.diagnostics[: parser.spoken])
    return ParsedItem(declaration, "" if declaration is not None else name, diagnostics, parser.recovered)


class _ItemParser:
    """One item on its way through the parser, errors included."""

    def __init__(self, lexed: Lexed, context: ActionContext, text: str) -> None:
        self.lexed = lexed
        self.context = context
        self.text = text
        self.driver = _driver()
        self.reported = sorted(diagnostic.span.start for diagnostic in lexed.diagnostics)
        """Where diagnostics begin, in order."""
        self.tokens = lexed.tokens
        self.repaired = 0
        """The token before which a semicolon was inserted last."""
        self.recovered: Declaration | None = None
        self.spoken: int | None = None
        """How many diagnostics the actions had made when the parser stopped reporting: what it reads from there on is
        for ``recovered`` alone."""

    def parse(self, rule: str) -> Declaration | None:
        """Return the item's declaration, or None if it has a syntax error; report all that can be found in it."""
        tokens = self.lexed.tokens
        state = self.driver.begin(rule)
        call = DepthGuard().call if may_be_deep(tokens) else None
        # Up to the token at `quiet` errors are not reported: they follow from the one that was recovered from.
        index = quiet = errors = 0
        closers: list[Token] | None = None
        while True:
            try:
                declaration: Declaration = self.driver.resume(state, tokens, index, self.context, self.repair, call)
            except UnexpectedTokenError as failure:
                if failure.index >= quiet and self.spoken is None:
                    self.report(failure)
                    errors += 1
                following = resynchronise(self.driver, failure, tokens, self.text)
                if following is None or errors >= _MAX_ERRORS or self.lexed.broken:
                    self.fall_silent()
                    errors = max(errors, 1)
                    if following is None:
                        # What follows is not read: what is open is closed here, once.
                        if closers is not None:
                            return None
                        closers = missing_closers(state.values, len(self.text))
                        self.tokens = tokens = [*tokens[: failure.index], *closers]
                        following = failure.index
                index, quiet = following, following + 1
            except DeepTreeError as deep:
                self.report_depth(deep.start, deep.end)
                return None
            except LongPathError as path:
                message = f"this name has more than {MAX_PATH} parts"
                self.add(error("E0010", message, Span("", path.start, path.end)))
                return None
            else:
                node = deeper_than(declaration, MAX_TREE_DEPTH) if call is not None else None
                if node is not None:
                    if not errors:
                        self.report_depth(node.start, node.end)
                    return None
                if errors:
                    self.recovered = declaration
                    return None
                return declaration

    def fall_silent(self) -> None:
        """Report nothing from here on."""
        if self.spoken is None:
            self.spoken = len(self.context.diagnostics)

    def report_depth(self, start: int, end: int) -> None:
        message = f"this is more than {MAX_TREE_DEPTH} levels deep in one expression or type"
        hint = "give a part of it a name of its own"
        self.add(error("E0010", message, Span("", start, end), (), hint))

    def repair(self, failure: UnexpectedTokenError) -> Token | None:
        """Insert a semicolon that may be left out, or insert and report a missing one."""
        tokens = self.tokens
        if self.lexed.broken and failure.index >= len(tokens):
            return None
        repaired, self.repaired = self.repaired, failure.index
        optional = optional_semicolon(self.driver, failure, tokens, self.text, repaired)
        if optional is not None:
            return optional
        inserted = missing_semicolon(self.driver, failure, tokens, self.text)
        if inserted is None:
            self.repaired = repaired
            return None
        token, diagnostic = inserted
        if self.spoken is None and not self.is_reported(tokens[failure.index - 1].start, failure.token.start):
            self.add(diagnostic)
        return token

    def report(self, failure: UnexpectedTokenError) -> None:
        """Report an unexpected token, unless it follows from what the lexer has reported."""
        lexed, tokens = self.lexed, self.lexed.tokens
        if lexed.broken and failure.index >= len(tokens):
            return
        before = tokens[failure.index - 1].end if failure.index else 0
        if self.is_reported(before, failure.token.start):
            return
        if failure.index and any(
            each.span.start == tokens[failure.index - 1].start for each in self.context.diagnostics
        ):
            return
        if failure.token.kind == "TEMPLATE_START" and any(each.code == "E0009" for each in lexed.diagnostics):
            return  # the quote that would close a template string opens another inside its `${`
        # An unclosed delimiter whose closer would help here: say so at its own diagnostic, which says where it opens.
        opener = lexed.unclosed
        if opener is not None and opener.start < failure.token.start:
            closer = CLOSER[opener.kind]
            if self.driver.accepts(failure.state.states, closer):
                place = Span("", failure.token.start, failure.token.end)
                self.add_label("E0031", Label(place, f"`{CLOSER_TEXT[closer]}` is missing here"))
                return
        self.add(syntax_error(self.driver, failure, tokens, self.text))

    def add_label(self, code: str, label: Label) -> None:
        """Add to the lexer's last diagnostic with this code."""
        diagnostics = self.lexed.diagnostics
        at = max(at for at, diagnostic in enumerate(diagnostics) if diagnostic.code == code)
        labels = (*diagnostics[at].labels, label)
        diagnostics[at] = msgspec.structs.replace(diagnostics[at], labels=labels)

    def add(self, diagnostic: Diagnostic) -> None:
        self.lexed.diagnostics.append(diagnostic)
        insort(self.reported, diagnostic.span.start)

    def is_reported(self, start: int, end: int) -> bool:
        """Whether a diagnostic begins between two places."""
        at = bisect_left(self.reported, start)
        return at < len(self.reported) and self.reported[at] < end


def _probable_name(tokens: list[Token]) -> str:
    """Return the name of an item that could not be read, as far as its first tokens show it."""
    names = [token.text for token in tokens[1:6] if token.kind in ("NAME", "WORD")]
    if tokens and tokens[0].kind == "CLIENT" and len(names) > 1 and tokens[1].kind == "LESS":
        return names[1]
    return names[0] if names else ""


def _start_rule(keyword: str, tokens: list[Token]) -> str:
    if keyword == "dynamic":
        return "enum_item" if len(tokens) > 1 and tokens[1].kind == "ENUM" else "class_item"
    return _START_RULES[keyword]
