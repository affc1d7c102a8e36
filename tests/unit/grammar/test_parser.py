"""The parser: its cache, its limits, and what holds for any text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bamlvm.grammar.depth import MAX_TREE_DEPTH
from bamlvm.grammar.diagnostics import CODES, Diagnostic
from bamlvm.grammar.dump import render_tokens, render_tree, spans_nest, tokenize
from bamlvm.grammar.excerpts import render_all
from bamlvm.grammar.lexer_state import MAX_DEPTH
from bamlvm.grammar.parser import ItemCache, parse_file
from bamlvm.grammar.source import SourceFile
from tests.unit.grammar.conftest import tree_depth


def test_an_item_in_the_cache_is_not_read_again() -> None:
    cache: ItemCache = {}
    first, _ = parse_file(SourceFile("a.baml", "class A { x int }\nclass B { y z }\nclass C { = }"), cache)
    assert len(cache) == 3
    known = dict(cache)
    second, diagnostics = parse_file(
        SourceFile("b.baml", "\n\nclass B { y z }\nclass C { = }\nclass A { x string }"), cache
    )
    assert second.items[0].declaration is first.items[1].declaration
    assert second.items[0].offset == 2 and second.items[0].file == "b.baml"
    assert set(cache) - set(known) == {"class A { x string }"}
    (diagnostic,) = diagnostics
    assert diagnostic.span.file == "b.baml" and diagnostic.span.start == 28


def test_names_of_items_that_cannot_be_read_are_told(parse: Callable[[str], Any]) -> None:
    text = (
        "class A { = }\nfunction f( { }\nclient<llm> my-c { ] }\nclient d { = }\n"
        "dynamic enum E { 1 }\nclass { }\nclass B {}"
    )
    file, diagnostics = parse_file(SourceFile("a.baml", text))
    assert file.unread == ("A", "f", "my-c", "d", "E")
    assert len(file.items) == 1
    assert len(diagnostics) >= 6


Parse = Callable[[str], tuple[list[Any], list[Diagnostic]]]


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "1" + ")" * 10_000, "[" * 10_000, "{" * 10_000, "`${" * 10_000, "f(" * 10_000, "if (a) {" * 10_000],
)
def test_deep_nesting_is_refused_once(parse: Parse, text: str) -> None:
    declarations, diagnostics = parse(f"function f() {{ {text} }}\nclass A {{}}")
    assert [diagnostic.code for diagnostic in diagnostics] == ["E0010"]
    assert diagnostics[0].message == f"this is nested more than {MAX_DEPTH} levels deep"
    assert [declaration.name for declaration in declarations][-1:] in ([], ["A"])


@pytest.mark.parametrize("text", ["a" + ".b" * 5000, "a.b" + ".c" * 200 + "()", "P" + ".b" * 200 + " {}"])
def test_long_names_are_refused_once(parse: Parse, text: str) -> None:
    (diagnostic,) = parse(f"function f() {{ {text} }}")[1]
    assert (diagnostic.code, diagnostic.message) == ("E0010", "this name has more than 100 parts")


def test_what_is_within_the_limits_is_read() -> None:
    links = MAX_TREE_DEPTH - 3
    chain = "1" + " + 1" * links
    nested = "(" * (MAX_DEPTH - 2) + "[" + chain + "]" + ")" * (MAX_DEPTH - 2)
    file, diagnostics = parse_file(SourceFile("a", f"function f() {{ {nested} }}"))
    assert diagnostics == []
    assert tree_depth(file.items[0].declaration) == MAX_TREE_DEPTH + 1
    assert spans_nest(file) == []
    assert render_tree(file).count("Binary") == links


def test_what_is_long_but_not_deep_has_no_limit(parse: Parse) -> None:
    many = 3000
    (function, union), diagnostics = parse(
        f"function f() {{ {'f();' * many} [{'1,' * many}]; f({'1,' * many}); match (a) {{ {'1 => 2,' * many} }} }}"
        f"type T = {' | '.join(str(number) for number in range(many))}"
    )
    assert diagnostics == []
    assert len(function.body.statements) == many + 2
    assert len(union.type.members) == many


@pytest.mark.parametrize(
    "text",
    [
        *("/*" * 20_000, '"' * 20_001, "#" * 20_000, '#"' * 20_001, "{//" * 20_000, "@a(" * 20_000, "{{" * 20_000),
        *("`" * 20_001, "class A {\n" * 5_000, "a\n" * 20_000, "///\n" * 20_000, "'" * 20_000, "é" * 20_000),
        *("class A { a int @b({{ ' \" " * 2_000, "function f() { `${" * 2_000, "type A = \n" * 5_000, "\x00" * 20_000),
        *('template_string T #"\n' * 5_000, "function f() { " + "x(1;" * 5_000 + "}", "@a({{" * 10_000),
        *("function f() { " + "/* " * 20_000, "function f() { `" * 3_000, "function f() {\n/*\n" * 3_000),
        *("class A { a int @b({{ " * 5_000, "function f() { a" + ".b" * 50_000 + " }", "type T = " + "A | " * 5_000),
        *('"' + '\\"\n' * 10_000, "function f() { " + "`${" * 50 + '"' + '\\"\n' * 10_000),
        *("function f() {\n" + "a()\n" * 20_000 + "}", "function f() {\n" + "//# h\nif (a) { b }\n" * 20_000 + "= }"),
        *("type T = " + "A | " * 50_000, "function f() { match (a) { " + "1 | " * 50_000 + "2 => 3 } = }"),
    ],
)
def test_text_made_to_hurt_is_read_in_linear_time(text: str) -> None:
    """Each would take minutes if anything were quadratic; nothing is measured."""
    _, diagnostics = parse_file(SourceFile("a", text))
    assert diagnostics or text.startswith("///")


PROGRAM = """/// A person.
class Person {
  name string @alias("n") @check(long, {{ this|length > "}}" }})
  tags (string @a)[] | map<"a" | "b", int[]>?, f: (int, x: T) -> int
  function greet(self, other: Person = Person { name: "x", ...self }) -> string throws baml.errors.Io {
    //# Section
    if (self.a == null && !b) { return "no" } else if (c is int) {} else { 3 }
    let m: map<string, map<string, int>> = { "a": {}, k: [1, ...[2]], };
    for (let i = 0; i < 3; i += 1) { continue } // note
    for (let t in m) { while (t) { break; } }
    f(1, b = `t ${ `u ${ x >> 2 }` } $`) catch (e) { E => {}, x: int if x > 3 => { 4 } _ => throw e }
    match (x: T) { 1 | -2 => "a", Color.Red => return, let s: string => (y: int) -> int { y ?? return } };
    assert x; a.b[0] <<= ~1 * -2 / 3 % 4 | 5 ^ 6 & 7
  }
  @@dynamic
}
enum E { A @skip, B @@alias("E") }
type J = int | J[] | () -> int throws E
function native_one<T>(xs: T[]) -> T[] native
function F(x: int) -> R { client "openai/gpt-4o" prompt ##"
    {{ x }} "# #"
  "## }
client<llm> my-c { provider openai options { model gpt-4o k env.K stop ["a" b, -0.5] } }
retry_policy P { max_retries 3 strategy { type constant_delay } }
template_string T(x: U) #"{# hi #}"#
test N { functions [F] args { x { file "a" } } type_builder { dynamic class X { a int } } @@assert({{ _.x }}) }
/* block */ generator g { output_type python/pydantic } {// old //}
"""


FRAGMENTS = [
    *PROGRAM.replace("(", " ( ").replace(")", " ) ").split(),
    *tuple("()[]{}<>,:;.=+-*/%!~?|&^@#`'\"\\_1xé\n\t\0\ufeff\u2028ʘ"),
    *("...", "->", "=>", "==", "??", "||", "&&", "<<", ">>", "+=", "@@", "@a(", '#"', '"#', '##"', "${", "/*", "*/"),
    *("//", "///", "//#", "{//", "//}", "{{", "}}", "\r\n", "1n", "0x", "1.5e3", '"s"', '#"r"#', "\nclass A {"),
    *("type_builder", "watch", "in", "catch_all", "instanceof", "map", "sysop", "await", "spawn", "interface"),
    *("\nfunction f() {", "\ntype A =", "\nclient<llm> c {", "\n/// doc\n"),
]


text = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join),
)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The program with a few pieces taken out, put in or moved."""
    source = PROGRAM
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(source)))
        end = draw(st.one_of(st.just(start), st.integers(start, min(start + 40, len(source)))))
        piece = draw(
            st.one_of(st.just(""), st.sampled_from(FRAGMENTS), st.text(max_size=3), st.just(source[end : end + 30]))
        )
        source = source[:start] + piece + source[end:]
    return source


