"""Bounds on the depth of syntax trees.

Rule: a tree of more than :data:`MAX_TREE_DEPTH` levels is refused, so that later stages may recurse, and one that is
much deeper is never built: freeing a long chain of nodes overflows the C stack.  The lexer bounds nested delimiters;
what is left are chains without them, ``a.b().c()``, ``int[][][]``, ``1 + 1 + 1``, ``return return x``.

Following the depth of every value costs time, so an item is first looked at token by token (:func:`may_be_deep`), and
only the few that could be deep are parsed under a :class:`DepthGuard`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bamlvm.grammar.syntax import Node
from bamlvm.grammar.tokens import CLOSER, Token

MAX_TREE_DEPTH: Final = 256
"""The most levels of nodes in an item's tree; a deeper one is refused (E0010), so that later stages may recurse."""
_MAX_GUARDED: Final = 400
"""The most levels that a guard allows: those of any tree that is not too deep, with a level for each parenthesis, which
leaves no node."""
_SUSPICIOUS: Final = 100
"""An item with fewer links in a row, those around it included, cannot have a tree that is too deep: a link is at most
two levels (in ``if (a) { …`` two links are an If, a Block and an ExprStatement)."""

_LINKS: Final = frozenset(
    {
        "LPAREN",
        "LBRACKET",
        "LBRACE",
        "INTERPOLATION",
        "LESS",
        "DOT",
        "OPTIONAL_DOT",
        "QUESTION",
        "PIPE",
        "ARROW",
        "COALESCE",
        "OR",
        "AND",
    }
    | {"CARET", "AMPERSAND", "EQUALITY", "GREATER", "GREATER_JOINED", "COMPARISON", "SHIFT_LEFT", "PLUS", "MINUS"}
    | {"MULTIPLY", "NOT", "IS", "INSTANCEOF", "ELSE", "CATCH", "CATCH_ALL", "RETURN", "THROW", "ELLIPSIS", "FAT_ARROW"}
    | {"ATTRIBUTE", "BLOCK_ATTRIBUTE", "ASSIGN", "COMPOUND_ASSIGN", "COLON", "TEMPLATE_START"}
)
"""The tokens that may put a node around what is before or after them."""
_SEPARATORS: Final = frozenset({"COMMA", "SEMICOLON"})
_OPERANDS: Final = frozenset({"NAME", "WORD", "LET", "FOR", "WHILE", "IF", "MATCH", "ASSERT", "FUNCTION"})
_OPERAND_ENDS: Final = frozenset({"NAME", "RBRACE", "RBRACKET", "RPAREN", "QUESTION", "STRING", "INT", "WORD"})
_CLOSERS: Final = frozenset(CLOSER.values())


def may_be_deep(tokens: list[Token]) -> bool:
    """Whether the tree of an item could be deeper than :data:`MAX_TREE_DEPTH`, judged by its tokens alone.

    Counts the links of the expression that is being read and of those around it.  An expression ends at a separator, or
    where an operand follows another without anything between them: there a statement, field or entry begins.
    """
    if len(tokens) <= MAX_TREE_DEPTH // 2:
        return False
    around: list[int] = []
    links = total = 0  # of the innermost expression; of all that are open, it included
    previous = ""
    for token in tokens:
        kind = token.kind
        if kind in _LINKS:
            links += 1
            total += 1
            if total > _SUSPICIOUS:
                return True
            if kind in CLOSER:
                around.append(links)
                links = 0
        elif kind in _CLOSERS:
            total -= links
            links = around.pop() if around else 0
        elif kind in _SEPARATORS or (kind in _OPERANDS and previous in _OPERAND_ENDS):
            total -= links
            links = 0
        previous = kind
    return False


class DeepTreeError(Exception):
    """A tree is too deep: ``[start, end)`` are the tokens that a node would have been built of."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class DepthGuard:
    """Calls actions and follows the depth of what they return; one guard for one item.

    An action may build two nodes in one another, so the true depth is up to twice the one that is counted.
    """

    def __init__(self) -> None:
        self._depths: dict[int, tuple[Any, int]] = {}
        """The depth of each value by its identity; the value is kept, so that its identity is not used again."""

    def call(self, action: Callable[..., Any], context: object, *arguments: Any) -> Any:
        """Return what the action returns.  Raises :class:`DeepTreeError` instead of calling it for what is too deep."""
        depth = 0
        for argument in arguments:
            known = self._depths.get(id(argument))
            if known is not None and known[1] > depth:
                depth = known[1]
        if depth >= _MAX_GUARDED:
            places = [each for each in arguments if isinstance(each, Token | Node)]
            raise DeepTreeError(places[0].start, places[-1].end)
        value = action(context, *arguments)
        # Lists and tuples are on their way into a node and are no level of their own.
        self._depths[id(value)] = value, depth + isinstance(value, Node)
        return value
