"""What the lexer reads that is no word and no delimiter: comments, strings, and what cannot be read.

Rule: each method is called where such a thing begins, adds the tokens, trivia and diagnostics, and returns where to go
on.  Nothing is looked for twice: what never ends is reported once and takes the rest of the item with it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic, Label, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.tokens import CODE, START, TEMPLATE_PATTERN, Token

MAX_DEPTH: Final = 100
"""How many delimiters may be open at once.  Deeper source is refused (E0010): every later stage may then recurse."""


def old_comment_end(text: str, start: int) -> int:
    """Where the old-style comment ``{// … //}`` that begins at ``start`` ends, or -1 if none begins there.

    Over several lines it is one only if ``{//`` stands first on its line: ``f() {// note`` opens a block.
    """
    line_end = text.find("\n", start)
    end = text.find("//}", start + 3, line_end if line_end >= 0 else len(text))
    if end < 0:
        if text[text.rfind("\n", 0, start) + 1 : start].strip():
            return -1
        end = text.find("//}", start + 3)
    return end + 3 if end >= 0 else -1


class Frame(msgspec.Struct):
    """An open delimiter: the kind that closes it, where it stands, and the mode around it."""

    closer: str
    start: int
    mode: int
    signature: bool


class TextReader:
    """The state of one run over one item's text, and what reads texts."""

    def __init__(self, text: str, keyword: str) -> None:
        self.text = text
        self.mode = START.get(keyword, CODE)
        self.signature = self.mode == CODE
        """Inside a function's signature: the next brace at this depth opens its body."""
        self.frames: list[Frame] = []
        self.tokens: list[Token] = []
        self.trivia: list[Token] = []
        self.docs: dict[int, str] = {}
        self.headers: list[Token] = []
        self.diagnostics: list[Diagnostic] = []
        self.pending_doc: list[Token] = []
        self.broken = False
        self.unclosed: Token | None = None
        self.swallowed = False
        """A string or a comment that is never closed may have taken closing delimiters with it."""

    def push(self, closer: str, start: int, mode: int, signature: bool, inner: int) -> bool:
        if len(self.frames) >= MAX_DEPTH:
            self.report("E0010", f"this is nested more than {MAX_DEPTH} levels deep", start, start + 1)
            self.give_up(start)
            return False
        self.frames.append(Frame(closer, start, mode, signature))
        self.mode, self.signature = inner, False
        return True

    # --- comments

    def comment(self, start: int, end: int) -> None:
        text = self.text[start:end]
        if text.startswith("///") and not text.startswith("////"):
            self.pending_doc.append(Token("DOC_COMMENT", text, start, end))
            return
        kind = "COMMENT"
        if text.startswith("//#"):
            kind = "HEADER"
            self.headers.append(Token(kind, text, start, end))
        self.trivia.append(Token(kind, text, start, end))

    def attach_doc(self, start: int) -> None:
        """Doc comments belong to the token that follows them."""
        lines = (doc.text[3:].removeprefix(" ").rstrip() for doc in self.pending_doc)
        self.docs[start] = "\n".join(lines)
        self.trivia.extend(self.pending_doc)
        self.pending_doc.clear()

    # --- strings and other rare things

    def rare(self, kind: str, start: int, end: int) -> int:
        """Tokens that need a look ahead, and errors; returns where to go on."""
        text = self.text
        if kind == "ATTRIBUTE":
            kind = "BLOCK_ATTRIBUTE" if text.startswith("@@", start) else kind
            self.tokens.append(Token(kind, text[start:end], start, end))
            return end
        if kind == "RAW":
            return self.raw_string(start, end)
        if kind == "BACKQUOTE":
            self.tokens.append(Token("TEMPLATE_START", "`", start, end))
            if not self.push("TEMPLATE_END", start, self.mode, self.signature, CODE):
                return len(text)
            return self.template(end)
        if kind == "OPEN_STRING":
            if self.swallowed:
                return self.give_up(start)
            stop = start + len(text[start:end].rstrip())
            self.swallowed = True
            self.tokens.append(Token("STRING", text[start:stop], start, stop))
            self.report(
                "E0009",
                "this string is never closed",
                start,
                start + 1,
                hint='add the missing `"`',
            )
            return stop
        if kind == "OPEN_JINJA":
            self.report("E0009", "this `{{` is never closed", start, end, hint="add the missing `}}`")
            return self.give_up(start)
        self.trivia.append(Token("ERROR", text[start:end], start, end))
        if kind == "OPEN_COMMENT":
            self.swallowed = True
            self.report("E0009", "this comment is never closed", start, start + 2, hint="add the missing `*/`")
        else:
            self.bad(text[start:end], start, end)
        return end

    def give_up(self, start: int) -> int:
        """Read nothing behind ``start``: looking for the end of every such thing again would take quadratic time."""
        self.trivia.append(Token("ERROR", self.text[start:], start, len(self.text)))
        self.broken = True
        self.frames.clear()
        return len(self.text)

    def bad(self, text: str, start: int, end: int) -> None:
        """Characters that begin no token."""
        if text[0].isdigit() and text.endswith("n") and text[:-1].isdigit():
            self.report("E0010", f"`{text}` is a bigint, which this dialect does not have", start, end)
        elif text[0].isdigit() and text[0].isascii():
            self.report("E0010", f"`{text}` is neither a number nor a name", start, end)
        elif text == "'":
            self.report("E0010", "a single quote begins nothing", start, end, hint='strings are written `"…"`')
        else:
            self.report("E0010", f"unexpected character {text!r}", start, end)

    def raw_string(self, start: int, end: int) -> int:
        """``#"…"#`` with as many hashes behind as before."""
        hashes = end - start - 1
        close = self.text.find('"' + "#" * hashes, end)
        if close >= 0:
            close += 1 + hashes
            self.tokens.append(Token("RAW_STRING", self.text[start:close], start, close))
            return close
        opener = self.text[start:end]
        closer = opener[::-1]
        self.report("E0009", "this raw string is never closed", start, end, hint=f"add the missing `{closer}`")
        self.tokens.append(Token("RAW_STRING", self.text[start:], start, len(self.text)))
        self.broken = True
        self.frames.clear()
        return len(self.text)

    def template(self, position: int) -> int:
        """The text of a backquoted string from ``position`` up to its end or the next ``${``."""
        text = self.text
        found = TEMPLATE_PATTERN.match(text, position)
        assert found is not None, "the pattern matches the empty string"
        if found.lastgroup == "TEMPLATE_TEXT":
            position = found.end()
            self.tokens.append(Token("TEMPLATE_TEXT", found.group(), found.start(), position))
            found = TEMPLATE_PATTERN.match(text, position)
            assert found is not None, "the pattern matches the empty string"
        if found.lastgroup == "BACKQUOTE":
            self.tokens.append(Token("TEMPLATE_END", "`", position, position + 1))
            frame = self.frames.pop()
            self.mode, self.signature = frame.mode, frame.signature
            return position + 1
        if found.lastgroup == "OPEN":
            self.tokens.append(Token("INTERPOLATION", "${", position, position + 2))
            if not self.push("INTERPOLATION_END", position, self.mode, self.signature, CODE):
                return len(text)
            return position + 2
        start = self.frames[-1].start
        self.report("E0009", "this template string is never closed", start, start + 1, hint="add the missing `` ` ``")
        self.broken = True
        self.frames.clear()
        return len(text)

    def report(
        self, code: str, message: str, start: int, end: int, labels: tuple[Label, ...] = (), hint: str | None = None
    ) -> None:
        self.diagnostics.append(error(code, message, Span("", start, end), labels, hint))
