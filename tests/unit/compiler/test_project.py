"""Whole projects: all independent mistakes in one run, suggestions for misspelt names, programs of any size."""

from __future__ import annotations

import pytest

import bamlvm
from bamlvm.compiler.project import Project
from tests.support.compiling import compile_text, link, run, standard

pytestmark = pytest.mark.slow

MANY = """\
class Person { name strng }
class Person { age int }
enum Color { Red Red }
type Loop = Loop
class Node { next Node }
class Twice { a int  a int  function m(self) -> int { 1 }  function m(self) -> int { 2 } }
class Odd { a int @nope }
client<llm> NoProvider { options { model "x" } }
client<llm> Empty { provider fallback  options { strategy [] } }
client<llm> Lost { provider openai  retry_policy Nope }
retry_policy Bad { max_retries 1  strategy { type nope } }
function Ask(text: string) -> string { client Nope prompt #"{{ txet }}"# }
template_string Line(text: string) #"{{ text|nope }}"#
function numbers() -> int { "a" }
function syntax() -> int { let = 1; 2 }
function names() -> int { nope + nowhere }
function several(node: Node) -> int {
  let a: int = "x";
  let b = node.nope;
  if (1) { return true }
  for (let x in [1]) { x.nope(); }
  let f = (x: int) -> int { x + "a" };
  match (a) { 1 => "x", 2 => nope }
}
function contract() -> int throws int { throw "x" }
function arity() -> int { several() }
clas Unknown { a int }
test T { functions [nope]  args { x 1 } }
test U { args { x 1 } }
function last() -> int { 1 + }
"""

EXPECTED = """
1 E0002, 2 E0011, 3 E0013, 4 E0068, 5 E0069, 6 E0012, 6 E0093, 7 E0015, 8 E0026, 9 E0090, 10 E0091, 11 E0092, 12 E0003,
13 E0071, 14 E0001, 15 E0010, 16 E0003, 16 E0003, 18 E0001, 19 E0007, 20 E0001, 20 E0001, 21 E0007, 22 E0004,
23 E0062, 23 E0003, 25 E0096, 26 E0005, 27 E0010, 29 E0035, 30 E0010
"""


def reported(source: str) -> list[str]:
    """Line and code of each error."""
    found = bamlvm.check({"main.baml": source}).errors
    return [f"{source.count(chr(10), 0, each.span.start) + 1} {each.code}" for each in found]


def test_a_file_of_mistakes() -> None:
    assert reported(MANY) == " ".join(EXPECTED.split()).split(", ")


def test_mistakes_in_different_files() -> None:
    found = bamlvm.check({f"{n}.baml": line for n, line in enumerate(MANY.splitlines()[:13])}).errors
    assert {each.span.file for each in found} == {f"{n}.baml" for n in range(13)}


BEFORE = 'function before() -> int { "a" }\n'
AFTER = "\nfunction after() -> int { missing }\nclass AfterToo { a Missing }\n"


@pytest.mark.parametrize(
    "broken",
    [
        # inside a body
        "function f() -> int { let = 1; 2 }",
        "function f() -> int { let x: = 1; 2 }",
        "function f() -> int { x = ; }",
        "function f() -> int { g(1,, 2) }",
        "function f() -> int { match (x) { 1 -> 2 } }",
        "function f() -> int { if x > 1 { 1 } else { 2 } }",
        "function f() -> int { for x in xs { } 1 }",
        "function f() -> int { 1 + }",
        "function f() -> int { var x = 1; x }",
        "function f() -> int { P { a = 1 } }",
        "function f() -> int { let ä = 1; 1 }",
        'function f() -> string { "\\q" }',
        # delimiters
        "function f() -> int { (1 + 2 }",
        "function f() -> int { [1) }",
        "function f() -> int { { 1 }",
        "function f() -> int { 1 } }",
        "function f( -> int { 1 }",
        "class A { a int",
        "class A { a int } }",
        "enum E { A",
        "client<llm> C { provider openai",
        "test T { functions [f",
        'function f() -> string { " }',
        "function f() -> string { ` }",
        'function f() -> string { #" }',
        "function f() -> string { /* }",
        # heads
        "function () -> int { 1 }",
        "function f() -> { 1 }",
        "function f() -> int",
        "function f(a) -> int { 1 }",
        "class { a int }",
        "class A a int }",
        "enum E { A(1) }",
        "type A =",
        "type = int",
        "client<gpt> C { provider openai }",
        "client<llm> C { provider }",
        "retry_policy { max_retries 1 }",
        "generator { output_type python }",
        "test 1-a { functions [f] }",
        "template_string T(x: string)",
        # no declaration
        "clas A { a int }",
        "let x 1;",
        "42",
        "}",
        "interface I { }",
        "some words of no meaning",
    ],
)
def test_what_stands_around_a_broken_declaration_is_checked(broken: str) -> None:
    source = BEFORE + broken + AFTER
    found = reported(source)
    lines = source.count("\n")
    assert found[0] == "1 E0001"
    assert found[-2:] == [f"{lines - 1} E0003", f"{lines} E0002"]
    assert len(found) > 3


