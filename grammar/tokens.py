"""Tokens, and each mode of the lexer as data: its regular expression and its words.

Rule: data only; ``lexer.py`` runs it.  Every pattern skips blank space and then matches anything, so the lexer always
advances; the name of the group that matched says what was found.  Patterns use possessive quantifiers: none backtracks.
The fragments are those of ``items.py`` too, which finds the items of a file without lexing them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from bamlvm.grammar.diagnostics import Diagnostic


class Token(msgspec.Struct, frozen=True, gc=False):
    """``text`` is ``[start, end)`` of the item's text."""

    kind: str
    text: str
    start: int
    end: int


class Lexed(msgspec.Struct):
    """The result of lexing one item's text."""

    tokens: list[Token]
    """The parser's input."""
    trivia: list[Token]
    """Comments (``COMMENT``, ``DOC_COMMENT``, ``HEADER``) and text that is no token (``ERROR``)."""
    docs: dict[int, str]
    """Doc text, by the start of the token that follows it."""
    headers: list[Token]
    diagnostics: list[Diagnostic]
    broken: bool = False
    """The delimiters do not match, or are nested too deep: an error at the end of the tokens follows from that."""
    unclosed: Token | None = None
    """The delimiter that an E0031 is about: one that is not closed, or not by its own closer."""


# --- words ------------------------------------------------------------------------------------------------------------

LITERAL_WORDS: Final = {"true": "TRUE", "false": "FALSE", "null": "NULL"}
PREFIX_WORDS: Final = {
    word: word.upper()
    for word in (
        *("let", "watch", "if", "for", "while", "break", "continue", "return", "throw", "match", "assert"),
        *("spawn", "await"),
    )
}
INFIX_WORDS: Final = {word: word.upper() for word in ("in", "is", "instanceof", "catch", "catch_all", "throws", "else")}
_CODE_WORDS: Final = LITERAL_WORDS | PREFIX_WORDS | INFIX_WORDS | {"map": "MAP"}
_ITEM_WORDS: Final = {"class": "CLASS", "enum": "ENUM", "type": "TYPE", "dynamic": "DYNAMIC"}
_DECLARATION_WORDS: Final = (
    LITERAL_WORDS
    | _ITEM_WORDS
    | {"map": "MAP", "function": "FUNCTION", "throws": "THROWS", "native": "NAME", "sysop": "NAME"}
)
OPERAND_ENDS: Final = frozenset(
    {"NAME", "INT", "FLOAT", "STRING", "RAW_STRING", "TRUE", "FALSE", "NULL", "TEMPLATE_END", "RPAREN", "RBRACKET"}
    | {"RBRACE", "QUESTION", "GREATER", "BREAK", "CONTINUE", "RETURN"}
)
ITEM_KEYWORDS: Final = {
    "class": "CLASS",
    "enum": "ENUM",
    "type": "TYPE",
    "function": "FUNCTION",
    "client": "CLIENT",
    "generator": "GENERATOR",
    "test": "TEST",
    "retry_policy": "RETRY_POLICY",
    "template_string": "TEMPLATE_STRING",
    "dynamic": "DYNAMIC",
    "const": "CONST",
    "let": "LET",
}

# --- punctuation ------------------------------------------------------------------------------------------------------

