"""Completion: what can stand at the cursor, in files that are broken there."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.editor import Editor, applied, at, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TYPES = """
/// Somebody.
class Person {
  /// As on the passport.
  name string
  tags map<string, int>
  friend Person?
  function greet(self) -> string { "x" }
}
enum Mood { Calm Loud }
type Known = Person | Mood
const LIMIT = 3
client<llm> Fast { provider openai options { model "gpt-4o" } }
retry_policy Twice { max_retries 2 }
template_string Hello(who: Person) #"Hello {{ who.name }}"#
function Ask(person: Person, mood: Mood) -> Mood { client Fast prompt #"{{ person }}"# }
"""

MEMBERS = "name:Field tags:Field friend:Field greet:Method"
FIELDS = "name:Field tags:Field friend:Field"
VARIANTS = "Calm:EnumMember Loud:EnumMember"
TYPE_NAMES = "Person:Class Mood:Enum Known:Interface int:Keyword string:Keyword image:Keyword map:Keyword"
PROVIDERS = (
    "openai:EnumMember anthropic:EnumMember openai-generic:EnumMember fallback:EnumMember round-robin:EnumMember"
)

CASES = {
    "function f(p: Person) -> int { p.‸ }": MEMBERS,
    "function f(p: Person) -> int { p.friend.‸ }": MEMBERS,
    "function f(p: Person) -> int { p.na‸ }": MEMBERS,
    "function f(p: Person) -> int { let n = foo(1, p.na‸\n let m = 3; m }": MEMBERS,
    "function f(p: Person) -> int { let n = p.name; let m = n.‸\n n }": "length:Method trim:Method",
    "function f(p: Person) -> int { [p].‸ }": "length:Method map:Method push:Method",
    "function f(p: Person) -> string { `hello ${p.‸}` }": MEMBERS,
    "function f(p: Person) -> int { if (p.friend == null) { return 1 }\n p.friend.‸\n}": MEMBERS,
    "function f(p: Person) -> int { p.friend?.‸ }": MEMBERS,
    "function f(p: Person) -> int { p.friend?.friend?.na‸ }": MEMBERS,
    "function f(xs: Person[]) -> string { xs.map((x) -> { x.‸ }) }": MEMBERS,
    "function f(p: Person) -> int { match (p) { Person { name: let n } => ‸ } }": "n:Variable p:Variable",
    "function f(p: Person) -> int { let n = 1; ‸ }": (
        "n:Variable p:Variable f:Function Ask:Function Person:Class Mood:Enum LIMIT:Constant let:Keyword return:Keyword"
    ),
    "function f(xs: int[]) -> int { for (let x in xs) { ‸ } }": "x:Variable xs:Variable",
    "function f() -> int { let g = (inner: int) -> int { ‸ }; 1 }": "inner:Variable",
    "function f(p: Person) -> Mood { Ask(‸": "person =:Property mood =:Property p:Variable",
    "function f(p: Person) -> Mood { Ask(p, ‸) }": "mood =:Property p:Variable",
    "function f() -> Mood { Mood.‸ }": VARIANTS,
    "function f(m: Mood) -> int { match (m) { Mood.‸ } }": VARIANTS,
    "function f(m: Mood) -> int { match (m) { ‸ } }": "Mood.Calm:EnumMember Mood.Loud:EnumMember _:Keyword",
    "function f(m: Mood) -> int { match (m) { Mood.Calm => 1, ‸ } }": "Mood.Loud:EnumMember",
    "function f(k: Known?) -> int { match (k) { x: Person => 1, ‸\n } }": (
        "Person:Class Mood.Calm:EnumMember null:Keyword"
    ),
    "function f() -> Person { Person { ‸ } }": FIELDS,
    'function f() -> Person { Person { name: "x", ‸ } }': FIELDS,
    "function f() -> int { baml.‸ }": "http:Module math:Module json:Module deep_copy:Function",
    "function f() -> int { baml.math.‸ }": "floor:Function ceil:Function max:Function",
    "function f() -> int { env.‸ }": "OPENAI_API_KEY:Variable get:Function",
    "function f(p: ‸) -> int { 1 }": TYPE_NAMES,
    "function f(p: Person | ‸) -> int { 1 }": TYPE_NAMES,
    "function f(p: map<string, ‸": TYPE_NAMES,
    "function f(p: Person) -> ‸": TYPE_NAMES,
    "function f() -> int { let x: ‸ = 1; x }": TYPE_NAMES,
    "function f(p: Known) -> int { if (p is ‸) { 1 } else { 2 } }": TYPE_NAMES,
    "function f(p: Known) -> int throws ‸ { 1 }": TYPE_NAMES,
    "class A { x ‸ }": TYPE_NAMES,
    "class A { x int | ‸\n y string }": TYPE_NAMES,
    "type X = ‸": TYPE_NAMES,
    "class A {\n x int\n ‸\n}": "function:Keyword",
    "class A { x int @‸ }": "alias:Property description:Property stream.done:Property",
    "class A { x int @stream.‸ }": "stream.done:Property stream.not_null:Property",
    "class A { x int\n @@‸ }": "dynamic:Property alias:Property",
    "enum A { X @‸ }": "skip:Property alias:Property",
    "class A { x Person @assert(ok, {{ this.‸ }}) }": FIELDS,
    "class A { x Person @assert(ok, {{ ‸": "this:Variable",
    "function F(x: int) -> int { client ‸ }": 'Fast:Module "openai/":Value',
    'function F(x: int) -> int { client "op‸ }': "openai/:Value anthropic/:Value",
    "function F(x: int) -> int { ‸ }": "client:Property prompt:Property x:Variable",
    'function F(p: Person) -> int { client Fast prompt #"a {{ ‸ }} b"# }': (
        "p:Variable ctx:Variable _:Variable Mood:Enum Hello:Function"
    ),
    'function F(p: Person) -> int { client Fast prompt #"a {{ p.‸ }} b"# }': FIELDS,
    'function F(p: Person) -> int { client Fast prompt #"\n  a {{ p.friend.na‸\n  "# }': FIELDS,
    'function F(p: Person[]) -> int { client Fast prompt #"{% for x in p %}{{ x.‸ }}{% endfor %}"# }': FIELDS,
    'function F(p: Person[]) -> int { client Fast prompt #"{% for x in p %}{{ ‸ }}{% endfor %}"# }': (
        "x:Variable loop:Variable p:Variable"
    ),
    'function F(p: Person[]) -> int { client Fast prompt #"{% for x in ‸ %}"# }': "p:Variable",
    'function F(p: Person) -> int { client Fast prompt #"{% if p.‸': FIELDS,
    'function F(p: int) -> int { client Fast prompt #"{{ ctx.‸ }}"# }': "client:Field output_format:Field tags:Field",
    'function F(p: int) -> int { client Fast prompt #"{{ ctx.client.‸ }}"# }': "name:Field provider:Field",
    'function F(p: int) -> int { client Fast prompt #"{{ _.‸"# }': "role:Function chat:Function",
    'function F(p: int) -> int { client Fast prompt #"{{ p|‸ }}"# }': "upper:Function regex_match:Function",
    'function F(p: int) -> int { client Fast prompt #"{% if p is ‸ %}"# }': "defined:Function odd:Function",
    'function F(p: int) -> int { client Fast prompt #"{% ‸ %}"# }': "for:Keyword if:Keyword set:Keyword",
    'function F(p: int) -> int { client Fast prompt #"{{ Mood.‸ }}"# }': VARIANTS,
    'function F(p: int) -> int { client Fast prompt #"{{ ctx.output_format(‸) }}"# }': "prefix:Property",
    'template_string T(p: Person) #"{{ p.‸ }}"#': FIELDS,
    "client<llm> C { ‸ }": "provider:Property options:Property retry_policy:Property",
    "client<llm> C {\n  provider ‸\n}": PROVIDERS,
    "client<llm> C {\n  provider openai-‸\n}": PROVIDERS,
    "client<llm> C {\n  provider openai\n  retry_policy ‸\n}": "Twice:Module",
    "client<llm> C {\n  provider anthropic\n  options {\n    ‸\n  }\n}": (
        "model:Property max_tokens:Property api_key:Property http:Property allowed_roles:Property"
    ),
    "client<llm> C {\n  options {\n    ‸\n  }\n  provider azure-openai\n}": "deployment_id:Property",
    "client<llm> C {\n  provider fallback\n  options {\n    strategy [Fast, ‸]\n  }\n}": "C:Module Fast:Module",
    "client<llm> C {\n  provider fallback\n  options {\n    ‸\n  }\n}": "strategy:Property http:Property",
    "client<llm> C {\n  provider openai\n  options {\n    api_key env.‸\n  }\n}": "env.OPENAI_API_KEY:Variable",
    "client<llm> C {\n  provider openai\n  options {\n    http { ‸ }\n  }\n}": "idle_timeout_ms:Property",
    "client<llm> C {\n  provider openai\n  options {\n    supports_streaming ‸\n  }\n}": "true:Keyword false:Keyword",
    "retry_policy R {\n max_retries 2\n strategy {\n type ‸\n }\n}": "exponential_backoff:Value",
    "retry_policy R {\n max_retries 2\n strategy {\n ‸\n }\n}": "delay_ms:Property",
    "generator g {\n  output_type ‸\n}": "python/pydantic:Value typescript:Value",
    "generator g {\n  ‸\n}": "output_type:Property output_dir:Property",
    "test T {\n functions [‸]\n}": "Ask:Function",
    "test T {\n functions [Ask]\n args {\n ‸\n }\n}": "mood:Variable person:Variable",
    "test T {\n functions [Ask]\n args {\n person {\n ‸\n }\n }\n}": FIELDS,
    "test T {\n functions [Ask]\n args {\n mood ‸\n }\n}": VARIANTS,
    "test T {\n ‸\n}": "functions:Property args:Property",
    "‸": "function:Keyword class:Keyword client<llm>:Keyword",
    "fun‸": "function:Keyword",
}

ABSENT = (
    "function f() -> int { // comment ‸\n 1 }",
    'function f() -> int { "str‸ing"; 1 }',
    'function F(p: int) -> int { client Fast prompt #"plain ‸ text"# }',
    'function F(p: int) -> int { client Fast prompt #"{# note ‸ #}"# }',
    "function f(p: Person) -> int { unknown.‸ }",
)


async def completed(editor: Editor, source: Path, text: str) -> tuple[str, list[lsp.CompletionItem]]:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(text)
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_completion_async(lsp.CompletionParams(**at(uri, place)))
    editor.close(uri)
    assert isinstance(found, lsp.CompletionList)
    return text, list(found.items)


@pytest.mark.parametrize("text", CASES)
async def test_what_is_offered(editor: Editor, source: Path, text: str) -> None:
    _, items = await completed(editor, source, text)
    found = [f"{each.label}:{lsp.CompletionItemKind(each.kind).name}" for each in items if each.kind]
    assert len(found) == len(set(found))
    expected = CASES[text].replace(" =:", "\0=:").split()
    assert {each.replace("\0", " ") for each in expected} <= set(found)
    if CASES[text] in (MEMBERS, FIELDS, VARIANTS) and "{ Person {" not in text.replace("  ", " "):
        of_object = "Person { " in text
        assert of_object or len(found) == len(expected)


@pytest.mark.parametrize("text", ABSENT)
async def test_where_nothing_is_offered(editor: Editor, source: Path, text: str) -> None:
    assert (await completed(editor, source, text))[1] == []


async def test_items_have_types_and_documentation(editor: Editor, source: Path) -> None:
    _, items = await completed(editor, source, "function f(p: Person) -> int { p.‸ }")
    found = {each.label: (each.detail, each.documentation) for each in items}
    assert found["name"] == ("string", lsp.MarkupContent(lsp.MarkupKind.Markdown, "As on the passport."))
    assert found["greet"][0] == "function greet(self) -> string"
    _, items = await completed(editor, source, "function f(p: Person) -> int { let n = [1]; ‸ }")
    shown = {each.label: each.detail for each in sorted(items, key=lambda each: str(each.sort_text))}
    assert list(shown)[:2] == ["n", "p"] and (shown["n"], shown["p"]) == ("let n: int[]", "p: Person")


@pytest.mark.parametrize(
    ("text", "label", "after"),
    [
        ("client<llm> C {\n  provider open‸\n}", "openai-generic", "client<llm> C {\n  provider openai-generic\n}"),
        ("class A { x int @stream.d‸ }", "stream.done", "class A { x int @stream.done }"),
        ('function F(x: int) -> int { client "op‸" }', "openai/", 'function F(x: int) -> int { client "openai/" }'),
    ],
)
async def test_words_with_signs_are_replaced_whole(
    editor: Editor, source: Path, text: str, label: str, after: str
) -> None:
    text, items = await completed(editor, source, text)
    edit = {each.label: each.text_edit for each in items}[label]
    assert isinstance(edit, lsp.TextEdit)
    assert applied(text, [edit]) == after


@pytest.mark.parametrize(
    ("text", "sign", "label"),
    [
        ("function F(x: int) -> int { client ‸ }", " ", "Fast"),
        ("client<llm> C {\n  provider ‸\n}", " ", "openai"),
        ('function F(x: int) -> int { client "‸" }', '"', "openai/"),
        ('function F(x: int) -> int { client Fast prompt #"{{ ‸ }}"# }', " ", "x"),
        ('function F(x: int) -> int { client Fast prompt #"{{‸}}"# }', "{", "x"),
        ("function f() -> int { let x = ‸ }", " ", None),
        ("function f() -> int {‸ }", "{", None),
        ('function f() -> string { "‸" }', '"', None),
    ],
)
async def test_blanks_and_braces_offer_something_only_after_a_key(
    editor: Editor, source: Path, text: str, sign: str, label: str | None
) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(text)
    uri = editor.open(source / "main.baml", text)
    context = lsp.CompletionContext(lsp.CompletionTriggerKind.TriggerCharacter, sign)
    found = await editor.client.text_document_completion_async(lsp.CompletionParams(context=context, **at(uri, place)))
    editor.close(uri)
    assert isinstance(found, lsp.CompletionList)
    labels = [each.label for each in found.items]
    assert label in labels if label is not None else labels == []
