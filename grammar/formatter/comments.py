"""Which token a comment belongs to, and how it is written beside it.

Rule: a comment stays between the tokens between which it was written (except for separators, which come and go), and
on a line of its own if it stood on one.  It belongs to the token before it if that one ends on the comment's line
and the next token does not begin there; else to the token after it, and so behind an opening bracket, `//` aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bamlvm.grammar.formatter.documents import (
    FRESH,
    FRESH_BLANK,
    HARD,
    LATE,
    LATE_BLANK,
    SPACE,
    Doc,
    Remark,
    Verbatim,
    concat,
)
from bamlvm.grammar.tokens import Token

_OPENERS: Final = frozenset({"LPAREN", "LBRACKET", "LBRACE", "LESS"})
_ENDS: Final = frozenset({"RPAREN", "RBRACKET", "RBRACE", "GREATER", "GREATER_JOINED", "COMMA", "SEMICOLON", "$END"})


class Comment(msgspec.Struct, frozen=True):
    """A comment and where it stood."""

    text: str
    newline: bool
    """It began its line."""
    blank: bool
    """An empty line stood before it."""
    own: bool
    """It shares its line with nothing but comments."""

    @property
    def to_line_end(self) -> bool:
        return self.text.startswith("//")

    @property
    def is_doc(self) -> bool:
        return self.text.startswith("///") and not self.text.startswith("////")


class Surroundings(msgspec.Struct, frozen=True):
    """What stood around a token."""

    lead: tuple[Comment, ...] = ()
    trail: tuple[Comment, ...] = ()
    newline: bool = False
    """A line break stood before the token, comments included."""
    blank: bool = False
    """An empty line stood before the token's comments, or before it if there are none."""
    gap: bool = False
    """An empty line stood between the token and the comments before it."""


NOTHING: Final = Surroundings()


def attach(text: str, tokens: Iterable[Token], comments: Sequence[Token]) -> dict[int, Surroundings]:
    """What surrounds each token, by where it begins; tokens with nothing around them are left out.

    Both come in order, with positions in ``text``; a token of kind ``$END`` and no text stands for the end of the file.
    """
    found: dict[int, Surroundings] = {}
    before: Token | None = None
    at = 0
    for token in tokens:
        gap_start = before.end if before else 0
        if token.start - gap_start > 1 or before is None:
            first = at
            while at < len(comments) and comments[at].start < token.start:
                at += 1
            here = comments[first:at]
            if here:
                trail, surroundings = _split(text, before, token, here)
                if before and trail:
                    earlier = found.get(before.start, NOTHING)
                    found[before.start] = msgspec.structs.replace(earlier, trail=trail)
                found[token.start] = surroundings
            elif breaks := text.count("\n", gap_start, token.start):
                found[token.start] = Surroundings(newline=True, blank=breaks > 1)
        elif text.startswith("\n", gap_start):
            found[token.start] = Surroundings(newline=True)
        before = token
    return found


def _split(
    text: str, before: Token | None, token: Token, here: Sequence[Token]
) -> tuple[tuple[Comment, ...], Surroundings]:
    """The comments of one gap: those of the token before it, and what surrounds the one after it."""
    end = before.end if before else 0
    breaks = []
    for comment in here:
        breaks.append(text.count("\n", end, comment.start))
        end = comment.end
    last = text.count("\n", end, token.start)
    several = last or any(breaks) or any("\n" in comment.text for comment in here)
    if before is None or (before.kind in _OPENERS and several and not _ends_row(here, breaks)):
        breaks[0] = breaks[0] or 1
    rows = [index for index, count in enumerate(breaks) if count]
    ends = token.kind in _ENDS
    if rows:
        begin = rows[0]
        shared = len(here) if last or ends else rows[-1]
    else:
        begin = len(here) if last or ends else 0
        shared = 0
    made = [
        Comment(_text(comment), count > 0, count > 1, begin <= index < shared)
        for index, (comment, count) in enumerate(zip(here, breaks, strict=True))
    ]
    newline = last > 0 or bool(rows)
    lead = tuple(made[begin:])
    blank = lead[0].blank if lead else last > 1
    return tuple(made[:begin]), Surroundings(lead, (), newline, blank, last > 1 and bool(lead))


def _ends_row(here: Sequence[Token], breaks: Sequence[int]) -> bool:
    """Whether the first row of comments ends in one that says something about what is before it."""
    end = next((index for index, count in enumerate(breaks) if count and index), len(here))
    text = here[end - 1].text
    return text.startswith("//") and (text.startswith("////") or not text.startswith(("///", "//#")))


def _text(comment: Token) -> str:
    return comment.text.rstrip() if comment.text.startswith("//") else comment.text


def on_own_line(comments: Iterable[Comment]) -> tuple[Comment, ...]:
    """The same comments, each on a line of its own."""
    return tuple(Comment(comment.text, True, comment.blank, True) for comment in comments)


def written(comment: Comment) -> Doc:
    """A comment's text; the lines of a block comment that all begin with ``*`` move with its first."""
    text = comment.text
    if "\n" not in text:
        return text
    first, *rest = text.split("\n")
    if all(line.lstrip().startswith("*") for line in rest):
        lines: list[Doc] = [first.rstrip()]
        for line in rest:
            lines += [HARD, f" {line.strip()}"]
        return concat(*lines)
    return Verbatim(text, hard=True)


def leading(comments: Sequence[Comment], gap: bool = False) -> Doc:
    """Comments before a token; ``gap`` for an empty line between them and it."""
    parts: list[Doc] = []
    for index, comment in enumerate(comments):
        if comment.own:
            if comment.newline or not index:
                parts.append(FRESH_BLANK if comment.blank and index else FRESH)
            else:
                parts.append(SPACE)
            parts.append(written(comment))
            if index + 1 == len(comments):
                parts.append(LATE_BLANK if gap else LATE)
            elif not comments[index + 1].own:
                parts.append(LATE_BLANK if comments[index + 1].blank else LATE)
        else:
            parts += [written(comment), SPACE]
            if comment.to_line_end:
                parts.append(LATE)
    return concat(*parts)


def trailing(comments: Iterable[Comment]) -> Doc:
    """Comments behind a token, on its line."""
    parts: list[Doc] = []
    for comment in comments:
        parts += [SPACE, Remark(comment.text), LATE] if comment.to_line_end else [SPACE, written(comment)]
    return concat(*parts)
