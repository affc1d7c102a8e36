"""Syntax errors as diagnostics.

Rule: the specific comes first: a missing semicolon or parenthesis, a construct of another dialect, a common mistake;
only then the general *expected …, found …*.  No terminal's name ever shows: what the grammar calls ``LBRACE`` is ``{``.

The grammar imports nothing of the other packages, hence its own search for a similar keyword, in the wording of
:mod:`bamlvm.vm.program.spelling`.
"""

from __future__ import annotations

import re
from typing import Final

from bamlvm.grammar.borrowed_words import BORROWED, SAME_WORDS
from bamlvm.grammar.comments_with_code import swallowed_by_comment
from bamlvm.grammar.diagnostics import Diagnostic, Edit, Label, error, replace
from bamlvm.grammar.lalr import END, Driver, UnexpectedTokenError
from bamlvm.grammar.source import Span
from bamlvm.grammar.syntax_hints import follows_an_operand, syntax_hint
from bamlvm.grammar.tokens import ITEM_KEYWORDS, PUNCTUATION, Token

_PARENTHESISED: Final = {"IF": "if", "WHILE": "while", "FOR": "for", "MATCH": "match"}
_FOREIGN: Final = {
    "interface": "interfaces are not part of this dialect",
    "implements": "interfaces are not part of this dialect",
}
_FOREIGN_HINTS: Final = {
    "interface": "a type with fields is written `class Name { field type }`",
}
STATEMENT_KEYWORDS: Final = frozenset(
    {"LET", "RETURN", "WHILE", "FOR", "IF", "MATCH", "THROW", "BREAK", "CONTINUE", "ASSERT"}
)
_DIVERGES: Final = frozenset({"RETURN", "THROW", "BREAK", "CONTINUE"})
OPENERS: Final = frozenset({"LPAREN", "LBRACKET", "LBRACE", "INTERPOLATION", "TEMPLATE_START"})
CLOSERS: Final = frozenset({"RPAREN", "RBRACKET", "RBRACE", "INTERPOLATION_END", "TEMPLATE_END"})
_BEGINS_NO_STATEMENT: Final = frozenset({END, "RPAREN", "RBRACKET", "COMMA", "COLON", "ELSE", "FAT_ARROW"})
_BEFORE_PARENTHESES: Final = ("switch", "when", "unless", "until")
"""Words of other languages before a condition in parentheses."""
_TOP_LEVEL: Final = ("function", "class", "type", "retry_policy", "")
_AFTER_KEYWORD: Final = ("LBRACE", "NAME", "STRING", "INT", "TRUE", "FALSE")
_ITEMS: Final = "a file holds `class`, `enum`, `type`, `function`, `client<llm>`, `test` and the like"

# --- what the reader calls a terminal

_NAMES: Final = {
    "NAME": "a name",
    "INT": "a number",
    "FLOAT": "a number",
    "STRING": "a string",
    "RAW_STRING": "a raw string",
    "TEMPLATE_START": "a template string",
    "TEMPLATE_TEXT": "text",
    "TEMPLATE_END": "the closing `` ` ``",
    "INTERPOLATION": "`${`",
    "INTERPOLATION_END": "`}`",
    "COMPOUND_ASSIGN": "`=`",
    "GREATER_JOINED": "`>`",
    "ATTRIBUTE": "an attribute",
    "BLOCK_ATTRIBUTE": "a block attribute",
    "WORD": "a name",
    END: "the end",
} | {kind: f"`{text}`" for text, kind in PUNCTUATION.items() if list(PUNCTUATION.values()).count(kind) == 1}
_PUNCTUATION: Final = frozenset(PUNCTUATION.values())