@pytest.mark.parametrize(
    "match",
    [
        "match (c) { Colr.Red => 1, _ => 2 }",
        "match (c) { Color.Rad => 1, Color.Green => 2 }",
        "match (c) { Color.Rad | Color.Green => 1, _ => 2, }",
        "match (c) { x: Colr => 1, Color.Red => 2 }",
        "match (c) { Colour => 1, Color.Green => 2 }",
    ],
)
def test_a_wrong_pattern_brings_nothing_else_with_it(match: str) -> None:
    source = f"enum Color {{ Red Green }}\nfunction f(c: Color) -> int {{ {match} }}"
    (found,) = bamlvm.check(source).diagnostics
    assert found.code in ("E0002", "E0064")


CASCADE = """
class Broken { name strng! age }
enum Bad { A B C! }
function broken(x: int) -> int { x + }
template_string T(x: int) #"a" !
client<llm> C { provider openai ! }
function f(x: Broken) -> string { x.name }
function g(b: Bad) -> int { match (b) { Bad.A => 1, _ => broken(2) } }
function h() -> Broken { Broken { name: "x" } }
function m(x: Broken | int) -> int { match (x) { Broken => 1, let y: int => y } }
function L(x: string) -> string { client C prompt #"{{ T(1) }} {{ x }}"# }
test X { functions [broken] args { x 1 } }
"""


def test_an_item_that_cannot_be_parsed_is_not_reported_as_unknown() -> None:
    lines = {entry.split()[0] for entry in reported(CASCADE)}
    assert lines <= {"2", "3", "4", "5", "6"}


def test_its_name_is_unknown_once_it_is_gone() -> None:
    project = Project(standard())
    broken = {"a.baml": "class P { x int! }", "b.baml": "function f(p: P) -> int { 1 }"}
    assert [each.code for each in project.update(broken).diagnostics] == ["E0010"]
    assert [each.code for each in project.update({**broken, "a.baml": ""}).diagnostics] == ["E0002"]
    assert [each.code for each in project.update(broken).diagnostics] == ["E0010"]


AROUND = """
class Person { name string  age int  function greet(self) -> string { self.name } }
enum Color { Red Green Blue }
client<llm> Fast { provider openai }
retry_policy Slow { max_retries 3 }
template_string Line(text: string) #"{{ text }}"#
function Ask(text: string) -> Color { client Fast prompt #"{{ text }}"# }
function helper(count: int) -> int { count }
function person() -> Person { Person { name: "a", age: 1 } }
"""


def in_function(statement: str) -> str:
    return f"function test_function(color: Color) -> int {{ let person = person(); {statement} 1 }}"


def in_prompt(text: str) -> str:
    return f'function Prompted(text: string, who: Person) -> string {{ client Fast prompt #"{{{{ text }}}} {text}"# }}'


