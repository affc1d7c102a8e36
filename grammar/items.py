"""A file's text → the texts of its items, without reading them closely.

Rule: an item begins at its doc comment or keyword and ends at its closing brace; only strings, comments, attribute
arguments and delimiters are looked at, so a file whose items are cached costs little.  An item that is never closed
ends before the first line that begins, at column 0, like an item (``class Name {`` …): a missing brace costs one item.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from bamlvm.grammar.lexer_strings import old_comment_end
from bamlvm.grammar.tokens import ITEM_KEYWORDS


class Piece(msgspec.Struct, frozen=True):
    """``[start, end)`` of the file; ``keyword`` is the item's, or "" for text that is no item.  ``word`` is where the
    first word stands, behind any doc comment."""

    keyword: str
    start: int
    word: int
    end: int


_BLANK: Final = " \t\r\n\f\ufeff"
"""What separates items and tokens.  Python's idea of blank is wider."""
_KEYWORD = re.compile(rf"({'|'.join(ITEM_KEYWORDS)})\b(?!-)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRONG: Final = (
    r"(?:(?:dynamic[ \t]+)?(?:class|enum)[ \t]+[A-Za-z_]\w*|type[ \t]+[A-Za-z_]\w*[ \t]*="
    r"|function[ \t]+[A-Za-z_]\w*[ \t]*[(<]"
    r"|client[ \t]*<[ \t]*\w+[ \t]*>|(?:client|generator|test|retry_policy)[ \t]+[A-Za-z_][\w-]*[ \t]*[({]"
    r"|template_string[ \t]+[A-Za-z_]\w*[ \t]*[(\#\"])"
)
_ITEM_AT_COLUMN_0 = re.compile(rf"^{_STRONG}", re.MULTILINE)
_ITEM_ON_A_LINE = re.compile(rf"^[ \t]*(?={_STRONG})", re.MULTILINE)
_ITEM_OR_COMMENT = re.compile(rf"^[ \t]*(?={_STRONG}|//|/\*)", re.MULTILINE)
_TRIVIA = re.compile(r"(?:[ \t\r\n\f\ufeff]++|//(?!/)[^\n]*+|////[^\n]*+|/\*(?s:.)*?\*/)*+")
_LONG_STRING = re.compile(r'"(?:[^"\\]|\\(?s:.))*+"')
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