def check(source: str) -> None:
    """What must hold for any text at all."""
    file, diagnostics = parse_file(SourceFile("a.baml", source))
    assert spans_nest(file) == []
    for diagnostic in diagnostics:
        assert diagnostic.code in CODES
        assert diagnostic.message and "\n" not in diagnostic.message and not diagnostic.message.endswith(".")
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert span.file == "a.baml"
            assert 0 <= span.start <= span.end <= len(source)
    for item in file.items:
        assert source[item.offset : item.offset + len(item.text)] == item.text
    if file.unread:
        assert diagnostics
    assert render_tree(file).startswith("File a.baml\n")
    render_all(diagnostics, {"a.baml": SourceFile("a.baml", source)}, color=True)


def round_trip(source: str) -> None:
    """Tokens are at their places, in order, with blanks between them."""
    position = 0
    for token in tokenize(source):
        assert token.start >= position and token.end > token.start
        assert not source[position : token.start].strip(" \t\r\n\f\ufeff")
        assert source[token.start : token.end] == token.text
        position = token.end
    assert not source[position:].strip(" \t\r\n\f\ufeff")
    assert len(render_tokens(source).splitlines()) >= len(tokenize(source))


def test_the_program_itself_is_right() -> None:
    file, diagnostics = parse_file(SourceFile("a.baml", PROGRAM))
    assert diagnostics == []
    assert len(file.items) == 10
    check(PROGRAM)
    round_trip(PROGRAM)


