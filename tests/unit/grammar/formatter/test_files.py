"""What formatting never does, on every program of the repository and on programs with mutilated layouts: it changes no
meaning, loses no comment and no token, and has nothing to do the second time.

How the result looks is for ``test_formatter_style.py``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bamlvm.grammar.dump import tokenize
from bamlvm.grammar.formatter import format_text, layout_expressions, layout_items, layout_statements, layout_types
from bamlvm.grammar.formatter.files import difference
from bamlvm.grammar.lalr import actions_of, load
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.grammar.syntax import File, Node, fields
from bamlvm.grammar.tokens import Token

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("stdlib", "examples", "tests")
    for path in (ROOT / folder).rglob("*.baml")
)
COMMENTS = ("COMMENT", "DOC_COMMENT", "HEADER")


def parsed(text: str) -> File | None:
    file, diagnostics = parse_file(SourceFile("main.baml", text))
    return None if any(diagnostic.severity == "error" for diagnostic in diagnostics) else file


def formatted(text: str) -> str:
    result, diagnostics = format_text(text, "main.baml")
    assert result is not None, diagnostics
    return result


def meaning(value: Any) -> Any:
    """A tree without its places."""
    if isinstance(value, Node):
        kept = [meaning(part) for name, part in fields(value) if not name.endswith(("_start", "_end"))]
        return (type(value).__name__, *kept)
    return tuple(map(meaning, value)) if isinstance(value, tuple) else (type(value).__name__, value)


def comments(text: str) -> list[str]:
    """Comments as they read: blank space at the ends of their lines does not count."""
    found = sorted((token for token in tokenize(text) if token.kind in COMMENTS), key=lambda token: token.start)
    return ["\n".join(line.strip() for line in token.text.split("\n")) for token in found]


def words(text: str) -> list[str]:
    """The tokens that may neither come nor go: all but separators and the first ``|`` of a union."""
    tokens = [token for token in tokenize(text) if token.kind not in COMMENTS]
    kept = []
    for index, token in enumerate(tokens):
        leads = token.kind == "PIPE" and tokens[index - 1].kind not in ("RPAREN", "RBRACKET", "GREATER", "QUESTION")
        leads = leads and (tokens[index - 1].kind in ("ASSIGN", "COLON", "ARROW", "LESS", "COMMA", "LPAREN"))
        if token.kind not in ("COMMA", "SEMICOLON") and not leads:
            kept.append(token.text)
    return kept


def assert_sound(text: str) -> None:
    """All that holds for any text without a syntax error."""
    before = parsed(text)
    assert before is not None
    result = formatted(text)
    after = parsed(result)
    assert after is not None
    assert [meaning(item.declaration) for item in after.items] == [meaning(item.declaration) for item in before.items]
    assert comments(result) == comments(text)
    assert words(result) == words(text)
    assert formatted(result) == result


@pytest.mark.parametrize("name", SOURCES)
def test_programs_of_the_repository(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    if parsed(text) is None:
        assert format_text(text, name)[0] is None
    else:
        assert_sound(text)


@pytest.mark.parametrize("name", SOURCES)
def test_outside_strings_and_comments_the_layout_is_clean(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    if parsed(text) is None:
        return
    result = formatted(text)
    end = 0
    for token in tokenize(result):
        assert not re.search(r"[ \t]\n|\n\n\n|\t|\r", result[end : token.start])
        end = token.end
    assert result[end:] in ("", "\n")


def test_every_rule_of_the_grammar_has_a_layout() -> None:
    actions = {action for _, _, action in load().rules if action}
    made = actions_of(layout_types, layout_expressions, layout_statements, layout_items)
    helpers = {"with_attributes", "own_attributes", "with_body", "call_arguments"}
    assert made.keys() - helpers == actions


# --- mutilated layouts ------------------------------------------------------------------------------------------------

GAPS = [
    *(" ", "  ", "\n", "\n\n\n", "\r\n", "\t"),
    *(" /* c */ ", " /* a\n   b */ ", "\n/*\n * x\n */\n", "\n/* q */ ", " /* r */\n", " {// old //} "),
    *(" // l\n", "\n// own\n", "\n\n// own\n\n", "\n/* s */ // t\n", "\n// a\n// b\n", " /// doc\n", "\n/// doc\n"),
    *("\n//# head\n", "\n{// old\nand long //}\n"),
]
Gaps = list[tuple[int, int]]

WIDE = """
class Wide<T, U> {
  a int @alias("x") @description("something long enough to make this far too long for a line") @check(n, {{ this > 0 }})
  b: string, c: int?; type string
  d "a" | "b" | 1 | -1 | true | null @description(#"
     raw
  "#)
  e (int, x: string) -> int  f (() -> int)[]  g (int @assert({{ this > 1 }})) | string[]  h int? ?
  @@dynamic
  function m(self, a: int = 1, b: map<string, map<string, int>> = {},) -> T throws string { a.b.c(1).d(2)[3].e }
  function n(self) { }
  function o(self) -> int throws string | int native
}
dynamic class Dyn { x int }
dynamic enum Den { A, B @skip , @@alias("d") }
type X = | int | string;
type Y = "a"
  | "b" @check(c, {{ a }})
client<llm> C { provider openai options { model gpt-4o, nested { a [1, 2 3] "b c" "d" e {} f [] g env.FOO h -1.5e3 } } }
retry_policy R { max_retries 3 strategy { type exponential_backoff } }
generator g { output_type "python/pydantic" output_dir "../" }
template_string T(x: string, y: int[]) #"hello {{ x }}"#
template_string U "plain"
test foo { functions [F] args { a 1 c { d [1,{ e 3 }] f #"raw
 text"# } } @@assert(nm, {{ this.x == 1 }}) type_builder { class Q { a int } dynamic enum Z { A } type P = int } }
function F(x: string, img: image,) -> E? { client "openai/gpt-4o" prompt #"
   Hi {{ x }}
"# }
function G(a: int, b: int = 2) -> int throws string {
  let x: int = a + b * 2 - -3 / (4 % 5); watch let w: int = 1;
  x <<= 2; y = x >> 2 << 3 & 4 | 5 ^ ~6; obj.f[1] = 2;
  ;; if (x) { 1 } else if (y) { 2 } else { 3 }; while (x < 3) { x += 1; break }
  for (let i = 0; i < 3; i += 1) { continue } for (;;) { return } for (let q in [1, 2.5, -3]) { assert q > 0; }
  match (x: int) { _ => {}, 1 | 2 | -3.5 => 4, n if n > 2 => { 5 } Foo.Bar => 6, let x: int | string => 7, _: int => 8 }
  let o = P { a: 1, b, ...rest, c: Q { d: [1, 2] } }; let m = { "a": 1, ...b, }; { let block = 1; block }
  let s = `a ${x + `n ${y}`} b` + "str\\n" + #"raw
   x"#;
  let t = f(a = 1, b = (x: int) -> int { let y = x; y + 1 }).map(() { 1 }).keep((x: int, y: string) -> T { x }, 2,);
  let u = x ?? throw P { message: `a very long message that does not fit on the line ${x}`, another_field: 123 + 4567 };
  x is int && y instanceof string[] || (z is (int | string)?);
  try_it(1) catch (e) { A => 1, B => 2 } catch_all { _ => throw e }
}
"""


@cache
def pool() -> list[str]:
    """Items to mutilate: those of the repository's programs, small files whole, and one of every form."""
    found = []
    for text in (*((ROOT / name).read_text(encoding="utf-8") for name in SOURCES), WIDE):
        file = parsed(text)
        if file is not None:
            found += [item.text for item in file.items if len(item.text) < 4000]
            found += [text] if tokenize(text) and (len(text) < 2500 or text is WIDE) else []
    return sorted(set(found))


@cache
def places(text: str) -> tuple[list[Token], list[int]]:
    """A text's tokens, and those before which the layout may change: not inside backquoted strings."""
    tokens, free, depth = tokenize(text), [], 0
    for index, token in enumerate(tokens):
        if not depth:
            free.append(index)
        depth += (token.kind == "TEMPLATE_START") - (token.kind == "TEMPLATE_END")
    return tokens, free


def mutilated(text: str, gaps: Gaps, flatten: str) -> str:
    """The text with other gaps before some of its tokens, and, if ``flatten`` is not "", with it for all blank gaps."""
    tokens, free = places(text)
    chosen = {free[place % len(free)]: GAPS[gap] for place, gap in gaps}
    parts, end = [], 0
    unlocked = set(free)
    for index, token in enumerate(tokens):
        gap = text[end : token.start]
        if flatten and gap and index in unlocked:
            gap = flatten
        gap = chosen.get(index, gap)
        if index and tokens[index - 1].text.startswith("//") and not gap.startswith("\n"):
            gap = "\n" + gap
        parts += [gap, token.text]
        end = token.end
    return "".join(parts) + text[end:]


@settings(max_examples=300)
@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, len(GAPS) - 1)), min_size=1, max_size=10),
    st.sampled_from(["", "", "", " ", "\n"]),
)
def test_any_layout_with_comments_anywhere(which: int, gaps: Gaps, flatten: str) -> None:
    text = mutilated(pool()[which % len(pool())], gaps, flatten)
    assume(parsed(text) is not None)
    assert_sound(text)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, len(GAPS) - 1)), max_size=6))
