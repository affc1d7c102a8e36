"""The stages ``tokens`` and ``ast`` as text, for people and for snapshots.

Rule: compact, stable, one thing a line.  A place is ``start:end`` in characters, of the file for tokens, of the item
for nodes (so an item that only moves prints the same).  Fields that are None, empty or False are not printed, nor those
that only hold another place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bamlvm.grammar.items import split_items
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.syntax import File, Node, children, fields
from bamlvm.grammar.tokens import Token


def tokenize(text: str) -> list[Token]:
    """Return all tokens of a file in order, comments and unreadable text (``ERROR``) included.

    Between two tokens are only blanks; positions are the file's.
    """
    tokens: list[Token] = []
    end = 0
    for item in split_items(text):
        tokens.extend(_comments(text, end, item.start))
        content = text[item.start : item.end]
        if item.keyword:
            lexed = lex(content, item.keyword)
            found = sorted([*lexed.tokens, *lexed.trivia], key=lambda token: token.start)
        else:
            found = [Token("ERROR", content, 0, len(content))]
        tokens.extend(_moved(token, item.start) for token in found)
        end = item.end
    tokens.extend(_comments(text, end, len(text)))
    return tokens


def _comments(text: str, start: int, end: int) -> Iterator[Token]:
    """Yield the comments between two items."""
    for token in lex(text[start:end], "").trivia:
        yield _moved(token, start)


def _moved(token: Token, offset: int) -> Token:
    return Token(token.kind, token.text, token.start + offset, token.end + offset)


def render_tokens(text: str) -> str:
    """Return the tokens of a file, one a line: place, kind, text."""
    lines = (f"{f'{token.start}:{token.end}':<12}{token.kind:<18}{_shown(token.text)}" for token in tokenize(text))
    return "".join(f"{line}\n" for line in lines)


def _shown(text: str) -> str:
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)


def render_tree(file: File) -> str:
    """Return the tree of a file, one node a line, its children indented below it."""
    lines = [f"File {file.path}"]
    for item in file.items:
        lines.append(f"Item at {item.offset}")
        # A stack instead of recursion: (depth, label, node); the text of a template is among its nodes.
        waiting: list[tuple[int, str, Node | str]] = [(1, "", item.declaration)]
        while waiting:
            depth, label, node = waiting.pop()
            if isinstance(node, str):
                lines.append("  " * depth + label + json.dumps(node, ensure_ascii=False))
                continue
            inner: list[tuple[int, str, Node | str]] = []
            words = [f"{label}{type(node).__name__}", f"{node.start}:{node.end}"]
            for name, value in fields(node):
                if isinstance(value, Node):
                    inner.append((depth + 1, f"{name}: ", value))
                elif type(value) is tuple and any(isinstance(part, Node) for part in value):
                    inner += [(depth + 1, f"{name}- ", part) for part in value]
                elif not name.endswith(("_start", "_end", "raw")) and (value or name == "value") and value != ():
                    words.append(f"{name}={json.dumps(value, ensure_ascii=False)}")
            lines.append("  " * depth + " ".join(words))
            waiting.extend(reversed(inner))
    lines.extend(f"unread {name}" for name in file.unread)
    return "".join(f"{line}\n" for line in lines)


def spans_nest(file: File) -> list[str]:
    """Return a text for each node whose range is not inside its parent's, or inside the item's text for the outermost.

    An invariant of the parser: the list is empty for any file.
    """
    problems: list[str] = []
    for item in file.items:
        waiting: list[tuple[Node, int, int, str]] = [(item.declaration, 0, len(item.text), "the item")]
        while waiting:
            node, start, end, parent = waiting.pop()
            name = f"{type(node).__name__} {node.start}:{node.end}"
            if not start <= node.start <= node.end <= end:
                problems.append(f"{name} is not inside {parent} {start}:{end}")
            waiting.extend((child, node.start, node.end, type(node).__name__) for child in children(node))
    return problems
