"""The one style, form by form."""

from __future__ import annotations

import pytest

from bamlvm.grammar.formatter import format_text

ITEMS = {
    "members each on a line, without commas": (
        'class A { a int, b: string @alias("x");\n\n\n  c int @@dynamic }',
        'class A {\n  a int\n  b: string @alias("x")\n\n  c int\n  @@dynamic\n}\n',
    ),
    "an empty line around methods that have a body": (
        "class A { a int function f(self) -> int { 1 }\n function g(self) -> int native\n function h(self) native }",
        "class A {\n  a int\n\n  function f(self) -> int { 1 }\n\n"
        "  function g(self) -> int native\n  function h(self) native\n}\n",
    ),
    "attributes that do not fit": (
        f'class A {{ name string @alias("n") @description("{"long " * 18}") }}',
        f'class A {{\n  name string\n    @alias("n")\n    @description("{"long " * 18}")\n}}\n',
    ),
    "variants": ('enum E { A, B @alias("b") C }', 'enum E {\n  A\n  B @alias("b")\n  C\n}\n'),
    "an empty line between items of several lines": (
        "class A { a int }\nclass B {\n}\ntype C = int\ntype D = int\n\n\n\ntype E = int",
        "class A {\n  a int\n}\n\nclass B {}\ntype C = int\ntype D = int\n\ntype E = int\n",
    ),
    "a union that was written on lines stays so": (
        'type A = "a"\n | "b"\ntype B = | "a" | "b";',
        'type A =\n  | "a"\n  | "b"\n\ntype B = "a" | "b"\n',
    ),
    "configuration": (
        "client<llm> C { provider openai, options { model gpt-4o a [1 2,3,] b {\n x 1 } c { x 1 } d {} } }",
        "client<llm> C {\n  provider openai\n  options {\n    model gpt-4o\n    a [1, 2, 3]\n"
        "    b {\n      x 1\n    }\n    c { x 1 }\n    d {}\n  }\n}\n",
    ),
    "prompts are left alone": (
        'function F( x:string )->string{client C prompt #"\n  {{x}}\n   y \n"#}',
        'function F(x: string) -> string {\n  client C\n  prompt #"\n  {{x}}\n   y \n"#\n}\n',
    ),
    "a signature that is too long, in its parameters": (
        f"function f(a: int, b: {'T' * 80}, c: int) -> int {{ 1 }}",
        f"function f(\n  a: int,\n  b: {'T' * 80},\n  c: int,\n) -> int {{\n  1\n}}\n",
    ),
    "a signature that is too long, in what it throws": (
        f"function f(a: int) -> int throws {'T' * 50} | {'U' * 20} {{ 1 }}\nfunction g() throws {'T' * 90} native",
        f"function f(a: int) -> int\n  throws {'T' * 50} | {'U' * 20}\n{{\n  1\n}}\n\n"
        f"function g()\n  throws {'T' * 90}\n  native\n",
    ),
    "nothing": ("", ""),
    "blank": (" \n\n", ""),
    "only comments": ("\n\n// a\n\n\n\n/* b */", "// a\n\n/* b */\n"),
    "line breaks as they were": ("class A {\r\n a int }\r\n", "class A {\r\n  a int\r\n}\r\n"),
    "no byte order mark": ("\ufefftype A = int", "type A = int\n"),
}