_LITERALS: Final = frozenset({"INT", "FLOAT", "STRING", "RAW_STRING", "TRUE", "FALSE", "NULL"})
_STATEMENT: Final = frozenset({"LET", "WHILE", "FOR", "ASSERT", "WATCH", "SEMICOLON"})
_EXPRESSION: Final = _LITERALS | {"NAME", "TEMPLATE_START", "LPAREN", "LBRACKET", "MINUS", "NOT"}
_EXPRESSIONS: Final = _EXPRESSION | {
    "MAP",
    "IF",
    "MATCH",
    "LBRACE",
    "RETURN",
    "BREAK",
    "CONTINUE",
    "THROW",
    "SPAWN",
    "AWAIT",
}
_TYPE: Final = frozenset({"NAME", "MAP", "STRING", "INT", "MINUS", "TRUE", "FALSE", "NULL", "LPAREN"})
_VALUE: Final = frozenset({"WORD", "STRING", "INT", "FLOAT", "LBRACKET", "LBRACE", "ENV"})
_VALUES: Final = _VALUE | _LITERALS | {"JINJA"}
_KEY: Final = frozenset({"WORD", "STRING", "INT", "TRUE", "FALSE", "NULL"})
_OPERATORS: Final = frozenset(
    {"OR", "AND", "COALESCE", "PIPE", "CARET", "AMPERSAND", "EQUALITY", "LESS", "GREATER", "COMPARISON", "SHIFT_LEFT"}
    | {"GREATER_JOINED", "PLUS", "MINUS", "MULTIPLY", "IS", "INSTANCEOF"}
)
_AFTER_OPERAND: Final = _OPERATORS | {
    *("CATCH", "CATCH_ALL", "DOT", "OPTIONAL_DOT", "LBRACKET", "LPAREN", "LBRACE", "ASSIGN", "COMPOUND_ASSIGN")
}
_AFTER_TYPE: Final = frozenset({"LBRACKET", "QUESTION", "PIPE", "DOT", "LESS", "ATTRIBUTE"})
_MAX_ALTERNATIVES: Final = 5


def optional_semicolon(
    driver: Driver, failure: UnexpectedTokenError, tokens: list[Token], text: str, repaired: int = 0
) -> Token | None:
    """Return the `;` that may be left out where the parser is stuck, or None.

    It may after a statement that begins with `return`, `throw`, `break` or `continue`, at the end of its line, although
    unreachable code follows.  ``repaired`` is the token before which a `;` was inserted last: a statement begins there.
    """
    token, index = failure.token, failure.index
    if (
        index == 0
        or token.kind in _BEGINS_NO_STATEMENT
        or "\n" not in text[tokens[index - 1].end : token.start]
        or not driver.accepts(failure.state.states, "SEMICOLON", token.kind)
    ):
        return None
    level = 0
    for at in range(index - 1, -1, -1):
        if level == 0 and at < repaired:
            return None
        kind = tokens[at].kind
        if kind in CLOSERS:
            level += 1
        elif kind in OPENERS:
            level -= 1
        if level < 0 or (level == 0 and kind == "SEMICOLON"):
            return None
        if level == 0 and kind in _DIVERGES:
            before = tokens[at - 1]
            begins = before.kind in ("SEMICOLON", "LBRACE", "RBRACE") or "\n" in text[before.end : tokens[at].start]
            place = tokens[index - 1].end
            return Token("SEMICOLON", ";", place, place) if begins else None
    return None


def missing_semicolon(
    driver: Driver, failure: UnexpectedTokenError, tokens: list[Token], text: str
) -> tuple[Token, Diagnostic] | None:
    """Return a `;` to insert where the parser is stuck, and its diagnostic, if one is clearly missing there.

    It is if a statement could end here, and what follows is on another line or begins with a keyword.
    """
    token, index = failure.token, failure.index
    if (
        index == 0
        or token.kind in _BEGINS_NO_STATEMENT
        or not driver.accepts(failure.state.states, "SEMICOLON", token.kind)
    ):
        return None
    place = tokens[index - 1].end
    if token.kind not in STATEMENT_KEYWORDS and "\n" not in text[place : token.start]:
        return None
    if follows_an_operand(tokens, index, text):
        return None
    where = Span("", max(place - 1, 0), place)
    hint, fix = swallowed_by_comment(text, place, token.start) or ("add `;` here", replace(place, place, ";"))
    found = error("E0028", "missing `;` after this statement", where, (), hint, fix)
    return Token("SEMICOLON", "", place, place), found