@given(text)
@example('"\\')
@example("#")
@example("`${`${")
@example("class A { a int @b(")
@example("function f() { client")
@example("///")
@example("{//")
def test_any_text_is_read(source: str) -> None:
    check(source)


@given(mutations())
@settings(max_examples=100)
def test_any_mutation_of_a_program_is_read(source: str) -> None:
    check(source)


@given(st.one_of(text, mutations()))
@settings(max_examples=100)
def test_tokens_and_comments_cover_the_text(source: str) -> None:
    round_trip(source)


@given(mutations(), mutations())
@settings(max_examples=25)
def test_a_cache_changes_nothing(first: str, second: str) -> None:
    cache: ItemCache = {}
    for source in (first, second, first):
        assert parse_file(SourceFile("a", source), cache) == parse_file(SourceFile("a", source))


@given(st.text(alphabet=" \n\t", max_size=8), st.sampled_from(["// c", "/* c */", "//# H", ""]))
def test_space_and_comments_between_tokens_change_no_tree(space: str, comment: str) -> None:
    """Every token of a function set apart by any space and comment: the same tree, but for its places."""
    source = 'function f(a: int) -> int[] { if (a > 1) { g(x.y, "s")[0] } else { -1 } }'
    gap = f"{space}{comment}\n"
    spread = "".join(token.text + gap for token in tokenize(source))
    shapes = []
    for text_ in (source, spread):
        file, diagnostics = parse_file(SourceFile("a", text_))
        assert diagnostics == []
        lines = render_tree(file).splitlines()
        shapes.append(
            [
                [word for word in line.split() if ":" not in word or '"' in word]
                for line in lines
                if "Header" not in line
            ]
        )
    assert shapes[0] == shapes[1]
