"""Tokens: which words are keywords where, and what is a token in which mode."""

from __future__ import annotations

import pytest

from bamlvm.grammar.dump import tokenize
from bamlvm.grammar.lexer import lex


def kinds(text: str, keyword: str = "function") -> list[str]:
    """The kinds of all tokens between the braces of an item."""
    lexed = lex(text, keyword)
    assert lexed.diagnostics == []
    return [token.kind for token in lexed.tokens]


def code(text: str) -> list[str]:
    return kinds(f"function f() {{ {text} }}")[5:-1]


def config(text: str) -> list[str]:
    return kinds(f"client C {{ {text}\n}}", "client")[3:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if for while match let return", "IF FOR WHILE MATCH LET NAME"),
        ("x.if.return.true", "NAME DOT NAME DOT NAME DOT NAME"),
        (
            "f(if = 1, true == 1)",
            "NAME LPAREN NAME ASSIGN INT COMMA TRUE EQUALITY INT RPAREN",
        ),
        ("P { in: 1, else: 2 }", "NAME LBRACE NAME COLON INT COMMA NAME COLON INT RBRACE"),
        ("in = a is b", "NAME ASSIGN NAME IS NAME"),
        (
            "(a) in [b] catch {} catch_all",
            "LPAREN NAME RPAREN IN LBRACKET NAME RBRACKET CATCH LBRACE RBRACE CATCH_ALL",
        ),
        ("watch let watch", "WATCH LET NAME"),
        (
            "map<a map < b xs.map<c map",
            "MAP LESS NAME MAP LESS NAME NAME DOT NAME LESS NAME NAME",
        ),
        ("class enum type function client test env self", "NAME NAME NAME NAME NAME NAME NAME NAME"),
        ("lettuce iffy _ _1", "NAME NAME NAME NAME"),
        ("1 1.5 1e3 1.a 1..2", "INT FLOAT FLOAT INT DOT NAME INT DOT_DOT INT"),
        (
            "a>>b a>b a>=b a>>=b",
            "NAME GREATER_JOINED GREATER NAME NAME GREATER NAME NAME COMPARISON NAME NAME COMPOUND_ASSIGN NAME",
        ),
        ("a??b ?a ...b", "NAME COALESCE NAME QUESTION NAME ELLIPSIS NAME"),
        ('"a" #"b"# ##"c"# "##', "STRING RAW_STRING RAW_STRING"),
        ("a/b /c/ d //e", "NAME MULTIPLY NAME MULTIPLY NAME MULTIPLY NAME"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert " ".join(code(f"{text}\n")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if let class type_builder", "WORD WORD WORD WORD"),
        ("gpt-4o a/b:c *.x $a 1.2.3 1a -", "WORD WORD WORD WORD WORD WORD WORD"),
        ("1 -1 1.5 -1e3", "INT INT FLOAT FLOAT"),
        ("a:b a: b", "WORD WORD COLON WORD"),
        ("env.A env.A.b env", "ENV WORD WORD"),
        ("a // b\n c /* d */ e http://f", "WORD WORD WORD WORD"),
        ("true false null trues", "TRUE FALSE NULL WORD"),
    ],
)
def test_config(text: str, expected: str) -> None:
    assert " ".join(config(text)) == expected


def test_keywords_in_a_class_are_names_unless_a_method_begins() -> None:
    text = "class C { function string map map<a, b> throws int if T\nthrows U function function() throws E {} type A }"
    found = [(token.kind, token.text) for token in lex(text, "class").tokens[3:-1]]
    special = [pair for pair in found if pair[0] not in ("NAME", "LESS", "GREATER", "COMMA")]
    assert special == [
        ("MAP", "map"),
        ("THROWS", "throws"),
        ("FUNCTION", "function"),
        ("LPAREN", "("),
        ("RPAREN", ")"),
        ("THROWS", "throws"),
        ("LBRACE", "{"),
        ("RBRACE", "}"),
    ]


def test_tokens_know_their_place() -> None:
    text = 'function f() { `a${ "b" }c` }'
    for token in lex(text, "function").tokens:
        assert text[token.start : token.end] == token.text


def test_all_tokens_of_a_file() -> None:
    text = "// a\n/// b\nclass A { x int /* c */ } junk } //# d\nenum E { A } {// e //}"
    assert [
        (token.kind, token.text)
        for token in tokenize(text)
        if token.kind in ("COMMENT", "DOC_COMMENT", "HEADER", "ERROR")
    ] == [
        ("COMMENT", "// a"),
        ("DOC_COMMENT", "/// b"),
        ("COMMENT", "/* c */"),
        ("ERROR", "junk }"),
        ("HEADER", "//# d"),
        ("COMMENT", "{// e //}"),
    ]
