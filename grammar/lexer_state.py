"""The state of the lexer: which delimiters are open, the mode that follows from them, and what has been found so far.

Rule: a mode changes only where a delimiter opens or closes: only :meth:`LexerState.push` and :meth:`LexerState.pop` set
it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic, Label, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.tokens import CODE, START, Lexed, Token

MAX_DEPTH: Final = 100
"""The most delimiters that may be open at once.  Deeper source is refused (E0010), so that later stages may recurse."""


class OpenDelimiter(msgspec.Struct):
    """A delimiter that is not closed yet: the kind that closes it, its start, and the state around it."""

    closer: str
    start: int
    mode: int
    signature: bool


class LexerState:
    """The state of one run over one item's text, whose first word is ``keyword``."""

    def __init__(self, text: str, keyword: str) -> None:
        self.text = text
        self.mode = START.get(keyword, CODE)
        self.signature = self.mode == CODE and keyword not in ("const", "let")
        """Inside a function's signature: the next brace at this depth opens its body."""
        self.open: list[OpenDelimiter] = []
        self.tokens: list[Token] = []
        self.trivia: list[Token] = []
        self.docs: dict[int, str] = {}
        self.headers: list[Token] = []
        self.diagnostics: list[Diagnostic] = []
        self.pending_doc: list[Token] = []
        """Doc comments that no token has followed yet."""
        self.broken = False
        self.unclosed: Token | None = None
        self.swallowed = False
        """A string or a comment that is never closed may have taken closing delimiters with it."""

    def lexed(self) -> Lexed:
        return Lexed(self.tokens, self.trivia, self.docs, self.headers, self.diagnostics, self.broken, self.unclosed)

    def push(self, closer: str, start: int, mode: int) -> bool:
        """Open a delimiter with ``mode`` inside it; False, with a diagnostic, if that is one too many."""
        if len(self.open) >= MAX_DEPTH:
            self.report("E0010", f"this is nested more than {MAX_DEPTH} levels deep", start, start + 1)
            self.give_up(start)
            return False
        self.open.append(OpenDelimiter(closer, start, self.mode, self.signature))
        self.mode, self.signature = mode, False
        return True

    def pop(self) -> None:
        """Close the innermost delimiter: the mode around it holds again."""
        closed = self.open.pop()
        self.mode, self.signature = closed.mode, closed.signature

    def comment(self, start: int, end: int) -> None:
        text = self.text[start:end]
        if text.startswith("///") and not text.startswith("////"):
            self.pending_doc.append(Token("DOC_COMMENT", text, start, end))
            return
        kind = "COMMENT"
        if text.startswith("//#"):
            kind = "HEADER"
            self.headers.append(Token(kind, text, start, end))
        self.trivia.append(Token(kind, text, start, end))

    def attach_doc(self, start: int) -> None:
        """Give the pending doc comments to the token at ``start``, which follows them."""
        lines = (doc.text[3:].removeprefix(" ").rstrip() for doc in self.pending_doc)
        self.docs[start] = "\n".join(lines)
        self.trivia.extend(self.pending_doc)
        self.pending_doc.clear()

    def give_up(self, start: int) -> int:
        """Read nothing from ``start`` on: looking for the end of every such thing again would take quadratic time."""
        self.trivia.append(Token("ERROR", self.text[start:], start, len(self.text)))
        return self.stop()

    def stop(self) -> int:
        """End the run: the rest of the text is taken.  Return its end."""
        self.broken = True
        self.open.clear()
        return len(self.text)

    def report(
        self, code: str, message: str, start: int, end: int, labels: tuple[Label, ...] = (), hint: str | None = None
    ) -> None:
        self.diagnostics.append(error(code, message, Span("", start, end), labels, hint))
