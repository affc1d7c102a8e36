"""Compile time grows with the source and no faster, whatever its shape; steps are counted, so that no clock decides."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.compiler.project import compile_project
from tests.support.compiling import standard

# Each shape is a line, however long, so that they can be compared.
# ruff: noqa: E501
LLM = 'client<llm> C { provider openai options { model "m" } }\n'
SHAPES: dict[str, Callable[[int], str]] = {
    "classes": lambda n:"".join(f"class C{i} {{ a int b string? c C{(i+1)%n}? }}\n" for i in range(n)),
    "fields": lambda n:"class C { "+" ".join(f"f{i} int" for i in range(n))+" }",
    "union": lambda n:"".join(f"class C{i} {{ a int }}\n" for i in range(n))+"function f(x: "+" | ".join(f"C{i}" for i in range(n))+") -> int { x.a }",
    "litunion": lambda n:"function f(x: "+" | ".join(f'"l{i}"' for i in range(n))+') -> int { if (x == "l1") { return 1; } 2 }',
    "enum": lambda n:"enum E { "+" ".join(f"V{i}" for i in range(n))+" }\nfunction f(e: E) -> int { match (e) { "+" ".join(f"E.V{i} => {i}," for i in range(n))+" } }",
    "matchint": lambda n:"function f(e: int) -> int { match (e) { "+" ".join(f"{i} => {i}," for i in range(n))+" _ => 0 } }",
    "matchstr": lambda n:"function f(e: string) -> int { match (e) { "+" ".join(f'"s{i}" => {i},' for i in range(n))+" _ => 0 } }",
    "matchcls": lambda n:"".join(f"class C{i} {{ a int }}\n" for i in range(n))+"function f(x: "+" | ".join(f"C{i}" for i in range(n))+") -> int { match (x) { "+" ".join(f"C{i} => {i}," for i in range(n))+" } }",
    "functions": lambda n:"".join(f"function f{i}(x: int) -> int {{ f{(i+1)%n}(x) }}\n" for i in range(n)),
    "stmts": lambda n:"function f() -> int { let x = 0; "+" ".join(f"x = x + {i};" for i in range(n))+" x }",
    "lets": lambda n:"function f() -> int { "+" ".join(f"let x{i} = {i};" for i in range(n))+" 1 }",
    "letschain": lambda n:"function f() -> int { let x0 = 0; "+" ".join(f"let x{i} = x{i-1} + 1;" for i in range(1,n))+" 1 }",
    "ifs": lambda n:"function f(x: int) -> int { "+" ".join(f"if (x == {i}) {{ return {i}; }}" for i in range(n))+" 0 }",
    "interp": lambda n:"function f(x: int) -> string { `"+" ".join("${x}" for i in range(n))+"` }",
    "listlit": lambda n:"function f() -> int[] { ["+", ".join(str(i) for i in range(n))+"] }",
    "maplit": lambda n:"function f() -> map<string,int> { {"+", ".join(f'"k{i}": {i}' for i in range(n))+"} }",
    "comments": lambda n:"".join(f"// comment {i}\n" for i in range(n))+"function f() -> int { 1 }",
    "doccomments": lambda n:"".join(f"/// comment {i}\n" for i in range(n))+"function f() -> int { 1 }",
    "tests": lambda n:LLM+'function F(x: string) -> string { client C prompt #"{{ x }}"# }\n'+"".join(f'test t{i} {{ functions [F] args {{ x "a{i}" }} }}\n' for i in range(n)),
    "llm": lambda n:LLM+"".join(f'function F{i}(x: string) -> string {{ client C prompt #"{{{{ x }}}} {{{{ ctx.output_format }}}}"# }}\n' for i in range(n)),
    "templates": lambda n:LLM+"".join(f'template_string T{i}(x: string) #"{{{{ T{i+1}(x) }}}}"#\n' for i in range(n-1))+f'template_string T{n-1}(x: string) #"x"#\nfunction F(x: string) -> string {{ client C prompt #"{{{{ T0(x) }}}}"# }}\n',
    "bigprompt": lambda n:LLM+'function F(x: string) -> string { client C prompt #"'+"{{ x }} word "*n+'"# }\n',
    "clients": lambda n:"".join(f'client<llm> C{i} {{ provider openai options {{ model "m{i}" }} }}\n' for i in range(n)),
    "fallback": lambda n:LLM+"".join(f'client<llm> D{i} {{ provider fallback options {{ strategy [D{i+1}, C] }} }}\n' for i in range(n-1))+f'client<llm> D{n-1} {{ provider fallback options {{ strategy [C] }} }}\n',
    "fallbackwide": lambda n:"".join(f'client<llm> C{i} {{ provider openai options {{ model "m{i}" }} }}\n' for i in range(n))+"client<llm> D { provider fallback options { strategy ["+", ".join(f"C{i}" for i in range(n))+"] } }\n",
    "retries": lambda n:"".join(f"retry_policy R{i} {{ max_retries {i%9} }}\n" for i in range(n)),
    "aliaschain": lambda n:"".join(f"type A{i} = A{i+1}\n" for i in range(n))+f"type A{n} = int\nfunction f(x: A0) -> int {{ 1 }}",
    "consts": lambda n:"const A0 = 1;\n"+"".join(f"const A{i} = A{i-1} + 1;\n" for i in range(1,n)),
    "constsplain": lambda n:"".join(f"const A{i} = {i};\n" for i in range(n)),
    "attrs": lambda n:"class C { "+" ".join(f'f{i} int @alias("a{i}") @description("d") @check(c{i}, {{{{ this > {i} }}}})' for i in range(n))+" }",
    "errnames": lambda n:"function f() -> int { "+" ".join(f"unknown{i};" for i in range(n))+" 1 }",
    "errtypes": lambda n:"function f() -> int { "+" ".join(f'let x{i}: int = "a";' for i in range(n))+" 1 }",
    "errdup": lambda n:"".join("class A { x int }\n" for _ in range(n)),
    "errsyntax": lambda n:"".join(f"function f{i}( {{ \n" for i in range(n)),
    "erritems": lambda n:"".join(f"foo bar{i} @@ \n" for i in range(n)),
    "errunkntype": lambda n:"class C { "+" ".join(f"f{i} Unknown{i}" for i in range(n))+" }",
    "lambdas": lambda n:"function f() -> int { "+" ".join(f"let g{i} = (x: int) -> int {{ x + {i} }};" for i in range(n))+" 1 }",
    "callargs": lambda n:"function g("+", ".join(f"a{i}: int" for i in range(n))+") -> int { 1 }\nfunction f() -> int { g("+", ".join("1" for i in range(n))+") }",
    "named": lambda n:"function g("+", ".join(f"a{i}: int = 1" for i in range(n))+") -> int { 1 }\nfunction f() -> int { g("+", ".join(f"a{i} = 1" for i in range(n))+") }",
    "throws": lambda n:"".join(f"class E{i} {{ m string }}\n" for i in range(n))+"".join(f"function f{i}() -> int {{ if (true) {{ throw E{i} {{ m: \"a\" }}; }} f{i+1}() }}\n" for i in range(n-1))+f"function f{n-1}() -> int {{ 1 }}",
    "catch": lambda n:"".join(f"class E{i} {{ m string }}\n" for i in range(n))+"function g(x: int) -> int { "+" ".join(f"if (x == {i}) {{ throw E{i} {{ m: \"\" }}; }}" for i in range(n))+" 1 }\nfunction f() -> int { g(1) catch (e) { "+" ".join(f"E{i} => {i}," for i in range(n))+" } }",
    "objlit": lambda n:"class P { "+" ".join(f"f{i} int" for i in range(n))+" }\nfunction f() -> P { P { "+", ".join(f"f{i}: {i}" for i in range(n))+" } }",
    "nestmap": lambda n:"class C { "+" ".join(f"f{i} map<string, map<string, int[]>>" for i in range(n))+" }",
    "loops": lambda n:"function f() -> int { let s = 0; "+" ".join("for (let i = 0; i < 3; i += 1) { s += i; }" for i in range(n))+" s }",
    "spawn": lambda n:"function f() -> int { "+" ".join(f"let a{i} = spawn {{ {i} }};" for i in range(n))+" 1 }",
    "methods": lambda n:"class C { x int\n"+"".join(f" function m{i}(self) -> int {{ self.x + {i} }}\n" for i in range(n))+" }",
    "dynamic": lambda n:LLM+'function F(x: string) -> string { client C prompt #"{{ x }}"# }\n'+"class D { a int @@dynamic }\n"+"".join(f'test t{i} {{ functions [F] type_builder {{ dynamic class D {{ b{i} int }} }} args {{ x "a" }} }}\n' for i in range(n)),
    "generators": lambda n:"".join(f'generator g{i} {{ output_type "python/pydantic" output_dir "../{i}" version "0.1" }}\n' for i in range(n)),
}  # fmt: skip


def steps(source: str) -> int:
    """Return how many functions are called to compile a source."""
    count = 0

    def counting(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += 1

    gc.collect()
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        compile_project({"main.baml": source}, standard())
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_source_takes_twice_the_steps(shape: str) -> None:
    """Growth below n^1.3: what the last n of 4n items take, against the first; what is paid once does not count."""
    make = SHAPES[shape]
    compile_project({"main.baml": make(3)}, standard())  # fills caches
    least = 150 if shape.startswith("err") else 60  # only the first diagnostics pay for suggestions
    small, middle, large = (steps(make(least * times)) for times in (1, 2, 4))
    assert large - middle <= 2**1.3 * (middle - small) + 500
