"""The context of one item's actions: the lexer's findings, and the diagnostics that the actions add."""

from __future__ import annotations

from bamlvm.grammar.diagnostics import Diagnostic, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.strings import raw_content, unescape
from bamlvm.grammar.syntax import Alias, Class, Enum
from bamlvm.grammar.tokens import Lexed, Token


class ActionContext:
    """The state of one item's reductions; the first argument of every action."""

    def __init__(self, lexed: Lexed, text: str) -> None:
        self.text = text
        self.docs = lexed.docs
        self.headers = list(lexed.headers)
        """Headers that no block has taken yet, in order."""
        self.diagnostics: list[Diagnostic] = []
        self.types: list[Class | Enum | Alias] = []
        """The items of a test's ``type_builder`` block."""

    def report(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        self.diagnostics.append(error(code, message, Span("", start, end), (), hint))

    def unquote(self, token: Token) -> str:
        """Return the value of a STRING or RAW_STRING token."""
        if token.kind == "RAW_STRING":
            return raw_content(token.text)[0]
        text = token.text
        closed = len(text) > 1 and text.endswith('"')
        return self.unescape(text[1:-1] if closed else text[1:], token.start + 1)

    def unescape(self, content: str, offset: int) -> str:
        """Replace the escapes of ``content``, which begins at ``offset``; report those that are invalid."""

        def invalid(start: int, end: int, text: str) -> None:
            hint = r"escapes are \n \r \t \\ \" \0 \u{1F600} and \x41"
            self.report("E0010", f"`{text}` is not an escape", offset + start, offset + end, hint)

        return unescape(content, invalid)