def syntax_error(driver: Driver, failure: UnexpectedTokenError, tokens: list[Token], text: str) -> Diagnostic:
    """Return the diagnostic for the place where the parser is stuck."""
    token, index = failure.token, failure.index
    states = failure.state.states
    previous = tokens[index - 1] if index else None
    span = Span("", token.start, token.end)
    if previous is not None and previous.kind in _PARENTHESISED and driver.accepts(states, "LPAREN"):
        return _missing_parentheses(token, previous, tokens, index, text)
    if foreign := _near(_FOREIGN, tokens, index):
        where = Span("", foreign.start, foreign.end)
        return error("E0010", _FOREIGN[foreign.text], where, (), _FOREIGN_HINTS.get(foreign.text))
    if previous is not None and previous.kind == "SPAWN":
        return _after_spawn(token, span)
    if token.text == "<" and index > 1 and tokens[index - 2].kind == "TYPE":
        return error("E0010", "generics are not part of this dialect", span, (), "write the types out, or use a union")
    expected = driver.expected(states)
    wanted = _alternatives(expected)
    if token.kind == END:
        place = previous.end if previous else 0
        return error("E0009", f"unexpected end, expected {wanted}", Span("", max(place - 1, 0), place))
    hint, fix = syntax_hint(tokens, index, token, expected, text)
    if hint is None and (borrowed := _near(BORROWED, tokens, index)):
        hint, fix = BORROWED[borrowed.text], _borrowed_fix(borrowed, text)
    return error("E0010", f"expected {wanted}, found {_token_text(token)}", span, (), hint, fix)


def _borrowed_fix(word: Token, text: str) -> tuple[Edit, ...]:
    """Return the fix for a word of another language that has the same meaning as one here; () for another."""
    here = SAME_WORDS.get(word.text)
    if here is None:
        return ()
    end = word.end
    if here in ("", "!"):  # these stand right before what follows
        end += len(text[end:]) - len(text[end:].lstrip(" "))
    return replace(word.start, end, here)


def _near(words: dict[str, str], tokens: list[Token], index: int) -> Token | None:
    """Return one of ``words`` at the token where the parser is stuck, or shortly before it and used as a keyword.

    `elif (x) {` is read as a call until its `{`: so a few tokens before are looked at.
    """
    if words is BORROWED and (elif_ := _elif(tokens, index)):
        return elif_
    for at in range(index, max(index - 8, -1), -1):
        if at < len(tokens) and tokens[at].kind == "NAME" and tokens[at].text in words:
            following = tokens[at + 1].kind if at + 1 < len(tokens) else END
            if at == index or following in _AFTER_KEYWORD or tokens[at].text in _BEFORE_PARENTHESES:
                return tokens[at]
    return None


def _elif(tokens: list[Token], index: int) -> Token | None:
    """Return the `elif` whose condition ends where the parser is stuck, or None."""
    for at in range(min(index, len(tokens) - 1), max(index - 100, 0), -1):
        token = tokens[at]
        if token.text == "elif" and token.kind == "NAME" and tokens[at - 1].kind == "RBRACE":
            return token
        if at < index and token.kind in ("SEMICOLON", "LBRACE", "RBRACE"):
            return None
    return None


def _after_spawn(token: Token, span: Span) -> Diagnostic:
    if token.text == "with":
        hint = "write `spawn { … }`; `f.cancel()` and `baml.future` do the rest"
        return error("E0010", "`spawn … with` is not part of this dialect", span, (), hint)
    message = f"expected `{{` after `spawn`, found {_token_text(token)}"
    return error("E0010", message, span, (), "write what is to run in braces: `spawn { f(x) }`")


def _missing_parentheses(token: Token, keyword: Token, tokens: list[Token], index: int, text: str) -> Diagnostic:
    """Return E0030 for `if x {`, with the fix: what is up to the brace, on the same line, in parentheses."""
    word = _PARENTHESISED[keyword.kind]
    end = token.end
    for later in tokens[index + 1 :]:
        if later.kind in ("LBRACE", "RBRACE", "SEMICOLON") or "\n" in text[token.start : later.start]:
            break
        end = later.end
    subject = {"match": "value", "for": "head"}.get(word, "condition")
    head = text[token.start : end]
    if word == "for" and re.match(r"\w+ in\b", head):
        head = f"let {head}"
    mended = token.kind != END and "\n" not in head
    condition, colon, _ = head.partition(":")
    if colon and (word != "for" or condition.startswith("let ")):  # Python's
        braces = f"write `{word} ({condition.strip()}) {{ … }}`"
        return error(
            "E0030", f"the {subject} of `{word}` must be in parentheses", Span("", token.start, end), (), braces
        )
    hint = f"write `{word} ({head})`" if mended else None
    fix = replace(token.start, end, f"({head})") if mended else ()
    label = Label(Span("", keyword.start, keyword.end), f"`{word}` needs parentheses")
    message = f"the {subject} of `{word}` must be in parentheses"
    return error("E0030", message, Span("", token.start, end), (label,), hint, fix)


