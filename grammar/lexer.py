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

from bamlvm.grammar.diagnostics import Label
from bamlvm.grammar.lexer_strings import Frame, TextReader, old_comment_end
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
    WORDS,
    Lexed,
    Token,
)

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


def lex(text: str, keyword: str) -> Lexed:
    """The tokens of one item, whose first word is ``keyword`` (any other word is read as a function's).

    Never raises; what cannot be read becomes a diagnostic.
    """
    return _Lexer(text, keyword).run()


class _Lexer(TextReader):
    """One run over one item's text."""

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

    def opener(self, frame: Frame) -> Token | None:
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
