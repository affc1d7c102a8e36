"""Items: classes, enums, aliases, functions, LLM functions, templates, and their documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar import syntax

Declaration = Callable[[str], Any]


def test_a_class_with_everything(declaration: Declaration) -> None:
    cls = declaration(
        """/// A person.
        ///
        ///   Indented.
        class Person {
          name string @alias("full name") @description(#"who"#)   /// not a doc of anything before
          type: int?, test string; client Client
          in (int) -> int @skip
          /// Says hello.
          function greet(self, other: Person) -> string throws E { self.name }
          function function<T>(self) -> T[] native
          function other(x: int) sysop
          function llm(x: int) -> R { prompt "Hi" }
          throws string
          native int
          @@alias("P")
          @@stream.done
        }"""
    )
    assert cls.name == "Person"
    assert cls.doc == "A person.\n\n  Indented."
    assert [field.name for field in cls.fields] == ["name", "type", "test", "client", "in", "throws", "native"]
    assert [attribute.name for attribute in cls.fields[0].attributes] == ["alias", "description"]
    assert cls.fields[1].doc == "not a doc of anything before"
    assert [attribute.name for attribute in cls.fields[4].attributes] == ["skip"]
    assert [method.name for method in cls.methods] == ["greet", "function", "other", "llm"]
    assert cls.methods[0].doc == "Says hello."
    assert [type(method.body).__name__ for method in cls.methods] == ["Block", "NativeBody", "NativeBody", "LlmBody"]
    assert cls.methods[1].type_parameters == ("T",)
    assert [(attribute.name, attribute.block) for attribute in cls.attributes] == [
        ("alias", True),
        ("stream.done", True),
    ]
    assert not cls.dynamic


def test_additions_to_classes(declaration: Declaration) -> None:
    assert declaration("dynamic class A { a int }").dynamic
    assert not declaration("class A { a int @@dynamic }").dynamic


def test_a_generic_class(declaration: Declaration) -> None:
    assert declaration("class Map<K, V> { function get(self, key: K) -> V? native }").type_parameters == ("K", "V")


def test_an_enum(declaration: Declaration) -> None:
    enum = declaration(
        """enum Color {
          /// Warm.
          Red @alias("r") @skip
          Green, type
          @@alias("C")
        }"""
    )
    assert [(variant.name, variant.doc, len(variant.attributes)) for variant in enum.variants] == [
        ("Red", "Warm.", 2),
        ("Green", "", 0),
        ("type", "", 0),
    ]
    assert [attribute.name for attribute in enum.attributes] == ["alias"]
    assert declaration("dynamic enum E { A }").dynamic


def test_aliases_end_where_the_next_item_begins(parse: Callable[[str], Any]) -> None:
    declarations, diagnostics = parse(
        """type A = int
          | string // or so
        /// B's own.
        type B = A[] @check(x, {{ 1 }});
        type C =
          test | type
        function f() -> int native
        class D {} class E {}"""
    )
    assert diagnostics == []
    assert [declaration.name for declaration in declarations] == ["A", "B", "C", "f", "D", "E"]
    assert len(declarations[0].type.members) == 2
    assert declarations[1].doc == "B's own."
    assert [attribute.name for attribute in declarations[1].attributes] == ["check"]


def test_attributes_belong_to_the_field_unless_they_stand_inside(declaration: Declaration) -> None:
    fields = declaration("class A { a int | string @x  b (int @x)  c (int @x)[] @y  d int @x | string }").fields
    assert [[attribute.name for attribute in field.attributes] for field in fields] == [["x"], [], ["y"], []]
    assert isinstance(fields[0].type, syntax.UnionTypeExpr)
    assert isinstance(fields[1].type, syntax.AttributedTypeExpr)
    assert isinstance(fields[2].type.item, syntax.AttributedTypeExpr)
    assert isinstance(fields[3].type.members[0], syntax.AttributedTypeExpr)


def test_a_functions_signature(declaration: Declaration) -> None:
    function = declaration('function f(a: int, type: string = "x", c: () -> int,) -> int? throws E | baml.F { a }')
    assert [parameter.name for parameter in function.parameters] == ["a", "type", "c"]
    assert function.parameters[1].default.value == "x"
    assert isinstance(function.result, syntax.OptionalTypeExpr)
    assert len(function.throws.members) == 2
    bare = declaration("function f() {}")
    assert bare.result is None and bare.throws is None
    assert declaration("function f() throws E {}").throws.path == "E"


@pytest.mark.parametrize("kind", ["native", "sysop"])
def test_functions_written_in_python(parse: Callable[[str], Any], kind: str) -> None:
    (first, second), diagnostics = parse(
        f"function f(native: int) -> int {kind}\n/// Two.\nfunction g() throws E {kind}"
    )
    assert diagnostics == []
    assert first.body.kind == second.body.kind == kind
    assert first.parameters[0].name == "native"
    assert second.doc == "Two."


@pytest.mark.parametrize(
    ("body", "client", "prompt"),
    [
        ('client GPT4 prompt "Hi"', "GPT4", "Hi"),
        ('client openai/gpt-4o prompt #"Hi"#', "openai/gpt-4o", "Hi"),
        ('client "openai/gpt-4o" prompt #"Hi"#', "openai/gpt-4o", "Hi"),
        ('// first\n client my-client // then\n prompt ##"a "# b"##', "my-client", 'a "# b'),
        ('prompt #"Hi"# client C', "C", "Hi"),
        ('prompt #"Hi"#', None, "Hi"),
        ("client C", "C", None),
    ],
)
def test_llm_functions(declaration: Declaration, body: str, client: str | None, prompt: str | None) -> None:
    found = declaration(f"function f(x: int) -> R {{ {body} }}").body
    assert isinstance(found, syntax.LlmBody)
    assert found.client == client
    assert (found.prompt.text if found.prompt else None) == prompt


@pytest.mark.parametrize(
    "body", ["client", "client.name", "client + 1", "client is T", "prompt", "prompt.x", "prompt(1)"]
)
def test_client_and_prompt_are_ordinary_names_elsewhere(declaration: Declaration, body: str) -> None:
    assert isinstance(declaration(f"function f() -> int {{ {body} }}").body, syntax.Block)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("\n    a\n      b\n    c\n  ", "a\n  b\nc"),
        ("   \n   a\n   b", "a\nb"),
        ("\n  a\n \n  b\n", "a\n\nb"),
        ("\n\ta\n  b\n", "a\n b"),
        ("hello\n    world\n  x\n", "hello\n    world\n  x"),
        ("  a\n  b", "a\n  b"),
        ("a\n   \n  b", "a\n\n  b"),
    ],
)
def test_text_behind_the_opening_quote_has_no_indentation(declaration: Declaration, content: str, text: str) -> None:
    assert declaration(f'template_string T() #"{content}"#').prompt.text == text


def test_a_prompt_is_dedented_and_trimmed_and_can_be_mapped_back(declaration: Declaration) -> None:
    text = 'function f() -> R { prompt #"\r\n      One {{ x }}\r\n\r\n        Two\r\n      Three\r\n    "# }'
    prompt = declaration(text).body.prompt
    assert prompt.text == "One {{ x }}\n\n  Two\nThree".replace("\n", "\r\n").replace("\r\n", "\n")
    assert text[prompt.content_start :].startswith(prompt.raw)
    assert prompt.raw.endswith("Three\r\n    ")
    assert text[prompt.start : prompt.end].startswith('#"')


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ('template_string T(x: U, y: int) #"{{ x }}"#', ["x", "y"]),
        ('template_string T() "a"', []),
        ('template_string T #"a"#', []),
    ],
)
def test_template_strings(declaration: Declaration, text: str, parameters: list[str]) -> None:
    template = declaration(text)
    assert [parameter.name for parameter in template.parameters] == parameters
    assert template.end == len(text)
