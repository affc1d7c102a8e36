"""Types, attributes and configuration values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar import syntax

Shape = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("int", "int"),
        ("a.b.C", "a.b.C"),
        ('"a"', "'a'"),
        ("-1", "-1"),
        ("true", "True"),
        ("null", "null"),
        ("int[][]", "(ListTypeExpr (ListTypeExpr int))"),
        ("int?[]", "(ListTypeExpr (OptionalTypeExpr int))"),
        ("map<string, int>", "(MapTypeExpr string int)"),
        (
            'map<"a" | "b", map<string, int[]>>',
            "(MapTypeExpr (UnionTypeExpr ['a', 'b']) (MapTypeExpr string (ListTypeExpr int)))",
        ),
        ("A | B | C", "(UnionTypeExpr [A, B, C])"),
        ("| A | B", "(UnionTypeExpr [A, B])"),
        ("(A | B)[]", "(ListTypeExpr (UnionTypeExpr [A, B]))"),
        ("A | B[]", "(UnionTypeExpr [A, (ListTypeExpr B)])"),
        ("Array<T>", "Array<T>"),
        ("Map<string, Array<Array<T>>>", "Map<string Array<Array<T>>>"),
        ("() -> int", "(FunctionTypeExpr [] int nothing)"),
        ("(int) -> int | string", "(FunctionTypeExpr [int] (UnionTypeExpr [int, string]) nothing)"),
        ("(x: int) -> A", "(FunctionTypeExpr [int] A nothing)"),
        ("(int, y: string) -> A throws E | F", "(FunctionTypeExpr [int, string] A (UnionTypeExpr [E, F]))"),
        ("(int) -> (int) -> int", "(FunctionTypeExpr [int] (FunctionTypeExpr [int] int nothing) nothing)"),
        ("((int) -> int)[]", "(ListTypeExpr (FunctionTypeExpr [int] int nothing))"),
        ("A | (int) -> int", "(UnionTypeExpr [A, (FunctionTypeExpr [int] int nothing)])"),
        ("((int) -> int) | A", "(UnionTypeExpr [(FunctionTypeExpr [int] int nothing), A])"),
        ("(int @assert(x, {{ this > 0 }}))[]", "(ListTypeExpr (AttributedTypeExpr int [@assert]))"),
        ("int @a @b | string", "(UnionTypeExpr [(AttributedTypeExpr int [@a, @b]), string])"),
    ],
)
def test_types(type_: Shape, text: str, shape: str) -> None:
    assert type_(text) == shape


def test_a_functions_throws_belongs_to_the_function_itself(declaration: Callable[[str], object]) -> None:
    function = declaration("function f() -> (() -> int) throws E { 1 }")
    assert function.throws.path == "E"  # type: ignore[attr-defined]  # a function type
    inner = declaration("function f() -> () -> int throws E { 1 }")
    assert inner.throws is None  # type: ignore[attr-defined]  # a function type
    assert inner.result.throws.path == "E"  # type: ignore[attr-defined]  # a function type


Declaration = Callable[[str], Any]


def plain(value: syntax.ConfigValue) -> Any:
    """A configuration value as plain data; an unquoted word is marked with a tilde."""
    match value:
        case syntax.ConfigScalar(_, _, str() as text, False):
            return f"~{text}"
        case syntax.ConfigScalar(_, _, scalar, _):
            return scalar
        case syntax.ConfigEnv(_, _, name):
            return f"${name}"
        case syntax.ConfigExpression(_, _, text):
            return "{{" + text + "}}"
        case syntax.ConfigList(_, _, items):
            return [plain(item) for item in items]
        case syntax.ConfigBlock(_, _, entries, _):
            return {entry.key: plain(entry.value) for entry in entries}


@pytest.fixture
def options(declaration: Declaration) -> Callable[[str], Any]:
    return lambda text: plain(declaration(f"client<llm> C {{ options {{ {text} }} }}").body.entries[0].value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('model "gpt-4o"', {"model": "gpt-4o"}),
        ("model gpt-4o", {"model": "~gpt-4o"}),
        (
            "region us-east-1 category HARM_CATEGORY_HATE_SPEECH",
            {"region": "~us-east-1", "category": "~HARM_CATEGORY_HATE_SPEECH"},
        ),
        ("model ollama/llama3:8b", {"model": "~ollama/llama3:8b"}),
        ("url http://localhost:8000/v1?x=1&y=2 // comment\n", {"url": "~http://localhost:8000/v1?x=1&y=2"}),
        ("version 2024-02-01", {"version": "~2024-02-01"}),
        ("a 1 b -2 c 0.5 d -1e3 e 1.2.3", {"a": 1, "b": -2, "c": 0.5, "d": -1000.0, "e": "~1.2.3"}),
        ("a true b false c null d truee", {"a": True, "b": False, "c": None, "d": "~truee"}),
        ("api_key env.MY_KEY other env.a-b", {"api_key": "$MY_KEY", "other": "~env.a-b"}),
        ('headers { "x-a" "1" "x:b": env.B, c d }', {"headers": {"x-a": "1", "x:b": "$B", "c": "~d"}}),
        ('list [a, "b" 3\n[4], {k v},]', {"list": ["~a", "b", 3, [4], {"k": "~v"}]}),
        ("empty [] block {}", {"empty": [], "block": {}}),
        ("key: value, other:\n{ nested: 1 }", {"key": "~value", "other": {"nested": 1}}),
        ('text #"\n  raw "q"\n"#', {"text": '\n  raw "q"\n'}),
        ("client x type y test z prompt w", {"client": "~x", "type": "~y", "test": "~z", "prompt": "~w"}),
        ('1 one "two" 2 true 3', {"1": "~one", "two": 2, "true": 3}),
        (r'escaped "a\n\"b\""', {"escaped": 'a\n"b"'}),
    ],
)
def test_values(options: Callable[[str], Any], text: str, value: Any) -> None:
    assert options(text) == value


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("client<llm> my-client { provider openai }", "Client", "my-client"),
        ("client < llm > C { provider openai }", "Client", "C"),
        ("client C { provider openai }", "Client", "C"),
        ("retry_policy P { max_retries 3 strategy { type exponential_backoff } }", "RetryPolicy", "P"),
        ("generator g { output_type python/pydantic }", "Generator", "g"),
        ("test my-test { functions [F] }", "Test", "my-test"),
        ("test T() { functions [F] }", "Test", "T"),
    ],
)
def test_items_with_a_configuration(declaration: Declaration, text: str, kind: str, name: str) -> None:
    item = declaration(text)
    assert type(item).__name__ == kind
    assert item.name == name
    assert text[item.name_start :].startswith(name)


def test_places_of_keys_and_values(declaration: Declaration) -> None:
    text = 'client<llm> C { "a b" [1, {k v}] }'
    (entry,) = declaration(text).body.entries
    assert text[entry.start : entry.key_end] == '"a b"'
    assert text[entry.value.start : entry.value.end] == "[1, {k v}]"
    assert text[entry.value.items[1].start : entry.value.items[1].end] == "{k v}"


def test_a_test_with_everything(declaration: Declaration) -> None:
    test = declaration(
        """test T {
          functions [F, G]
          type_builder {
            class X { a int  function m(self) -> int { self.a } }
            dynamic class Y { b X? @alias("bb") }
            dynamic enum E { A }
            type Z = X | Y
          }
          args {
            input #"text"#
            picture { file "a.png" }
            people [{ name "A", age 3 }, { name B age 4 }]
          }
          @@assert(named, {{ this.x == "}}" and '"' in this }})
          @@check(other, {{ this }})
        }"""
    )
    assert [(type(item).__name__, item.name) for item in test.types] == [
        ("Class", "X"),
        ("Class", "Y"),
        ("Enum", "E"),
        ("Alias", "Z"),
    ]
    assert [item.name for item in test.types if getattr(item, "dynamic", False)] == ["Y", "E"]
    assert plain(test.body) == {
        "functions": ["~F", "~G"],
        "args": {
            "input": "text",
            "picture": {"file": "a.png"},
            "people": [{"name": "A", "age": 3}, {"name": "~B", "age": 4}],
        },
    }
    assert [(a.name, [plain(argument) for argument in a.arguments]) for a in test.body.attributes] == [
        ("assert", ["~named", '{{ this.x == "}}" and \'"\' in this }}']),
        ("check", ["~other", "{{ this }}"]),
    ]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("@a", []),
        ("@a()", []),
        ('@a("x")', ["x"]),
        ("@a(some words, {{ this > 1 }})", ["~some words", "{{ this > 1 }}"]),
        ("@stream.not-null(1, -2.5, true, [a b, c], {k v})", [1, -2.5, True, ["~a b", "~c"], {"k": "~v"}]),
        ('@a({{ x["}"] }}, #"r"#,)', ['{{ x["}"] }}', "r"]),
        ("@a({{ it's }})", ["{{ it's }}"]),
        ("@a (env.X)", ["$X"]),
    ],
)
def test_attributes(declaration: Declaration, text: str, arguments: list[Any]) -> None:
    for source in (f"class C {{ a int {text} b string }}", f"class C {{ a int @{text} b string }}"):
        cls = declaration(source)
        (attribute,) = cls.attributes or cls.fields[0].attributes
        assert [plain(argument) for argument in attribute.arguments] == arguments
        assert source[attribute.start : attribute.end].lstrip("@") == text.lstrip("@")
        assert [field.name for field in cls.fields] == ["a", "b"]