def _alternatives(expected: set[str]) -> str:
    """Return the text of a set of kinds: *a, b or c*.

    What a whole family begins (a statement, an expression, a type) has the family's name; it is recognised by the kinds
    that only it has, and takes away all that it has.  The rest is listed one by one.
    """
    rest = set(expected)
    parts: list[str] = []
    last: list[str] = []
    if rest >= _STATEMENT:
        parts.append("a statement")
        rest -= _STATEMENT | _EXPRESSIONS | {"CLIENT", "PROMPT"}
    if rest >= _EXPRESSION:
        parts.append("an expression")
        rest -= _EXPRESSIONS
    elif rest >= _TYPE:
        parts.append("a pattern" if "FLOAT" in rest else "a type")
        rest -= _TYPE | {"FLOAT", "LET", "PIPE", "COLON"}
    elif rest >= _VALUE:
        parts.append("a value")
        rest -= _VALUES | {"COLON"}
    elif rest >= _KEY:
        parts.append("a name")
        rest -= _KEY | {"TYPE_BUILDER", "BLOCK_ATTRIBUTE"}
    if rest >= _OPERATORS:
        last.append("an operator")
        rest -= _AFTER_OPERAND
    elif len(rest) > 1 and rest >= {"LBRACKET", "QUESTION"}:
        rest -= _AFTER_TYPE
    words = [_NAMES.get(kind) or f"`{kind.lower()}`" for kind in sorted(rest, key=_order)]
    parts = [*dict.fromkeys(parts + words), *last]
    if len(parts) > _MAX_ALTERNATIVES:
        parts = [*parts[: _MAX_ALTERNATIVES - 1], "something else"]
    if not parts:
        return "something else"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _order(kind: str) -> tuple[bool, bool, str]:
    """Sort names first, then words, then punctuation."""
    return kind in _PUNCTUATION, kind not in ("NAME", "WORD"), kind


def _token_text(token: Token) -> str:
    """Return what a message calls a token."""
    if token.kind == END:
        return "the end"
    if token.kind in ("STRING", "RAW_STRING"):
        return "a string" if len(token.text) > 24 or "\n" in token.text else f"the string `{token.text}`"
    if token.kind == "TEMPLATE_START":
        return "a template string"
    if token.kind.lower() == token.text:
        return f"the keyword `{token.text}`"
    return f"`{token.text}`"


def no_item_error(text: str) -> Diagnostic:
    """Return the diagnostic for text at the top level that begins no item."""
    word = re.match(r"[A-Za-z_][\w]*", text)
    if word is None:
        first = text[0]
        span = Span("", 0, 1)
        if first == "#":
            comment = "a comment begins with `//`; every file of a project sees every other"
            mend = replace(0, 1, "//") if text[1:2] == " " else ()
            return error("E0010", "`#` begins nothing here", span, (), comment, mend)
        if first == ";":
            return error("E0010", "`;` ends nothing here", span, (), "remove this `;`", replace(0, 1, ""))
        if first in "})]":
            return error("E0031", f"`{first}` closes nothing", span, (), f"remove this `{first}`")
        return error("E0010", f"expected a declaration, found `{first}`", span, (), _ITEMS)

    name = word.group()
    span = Span("", 0, word.end())
    if name in _FOREIGN:
        return error("E0010", _FOREIGN[name], span, (), _FOREIGN_HINTS.get(name))
    fix: tuple[Edit, ...] = ()
    if name in BORROWED:
        hint: str | None = BORROWED[name]
        if SAME_WORDS.get(name) in _TOP_LEVEL:
            fix = _borrowed_fix(Token("NAME", name, 0, word.end()), text)
    elif name.upper() in STATEMENT_KEYWORDS or name in ("spawn", "await"):
        hint = "statements belong inside a function"
    else:
        near = _similar_keyword(name)
        hint = f"did you mean `{near}`?" if near else _ITEMS
        fix = replace(0, word.end(), near) if near else ()
    return error("E0010", f"`{name}` begins no declaration", span, (), hint, fix)


def _similar_keyword(name: str) -> str | None:
    """Return the keyword of an item that ``name`` may be a misspelling of, or None."""
    from difflib import get_close_matches  # only an error pays for it

    near = get_close_matches(name.lower(), ITEM_KEYWORDS, n=1, cutoff=0.6)
    return near[0] if near else None