@pytest.mark.parametrize(
    ("source", "code", "meant"),
    [
        # types
        (in_function("let x: Persn? = null;"), "E0002", "Person"),
        (in_function("let x: strng? = null;"), "E0002", "string"),
        (in_function("let x: person? = null;"), "E0002", "Person"),
        (in_function("let x: baml.errors.Timeuot? = null;"), "E0002", "baml.errors.Timeout"),
        (in_function("let x = Persn { name: 1 };"), "E0002", "Person"),
        (in_function("let x = match (color) { Colr.Red => 1, _ => 2 };"), "E0002", "Color"),
        ("class Other { person Prson }", "E0002", "Person"),
        # names, functions, arguments
        (in_function("let count = 1; let x = cuont;"), "E0003", "count"),
        (in_function("let x = helpr(1);"), "E0003", "helper"),
        (in_function("let x = baml.json.prase;"), "E0003", "parse"),
        (in_function("let x = baml.jsn.parse;"), "E0003", "json"),
        (in_function("let x = helper(cuont = 1);"), "E0005", "count"),
        (in_function('let x = env.gett("A");'), "E0006", "env.get"),
        # fields, methods, variants
        (in_function("let x = person.nmae;"), "E0007", "name"),
        (in_function("let x = person.gret();"), "E0007", "greet"),
        (in_function('let x = "a".lenght();'), "E0007", "length"),
        (in_function("let x = [1].pussh(2);"), "E0007", "push"),
        (in_function('let x = { "a": 1 }.kyes();'), "E0007", "keys"),
        (in_function("let x = 1.5.asb();"), "E0007", "abs"),
        (in_function('let x = Person { name: "a", agee: 1, age: 2 };'), "E0007", "age"),
        (in_function("let x = Color.Gren;"), "E0064", "Green"),
        (in_function("let x = match (color) { Color.Rad => 1, _ => 2 };"), "E0064", "Red"),
        # configuration
        ("client<llm> Other { provider openai  retry_polcy Slow }", "E0027", "retry_policy"),
        ("client<llm> Other { provider openai  retry_policy Slwo }", "E0091", "Slow"),
        ("client<llm> Other { provider fallback  options { strategy [Fsat] } }", "E0092", "Fast"),
        ("retry_policy Other { max_retries 1  strateyg { type constant_delay } }", "E0027", "strategy"),
        ("retry_policy Other { max_retries 1  strategy { type constant_dely } }", "E0092", "constant_delay"),
        ('function Other() -> string { client Fats prompt #""# }', "E0003", "Fast"),
        ("generator g { output_tpye python }", "E0027", "output_type"),
        ('class Other { a int @alais("b") }', "E0015", "alias"),
        ("enum Other { A @skp }", "E0015", "skip"),
        ("class Other { a int @@dynamci }", "E0015", "dynamic"),
        ('test T { functions [Aks]  args { text "a" } }', "E0088", "Ask"),
        ('test T { functions [Ask]  agrs { text "a" } }', "E0034", "args"),
        # templates
        (in_prompt("{{ txet }}"), "E0070", "text"),
        (in_prompt("{{ who.nmae }}"), "E0070", "name"),
        (in_prompt("{{ ctx.output_fromat }}"), "E0070", "output_format"),
        (in_prompt("{{ Lien(text) }}"), "E0070", "Line"),
        (in_prompt("{{ text|uper }}"), "E0071", "upper"),
        (in_prompt("{% if text is definde %}{% endif %}"), "E0071", "defined"),
        (in_prompt("{% for a in [1] %}{{ loop.indx }}{% endfor %}"), "E0070", "index"),
    ],
)
def test_the_hint_names_it(source: str, code: str, meant: str) -> None:
    found = [(each.code, each.hint) for each in bamlvm.check(AROUND + source).diagnostics]
    assert (code, f"did you mean `{meant}`?") in found, found


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("class P { a str }", "write `string`"),
        ("class P { a any }", "write `unknown`, or the types that it may be: `A | B`"),
        ("class P { a number }", "write `int` or `float`"),
        ("class P { a List<int> }", "write `int[]`"),
        ("class P { a Optional<P> }", "write `P?`"),
        ("class P { a dict }", "write `map<string, T>`"),
        ("class P { a Dict<string, int> }", "write `map<string, int>`"),
        ("class P { a Union<int, string, bool> }", "write `int | string | bool`"),
        ("class P { a datetime }", "there is no such type: use `string`"),
        ("function f(a: bool) -> bool { if (a and a) { true } else { false } }", "the logical and is written `&&`"),
        ("function f(a: bool) -> bool { if (not true) { true } else { a } }", "the logical not is written `!`"),
        ("function f(a: int) -> int { a++ }", "there is no `++`: write `x += 1`"),
        ('function f() -> string { let s = f"x"; s }', "a template string is written `` `Hello ${name}` ``"),
        (
            "class P { } function f() -> P { new P { } }",
            'an instance is written without `new`: `Person { name: "Ada" }`',
        ),
        ("function f(a: int[]) -> int { len(a) }", "write `x.length()`"),
        ('function f() -> null { console.log("x") }', "write `print(x)`, or `baml.log.info(message)` for the log"),
        ("function f() -> null { None }", "write `null`"),
        ('function f() -> string { client "gpt-4o" prompt #"x"# }', 'write `client "openai/gpt-4o"`'),
        (
            'function f() -> string { "x" catch (e) { "y" } }',
            "a `catch` has arms, as a `match` has: `catch (e) { _ => … }`",
        ),
        ("function f(a: int | string) -> bool { isinstance(a, int) }", "write `a is int`"),
        ("function f() -> null { let a = { b: 2 }; }", 'a key is a text: write `"b"`'),
        ("class P { b int } function f() -> P { { b: 2 } }", "an object has its class before it: `P { … }`"),
        ('function f(a: string?) -> string { a || "b" }', "a default for null is set by `??`"),
        ("function f(a: string) -> string { a * 3 }", "a text is repeated by `text.repeat(n)`"),
        ("function f(a: int[]) -> int[] { a + a }", "lists are joined by `xs.concat(ys)`, or `[...xs, ...ys]`"),
        ('function f(a: map<string, int>) -> null { a.get("b", 3); }', "write `m.get(key) ?? default`"),
        ('function f(a: map<string, int>) -> null { a.put("b", 3); }', "an entry is set by `m[key] = value`"),
        ("function f(a: int[]) -> null { a.forEach(f); }", "write `for (let x in xs) { … }`"),
        ("function f(a: int[]) -> int { sum(a) }", "write `xs.sum()`"),
        ('class P { a int @desc("x") }', "write `description`"),
        (
            "function f() -> Result<int, string> { 1 }",
            "a function returns `T` alone, and declares what it throws: `throws E`",
        ),
    ],
)
def test_words_of_other_languages_have_hints(source: str, hint: str) -> None:
    assert [each.hint for each in bamlvm.check({"main.baml": source}).errors] == [hint]


