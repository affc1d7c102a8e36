"""Valid programs made wrong, or differently right: a piece of one put in the place of another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, get_args

from bamlvm.grammar import syntax
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from tests.generators.choices import Choices

TESTS: Final = Path(__file__).parent.parent

KINDS: Final[Mapping[str, tuple[type[syntax.Node], ...]]] = {
    "expression": get_args(syntax.Expr),
    "type": get_args(syntax.TypeExpr),
    "pattern": get_args(syntax.Pattern),
    "statement": get_args(syntax.Statement),
}
"""Kinds of nodes that may stand for each other."""

WORDS: Final = (
    *(
        "null",
        "0",
        "-1",
        "1.5",
        '"x"',
        "true",
        "x",
        "self",
        "main",
        "int",
        "string",
        "unknown",
        "int?",
        "T[]",
        "[]",
        "{}",
    ),
    *(
        "return",
        "break",
        "continue",
        "throw",
        "catch",
        "catch_all",
        "match",
        "if",
        "else",
        "let",
        "is",
        "??",
        "&&",
        "!",
    ),
    *("+", "-", "==", "<", "=>", "_", "|", "...", ".", ",", ";", "(", ")", "{", "}", "[", "]", "=", "+=", ":", "->"),
)

_TOKEN: Final = re.compile(r'"[^"\n]*"|\w+|=>|->|&&|\|\||\?\?|[=!<>]=|\.\.\.|[^\w\s]')


@cache
def corpus() -> Sequence[str]:
    """The programs that mutations start from: those of the behaviour tests and of the projects."""
    files = sorted((TESTS / "behaviour").rglob("*.baml")) + sorted((TESTS / "projects").rglob("*.baml"))
    return [file.read_text(encoding="utf-8") for file in files]


def pieces(source: str) -> dict[str, list[tuple[int, int]]]:
    """Where the nodes of each kind are in a program."""
    tree, _ = parse_file(SourceFile("main.baml", source))
    found: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
    for item in tree.items:
        for node in syntax.walk(item.declaration):
            for kind, types in KINDS.items():
                if isinstance(node, types) and node.start < node.end:
                    found[kind].append((item.offset + node.start, item.offset + node.end))
    return found


def mutated(source: str, choices: Choices) -> str:
    """``source`` with one to four mutations."""
    for _ in range(1 + choices.below(4)):
        source = _nodes(source, choices) if choices.below(3) else _tokens(source, choices)
    return source


def _nodes(source: str, choices: Choices) -> str:
    """A node replaced by another of its kind, of the same program or (rarely) of another one."""
    found = pieces(source)
    kinds = [kind for kind, places in found.items() if places]
    if not kinds:
        return source
    kind = choices.pick(kinds)
    start, end = choices.pick_far(found[kind])
    donor = source
    if choices.chance(15):
        donor = choices.pick(corpus())
    donors = pieces(donor)[kind] if donor is not source else found[kind]
    if not donors:
        return source
    first, last = choices.pick_far(donors)
    return source[:start] + donor[first:last] + source[end:]


def _tokens(source: str, choices: Choices) -> str:
    """A token left out, said twice, or replaced by a word."""
    tokens = list(_TOKEN.finditer(source))
    if not tokens:
        return source
    token = choices.pick_far(tokens)
    text = token.group()
    replacement = choices.pick(("", f"{text} {text}", choices.pick(WORDS), choices.pick(WORDS)))
    return f"{source[: token.start()]}{replacement}{source[token.end() :]}"
