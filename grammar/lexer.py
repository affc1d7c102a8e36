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
from bamlvm.grammar.lexer_state import LexerState, OpenDelimiter
from bamlvm.grammar.lexer_strings import old_comment_end, rare_token, template_text
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
_INFIX = r"(?!(?:in|is|instanceof|catch|catch_all|throws|else)\b)"
_FOLLOWED_BY = {
    "SPAWN": re.compile(rf"{_GAP}(?:\{{|{_INFIX}[A-Za-z_])"),
    "AWAIT": re.compile(rf"{_GAP}(?:{_INFIX}[A-Za-z_0-9]|[\"#`(\[{{~]|!(?!=))"),
}
"""What follows a word that is a keyword only there: elsewhere `spawn` and `await` are names."""


def lex(text: str, keyword: str) -> Lexed:
    """Return the tokens of one item, whose first word is ``keyword`` (any other word is read as a function's).

    Never raises; what cannot be read becomes a diagnostic.
    """
    c = LexerState(text, keyword)
    tokens = c.tokens
    append = tokens.append
    position = _first_word(c)
    previous = tokens[-1].kind if tokens else ""
    # The mode, and what hangs on it, is kept in local variables and looked up again only where it may have changed.
    mode = c.mode
    words, match = WORDS[mode], PATTERNS[mode].match
    while True:
        found = match(text, position)
        assert found is not None, "every pattern matches anything"
        kind = found.lastgroup or ""
        word = found[found.lastindex or 0]
        position = end = found.end()
        start = end - len(word)
        # The branches are ordered by how often they are taken.  Each leaves in `kind` that of the token it has added.
        if kind == "NAME":
            if word in words:
                kind = _keyword_kind(c, words[word], word, end, previous)
            append(Token(kind, word, start, end))
        elif kind == "PUNCTUATION":
            kind = PUNCTUATION[word]
            if kind == "GREATER" and text.startswith(">", end):
                kind = "GREATER_JOINED"
            append(Token(kind, word, start, end))
        elif kind == "DELIMITER":
            kind = PUNCTUATION[word]
            if word in "([{":
                if not _open(c, kind, start, end):
                    break
            elif c.open and c.open[-1].closer == kind:
                c.pop()
            elif _closes_interpolation(c, kind, start, end):
                # The text of the backquoted string goes on after the brace; it adds tokens of its own.
                position = template_text(c, end)
                previous = tokens[-1].kind
                mode = c.mode
                words, match = WORDS[mode], PATTERNS[mode].match
                continue
            else:
                _report_mismatch(c, kind, start, end)
                break
            append(Token(kind, word, start, end))
            if mode != c.mode:
                mode = c.mode
                words, match = WORDS[mode], PATTERNS[mode].match
        elif kind == "COMMENT":
            c.comment(start, end)
            continue
        elif kind == "WORD":
            kind = _word_kind(c, word, end, previous)
            append(Token(kind, word, start, end))
        elif kind == "END":
            break
        elif kind == "BRACE":
            position = _brace_or_comment(c, start)
            if position < 0:
                break
            mode = c.mode
            words, match = WORDS[mode], PATTERNS[mode].match
            if not tokens or tokens[-1].start != start:
                continue  # a comment
            kind = "LBRACE"
        elif kind in ("STRING", "INT", "FLOAT", "ENV", "JINJA"):
            append(Token(kind, word, start, end))
        else:
            position = rare_token(c, kind, start, end)
            mode = c.mode
            words, match = WORDS[mode], PATTERNS[mode].match
            if not tokens or tokens[-1].start < start:
                continue  # no token: an error
            kind = tokens[-1].kind
        if c.pending_doc:
            c.attach_doc(start)
        previous = kind
    _finish(c)
    return c.lexed()


def _first_word(c: LexerState) -> int:
    """Read the item's first word and the comments before it; return where the rest begins."""
    position = 0
    while True:
        found = PATTERNS[CODE].match(c.text, position)
        assert found is not None, "every pattern matches anything"
        start, end = found.span(found.lastindex or 0)
        if found.lastgroup == "COMMENT":
            c.comment(start, end)
            position = end
        elif found.lastgroup == "NAME":
            word = found.group(found.lastindex or 0)
            c.tokens.append(Token(ITEM_KEYWORDS.get(word, "NAME"), word, start, end))
            if c.pending_doc:
                c.attach_doc(start)
            return end
        else:
            return position


# --- words