BODIES = {
    "one thing may share the line of its braces": ("if (a) { 1 } else { 2 }", "if (a) { 1 } else { 2 }"),
    "if it did": ("if (a) {\n1 } else { 2 }", "if (a) {\n  1\n} else {\n  2\n}"),
    "several may not": ("if (a) { f(); 1 }", "if (a) {\n  f();\n  1\n}"),
    "a semicolon behind the last assignment": ("let x = 1;\nx = 2", "let x = 1;\nx = 2;"),
    "but not behind a value": ("let x = 1; x", "let x = 1;\nx"),
    "at most one empty line": ("f();\n\n\n\ng();\nh()", "f();\n\ng();\nh()"),
    "optional chains": ("a ?. b ?. [ 0 ]?.( 1 , 2 ).c", "a?.b?.[0]?.(1, 2).c"),
    "lambdas without types": (
        "xs . map( ( x )->{ x }, ( a , b : int )->int{ a })",
        "xs.map((x) -> { x }, (a, b: int) -> int { a })",
    ),
    "patterns that look inside": (
        "match(x){P{a:1,b,}=>2,let y:[1,..let r,]=>3,Q{}|[ .. ]=>4}",
        "match (x) {\n  P { a: 1, b } => 2,\n  let y: [1, ..let r] => 3,\n  Q {} | [..] => 4,\n}",
    ),
    "arms": ("match(x){1=>2,n if n>2=>{3}_=>4}", "match (x) {\n  1 => 2,\n  n if n > 2 => { 3 },\n  _ => 4,\n}"),
    "one arm": ("f() catch(e){_=>null}", "f() catch (e) { _ => null }"),
    "loops": ("for(let i=0;i<3;i+=1){}for(;;){break}", "for (let i = 0; i < 3; i += 1) {}\nfor (;;) { break }"),
    "operators": ("-a+b*!c>>2 is int", "-a + b * !c >> 2 is int"),
    "parentheses stay": ("((a))+(b*c)", "((a)) + (b * c)"),
    "numbers and strings stay": ('[1.50,1e3,"\\u{41}",#"x"#,`a${ b }`]', '[1.50, 1e3, "\\u{41}", #"x"#, `a${ b }`]'),
    "entries on lines stay on lines": ("P {\na:1,...b}", "P {\n  a: 1,\n  ...b,\n}"),
    "others share one": ("P {a:1,\n...b,}", "P { a: 1, ...b }"),
    "a call that is too long": (
        f"f({'a' * 50}, {'b' * 50})",
        f"f(\n  {'a' * 50},\n  {'b' * 50},\n)",
    ),
    "a call whose last argument ends its line": (
        "f(a, (x: int) -> int { let y = x; y })",
        "f(a, (x: int) -> int {\n  let y = x;\n  y\n})",
    ),
    "a chain that is too long": (
        f"a.b.first({'x' * 40}).second({'y' * 40}).third()",
        f"a.b\n  .first({'x' * 40})\n  .second({'y' * 40})\n  .third()",
    ),
    "a condition that is too long": (
        f"if ({'a' * 60} && {'b' * 60}) {{ 1 }}",
        f"if (\n  {'a' * 60}\n  && {'b' * 60}\n) {{\n  1\n}}",
    ),
    "an operand that ends its line": (
        f"let x = y ?? throw P {{ message: `{'m' * 60}`, other: 1234567890 }};",
        f"let x = y ?? throw P {{\n  message: `{'m' * 60}`,\n  other: 1234567890,\n}};",
    ),
    "a string that is too long": (f'let x = "{"s" * 90}";', f'let x =\n  "{"s" * 90}";'),
    "many numbers": (
        f"let x = [{', '.join(['1.25'] * 20)}];",
        f"let x = [\n  {', '.join(['1.25'] * 16)},\n  {', '.join(['1.25'] * 4)},\n];",
    ),
}


COMMENTS = {
    "on their lines": ("// a\nlet x = 1; // b\n// c\n\n// d\nx\n// e", None),
    "in brackets": ("f(\n  // a\n  x, // b\n  /* c */ y, // d\n  // e\n)", None),
    "of a block comment the stars move": (
        "if (a) {\n/*\n * b\n   * c\n*/\n1 }",
        "if (a) {\n  /*\n   * b\n   * c\n   */\n  1\n}",
    ),
    "behind a separator": ("f(x // a\n, y // b\n)", "f(\n  x, // a\n  y, // b\n)"),
    "inside an expression": ("a + // a\nb +\n// c\nc", "a // a\n  + b\n  // c\n  + c"),
    "they do not count towards the width": (f"let x = f(a); // {'c' * 100}\nx", None),
    "headers": ("//# One\nf();\n\n//## Two\ng()", None),
    "old ones": ("{// a\n  b //}\nf();\n{// c //}\ng()", None),
}


def formatted(text: str) -> str:
    result, diagnostics = format_text(text, "main.baml")
    assert result is not None, diagnostics
    assert format_text(result, "main.baml") == (result, [])
    return result


@pytest.mark.parametrize("name", ITEMS)
def test_items(name: str) -> None:
    text, expected = ITEMS[name]
    assert formatted(text) == expected


@pytest.mark.parametrize("name", [*BODIES, *COMMENTS])
def test_bodies(name: str) -> None:
    text, expected = (BODIES | COMMENTS)[name]
    lines = (text if expected is None else expected).split("\n")
    verbatim = name == "old ones"
    body = "".join(f"  {line}\n" if line and not (verbatim and line == "  b //}") else f"{line}\n" for line in lines)
    assert formatted(f"function f() -> int {{\n{text}\n}}") == f"function f() -> int {{\n{body}}}\n"


def test_the_indentation_is_a_setting() -> None:
    text = "class A {\n  a int\n}\n"
    assert format_text(text, "main.baml", indent=4) == ("class A {\n    a int\n}\n", [])


def test_comments_between_items() -> None:
    text = "// licence\n\n/// Doc.\nclass A { a int } // behind\n// before B\ntype B = int\n\n\n//# End\n"
    expected = "// licence\n\n/// Doc.\nclass A {\n  a int\n} // behind\n\n// before B\ntype B = int\n\n//# End\n"
    assert formatted(text) == expected
