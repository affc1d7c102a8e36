"""A file's text → the ranges of its items, without lexing them.

Rule: an item begins at its doc comment or keyword and ends at its closing brace; only strings, comments, attribute
arguments and delimiters are looked at, so a file whose items are cached costs little.  An item that is never closed
ends before the first line that begins, at column 0, like an item (``class Name {`` …): a missing brace costs one item.

This is a second lexical pass beside ``lexer.py``, on purpose: see ``docs/decisions/007-two-lexical-passes.md``.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from bamlvm.grammar.lexer_strings import old_comment_end
from bamlvm.grammar.tokens import BLANK, BLOCK_COMMENT, ITEM_KEYWORDS, JINJA, STRING, TEMPLATE_CHARACTER


class ItemRange(msgspec.Struct, frozen=True):
    """``[start, end)`` of the file; ``keyword`` is the item's, or "" for text that is no item.  ``word`` is where its
    first word begins, after any doc comment."""

    keyword: str
    start: int
    word: int
    end: int


_KEYWORD = re.compile(rf"({'|'.join(ITEM_KEYWORDS)})\b(?!-)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRONG: Final = (
    r"(?:(?:dynamic[ \t]+)?(?:class|enum)[ \t]+[A-Za-z_]\w*|type[ \t]+[A-Za-z_]\w*[ \t]*="
    r"|function[ \t]+[A-Za-z_]\w*[ \t]*[(<]"
    r"|client[ \t]*<[ \t]*\w+[ \t]*>|(?:client|generator|test|retry_policy)[ \t]+[A-Za-z_][\w-]*[ \t]*[({]"
    r"|template_string[ \t]+[A-Za-z_]\w*[ \t]*[(\#\"]"
    r"|(?:const|let)[ \t]+[A-Za-z_]\w*[ \t]*[=:])"
)
_ITEM_AT_COLUMN_0 = re.compile(rf"^{_STRONG}", re.MULTILINE)
_ITEM_ON_A_LINE = re.compile(rf"^[ \t]*(?={_STRONG})", re.MULTILINE)
_ITEM_OR_COMMENT = re.compile(rf"^[ \t]*(?={_STRONG}|//|/\*)", re.MULTILINE)
_TRIVIA = re.compile(rf"(?:[{BLANK}]++|//(?!/)[^\n]*+|////[^\n]*+|{BLOCK_COMMENT})*+")
_LONG_STRING = re.compile(STRING)
_DOC = re.compile(r"///(?!/)[^\n]*+")
_EVENT: Final = r"""(?:SKIP)*+(?:
 (?P<OPEN>[OPENERS])
|(?P<CLOSE>[CLOSERS])
|(?P<STRING>"(?:[^"\\\n]|\\[^\n])*+")
|(?P<QUOTE>")
|(?P<COMMENT>(?<!:)//[^\n]*+)
|(?P<BLOCK_COMMENT>/\*)
|(?P<LINE>\n)
|(?P<ATTRIBUTE>@@?[A-Za-z_][\w.\-]*+[ \t]*+\()
|(?P<RAW>\#++")
|(?P<BACKQUOTE>`)
|(?P<END>\Z)
|(?P<OTHER>(?s:.))
)"""


def _events(openers: str, closers: str, skip: str) -> re.Pattern[str]:
    pattern = _EVENT.replace("OPENERS", openers).replace("CLOSERS", closers).replace("SKIP", skip)
    return re.compile(pattern, re.VERBOSE)


_OUTSIDE = _events("{(", "})", r"""[^{}()"`/@\#\n]++|\n(?![ \t]*[cdefglrt])|\#++(?!")""")
"""Outside of any brace: parentheses count, comments end what an item holds, and the next item may be indented."""
_INSIDE = _events(
    "{",
    "}",
    r"""[^{}"`/@\#\n]++|\n(?![cdefglrt])|"(?:[^"\\\n]|\\[^\n])*+"|(?<!:)//[^\n]*+|/(?![/*])|\#++(?!")""",
)
"""Inside braces only braces count, and items at column 0."""
_ATTRIBUTE = re.compile(
    rf"""[^()"\#{{]*+(?:(?P<OPEN>\()|(?P<CLOSE>\))|(?P<STRING>{STRING})|(?P<RAW>\#++")
|(?P<JINJA>{JINJA})|(?P<END>\Z)|(?P<OTHER>(?s:.)))""",
    re.VERBOSE,
)
_TEMPLATE = re.compile(rf"{TEMPLATE_CHARACTER}*+(?:(?P<CLOSE>`)|(?P<OPEN>\$\{{)|(?P<END>))")
_CONSTANT: Final = frozenset({"const", "let"})
_OPEN_ENDED: Final = frozenset({"type", "template_string"}) | _CONSTANT
_NATIVE = re.compile(r"\b(?:native|sysop)\b")


def split_items(text: str) -> list[ItemRange]:
    """Return the items of a file in order.  Between them are blanks and comments."""
    return _Scanner(text).run()


class _Scanner:
    """One pass over a file's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.length = len(text.rstrip(BLANK))
        self.trusting = True
        """No item was left open yet; afterwards an item at column 0 always ends the one before."""
        self.quotes = self.comments = self.attributes = True
        """There may yet be a quote, a ``*/``, a ``)`` that closes.  Once a search has found none there is none further
        on either: it is not repeated, or the time would be quadratic."""

    def run(self) -> list[ItemRange]:
        text = self.text
        found: list[ItemRange] = []
        position = 0
        while True:
            start, word = self.skip_trivia(position)
            if word >= len(text):
                return found
            keyword = _KEYWORD.match(text, word)
            if keyword is None:
                position = self.stray_end(word)
                found.append(ItemRange("", word, word, position))
            else:
                position = self.item_end(word, keyword[1])
                found.append(ItemRange(keyword[1], start, word, position))

    def skip_trivia(self, position: int) -> tuple[int, int]:
        """Return where the next item begins, with its doc comment, and where its first word does."""
        text = self.text
        doc = -1
        while True:
            found = _TRIVIA.match(text, position)
            assert found is not None, "the pattern matches the empty string"
            position = found.end()
            if text.startswith("///", position):
                comment = _DOC.match(text, position)
                assert comment is not None, "trivia takes lines of four slashes"
                doc = position if doc < 0 else doc
                position = comment.end()
            elif text.startswith("{//", position) and (end := old_comment_end(text, position)) >= 0:
                position = end
            else:
                return (position if doc < 0 else doc), position

    def stray_end(self, start: int) -> int:
        """Return the end of text that begins no item: the next line that begins one or, if it looks like an item with
        an unknown keyword, its closing brace."""
        text = self.text
        if _WORD.match(text, start):
            return self.item_end(start, "")
        found = _ITEM_OR_COMMENT.search(text, start + 1)
        return start + len(text[start : found.start() if found else len(text)].rstrip(BLANK))

    def item_end(self, start: int, keyword: str) -> int:
        """Return the end of the item whose keyword is at ``start``.

        ``stack`` holds what is open: ``{``, ``(`` (outside of braces only) and ``$`` for the ``${`` of a backquoted
        string, which a ``}`` closes.  There are five ways for an item to end:

        1. at the brace that closes its first one (aliases, constants and templates may have braces before their end);
        2. for a template, at the end of its string; for a native function, at that word; for a constant, at its `;`;
        3. before a line that begins another item, if nothing is open (``last``: the end of what is no comment);
        4. left open, before the first line that begins another item at column 0 (``candidate``);
        5. at the end of the file.
        """
        text = self.text
        stack: list[str] = []
        outside = 0  # how much of the stack lies outside of all braces
        match = _OUTSIDE.match
        position = last = start
        candidate = -1
        while True:
            found = match(text, position)
            assert found is not None, "the pattern matches anything"
            kind = found.lastgroup
            at = found.start(found.lastindex or 0)
            if not stack:
                # The pattern has skipped [position, at): text that ends later than `last`, and maybe the word `native`.
                if at > position and (skipped := text[position:at].rstrip(BLANK)):
                    last = position + len(skipped)
                if keyword == "function" and (native := _NATIVE.search(text, position, at)):
                    return native.end()
                if keyword in _CONSTANT and (semicolon := text.find(";", position, at)) >= 0:
                    return semicolon + 1
            position = found.end()
            if kind == "OPEN":
                if text.startswith("{//", at) and (end := old_comment_end(text, at)) >= 0:
                    position = end
                else:
                    if text[at] == "{" and match == _OUTSIDE.match:
                        outside = len(stack)
                        match = _INSIDE.match
                    stack.append(text[at])
            elif kind == "CLOSE":
                opener = _close(stack, text[at])
                if opener == "$":
                    position = self.template_text(position, stack)
                elif opener == "{" and not stack and keyword not in _OPEN_ENDED:
                    return position
                if len(stack) <= outside:
                    match = _OUTSIDE.match
            elif kind == "LINE":
                if not stack:
                    if _ITEM_ON_A_LINE.match(text, position):
                        return last
                elif candidate < 0 and _ITEM_AT_COLUMN_0.match(text, position):
                    # A line inside a string or a class may look like an item, so this counts only if the item is still
                    # open at the end of the file.  Once one was, the items after it end at their first candidate, or a
                    # file of many open items would be read to its end for each.
                    candidate = self.with_doc(position, start) - 1
                    if not self.trusting:
                        return candidate
            elif kind == "END":
                if stack and candidate >= 0:
                    self.trusting = False
                    return candidate
                return self.length if stack else last
            elif kind != "COMMENT":
                position = self.literal_end(kind, at, position, stack)
                if not stack and kind in ("STRING", "QUOTE", "RAW") and keyword == "template_string":
                    return position
            if kind not in ("COMMENT", "BLOCK_COMMENT", "LINE"):
                last = position

    def literal_end(self, kind: str | None, at: int, position: int, stack: list[str]) -> int:
        """Return the end of the string, comment or attribute that begins at ``at``; ``position`` for anything else."""
        if kind == "QUOTE":
            return self.long_string_end(at)
        if kind == "RAW":
            return self.raw_string_end(at, position)
        if kind == "BACKQUOTE":
            return self.template_text(position, stack)
        if kind == "BLOCK_COMMENT":
            return self.comment_end(position)
        if kind == "ATTRIBUTE":
            return self.attribute_end(position)
        return position

    def long_string_end(self, start: int) -> int:
        """Return the end of a string of several lines.

        One that is never closed ends with its line; so does one that holds an item at column 0: then the quote that
        seems to close it opens another string.
        """
        text = self.text
        found = _LONG_STRING.match(text, start) if self.quotes else None
        self.quotes = self.quotes and found is not None
        if found is not None and not _ITEM_AT_COLUMN_0.search(text, start, found.end()):
            return found.end()
        end = text.find("\n", start)
        return end if end >= 0 else len(text)

    def comment_end(self, position: int) -> int:
        """Return the end of a block comment; one that is never closed ends before the next item."""
        end = self.text.find("*/", position) if self.comments else -1
        self.comments = end >= 0
        return end + 2 if end >= 0 else self.next_item(position, self.length)

    def raw_string_end(self, start: int, position: int) -> int:
        """Return the end of a raw string; one that is never closed ends before the next item.

        It is taken to be unclosed, too, if it holds both an item at column 0 and the opening of another raw string:
        then the quote that seems to close it is that one's.
        """
        text = self.text
        closer = '"' + "#" * (position - start - 1)
        close = text.find(closer, position)
        end = close + len(closer) if close >= 0 else len(text)
        if close < 0 or closer[::-1] in text[position:close]:
            return self.next_item(position, end)
        return end

    def next_item(self, position: int, end: int) -> int:
        """Return where the line before the next item at column 0 and its doc comment ends, or ``end``."""
        text = self.text
        found = _ITEM_AT_COLUMN_0.search(text, position, end)
        return end if found is None else self.with_doc(found.start(), position) - 1

    def with_doc(self, start: int, after: int) -> int:
        """Return where the doc comment at column 0 right above the line at ``start`` begins, but after ``after``."""
        text = self.text
        while text.startswith("///", line := text.rfind("\n", 0, max(start - 1, 0)) + 1) and line > after:
            start = line
        return start

    def template_text(self, position: int, stack: list[str]) -> int:
        """Return the end of a backquoted string, or of its text up to ``${``, which goes to the stack as ``$``."""
        found = _TEMPLATE.match(self.text, position)
        assert found is not None, "the pattern matches the empty string"
        if found.lastgroup == "OPEN":
            stack.append("$")
        elif found.lastgroup == "END":
            return self.next_item(position, self.length)
        return found.end()

    def attribute_end(self, position: int) -> int:
        """Return the end of an attribute's arguments, or ``position`` if they are never closed."""
        text = self.text
        depth = 1
        at = position
        while self.attributes:
            found = _ATTRIBUTE.match(text, at)
            assert found is not None, "the pattern matches anything"
            at = found.end()
            kind = found.lastgroup
            if kind == "OPEN":
                depth += 1
            elif kind == "CLOSE":
                depth -= 1
                if not depth:
                    return at
            elif kind == "RAW":
                at = self.raw_string_end(found.start(kind), at)
            elif kind == "END" or (kind == "OTHER" and text.startswith(("{{", '"'), at - 1)):
                self.attributes = False
        return position


def _close(stack: list[str], closer: str) -> str:
    """Take from the stack what ``}`` or ``)`` closes, and return it; "" if that is nothing.

    A brace closes the parentheses that were left open inside it too.
    """
    if closer == ")":
        return stack.pop() if stack and stack[-1] == "(" else ""
    while stack and stack[-1] == "(":
        stack.pop()
    return stack.pop() if stack else "{"