def _keyword_kind(c: LexerState, kind: str, word: str, end: int, previous: str) -> str:
    """Return the kind of a word that may be a keyword: ``kind`` itself, or NAME."""
    if previous in ("DOT", "OPTIONAL_DOT"):
        return "NAME"
    if word in LITERAL_WORDS:
        return kind
    text = c.text
    if kind == "MAP":
        return kind if previous != "FUNCTION" and _FOLLOWED_BY_LESS.match(text, end) else "NAME"
    if c.mode == CODE:
        if previous in ("LET", "CONST", "FUNCTION"):
            return "NAME"
        if previous in ("LPAREN", "COMMA", "LBRACE"):
            following = _NAMES_SOMETHING.match(text, end)
            if following and (following[1] == ":" or previous != "LBRACE"):
                return "NAME"
        if word in INFIX_WORDS:
            return kind if previous in OPERAND_ENDS else "NAME"
        if kind == "WATCH" and not _FOLLOWED_BY_LET.match(text, end):
            return "NAME"
        if kind in _FOLLOWED_BY and not _FOLLOWED_BY[kind].match(text, end):
            return "NAME"
        return kind
    if kind == "FUNCTION":
        if c.mode != MEMBERS or not _METHOD.match(text, end):
            return "NAME"
        c.signature = True
        return kind
    if kind == "THROWS":
        # A field may be called `throws`: it begins its line, a type's `throws` does not.
        here = c.signature or c.mode == DECLARATIONS or "\n" not in c.text[c.tokens[-1].end : end]
        return kind if here and previous in OPERAND_ENDS else "NAME"
    if word in ("native", "sysop"):
        c.signature = False
        return "NAME"
    if c.mode != DECLARATIONS or not _DECLARED.match(text, end):
        return "NAME"
    return kind if previous in ("", "RBRACE", "LBRACE", "DYNAMIC") or previous in OPERAND_ENDS else "NAME"


def _word_kind(c: LexerState, word: str, end: int, previous: str) -> str:
    """Return the kind of an unquoted word of a configuration."""
    if c.mode == LLM:
        return word.upper() if word in ("client", "prompt") and previous != "CLIENT" else "WORD"
    if word == "type_builder" and len(c.open) == 1 and _OPENS_BLOCK.match(c.text, end):
        return "TYPE_BUILDER"
    return LITERAL_WORDS.get(word, "WORD")


# --- delimiters


def _open(c: LexerState, kind: str, start: int, end: int) -> bool:
    """Open a delimiter with the mode inside it; False if that is one too many."""
    mode = c.mode
    previous = c.tokens[-1].kind if c.tokens else ""
    inner = mode
    if kind == "LBRACE":
        inner = INNER[mode]
        if c.signature and mode in (CODE, MEMBERS):
            c.signature = False
            if _LLM_BODY.match(c.text, end):
                inner = LLM
        if previous == "TYPE_BUILDER":
            inner = DECLARATIONS
    elif mode == MEMBERS and c.signature:
        inner = CODE
    if kind == "LPAREN" and previous in ("ATTRIBUTE", "BLOCK_ATTRIBUTE") and _ARGUMENTS.match(c.text, c.tokens[-1].end):
        inner = ATTRIBUTE_ARGUMENTS
    return c.push(CLOSER[kind], start, inner)


def _closes_interpolation(c: LexerState, kind: str, start: int, end: int) -> bool:
    """Close ``${`` if that is what a closing brace closes: then it is a token of another kind."""
    if kind != "RBRACE" or not c.open or c.open[-1].closer != "INTERPOLATION_END":
        return False
    c.tokens.append(Token("INTERPOLATION_END", "}", start, end))
    c.pop()
    return True


def _report_mismatch(c: LexerState, kind: str, start: int, end: int) -> None:
    """Report a closing delimiter that closes nothing, or not what is open; nothing after it is read."""
    text = CLOSER_TEXT[kind]
    if c.open:
        delimiter = c.open[-1]
        c.unclosed = _opener(c, delimiter)
        opener, wanted = OPENER_TEXT[delimiter.closer], CLOSER_TEXT[delimiter.closer]
        place = Span("", delimiter.start, delimiter.start + len(opener))
        label = Label(place, f"this `{opener}` needs a `{wanted}`")
        c.report("E0031", f"`{text}` does not close the `{opener}` before it", start, end, (label,))
    else:
        c.report("E0031", f"`{text}` closes nothing", start, end, hint=f"remove this `{text}`")
    c.give_up(start)


def _opener(c: LexerState, delimiter: OpenDelimiter) -> Token | None:
    """Return the token that opened a delimiter."""
    return next((token for token in reversed(c.tokens) if token.start == delimiter.start), None)


def _brace_or_comment(c: LexerState, start: int) -> int:
    """Read ``{//``, an old-style comment, or a brace and a comment; return where to continue, -1 to stop."""
    end = old_comment_end(c.text, start)
    if end >= 0:
        c.trivia.append(Token("COMMENT", c.text[start:end], start, end))
        return end
    if not _open(c, "LBRACE", start, start + 1):
        return -1
    c.tokens.append(Token("LBRACE", "{", start, start + 1))
    return start + 1


def _finish(c: LexerState) -> None:
    """Report the innermost delimiter that is still open at the end of the item."""
    for delimiter in c.open[-1:]:
        c.broken = True
        if delimiter.closer == "TEMPLATE_END" or c.swallowed:
            continue  # reported already, or closed inside what was swallowed
        c.unclosed = _opener(c, delimiter)
        opener = OPENER_TEXT[delimiter.closer]
        misled = _misleading_indentation(c.tokens, c.text) if opener == "{" else None
        end = delimiter.start + len(opener)
        labels = (misled,) if misled else ()
        hint = f"add the missing `{CLOSER_TEXT[delimiter.closer]}`"
        c.report("E0031", f"this `{opener}` is never closed", delimiter.start, end, labels, hint)
    c.trivia.extend(c.pending_doc)


def _misleading_indentation(tokens: list[Token], text: str) -> Label | None:
    """Return a label at the first brace that closes one on a line with another indentation, or None.

    In an item that lacks a brace, the missing one is probably shortly before it.
    """
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