PUNCTUATION: Final = {
    "(": "LPAREN",
    ")": "RPAREN",
    "[": "LBRACKET",
    "]": "RBRACKET",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    ":": "COLON",
    ";": "SEMICOLON",
    ".": "DOT",
    "...": "ELLIPSIS",
    "..": "DOT_DOT",
    "->": "ARROW",
    "=>": "FAT_ARROW",
    "=": "ASSIGN",
    "||": "OR",
    "&&": "AND",
    "??": "COALESCE",
    "?": "QUESTION",
    "?.": "OPTIONAL_DOT",
    "|": "PIPE",
    "^": "CARET",
    "&": "AMPERSAND",
    "==": "EQUALITY",
    "!=": "EQUALITY",
    "<": "LESS",
    ">": "GREATER",
    "<=": "COMPARISON",
    ">=": "COMPARISON",
    "<<": "SHIFT_LEFT",
    "+": "PLUS",
    "-": "MINUS",
    "*": "MULTIPLY",
    "/": "MULTIPLY",
    "%": "MULTIPLY",
    "!": "NOT",
    "~": "NOT",
} | {f"{operator}=": "COMPOUND_ASSIGN" for operator in ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")}
CLOSER: Final = {"LPAREN": "RPAREN", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE", "INTERPOLATION": "INTERPOLATION_END"}
OPENER_TEXT: Final = {"RPAREN": "(", "RBRACKET": "[", "RBRACE": "{", "INTERPOLATION_END": "${", "TEMPLATE_END": "`"}
CLOSER_TEXT: Final = {"RPAREN": ")", "RBRACKET": "]", "RBRACE": "}", "INTERPOLATION_END": "}", "TEMPLATE_END": "`"}

# --- one regular expression a mode -----------------------------------------------------------------------------------

BLANK: Final = " \t\r\n\f\ufeff"
"""What separates items and tokens.  Python's idea of blank is wider."""
STRING: Final = r'"(?:[^"\\]|\\(?s:.))*+"'
BLOCK_COMMENT: Final = r"/\*(?s:.)*?\*/"
JINJA: Final = r"""\{\{(?:"[^"\n]*"|'[^'\n]*'|(?!\}\})(?s:.))*+\}\}"""
TEMPLATE_CHARACTER: Final = r"(?:[^`\\$]|\\(?s:.)|\$(?!\{))"

DIGITS: Final = "[0-9][0-9_]*+"
INTEGER: Final = f"(?:0x_*+[0-9a-fA-F][0-9a-fA-F_]*+|0o_*+[0-7][0-7_]*+|0b_*+[01][01_]*+|{DIGITS})"
FLOAT: Final = f"{DIGITS}(?:[.]{DIGITS}(?:[eE][+-]?{DIGITS})?|[eE][+-]?{DIGITS})"

_SPACE = f"[{BLANK}]*+"
_SHARED = rf"""
|(?P<STRING>{STRING})
|(?P<COMMENT>//[^\n]*|{BLOCK_COMMENT}|\{{//[^\n]*?//\}})
|(?P<OPEN_COMMENT>/\*(?s:.)*+)
|(?P<OPEN_STRING>"[^\n]*+)
|(?P<RAW>\#++")
|(?P<ATTRIBUTE>@@?[A-Za-z_][A-Za-z0-9_.\-]*)
"""
_CODE_PATTERN = re.compile(
    _SPACE
    + r"""(?:
 (?P<NAME>[A-Za-z_][A-Za-z0-9_]*+|[$]watch\b)
|(?P<DELIMITER>[()\[\]}]|\{(?!//))
|(?P<PUNCTUATION>[.]{2,3}|->|=>|<<=|>>=|[|]{2}|&&|[?]{2}|[?][.](?![0-9])|[=!<>+\-*%&|^]=|/=|<<|[,:;.=?|^&<>+\-*%!~]|/(?![/*]))
"""
    + rf"""
|(?P<FLOAT>{FLOAT}(?![A-Za-z0-9_]))
|(?P<INT>{INTEGER}(?![A-Za-z0-9_]))
"""
    + _SHARED
    + r"""
|(?P<BACKQUOTE>`)
|(?P<BRACE>\{)
|(?P<END>\Z)
|(?P<BAD>[0-9][A-Za-z0-9_]*+|[^\x00-\x7f]++|(?s:.))
)""",
    re.VERBOSE,
)
_WORD_END = r"(?![^\s{}\[\](),\"@\#<>`:])"
_CONFIG_TEMPLATE = (
    _SPACE
    + r"""(?:
 (?P<DELIMITER>[()\[\]}]|\{(?!//)JINJA_GUARD)
|(?P<PUNCTUATION>[,:<>])
|(?P<FLOAT>-?[0-9]++(?:[.][0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++)WORD_END)
|(?P<INT>-?[0-9]++WORD_END)
|(?P<ENV>env[.][A-Za-z_][A-Za-z0-9_]*+WORD_END)
"""
    + _SHARED
    + r"""
JINJA
|(?P<WORD>WORDS)
|(?P<BRACE>\{)
|(?P<END>\Z)
|(?P<BAD>(?s:.))
)"""
)
_WORD = r"(?:[^\s{}\[\](),\"@\#<>`:/]|:(?=[^\s{}\[\](),\"@\#<>`])(?://)?|/(?![/*]))++"


def _config_pattern(words: str, jinja: bool) -> re.Pattern[str]:
    text = _CONFIG_TEMPLATE.replace("WORD_END", _WORD_END).replace("WORDS", words)
    text = text.replace("JINJA_GUARD", r"(?!\{)" if jinja else "")
    jinja_pattern = rf"|(?P<JINJA>{JINJA})|(?P<OPEN_JINJA>\{{\{{)"
    return re.compile(text.replace("JINJA", jinja_pattern if jinja else ""), re.VERBOSE)


_CONFIG_PATTERN = _config_pattern(_WORD, jinja=False)
_ATTRIBUTE_PATTERN = _config_pattern(rf"{_WORD}(?:[ \t]++{_WORD})*+", jinja=True)
TEMPLATE_PATTERN = re.compile(rf"(?P<TEMPLATE_TEXT>{TEMPLATE_CHARACTER}++)|(?P<BACKQUOTE>`)|(?P<OPEN>\$\{{)|(?P<END>)")


# modes
CODE: Final = 0
DECLARATIONS: Final = 1  # a list of items: a brace opens MEMBERS
MEMBERS: Final = 2  # a class or enum body: a brace opens CODE
CONFIG: Final = 3
LLM: Final = 4
ATTRIBUTE_ARGUMENTS: Final = 5
PATTERNS: Final = (
    _CODE_PATTERN,
    _CODE_PATTERN,
    _CODE_PATTERN,
    _CONFIG_PATTERN,
    _CONFIG_PATTERN,
    _ATTRIBUTE_PATTERN,
)
WORDS: Final[tuple[dict[str, str], ...]] = (_CODE_WORDS, _DECLARATION_WORDS, _DECLARATION_WORDS, {}, {}, {})
INNER: Final = (CODE, MEMBERS, CODE, CONFIG, CONFIG, CONFIG)
"""The mode inside braces, by the mode around them."""
START: Final = {
    "class": DECLARATIONS,
    "enum": DECLARATIONS,
    "dynamic": DECLARATIONS,
    "type": DECLARATIONS,
    "function": CODE,
    "template_string": CODE,
    "const": CODE,
    "let": CODE,
    "client": CONFIG,
    "generator": CONFIG,
    "retry_policy": CONFIG,
    "test": CONFIG,
}
