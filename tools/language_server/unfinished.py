"""An item that is being typed: what is before the cursor, and texts in which the item is complete.

Where a name is still to come a placeholder stands for it, so that the compiler can say what could: it notes a gap
(:class:`bamlvm.compiler.uses.Gap`).  What is open before the cursor is closed if that makes the item whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from bamlvm.grammar.items import ItemRange, split_items
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.parser import parse_item
from bamlvm.grammar.tokens import CLOSER, CLOSER_TEXT

PLACEHOLDER: Final = "bamlvm_cursor"

_WORD_BEFORE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORD_AFTER: Final = re.compile(r"[A-Za-z0-9_]*")


class Unfinished(NamedTuple):
    """The item around the cursor: its keyword and where it starts in the file; its text ``before`` the cursor, with the
    ``prefix`` that is the beginning of a word; and the whole file with the item ``completed``, in which the placeholder
    stands at ``place``, in place of the word under the cursor."""

    keyword: str
    start: int
    before: str
    prefix: str
    completed: str
    place: int


def item_around(text: str, offset: int) -> ItemRange | None:
    """Return the item around a place, or the one right before it that is not complete; None outside of items."""
    found: ItemRange | None = None
    for each in split_items(text):
        if each.start > offset:
            break
        found = each
    if found is None or not found.keyword:
        return None
    if offset <= found.end:
        return found
    content = text[found.word : found.end]
    on_its_line = "\n" not in text[found.end : offset] and not content.endswith(("}", "#", ";"))
    return found if on_its_line or lex(content, found.keyword).broken else None


def unfinished(text: str, offset: int) -> Unfinished | None:
    """Return the item around the cursor, completed; None outside of items."""
    item = item_around(text, offset)
    if item is None or offset < item.word:
        return None
    before = text[item.start : offset]
    prefix = word[0] if (word := _WORD_BEFORE.search(before)) else ""
    after_word = offset + len(found[0]) if (found := _WORD_AFTER.match(text, offset)) else offset
    head, rest = before[: len(before) - len(prefix)], text[after_word : max(item.end, after_word)]
    completed = _best(head, rest, item.keyword)
    return Unfinished(
        item.keyword,
        item.start,
        before,
        prefix,
        text[: item.start] + completed + text[max(item.end, after_word) :],
        item.start + len(head),
    )


def _best(head: str, rest: str, keyword: str) -> str:
    """Return the item with the placeholder that can be read whole, or else in part."""
    partial = ""
    for candidate in _candidates(head, rest, keyword):
        parsed = parse_item(candidate, keyword)
        if parsed.declaration is not None:
            return candidate
        if parsed.recovered is not None and not partial:
            partial = candidate
    return partial or f"{head}{PLACEHOLDER}{rest}"


def _candidates(head: str, rest: str, keyword: str) -> Iterator[str]:
    others = rest.partition("\n")[2]
    inner, outer = closing(head, keyword)
    yield f"{head}{PLACEHOLDER}{rest}"
    yield f"{head}{PLACEHOLDER};{rest}"
    yield f"{head}{PLACEHOLDER}{inner}{rest}"
    yield f"{head}{PLACEHOLDER}{inner};{rest}"
    yield f"{head}{PLACEHOLDER}{inner}\n{others}"
    yield f"{head}{PLACEHOLDER}{inner};\n{others}"
    yield f"{head}{PLACEHOLDER}\n{others}"
    yield f"{head}{PLACEHOLDER}{inner} {{}} {rest}"
    yield f"{head}{PLACEHOLDER}{inner} => 0 {rest}"
    yield f"{head}{PLACEHOLDER}{inner}{outer}"
    yield f"{head}{PLACEHOLDER}{inner} {{}} {outer}"
    yield f"{head}{PLACEHOLDER}{inner} => 0 {outer}"


def closing(head: str, keyword: str) -> tuple[str, str]:
    """Return what closes the expression that is open at the end of a text, and then what closes the blocks around."""
    opened: list[str] = []
    for token in lex(head, keyword).tokens:
        if token.kind in CLOSER:
            opened.append(CLOSER[token.kind])
        elif token.kind == "TEMPLATE_START":
            opened.append("TEMPLATE_END")
        elif token.kind in CLOSER_TEXT and opened:
            opened.pop()
    blocks = len(opened)
    while blocks and opened[blocks - 1] != "RBRACE":
        blocks -= 1
    inner = "".join(CLOSER_TEXT[kind] for kind in reversed(opened[blocks:]))
    return inner, "".join(CLOSER_TEXT[kind] for kind in reversed(opened[:blocks]))
