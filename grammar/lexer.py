"""The text of one item → tokens.

Rule: the lexer carries the context, so that the grammar needs none.  A stack of open delimiters says which *mode* the
text is in, each mode has one compiled regular expression, and the loop is ``match(text, position)``: linear in the
text.

=============  =======================================================================================================
mode           where it holds
=============  =======================================================================================================
CODE           functions: signatures and bodies, with keywords
DECLARATIONS   class and enum bodies, aliases, ``type_builder``: words are names, ``function`` begins a method
CONFIG         clients, generators, retry policies, tests: unquoted words such as ``gpt-4o`` are values
LLM            the body of an LLM function: CONFIG with the keys ``client`` and ``prompt``
ATTRIBUTE      between the parentheses of ``@name(…)``: CONFIG with ``{{ jinja }}`` and words that hold spaces
TEMPLATE       the text of a backquoted string; ``${`` goes back to CODE
=============  =======================================================================================================

A word is a keyword only where its keyword may stand: never after ``.``, nor where it names an argument, a parameter or
a field (``f(type = 1)``, ``P { in: 2 }``); ``in``, ``is``, ``catch`` and the like only after an operand.  Comments are
no tokens: they are kept beside them, as are doc comments (keyed by the token that follows) and headers.  ``>>`` is two
tokens, the first of kind ``GREATER_JOINED``, because in a type it closes two lists of arguments.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic, Label, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.tokens import (
    ATTRIBUTE_ARGUMENTS,
    CLOSER,
    CLOSER_TEXT,
    CODE,
    DECLARATIONS,
    INFIX_WORDS,
    INNER,
    ITEM_KEYWORDS,
    LITERAL_WORDS,
    LLM,
    MEMBERS,
    OPENER_TEXT,
    OPERAND_ENDS,
    PATTERNS,
    PUNCTUATION,
    START,
    TEMPLATE_PATTERN,
    WORDS,
    Lexed,
    Token,
)

MAX_DEPTH: Final = 100
"""How many delimiters may be open at once.  Deeper source is refused (E0010): every later stage may then recurse."""

_GAP = r"(?:[ \t\r\n]|//[^\n]*+|/\*(?s:.)*?\*/)*+"
_LLM_BODY = re.compile(
    _GAP + r'(?:client[ \t]++(?:["#]|(?!(?:is|in|instanceof|catch|catch_all)\b)[A-Za-z_])|prompt[ \t\r\n]*+\#*")'
)
_METHOD = re.compile(r"[ \t\r\n]++[A-Za-z_][A-Za-z0-9_]*+[ \t\r\n]*+[(<]")
_DECLARED = re.compile(r"[ \t\r\n]++[A-Za-z_]")
_NAMES_SOMETHING = re.compile(r"[ \t\r\n]*+(:|=(?![=>]))")
_ARGUMENTS = re.compile(r"[ \t]*+\(")
_FOLLOWED_BY_LESS = re.compile(r"[ \t\r\n]*+<")
_FOLLOWED_BY_LET = re.compile(r"[ \t\r\n]++let\b")
_OPENS_BLOCK = re.compile(r"[ \t\r\n]*+\{")


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


def lex(text: str, keyword: str) -> Lexed:
    """The tokens of one item, whose first word is ``keyword`` (any other word is read as a function's).

    Never raises; what cannot be read becomes a diagnostic.
    """
    return _Lexer(text, keyword).run()


class _Frame(msgspec.Struct):
    """An open delimiter: the kind that closes it, where it stands, and the mode around it."""

    closer: str
    start: int
    mode: int
    signature: bool


class _Lexer:
    """One run over one item's text."""

    def __init__(self, text: str, keyword: str) -> None:
        self.text = text
        self.mode = START.get(keyword, CODE)
        self.signature = self.mode == CODE
        """Inside a function's signature: the next brace at this depth opens its body."""
        self.frames: list[_Frame] = []
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

    def run(self) -> Lexed:
        """The loop.  What is rare is handled by methods, which return where to go on."""
        text = self.text
        tokens = self.tokens
        append = tokens.append
        position = self.keyword_of_item()
        previous = tokens[-1].kind if tokens else ""
        mode = self.mode
        words = WORDS[mode]
        match = PATTERNS[mode].match
        while True:
            found = match(text, position)
            assert found is not None, "every pattern matches anything"
            kind = found.lastgroup or ""
            word = found[found.lastindex or 0]
            position = end = found.end()
            start = end - len(word)
            if kind == "NAME":
                if word in words:
                    kind = self.keyword(words[word], word, end, previous)
                append(Token(kind, word, start, end))
            elif kind == "PUNCTUATION":
                kind = PUNCTUATION[word]
                if kind == "GREATER" and text.startswith(">", end):
                    kind = "GREATER_JOINED"
                append(Token(kind, word, start, end))
            elif kind == "DELIMITER":
                kind = PUNCTUATION[word]
                if word in "([{":
                    if not self.open(kind, start, end):
                        break
                elif not (self.frames and self.frames[-1].closer == kind):
                    kind = self.close(kind, start, end)
                    if not kind:
                        break
                    position = self.template(end)
                    previous = tokens[-1].kind
                    mode = self.mode
                    words, match = WORDS[mode], PATTERNS[mode].match
                    continue
                else:
                    frame = self.frames.pop()
                    self.mode, self.signature = frame.mode, frame.signature
                append(Token(kind, word, start, end))
                if mode != self.mode:
                    mode = self.mode
                    words, match = WORDS[mode], PATTERNS[mode].match
            elif kind == "COMMENT":
                self.comment(start, end)
                continue
            elif kind == "WORD":
                kind = self.word(word, end, previous)
                append(Token(kind, word, start, end))
            elif kind == "END":
                break
            elif kind == "BRACE":
                position = self.brace(start)
                if position < 0:
                    break
                mode = self.mode
                words, match = WORDS[mode], PATTERNS[mode].match
                if not tokens or tokens[-1].start != start:
                    continue
                kind = "LBRACE"
            elif kind in ("STRING", "INT", "FLOAT", "ENV", "JINJA"):
                append(Token(kind, word, start, end))
            else:
                position = self.rare(kind, start, end)
                mode = self.mode
                words, match = WORDS[mode], PATTERNS[mode].match
                if not tokens or tokens[-1].start < start:
                    continue
                kind = tokens[-1].kind
            if self.pending_doc:
                self.attach_doc(start)
            previous = kind
        self.finish()
        return Lexed(tokens, self.trivia, self.docs, self.headers, self.diagnostics, self.broken, self.unclosed)

    def keyword_of_item(self) -> int:
        """The item's first word, with the comments before it; returns where the rest begins."""
        position = 0
        while True:
            found = PATTERNS[CODE].match(self.text, position)
            assert found is not None, "every pattern matches anything"
            start, end = found.span(found.lastindex or 0)
            if found.lastgroup == "COMMENT":
                self.comment(start, end)
                position = end
            elif found.lastgroup == "NAME":
                word = found.group(found.lastindex or 0)
                self.tokens.append(Token(ITEM_KEYWORDS.get(word, "NAME"), word, start, end))
                if self.pending_doc:
                    self.attach_doc(start)
                return end
            else:
                return position

    # --- words

    def keyword(self, kind: str, word: str, end: int, previous: str) -> str:
        """The kind of a word that may be a keyword: ``kind`` itself, or NAME."""
        if previous == "DOT":
            return "NAME"
        if word in LITERAL_WORDS:
            return kind
        text = self.text
        if kind == "MAP":
            return kind if previous != "FUNCTION" and _FOLLOWED_BY_LESS.match(text, end) else "NAME"
        if self.mode == CODE:
            if previous in ("LET", "FUNCTION"):
                return "NAME"
            if previous in ("LPAREN", "COMMA", "LBRACE"):
                following = _NAMES_SOMETHING.match(text, end)
                if following and (following[1] == ":" or previous != "LBRACE"):
                    return "NAME"
            if word in INFIX_WORDS:
                return kind if previous in OPERAND_ENDS else "NAME"
            if kind == "WATCH" and not _FOLLOWED_BY_LET.match(text, end):
                return "NAME"
            return kind
        if kind == "FUNCTION":
            if self.mode != MEMBERS or not _METHOD.match(text, end):
                return "NAME"
            self.signature = True
            return kind
        if kind == "THROWS":
            # A field may be called `throws`: it begins its line, a type's `throws` does not.
            here = self.signature or self.mode == DECLARATIONS or "\n" not in self.text[self.tokens[-1].end : end]
            return kind if here and previous in OPERAND_ENDS else "NAME"
        if word in ("native", "sysop"):
            self.signature = False
            return "NAME"
        if self.mode != DECLARATIONS or not _DECLARED.match(text, end):
            return "NAME"
        return kind if previous in ("", "RBRACE", "LBRACE", "DYNAMIC") or previous in OPERAND_ENDS else "NAME"

    def word(self, word: str, end: int, previous: str) -> str:
        """The kind of an unquoted word of a configuration."""
        if self.mode == LLM:
            return word.upper() if word in ("client", "prompt") and previous != "CLIENT" else "WORD"
        if word == "type_builder" and len(self.frames) == 1 and _OPENS_BLOCK.match(self.text, end):
            return "TYPE_BUILDER"
        return LITERAL_WORDS.get(word, "WORD")

    # --- delimiters

    def open(self, kind: str, start: int, end: int) -> bool:
        """Push a delimiter and the mode inside it; False if that is one too many."""
        mode, signature = self.mode, self.signature
        previous = self.tokens[-1].kind if self.tokens else ""
        inner = mode
        if kind == "LBRACE":
            inner = INNER[mode]
            if signature and mode in (CODE, MEMBERS):
                signature = False
                if _LLM_BODY.match(self.text, end):
                    inner = LLM
            if previous == "TYPE_BUILDER":
                inner = DECLARATIONS
        elif mode == MEMBERS and signature:
            inner = CODE
        if (
            kind == "LPAREN"
            and previous in ("ATTRIBUTE", "BLOCK_ATTRIBUTE")
            and _ARGUMENTS.match(self.text, self.tokens[-1].end)
        ):
            inner = ATTRIBUTE_ARGUMENTS
        return self.push(CLOSER[kind], start, mode, signature, inner)

    def push(self, closer: str, start: int, mode: int, signature: bool, inner: int) -> bool:
        if len(self.frames) >= MAX_DEPTH:
            self.report("E0010", f"this is nested more than {MAX_DEPTH} levels deep", start, start + 1)
            self.give_up(start)
            return False
        self.frames.append(_Frame(closer, start, mode, signature))
        self.mode, self.signature = inner, False
        return True

    def close(self, kind: str, start: int, end: int) -> str:
        """A closing delimiter that is not the one expected: the kind it has after all, or "" to give up."""
        frames = self.frames
        if frames and frames[-1].closer == "INTERPOLATION_END" and kind == "RBRACE":
            self.tokens.append(Token("INTERPOLATION_END", "}", start, end))
            frame = frames.pop()
            self.mode, self.signature = frame.mode, frame.signature
            return "INTERPOLATION_END"
        text = CLOSER_TEXT[kind]
        if frames:
            frame = frames[-1]
            self.unclosed = self.opener(frame)
            opener, wanted = OPENER_TEXT[frame.closer], CLOSER_TEXT[frame.closer]
            self.report(
                "E0031",
                f"`{text}` does not close the `{opener}` before it",
                start,
                end,
                labels=(Label(Span("", frame.start, frame.start + len(opener)), f"this `{opener}` wants `{wanted}`"),),
            )
        else:
            self.report("E0031", f"`{text}` closes nothing", start, end, hint=f"remove this `{text}`")
        self.give_up(start)
        return ""

    def opener(self, frame: _Frame) -> Token | None:
        """The token that opened ``frame``."""
        return next((token for token in reversed(self.tokens) if token.start == frame.start), None)

    def brace(self, start: int) -> int:
        """``{//``: an old-style comment, or a brace and a comment.  Returns where to go on, -1 to stop."""
        end = old_comment_end(self.text, start)
        if end >= 0:
            self.trivia.append(Token("COMMENT", self.text[start:end], start, end))
            return end
        if not self.open("LBRACE", start, start + 1):
            return -1
        self.tokens.append(Token("LBRACE", "{", start, start + 1))
        return start + 1

    def finish(self) -> None:
        """Report what is still open at the end of the item."""
        for frame in self.frames[-1:]:
            self.broken = True
            if frame.closer == "TEMPLATE_END" or self.swallowed:
                continue
            self.unclosed = self.opener(frame)
            opener = OPENER_TEXT[frame.closer]
            misled = _misleading_indentation(self.tokens, self.text) if opener == "{" else None
            self.report(
                "E0031",
                f"this `{opener}` is never closed",
                frame.start,
                frame.start + len(opener),
                labels=(misled,) if misled else (),
                hint=f"add the missing `{CLOSER_TEXT[frame.closer]}`",
            )
        for doc in self.pending_doc:
            self.trivia.append(doc)

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


def _misleading_indentation(tokens: list[Token], text: str) -> Label | None:
    """For an item with a brace too few: the first brace that closes one on a line indented otherwise."""
    openers: list[Token] = []
    for token in tokens:
        if token.kind == "LBRACE":
            openers.append(token)
        elif token.kind == "RBRACE" and openers:
            opener = openers.pop()
            line = text.rfind("\n", 0, token.start) + 1
            if "\n" in text[opener.end : token.start] and not text[line : token.start].strip():
                opened = text[text.rfind("\n", 0, opener.start) + 1 : opener.start]
                if len(opened) - len(opened.lstrip()) != token.start - line:
                    return Label(Span("", token.start, token.end), "this one is indented for another `{`")
    return None
