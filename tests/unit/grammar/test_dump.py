"""The stages `tokens` and `ast` as text, to the character, and the check that ranges nest."""

from __future__ import annotations

import msgspec

from bamlvm.grammar.dump import render_tokens, render_tree, spans_nest
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.grammar.syntax import Binary, File, Literal, deeper_than, walk

TEXT = """// c
class A { x int? @a("b") }
function f(a: int) -> A { let s = `t ${a}
`; a }
class { }
"""


def tree() -> File:
    return parse_file(SourceFile("main.baml", TEXT))[0]


def test_tokens() -> None:
    assert render_tokens(TEXT).splitlines()[:12] == [
        "0:4         COMMENT           // c",
        "5:10        CLASS             class",
        "11:12       NAME              A",
        "13:14       LBRACE            {",
        "15:16       NAME              x",
        "17:20       NAME              int",
        "20:21       QUESTION          ?",
        "22:24       ATTRIBUTE         @a",
        "24:25       LPAREN            (",
        '25:28       STRING            "b"',
        "28:29       RPAREN            )",
        "30:31       RBRACE            }",
    ]
    assert '73:74       TEMPLATE_TEXT     "\\n"' in render_tokens(TEXT)


def test_tree() -> None:
    assert (
        render_tree(tree())
        == """\
File main.baml
Item at 5
  Class 0:26 name="A"
    fields- Field 10:24 name="x"
      type: OptionalTypeExpr 12:16
        item: NamedType 12:15 path="int"
      attributes- Attribute 17:24 name="a"
        arguments- ConfigScalar 20:23 value="b" quoted=true
Item at 32
  Function 0:48 name="f"
    parameters- Parameter 11:17 name="a"
      type: NamedType 14:17 path="int"
    result: NamedType 22:23 path="A"
    body: Block 24:48
      statements- Let 26:43 name="s"
        value: Template 34:43
          parts- "t "
          parts- Name 39:40 name="a"
      tail: Name 45:46 name="a"
"""
    )


def test_names_that_could_not_be_read_are_printed() -> None:
    file, _ = parse_file(SourceFile("a", "class B { = }"))
    assert render_tree(file) == "File a\nunread B\n"


def test_ranges_that_do_not_nest_are_found() -> None:
    file = tree()
    assert spans_nest(file) == []
    declaration = msgspec.structs.replace(file.items[0].declaration, end=20)
    broken = File("a", (msgspec.structs.replace(file.items[0], declaration=declaration),))
    assert spans_nest(broken) == ["Field 10:24 is not inside Class 0:20"]
    backwards = msgspec.structs.replace(file.items[0].declaration, start=30, end=27)
    assert len(spans_nest(File("a", (msgspec.structs.replace(file.items[0], declaration=backwards),)))) == 2


def test_walking_a_tree_goes_outermost_first_in_order() -> None:
    node = Binary(0, 5, "+", Binary(0, 3, "*", Literal(0, 1, 1), Literal(2, 3, 2), 1), Literal(4, 5, 3), 3)
    assert [(type(each).__name__, each.start, each.end) for each in walk(node)] == [
        ("Binary", 0, 5),
        ("Binary", 0, 3),
        ("Literal", 0, 1),
        ("Literal", 2, 3),
        ("Literal", 4, 5),
    ]
    assert deeper_than(node, 2) is None
    assert deeper_than(node, 1) == Literal(0, 1, 1)
    assert deeper_than(node, 0) == node.left