def test_a_client_in_quotes_is_marked_with_them() -> None:
    source = 'function f() -> string { client "gpt" prompt #"x"# }'
    (found,) = bamlvm.check({"main.baml": source}).errors
    assert source[found.span.start : found.span.end] == '"gpt"'


def test_an_argument_of_a_test_with_another_name_is_one_finding() -> None:
    source = "function f(a: int, b: int = 1) -> int { a + b } test t { functions [f] args { x 1 } }"
    (found,) = bamlvm.check({"main.baml": source}).warnings
    assert (found.message, found.hint) == ("`f` has no parameter `x`", "it has `a`")


def test_an_error_inside_a_type_is_reported_once() -> None:
    assert reported('function f() -> int { let m = {"a": nope}; let y: int = m; y }') == ["1 E0003"]


DEEP = 3000
WIDE = 4000


def main(body: str, result: str = "int") -> str:
    return f"function main() -> {result} {{ {body} }}"


def nested(opening: str, inside: str, closing: str) -> str:
    return opening * DEEP + inside + closing * DEEP


TOO_DEEP = {
    "parentheses": main(nested("(", "1", ")")),
    "a sum": main("+".join(["1"] * DEEP)),
    "conditions": main("&&".join(["true"] * DEEP), "bool"),
    "not": main("!" * DEEP + "true", "bool"),
    "blocks": main(nested("{", "1", "}")),
    "branches": main(nested("if (true) {", "1", "} else { 0 }")),
    "else if": main("".join(f"if (1 == {i}) {{ {i} }} else " for i in range(DEEP)) + "{ 0 }"),
    "calls": main(nested("main(", "", ")")),
    "methods": main('"a"' + ".trim()" * DEEP, "string"),
    "fields": main("main" + ".x" * DEEP),
    "elements": main("let a = [1]; a" + "[0]" * DEEP),
    "lists": main(nested("[", "1", "]")),
    "maps": main(nested('{ "a": ', "1", "}")),
    "lambdas": main(nested("() -> int { ", "1", "}")),
    "matches": main(nested("match (1) { 1 => ", "1", "}")),
    "catches": main("1" + " catch (e) { _ => 2 }" * DEEP),
    "throws": main("throw " * DEEP + "1"),
    "loops": main(nested("while (false) {", "", "}") + " 1"),
    "templates": main(nested("`${", "1", "}`"), "string"),
    "list types": f"function f(a: int{'[]' * DEEP}) -> int {{ 1 }}",
    "map types": f"function f(a: {nested('map<string, ', 'int', '>')}) -> int {{ 1 }}",
    "function types": f"function f(a: {'() -> ' * DEEP}int) -> int {{ 1 }}",
    "aliases": "".join(f"type A{i} = A{i + 1}[]\n" for i in range(DEEP)) + f"type A{DEEP} = int",
    "types of aliases": "type A0 = int\n" + "".join(f"type A{i + 1} = A{i}[]\n" for i in range(DEEP)),
    "blocks of options": f"client<llm> C {{ provider openai  options {{ {nested('a {', '', '}')} }} }}",
    "lists of options": f"client<llm> C {{ provider openai  options {{ a {nested('[', '', ']')} }} }}",
    "prompts": 'function F(x: string) -> string { client "openai/b"  prompt #"'
    + nested("{% if x %}", "", "{% endif %}")
    + '"# }',
}