@example([])
def test_every_form_with_comments_anywhere(gaps: Gaps) -> None:
    text = mutilated(WIDE, gaps, "")
    assume(parsed(text) is not None)
    assert_sound(text)


@pytest.mark.parametrize(
    "text",
    [
        "function f() -> int { f(a, // c\n b) }",
        "function f() -> int { f( // c\n a, b) }",
        "function f() -> int { f(a // c\n, // d\n b) }",
        "function f() -> int { let // c\n x = // d\n 1; x }",
        "function f() -> int { a // c\n .b() }",
        "function f() -> int { ; }",
        "function f() -> int { if (a) { 1 } else { 2 }; }",
        "function f() -> int { {}; 1 }",
        "class A { a int /// of nothing\n, b int }",
        "class A { a () -> int, throws string }",
        "class A { a int // c\n b int }",
        "class A { function: map<string, int> }",
        "class A { a int? ? }",
        "dynamic // c\nclass\nA { a int }",
        "dynamic\n/// doc\nenum\nA { B }",
        "type A = | /* c */ int // d\n | string;",
        "type A = int // c\n;",
        "type A = map\n<string, int>",
        "class A { // c\n}",
        "class A { /* c */ }",
        "enum E { A, // a\n /* b */ B // c\n, }",
        "function f() -> int { [ /* c */ ] }",
        "function f() -> int { f(/* name */ 1, /* other\n */ 2) }",
        'template_string A #"\r\n x\r\n"#\r\n',
        "\ufeffclass A { a int }",
        "/// doc of nothing\n{// old //}\n",
    ],
)
def test_awkward_places(text: str) -> None:
    assert_sound(text)


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ("type A = int", "type A  =  int", None),
        ("type A = int", "type A = string", "A.type.path"),
        ("type A = int", "type A = int[]", "A.type"),
        ("class A { a int }", "class A { a int b int }", "A.fields"),
        ("class A { a int }", "/// doc\nclass A { a int }", "A.doc"),
        ("function f() -> int { 1 }", "function f() -> int { 1.0 }", "f.body.tail.value"),
        ("function f() -> int { 1 }", "function f() -> int { 1; }", "f.body.statements"),
        ("type A = int", "type A = int\ntype B = int", "1 items, then 2"),
    ],
)
def test_a_change_of_meaning_would_be_noticed(one: str, other: str, where: str | None) -> None:
    before, after = parsed(one), parsed(other)
    assert before is not None and after is not None
    found = difference(before, after)
    assert (found is None) == (where is None)
    assert where is None or found == where or (where == "f.body.statements" and found in (where, "f.body.tail"))


def test_a_text_with_a_syntax_error_is_not_formatted() -> None:
    result, diagnostics = format_text("class A {  a int }\nclass B { a }\n", "main.baml")
    assert result is None
    assert [diagnostic.severity for diagnostic in diagnostics] == ["error"]
