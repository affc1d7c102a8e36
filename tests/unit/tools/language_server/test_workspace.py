"""Which program a file belongs to, and what buffers, disk and folders have to do with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bamlvm.tools.language_server.positions import Place
from bamlvm.tools.language_server.workspace import Change, Workspace

ONE = "function one() -> int { two() }\n"
TWO = "function two() -> int { 2 }\n"


def codes(workspace: Workspace) -> dict[str, list[str]]:
    """The codes of every file's diagnostics, by file name."""
    found: dict[str, list[str]] = {}
    for program in workspace.programs:
        for path, diagnostics in program.check().diagnostics.items():
            found[os.path.basename(path)] = [each.code for each in diagnostics]
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "baml_src"
    folder.mkdir()
    return folder


def test_a_buffer_goes_over_the_file_on_disk(source: Path) -> None:
    (source / "one.baml").write_text(ONE)
    (source / "two.baml").write_text("")
    workspace = Workspace("utf-16")
    uri = (source / "two.baml").as_uri()
    workspace.open(uri, 1, TWO)
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    workspace.change(uri, 2, [Change(Place(0, 9), Place(0, 12), "too")])
    assert codes(workspace) == {"one.baml": ["E0003"], "two.baml": []}
    workspace.close(uri)
    assert codes(workspace) == {"one.baml": ["E0003"], "two.baml": []}


def test_a_file_that_was_never_saved_belongs_to_its_folder(source: Path) -> None:
    (source / "one.baml").write_text(ONE)
    workspace = Workspace("utf-16", [source.parent.as_uri()])
    workspace.discover()
    assert codes(workspace) == {"one.baml": ["E0003"]}
    uri = (source / "sub" / "two.baml").as_uri()
    workspace.open(uri, 1, TWO)
    (source / "sub").mkdir()
    workspace.refresh()
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    workspace.close(uri)
    assert codes(workspace) == {"one.baml": ["E0003"]}


def test_files_come_change_and_go(source: Path) -> None:
    (source / "one.baml").write_text(ONE)
    workspace = Workspace("utf-16", [source.parent.as_uri()])
    workspace.discover()
    assert codes(workspace) == {"one.baml": ["E0003"]}
    (source / "two.baml").write_text(TWO)
    workspace.refresh()
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    (source / "two.baml").rename(source / "three.baml")
    workspace.refresh()
    assert codes(workspace) == {"one.baml": [], "three.baml": []}
    (source / "three.baml").unlink()
    workspace.refresh()
    assert codes(workspace) == {"one.baml": ["E0003"]}


def test_a_file_outside_of_a_project_is_a_program_of_its_own(tmp_path: Path, source: Path) -> None:
    (source / "one.baml").write_text(ONE)
    (tmp_path / "loose.baml").write_text(TWO)
    workspace = Workspace("utf-16", [tmp_path.as_uri()])
    workspace.discover()
    workspace.open((tmp_path / "loose.baml").as_uri(), 1, TWO)
    workspace.open("untitled:Untitled-1", 1, "function three() -> int { two() }")
    assert codes(workspace) == {"one.baml": ["E0003"], "loose.baml": [], "untitled:Untitled-1": ["E0003"]}
    workspace.close("untitled:Untitled-1")
    workspace.close((tmp_path / "loose.baml").as_uri())
    assert codes(workspace) == {"one.baml": ["E0003"]}


def test_a_folder_of_the_editor_that_just_holds_files_is_a_program(tmp_path: Path) -> None:
    (tmp_path / "one.baml").write_text(ONE)
    (tmp_path / "two.baml").write_text(TWO)
    workspace = Workspace("utf-16", [tmp_path.as_uri()])
    workspace.open((tmp_path / "one.baml").as_uri(), 1, ONE)
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    elsewhere = Workspace("utf-16")
    elsewhere.open((tmp_path / "one.baml").as_uri(), 1, ONE)
    assert codes(elsewhere) == {"one.baml": ["E0003"]}


def test_a_project_that_appears_takes_its_documents(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "two.baml").write_text(TWO)
    workspace = Workspace("utf-16", [tmp_path.as_uri()])
    workspace.open((folder / "one.baml").as_uri(), 1, ONE)
    assert codes(workspace) == {"one.baml": ["E0003"]}
    (tmp_path / "bamlvm.toml").write_text('source = "prompts"\nlevels = { E0101 = "off" }\n')
    workspace.refresh()
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    assert [program.settings.levels for program in workspace.programs] == [{"E0101": "off"}]


def test_settings_that_cannot_be_read_are_a_problem_and_no_more(source: Path) -> None:
    (source / "one.baml").write_text(ONE)
    (source / "two.baml").write_text(TWO)
    (source.parent / "bamlvm.toml").write_text("levels = 3\n")
    workspace = Workspace("utf-16", [source.parent.as_uri()])
    workspace.open((source / "one.baml").as_uri(), 1, ONE)
    assert codes(workspace) == {"one.baml": [], "two.baml": []}
    (program,) = workspace.programs
    (problem,) = program.problems().values()
    assert "bamlvm.toml: Expected `object`, got `int`" in problem
    (source.parent / "bamlvm.toml").write_text("strict = true\n")
    workspace.refresh()
    assert program.problems() == {} and program.settings.strict


def test_two_folders_are_two_programs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "baml_src").mkdir(parents=True)
        (tmp_path / name / "baml_src" / f"{name}.baml").write_text(ONE if name == "a" else TWO)
    workspace = Workspace("utf-16", [(tmp_path / "a").as_uri()])
    workspace.add_folders([(tmp_path / "b").as_uri()])
    assert codes(workspace) == {"a.baml": ["E0003"], "b.baml": []}
    workspace.remove_folders([(tmp_path / "a").as_uri()])
    assert codes(workspace) == {"b.baml": []}


def test_what_is_no_text_is_a_problem_of_its_own(source: Path) -> None:
    (source / "bad.baml").write_bytes(b"function f() -> string { \xff }")
    (source / "one.baml").write_text(TWO)
    workspace = Workspace("utf-16", [source.parent.as_uri()])
    workspace.discover()
    (program,) = workspace.programs
    assert codes(workspace) == {"bad.baml": [], "one.baml": []}
    assert list(program.problems().values()) == [
        "not UTF-8 text: invalid start byte at byte 25, on line 1; save it as UTF-8"
    ]
    workspace.open((source / "bad.baml").as_uri(), 1, ONE.replace("one", "f"))
    assert program.problems() == {}


@pytest.mark.parametrize("text", ["\ufeff" + ONE + TWO, (ONE + TWO).replace("\n", "\r\n"), ONE + TWO + "// 😀 \ud83d"])
def test_marks_line_ends_and_halves_of_characters(source: Path, text: str) -> None:
    workspace = Workspace("utf-16")
    workspace.open((source / "one.baml").as_uri(), 1, text)
    assert codes(workspace) == {"one.baml": []}
