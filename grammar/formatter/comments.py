"""Comments: the token that each belongs to, and its layout beside it.

Rule: a comment stays between the two tokens that it was written between (separators aside, which come and go), and on a
line of its own if it was on one.  It belongs to the token before it if that one ends on the comment's line and the next
token does not begin there; else to the token after it.  After an opening bracket it belongs to what is inside, except
a `//` comment on the bracket's line.
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
    """A comment and its place in the source."""

    text: str
    newline: bool
    """It begins a line."""
    blank: bool
    """An empty line is before it."""
    own: bool
    """Its line has nothing but comments."""

    @property
    def to_line_end(self) -> bool:
        return self.text.startswith("//")

    @property
    def is_doc(self) -> bool:
        return self.text.startswith("///") and not self.text.startswith("////")


class Surroundings(msgspec.Struct, frozen=True):
    """The comments, line breaks and empty lines around a token in the source."""

    lead: tuple[Comment, ...] = ()
    trail: tuple[Comment, ...] = ()
    newline: bool = False
    """A line break is before the token, among its comments or not."""
    blank: bool = False
    """An empty line is before the token's comments, or before it if there are none."""
    gap: bool = False
    """An empty line is between the token and the comments before it."""


NOTHING: Final = Surroundings()


def attach(text: str, tokens: Iterable[Token], comments: Sequence[Token]) -> dict[int, Surroundings]:
    """Return the surroundings of each token by its start; tokens without any are left out.

    Tokens and comments are in order, with positions in ``text``; a token of kind ``$END`` is the end of the file.
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
    """Divide the comments between two tokens: those of the token before, and the surroundings of the one after."""
    # `breaks[i]` are the line breaks before comment i (after the token or comment before it), `last` those after all.
    end = before.end if before else 0
    breaks = []
    for comment in here:
        breaks.append(text.count("\n", end, comment.start))
        end = comment.end
    last = text.count("\n", end, token.start)
    # At the start of the file, and after an opening bracket whose content has lines of its own, the first row of
    # comments is about what follows, as if it began a line; unless it ends in a remark about what is before it.
    several = last or any(breaks) or any("\n" in comment.text for comment in here)
    if before is None or (before.kind in _OPENERS and several and not _ends_in_remark(here, breaks)):
        breaks[0] = breaks[0] or 1
    # A row is the comments of one line; `rows` are where they begin.  What is before the first belongs to the token
    # before, the rest to the token after.  Of that, all rows have lines of their own but the last, if the token
    # follows on its line (a closing bracket or separator may be moved away from it).
    rows = [index for index, count in enumerate(breaks) if count]
    moves = token.kind in _ENDS
    if rows:
        begin = rows[0]
        alone = len(here) if last or moves else rows[-1]
    else:
        # All on one line with the token before: its own, unless the next token is on that line too.
        begin = len(here) if last or moves else 0
        alone = 0
    made = [
        Comment(_text(comment), count > 0, count > 1, begin <= index < alone)
        for index, (comment, count) in enumerate(zip(here, breaks, strict=True))
    ]
    newline = last > 0 or bool(rows)
    lead = tuple(made[begin:])
    blank = lead[0].blank if lead else last > 1
    return tuple(made[:begin]), Surroundings(lead, (), newline, blank, last > 1 and bool(lead))


def _ends_in_remark(here: Sequence[Token], breaks: Sequence[int]) -> bool:
    """Whether the first row ends in a `//` comment that is no doc comment and no header: it is about what is before."""
    end = next((index for index, count in enumerate(breaks) if count and index), len(here))
    text = here[end - 1].text
    return text.startswith("//") and (text.startswith("////") or not text.startswith(("///", "//#")))


def _text(comment: Token) -> str:
    return comment.text.rstrip() if comment.text.startswith("//") else comment.text


def on_own_line(comments: Iterable[Comment]) -> tuple[Comment, ...]:
    """Return the comments, each on a line of its own."""
    return tuple(Comment(comment.text, True, comment.blank, True) for comment in comments)


def written(comment: Comment) -> Doc:
    """Lay out a comment's text; the lines of a block comment that all begin with ``*`` are indented as its first is."""
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
    """Lay out comments before a token, with an empty line between them and it if ``gap``."""
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
    """Lay out comments after a token, on its line."""
    parts: list[Doc] = []
    for comment in comments:
        parts += [SPACE, Remark(comment.text), LATE] if comment.to_line_end else [SPACE, written(comment)]
    return concat(*parts)
