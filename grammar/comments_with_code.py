"""Comments that were meant as code: in `let half = x // 2;` a comment holds the operator, and the `;`.

Where the next statement is on the next line a `;` is missing, and the hint says why.  Before a brace it may be left
out, so that nothing would be said: there it is a warning, for what can hardly be a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bamlvm.grammar.diagnostics import Diagnostic, Edit, replace
from bamlvm.grammar.source import Span
from bamlvm.grammar.tokens import Lexed

_HINT: Final = "`//` begins a comment; `/` of two ints is an int"
_OPERAND_ENDS: Final = frozenset({"NAME", "INT", "FLOAT", "RPAREN", "RBRACKET"})
_OPERATION: Final = re.compile(r"//[ \t]*[\w.]+(\([^()]*\))?([ \t]*[-+*/%][ \t]*[\w.]+)*[ \t]*;[ \t]*\Z")
_SWALLOWED: Final = re.compile(r"[ \t]*(//)[ \t]*[\w(][^\n]*;[ \t]*(?=\n)")


def swallowed_by_comment(text: str, start: int, end: int) -> tuple[str, tuple[Edit, ...]] | None:
    """Return the hint and the fix for a comment between ``start`` and ``end`` that ends in `;`, or None."""
    comment = _SWALLOWED.match(text, start, end)
    return (_HINT, replace(comment.start(1), comment.end(1), "/")) if comment is not None else None


def comments_with_code(lexed: Lexed, text: str, reported: Sequence[int]) -> Iterator[Diagnostic]:
    """Yield a warning for every comment that holds the last statement's end; ``reported`` are the places of errors."""
    ends = {each.end: at for at, each in enumerate(lexed.tokens)}
    for comment in lexed.trivia:
        before = comment.start
        while before and text[before - 1] in " \t":
            before -= 1
        at = ends.get(before)
        if at is None or comment.kind != "COMMENT" or at + 1 >= len(lexed.tokens):
            continue
        is_last = lexed.tokens[at].kind in _OPERAND_ENDS and lexed.tokens[at + 1].kind == "RBRACE"
        if is_last and _OPERATION.match(comment.text) and not any(before - 1 <= each <= before for each in reported):
            span = Span("", comment.start, comment.end)
            message = "this is a comment, and holds the `;` of the statement before it"
            fix = replace(comment.start, comment.start + 2, "/")
            yield Diagnostic("E0028", "warning", message, span, (), _HINT, fix)
