"""Programs of any shape compile, or are told to be too deep: nothing recurses without end or grows with a square."""

from __future__ import annotations

import pytest

from tests.unit.compiler.running import compile_text, link, run

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
    "aliases": "".join(f"type A{i} = A{i + 1}\n" for i in range(DEEP)) + f"type A{DEEP} = int",
    "types of aliases": "type A0 = int\n" + "".join(f"type A{i + 1} = A{i}[]\n" for i in range(DEEP)),
    "blocks of options": f"client<llm> C {{ provider openai  options {{ {nested('a {', '', '}')} }} }}",
    "lists of options": f"client<llm> C {{ provider openai  options {{ a {nested('[', '', ']')} }} }}",
    "prompts": 'function F(x: string) -> string { client "a/b"  prompt #"'
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
