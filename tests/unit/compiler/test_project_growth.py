"""Compile time grows with the source and no faster, whatever its shape; lines are counted, so that no clock decides."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.compiler.project import compile_project
from tests.support.compiling import standard

pytestmark = pytest.mark.no_program

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
    # Many narrowings, of one variable or of many, one after the other, inside each other and in one condition.
    "narrow": lambda n:"".join(f"class C{i} {{ a int }}\n" for i in range(n))+"function f(x: "+" | ".join(f"C{i}" for i in range(n))+") -> int { "+" ".join(f"if (x is C{i}) {{ return {i}; }}" for i in range(n))+" 0 }",
    "narrowvars": lambda n:"function f("+", ".join(f"x{i}: int?" for i in range(n))+") -> int { "+" ".join(f"if (x{i} == null) {{ return {i}; }}" for i in range(n))+" "+" ".join(f"x{i} + 1;" for i in range(n))+" 0 }",
    "narrowlets": lambda n:"function f(y: int?) -> int { "+" ".join(f"let x{i} = y; if (x{i} != null) {{ x{i} + 1; }}" for i in range(n))+" 0 }",
    "narrowelse": lambda n:"function f(x: int?, y: string?) -> int { "+" ".join("if (x == null) { x = 1; } else { y = null; } if (y == null) { y = \"a\"; }" for i in range(n))+" 0 }",
    "narrowlit": lambda n:"function f(x: "+" | ".join(f'"l{i}"' for i in range(n))+") -> int { "+" ".join(f'if (x == "l{i}") {{ return {i}; }}' for i in range(n))+" 0 }",
    "narrowenum": lambda n:"enum E { "+" ".join(f"V{i}" for i in range(n))+" }\nfunction f(x: E) -> int { "+" ".join(f"if (x == E.V{i}) {{ return {i}; }}" for i in range(n))+" 0 }",
    "narrowand": lambda n:"".join(f"function f{j}("+", ".join(f"x{i}: int?" for i in range(20))+") -> bool { "+" && ".join(f"x{i} != null" for i in range(20))+" }\n" for j in range(n//20)),
    "whilenarrow": lambda n:"function f(x: int?) -> int { "+" ".join(f"while (x == null) {{ x = {i}; }}" for i in range(n))+" 1 }",
    "elseif": lambda n:"".join(f"function f{j}(x: int) -> int {{ "+" else ".join(f"if (x == {i}) {{ {i} }}" for i in range(30))+" else { 0 } }\n" for j in range(n//30)),
    "guards": lambda n:"".join(f"class C{i} {{ a int }}\n" for i in range(n))+"function f(x: "+" | ".join(f"C{i}" for i in range(n))+") -> int { match (x) { "+" ".join(f"let c: C{i} if c.a > {i} => {i}," for i in range(n))+" _ => 0 } }",
    "orpattern": lambda n:"function f(x: int) -> int { match (x) { "+" | ".join(f"{i}" for i in range(n))+" => 1, _ => 0 } }",
    "nested": lambda n:"".join(f"function f{j}(x: int) -> int {{ "+"if (x > 0) { "*15+f"let g = (a: int) -> int {{ a + {j} }}; g([x][0])"+" } else { match (x) { 1 => 1, _ => 0 } }"*15+" }\n" for j in range(n//15)),
    "lambdachain": lambda n:"function f(x: int) -> int { "+" ".join(f"let g{i} = (a: int) -> int {{ a + x + {f'g{i-1}(a)' if i else 0} }};" for i in range(n))+f" g{n-1}(1) }}",
    "tags": lambda n:LLM+'function F(x: string) -> string { client C prompt #"'+"{% if x == 'a' %}a{% for y in [x] %}{{ y }}{% endfor %}{% else %}b{% endif %}{% set z = x %}{{ z }}"*(n//3)+'"# }\n',
    "elif": lambda n:LLM+'function F(x: int) -> string { client C prompt #"{% if x == 0 %}a'+" ".join(f"{{% elif x == {i} %}}b" for i in range(n))+'{% endif %}"# }\n',
    "promptfields": lambda n:LLM+"class P { "+" ".join(f"f{i} int" for i in range(n))+' }\nfunction F(p: P) -> string { client C prompt #"'+" ".join(f"{{{{ p.f{i} }}}}" for i in range(n))+'"# }\n',
    "members": lambda n:"class P { "+" ".join(f"f{i} int" for i in range(n))+" }\nfunction f(p: P) -> int { "+" ".join(f"p.f{i};" for i in range(n))+" 1 }",
    "testsmany": lambda n:LLM+"".join(f'function F{i}(x: string) -> string {{ client C prompt #"{{{{ x }}}}"# }}\ntest t{i} {{ functions [F{i}] args {{ x "a{i}" }} @@assert(a, {{{{ this == "x" }}}}) }}\n' for i in range(n)),
    "testfunctions": lambda n:LLM+"".join(f'function F{i}(x: string) -> string {{ client C prompt #"{{{{ x }}}}"# }}\n' for i in range(n))+"test t { functions ["+", ".join(f"F{i}" for i in range(n))+'] args { x "a" } }\n',
    "fallbackover": lambda n:"".join(f'client<llm> C{i} {{ provider openai options {{ model "m{i}" }} }}\n' for i in range(n))+"".join(f'client<llm> D{i} {{ provider fallback options {{ strategy [{"D"+str(i+1)+"," if i<n-1 else ""} C{i}, C{(i*7)%n}] }} }}\n' for i in range(n)),
    "fallbackdoubles": lambda n:LLM+"".join(f'client<llm> D{i} {{ provider fallback options {{ strategy [D{i+1}, D{i+1}] }} }}\n' for i in range(n-1))+f'client<llm> D{n-1} {{ provider fallback options {{ strategy [C] }} }}\n'+"".join(f'function F{i}(x: int) -> string {{ client D{i} prompt #"a"# }}\n' for i in range(n)),
    "unionassign": lambda n:"".join(f"class C{i} {{ a int }}\n" for i in range(n))+"type U = "+" | ".join(f"C{i}" for i in range(n))+"\ntype V = "+" | ".join(f"C{n-1-i}" for i in range(n))+"\nfunction f(x: U) -> V { x }",
    "aliascircle": lambda n:"".join(f"type R{i} = int | R{(i+1)%n}[]\n" for i in range(n))+"function f(x: R0) -> int { 1 }",
    "aliascircles": lambda n:"".join(f"type R{i} = int | R{i+1 if (i+1)%20 else i-19}[]\n" for i in range(n//20*20))+"function f(x: R0) -> R3 { x }",
    "aliasback": lambda n:"".join(f"type A{i} = A{i-1}[]\n" if i % 20 else f"type A{i} = int\n" for i in range(n)),
    "typebuilder": lambda n:LLM+'class D { a int @@dynamic }\nfunction F(x: string) -> D { client C prompt #"{{ x }}"# }\ntest t { functions [F] type_builder { dynamic class D { '+" ".join(f"b{i} int" for i in range(n))+" } "+" ".join(f"class K{i} {{ z int }}" for i in range(n))+' } args { x "a" } }\n',
    "errvariants": lambda n:"enum E { "+" ".join(f"V{i}" for i in range(n))+" }\nfunction f() -> int { "+" ".join(f"E.W{i};" for i in range(n))+" 1 }",
    "errmembers": lambda n:"class P { "+" ".join(f"f{i} int" for i in range(n))+" }\nfunction f(p: P) -> int { "+" ".join(f"p.g{i};" for i in range(n))+" 1 }",
    "errvariables": lambda n:LLM+'function F(x: string) -> string { client C prompt #"'+" ".join(f"{{{{ u{i} }}}}" for i in range(n))+'"# }\n',
    "errproviders": lambda n:"".join(f'client<llm> C{i} {{ provider opnai{i} options {{ modl "m{i}" }} }}\n' for i in range(n)),
    "catches": lambda n:"class E { m string }\nfunction g() -> int { throw E { m: \"\" } }\nfunction f() -> int { "+" ".join(f"let y{i} = g() catch (e) {{ E => {i} }};" for i in range(n))+" 1 }",
    "macros": lambda n:LLM+'function F(x: string) -> string { client C prompt #"'+" ".join(f"{{% macro m{i}(a) %}}{{{{ a }}}}{{{{ m{i-1}(a) if a else x }}}}{{% endmacro %}}" for i in range(n))+'"# }\n',
    "setinif": lambda n:LLM+'function F(x: string) -> string { client C prompt #"'+" ".join(f"{{% if x %}}{{% set v{i} = x %}}{{% endif %}}{{{{ v{i} }}}}" for i in range(n))+'"# }\n',
    "setinfor": lambda n:LLM+'function F(x: string[]) -> string { client C prompt #"'+" ".join(f"{{% set v{i} = x %}}{{% for y in v{i} %}}{{% set w{i} = y %}}{{{{ w{i} }}}}{{% endfor %}}" for i in range(n))+'"# }\n',
    "variants": lambda n:"enum E { "+" ".join(f"V{i}" for i in range(n))+" }\nfunction f(x: "+" | ".join(f"E.V{i}" for i in range(n))+") -> int { 1 }",
    "matchnested": lambda n:"function f(x: int, y: int) -> int { match (x) { "+" ".join(f"{i} => match (y) {{ {i} => 1, _ => 0 }}," for i in range(n))+" _ => 0 } }",
    "lambdaassign": lambda n:"function f() -> int { "+" ".join(f"let x{i} = {i}; let g{i} = () -> int {{ x{i} += 1; x{i} }}; x{i} = 2;" for i in range(n))+" 1 }",
    "templatesback": lambda n:LLM+'template_string T0(x: string) #"a"#\n'+"".join(f'template_string T{i+1}(x: string) #"{{{{ T{i}(x) }}}} {{{{ T0(x) }}}}"#\n' for i in range(n)),
    "outputs": lambda n:"".join(f'client<llm> Q{i} {{ provider openai options {{ model "m" }} }}\nfunction F{i}(x: string) -> C{i} {{ client Q{i} prompt #"{{{{ ctx.output_format }}}}"# }}\nclass C{i} {{ a C{(i+1)%n}? }}\n' for i in range(n)),
    "unionmethods": lambda n:"".join(f"class C{i} {{ a int function m(self) -> int {{ self.a }} }}\n" for i in range(n))+"function f(x: "+" | ".join(f"C{i}" for i in range(n))+") -> int { x.m() }",
    "fieldnarrow": lambda n:"class P { "+" ".join(f"f{i} int?" for i in range(n))+" }\nfunction f(p: P) -> int { "+" ".join(f"if (p.f{i} == null) {{ return 1; }}" for i in range(n))+" 1 }",
    "headers": lambda n:"function f() -> int { "+"".join(f"//# Title {i}\n let x{i} = 1;\n" for i in range(n))+" 1 }",
    "errconstcircle": lambda n:"".join(f"const A{i} = A{(i+1)%n};\n" for i in range(n)),
    "errconstsysop": lambda n:"".join(f"const A{i} = A{i+1};\n" for i in range(n))+f"const A{n} = baml.sys.now_ms();\n",
    "errcallees": lambda n:"".join(f"function g{i}(a: int) -> int {{ a }}\n" for i in range(n))+"function f() -> int { "+" ".join(f"gg{i}(1);" for i in range(n))+" 1 }",
}  # fmt: skip


def steps(source: str) -> int:
    """Return how many lines are run to compile a source; a turn of a loop in one line counts, too."""
    count = 0

    def counting(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return counting

    gc.collect()
    gc.disable()
    before = sys.gettrace()
    sys.settrace(counting)
    try:
        compile_project({"main.baml": source}, standard())
    finally:
        sys.settrace(before)
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
