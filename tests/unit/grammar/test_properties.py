"""Properties that hold for any text, and for any program."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bamlvm.grammar.diagnostics import CODES
from bamlvm.grammar.dump import render_tokens, render_tree, spans_nest, tokenize
from bamlvm.grammar.excerpts import render_all
from bamlvm.grammar.parser import ItemCache, parse_file
from bamlvm.grammar.source import SourceFile

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
    """Tokens stand where they say, in order, and what lies between them is blank."""
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