@pytest.mark.parametrize("source", TOO_DEEP.values(), ids=TOO_DEEP.keys())
def test_what_is_too_deep_is_told(source: str) -> None:
    found = compile_text(source).diagnostics
    assert 0 < len([each for each in found if each.severity == "error"]) < 100


LITERALS = " | ".join(f'"v{i}"' for i in range(WIDE))
WIDE_PROGRAMS = {
    "a match of literals": f"function f(a: {LITERALS}) -> int {{ match (a) {{ "
    + ", ".join(f'"v{i}" => {i}' for i in range(WIDE))
    + " } } "
    + main('f("v7")'),
    "a match of variants": f"enum E {{ {' '.join(f'V{i}' for i in range(WIDE))} }}\n"
    + "function f(a: E) -> int { match (a) { "
    + ", ".join(f"E.V{i} => {i}" for i in range(WIDE))
    + " } } "
    + main("f(E.V7)"),
    "a match of classes": "".join(f"class C{i} {{ x int }}\n" for i in range(WIDE // 5))
    + f"function f(a: {' | '.join(f'C{i}' for i in range(WIDE // 5))}) -> int {{ match (a) {{ "
    + ", ".join(f"C{i} => {i}" for i in range(WIDE // 5))
    + " } } "
    + main("f(C7 { x: 1 })"),
    "alternatives": f"function f(a: int) -> int {{ match (a) {{ {' | '.join(map(str, range(WIDE)))} => 7, _ => 2 }} }} "
    + main("f(1)"),
    "statements": main("let a = 0; " + "a += 1; " * WIDE + "a - 3993"),
    "a list": main("[" + ",".join(["1"] * 20_000) + "].length() - 19993"),
    "a map": main("{" + ",".join(f'"k{i}": {i}' for i in range(WIDE)) + "}.length() - 3993")
    .replace("{ {", "{ let m = {")
    .replace("}.length", "}; m.length"),
    "calls in a row": "".join(f"function f{i}() -> int {{ f{i + 1}() }}\n" for i in range(150))
    + "function f150() -> int { 7 }\n"
    + main("f0()"),
}


@pytest.mark.parametrize("source", WIDE_PROGRAMS.values(), ids=WIDE_PROGRAMS.keys())
def test_what_is_wide_compiles_and_runs(source: str) -> None:
    result = compile_text(source)
    assert result.unit is not None, result.diagnostics[:2]
    assert run(link(result.unit), budget=20_000).data == ("int", "7")
