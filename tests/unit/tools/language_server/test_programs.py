"""One program: whatever is typed, what the server knows is what a check of the whole text finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types as lsp

import bamlvm
from bamlvm.tools.language_server.features import FEATURES
from bamlvm.tools.language_server.positions import Place, Text
from bamlvm.tools.language_server.programs import Program
from bamlvm.tools.language_server.workspace import Change, Workspace

pytestmark = pytest.mark.slow

MAIN: Final = """/// Doc 😀
class Person { name string @alias("x")  tags map<string, int> @assert(ok, {{ this|length > 0 }}) }
client<llm> Fast { provider openai options { model gpt-4o api_key env.KEY } }
function Ask(person: Person, n: int = 1) -> Mood {
  client Fast
  prompt #"
    {{ _.role("user") }} {% for tag in person.tags %}{{ tag|upper }}{% endfor %} {{ ctx.output_format }}
  "#
}
function f(p: Person) -> int throws string {
  let mood = Ask(p, n = 2);
  let text = `n ${p.name.length()}`;
  let copy = Person { ...p, name: text };
  for (let each in copy.tags.keys()) { if (each == "a") { throw "b" } else { continue } }
  match (mood) { Mood.Calm => 1, _ => 2 }
}
test T { functions [Ask] args { person { name "x" tags {} } } @@check(calm, {{ this == Mood.Calm }}) }
"""
OTHER: Final = "enum Mood { Calm Loud @skip }\ntype Known = Person | Mood\nconst LIMIT = 3\n"
PIECES: Final = (
    *("", "x", "}", "{", "(", ")", '"', '#"', '"#', "\n", "\r\n", ".", "|", "@", "{{ ", " }}", "{% if x %}", ";", "`"),
    *("class A { x int }", "function f() -> int { 1 }", "Person", "😀", "é", "//", "/*", "let y = ", "Mood.", "env."),
)

edits = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 900), st.integers(0, 12), st.sampled_from(PIECES)), max_size=6
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_any_edits_leave_what_the_whole_text_has(edits: list[tuple[int, int, int, str]], encoding: Any) -> None:
    workspace = Workspace(encoding)
    texts = ["", ""]
    uris = ["untitled:main", "untitled:other"]
    program = Program("", encoding)
    for place, text in enumerate((MAIN, OTHER)):
        texts[place] = text
        program.open(uris[place], Text(text, encoding))
        workspace.open(uris[place], 1, text)
    program.check()
    for version, (place, start, length, piece) in enumerate(edits, 2):
        text = texts[place]
        start, end = min(start, len(text)), min(start + length, len(text))
        mapped = Text(text, encoding)
        first, last = mapped.place(start), mapped.place(end)
        start, end = mapped.offset(*first), mapped.offset(*last)  # nobody edits the middle of a line end
        texts[place] = text[:start] + piece + text[end:]
        workspace.change(uris[place], version, [Change(Place(*first), Place(*last), piece)])
        document = workspace.document(uris[place])
        assert document is not None and document.text.text == texts[place]
        program.open(uris[place], document.text)
        if version % 2:
            program.model()
        found = [each for path in program.check().diagnostics.values() for each in path]
        assert found == list(bamlvm.check(dict(zip(uris, texts, strict=True))).diagnostics)


def request(method: str, uri: str, line: int, column: int) -> Any:
    """The parameters of any request about a place."""
    document = lsp.TextDocumentIdentifier(uri)
    place = lsp.Position(line, column)
    where = lsp.Range(lsp.Position(max(line - 2, 0), 0), lsp.Position(line + 1, 0))
    special: dict[str, Any] = {
        lsp.TEXT_DOCUMENT_REFERENCES: lsp.ReferenceParams(
            context=lsp.ReferenceContext(True), text_document=document, position=place
        ),
        lsp.TEXT_DOCUMENT_COMPLETION: lsp.CompletionParams(document, place),
        lsp.TEXT_DOCUMENT_RENAME: lsp.RenameParams(new_name="renamed", text_document=document, position=place),
        lsp.TEXT_DOCUMENT_CODE_ACTION: lsp.CodeActionParams(document, where, lsp.CodeActionContext([])),
        lsp.TEXT_DOCUMENT_INLAY_HINT: lsp.InlayHintParams(document, where),
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: lsp.SemanticTokensRangeParams(document, where),
        lsp.TEXT_DOCUMENT_SELECTION_RANGE: lsp.SelectionRangeParams(document, [place]),
        lsp.WORKSPACE_SYMBOL: lsp.WorkspaceSymbolParams("a"),
    }
    return special.get(method) or lsp.HoverParams(document, place)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(MAIN)), st.integers(0, 40), st.sampled_from(PIECES), st.integers(-30, 60))
def test_every_request_has_an_answer_in_a_broken_file(start: int, length: int, piece: str, distance: int) -> None:
    workspace = Workspace("utf-16")
    text = MAIN[:start] + piece + MAIN[start + length :] + OTHER
    workspace.open("untitled:x", 1, text)
    place = Text(text, "utf-16").place(min(max(start + distance, 0), len(text)))
    for each in FEATURES:
        try:
            each.answer(workspace, request(each.method, "untitled:x", *place))
        except Exception as error:
            if type(error).__name__ != "RenameError":
                raise


def test_every_request_has_an_answer_at_every_place() -> None:
    workspace = Workspace("utf-16")
    workspace.open("untitled:x", 1, MAIN + OTHER)
    text = Text(MAIN + OTHER, "utf-16")
    for offset in range(0, len(text.text) + 1, 3):
        for each in FEATURES:
            if each.is_patient and offset % 90:
                continue  # about the whole document
            try:
                each.answer(workspace, request(each.method, "untitled:x", *text.place(offset)))
            except Exception as error:
                assert type(error).__name__ == "RenameError", error


def test_a_huge_file_is_edited_and_asked_about() -> None:
    text = "".join(f"function f{n}(x: int) -> int {{ let y = x + {n}; y }}\n" for n in range(3000))
    workspace = Workspace("utf-16")
    workspace.open("untitled:x", 1, text)
    column = text.splitlines()[2999].index("let")
    workspace.change("untitled:x", 2, [Change(Place(2999, column), Place(2999, column), "let z = y;")])
    file = workspace.file("untitled:x")
    assert file is not None and [each.code for each in file.program.check().diagnostics["untitled:x"]] == ["E0003"]
    for each in FEATURES:
        each.answer(workspace, request(each.method, "untitled:x", 2999, 50))


def test_diagnostics_are_kept_for_the_next_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAMLVM_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "baml_src"
    folder.mkdir()
    (folder / "a.baml").write_text("function f() -> int { x }")
    first = Program(str(folder), "utf-16")
    found = first.diagnostics()
    assert [each.code for each in found[str(folder / "a.baml")]] == ["E0003"]
    again = Program(str(folder), "utf-16")
    assert again.diagnostics() == found
    again.open(str(folder / "a.baml"), Text("function f() -> int { 1 }", "utf-16"))
    assert again.diagnostics() == {str(folder / "a.baml"): []}
    (folder / "a.baml").write_text("function f() -> int { 1 } //")
    again.close(str(folder / "a.baml"))
    assert again.diagnostics() == {str(folder / "a.baml"): []}
