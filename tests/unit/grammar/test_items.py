"""A file cut into items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar.items import split_items
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" // only a comment\n", []),
        ("class A {} class B {}", ["class A {}", "class B {}"]),
        ("type A = int\ntype B = int // c\n\n", ["type A = int", "type B = int"]),
        ("function f() native function g() sysop", ["function f() native", "function g() sysop"]),
        ("function f(a: M = {}) {} enum E {}", ["function f(a: M = {}) {}", "enum E {}"]),
        ('template_string T(x: A) #" { "# class A {}', ['template_string T(x: A) #" { "#', "class A {}"]),
        (
            'class A { a int @b({{ "}" }}, "{", #"{"#) } enum E {}',
            ['class A { a int @b({{ "}" }}, "{", #"{"#) }', "enum E {}"],
        ),
        ("function f() { `}${ `{${ {} }` }` } enum E {}", ["function f() { `}${ `{${ {} }` }` }", "enum E {}"]),
        ("/// a\n// b\n/// c\nclass A {}", ["/// a\n// b\n/// c\nclass A {}"]),
        (
            "class A {\nfunction f() {\n}\ntype string\n}\nenum E {}",
            ["class A {\nfunction f() {\n}\ntype string\n}", "enum E {}"],
        ),
        ("class A {\nenum E {}", ["class A {", "enum E {}"]),
        ("dynamic class A {} dynamic enum B {}", ["dynamic class A {}", "dynamic enum B {}"]),
        ('function f() { #"\nclass A {}\n"# }', ['function f() { #"\nclass A {}\n"# }']),
        ("foo bar\nclass A {}", ["foo bar", "class A {}"]),
        ("foo { bar {} } class A {}", ["foo { bar {} }", "class A {}"]),
        ("} } class A {}\nclass B {}", ["} } class A {}", "class B {}"]),
    ],
)
def test_a_file_is_split_into_items(text: str, pieces: list[str]) -> None:
    assert [text[item.start : item.end] for item in split_items(text)] == pieces


def test_items_share_a_file_with_comments_of_all_kinds(parse: Callable[[str], Any]) -> None:
    declarations, diagnostics = parse(
        """\ufeff// one { " #"
        /* two { " */
        {// three { " //}
        class A { a int /* } */ // }
          {// old
             b int
          //}
          c int {// same line //} d int
        }
        function f() -> int { // }
          1 /* } */
        } function g() -> int {// a brace and a comment
          2
        }
        //// no doc
        enum E { A }"""
    )
    assert diagnostics == []
    assert [declaration.name for declaration in declarations] == ["A", "f", "g", "E"]
    assert [field.name for field in declarations[0].fields] == ["a", "c", "d"]
    assert declarations[3].doc == ""


def test_an_item_reaches_from_its_doc_comment_to_its_brace() -> None:
    text = "// before\n/// Doc.\nclass A { // inside\n //# Header\n}\n// after"
    file, _ = parse_file(SourceFile("a.baml", text))
    (item,) = file.items
    assert item.text == text[item.offset : item.offset + len(item.text)]
    assert item.text.startswith("/// Doc.") and item.text.endswith("}")