_OUTSIDE = _events("{(", "})", r"""[^{}()"`/@\#\n]++|\n(?![ \t]*[cdefgrt])|\#++(?!")""")
"""Outside of any brace: parentheses count, comments end what an item holds, and the next item may be indented."""
_INSIDE = _events(
    "{",
    "}",
    r"""[^{}"`/@\#\n]++|\n(?![cdefgrt])|"(?:[^"\\\n]|\\[^\n])*+"|(?<!:)//[^\n]*+|/(?![/*])|\#++(?!")""",
)
"""Inside braces only braces count, and items at column 0."""
_ATTRIBUTE = re.compile(
    r"""[^()"\#{]*+(?:(?P<OPEN>\()|(?P<CLOSE>\))|(?P<STRING>"(?:[^"\\]|\\(?s:.))*+")|(?P<RAW>\#++")
|(?P<JINJA>\{\{(?:"[^"\n]*"|'[^'\n]*'|(?!\}\})(?s:.))*+\}\})|(?P<END>\Z)|(?P<OTHER>(?s:.)))""",
    re.VERBOSE,
)
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\(?s:.)|\$(?!\{))*+(?:(?P<CLOSE>`)|(?P<OPEN>\$\{)|(?P<END>))")
_NATIVE = re.compile(r"\b(?:native|sysop)\b")


def split(text: str) -> list[Piece]:
    """The pieces of a file in order.  What lies between them is blank or comments."""
    return _Splitter(text).run()


class _Splitter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.length = len(text.rstrip(_BLANK))
        self.trusting = True
        """No item was left open yet; afterwards an item at column 0 always ends the one before."""
        self.quotes = self.comments = self.attributes = True
        """There may yet be a quote, a ``*/``, a ``)`` that closes: what was looked for in vain is not looked for again,
        or the time would be quadratic."""

    def run(self) -> list[Piece]:
        text = self.text
        pieces: list[Piece] = []
        position = 0
        while True:
            start, word = self.skip_trivia(position)
            if word >= len(text):
                return pieces
            found = _KEYWORD.match(text, word)
            if found is None:
                end = self.junk_end(word)
                pieces.append(Piece("", word, word, end))
            else:
                end = self.item_end(word, found.group(1))
                pieces.append(Piece(found.group(1), start, word, end))
            position = end

    def skip_trivia(self, position: int) -> tuple[int, int]:
        """Where the next item begins, with its doc comment, and where its first word stands."""
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

    def junk_end(self, start: int) -> int:
        """Text that begins no item reaches to the next line that does, or, if it looks like one, to its brace."""
        text = self.text
        if _WORD.match(text, start):
            return self.item_end(start, "")
        found = _ITEM_OR_COMMENT.search(text, start + 1)
        return start + len(text[start : found.start() if found else len(text)].rstrip(_BLANK))

    def item_end(self, start: int, keyword: str) -> int:
        """The end of the item whose keyword stands at ``start``."""
        text = self.text
        stack: list[str] = []
        match = _OUTSIDE.match
        position = last = start
        candidate = -1
        while True:
            found = match(text, position)
            assert found is not None, "the pattern matches anything"
            kind = found.lastgroup
            at = found.start(found.lastindex or 0)
            if not stack:
                # `last` is the end of the last thing that is no comment.
                if at > position and (skipped := text[position:at].rstrip(_BLANK)):
                    last = position + len(skipped)
                if keyword == "function" and (native := _NATIVE.search(text, position, at)):
                    return native.end()
            position = found.end()
            if kind == "OPEN":
                if text.startswith("{//", at) and (end := old_comment_end(text, at)) >= 0:
                    position = end
                else:
                    stack.append(text[at])
                    match = _INSIDE.match if text[at] == "{" else match
            elif kind == "CLOSE":
                if text[at] == ")":
                    if stack and stack[-1] == "(":
                        stack.pop()
                else:
                    while stack and stack[-1] == "(":
                        stack.pop()
                    if stack and stack.pop() == "$":
                        position = self.template(position, stack)
                    elif not stack and keyword not in ("type", "template_string"):
                        return position
                    if "{" not in stack:
                        match = _OUTSIDE.match
            elif kind == "LINE":
                if not stack:
                    if _ITEM_ON_A_LINE.match(text, position):
                        return last
                elif candidate < 0 and _ITEM_AT_COLUMN_0.match(text, position):
                    candidate = self.with_doc(position, start) - 1
                    if not self.trusting:
                        return candidate
            elif kind == "END":
                if stack and candidate >= 0:
                    self.trusting = False
                    return candidate
                return self.length if stack else last
            elif kind != "COMMENT":
                position = self.text_end(kind, at, position, stack)
                if not stack and kind in ("STRING", "QUOTE", "RAW") and keyword == "template_string":
                    return position
            if kind not in ("COMMENT", "BLOCK_COMMENT", "LINE"):
                last = position

    def text_end(self, kind: str | None, at: int, position: int, stack: list[str]) -> int:
        """The end of what stands at ``at`` and is no delimiter: strings, attributes, things that are never closed."""
        if kind == "QUOTE":
            return self.long_string_end(at)
        if kind == "RAW":
            return self.raw_end(at, position)
        if kind == "BACKQUOTE":
            return self.template(position, stack)
        if kind == "BLOCK_COMMENT":
            return self.comment_end(position)
        if kind == "ATTRIBUTE":
            return self.attribute_end(position)
        return position

    def long_string_end(self, start: int) -> int:
        """The end of a string of several lines.

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
        """The end of a block comment; one that is never closed ends before the next item."""
        end = self.text.find("*/", position) if self.comments else -1
        self.comments = end >= 0
        return end + 2 if end >= 0 else self.next_item(position, self.length)

    def raw_end(self, start: int, position: int) -> int:
        """The end of a raw string; one that is never closed ends before the next item.

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
        """Where the line ends before the next item at column 0 and its doc comment, or ``end``."""
        text = self.text
        found = _ITEM_AT_COLUMN_0.search(text, position, end)
        return end if found is None else self.with_doc(found.start(), position) - 1

    def with_doc(self, start: int, after: int) -> int:
        """Where the doc comment at column 0 right above the line at ``start`` begins, but behind ``after``."""
        text = self.text
        while text.startswith("///", line := text.rfind("\n", 0, max(start - 1, 0)) + 1) and line > after:
            start = line
        return start

    def template(self, position: int, stack: list[str]) -> int:
        """The text of a backquoted string; ``${`` is left on the stack as ``$``."""
        found = _TEMPLATE.match(self.text, position)
        assert found is not None, "the pattern matches the empty string"
        if found.lastgroup == "OPEN":
            stack.append("$")
        elif found.lastgroup == "END":
            return self.next_item(position, self.length)
        return found.end()

    def attribute_end(self, position: int) -> int:
        """The end of an attribute's arguments, or ``position`` if they are never closed."""
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
                at = self.raw_end(found.start(kind), at)
            elif kind == "END" or (kind == "OTHER" and text.startswith(("{{", '"'), at - 1)):
                self.attributes = False
        return position
