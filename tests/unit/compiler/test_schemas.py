"""E0107: what a client's schemas cannot express is reported at the type, once, with what to do."""

from __future__ import annotations

import pytest

import bamlvm
from bamlvm.mock import MockTransport

TYPES = """
class Node { value int  next Node? }
class Counts { title string  by_name map<string, int> }
class Deep { inner Counts[] }
class Flag { ok true  many (true | false)[] }
class Odd { a int @alias("a b") }
class Kept { a int  hidden map<string, int>? @skip }
enum Letter { A  B }
type Json = int | string | Json[] | map<string, Json>
"""
PROVIDERS = {
    "openai": 'model "m"',
    "openai-generic": 'base_url "http://localhost/v1"',
    "openai-responses": 'model "m"',
    "anthropic": 'model "m"',
    "google-ai": 'model "m"',
    "vertex-ai": 'model "m"  location "l"  project_id "p"',
    "aws-bedrock": 'model "m"  region "us-east-1"',
}


def source(provider: str, options: str, result: str) -> str:
    client = f"client<llm> C {{ provider {provider}  options {{ {PROVIDERS[provider]}  {options} }} }}"
    return f'{TYPES}\n{client}\nfunction F(x: string) -> {result} {{ client C  prompt #"{{{{ x }}}}"# }}\n'


def found(text: str) -> list[tuple[str, str, str]]:
    """Each warning: what it underlines, what cannot be expressed, the hint up to the last way out."""
    shown = []
    for each in bamlvm.check({"main.baml": text}).diagnostics:
        assert (each.code, each.severity) == ("E0107", "warning"), each
        shown.append((text[each.span.start : each.span.end], each.message, each.hint or ""))
    return shown


CASES = {
    ("openai", 'output_mode "json_schema"', "Counts"): ("map<string, int>", "strict schemas", "`output_strict false`"),
    ("openai-generic", 'output_mode "tool"', "Deep?"): ("map<string, int>", "strict schemas", "`output_strict false`"),
    ("openai-responses", 'output_mode "tool"', "map<string, Node>"): ("map<string, Node>", "F", "output_strict"),
    ("openai", 'output_mode "json_schema"', "Json"): (
        "int | string | Json[] | map<string, Json>",
        "map<string, Json>",
        "`output_strict false`",
    ),
    ("anthropic", 'output_mode "json_schema"', "Counts"): ("map<string, int>", "`C` cannot", '`output_mode "tool"`'),
    ("anthropic", 'output_mode "json_schema"', "Node"): ("Node", "a type that contains itself", '"tool"'),
    ("anthropic", 'output_mode "tool"  output_strict true', "Node"): ("Node", "contains itself", "output_strict false"),
    ("anthropic", 'output_mode "tool"', "Odd"): ("int", "the name 'a b'", '`output_mode "json_schema"`'),
    ("aws-bedrock", 'output_mode "json_schema"', "Counts | Letter"): (
        "map<string, int>",
        "`F`",
        '`output_mode "tool"`',
    ),
    ("google-ai", 'output_mode "json_schema"', "Flag"): ("true", "the literal type true", 'set `output_mode "prompt"`'),
    ("vertex-ai", 'output_mode "tool"', "Flag"): ("true", "Google's schemas", 'set `output_mode "prompt"`'),
    ("vertex-ai", 'output_mode "json_schema"  anthropic_version "v"', "Node"): ("Node", "Anthropic's", '"tool"'),
}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_what_a_dialect_cannot_express(case: tuple[str, str, str]) -> None:
    ((underlined, message, hint),) = found(source(*case))
    expected = CASES[case]
    assert underlined == expected[0]
    assert expected[1] in message
    assert expected[2] in hint
    assert 'output_mode "prompt"' in hint


@pytest.mark.parametrize(
    ("provider", "options", "result"),
    [
        ("openai", 'output_mode "json_schema"', "Node | Letter | Kept"),
        ("openai", 'output_mode "json_schema"  output_strict false', "Counts"),
        ("openai", 'output_mode "prompt"', "Counts"),
        ("openai", "output_mode env.MODE", "Counts"),
        ("anthropic", 'output_mode "tool"', "Counts | Node"),
        ("anthropic", 'output_mode "json_schema"', "Odd"),
        ("google-ai", 'output_mode "json_schema"', "Counts | Node | Json | bool"),
        ("openai", 'output_mode "json_schema"', "string"),
    ],
)
def test_nothing_to_report(provider: str, options: str, result: str) -> None:
    text = source(provider, options, result).replace("{{ x }}", "{{ x }} {{ ctx.output_format }}")
    assert found(text) == []


def test_once_for_each_type_and_dialect_through_every_strategy() -> None:
    text = (
        TYPES
        + """
client<llm> A { provider openai  options { model "a"  output_mode "json_schema" } }
client<llm> B { provider anthropic  options { model "b"  output_mode "json_schema" } }
client<llm> C { provider openai  options { model "c" } }
client<llm> Turns { provider round-robin  options { strategy [C, B] } }
client<llm> All { provider fallback  options { strategy [A, Turns] } }
function One(x: string) -> Counts { client All  prompt #"{{ x }} {{ ctx.output_format }}"# }
function Two(x: string) -> Counts[] { client All  prompt #"{{ x }} {{ ctx.output_format }}"# }
"""
    )
    diagnostics = bamlvm.check({"main.baml": text}).diagnostics
    assert [each.message for each in diagnostics] == [
        "`A` cannot ask for the result of `One`: OpenAI's strict schemas cannot express map<string, int>",
        "`B` cannot ask for the result of `One`: Anthropic's structured outputs cannot express map<string, int>",
    ]
    labels = [text[label.span.start : label.span.end] for label in diagnostics[0].labels]
    assert labels == ['output_mode "json_schema"', "Counts"]


def test_what_is_reported_is_what_fails() -> None:
    """The warning's fault is that of the call, word by word."""
    for provider, options, result in CASES:
        text = source(provider, f'{options}  api_key "k"' if provider != "vertex-ai" else options, result)
        ((_, message, _),) = found(text)
        runtime = bamlvm.Runtime.from_files({"main.baml": text}, env={}, transport=MockTransport())
        with runtime, pytest.raises(bamlvm.ThrownError) as caught:
            runtime.request("F", {"x": "hi"})
        assert message.partition(": ")[2] in str(caught.value)


def test_nothing_of_a_program_with_an_error() -> None:
    text = source("openai", 'output_mode "json_schema"', "Counts") + "function G() -> int { missing }"
    assert [each.code for each in bamlvm.check({"main.baml": text}).diagnostics] == ["E0003"]


def test_strategies_that_share_their_children_are_each_read_once() -> None:
    levels = "\n".join(
        f"client<llm> L{n} {{ provider fallback  options {{ strategy [L{n + 1}, L{n + 1}] }} }}" for n in range(60)
    )  # 2**60 ways lead to the last
    last = 'client<llm> L60 { provider openai  options { model "m"  output_mode "json_schema" } }'
    function = 'function F(x: string) -> Counts { client L0  prompt #"{{ x }}"# }'
    ((underlined, message, _),) = found(f"{TYPES}\n{levels}\n{last}\n{function}\n")
    assert underlined == "map<string, int>"
    assert "`L60` cannot ask for the result of `F`" in message
