"""Jinja's parser, with exact places.

Jinja's nodes have their line number.  The lexer here passes the offset at which a token begins in place of its line, so
that ``node.lineno`` is an exact offset; the parser does not use it otherwise.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, cached_property
from typing import NamedTuple

import jinja2
from jinja2 import nodes
from jinja2.lexer import Lexer, Token, TokenStream
from jinja2.parser import Parser

_OPENING = frozenset({"for", "if", "macro", "call", "filter", "block", "with", "autoescape", "set"})

_NESTING = re.compile(r"unknown tag `(\w+)`.*block that needs to be closed is `(\w+)`")


class Word(NamedTuple):
    """A token: its offset, kind and text."""

    start: int
    kind: str
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class TemplateError(Exception):
    """A syntax error and its range."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class Parsed:
    """A template: its tree, whose ``lineno`` are offsets, and its tokens."""

    def __init__(self, tree: nodes.Template, text: str) -> None:
        self.tree = tree
        self._text = text

    @cached_property
    def words(self) -> list[Word]:
        """All tokens but blanks; needed only for reports."""
        return words_of(self._text)

    def at(self, place: int) -> int:
        """Return the index of the token that begins at a place, or of the last before it."""
        return max(bisect_right(self.words, place, key=lambda word: word.start) - 1, 0)


class _Lexer(Lexer):
    """Numbers tokens by offset.  It has no state: all templates share one."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        place = last = 0
        try:
            for _, kind, text in super().tokeniter(source, name, filename, state):
                while place < len(source) and not source.startswith(text, place):  # blanks that `-` removes
                    place += 1
                last = place
                yield place, kind, text
                place += len(text)
        except jinja2.TemplateSyntaxError as error:
            while place < len(source) - 1 and source[place].isspace():
                place += 1
            message = str(error.message)
            raise jinja2.TemplateSyntaxError(message, last if message.startswith("Missing end of") else place) from None


class _Environment(jinja2.Environment):
    """Jinja's syntax as prompts use it."""

    def __init__(self) -> None:
        super().__init__(cache_size=0, optimized=False)
        self._places = _Lexer(self)

    @property
    def lexer(self) -> Lexer:
        return self._places

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        return TokenStream(_Tokens(super()._tokenize(source, name, filename, state)), name, filename)


class _Tokens:
    """The tokens of a template and the error behind them, read at once.

    A generator that the parser leaves where it has recursed too deeply is closed there, which fails too, and Python
    3.13 says so on standard error.
    """

    def __init__(self, stream: Iterable[Token]) -> None:
        self._tokens: list[Token] = []
        self._error: Exception = StopIteration()
        try:
            self._tokens.extend(stream)
        except jinja2.TemplateSyntaxError as error:
            self._error = error
        self._tokens.reverse()

    def __iter__(self) -> Iterator[Token]:
        return self

    def __next__(self) -> Token:
        if self._tokens:
            return self._tokens.pop()
        raise self._error


@cache
def _environment() -> _Environment:
    """Return the environment, whose lexer compiles its regular expressions once."""
    return _Environment()


def parse(text: str) -> Parsed:
    """Parse a template, whose line ends are line feeds only.  Raise :class:`TemplateError`."""
    try:
        tree = Parser(_environment(), text).parse()
        deep = _too_deep(tree)
        if deep is not None:
            raise TemplateError("this template is nested or chained too deeply", deep, deep + 1)
        return Parsed(tree, text)
    except jinja2.TemplateSyntaxError as error:
        raise _explained(error, text, words_of(text)) from None
    except RecursionError:
        raise TemplateError("this template is nested too deeply", 0, 1) from None


_DEEPEST = 200
"""How deeply a template may be nested; a chain of filters, fields or operators is nested, too."""


def _too_deep(tree: nodes.Node) -> int | None:
    """Return the place of a node that is nested too deeply, or None.  What walks the tree later recurs."""
    level: list[nodes.Node] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return None
    return level[0].lineno


def words_of(text: str) -> list[Word]:
    """Return the tokens up to the first invalid character."""
    words = []
    with suppress(jinja2.TemplateSyntaxError):
        for place, kind, word in _environment().lexer.tokeniter(text, None):
            if kind != "whitespace":
                words.append(Word(place, kind, word))
    return words


def _explained(error: jinja2.TemplateSyntaxError, text: str, words: list[Word]) -> TemplateError:
    message = re.sub(r" at \d+$", "", str(error.message)).rstrip(".").replace("'", "`")
    if message.startswith("Unexpected end of template"):
        opened = _unclosed(words)
        if opened is not None:
            return TemplateError(f"`{opened.text}` is never closed with `end{opened.text}`", opened.start, opened.end)
    nested = _NESTING.search(message)
    if nested is not None and nested[1].startswith("end") and (opened := _unclosed(words, error.lineno)) is not None:
        return TemplateError(
            f"`{opened.text}` is still open at `{nested[1]}`: close it with `end{opened.text}`",
            opened.start,
            opened.end,
        )
    if nested is not None:
        message = f"`{nested[1]}` is misplaced: `{nested[2]}` is still open"
    for kind, sign in (("print statement", "}}"), ("statement block", "%}")):
        message = message.replace(f"expected token `end of {kind}`, got", f"expected `{sign}`, found")
    place = min(error.lineno, max(len(text) - 1, 0))
    before = [word for word in words if word.start < place]
    if message.endswith("found `if`") and before and before[-1].text == "else":
        message += ": write `{% elif … %}`"
    end = next((word.end for word in words if word.start == place), place + 1)
    return TemplateError(message[:1].lower() + message[1:], place, max(end, place + 1))


def _unclosed(words: list[Word], before: int | None = None) -> Word | None:
    """Return the innermost block tag that has no end (before a place), or None."""
    opened: list[Word] = []
    if before is not None:
        words = [word for word in words if word.start < before]
    for index, word in enumerate(words[1:], 1):
        if words[index - 1].kind != "block_begin" or word.kind != "name":
            continue
        if word.text.startswith("end"):
            del opened[-1:]
        elif word.text in _OPENING and not (word.text == "set" and _assigns(words, index)):
            opened.append(word)
    return opened[-1] if opened else None


def _assigns(words: list[Word], index: int) -> bool:
    """Whether a ``set`` tag has its value in it."""
    for word in words[index:]:
        if word.kind == "block_end":
            return False
        if word.kind == "operator" and word.text == "=":
            return True
    return False
