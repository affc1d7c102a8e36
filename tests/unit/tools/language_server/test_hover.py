"""Hover: what the name under the cursor is."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, at, excerpt, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TYPES = """
/// Somebody.
class Person {
  /// As on the passport.
  name string @alias("full_name")
  age int?
  /// Says hello.
  function greet(self, other: Person) -> string { other.name }
}
/// How one feels.
enum Mood {
  /// Nothing happens.
  Calm
  Loud
}
/// Either.
type Known = Person | Mood
/// The most.
const LIMIT = 3
retry_policy Twice { max_retries 2 }
/// Cheap.
client<llm> Fast { provider openai retry_policy Twice options { model "gpt-4o" api_key "sk-secret" temperature 0.5 } }
template_string Hello(who: Person) #"Hello {{ who.name }}"#
/// Asks.
function Ask(person: Person, moods: Mood[] = []) -> Mood {
  client Fast
  prompt #"{{ Hello(person) }} {% for mood in moods %}{{ mood }}{% endfor %} {{ person.age }}"#
}
/// Fails at times.
function fail(n: int) -> int { if (n > 1) { throw "many" } n }
"""

CASES = {
    "function f() -> int { f‸ail(1) }": "function fail(n: int) -> int throws string\n---\nFails at times.",
    "function f(p: Per‸son) -> int { 1 }": (
        'class Person {\n  name string @alias("full_name")\n  age int?\n'
        "  function greet(self, other: Person) -> string\n}\n---\nSomebody."
    ),
    "function f(p: Person) -> string { p.na‸me }": (
        'Person.name: string @alias("full_name")\n---\nAs on the passport.'
    ),
    "function f(p: Person) -> string { p.gre‸et(p) }": (
        "// Person\nfunction greet(self, other: Person) -> string\n---\nSays hello."
    ),
    "function f(p‸: Person) -> int { 1 }": "p: Person",
    "function f(p: Person) -> int { let age = p.age; if (age == null) { return 0 } a‸ge }": "let age: int",
    "function f(p: Person) -> int { let a‸ge = p.age; 0 }": "let age: int?",
    "function f() -> Mood { Mo‸od.Calm }": "enum Mood {\n  Calm\n  Loud\n}\n---\nHow one feels.",
    "function f() -> Mood { Mood.Ca‸lm }": "Mood.Calm\n---\nNothing happens.",
    "function f(k: Kno‸wn) -> int { 1 }": "type Known = Person | Mood\n---\nEither.",
    "function f() -> int { LIM‸IT }": "const LIMIT: int = 3\n---\nThe most.",
    "function f(s: string) -> int { s.len‸gth() }": (
        "// baml.String\nfunction length(self) -> int\n---\nThe number of characters."
    ),
    "function f() -> string { env.US‸ER }": "env.USER: string\n---\nA variable of the environment.",
    "function f(p: Person) -> Mood { Ask(per‸son = p) }": "person: Person",
    "function f(p: Person) -> Mood { As‸k(p) }": (
        "function Ask(person: Person, moods: Mood[] = []) -> Mood throws "
        "baml.errors.AllAttemptsFailed | baml.errors.FinishReason | baml.errors.InvalidArgument"
    ),
    'function F(p: Person) -> Mood { client Fast prompt #"{{ ‸p.name }}"# }': "p: Person",
    'function F(p: Person) -> Mood { client Fast prompt #"{{ p.na‸me }}"# }': (
        'Person.name: string @alias("full_name")\n---\nAs on the passport.'
    ),
    'function F(p: Person[]) -> Mood { client Fast prompt #"{% for x in p %}{{ ‸x.name }}{% endfor %}"# }': "x: Person",
    'function F(p: Person) -> Mood { client Fast prompt #"{{ Hel‸lo(p) }}"# }': "template_string Hello(who: Person)",
    'function F(p: Person) -> Mood { client Fast prompt #"{{ ct‸x.output_format }}"# }': "ctx: ctx",
    'class A { x int @ali‸as("y") }': "@alias\n---\nThe name that a model reads and writes instead of this one.",
    "client<llm> C { provider anth‸ropic options { model x } }": (
        "provider anthropic\n---\nRequests in the wire format of anthropic to `https://api.anthropic.com`, "
        "with the key of `ANTHROPIC_API_KEY`."
    ),
    "client<llm> C { provider openai options { model x default_‸role user } }": (
        "default_role\n---\nThe role of text before any `_.role(…)`."
    ),
    "function f(p: Person) -> string { let a = ; p.na‸me }": (
        'Person.name: string @alias("full_name")\n---\nAs on the passport.'
    ),
}


@pytest.mark.parametrize("source_text", CASES)
async def test_hover(editor: Editor, source: Path, source_text: str) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(source_text)
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_hover_async(lsp.HoverParams(**at(uri, place)))
    assert found is not None and isinstance(found.contents, lsp.MarkupContent)
    signature, doc = CASES[source_text].partition("\n---\n")[::2]
    shown = found.contents.value
    if "Ask" in signature:
        shown = shown.partition("\n\nAsks.")[0]
    assert shown == f"```baml\n{signature}\n```" + (f"\n\n{doc}" if doc else "")
    editor.close(uri)


async def test_a_client_has_the_options_of_its_provider_and_no_key(editor: Editor, source: Path) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked('function F(p: Person) -> Mood { client Fa‸st prompt #"{{ p }}"# }')
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_hover_async(lsp.HoverParams(**at(uri, place)))
    assert found is not None and found.range is not None and excerpt(text, found.range) == "Fast"
    assert isinstance(found.contents, lsp.MarkupContent)
    assert found.contents.value == (
        "```baml\nclient<llm> Fast {\n  provider openai\n  retry_policy Twice  // max_retries 2, constant_delay\n"
        '  options {\n    model "gpt-4o"\n    api_key "…"\n    temperature 0.5\n'
        '    base_url "https://api.openai.com/v1"  // default\n    default_role "system"  // default\n'
        "    allowed_roles [system, user, assistant]  // default\n  }\n}\n```\n\nCheap."
    )


async def test_nothing_is_under_the_cursor(editor: Editor, source: Path) -> None:
    text, (place, after) = marked("function f() -> int { ‸ 1 }‸")
    uri = editor.open(source / "main.baml", text)
    for where in (place, after, lsp.Position(99, 99)):
        assert await editor.client.text_document_hover_async(lsp.HoverParams(**at(uri, where))) is None
    gone = lsp.HoverParams(**at("file:///gone.baml", place))
    assert await editor.client.text_document_hover_async(gone) is None
