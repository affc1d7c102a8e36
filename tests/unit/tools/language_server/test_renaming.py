"""Rename: every place or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from tests.support.editor import Editor, applied, at, excerpt, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TYPES = """class Person { name string  next Person? }
enum Mood { Calm Loud }
client<llm> Fast { provider openai options { model "gpt-4o" } }
function Ask(person: Person) -> Mood { client Fast prompt #"{{ person.name }} {{ Mood.Calm }}"# }
"""


@pytest.mark.parametrize(
    ("text", "new", "main", "types"),
    [
        (
            "function f(p: Person) -> string { p.na‸me }",
            "label",
            "function f(p: Person) -> string { p.label }",
            TYPES.replace("name", "label"),
        ),
        (
            "function f(p: Person) -> Mood { Ask(per‸son = p) }",
            "who",
            "function f(p: Person) -> Mood { Ask(who = p) }",
            TYPES.replace("person", "who"),
        ),
        (
            "function f(name‸: string) -> Person { Person { name } }",
            "given",
            "function f(given: string) -> Person { Person { name: given } }",
            TYPES,
        ),
        (
            "function f(name: string) -> Person { let p = Person { name }; p.na‸me; p }",
            "given",
            "function f(name: string) -> Person { let p = Person { given: name }; p.given; p }",
            TYPES.replace("name", "given"),
        ),
        (
            "function f(p: Mo‸od[]) -> map<Mood, int> { {} }",
            "Feeling",
            "function f(p: Feeling[]) -> map<Feeling, int> { {} }",
            TYPES.replace("Mood", "Feeling"),
        ),
        (
            "function f() -> Mood { Mood.Ca‸lm }",
            "Quiet",
            "function f() -> Mood { Mood.Quiet }",
            TYPES.replace("Calm", "Quiet"),
        ),
        (
            'function F(x: int) -> int { client Fa‸st prompt #"{{ x }}"# }',
            "gpt-4o",
            'function F(x: int) -> int { client gpt-4o prompt #"{{ x }}"# }',
            TYPES.replace("Fast", "gpt-4o"),
        ),
        (
            'function F(x: int) -> int { client Fast prompt #"{% set 😀 = 1 %}{% set y = x %}{{ ‸y }}"# }'.replace(
                "😀", "z"
            ),
            "w",
            'function F(x: int) -> int { client Fast prompt #"{% set z = 1 %}{% set w = x %}{{ w }}"# }',
            TYPES,
        ),
        (
            "class A { x int  function m(self) -> int { 1 } }\nclass B { function m(self) -> int { 2 } }\n"
            "function f(v: A | B) -> int { v.‸m() }",
            "n",
            "class A { x int  function n(self) -> int { 1 } }\nclass B { function n(self) -> int { 2 } }\n"
            "function f(v: A | B) -> int { v.n() }",
            TYPES,
        ),
    ],
)
async def test_rename(editor: Editor, source: Path, text: str, new: str, main: str, types: str) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(text)
    uri, other = editor.open(source / "main.baml", text), (source / "types.baml").as_uri()
    prepared = await editor.client.text_document_prepare_rename_async(lsp.PrepareRenameParams(**at(uri, place)))
    assert isinstance(prepared, lsp.PrepareRenamePlaceholder)
    assert excerpt(text, prepared.range) == prepared.placeholder
    edit = await editor.client.text_document_rename_async(lsp.RenameParams(new_name=new, **at(uri, place)))
    assert edit is not None and edit.changes is not None
    assert applied(text, edit.changes.get(uri, [])) == main
    assert applied(TYPES, edit.changes.get(other, [])) == types
    editor.close(uri)


@pytest.mark.parametrize(
    ("text", "new", "why"),
    [
        ("function f(p: Person) -> string { p.na‸me }", "next", "means something else"),
        ("function f(p: Pe‸rson) -> int { 1 }", "Mood", "means something else"),
        ("function f(a: int) -> int { let ‸b = 1; a + b }", "a", "means something else"),
        ("function f(p: Pe‸rson) -> int { 1 }", "if", "word of the language"),
        ("function f(p: Pe‸rson) -> int { 1 }", "a b", "not a name"),
        ("function f(s: string) -> int { s.len‸gth() }", "size", "built in"),
        ("function f() -> string { env.HO‸ME }", "X", "variable of the environment"),
    ],
)
async def test_what_cannot_be_renamed(editor: Editor, source: Path, text: str, new: str, why: str) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(text)
    uri = editor.open(source / "main.baml", text)
    with pytest.raises(JsonRpcException) as refused:
        await editor.client.text_document_rename_async(lsp.RenameParams(new_name=new, **at(uri, place)))
    expected = ("would mean something else", "more errors") if why == "means something else" else (why,)
    assert any(each in str(refused.value) for each in expected)
    editor.close(uri)
